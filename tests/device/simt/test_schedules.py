"""Kernels under several schedules: right ones in all of them, wrong ones found out in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.device.case import LaunchLimits
from grader.device.checks import happens_before
from grader.device.evidence import FindingKind
from grader.device.schedules import (
    FIRST_AHEAD,
    FIRST_RANDOM,
    IN_TURN,
    PLAIN,
    REVERSED,
    in_words,
)
from grader.device.simt.scheduler import Schedule
from tests.device.kernels import Outcome, real, run, run_text

SCHEDULES = (PLAIN, IN_TURN, REVERSED, *range(FIRST_RANDOM, FIRST_RANDOM + 4))


def zeros(count: int) -> np.ndarray[Any, Any]:
    return np.zeros(count, dtype=np.uint32)


# Buffer 0 is the result, buffer 1 what the threads tell each other by, buffer 2 their data.
# Four blocks of four threads, if not said otherwise.

_ONE_PER_BLOCK = "setp.ne.u32 %p9, %t, 0; @%p9 exit; mad.wide.u32 %rd1, %b, 4, %a2;"
_SUM_OF_FOUR = """
    ld.global.u32 %r10, [%a2]; ld.global.u32 %r11, [%a2+4];
    ld.global.u32 %r12, [%a2+8]; ld.global.u32 %r13, [%a2+12];
    add.u32 %r10, %r10, %r11; add.u32 %r10, %r10, %r12; add.u32 %r10, %r10, %r13;
"""

LAST_BLOCK_SUMS = (
    _ONE_PER_BLOCK
    + """
    add.u32 %r1, %b, 1; st.global.u32 [%rd1], %r1; FENCE
    atom.global.add.u32 %r2, [%a1], 1; setp.ne.u32 %p1, %r2, 3; @%p1 exit; BEHIND
"""
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;"
)


def last_block_sums(before: str, behind: str) -> str:
    return LAST_BLOCK_SUMS.replace("FENCE", before).replace("BEHIND", behind)


LAST_BLOCK_FENCED = last_block_sums("membar.gl;", "membar.gl;")
LAST_BLOCK_OF_MANY_THREADS = (
    """
    .shared .align 4 .b8 last[4]; mov.u32 %r20, last;
    mad.wide.u32 %rd1, %b, 4, %a2; setp.eq.u32 %p1, %t, 3; setp.eq.u32 %p2, %t, 0;
    add.u32 %r1, %b, 1; @%p1 st.global.u32 [%rd1], %r1; bar.sync 0;
    @!%p2 bra WAIT;
    membar.gl; atom.global.add.u32 %r2, [%a1], 1; st.shared.u32 [%r20], %r2;
    WAIT: bar.sync 0; ld.shared.u32 %r3, [%r20]; setp.ne.u32 %p3, %r3, 3; @%p3 exit;
    setp.ne.u32 %p4, %t, 2; @%p4 exit;
"""
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;"
)
EACH_FENCES_BEFORE_THE_BARRIER = LAST_BLOCK_OF_MANY_THREADS.replace(
    "bar.sync 0;\n    @!%p2", "membar.gl; bar.sync 0;\n    @!%p2"
).replace("    membar.gl; atom", "    atom")
CHAIN = (
    _ONE_PER_BLOCK
    + """
    setp.eq.u32 %p1, %b, 0; mov.u32 %r1, 0; @%p1 bra GO;
    SPIN: ld.acquire.gpu.global.u32 %r2, [%a1]; setp.lt.u32 %p2, %r2, %b; @%p2 bra SPIN;
    ld.global.u32 %r1, [%rd1+-4];
    GO: add.u32 %r1, %r1, 1; add.u32 %r1, %r1, %b; st.global.u32 [%rd1], %r1;
    add.u32 %r3, %b, 1; st.release.gpu.global.u32 [%a1], %r3;
    setp.ne.u32 %p3, %b, 3; @%p3 exit; st.global.u32 [%a0], %r1;
