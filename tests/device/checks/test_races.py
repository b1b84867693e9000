"""Two threads, one cell, at least one write, nothing between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device.checks import checks_without
from grader.device.evidence import FindingKind, Space
from tests.device.kernels import Outcome, real, run, run_text

S = ".shared .align 4 .b8 s[512]; mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;"
# %r4 is the cell of the thread's right neighbour, around the block.
NEXT = "add.u32 %r3, %t, 1; rem.u32 %r3, %r3, %n; mad.lo.u32 %r4, %r3, 4, %r1;"
FILL = "st.shared.u32 [%r2], %t;"


def raced(outcome: Outcome) -> str:
    assert outcome.result == 0
    assert FindingKind.RACE in outcome.kinds
    return next(f.message for f in outcome.findings if f.kind is FindingKind.RACE)


def test_a_missing_barrier() -> None:
    outcome = run(S + NEXT + FILL + "ld.shared.u32 %r5, [%r4];", block=(15, 1, 1))
    assert raced(outcome) == (
        "thread 0 of block 0 read cell 1 of the shared array, which thread 1 wrote, "
        "with no barrier between the two"
    )
    finding = outcome.findings[0]
    assert (finding.space, finding.array) == (Space.SHARED, "the shared array")
    assert finding.count == 15
    assert (finding.other_block, finding.other_thread) == ((0, 0, 0), (1, 0, 0))
    assert finding.ptx_line == finding.other_ptx_line


@pytest.mark.parametrize(
    "body",
    [
        FILL + "bar.sync 0; ld.shared.u32 %r5, [%r4];",
        FILL + "ld.shared.u32 %r5, [%r2];",
        FILL + "bar.sync 0; ld.shared.u32 %r5, [%r4]; bar.sync 0; st.shared.u32 [%r2], 3;",
        FILL + "bar.sync 0; ld.shared.u32 %r5, [%r1];",
        "atom.shared.add.u32 %r5, [%r1], 1;" * 2,
        "add.u32 %r6, %r1, %t; st.shared.u8 [%r6], 1;",
    ],
)
def test_right_kernels_are_not_flagged(body: str) -> None:
    outcome = run(S + NEXT + body, block=(15, 1, 1))
    assert FindingKind.RACE not in outcome.kinds


ONE_CELL = "st.shared.u32 [%r1], {0};"
BY_TWO = (
    "setp.eq.u32 %p1, %t, 3; @%p1 st.shared.u32 [%r1], {0};"
    "setp.eq.u32 %p1, %t, 4; @%p1 st.shared.u32 [%r1], {1};"
)


@pytest.mark.parametrize(
    "body",
    [
        ONE_CELL.format(5),
        FILL + "bar.sync 0;" + BY_TWO.format(0, 0),
        # Behind a barrier it may be read by all.
        ONE_CELL.format(5) + "bar.sync 0; ld.shared.u32 %r5, [%r1];",
    ],
)
def test_stores_of_one_value_are_told_by_a_name_of_their_own(body: str) -> None:
    outcome = run(S + body, block=(15, 1, 1))
    assert outcome.kinds == [FindingKind.SAME_VALUE_RACE]
    assert "(the same value), with no barrier between the two" in outcome.findings[0].message


@pytest.mark.parametrize(
    "body",
    [
        # All but one agree.
        "min.u32 %r6, %t, 1;" + ONE_CELL.format("%r6"),
        BY_TWO.format(1, 2),
        # They agree, and someone reads meanwhile.
        ONE_CELL.format(5) + "ld.shared.u32 %r5, [%r1];",
        FILL + "bar.sync 0; ld.shared.u32 %r5, [%r1];" + ONE_CELL.format(0),
    ],
)
def test_one_value_does_not_excuse_another_or_a_reader(body: str) -> None:
    assert FindingKind.RACE in run(S + body, block=(15, 1, 1)).kinds


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # The barrier comes too late, or is missing between reading and the next round.
        (FILL + "ld.shared.u32 %r5, [%r4]; bar.sync 0;", "wrote"),
        (FILL + "bar.sync 0; ld.shared.u32 %r5, [%r4]; st.shared.u32 [%r2], 3;", "read"),
        # Everybody writes one cell.
        ("st.shared.u32 [%r1], %t;", "wrote, with no barrier"),
        # Atomic against plain.
        ("atom.shared.add.u32 %r5, [%r1], 1; ld.shared.u32 %r6, [%r1];", "updated atomically"),
        (FILL + "atom.shared.add.u32 %r5, [%r1], 1;", "wrote"),
        # Two readers; the later of them writes.
        (
            FILL + "bar.sync 0; ld.shared.u32 %r5, [%r1]; setp.eq.u32 %p1, %t, 14;"
            "@%p1 st.shared.u32 [%r1], 1;",
            "read",
        ),
        (
            FILL + "bar.sync 0; ld.shared.u32 %r5, [%r1]; setp.eq.u32 %p1, %t, 0;"
            "@%p1 st.shared.u32 [%r1], 1;",
            "read",
        ),
        # A warp in lockstep is no excuse.
        (FILL + "activemask.b32 %r6; ld.shared.u32 %r5, [%r4];", "wrote"),
    ],
)
def test_mutants_are_flagged(body: str, words: str) -> None:
    assert words in raced(run(S + NEXT + body, block=(15, 1, 1)))


def test_a_warp_barrier_orders_one_warp() -> None:
    body = S + NEXT + FILL + "bar.warp.sync -1; ld.shared.u32 %r5, [%r4];"
    assert run(body, block=(32, 1, 1)).findings == ()
    outcome = run(body, block=(64, 1, 1))
    raced(outcome)
    # Only the last lane of each warp reads what the other warp wrote.
    assert outcome.findings[0].count == 2


def test_a_racing_vector_is_seen_in_each_word() -> None:
    body = (
        ".shared .align 16 .b8 s[64]; mov.u32 %r1, s; setp.eq.u32 %p1, %t, 0;"
        "@%p1 st.shared.v4.u32 [%r1], {%t, %t, %t, %t}; @!%p1 ld.shared.u32 %r2, [%r1+12];"
    )
    raced(run(body, block=(2, 1, 1)))


def test_neighbouring_bytes_do_not_race() -> None:
    body = (
        S + "add.u32 %r6, %r1, %t; st.shared.u8 [%r6], 1; add.u64 %rd1, %a0, 0;"
        "cvt.u64.u32 %rd2, %g; add.u64 %rd1, %rd1, %rd2; st.global.u8 [%rd1], 1;"
    )
    assert run(body, [64], grid=(2, 1, 1)).findings == ()


def test_neighbouring_halves_race_with_the_word_that_holds_both() -> None:
    body = (
        S + "setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [%r1], 1;@!%p1 ld.shared.u16 %r5, [%r1+2];"
    )
    raced(run(body, block=(2, 1, 1)))


# Global memory

G = "add.u32 %r3, %g, 1; and.b32 %r3, %r3, 31; mad.wide.u32 %rd1, %r3, 4, %a0;"


@pytest.mark.parametrize("grid", [1, 2, 4])
def test_a_missing_barrier_in_global_memory(grid: int) -> None:
    body = G + "st.global.u32 [%o], %g; ld.global.u32 %r4, [%rd1];"
    outcome = run(body, [128], grid=(grid, 1, 1), block=(32 // grid, 1, 1))
    message = raced(outcome)
    assert "cell 1 of a buffer of 32 cells" in message
    assert outcome.findings[0].count == 32


def test_a_barrier_orders_a_block_but_not_the_grid() -> None:
    body = G + "st.global.u32 [%o], %g; bar.sync 0; ld.global.u32 %r4, [%rd1];"
    assert run(body, [128], block=(32, 1, 1)).findings == ()
    outcome = run(body, [128], grid=(2, 1, 1), block=(16, 1, 1))
    message = raced(outcome)
    assert message.endswith(
        "which thread 0 of block 1 wrote, and nothing orders different blocks within a launch"
    )
    assert outcome.findings[0].count == 2


def test_blocks_of_different_waves_race_too() -> None:
    # 100 blocks of 1024 threads are more than one wave; all read what block 0 writes.
    body = """
        ld.global.u32 %r1, [%a1]; st.global.u32 [%o], %r1;
        setp.eq.u32 %p1, %g, 0; @%p1 st.global.u32 [%a1], 5;
    """
    for order in (body, "\n".join(reversed(body.strip().splitlines()))):
        outcome = run(
            order,
            [100 * 4096, np.zeros(1, dtype=np.uint32)],
            grid=(100, 1, 1),
            block=(1024, 1, 1),
        )
        raced(outcome)
        parties = {f.block for f in outcome.findings} | {f.other_block for f in outcome.findings}
        assert (0, 0, 0) in parties


def test_the_same_cell_in_two_launches_does_not_race() -> None:
    outcome = run("st.global.u32 [%a0], %g;", [4], block=(1, 1, 1))
    assert outcome.findings == ()


def test_a_last_block_that_counts_arrivals_is_no_race() -> None:
    # Each block leaves a value, fences and counts; whoever comes last adds them up.
    body = """
        mad.wide.u32 %rd1, %b, 4, %a1; add.u32 %r1, %b, 1; st.global.u32 [%rd1], %r1;
        membar.gl;
        atom.global.add.u32 %r2, [%a0], 1; membar.gl;
        setp.ne.u32 %p1, %r2, 3; @%p1 exit;
        ld.global.u32 %r3, [%a1]; ld.global.u32 %r4, [%a1+4]; add.u32 %r3, %r3, %r4;
        st.global.u32 [%a0+4], %r3;
    """
    outcome = run(body, [np.zeros(2, dtype=np.uint32), 16], grid=(4, 1, 1), block=(1, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == [4, 3]


def test_the_same_without_a_fence_is_a_race() -> None:
    body = """
        mad.wide.u32 %rd1, %b, 4, %a1; add.u32 %r1, %b, 1; st.global.u32 [%rd1], %r1;
        atom.global.add.u32 %r2, [%a0], 1; membar.gl;
        setp.ne.u32 %p1, %r2, 3; @%p1 exit;
        ld.global.u32 %r3, [%a1];
    """
    raced(run(body, [np.zeros(2, dtype=np.uint32), 16], grid=(4, 1, 1), block=(1, 1, 1)))


COUNTS = """
    add.u32 %r9, %t, 1; mad.wide.u32 %rd1, %r9, 4, %a1; st.global.u32 [%rd1], %t;
    FENCE atom.ORDER.gpu.global.add.u32 %r2, [%a0], 1; FENCE
    setp.ne.u32 %p1, %r2, 31; @%p1 exit;
    ld.global.u32 %r3, [%a1+12]; st.global.u32 [%a1], %r3;
