"""Clusters: where blocks are, what their barrier orders, and each other's shared memory.

The right pattern is clean in every schedule; with any one of its synchronisations left out it is
found in the plain one already.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grader.device.evidence import FindingKind, Space
from grader.errors import UnsupportedByDevice
from tests.device.kernels import Outcome, results, run, run_text

THREADS, BLOCKS, SIZE = 32, 8, 4
SCHEDULES = range(9)

# %r5 is the block's rank; %r1 a thread's word of shared memory, %r2 that of the same thread in the
# next block of the cluster.
PLACES = """
    .shared .align 8 .b8 s[512]; .shared .align 8 .b8 m[8]; .reg .b64 %s<4>;
    mov.u32 %r9, s; mad.lo.u32 %r1, %t, 4, %r9;
    mov.u32 %r5, %cluster_ctarank; mov.u32 %r6, %cluster_nctarank;
    add.u32 %r7, %r5, 1; rem.u32 %r7, %r7, %r6; mapa.shared::cluster.u32 %r2, %r1, %r7;
    setp.eq.u32 %p7, %t, 0; setp.eq.u32 %p6, %r5, 0;
"""
ARRIVE, WAIT = "barrier.cluster.arrive.aligned;", "barrier.cluster.wait.aligned;"
MEET = ARRIVE + WAIT
READ = "ld.shared::cluster.u32 %r0, [%r2];"
RESULT = "st.global.u32 [%o], %r0;"


def clustered(*parts: str, **how: Any) -> Outcome:
    how = {"block": (THREADS, 1, 1), "grid": (BLOCKS, 1, 1), "cluster": (SIZE, 1, 1), **how}
    cells = how["grid"][0] * how["block"][0]
    return run(PLACES + " ".join(parts), [np.zeros(cells, dtype=np.uint32)], **how)


def passes_on(*, leave_out: int = -1) -> list[str]:
    """Each block reads what the next one of its cluster has stored."""
    parts = ["st.shared.u32 [%r1], %g;", ARRIVE, WAIT, READ, RESULT, ARRIVE, WAIT]
    return [part for k, part in enumerate(parts) if k != leave_out]


def of_the_next(blocks: int = BLOCKS, size: int = SIZE) -> list[int]:
    """The global thread whose number each thread reads."""
    block, thread = np.divmod(np.arange(blocks * THREADS), THREADS)
    following = block // size * size + (block + 1) % size
    return [int(number) for number in following * THREADS + thread]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_block_reads_what_the_next_has_stored(schedule: int) -> None:
    outcome = clustered(*passes_on(), schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == of_the_next()


@pytest.mark.parametrize(
    ("left_out", "kinds"),
    [
        (1, {FindingKind.BARRIER_DIVERGENCE}),  # the wait has no arrival
        (2, {FindingKind.RACE, FindingKind.ABSENT_BLOCK, FindingKind.BARRIER_DIVERGENCE}),
        (5, {FindingKind.BARRIER_DIVERGENCE}),
        (6, {FindingKind.ABSENT_BLOCK}),
    ],
)
def test_each_synchronisation_that_is_left_out_is_found(
    left_out: int, kinds: set[FindingKind]
) -> None:
    assert set(clustered(*passes_on(leave_out=left_out)).kinds) == kinds


def test_without_the_last_barrier_a_block_may_end_too_early() -> None:
    outcome = clustered(*passes_on()[:-2])
    assert outcome.kinds == [FindingKind.ABSENT_BLOCK]
    assert (outcome.findings[0].array, outcome.findings[0].cell) == ("shared array 1", 0)
    assert outcome.findings[0].message == (
        "thread 0 of block 3 read cell 0 of shared array 1 of block 0, which may have ended by then"
    )


def test_a_barrier_of_the_block_is_none_of_the_cluster() -> None:
    parts = passes_on()
    parts[1:3] = ["bar.sync 0;"]
    outcome = clustered(*parts)
    assert set(outcome.kinds) == {FindingKind.RACE, FindingKind.ABSENT_BLOCK}
    race = next(found for found in outcome.findings if found.kind is FindingKind.RACE)
    assert (race.space, race.block, race.other_block) == (Space.SHARED, (0, 0, 0), (1, 0, 0))
    assert race.message.endswith(
        "which thread 0 of block 1 wrote, with no barrier of their cluster between the two"
    )


def test_what_lies_between_arrival_and_wait_is_not_ordered() -> None:
    parts = passes_on()
    parts[0], parts[1] = ARRIVE, parts[0]
    assert FindingKind.RACE in clustered(*parts).kinds


def test_a_relaxed_arrival_orders_what_was_fenced() -> None:
    parts = passes_on()
    parts[1] = "barrier.cluster.arrive.relaxed;"
    assert FindingKind.RACE in clustered(*parts).kinds
    parts[1] = "fence.acq_rel.cluster;" + parts[1]
    assert clustered(*parts).findings == ()


def test_blocks_that_write_to_one_cell_race() -> None:
    body = "mapa.shared::cluster.u32 %r3, %r1, 0; st.shared::cluster.u32 [%r3], %g;"
    outcome = clustered(MEET, body, MEET)
    (race,) = outcome.findings
    assert (race.kind, race.block, race.other_block) == (FindingKind.RACE, (0, 0, 0), (3, 0, 0))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_blocks_add_atomically_to_the_first_ones_memory(schedule: int) -> None:
    outcome = clustered(
        "mov.u32 %r3, 0; st.shared.u32 [%r1], %r3;",
        MEET,
        "mapa.shared::cluster.u32 %r3, %r1, 0;",
        "red.relaxed.cluster.shared::cluster.add.u32 [%r3], %b;",
        MEET,
        "@%p6 ld.shared.u32 %r0, [%r1];",
        RESULT,
        schedule=schedule,
    )
    assert (outcome.result, outcome.findings) == (0, ())
    sums = outcome.buffers[0].reshape(BLOCKS, THREADS)
    assert sums[0].tolist() == [0 + 1 + 2 + 3] * THREADS
    assert sums[4].tolist() == [4 + 5 + 6 + 7] * THREADS


def test_generic_addresses_reach_other_blocks() -> None:
    """A rank is found again in what ``mapa`` gives, in both kinds of addresses."""
    parts = passes_on()
    parts[3] = """
        cvt.u64.u32 %rd1, %r1; cvta.shared.u64 %rd1, %rd1; mapa.u64 %rd2, %rd1, %r7;
        ld.u32 %r0, [%rd2];
        getctarank.u64 %r20, %rd2; getctarank.shared::cluster.u32 %r21, %r2;
        getctarank.u64 %r22, %rd1; isspacep.shared::cluster %p1, %rd2; isspacep.shared %p2, %rd2;
        setp.ne.u32 %p3, %r20, %r7; @%p3 trap; setp.ne.u32 %p3, %r21, %r7; @%p3 trap;
        setp.ne.u32 %p3, %r22, %r5; @%p3 trap; @!%p1 trap; @%p2 trap;
    """
    outcome = clustered(*parts)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == of_the_next()


def test_a_rank_that_is_not_there_and_a_cell_that_is_not() -> None:
    for body, where in (
        ("mapa.shared::cluster.u32 %r3, %r1, 4;", ""),
        ("add.u32 %r3, %r2, 512;", "cell 128 of shared array 1, which has 128 cells"),
        ("sub.u32 %r3, %r2, 256;", "cell -64 of shared array 1, which has 128 cells"),
    ):
        outcome = clustered(MEET, body, "ld.shared::cluster.u32 %r0, [%r3];", MEET)
        assert (outcome.result, outcome.kinds) == (700, [FindingKind.OUT_OF_BOUNDS])
        assert where in outcome.findings[0].message


def test_a_plain_access_does_not_reach_another_block() -> None:
    outcome = clustered(MEET, "ld.shared.u32 %r0, [%r2];", MEET)
    assert outcome.kinds == [FindingKind.OUT_OF_BOUNDS]


def test_memory_of_a_block_that_has_ended() -> None:
    """The first block of each cluster goes on alone."""
    body = "st.shared.u32 [%r1], 1;" + MEET + "@!%p6 exit; mov.u32 %r3, 0;"
    loop = "L: add.u32 %r3, %r3, 1; setp.lt.u32 %p1, %r3, 50; @%p1 bra L;"
    outcome = clustered(body, loop, READ)
    (finding,) = outcome.findings
    assert finding.kind is FindingKind.ABSENT_BLOCK
    assert finding.message == (
        "thread 0 of block 0 read cell 0 of shared array 1 of block 1, which has ended"
    )


def test_many_clusters_take_turns() -> None:
    grid = (200, 1, 1)
    outcome = clustered(*passes_on(), grid=grid)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == of_the_next(200)
    racing = clustered(MEET, "@%p7 st.global.u32 [%a0], %b;", grid=grid)
    assert racing.kinds == [FindingKind.RACE]


@pytest.mark.parametrize("threads", [THREADS, 128])
def test_a_large_cluster_is_right_too(threads: int) -> None:
    how = {"grid": (16, 1, 1), "cluster": (16, 1, 1), "cluster_limit": 16}
    outcome = clustered(*passes_on(), block=(threads, 1, 1), **how)
    assert (outcome.result, outcome.findings) == (0, ())
    if threads == THREADS:
        assert outcome.buffers[0].tolist() == of_the_next(16, 16)


# ---- divergence ----


def test_threads_that_have_ended_are_not_waited_for() -> None:
    outcome = clustered("setp.gt.u32 %p1, %t, 9; @%p1 exit;", MEET, "mov.u32 %r0, 5;", RESULT)
    assert (outcome.result, outcome.findings) == (0, ())
    assert int(outcome.buffers[0].sum()) == 5 * 10 * BLOCKS


def test_one_block_arrives_and_does_not_wait() -> None:
    outcome = clustered("@%p6 bra E;", MEET, "exit; E:", ARRIVE)
    assert (outcome.result, outcome.findings) == (0, ())


def test_threads_of_a_warp_at_two_barriers() -> None:
    parts = ["@%p7 bra E;", MEET, "exit; E:", MEET]
    outcome = clustered(*parts)
    assert outcome.kinds == [FindingKind.BARRIER_DIVERGENCE]
    assert "which are in one warp, met at different barriers" in outcome.findings[0].message
    assert clustered(*(part.replace(".aligned", "") for part in parts)).findings == ()


def test_a_block_that_never_arrives() -> None:
    outcome = clustered("@%p6 bar.sync 1, 64;", MEET)
    assert (outcome.result, outcome.kinds) == (702, [FindingKind.BARRIER_DIVERGENCE])


@pytest.mark.parametrize(
    ("body", "said"),
    [(ARRIVE + ARRIVE, "arrived at the barrier of its cluster twice"), (WAIT, "not arrived there")],
)
def test_what_is_undefined_ends_the_launch(body: str, said: str) -> None:
    outcome = clustered(body)
    assert (outcome.result, outcome.kinds) == (719, [FindingKind.BARRIER_DIVERGENCE])
    assert said in outcome.findings[0].message


# ---- mbarriers of another block ----


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_all_arrive_at_the_mbarrier_of_the_first_block(schedule: int) -> None:
    """Each block leaves a number in the first one's memory, which waits at its mbarrier."""
    body = """
        mov.u32 %r3, m; mul.lo.u32 %r4, %n, %r6; and.pred %p5, %p6, %p7;
        @%p5 mbarrier.init.shared::cta.b64 [%r3], %r4;
        barrier.cluster.arrive; barrier.cluster.wait;
        mapa.shared::cluster.u32 %r10, %r3, 0; mapa.shared::cluster.u32 %r11, %r9, 0;
        mad.lo.u32 %r11, %r5, 4, %r11; @%p7 st.shared::cluster.u32 [%r11], %b;
        mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%r10];
        @!%p6 bra E;
      W: mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p1, [%r3], 0; @!%p1 bra W;
        and.b32 %r12, %t, 3; mad.lo.u32 %r12, %r12, 4, %r9; ld.shared.u32 %r0, [%r12];
      E: st.global.u32 [%o], %r0; barrier.cluster.arrive; barrier.cluster.wait;
    """
    outcome = clustered(body, schedule=schedule)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][:4].tolist() == [0, 1, 2, 3]
    assert outcome.buffers[0][SIZE * THREADS :][:4].tolist() == [4, 5, 6, 7]