"""
)
CHAIN_BACKWARDS = (
    _ONE_PER_BLOCK
    + """
    setp.eq.u32 %p1, %b, 3; mov.u32 %r1, 0; mov.u32 %r5, 3; sub.u32 %r5, %r5, %b; @%p1 bra GO;
    SPIN: ld.relaxed.gpu.global.u32 %r2, [%a1]; setp.lt.u32 %p2, %r2, %r5; @%p2 bra SPIN;
    fence.acq_rel.gpu; ld.global.u32 %r1, [%rd1+4];
    GO: add.u32 %r1, %r1, 1; add.u32 %r1, %r1, %b; st.global.u32 [%rd1], %r1;
    add.u32 %r3, %r5, 1; fence.acq_rel.gpu; st.relaxed.gpu.global.u32 [%a1], %r3;
    setp.ne.u32 %p3, %b, 0; @%p3 exit; st.global.u32 [%a0], %r1;
"""
)
TICKET_LOCK = """
    atom.global.add.u32 %r1, [%a1], 1;
    SPIN: ld.volatile.global.u32 %r2, [%a1+4]; setp.ne.u32 %p1, %r1, %r2; @%p1 bra SPIN;
    membar.gl; ld.global.u32 %r3, [%a0]; add.u32 %r4, %g, 1; add.u32 %r3, %r3, %r4;
    st.global.u32 [%a0], %r3; membar.gl;
    atom.global.add.u32 %r5, [%a1+4], 1;
"""
SPIN_LOCK = """
    SPIN: atom.global.cas.b32 %r1, [%a1], 0, 1; setp.ne.u32 %p1, %r1, 0; @%p1 bra SPIN;
    membar.gl; ld.global.u32 %r3, [%a0]; add.u32 %r4, %g, 1; add.u32 %r3, %r3, %r4;
    st.global.u32 [%a0], %r3; membar.gl;
    atom.global.exch.b32 %r5, [%a1], 0;
"""
ALL_BLOCKS_MEET = (
    _ONE_PER_BLOCK
    + """
    add.u32 %r1, %b, 1; st.global.u32 [%rd1], %r1; membar.gl; red.global.add.u32 [%a1], 1;
    SPIN: ld.volatile.global.u32 %r2, [%a1]; setp.lt.u32 %p1, %r2, 4; @%p1 bra SPIN; membar.gl;
    setp.ne.u32 %p2, %b, 1; @%p2 exit;
"""
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;"
)
MEET_TWICE = (
    _ONE_PER_BLOCK
    + "".join(
        f"""
    add.u32 %r1, %b, {round_}; st.global.u32 [%rd1], %r1; membar.gl;
    atom.global.add.u32 %r2, [%a1], 1; setp.ne.u32 %p1, %r2, 3; @%p1 bra SPIN{round_};
    st.volatile.global.u32 [%a1], 0; membar.gl; red.global.add.u32 [%a1+4], 1; bra GO{round_};
    SPIN{round_}: ld.volatile.global.u32 %r2, [%a1+4];
    setp.lt.u32 %p1, %r2, {round_}; @%p1 bra SPIN{round_};
    GO{round_}: membar.gl;
"""
        for round_ in (1, 2)
    )
    + "setp.ne.u32 %p2, %b, 2; @%p2 exit;"
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;"
)
LOOK_BACK = (
    _ONE_PER_BLOCK
    + """
    mad.wide.u32 %rd2, %b, 4, %a1; add.u32 %r3, %b, 1; or.b32 %r1, %r3, 0x80000000;
    st.volatile.global.u32 [%rd2], %r1; mov.u32 %r4, %b;
    BACK: setp.eq.u32 %p1, %r4, 0; @%p1 bra END;
    sub.u32 %r4, %r4, 1; mad.wide.u32 %rd3, %r4, 4, %a1;
    SPIN: ld.volatile.global.u32 %r5, [%rd3]; setp.eq.u32 %p2, %r5, 0; @%p2 bra SPIN;
    and.b32 %r5, %r5, 0x7fffffff; add.u32 %r3, %r3, %r5; bra BACK;
    END: setp.ne.u32 %p3, %b, 3; @%p3 exit; st.global.u32 [%a0], %r3;
"""
)
# Every thread: who finds the table without its flag takes the lock, looks again and writes it.
MADE_ONCE = """
    ld.acquire.gpu.global.u32 %r1, [%a1]; setp.ne.u32 %p1, %r1, 0; @%p1 bra USE;
    SPIN: atom.acquire.gpu.global.cas.b32 %r2, [%a1+4], 0, 1;
    setp.ne.u32 %p2, %r2, 0; @%p2 bra SPIN;
    ld.relaxed.gpu.global.u32 %r1, [%a1]; setp.ne.u32 %p1, %r1, 0; @%p1 bra FREE;
    st.global.u32 [%a2], 7; st.release.gpu.global.u32 [%a1], 1;
    FREE: atom.release.gpu.global.exch.b32 %r5, [%a1+4], 0;
    USE: ld.global.u32 %r3, [%a2]; red.global.add.u32 [%a0], %r3;
