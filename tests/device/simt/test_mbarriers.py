"""``mbarrier``: counts, phases, what it orders, and what PTX does not allow.

Each right pattern is clean in every schedule; with any one of its synchronisations left out it is
found in the plain one already.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.device.evidence import FindingKind
from grader.errors import UnsupportedByDevice
from tests.device.kernels import Outcome, run

THREADS = 64
OUT = np.zeros(THREADS, dtype=np.uint32)
SCHEDULES = range(9)

# One mbarrier (%r1); a word of shared memory for each thread (%r2), and its neighbour's (%r4).
PLACES = """
    .shared .align 8 .b8 m[32]; .shared .align 16 .b8 s[1024];
    .reg .b64 %s<4>;
    mov.u32 %r1, m; mov.u32 %r9, s; mad.lo.u32 %r2, %t, 4, %r9;
    add.u32 %r3, %t, 33; rem.u32 %r3, %r3, %n; mad.lo.u32 %r4, %r3, 4, %r9;
    setp.eq.u32 %p7, %t, 0;
"""
BEGIN = "@%p7 mbarrier.init.shared.b64 [%r1], %n;"
SYNC = "bar.sync 0;"
ARRIVE = "mbarrier.arrive.shared.b64 %s0, [%r1];"
WAIT = "W{n}: mbarrier.test_wait.shared.b64 %p1, [%r1], %s0; @!%p1 bra W{n};"
WAIT_PARITY = "W{n}: mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], {p}; @!%p1 bra W{n};"
RESULT = "ld.shared.u32 %r0, [%r4]; st.global.u32 [%o], %r0;"


def mbarrier(*parts: str, **how: Any) -> Outcome:
    how.setdefault("block", (THREADS, 1, 1))
    return run(PLACES + " ".join(parts), [OUT, np.arange(THREADS, dtype=np.uint32) * 3], **how)


def sends(*, leave_out: int = -1, wait: str = WAIT.format(n=0)) -> list[str]:
    """Each thread gives a number to its neighbour, in two phases."""
    again = wait.replace("W0", "W1").replace(", 0;", ", 1;")
    parts = [
        BEGIN,
        SYNC,
        "st.shared.u32 [%r2], 7;",
        ARRIVE,
        wait,
        "ld.shared.u32 %r7, [%r4];",
        ARRIVE,
        again,
        "st.shared.u32 [%r2], %t;",
        SYNC,
        RESULT,
    ]
    return [part for k, part in enumerate(parts) if k != leave_out]


NEIGHBOURS = [(t + 33) % THREADS for t in range(THREADS)]
WAITS = [
    WAIT.format(n=0),
    WAIT_PARITY.format(n=0, p=0),
    WAIT.format(n=0).replace("test_wait", "test_wait.acquire.cta"),
    WAIT.format(n=0).replace("test_wait", "try_wait").replace("%s0", "%s0, 20"),
]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("wait", WAITS)
def test_it_orders_who_arrived_before_who_saw_the_phase_complete(schedule: int, wait: str) -> None:
    outcome = mbarrier(*sends(wait=wait), schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == NEIGHBOURS


@pytest.mark.parametrize(
    ("left_out", "kind"),
    [
        (0, FindingKind.MBARRIER_MISUSE),
        (1, FindingKind.RACE),
        (3, FindingKind.MBARRIER_STATE),  # the second wait has no state of the first phase
        (4, FindingKind.RACE),
        (6, FindingKind.RACE),  # the second wait asks for the first phase, which is complete
        (7, FindingKind.RACE),
        (9, FindingKind.RACE),
    ],
)
def test_each_synchronisation_that_is_left_out_is_found(left_out: int, kind: FindingKind) -> None:
    assert kind in mbarrier(*sends(leave_out=left_out)).kinds


def test_an_arrival_that_is_left_out_by_one_thread_leaves_all_waiting() -> None:
    parts = sends(wait=WAIT_PARITY.format(n=0, p=0))
    parts[3] = "@%p7 bra W0; " + parts[3]
    outcome = mbarrier(*parts)
    assert (outcome.result, outcome.kinds) == (702, [FindingKind.BARRIER_DIVERGENCE])
    assert outcome.findings[0].count == THREADS


@pytest.mark.parametrize("relaxed", ["arrive", "wait"])
def test_relaxed_forms_order_nothing(relaxed: str) -> None:
    parts = sends()
    if relaxed == "arrive":
        parts[3] = ARRIVE.replace("arrive", "arrive.relaxed.cta")
    else:
        parts[4] = WAIT.format(n=0).replace("test_wait", "test_wait.relaxed.cta")
    assert mbarrier(*parts).kinds == [FindingKind.RACE]


def test_blocks_have_mbarriers_of_their_own_and_take_over_the_places_of_others() -> None:
    blocks = 40
    out = np.zeros(THREADS * blocks, dtype=np.uint32)
    outcome = run(PLACES + " ".join(sends()), [out], block=(THREADS, 1, 1), grid=(blocks, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == NEIGHBOURS * blocks


def test_blocks_of_different_waves_still_race() -> None:
    """With mbarriers fewer blocks are in flight at once."""
    body = PLACES + BEGIN + "@%p7 st.global.u32 [%a0], %b;"
    outcome = run(body, [OUT], block=(THREADS, 1, 1), grid=(40, 1, 1))
    assert outcome.kinds == [FindingKind.RACE]


# ---- counts ----

ONE = "@!%p7 exit;"


def alone(*parts: str, result: str = "%r0") -> list[int]:
    """What one thread finds, and leaves in ``result``."""
    outcome = mbarrier(ONE, *parts, f"st.global.u32 [%o], {result};", block=(32, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    return outcome.buffers[0].tolist()[:1]


def test_the_pending_count_of_a_state_is_that_before_the_arrival() -> None:
    body = """
        mbarrier.init.shared::cta.b64 [%r1], 5;
        mbarrier.arrive.noComplete.shared.b64 %s0, [%r1], 2;
        mbarrier.arrive_drop.noComplete.release.cta.shared.b64 %s1, [%r1], 1;
        mbarrier.pending_count.b64 %r5, %s0; mbarrier.pending_count.b64 %r6, %s1;
        mad.lo.u32 %r0, %r5, 100, %r6;
    """
    assert alone(body) == [503]


def test_a_phase_is_complete_after_so_many_arrivals_and_the_next_begins() -> None:
    """Bits: after one arrival of two, after both, after one of the next phase, after both."""
    body = "mbarrier.init.shared.b64 [%r1], 2; mov.u32 %r0, 0;"
    for parity in (0, 0, 1, 1):
        body += f"""
            mbarrier.arrive.shared.b64 _, [%r1];
            mbarrier.test_wait.parity.shared.b64 %p1, [%r1], {parity};
            selp.u32 %r5, 1, 0, %p1; mad.lo.u32 %r0, %r0, 2, %r5;
        """
    assert alone(body) == [0b0101]


def test_a_thread_that_drops_out_is_not_waited_for_again() -> None:
    body = """
        mbarrier.init.shared.b64 [%r1], 3;
        mbarrier.arrive_drop.shared.b64 _, [%r1]; mbarrier.arrive.shared.b64 _, [%r1], 2;
        mbarrier.arrive.shared.b64 %s0, [%r1], 2;
        mbarrier.test_wait.shared.b64 %p1, [%r1], %s0; selp.u32 %r0, 1, 0, %p1;
    """
    assert alone(body) == [1]


def test_transactions_hold_a_phase_up() -> None:
    """Bits: after the arrival, after some of the bytes, after all."""
    test = """
        mbarrier.test_wait.shared.b64 %p1, [%r1], %s0;
        selp.u32 %r5, 1, 0, %p1; mad.lo.u32 %r0, %r0, 2, %r5;
    """
    body = f"""
        mbarrier.init.shared.b64 [%r1], 1; mov.u32 %r0, 0;
        mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r1], 4;
        mbarrier.arrive.expect_tx.shared.b64 %s0, [%r1], 12; {test}
        mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [%r1], 10; {test}
        mbarrier.complete_tx.shared.b64 [%r1], 6; {test}
    """
    assert alone(body) == [0b001]


def test_the_memory_of_an_mbarrier_is_free_once_it_has_ended() -> None:
    body = """
        mbarrier.init.shared.b64 [%r1], 1; mbarrier.inval.shared.b64 [%r1];
        st.shared.u64 [%r1], 7; ld.shared.u32 %r0, [%r1];
        mbarrier.init.shared.b64 [%r1], 1;
    """
    assert alone(body) == [7]


def test_a_generic_address_will_do() -> None:
    body = """
        cvt.u64.u32 %rd1, %r1; cvta.shared.u64 %rd1, %rd1; mbarrier.init.b64 [%rd1], 1;
        mbarrier.arrive.b64 %s0, [%rd1]; mbarrier.test_wait.b64 %p1, [%rd1], %s0;
        selp.u32 %r0, 1, 0, %p1;
    """
    assert alone(body) == [1]


# ---- what PTX does not allow ----

START = "mbarrier.init.shared.b64 [%r1], 2;"
ENDS = [
    ("mbarrier.arrive.shared.b64 _, [%r1];", "used an mbarrier where none had begun"),
    ("mbarrier.test_wait.parity.shared.b64 %p1, [%r1], 0;", "where none had begun"),
    ("mbarrier.inval.shared.b64 [%r1];", "where none had begun"),
    (START + "mbarrier.inval.shared.b64 [%r1]; mbarrier.arrive.shared.b64 _, [%r1];", "none had"),
    ("mbarrier.init.shared.b64 [%r1], 0;", "that waits for 0 arrivals"),
    ("mbarrier.init.shared.b64 [%r1], 1048576;", "that waits for 1048576 arrivals"),
    (START + "mbarrier.arrive.shared.b64 _, [%r1], 3;", "waits for 2 arrivals more"),
    (START + "mbarrier.complete_tx.shared.b64 [%r1], 1048576;", "the tx-count"),
    ("cvt.u64.u32 %rd1, %t; mbarrier.init.b64 [%a0], 1;", "that is not in shared memory"),
]


@pytest.mark.parametrize(("body", "said"), ENDS)
def test_what_leaves_nothing_to_go_on_with_ends_the_launch(body: str, said: str) -> None:
    outcome = mbarrier(ONE, body)
    assert (outcome.result, outcome.kinds) == (719, [FindingKind.MBARRIER_MISUSE])
    assert said in outcome.findings[0].message


MISUSE = FindingKind.MBARRIER_MISUSE
OTHERS = [
    (START + START, FindingKind.MBARRIER_REUSE, "began an mbarrier where one is"),
    (START + "mbarrier.arrive.noComplete.shared.b64 %s0, [%r1], 2;", MISUSE, ".noComplete"),
    (
        START + "mov.u64 %s0, 64; mbarrier.test_wait.shared.b64 %p1, [%r1], %s0;",
        FindingKind.MBARRIER_STATE,
        "for a state",
    ),
    (START + "st.shared.u32 [%r1+4], 0;", MISUSE, "wrote cell 1 of shared array 1, which is part"),
    (START + "atom.shared.add.u32 %r0, [%r1], 1;", MISUSE, "updated atomically cell 0"),
]


@pytest.mark.parametrize(("body", "kind", "said"), OTHERS)
def test_what_does_not_is_told(body: str, kind: FindingKind, said: str) -> None:
    outcome = mbarrier(ONE, body)
    assert (outcome.result, outcome.kinds) == (0, [kind])
    assert said in outcome.findings[0].message


def test_a_state_of_two_phases_ago_is_told() -> None:
    body = "mbarrier.init.shared.b64 [%r1], 1; mbarrier.arrive.shared.b64 %s0, [%r1];"
    ask = "mbarrier.test_wait.shared.b64 %p1, [%r1], %s0;"
    more = "mbarrier.arrive.shared.b64 _, [%r1];"
    assert mbarrier(ONE, body, ask).findings == ()
    assert mbarrier(ONE, body, more, ask).kinds == [FindingKind.MBARRIER_STATE]


@pytest.mark.parametrize("wait", [WAITS[0], WAITS[2], WAITS[3]])
def test_who_asks_once_may_ask_too_early(wait: str) -> None:
    """Side by side all have arrived when the first one asks; one by one they have not."""
    parts = sends(wait=wait.partition("@!")[0])
    assert FindingKind.RACE in mbarrier(*parts).kinds


KNOWS = [SYNC, "bar.warp.sync -1;", "atom.shared.add.u32 %r8, [%r9+1000], 0;"]


@pytest.mark.parametrize("knows", KNOWS)
def test_who_may_know_that_all_have_arrived_need_ask_once_only(knows: str) -> None:
    """One that all arrivals come before; of others, too, the answer is then what it is."""
    parts = sends()
    parts[4] = knows + " " + WAIT.partition("@!")[0].format(n=0) + " @!%p1 trap;"
    outcome = mbarrier(*parts)
    assert FindingKind.TRAP not in outcome.kinds


def test_the_last_to_arrive_is_told_at_once() -> None:
    body = "mbarrier.init.shared.b64 [%r1], 1; mbarrier.arrive.shared.b64 %s0, [%r1];"
    ask = "mbarrier.test_wait.shared.b64 %p1, [%r1], %s0; @!%p1 trap;"
    assert mbarrier(ONE, body, ask).findings == ()


AGAIN = "@%p7 mbarrier.init.shared.b64 [%r1], %n;\n"
AS_GIVEN = "mov.u64 %s0, 64;"
"""What some ask for in the place of a state."""


def begins_again(*, leave_out: int = -1) -> list[str]:
    """Two phases, between which the mbarrier begins again: a barrier behind, and none before."""
    arrive = "mbarrier.arrive.shared.b64 %s1, [%r1];\n"
    wait = "W{n}: mbarrier.test_wait.shared.b64 %p1, [%r1], %s0;\n@!%p1 bra W{n};\n"
    parts = [AS_GIVEN, BEGIN + "\n", SYNC, arrive, wait.format(n=0), AGAIN, SYNC]
    parts += [arrive, wait.format(n=1), AGAIN, SYNC, "st.global.u32 [%o], %t;"]
    return [part for k, part in enumerate(parts) if k != leave_out]


TOLERATED = {FindingKind.MBARRIER_REUSE, FindingKind.MBARRIER_STATE}


def test_a_wait_that_meets_one_that_begins_it_again_is_that_mistake_and_no_race() -> None:
    outcome = mbarrier(*begins_again())
    assert (outcome.result, set(outcome.kinds)) == (0, TOLERATED)
    met = [each for each in outcome.findings if each.other_access == "read"]
    assert {each.kind for each in met} == {FindingKind.MBARRIER_REUSE}
    assert met


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_order_makes_a_race_of_it(schedule: int) -> None:
    outcome = mbarrier(*begins_again(), schedule=schedule)
    assert set(outcome.kinds) - {FindingKind.BARRIER_DIVERGENCE} == TOLERATED


@pytest.mark.parametrize(
    ("left_out", "kind"),
    [
        (1, FindingKind.MBARRIER_MISUSE),
        (2, FindingKind.RACE),
        (3, FindingKind.BARRIER_DIVERGENCE),
        (4, FindingKind.RACE),
        (5, FindingKind.BARRIER_DIVERGENCE),
        (6, FindingKind.RACE),
        (7, FindingKind.BARRIER_DIVERGENCE),
        (8, FindingKind.RACE),
    ],
)
def test_what_is_left_out_beside_it_is_found(left_out: int, kind: FindingKind) -> None:
    assert kind in mbarrier(*begins_again(leave_out=left_out)).kinds


def test_an_mbarrier_that_was_overwritten_is_none() -> None:
    outcome = mbarrier(ONE, START, "st.shared.u64 [%r1], 2; mbarrier.arrive.shared.b64 _, [%r1];")
    assert (outcome.result, outcome.kinds) == (719, [FindingKind.MBARRIER_MISUSE] * 2)
    assert "had overwritten" in outcome.findings[1].message


def test_all_threads_begin_one() -> None:
    assert FindingKind.MBARRIER_MISUSE in mbarrier(START).kinds


@pytest.mark.parametrize(
    "instruction",
    [
        "mbarrier.test_wait.parity.shared::cluster.b64 %p1, [%r1], 0;",
        "mbarrier.arrive.shared.b32 _, [%r1];",
        "mbarrier.flip.shared.b64 [%r1];",
        "cp.async.mbarrier.arrive.noinc.shared::cluster.b64 [%r1];",
        "cp.async.bulk.commit_group;",
    ],
)
def test_other_forms_end_without_a_mark(instruction: str) -> None:
    with pytest.raises(UnsupportedByDevice, match=instruction.split()[0]):
        mbarrier(BEGIN, SYNC, instruction)


# ---- copies ----

COPY = "mad.wide.u32 %rd1, %t, 4, %a1; cp.async.ca.shared.global [%r2], [%rd1], 4;"
TRACK = "cp.async.mbarrier.arrive.shared.b64 [%r1];"
ONLY_TRACK = TRACK.replace("arrive", "arrive.noinc")


def copies(*, noinc: bool = False, leave_out: int = -1) -> list[str]:
    """Each thread copies a word, which its neighbour reads."""
    zero = "st.shared.u32 [%r2], 0;"
    parts = [BEGIN, zero, SYNC, COPY, TRACK, ARRIVE, WAIT.format(n=0), RESULT]
    if noinc:
        parts[4:7] = [ONLY_TRACK, WAIT_PARITY.format(n=0, p=0)]
    return [part for k, part in enumerate(parts) if k != leave_out]


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("noinc", [True, False])
def test_it_waits_for_copies(noinc: bool, schedule: int) -> None:
    outcome = mbarrier(*copies(noinc=noinc), schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == [3 * t for t in NEIGHBOURS]


@pytest.mark.parametrize(
    ("noinc", "left_out", "kind"),
    [
        (False, 2, FindingKind.RACE),
        (False, 4, FindingKind.UNFINISHED_COPY),
        (False, 5, FindingKind.MBARRIER_STATE),
        (False, 6, FindingKind.UNFINISHED_COPY),
        (True, 2, FindingKind.RACE),
        (True, 4, FindingKind.BARRIER_DIVERGENCE),
        (True, 5, FindingKind.UNFINISHED_COPY),
    ],
)
def test_each_part_of_that_is_needed(noinc: bool, left_out: int, kind: FindingKind) -> None:
    assert kind in mbarrier(*copies(noinc=noinc, leave_out=left_out)).kinds


def test_a_copy_is_not_ordered_for_a_thread_that_did_not_look() -> None:
    """Thread 0 sees the phase complete; the others wait for nothing, or for thread 0."""
    parts = copies()
    parts[6] = "@!%p7 bra E;" + parts[6] + "E: " + SYNC
    assert mbarrier(*parts).findings == ()
    parts[6] = parts[6].removesuffix(SYNC)
    assert set(mbarrier(*parts).kinds) & {FindingKind.RACE, FindingKind.UNFINISHED_COPY}


def test_an_arrival_of_copies_releases_nothing_else() -> None:
    """The words were stored, and not copied: only the threads' own arrivals would release them."""
    parts = copies(noinc=True)
    parts[3] = "st.shared.u32 [%r2], %t;"
    assert mbarrier(*parts).kinds == [FindingKind.RACE]


def test_the_copies_of_a_phase_are_as_late_as_they_may_be() -> None:
    """Twice as many arrivals as the mbarrier waits for: the threads' own complete the phase."""
    parts = copies()
    parts[4] = ONLY_TRACK
    assert FindingKind.UNFINISHED_COPY in mbarrier(*parts).kinds
    parts[0] = "add.u32 %r8, %n, %n;" + BEGIN.replace("%n", "%r8")
    assert mbarrier(*parts).findings == ()


def test_an_mbarrier_must_not_end_before_its_copies() -> None:
    parts = [BEGIN, SYNC, COPY, TRACK, SYNC, "@%p7 mbarrier.inval.shared.b64 [%r1];"]
    outcome = mbarrier(*parts)
    assert outcome.kinds == [FindingKind.MBARRIER_MISUSE]
    assert "copies were yet to arrive" in outcome.findings[0].message