"""


@pytest.mark.parametrize(
    ("fence", "order"),
    [("fence.acq_rel.gpu;", "relaxed"), ("fence.acq_rel.cta;", "relaxed"), ("", "acq_rel")],
)
def test_a_last_thread_that_counts_arrivals_is_no_race(fence: str, order: str) -> None:
    body = COUNTS.replace("FENCE", fence).replace("ORDER", order)
    outcome = run(body, [np.zeros(1, np.uint32), np.zeros(33, np.uint32)], block=(32, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[1][0] == 2


def test_a_last_thread_that_counts_arrivals_without_order_is_a_race() -> None:
    body = COUNTS.replace("FENCE", "").replace("ORDER", "relaxed")
    raced(run(body, [np.zeros(1, np.uint32), np.zeros(33, np.uint32)], block=(32, 1, 1)))


def test_a_flag_that_is_set_after_a_fence_orders_two_threads() -> None:
    body = """
        setp.eq.u32 %p1, %t, 0; setp.eq.u32 %p2, %t, 32;
        @%p1 st.global.u32 [%a0+4], 7; FENCE @%p1 st.relaxed.gpu.global.u32 [%a0], 1;
        @!%p2 exit;
        LOOP: ld.LOAD.gpu.global.u32 %r3, [%a0]; setp.eq.u32 %p3, %r3, 0; @%p3 bra LOOP;
        ld.global.u32 %r4, [%a0+4]; st.global.u32 [%a0+8], %r4;
    """
    ordered = body.replace("FENCE", "@%p1 fence.acq_rel.gpu;").replace("LOAD", "acquire")
    outcome = run(ordered, [np.zeros(3, dtype=np.uint32)], block=(64, 1, 1))
    assert (outcome.findings, outcome.buffers[0].tolist()) == ((), [1, 7, 7])
    for fence, load in (("", "relaxed"), ("", "acquire"), ("@%p1 fence.acq_rel.gpu;", "relaxed")):
        half = body.replace("FENCE", fence).replace("LOAD", load)
        raced(run(half, [np.zeros(3, dtype=np.uint32)], block=(64, 1, 1)))


def test_volatile_accesses_may_conflict() -> None:
    body = "st.volatile.global.u32 [%a0], %g; ld.volatile.global.u32 %r1, [%a0];"
    assert run(body, [4], grid=(2, 1, 1)).findings == ()


def test_the_check_can_be_switched_off() -> None:
    off = checks_without("races")
    assert run(S + "st.shared.u32 [%r1], %t;", checks=off).findings == ()


def test_a_real_kernel_without_its_barrier() -> None:
    values, weights = np.arange(30, dtype=np.float32), np.ones(15, dtype=np.float32)
    how: dict[str, Any] = {"grid": (2, 1, 1), "block": (15, 1, 1)}
    whole = real("conv1d_30_15")
    assert run_text(whole, [120, values, weights], **how).findings == ()
    outcome = run_text(whole.replace("bar.sync \t0;", ""), [120, values, weights], **how)
    assert "with no barrier between the two" in raced(outcome)
    # The answer is right all the same: only the check can see this.
    assert outcome.buffers[0].view(np.float32)[0] == values[:15].sum()


# Against a slow model: every pair of accesses is looked at.

STEPS = st.lists(
    st.one_of(
        st.just("barrier"),
        st.tuples(
            st.sampled_from(["read", "write", "atomic"]),
            # which lanes, and lane -> cell as (multiplier, offset)
            st.lists(st.integers(0, 5), min_size=1, max_size=6, unique=True),
            st.integers(0, 1),
            st.integers(0, 3),
        ),
    ),
    min_size=1,
    max_size=7,
)


def model_races(steps: list[Any]) -> bool:
    """Whether any two accesses of an interval conflict."""
    interval: list[tuple[str, int, int]] = []
    for step in steps:
        if step == "barrier":
            interval = []
            continue
        kind, lanes, scale, offset = step
        for lane in lanes:
            cell = lane * scale + offset
            for other_kind, other_lane, other_cell in interval:
                plain_pair = {kind, other_kind} - {"atomic"}
                writes = {kind, other_kind} & {"write", "atomic"}
                if other_cell == cell and other_lane != lane and plain_pair and writes:
                    return True
            interval.append((kind, lane, cell))
    return False


@settings(max_examples=200, deadline=None)
@given(STEPS, st.sampled_from(["shared", "global"]))
def test_races_are_found_exactly_where_there_are_any(steps: list[Any], space: str) -> None:
    lines = [".shared .align 4 .b8 s[64]; mov.u64 %rd9, s;"]
    if space == "global":
        lines.append("mov.u64 %rd9, %a0;")
    for step in steps:
        if step == "barrier":
            lines.append("bar.sync 0;")
            continue
        kind, lanes, scale, offset = step
        mask = sum(1 << lane for lane in lanes)
        lines.append(f"shr.u32 %r5, {mask}, %t; and.b32 %r5, %r5, 1; setp.eq.u32 %p1, %r5, 1;")
        lines.append(f"mul.lo.u32 %r6, %t, {scale * 4}; cvt.u64.u32 %rd1, %r6;")
        lines.append("add.u64 %rd1, %rd1, %rd9;")
        access = {
            "read": f"ld.{space}.u32 %r7, [%rd1+{offset * 4}];",
            "write": f"st.{space}.u32 [%rd1+{offset * 4}], %t;",
            "atomic": f"atom.{space}.add.u32 %r7, [%rd1+{offset * 4}], 1;",
        }[kind]
        lines.append(f"@%p1 {access}")
    zeros = np.zeros(16, dtype=np.uint32)
    checks = checks_without("uninitialised")
    outcome = run("\n".join(lines), [zeros], block=(6, 1, 1), checks=checks)
    assert outcome.result == 0
    assert (FindingKind.RACE in outcome.kinds) == model_races(steps)
