"""``cp.async``: the bytes are there once the thread has waited for them, and not before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device.case import SIGNALLING_NAN
from grader.device.evidence import FindingKind
from grader.errors import UnsupportedByDevice
from tests.device.kernels import Outcome, run

WORDS = np.arange(1, 129, dtype=np.uint32)
OUT = np.zeros(128, dtype=np.uint32)

# Each thread has four words of buffer 1 (%rd1), of shared memory (%r1) and of buffer 0 (%rd0).
PLACES = """
    .shared .align 16 .b8 s[2048];
    mov.u32 %r9, s; mad.lo.u32 %r1, %t, 16, %r9;
    mad.wide.u32 %rd1, %t, 16, %a1; mad.wide.u32 %rd0, %t, 16, %a0;
"""
TO_OUTPUT = """
    ld.shared.v4.u32 {%r20, %r21, %r22, %r23}, [%r1];
    st.global.v4.u32 [%rd0], {%r20, %r21, %r22, %r23};
"""
CLEAR = "mov.u32 %r30, 0; st.shared.v4.u32 [%r1], {%r30, %r30, %r30, %r30};"
WAIT = "cp.async.wait_all;"


def copy(body: str, *, threads: int = 32) -> Outcome:
    return run(PLACES + body + TO_OUTPUT, [OUT, WORDS], block=(threads, 1, 1))


def rows(outcome: Outcome) -> list[list[int]]:
    assert outcome.result == 0
    return outcome.buffers[0].reshape(-1, 4).tolist()


def row(thread: int) -> list[int]:
    return WORDS[4 * thread : 4 * thread + 4].tolist()


@pytest.mark.parametrize(
    "copies",
    [
        "cp.async.cg.shared.global [%r1], [%rd1], 16;",
        "cp.async.ca.shared.global.L2::128B [%r1], [%rd1], 16;",
        (
            "cp.async.ca.shared::cta.global [%r1], [%rd1], 8;"
            "cp.async.ca.shared.global [%r1+8], [%rd1+8], 8;"
        ),
        "".join(f"cp.async.ca.shared.global [%r1+{k}], [%rd1+{k}], 4;" for k in (12, 0, 8, 4)),
        "cp.async.cg.shared.global [%r1], [%rd1], 16, 16;",
    ],
)
@pytest.mark.parametrize(
    "wait",
    [
        WAIT,
        "cp.async.commit_group; cp.async.wait_group 0;",
        "cp.async.commit_group;" + WAIT,
    ],
)
def test_after_waiting_the_words_are_there(copies: str, wait: str) -> None:
    outcome = copy(copies + wait)
    assert rows(outcome) == [row(thread) for thread in range(32)]
    assert outcome.findings == ()


@pytest.mark.parametrize(
    "instead",
    [
        "",
        "bar.sync 0;",
        "cp.async.commit_group;",
        "cp.async.wait_group 0;",  # of groups there are none: the copy is in no group yet
        "cp.async.commit_group; cp.async.wait_group 1;",
    ],
)
def test_without_waiting_they_are_not(instead: str) -> None:
    outcome = copy("cp.async.cg.shared.global [%r1], [%rd1], 16;" + instead)
    assert rows(outcome) == [[SIGNALLING_NAN] * 4] * 32
    copying, unwritten = outcome.findings
    assert copying.kind is FindingKind.UNFINISHED_COPY
    assert copying.message == (
        "thread 0 of block 0 read cell 0 of the shared array, to which it copies asynchronously; "
        "nobody has waited for that copy"
    )
    assert (copying.count, copying.other_thread) == (4 * 32, (0, 0, 0))
    assert unwritten.kind is FindingKind.UNINITIALISED_READ
    assert unwritten.message.endswith(
        "which nothing had written; its block has not waited for all asynchronous copies"
    )


def test_a_second_copy_to_a_cell_waits_for_the_first() -> None:
    begin = "cp.async.cg.shared.global [%r1], [%rd1], 16;"
    assert copy(begin + WAIT + begin + WAIT).findings == ()
    assert copy(begin + begin + WAIT).kinds == [FindingKind.UNFINISHED_COPY]


def test_a_barrier_does_not_wait_for_copies_that_others_began() -> None:
    """The cells held something before, so that only the copies tell."""
    begin = "cp.async.cg.shared.global [%r1], [%rd1], 16;"
    outcome = copy(CLEAR + begin + "bar.sync 0;" + NEIGHBOUR + "bar.sync 0;" + WAIT)
    (finding,) = outcome.findings
    assert finding.kind is FindingKind.UNFINISHED_COPY
    assert (finding.thread, finding.other_thread) == ((0, 0, 0), (1, 0, 0))
    assert "to which thread 1 of block 0 copies asynchronously" in finding.message


@given(st.integers(1, 5), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_waiting_for_a_group_leaves_the_last_ones_under_way(groups: int, but: int) -> None:
    """One word in each group; what has not arrived is the zero that was there."""
    body = ".shared .align 4 .b8 s[64]; mov.u32 %r1, s; mov.u32 %r2, 0;"
    body += "".join(f"st.shared.u32 [%r1+{4 * k}], %r2;" for k in range(groups))
    body += "".join(
        f"cp.async.ca.shared.global [%r1+{4 * k}], [%a1+{4 * k}], 4; cp.async.commit_group;"
        for k in range(groups)
    )
    body += f"cp.async.wait_group {but};"
    body += "".join(
        f"ld.shared.u32 %r3, [%r1+{4 * k}]; st.global.u32 [%a0+{4 * k}], %r3;"
        for k in range(groups)
    )
    outcome = run(body, [OUT, WORDS], block=(1, 1, 1))
    there = max(groups - but, 0)
    wanted = WORDS[:there].tolist() + [0] * (groups - there)
    assert outcome.buffers[0][:groups].tolist() == wanted


def test_each_thread_waits_for_its_own_copies() -> None:
    """Even threads wait; odd ones still find their zeros."""
    outcome = copy(
        CLEAR
        + "cp.async.cg.shared.global [%r1], [%rd1], 16;"
        + "and.b32 %r5, %t, 1; setp.eq.u32 %p1, %r5, 0; @%p1 cp.async.wait_all;"
    )
    assert rows(outcome) == [row(t) if t % 2 == 0 else [0] * 4 for t in range(32)]


def test_a_smaller_source_is_filled_up_with_zeros() -> None:
    """src-size 0, 4, 8, 12, 16 by thread."""
    outcome = copy(
        "rem.u32 %r5, %t, 5; shl.b32 %r5, %r5, 2;"
        "cp.async.cg.shared.global [%r1], [%rd1], 16, %r5;" + WAIT
    )
    for thread, found in enumerate(rows(outcome)):
        words = thread % 5
        assert found == row(thread)[:words] + [0] * (4 - words)


def test_what_is_not_taken_from_the_source_is_not_read() -> None:
    """Past the end of the buffer nothing is read where the source has no bytes."""
    guarded = (
        "setp.lt.u32 %p1, %t, 32; selp.b32 %r5, 16, 0, %p1;"
        "cp.async.cg.shared.global [%r1], [%rd1], 16, %r5;" + WAIT
    )
    body = PLACES + guarded + "@%p1 ld.shared.u32 %r6, [%r1];"
    outcome = run(body, [OUT, WORDS], block=(64, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())


def test_a_predicate_leaves_the_source_out() -> None:
    outcome = copy(
        "setp.lt.u32 %p1, %t, 7; cp.async.cg.shared.global [%r1], [%rd1], 16, %p1;" + WAIT
    )
    assert rows(outcome) == [[0] * 4 if t < 7 else row(t) for t in range(32)]


def test_a_guard_leaves_the_copy_out() -> None:
    outcome = copy(
        CLEAR + "setp.lt.u32 %p1, %t, 7; @%p1 cp.async.cg.shared.global [%r1], [%rd1], 16;" + WAIT
    )
    assert rows(outcome) == [row(t) if t < 7 else [0] * 4 for t in range(32)]


def test_the_end_of_the_buffer_is_watched() -> None:
    outcome = copy("cp.async.cg.shared.global [%r1], [%rd1], 16;" + WAIT, threads=33)
    assert outcome.kinds == [FindingKind.OUT_OF_BOUNDS]
    assert "thread 32 of block 0 read cell 128" in outcome.findings[0].message


def test_the_end_of_shared_memory_is_watched() -> None:
    outcome = copy("cp.async.cg.shared.global [%r1+1792], [%rd1], 16;" + WAIT)
    assert outcome.kinds == [FindingKind.OUT_OF_BOUNDS]
    assert "thread 16 of block 0 wrote cell 512" in outcome.findings[0].message


def test_a_source_that_is_not_aligned() -> None:
    outcome = copy("cp.async.cg.shared.global [%r1], [%rd1+4], 16;" + WAIT)
    assert outcome.kinds == [FindingKind.MISALIGNED]


NEIGHBOUR = (
    "add.u32 %r3, %t, 1; rem.u32 %r3, %r3, %n; mad.lo.u32 %r4, %r3, 16, %r9;"
    "ld.shared.u32 %r5, [%r4];"
)


def test_another_thread_needs_a_barrier_after_the_wait() -> None:
    begin = "cp.async.cg.shared.global [%r1], [%rd1], 16;"
    assert FindingKind.RACE in copy(begin + WAIT + NEIGHBOUR).kinds
    assert copy(begin + WAIT + "bar.sync 0;" + NEIGHBOUR).findings == ()
    # The barrier before the wait orders the copy's beginning only.
    assert FindingKind.RACE in copy(begin + "bar.sync 0;" + WAIT + NEIGHBOUR).kinds


def test_a_copy_must_not_begin_while_others_read_the_cell() -> None:
    """It may arrive at once, although the thread waits for it after a barrier only."""
    begin = "cp.async.cg.shared.global [%r1], [%rd1], 16;"
    outcome = copy(CLEAR + "bar.sync 0;" + NEIGHBOUR + begin + "bar.sync 0;" + WAIT)
    assert FindingKind.RACE in outcome.kinds
    outcome = copy(CLEAR + "bar.sync 0;" + NEIGHBOUR + "bar.sync 0;" + begin + WAIT)
    assert outcome.findings == ()


TILES = 4


def pipeline(*, leave_out: str = "") -> list[str]:
    """Two buffers: while a tile is summed, the next one is on its way.

    Each thread adds its neighbour's words of all tiles.
    """
    parts = {"begin": "mov.u32 %r40, 0;", "copy 0": _copy_of(0), "commit 0": _COMMIT}
    for tile in range(TILES):
        if tile + 1 < TILES:
            parts[f"copy {tile + 1}"] = _copy_of(tile + 1)
        parts[f"commit {tile + 1}"] = _COMMIT
        parts[f"wait {tile}"] = "cp.async.wait_group 1;"
        parts[f"there {tile}"] = "bar.sync 0;"
        parts[f"sum {tile}"] = (
            f"ld.shared.u32 %r41, [%r4+{tile % 2 * 512}]; add.u32 %r40, %r40, %r41;"
        )
        parts[f"done {tile}"] = "bar.sync 0;"
    parts["end"] = "st.global.u32 [%o], %r40;"
    return [part for name, part in parts.items() if name != leave_out]


_COMMIT = "cp.async.commit_group;"


def _copy_of(tile: int) -> str:
    return f"cp.async.ca.shared.global [%r1+{tile % 2 * 512}], [%rd1+{tile * 512}], 4;"


def summed(*, leave_out: str = "", schedule: int = 0) -> Outcome:
    places = """
        .shared .align 16 .b8 s[1024]; mov.u32 %r9, s; mad.lo.u32 %r1, %t, 4, %r9;
        mad.wide.u32 %rd1, %t, 4, %a1;
        add.u32 %r3, %t, 33; rem.u32 %r3, %r3, %n; mad.lo.u32 %r4, %r3, 4, %r9;
    """
    tiles = np.arange(TILES * 128, dtype=np.uint32)
    body = places + "".join(pipeline(leave_out=leave_out))
    return run(body, [OUT, tiles], block=(128, 1, 1), schedule=schedule)


@pytest.mark.parametrize("schedule", range(9))
def test_a_pipeline_of_copies_is_right_in_every_order(schedule: int) -> None:
    outcome = summed(schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    wanted = [sum(128 * tile + (t + 33) % 128 for tile in range(TILES)) for t in range(128)]
    assert outcome.buffers[0].tolist() == wanted


@pytest.mark.parametrize(
    "left_out",
    [
        f"{what} {tile}"
        for tile in range(TILES)
        for what in ("commit", "wait", "there", "done")
        if (what, tile) not in {("done", TILES - 1), ("done", TILES - 2)}
    ],
)
def test_each_synchronisation_of_it_is_needed(left_out: str) -> None:
    assert summed(leave_out=left_out).kinds


@pytest.mark.parametrize("schedule", range(9))
def test_the_last_barriers_of_it_order_nothing_that_follows(schedule: int) -> None:
    """No copy begins into a buffer that is read before them."""
    for tile in (TILES - 2, TILES - 1):
        outcome = summed(leave_out=f"done {tile}", schedule=schedule)
        assert (outcome.result, outcome.findings) == (0, ())


def test_blocks_that_take_over_have_nothing_under_way() -> None:
    """More blocks than are in flight at once: none is waited for on behalf of another."""
    body = (
        ".shared .align 4 .b8 s[4]; mov.u32 %r1, s; mov.u32 %r2, 7; st.shared.u32 [%r1], %r2;"
        "cp.async.wait_all; ld.shared.u32 %r3, [%r1]; st.global.u32 [%o], %r3;"
        "cp.async.ca.shared.global [%r1], [%a1], 4;"
    )
    blocks = 40000
    outcome = run(body, [np.zeros(blocks, np.uint32), WORDS], block=(1, 1, 1), grid=(blocks, 1, 1))
    assert outcome.result == 0
    assert (outcome.buffers[0] == 7).all()


@pytest.mark.parametrize(
    "instruction",
    [
        "cp.async.bulk.commit_group;",
        "cp.async.cg.shared.global.L2::cache_hint [%r1], [%rd1], 16, %rd2;",
        "mov.u32 %r5, 3; cp.async.cg.shared.global [%r1], [%rd1], 16, %r5;",
    ],
)
def test_its_relatives_are_refused(instruction: str) -> None:
    with pytest.raises(UnsupportedByDevice, match=r"cp\.async"):
        copy(instruction)
