"""Barriers of a block."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device.evidence import FindingKind
from tests.device.kernels import Outcome, results, run

REVERSE = """
    .shared .align 4 .b8 s[4096];
    mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;
    st.shared.u32 [%r2], %g;
    {barrier}
    sub.u32 %r3, %n, 1; sub.u32 %r3, %r3, %t; mad.lo.u32 %r4, %r3, 4, %r1;
    ld.shared.u32 %r0, [%r4];
"""


@pytest.mark.parametrize(
    "barrier", ["bar.sync 0;", "barrier.sync 3;", "barrier.sync.aligned 0;", "bar.cta.sync 1;"]
)
def test_threads_see_what_others_wrote_before(barrier: str) -> None:
    wanted = [b * 100 + 99 - t for b in range(3) for t in range(100)]
    assert results(REVERSE.format(barrier=barrier), threads=100, blocks=3) == wanted


def test_a_barrier_waits_for_slow_threads() -> None:
    slow = """
        mov.u32 %r9, 0; setp.ge.u32 %p1, %t, 50; @%p1 bra GO;
      SPIN: add.u32 %r9, %r9, 1; setp.lt.u32 %p2, %r9, %t; @%p2 bra SPIN;
      GO: bar.sync 0;
    """
    body = (
        """
        .shared .align 4 .b8 s[4096];
        mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;
    """
        + slow
        + """
        st.shared.u32 [%r2], %g; bar.sync 0;
        sub.u32 %r3, 99, %t; mad.lo.u32 %r4, %r3, 4, %r1; ld.shared.u32 %r0, [%r4];
    """
    )
    assert results(body, threads=100) == [99 - t for t in range(100)]


def test_threads_that_ended_do_not_hold_a_barrier_up() -> None:
    body = """
        setp.ge.u32 %p1, %t, 10; @%p1 exit;
        bar.sync 0; st.global.u32 [%o], 1;
    """
    outcome = run(body, [np.zeros(64, dtype=np.uint32)], block=(64, 1, 1))
    assert (outcome.result, outcome.kinds) == (0, [FindingKind.EXITED_BEFORE_BARRIER])
    assert outcome.buffers[0].tolist() == [1] * 10 + [0] * 54
    finding = outcome.findings[0]
    assert (finding.thread, finding.other_thread, finding.count) == ((10, 0, 0), (0, 0, 0), 54)
    assert finding.ptx_text == "bar.sync 0;"


def test_threads_that_end_later_release_a_barrier() -> None:
    body = """
        setp.lt.u32 %p1, %t, 10; @%p1 bra WAIT;
        mov.u32 %r1, 0;
      SPIN: add.u32 %r1, %r1, 1; setp.lt.u32 %p2, %r1, %t; @%p2 bra SPIN;
        exit;
      WAIT: bar.sync 0; st.global.u32 [%o], 1;
    """
    outcome = run(body, [np.zeros(64, dtype=np.uint32)], block=(64, 1, 1))
    assert (outcome.result, outcome.kinds) == (0, [FindingKind.EXITED_BEFORE_BARRIER])
    assert int(outcome.buffers[0].sum()) == 10


def test_named_barriers_with_thread_counts() -> None:
    # Warps 0 and 1 meet at barrier 1, warps 2 and 3 at barrier 2.
    body = """
        .shared .align 4 .b8 s[512];
        mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1; st.shared.u32 [%r2], %t;
        shr.u32 %r5, %t, 6; add.u32 %r5, %r5, 1;
        barrier.sync %r5, 64;
        xor.b32 %r3, %t, 63; mad.lo.u32 %r4, %r3, 4, %r1; ld.shared.u32 %r0, [%r4];
    """
    assert results(body, threads=128) == [t ^ 63 for t in range(128)]


def test_arriving_does_not_wait() -> None:
    body = """
        .shared .align 4 .b8 s[4]; mov.u32 %r1, s;
        setp.lt.u32 %p1, %t, 32; @%p1 bra MAKER;
        bar.sync 1, 64; ld.shared.u32 %r0, [%r1]; bra END;
      MAKER: setp.eq.u32 %p2, %t, 0; @%p2 st.shared.u32 [%r1], 9;
        bar.arrive 1, 64; mov.u32 %r0, 1;
      END:
    """
    assert results(body, threads=64) == [1] * 32 + [9] * 32


@pytest.mark.parametrize(
    ("instruction", "wanted"),
    [
        ("bar.red.popc.u32 %r0, 0, %p1;", [10, 7]),
        ("bar.red.and.pred %p2, 0, %p1; selp.u32 %r0, 1, 0, %p2;", [0, 0]),
        ("bar.red.or.pred %p2, 0, %p1; selp.u32 %r0, 1, 0, %p2;", [1, 1]),
        ("bar.red.and.pred %p2, 0, !%p3; selp.u32 %r0, 1, 0, %p2;", [1, 1]),
    ],
)
def test_reductions_over_the_block(instruction: str, wanted: list[int]) -> None:
    body = f"""
        mul.lo.u32 %r1, %b, 3; sub.u32 %r1, 10, %r1; setp.lt.u32 %p1, %t, %r1;
        setp.gt.u32 %p3, %t, 5000; {instruction}
    """
    assert results(body, threads=40, blocks=2) == [wanted[0]] * 40 + [wanted[1]] * 40


def stuck(outcome: Outcome) -> None:
    assert outcome.result == 702
    assert outcome.kinds == [FindingKind.BARRIER_DIVERGENCE]


def test_threads_at_different_barriers_are_found() -> None:
    body = """
        setp.lt.u32 %p1, %t, 16; @%p1 bra LOW;
        bar.sync 1; bra END;
      LOW: bar.sync 2;
      END:
    """
    outcome = run(body, [np.zeros(32, dtype=np.uint32)])
    stuck(outcome)
    message = outcome.findings[0].message
    assert message.startswith("thread 0 of block 0 waits at a barrier for thread 16")


def test_a_count_that_is_never_reached_is_found() -> None:
    stuck(run("bar.sync 0, 64;", [np.zeros(32, dtype=np.uint32)]))


def test_one_warp_at_two_instructions_of_a_barrier_is_found() -> None:
    # A GPU may go on or hang; the barrier counts threads, so here it goes on.
    body = """
        setp.lt.u32 %p1, %t, 16; @%p1 bra LOW;
        bar.sync 0; bra END;
      LOW: bar.sync 0;
      END:
    """
    outcome = run(body, [np.zeros(32, dtype=np.uint32)])
    assert outcome.result == 0
    assert outcome.kinds == [FindingKind.BARRIER_DIVERGENCE]
    assert "one warp" in outcome.findings[0].message


TWO_PLACES = """
    setp.lt.u32 %p1, %t, 32; @%p1 bra LOW;
    {first}; bra END;
  LOW: {second};
  END:
