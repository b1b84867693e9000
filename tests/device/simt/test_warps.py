"""Shuffles, votes and the like, against one warp written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device.evidence import FindingKind
from tests.device.kernels import results, run

LANES = list(range(32))


def shuffled(mode: str, lane: int, b: int, c: int) -> tuple[int, bool]:
    """Source lane and predicate, as the PTX manual's pseudocode for shfl.sync has it."""
    segment, clamp = c >> 8 & 31, c & 31
    highest = lane & segment | clamp & ~segment & 31
    lowest = lane & segment
    b &= 31
    if mode == "up":
        source, good = lane - b, lane - b >= highest
    elif mode == "down":
        source, good = lane + b, lane + b <= highest
    elif mode == "bfly":
        source, good = lane ^ b, lane ^ b <= highest
    else:
        source = lowest | b & ~segment & 31
        good = source <= highest
    return (source if good else lane), good


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["up", "down", "bfly", "idx"]),
    st.integers(0, 40),
    st.sampled_from([0x1F, 0x0, 0x181F, 0x1C1F, 0x1807, 0x1C00, 0x1E1F]),
)
def test_shuffle_follows_the_manual(mode: str, b: int, c: int) -> None:
    body = f"""
        add.u32 %r1, %t, 100;
        shfl.sync.{mode}.b32 %r2|%p1, %r1, {b}, {c}, -1;
        selp.u32 %r3, 1000, 0, %p1; add.u32 %r0, %r2, %r3;
    """
    wanted = []
    for lane in LANES:
        source, good = shuffled(mode, lane, b, c)
        wanted.append(source + 100 + (1000 if good else 0))
    assert results(body, threads=64) == wanted[:32] + [w + 32 for w in wanted]


def test_a_shuffle_from_a_thread_that_is_not_there_gives_poison() -> None:
    body = "shfl.sync.down.b32 %r0, %t, 8, 31, -1;"
    wanted = [t + 8 if t + 8 < 12 else 0x7FA5A5A5 for t in range(12)]
    out = [np.zeros(12, dtype=np.uint32)]
    outcome = run(body + "st.global.u32 [%o], %r0;", out, block=(12, 1, 1))
    assert outcome.buffers[0].tolist() == wanted


def inactive(body: str, threads: int) -> list[tuple[str, int]]:
    """What is told of lanes that are not there: the first, and how many took from them."""
    out = [np.zeros(threads, dtype=np.uint32)]
    outcome = run(body + "st.global.u32 [%o], %r0;", out, block=(threads, 1, 1))
    assert outcome.result == 0
    assert set(outcome.kinds) <= {FindingKind.INACTIVE_LANE}
    return [(each.message, each.count) for each in outcome.findings]


@pytest.mark.parametrize(
    ("body", "threads", "takers"),
    [
        ("shfl.sync.down.b32 %r0, %t, 8, 31, -1;", 12, (4, 8)),
        ("shfl.sync.bfly.b32 %r0, %t, 16, 31, -1;", 40, (32, 8)),
        ("shfl.sync.idx.b32 %r0, %t, 31, 31, -1;", 31, (0, 31)),
        # Lanes that have ended.
        (
            "setp.ge.u32 %p1, %t, 20; @%p1 exit; shfl.sync.idx.b32 %r0, %t, 25, 31, -1;",
            32,
            (0, 20),
        ),
        # Lanes of the other branch.
        (
            "setp.lt.u32 %p1, %t, 16; @!%p1 bra E; shfl.sync.down.b32 %r0, %t, 8, 31, 0xFFFF; E:",
            32,
            (8, 8),
        ),
    ],
)
def test_a_shuffle_from_a_lane_without_a_thread_is_told(body, threads, takers):
    first, count = takers
    ((message, told),) = inactive(body, threads)
    assert message.startswith(f"thread {first} of block 0 took a value from lane ")
    assert told == count


@pytest.mark.parametrize(
    ("body", "threads"),
    [
        # The source is beyond the clamp: each lane keeps its own.
        ("shfl.sync.down.b32 %r0, %t, 8, 7, -1;", 8),
        ("shfl.sync.up.b32 %r0, %t, 8, 0, -1;", 12),
        ("shfl.sync.bfly.b32 %r0, %t, 4, 31, -1;", 8),
        ("shfl.sync.bfly.b32 %r0, %t, 16, 31, -1;", 64),
    ],
)
def test_a_shuffle_among_threads_that_are_there_is_not(body, threads):
    assert inactive(body, threads) == []