"""
# One place for two messages: the second is written when the first one was read.
ONE_SLOT = (
    _ONE_PER_BLOCK
    + """
    setp.eq.u32 %p1, %b, 1; @%p1 bra TAKE; setp.ne.u32 %p1, %b, 0; @%p1 exit;
    st.global.u32 [%a2], 7; st.release.gpu.global.u32 [%a1], 1;
    READ: ld.acquire.gpu.global.u32 %r2, [%a1+4]; setp.eq.u32 %p2, %r2, 0; @%p2 bra READ;
    st.global.u32 [%a2], 8; st.release.gpu.global.u32 [%a1], 2; exit;
    TAKE: ld.acquire.gpu.global.u32 %r2, [%a1]; setp.lt.u32 %p2, %r2, 1; @%p2 bra TAKE;
    ld.global.u32 %r3, [%a2]; st.release.gpu.global.u32 [%a1+4], 1;
    AGAIN: ld.acquire.gpu.global.u32 %r2, [%a1]; setp.lt.u32 %p2, %r2, 2; @%p2 bra AGAIN;
    ld.global.u32 %r4, [%a2]; mad.lo.u32 %r3, %r3, 10, %r4; st.global.u32 [%a0], %r3;
"""
)
ATOMIC_SUM = "add.u32 %r1, %g, 1; red.global.add.u32 [%a0], %r1;"
# Right with one place that is taken by whoever comes: any permutation has the same sum.
PLACES = """
    atom.global.add.u32 %r1, [%a1], 1; mad.wide.u32 %rd2, %r1, 4, %a2; st.global.u32 [%rd2], 1;
    red.global.add.u32 [%a0], %r1;
"""

RIGHT = {
    "the last block sums up": (LAST_BLOCK_FENCED, 10),
    "a release in the counter": (
        last_block_sums("", "").replace("atom.", "atom.acq_rel.gpu."),
        10,
    ),
    "what it sums up is volatile": (
        last_block_sums("membar.gl;", "")
        .replace("st.global.u32 [%rd1]", "st.volatile.global.u32 [%rd1]")
        .replace("ld.global", "ld.volatile.global"),
        10,
    ),
    "the last block, handed on by a barrier": (LAST_BLOCK_OF_MANY_THREADS, 10),
    "each thread fences before the barrier": (EACH_FENCES_BEFORE_THE_BARRIER, 10),
    "each block waits for the one before": (CHAIN, 10),
    "each block waits for the one behind": (CHAIN_BACKWARDS, 10),
    "a ticket lock": (TICKET_LOCK, 136),
    "a spin lock": (SPIN_LOCK, 136),
    "all blocks meet": (ALL_BLOCKS_MEET, 10),
    "all blocks meet twice": (MEET_TWICE, 14),
    "each block looks back": (LOOK_BACK, 10),
    "made once": (MADE_ONCE, 112),
    "one slot for two messages": (ONE_SLOT, 78),
    "an atomic sum": (ATOMIC_SUM, 136),
    "a place for each": (PLACES, 120),
}


def four_blocks(body: str, schedule: int) -> Outcome:
    return run(
        body,
        [zeros(16), zeros(4), zeros(16)],
        grid=(4, 1, 1),
        block=(4, 1, 1),
        schedule=schedule,
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", RIGHT)
def test_right_patterns_hold_in_every_schedule(name: str, schedule: int) -> None:
    body, total = RIGHT[name]
    outcome = four_blocks(body, schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][0] == total


# What a GPU breaks. Each is right, and without a finding of the device, in at least one schedule.

_PUBLISH = "add.u32 %r1, %b, 1; st.global.u32 [%rd1], %r1; membar.gl;"
WRONG = {
    # The counter is counted, with a fence, and nobody looks at what it says.
    "nobody looks at the counter": _ONE_PER_BLOCK
    + _PUBLISH
    + "atom.global.add.u32 %r2, [%a1], 1; membar.gl; setp.ne.u32 %p2, %b, 3; @%p2 exit;"
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;",
    "the first block does not wait": _ONE_PER_BLOCK
    + _PUBLISH
    + "atom.global.add.u32 %r2, [%a1], 1; membar.gl; setp.ne.u32 %p2, %b, 0; @%p2 exit;"
    + _SUM_OF_FOUR
    + "st.global.u32 [%a0], %r10;",
    # A flag is read once.
    "a flag that is read once": _ONE_PER_BLOCK
    + """
    setp.eq.u32 %p1, %b, 1; @%p1 bra TAKE; setp.ne.u32 %p2, %b, 0; @%p2 exit;
    st.global.u32 [%a2], 7; membar.gl; st.volatile.global.u32 [%a1], 1; exit;
    TAKE: ld.volatile.global.u32 %r2, [%a1]; membar.gl; ld.global.u32 %r3, [%a2];
    st.global.u32 [%a0], %r3;
