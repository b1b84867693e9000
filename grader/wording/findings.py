"""What the device found, and who wrote an output."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from grader.device import Finding, FindingKind, Space, Writer, of_file

FINDING_PHRASES: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "an access out of bounds",
    FindingKind.MISALIGNED: "a misaligned access",
    FindingKind.UNINITIALISED_READ: "a read of uninitialised memory",
    FindingKind.INACTIVE_LANE: "a shuffle from a lane without a thread",
    FindingKind.RACE: "a race",
    FindingKind.BARRIER_DIVERGENCE: "a barrier that not all threads reach",
    FindingKind.BUDGET_EXCEEDED: "a kernel that does not end",
    FindingKind.BAD_LAUNCH: "a launch that the device refuses",
    FindingKind.TRAP: "a kernel that stops itself",
    FindingKind.STACK_OVERFLOW: "a function that calls itself without end",
    FindingKind.MISSING_FUNCTION: "a function that no GPU has",
    FindingKind.EXITED_BEFORE_BARRIER: "threads that ended before a barrier",
    FindingKind.STREAM_RACE: "a race between two streams",
    FindingKind.SAME_VALUE_RACE: "a race of threads that write the same value",
    FindingKind.UNFINISHED_COPY: "an asynchronous copy that nobody waited for",
    FindingKind.MBARRIER_MISUSE: "a wrong use of an mbarrier",
    FindingKind.MBARRIER_REUSE: "an mbarrier that is begun again",
    FindingKind.MBARRIER_STATE: "a wait at an mbarrier for no state of it",
    FindingKind.ABSENT_BLOCK: "an access to a block that may not be there",
    FindingKind.INCOMPLETE_WARP: "an operation of a whole warp without all of its threads",
}
FINDING_TITLES: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "Access outside of an array",
    FindingKind.MISALIGNED: "Misaligned access",
    FindingKind.UNINITIALISED_READ: "Read of memory that nothing wrote",
    FindingKind.INACTIVE_LANE: "Shuffle from a lane without a thread",
    FindingKind.RACE: "Race between two threads",
    FindingKind.BARRIER_DIVERGENCE: "Barrier that not every thread reaches",
    FindingKind.BUDGET_EXCEEDED: "Kernel that does not come to an end",
    FindingKind.BAD_LAUNCH: "Launch that the device refuses",
    FindingKind.TRAP: "Kernel that stopped itself",
    FindingKind.STACK_OVERFLOW: "Function that calls itself without end",
    FindingKind.MISSING_FUNCTION: "Function that no GPU has",
    FindingKind.EXITED_BEFORE_BARRIER: "Threads that ended before a barrier",
    FindingKind.STREAM_RACE: "Race between two streams",
    FindingKind.SAME_VALUE_RACE: "Threads that write the same value to one cell",
    FindingKind.UNFINISHED_COPY: "Use of a cell before its asynchronous copy",
    FindingKind.MBARRIER_MISUSE: "Wrong use of an mbarrier",
    FindingKind.MBARRIER_REUSE: "Mbarrier that is begun again",
    FindingKind.MBARRIER_STATE: "Wait at an mbarrier for no state of it",
    FindingKind.ABSENT_BLOCK: "Access to a block that may not be there",
    FindingKind.INCOMPLETE_WARP: "Operation of a warp that not all its threads reach",
}
FINDING_EXPLANATIONS: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "The index passes the end of what was allocated. For a GPU this is "
    "'a load or store instruction on an invalid memory address' (CUDA Driver API, "
    "CUDA_ERROR_ILLEGAL_ADDRESS), whatever becomes of the value: it may crash, or silently read or "
    "overwrite other data. Guard the access with a comparison against the size.",
    FindingKind.MISALIGNED: "The address is not a multiple of the access size; a GPU refuses that.",
    FindingKind.UNINITIALISED_READ: "The value read is uninitialised: whatever the memory held "
    "before. It may happen to be zero on one machine and not on another.",
    FindingKind.INACTIVE_LANE: "An operation of a warp (a sum, a shuffle) works on 32 lanes. Where "
    "a block has fewer threads, or some have ended or took another branch, what is taken from "
    "their lanes is undefined (PTX ISA, shfl.sync). It may look right on one GPU and not on the "
    "next.",
    FindingKind.RACE: "Two threads use the same cell, at least one writes, and no barrier lies "
    "between: which comes first is chance. Put barrier() between the writes and the reads of "
    "other threads' cells.",
    FindingKind.BARRIER_DIVERGENCE: "All threads of a block must reach the same barrier(). One "
    "inside an if that some threads skip makes a GPU hang, or lets threads pass too early: "
    "NVIDIA's manual calls its behaviour undefined (PTX ISA, bar.sync).",
    FindingKind.BUDGET_EXCEEDED: "The kernel ran thousands of times longer than this task needs: "
    "a loop in it probably never ends.",
    FindingKind.BAD_LAUNCH: "A block holds at most 1024 threads and 48 KiB of shared memory, and "
    "no dimension may be zero. Look at grid_dim and block_dim.",
    FindingKind.TRAP: "The kernel stopped itself: an assertion in it failed.",
    FindingKind.STACK_OVERFLOW: "Each call of a function takes room on its thread's stack, and a "
    "GPU gives a thread 1 KiB of it. A function that calls itself needs a case in which it does "
    "not. Mostly a loop is the better way.",
    FindingKind.MISSING_FUNCTION: "This function exists for programs on a CPU only. The compiler "
    "does not say so, but a GPU refuses to load the kernel.",
    FindingKind.EXITED_BEFORE_BARRIER: "Threads that have ended do not hold "
    "a barrier up, so the others go on (PTX ISA, exit). But a barrier() inside an if that some "
    "threads skip is right only as long as those threads have nothing more to do. With another "
    "barrier() behind it, the behaviour is undefined. The safe way is to put the if around the "
    "loads and stores, and barrier() outside of it.",
    FindingKind.SAME_VALUE_RACE: "Whichever thread comes last, the cell "
    "holds the value that all of them write (PTX ISA, Limitations on Mixed-size Data-races). But "
    "it is right only as long as they agree, and one thread would be enough.",
    FindingKind.UNFINISHED_COPY: "An asynchronous copy to shared memory goes on while the kernel "
    "runs. Until somebody waits for it, the cell may hold what was there before. The thread that "
    "began the copy waits for it; then a barrier() lets the other threads know. A barrier() alone "
    "does not wait for copies.",
    FindingKind.MBARRIER_MISUSE: "An mbarrier begins once (mbarrier_init), before any thread uses "
    "it, and waits for as many arrivals as it was told. A wait asks for the state that an arrival "
    "in that phase gave. Nothing else may write to its memory. Everything else is undefined "
    "(PTX ISA, mbarrier).",
    FindingKind.MBARRIER_REUSE: "An mbarrier that is begun again, where one is, is undefined (PTX "
    "ISA, mbarrier.init): a thread that still asks for the phase before may wait for ever. It goes "
    "on by itself, phase after phase, so it need not begin again.",
    FindingKind.MBARRIER_STATE: "A wait asks for the state that an arrival gave in this phase or "
    "the one before; every other number is undefined (PTX ISA, mbarrier.test_wait). Such a wait "
    "may end too early, or never.",
    FindingKind.ABSENT_BLOCK: "The shared memory of another block of the cluster is there only "
    "while that block runs. A barrier of the cluster (cluster_sync) before the first access makes "
    "certain that all blocks have begun, and one behind the last access that none has ended (CUDA "
    "C++ Programming Guide, Distributed Shared Memory).",
    FindingKind.INCOMPLETE_WARP: "A tensor core works for a whole warp: all 32 threads do the "
    "operation together, each with its part of the matrices. Inside an if that some of them skip, "
    "or in a block that is no multiple of 32, its behaviour is undefined (PTX ISA, mma).",
    FindingKind.STREAM_RACE: "Each DeviceContext() that the code makes has a stream of its own. A "
    "GPU works on different streams at the same time: which comes first is chance, though the "
    "values were right here. Enqueue everything on the context that the op is given. Or wait on "
    "both sides: call ctx.synchronize() before the other context gets work that needs what was "
    "enqueued on ctx, and synchronize() of the other context before anything uses its results.",
}
FINDING_HINTS: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "A GPU may crash here, or silently use other data. Compare the "
    "index with the size before the access.",
    FindingKind.MISALIGNED: "A GPU refuses an address that is no multiple of the access size.",
    FindingKind.UNINITIALISED_READ: "Nothing was stored there before, so the value may be "
    "anything. Write the memory first, and let a barrier() lie between, or do not read it.",
    FindingKind.INACTIVE_LANE: "What it takes there is undefined. Use whole warps of 32 threads, "
    "all of them at the shuffle, or leave the values of other lanes out.",
    FindingKind.RACE: "Which of the two comes first is chance. Threads of one block need a "
    "barrier() between the two accesses; threads of different blocks need an atomic operation, "
    "or a launch of its own for the second.",
    FindingKind.BARRIER_DIVERGENCE: "All threads of a block must reach the same barrier(): take it "
    "out of the if or the loop that some of them skip.",
    FindingKind.BUDGET_EXCEEDED: "Look for a loop whose condition never becomes false.",
    FindingKind.BAD_LAUNCH: "A block holds at most 1024 threads and 48 KiB of shared memory, and "
    "no dimension may be zero: look at grid_dim and block_dim.",
    FindingKind.TRAP: "An assertion in the kernel failed, or it stopped itself.",
    FindingKind.STACK_OVERFLOW: "A function calls itself too often for the 1 KiB of stack that a "
    "thread has on a GPU. Write it as a loop.",
    FindingKind.MISSING_FUNCTION: "The compiler lets it pass, but no GPU has this function.",
    FindingKind.EXITED_BEFORE_BARRIER: "The manual allows it (PTX ISA, exit), but the next "
    "barrier() is undefined for them. The safe way is an if around the loads and stores, and "
    "barrier() outside of it.",
    FindingKind.SAME_VALUE_RACE: "The cell holds that value, whichever comes last. One thread "
    "would be enough.",
    FindingKind.UNFINISHED_COPY: "Wait for the copy in the thread that began it, and put a "
    "barrier() behind the wait, before anything uses the cell.",
    FindingKind.MBARRIER_MISUSE: "Let one thread begin it, with a barrier() behind that, and count "
    "the arrivals; ask for the state that the arrival gave.",
    FindingKind.MBARRIER_REUSE: "Leave the second mbarrier_init out, or end the mbarrier before "
    "it, with a barrier() on both sides.",
    FindingKind.MBARRIER_STATE: "Keep what mbarrier_arrive returns, and wait for that.",
    FindingKind.INCOMPLETE_WARP: "Let all 32 threads of a warp reach it: take it out of the if "
    "that some of them skip.",
    FindingKind.ABSENT_BLOCK: "Put a barrier of the cluster before the first access to other "
    "blocks' shared memory, and one behind the last.",
    FindingKind.STREAM_RACE: "A GPU works on several streams at once. Use one DeviceContext, or "
    "call synchronize() before the other one uses the memory.",
}
"""What to do about it, for a program that nobody grades."""
NO_COST = "This costs no points."
"""Before the explanation of a finding that a manual allows, where no rubric takes points for it."""
ALLOWED = frozenset({FindingKind.EXITED_BEFORE_BARRIER, FindingKind.SAME_VALUE_RACE})
"""Findings of code that is defined, and that many think is wrong: docs/verdicts.md says why."""
SHOWS_IN_VALUES = frozenset({FindingKind.UNINITIALISED_READ, FindingKind.INACTIVE_LANE})
"""Findings that give a thread a value that may be anything: they cost the values that it shows in,
and nothing by themselves."""
SKIPPED_BARRIER = (
    "The barrier() in line {line} stands in a branch that not all threads take, so it does not "
    "order those that skip it. Put it where every thread comes by, outside of the if."
)
"""What to do about a race, where a barrier between the two accesses is not for all."""
_RACES_OF_BLOCKS = (
    "Two blocks use the same cell, and at least one writes: which comes first is chance, since "
    "blocks run in any order. barrier() orders the threads of one block only. Give each block "
    "cells of its own, use an atomic operation, or do the second step in a launch of its own."
)
_RACES_IN_A_CLUSTER = (
    "Two blocks of a cluster use the same cell of shared memory, and at least one writes: which "
    "comes first is chance. barrier() orders the threads of one block only. Put a barrier of the "
    "cluster (cluster_sync) between the two, or use an atomic operation."
)
_BLOCKS_WRITE_ONE = (
    "Threads of different blocks write the same element: the index that it is written with does "
    "not tell the blocks apart. An index that counts through all blocks is block_dim.x * "
    "block_idx.x + thread_idx.x, and the same with y."
)
_NOBODY_STORED = "Look for the line that should have stored it, and at that line's guard."
_BOTH_WRITE = (
    "Two threads write to the same cell: which comes last, and so what stands there, is chance. "
    "Give each thread a cell of its own, let one thread write, or use an atomic operation."
)


_READ_AND_WRITE_BACK = (
    "Several threads change the same cell: each reads it, and writes it back with its own part. "
    "What others have written between the two is lost. Use an atomic operation, or give each "
    "thread a cell of its own and add these up behind a barrier()."
)


class RacePattern(Enum):
    """Who meets whom in a race, as far as it changes what to do about it."""

    WRITTEN_BACK = "written back"
    """One place reads the cell and writes it back."""
    BLOCKS_WRITE_ONE = "blocks write one"
    """One place writes a cell from two blocks."""
    BLOCKS = "two blocks"
    CLUSTER = "two blocks of a cluster"
    """They meet in shared memory."""
    BOTH_WRITE = "both write"
    NO_BARRIER = "no barrier"
    """A read and a write by threads of one block."""


_RACES: dict[RacePattern, str] = {
    RacePattern.WRITTEN_BACK: _READ_AND_WRITE_BACK,
    RacePattern.BLOCKS_WRITE_ONE: _BLOCKS_WRITE_ONE,
    RacePattern.BLOCKS: _RACES_OF_BLOCKS,
    RacePattern.CLUSTER: _RACES_IN_A_CLUSTER,
    RacePattern.BOTH_WRITE: _BOTH_WRITE,
    RacePattern.NO_BARRIER: FINDING_EXPLANATIONS[FindingKind.RACE],
}


def race_pattern(finding: Finding) -> RacePattern:
    """Who meets whom in a race."""
    one, other = (of_file(each) for each in (finding.source, finding.other_source))
    if one is not None and one == other and finding.access != finding.other_access:
        return RacePattern.WRITTEN_BACK
    if finding.other_block != finding.block and finding.space is Space.SHARED:
        return RacePattern.CLUSTER
    if finding.other_block != finding.block:
        both_write = finding.access == finding.other_access == "write"
        one_place = both_write and one == other
        return RacePattern.BLOCKS_WRITE_ONE if one_place else RacePattern.BLOCKS
    if finding.access == finding.other_access == "write":
        return RacePattern.BOTH_WRITE
    return RacePattern.NO_BARRIER


def explain_finding(finding: Finding) -> str:
    """What a finding means, for the student whose code it is."""
    if finding.kind is FindingKind.RACE:
        return _RACES[race_pattern(finding)]
    if finding.kind is FindingKind.UNINITIALISED_READ and finding.space is Space.SHARED:
        return f"{FINDING_EXPLANATIONS[finding.kind]} {_NOBODY_STORED}"
    return FINDING_EXPLANATIONS[finding.kind]


GIVEN_KERNEL_LAUNCH = (
    "The kernel is the one that you were given, so that the launch is at fault: compare what it "
    "passes with the kernel's signature, in order (tensors, and compile-time parameters such as "
    "sizes), and grid_dim and block_dim with the task."
)
"""What a finding in an unchanged kernel means."""


def misplaced_arguments(kernel: str, pairs: Sequence[tuple[str, str]]) -> str:
    """What a launch passes in the place of something else: pairs of that and what belongs there."""
    (passed, declared), *more = pairs
    told = f"The launch passes {passed} where {kernel} takes {declared}"
    for number, (passed, declared) in enumerate(more, 1):
        link = " and" if number == len(more) else ","
        told += f"{link} {passed} where it takes {declared}"
    return f"{told}."


KERNEL_IS_FINE = "The kernel is the one that you were given."
IN_ORDER = "Pass them in the order in which the kernel declares them."
UNWRITTEN_BUFFER = "This was global memory: a buffer that nothing had filled."
"""Added to the explanation of an uninitialised read of global memory."""

# ---- who wrote an output ----

WRITERS: dict[Writer, str] = {
    Writer.NOBODY: "nobody: it still holds what the memory held before",
    Writer.HOST_COPY: "a copy from the host",
    Writer.MEMSET: "a memset",
    Writer.DEVICE_COPY: "a copy from other device memory",
    Writer.KERNEL: "a kernel",
}
SHORT_WRITERS: dict[Writer, str] = {
    Writer.NOBODY: "nobody",
    Writer.HOST_COPY: "a copy from the host",
    Writer.MEMSET: "memset, not by a kernel",
    Writer.DEVICE_COPY: "a copy on the device",
    Writer.KERNEL: "a kernel",
}
"""Who wrote an element last, where it is not known which thread."""
MAPPING = (
    "; map_to_host() copies the whole buffer to the host, and back where the block ends: what "
    "comes back as it was still counts as the kernel's, what the host changed there does not"
)


def at_lines(
    message: str, line: int | None, other: int | None = None, *, array: str = "", called: str = ""
) -> str:
    """What was found, with the line that did it, and that of the other side of a race.

    ``array`` is the name of the array there, where the message does not say it: it stands in the
    place of what the message has ``called`` it, if it has.
    """
    if line is None:
        return message
    both = f"line {line}" if other is None or other == line else f"line {line}, and line {other}"
    if not array:
        return f"{message} ({both})"
    if called:
        return f"{message.replace(called, array)} ({both})"
    return f"{message} (array {array}, {both})"