# ---- where blocks are ----


@pytest.mark.parametrize(
    ("grid", "cluster"),
    [((8, 1, 1), (4, 1, 1)), ((4, 6, 1), (2, 3, 1)), ((2, 4, 6), (1, 2, 3)), ((3, 2, 1), None)],
)
def test_special_registers(
    grid: tuple[int, int, int], cluster: tuple[int, int, int] | None
) -> None:
    names = [
        f"%{name}.{axis}"
        for name in ("clusterid", "nclusterid", "cluster_ctaid", "cluster_nctaid")
        for axis in "xyz"
    ]
    names += ["%cluster_ctarank", "%cluster_nctarank"]
    body = """
        mov.u32 %r1, %ctaid.y; mov.u32 %r2, %nctaid.x; mov.u32 %r3, %ctaid.z;
        mov.u32 %r4, %nctaid.y; mad.lo.u32 %r1, %r3, %r4, %r1; mad.lo.u32 %r1, %r1, %r2, %b;
        mul.wide.u32 %rd1, %r1, 60; add.u64 %rd1, %rd1, %a0;
        mov.pred %p1, %is_explicit_cluster; selp.u32 %r5, 1, 0, %p1;
        st.global.u32 [%rd1+56], %r5;
    """
    for k, name in enumerate(names):
        body += f"mov.u32 %r5, {name}; st.global.u32 [%rd1+{4 * k}], %r5;"
    blocks = grid[0] * grid[1] * grid[2]
    out = np.zeros(15 * blocks, dtype=np.uint32)
    outcome = run(body, [out], grid=grid, cluster=cluster, block=(1, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    size = cluster or (1, 1, 1)
    for number, found in enumerate(outcome.buffers[0].reshape(blocks, 15).tolist()):
        at = (number % grid[0], number // grid[0] % grid[1], number // (grid[0] * grid[1]))
        within = [a % s for a, s in zip(at, size, strict=True)]
        rank = within[0] + size[0] * within[1] + size[0] * size[1] * within[2]
        wanted = [a // s for a, s in zip(at, size, strict=True)]
        wanted += [g // s for g, s in zip(grid, size, strict=True)]
        wanted += [*within, *size, rank, size[0] * size[1] * size[2], int(cluster is not None)]
        assert found == wanted


def test_a_kernel_without_clusters_is_a_cluster_of_its_own() -> None:
    body = ".shared .align 4 .b8 s[128]; mov.u32 %r1, s; mad.lo.u32 %r1, %t, 4, %r1;"
    body += "st.shared.u32 [%r1], %g;" + MEET + "mapa.shared::cluster.u32 %r2, %r1, 0;"
    body += "ld.shared::cluster.u32 %r0, [%r2];"
    assert results(body, blocks=3) == list(range(96))


# ---- launches that are refused ----

REQUIRED = ".explicitcluster .reqnctapercluster 2, 1, 1"


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"grid": (6, 1, 1)}, "no multiple of its clusters (4, 1, 1)"),
        ({"grid": (16, 1, 1), "cluster": (16, 1, 1)}, "clusters of 16 blocks; the most is 8"),
        (
            {"grid": (32, 1, 1), "cluster": (32, 1, 1), "cluster_limit": 16},
            "clusters of 32 blocks; the most is 16",
        ),
        ({"cluster": (0, 1, 1)}, "at least 1"),
        ({"directives": REQUIRED}, "the kernel was compiled for (2, 1, 1)"),
        ({"directives": ".maxclusterrank 2"}, "clusters of 4 blocks; the most is 2"),
        ({"directives": ".explicitcluster", "cluster": None}, "no clusters"),
    ],
)
def test_launches_that_are_refused(how: dict[str, Any], said: str) -> None:
    outcome = clustered(MEET, **how)
    assert (outcome.result, outcome.kinds) == (1, [FindingKind.BAD_LAUNCH])
    assert said in outcome.findings[0].message


def test_a_kernel_may_bring_its_clusters() -> None:
    parts = ["st.shared.u32 [%r1], %g;", MEET, READ, RESULT, MEET]
    for cluster in (None, (2, 1, 1)):
        outcome = clustered(*parts, directives=REQUIRED, cluster=cluster)
        assert (outcome.result, outcome.findings) == (0, ())
        assert outcome.buffers[0].tolist() == of_the_next(BLOCKS, 2)


@pytest.mark.parametrize(
    "instruction",
    [
        "barrier.cluster.sync;",
        "mapa.u32 %r0, %r1, 0;",
        "getctarank.shared::cta.u32 %r0, %r1;",
        "st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%r2], %r1;",
    ],
)
def test_other_forms_end_without_a_mark(instruction: str) -> None:
    with pytest.raises(UnsupportedByDevice, match=instruction.split(".")[0]):
        clustered(MEET, instruction)


def test_grids_of_clusters_end_without_a_mark() -> None:
    text = (
        ".version 8.7\n.target sm_100\n.address_size 64\n"
        ".visible .entry k() .blocksareclusters { ret; }"
    )
    with pytest.raises(UnsupportedByDevice, match="blocksareclusters"):
        run_text(text)