""",
    # The counter is looked at, and too small a number is asked for.
    "the last but one sums up": LAST_BLOCK_FENCED.replace("%r2, 3;", "%r2, 2;"),
    "no fence": last_block_sums("", ""),
    "no fence before the counter": last_block_sums("", "membar.gl;"),
    "no fence behind the counter": last_block_sums("membar.gl;", ""),
    "a fence of the block behind the counter": last_block_sums("membar.gl;", "membar.cta;"),
    # A fence for the threads of the block only, and a scope for them only.
    "a fence of the block": last_block_sums("membar.cta;", "membar.gl;"),
    "an atomic of the block": LAST_BLOCK_FENCED.replace("atom.global", "atom.relaxed.cta.global"),
    # The lock is another one for every second thread.
    "two locks for one sum": "and.b32 %r9, %b, 1; mad.wide.u32 %a1, %r9, 4, %a1;" + SPIN_LOCK,
    "released before it is written": SPIN_LOCK.replace("st.global.u32 [%a0], %r3; membar.gl;", "")
    + "st.global.u32 [%a0], %r3;",
    "no fence in front of what the lock protects": SPIN_LOCK.replace(
        "membar.gl; ld.global", "ld.global"
    ),
    "tries to get the lock once": SPIN_LOCK.replace("bra SPIN;", "exit;"),
    "the flag of what is made once is looked at without a fence": MADE_ONCE.replace(
        "ld.acquire", "ld.relaxed"
    ),
    "a message is written over": ONE_SLOT.replace("READ: ld", "ld").replace("@%p2 bra READ;", ""),
    "the wrong block is waited for": CHAIN.replace(
        "setp.lt.u32 %p2, %r2, %b", "setp.eq.u32 %p2, %r2, 0"
    ),
    "a message is waited for a few times only": _ONE_PER_BLOCK
    + """
    setp.eq.u32 %p1, %b, 0; @%p1 bra TAKE; setp.ne.u32 %p1, %b, 3; @%p1 exit;
    st.global.u32 [%a2], 7; st.release.gpu.global.u32 [%a1], 1; exit;
    TAKE: mov.u32 %r9, 0;
    SPIN: ld.acquire.gpu.global.u32 %r2, [%a1]; add.u32 %r9, %r9, 1;
    setp.eq.u32 %p2, %r2, 0; setp.lt.and.u32 %p2, %r9, 20, %p2; @%p2 bra SPIN;
    ld.global.u32 %r3, [%a2]; st.global.u32 [%a0], %r3;
""",
    # Threads of one block, with a flag that nobody waits for.
    "a thread of the block does not wait": """
    setp.ne.u32 %p9, %b, 0; @%p9 exit; setp.eq.u32 %p1, %t, 1; @%p1 bra TAKE;
    setp.ne.u32 %p2, %t, 0; @%p2 exit;
    st.global.u32 [%a2], 7; membar.gl; st.volatile.global.u32 [%a1], 1; exit;
    TAKE: ld.volatile.global.u32 %r2, [%a1]; membar.gl; ld.global.u32 %r3, [%a2];
    st.global.u32 [%a0], %r3;
""",
    "every thread counts and reads on": """
    setp.ne.u32 %p9, %b, 0; @%p9 exit; mad.wide.u32 %rd1, %t, 4, %a2;
    st.global.u32 [%rd1], %t; membar.gl; atom.global.add.u32 %r2, [%a1], 1; membar.gl;
    xor.b32 %r3, %t, 1; mad.wide.u32 %rd2, %r3, 4, %a2; ld.global.u32 %r4, [%rd2];
    st.global.u32 [%o], %r4;