"""


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("bar.sync 1, 64", "bar.sync 1, 64"),
        ("bar.arrive 1, 64", "bar.sync 1, 64"),
        ("barrier.sync 0", "barrier.sync 0"),
        ("barrier.sync 0", "bar.sync 0"),
    ],
)
def test_warps_may_meet_at_two_instructions_of_a_barrier(first: str, second: str) -> None:
    """Where it has a count of threads, as in the manual's example, or is not aligned."""
    body = TWO_PLACES.format(first=first, second=second)
    outcome = run(body, [np.zeros(64, dtype=np.uint32)], block=(64, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())


@pytest.mark.parametrize("first", ["bar.sync 0", "barrier.sync.aligned 0", "bar.cta.sync 0"])
def test_warps_at_two_instructions_of_a_barrier_for_all_are_found(first: str) -> None:
    """PTX ISA, "barrier": all threads of the block will execute the same aligned barrier."""
    body = TWO_PLACES.format(first=first, second="bar.sync 0")
    outcome = run(body, [np.zeros(64, dtype=np.uint32)], block=(64, 1, 1))
    assert (outcome.result, outcome.kinds) == (0, [FindingKind.BARRIER_DIVERGENCE])
    assert "one block" in outcome.findings[0].message


# A barrier inside `if i < size`, by what the threads that skip it do afterwards.
SKIPPED = """
    setp.ge.u32 %p1, %g, {size}; @%p1 bra AFTER;
    bar.sync 0; mov.u32 %r1, 1; st.global.u32 [%o], 1;
  AFTER: {after}
"""


@pytest.mark.parametrize("threads", [15, 32, 64])
@pytest.mark.parametrize(
    ("after", "kind"),
    [
        ("", FindingKind.EXITED_BEFORE_BARRIER),
        ("st.global.u32 [%o+4], 2; exit;", FindingKind.EXITED_BEFORE_BARRIER),
        ("bar.sync 0; st.global.u32 [%o+4], 2;", FindingKind.BARRIER_DIVERGENCE),
        ("@%p1 bar.sync 0; @%p1 bar.sync 0;", FindingKind.BARRIER_DIVERGENCE),
        ("bar.sync 1;", FindingKind.BARRIER_DIVERGENCE),
        ("@!%p1 bar.sync 0;", FindingKind.EXITED_BEFORE_BARRIER),
    ],
    ids=["end", "write and end", "another barrier", "two others", "another number", "skip it too"],
)
@pytest.mark.parametrize("boundary", ["in a warp", "between warps"])
def test_a_barrier_that_some_threads_skip(
    after: str, kind: FindingKind, threads: int, boundary: str
) -> None:
    size = threads + (7 if boundary == "in a warp" or threads < 64 else 32)
    body = SKIPPED.format(size=size, after=after)
    outcome = run(
        body, [np.zeros(2 * threads + 1, np.uint32)], block=(threads, 1, 1), grid=(2, 1, 1)
    )
    assert kind in outcome.kinds
    others = {FindingKind.EXITED_BEFORE_BARRIER, FindingKind.BARRIER_DIVERGENCE} - {kind}
    if kind is FindingKind.EXITED_BEFORE_BARRIER:
        assert not others & set(outcome.kinds)
        assert outcome.result == 0


def test_a_barrier_that_whole_blocks_skip_is_no_matter() -> None:
    body = SKIPPED.format(size=30, after="bar.sync 0;").replace("%g", "%b")
    outcome = run(body, [np.zeros(64, np.uint32)], block=(15, 1, 1), grid=(4, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())


@pytest.mark.parametrize("count", [0, 32])
def test_the_last_warp_of_a_block_counts_whole_at_a_barrier_of_a_number(count: int) -> None:
    """Mojo's ``named_barrier[32]`` in a block of 15 threads: a GPU passes it."""
    body = (
        f"bar.sync 0, {count}; st.global.u32 [%o], 7;"
        if count
        else ("bar.sync 0; st.global.u32 [%o], 7;")
    )
    outcome = run(body, [np.zeros(15, np.uint32)], block=(15, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())


def test_a_barrier_of_two_warps_waits_for_the_second() -> None:
    body = "setp.ge.u32 %p1, %t, 32; @%p1 bra E; bar.sync 1, 64; E: st.global.u32 [%o], 7;"
    assert run(body, [np.zeros(47, np.uint32)], block=(47, 1, 1)).result == 702
    both = "bar.sync 1, 64; st.global.u32 [%o], 7;"
    assert run(both, [np.zeros(47, np.uint32)], block=(47, 1, 1)).result == 0
