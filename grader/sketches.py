"""The shape of an answer, the last hint: a few lines of pseudo-Mojo for each kind of finding.

Names stand for the student's own: ``i`` for the index, ``shared`` for an array in shared memory.
Where it is not certain what the answer looks like, there is none: a wrong hint costs more than no
hint. Mistakes that a puzzle knows have sketches of their own (`grader.model.part.Mistake`).
"""

from __future__ import annotations

from grader.device import Finding, FindingKind, Space
from grader.wording.findings import RacePattern, race_pattern

_NO_SKETCH = ""
_GUARDED = """\
# index: what stands in the brackets; cells: how many the array has
if 0 <= index < cells:
    array[index] = ...
# of two dimensions: if row < rows and col < cols"""
_WRITTEN_FIRST = """\
shared[local_i] = ...  # each cell that is read below, also past the end
barrier()
... = shared[...]      # only cells that were written above"""
_BARRIER_BETWEEN = """\
shared[local_i] = ...  # every thread does the first step
barrier()              # and waits for the others
... = shared[other]    # before the second step
                       # in a loop: one more barrier() before the next round"""
_ADDED_BY_ONE = """\
shared[local_i] = ...  # a cell for each thread
barrier()
if local_i == 0:
    for k in range(threads):
        total += shared[k]"""
_ONE_WRITES = """\
if local_i == 0:       # one of the threads that share the cell
    output[...] = ...  # or an index that no other thread has"""
_BARRIER_FOR_ALL = """\
if i < size:
    ...                # loads and stores
barrier()              # outside of the if: every thread gets here"""
_BARRIER_OF_CLUSTER = """\
...                    # one block stores
cluster_sync()
...                    # another one of its cluster reads"""
FINDING_SKETCHES: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: _GUARDED,
    FindingKind.MISALIGNED: _NO_SKETCH,
    FindingKind.UNINITIALISED_READ: _WRITTEN_FIRST,
    FindingKind.INACTIVE_LANE: _NO_SKETCH,
    FindingKind.RACE: _BARRIER_BETWEEN,
    FindingKind.BARRIER_DIVERGENCE: _BARRIER_FOR_ALL,
    FindingKind.BUDGET_EXCEEDED: """\
while n > 0:
    ...
    n //= 2            # each round changes what the condition compares""",
    FindingKind.BAD_LAUNCH: """\
grid_dim=blocks,       # blocks * threads: at least as many as elements
block_dim=threads,     # x * y * z is at most 1024, and none of them is 0""",
    FindingKind.TRAP: _NO_SKETCH,
    FindingKind.STACK_OVERFLOW: """\
for k in range(n):     # a loop in place of the call of itself
    ...""",
    FindingKind.MISSING_FUNCTION: _NO_SKETCH,
    FindingKind.EXITED_BEFORE_BARRIER: _BARRIER_FOR_ALL,
    FindingKind.STREAM_RACE: """\
ctx.enqueue_...(...)   # everything on the one context that the op is given
ctx.enqueue_...(...)   # begins when the first has ended""",
    FindingKind.SAME_VALUE_RACE: _ONE_WRITES,
    FindingKind.UNFINISHED_COPY: """\
copy_dram_to_sram_async(...)
async_copy_wait_all()  # each thread waits for its own copies
barrier()              # then the others may read them""",
    FindingKind.MBARRIER_MISUSE: """\
if local_i == 0:
    mbarrier_init(bar, threads)
barrier()              # nobody arrives before it has begun""",
    FindingKind.MBARRIER_REUSE: """\
state = mbarrier_arrive(bar)   # in each phase anew; the mbarrier goes on
...                            # wait for it""",
    FindingKind.MBARRIER_STATE: """\
state = mbarrier_arrive(bar)
while not mbarrier_test_wait(bar, state):
    ...""",
    FindingKind.INCOMPLETE_WARP: _NO_SKETCH,
    FindingKind.ABSENT_BLOCK: """\
cluster_sync()         # all blocks of the cluster have begun
...                    # accesses to their shared memory
cluster_sync()         # and none ends before these are over""",
}
RACE_SKETCHES: dict[RacePattern, str] = {
    RacePattern.NO_BARRIER: _BARRIER_BETWEEN,
    RacePattern.WRITTEN_BACK: _ADDED_BY_ONE,
    RacePattern.BOTH_WRITE: _ONE_WRITES,
    # Cells of its own, an atomic operation or a second launch: which one, only the task tells.
    RacePattern.BLOCKS: _NO_SKETCH,
    RacePattern.CLUSTER: _BARRIER_OF_CLUSTER,
    RacePattern.BLOCKS_WRITE_ONE: _NO_SKETCH,
}


def sketch_of(finding: Finding) -> str:
    """The shape of code that is right there; empty where that is not certain."""
    shared = finding.space is Space.SHARED
    if finding.kind is FindingKind.RACE:
        pattern = race_pattern(finding)
        # In global memory two threads may meet since an index is wrong.
        certain = shared or pattern is RacePattern.WRITTEN_BACK
        alone = finding.other_block == finding.block or pattern is RacePattern.CLUSTER
        return RACE_SKETCHES[pattern] if certain and alone else _NO_SKETCH
    if finding.kind is FindingKind.UNINITIALISED_READ and not shared:
        return _NO_SKETCH
    return FINDING_SKETCHES[finding.kind]