""",
    # No race at all: what is written depends on who is first.
    "the first one to come decides": """
    atom.global.cas.b32 %r1, [%a1], 0, 1; setp.ne.u32 %p1, %r1, 0; @%p1 exit;
    st.global.u32 [%a0], %g;
""",
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_gpu_breaks_shows_in_one_of_the_schedules(name: str) -> None:
    results = set()
    for schedule in SCHEDULES:
        outcome = four_blocks(WRONG[name], schedule)
        assert outcome.result == 0
        results.add(outcome.buffers[0].tobytes())
        if FindingKind.RACE in outcome.kinds or len(results) > 1:
            return
    pytest.fail("no race, and the same result in every schedule")


@pytest.fixture
def too_many_for_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(happens_before, "EXACT_LANES", 0)


@pytest.mark.usefixtures("too_many_for_clocks")
@pytest.mark.parametrize("name", RIGHT)
def test_right_patterns_hold_among_any_number_of_threads(name: str) -> None:
    for schedule in (PLAIN, REVERSED, FIRST_RANDOM):
        test_right_patterns_hold_in_every_schedule(name, schedule)


@pytest.mark.usefixtures("too_many_for_clocks")
@pytest.mark.parametrize("name", WRONG)
def test_what_a_gpu_breaks_shows_among_any_number_of_threads(name: str) -> None:
    test_what_a_gpu_breaks_shows_in_one_of_the_schedules(name)


def test_the_plain_schedule_alone_does_not_show_it() -> None:
    # Why one schedule is not enough: side by side, the value happens to be there.
    name = "nobody looks at the counter"
    assert four_blocks(WRONG[name], PLAIN).findings == ()
    raced = four_blocks(WRONG[name], REVERSED)
    assert FindingKind.RACE in raced.kinds


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_real_kernel_is_the_same_in_every_schedule(schedule: int) -> None:
    values, weights = np.arange(30, dtype=np.float32), np.arange(15, dtype=np.float32)
    how: dict[str, Any] = {"grid": (2, 1, 1), "block": (15, 1, 1)}
    outcome = run_text(real("conv1d_30_15"), [120, values, weights], schedule=schedule, **how)
    assert outcome.findings == ()
    got = outcome.buffers[0].view(np.float32)
    padded = np.concatenate([values, np.zeros(15, dtype=np.float32)])
    assert got.tolist() == [float(padded[i : i + 15] @ weights) for i in range(30)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_threads_of_a_warp_meet_in_every_schedule(schedule: int) -> None:
    body = """
        mov.u32 %r1, %g; shfl.sync.bfly.b32 %r2, %r1, 1, 31, -1; bar.warp.sync -1;
        setp.ge.u32 %p1, %t, 33; bar.red.popc.u32 %r4, 0, %p1; add.u32 %r5, %r2, %r4;
        st.global.u32 [%o], %r5;
    """
    outcome = run(body, [zeros(80)], grid=(2, 1, 1), block=(40, 1, 1), schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == [
        block * 40 + (thread ^ 1) + 7 for block in range(2) for thread in range(40)
    ]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_an_endless_loop_is_one_in_every_schedule(schedule: int) -> None:
    body = "SPIN: ld.volatile.global.u32 %r1, [%a0]; setp.eq.u32 %p1, %r1, 0; @%p1 bra SPIN;"
    limits = LaunchLimits(instruction_budget=50_000)
    outcome = run(
        body, [zeros(1)], grid=(3, 1, 1), block=(2, 1, 1), limits=limits, schedule=schedule
    )
    assert outcome.kinds == [FindingKind.BUDGET_EXCEEDED]


@pytest.mark.parametrize("schedule", [IN_TURN, REVERSED, FIRST_RANDOM])
def test_more_blocks_than_teams_wait_for_each_other(schedule: int) -> None:
    body = CHAIN.replace("%b, 3; @%p3", "%b, 49; @%p3")
    outcome = run(
        body,
        [zeros(1), zeros(1), zeros(50)],
        grid=(50, 1, 1),
        block=(1, 1, 1),
        schedule=schedule,
    )
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][0] == sum(range(1, 51))


FIRST_WAITS_FOR_LAST = """
    .shared .align 4 .b8 cells[BYTES]; mov.u32 %r20, cells; st.shared.u32 [%r20], %b;
    setp.ne.u32 %p1, %b, LAST; @%p1 bra OTHER; st.release.gpu.global.u32 [%a0], 1; exit;
    OTHER: setp.ne.u32 %p1, %b, 0; @%p1 exit;
    SPIN: ld.acquire.gpu.global.u32 %r2, [%a0]; setp.eq.u32 %p2, %r2, 0; @%p2 bra SPIN;