def test_a_shuffle_waits_for_the_lanes_of_its_mask() -> None:
    # The lower half comes by way of a loop that takes each lane a different time.
    body = """
        mov.u32 %r1, 0; setp.ge.u32 %p1, %t, 16; @%p1 bra MEET;
      SPIN: add.u32 %r1, %r1, 1; setp.le.u32 %p2, %r1, %t; @%p2 bra SPIN;
      MEET: shfl.sync.bfly.b32 %r0, %t, 16, 31, -1;
    """
    assert results(body) == [t ^ 16 for t in LANES]


def test_halves_of_a_warp_shuffle_on_their_own() -> None:
    body = """
        setp.lt.u32 %p1, %t, 16; @!%p1 bra HIGH;
        shfl.sync.idx.b32 %r0, %t, 3, 31, 0xFFFF; bra END;
      HIGH: shfl.sync.idx.b32 %r0, %t, 20, 31, 0xFFFF0000;
      END:
    """
    assert results(body) == [3] * 16 + [20] * 16


def test_lanes_that_ended_are_not_waited_for() -> None:
    body = "setp.ge.u32 %p1, %t, 20; @%p1 exit; shfl.sync.idx.b32 %r0, %t, 5, 31, -1;"
    outcome = run(body + "st.global.u32 [%o], %r0;", [np.zeros(32, dtype=np.uint32)])
    assert outcome.result == 0
    assert outcome.buffers[0].tolist() == [5] * 20 + [0] * 12


def test_a_warp_that_waits_for_ever_is_found() -> None:
    body = """
        setp.lt.u32 %p1, %t, 16; @%p1 bra LOW;
        bar.sync 0; bra END;
      LOW: shfl.sync.idx.b32 %r0, %t, 0, 31, -1;
      END:
    """
    outcome = run(body, [np.zeros(32, dtype=np.uint32)])
    assert outcome.result == 702
    assert outcome.kinds == [FindingKind.BARRIER_DIVERGENCE]


@pytest.mark.parametrize(
    ("instruction", "wanted"),
    [
        ("vote.sync.ballot.b32 %r0, %p1, -1;", None),
        ("vote.sync.any.pred %p2, %p1, -1; selp.u32 %r0, 1, 0, %p2;", [1] * 32),
        ("vote.sync.all.pred %p2, %p1, -1; selp.u32 %r0, 1, 0, %p2;", [0] * 32),
        ("vote.sync.uni.pred %p2, %p1, -1; selp.u32 %r0, 1, 0, %p2;", [0] * 32),
        ("vote.sync.all.pred %p2, !%p3, -1; selp.u32 %r0, 1, 0, %p2;", [1] * 32),
        ("activemask.b32 %r0;", [0xFFFFFFFF] * 32),
        ("redux.sync.add.u32 %r0, %t, -1;", [sum(LANES)] * 32),
        ("redux.sync.max.s32 %r0, %t, -1;", [31] * 32),
        ("redux.sync.xor.b32 %r0, %t, -1;", [0] * 32),
        ("and.b32 %r1, %t, 3; match.any.sync.b32 %r0, %r1, -1;", None),
        ("match.all.sync.b32 %r0|%p2, %n, -1;", [0xFFFFFFFF] * 32),
        ("match.all.sync.b32 %r0|%p2, %t, -1;", [0] * 32),
        ("elect.sync %r1|%p2, -1; selp.u32 %r0, 5, %r1, %p2;", [5] + [0] * 31),
    ],
)
def test_collective(instruction: str, wanted: Any) -> None:
    body = f"""
        rem.u32 %r9, %t, 3; setp.eq.u32 %p1, %r9, 0; setp.gt.u32 %p3, %t, 90;
        {instruction}
    """
    if wanted is None and "ballot" in instruction:
        wanted = [sum(1 << t for t in LANES if t % 3 == 0)] * 32
    elif wanted is None:
        wanted = [sum(1 << k for k in LANES if k % 4 == t % 4) for t in LANES]
    assert results(body) == wanted


def test_active_lanes_are_those_that_came_together() -> None:
    body = """
        mov.u32 %r0, 0; setp.lt.u32 %p1, %t, 5; @!%p1 bra END;
        activemask.b32 %r0;
      END:
    """
    assert results(body) == [0b11111] * 5 + [0] * 27


def test_collectives_of_several_warps_do_not_mix() -> None:
    body = "redux.sync.add.u32 %r0, %t, -1;"
    assert (
        results(body, threads=70, blocks=2)
        == ([sum(range(32))] * 32 + [sum(range(32, 64))] * 32 + [sum(range(64, 70))] * 6) * 2
    )