"""


# An A100 has 108 multiprocessors. Each holds 32 blocks at most, and shared memory for 3 of 48 KiB.
@pytest.mark.parametrize(("shared", "resident"), [(4, 108 * 32), (49152, 108 * 3)])
def test_a_block_that_waits_for_one_that_has_no_place_waits_for_ever(
    shared: int, resident: int
) -> None:
    def waits_for(last: int) -> list[FindingKind]:
        body = FIRST_WAITS_FOR_LAST.replace("BYTES", str(shared)).replace("LAST", str(last))
        limits = LaunchLimits(instruction_budget=16 * last)
        how: dict[str, Any] = {"grid": (last + 1, 1, 1), "block": (1, 1, 1), "limits": limits}
        return run(body, [zeros(1)], **how).kinds

    assert waits_for(resident - 1) == []
    assert waits_for(resident) == [FindingKind.BUDGET_EXCEEDED]


# The first block sets the cells one after the other, and each thread adds to all of them.
SET_THEN_ADD = """
    or.b32 %r9, %b, %t; setp.ne.u32 %p1, %r9, 0; @%p1 bra ADD;
    mov.u32 %r1, 0;
    SET: mul.wide.u32 %rd2, %r1, 4; add.u64 %rd3, %a0, %rd2; st.global.u32 [%rd3], 100;
    add.u32 %r1, %r1, 1; setp.lt.u32 %p2, %r1, 300; @%p2 bra SET;
    ADD: mov.u32 %r1, 0;
    MORE: mul.wide.u32 %rd2, %r1, 4; add.u64 %rd3, %a0, %rd2; red.global.add.u32 [%rd3], 1;
    add.u32 %r1, %r1, 1; setp.lt.u32 %p3, %r1, 300; @%p3 bra MORE;
"""


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_first_block_may_run_ahead_in_every_schedule(schedule: int) -> None:
    how: dict[str, Any] = {"grid": (6, 1, 1), "block": (1, 1, 1)}
    ahead = run(SET_THEN_ADD, [zeros(300)], schedule=schedule + FIRST_AHEAD, **how)
    assert set(ahead.buffers[0].tolist()) == {106}
    # It is a race all the same, of another block's atomic operation with a store of the first.
    assert ahead.kinds == [FindingKind.RACE]
    (race,) = ahead.findings
    assert (race.access, race.other_access, race.other_block) == ("atomic", "write", (0, 0, 0))


def test_without_that_it_is_chance() -> None:
    how: dict[str, Any] = {"grid": (6, 1, 1), "block": (1, 1, 1)}
    assert any(
        set(run(SET_THEN_ADD, [zeros(300)], schedule=schedule, **how).buffers[0].tolist()) != {106}
        for schedule in SCHEDULES
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_first_block_that_waits_for_others_does_not_wait_for_ever(schedule: int) -> None:
    body = FIRST_WAITS_FOR_LAST.replace("BYTES", "4").replace("LAST", "5")
    outcome = run(
        body, [zeros(1)], grid=(6, 1, 1), block=(1, 1, 1), schedule=schedule + FIRST_AHEAD
    )
    assert (outcome.result, outcome.findings) == (0, ())


def test_a_schedule_is_the_same_again() -> None:
    one, two, other = (Schedule(number, 4, 64) for number in (9, 9, 10))
    assert np.asarray(one.ranks).tolist() == np.asarray(two.ranks).tolist()
    assert np.asarray(one.ranks).tolist() != np.asarray(other.ranks).tolist()
    assert [one.turn(0) for _ in range(20)] == [two.turn(0) for _ in range(20)]


def test_schedules_have_words_of_their_own() -> None:
    assert len({in_words(number) for number in SCHEDULES}) == len(SCHEDULES)
