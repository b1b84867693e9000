"""Every sentence about a finding, a problem, a check or a verdict: where enums become words.

Who reads decides the form. A *phrase* stands within a student's sentence, a *title* at the head
of a section, an *explanation* says what it means and what to do, a *diagnosis* tells an instructor.
`tests/test_wording.py` asks that every kind has each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum

from grader.device import Finding, FindingKind, Space, Writer, of_file
from grader.intake.program import Unset
from grader.record import Aspect, LaneKind, NotRun, PrintedOutput, ProblemKind, ProgramEnd, Reason

# ---- what the device found ----

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
}
FINDING_EXPLANATIONS: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "The index passes the end of what was allocated. On a GPU this may "
    "crash, or silently read or overwrite other data. Guard the access with a comparison against "
    "the size.",
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
    BOTH_WRITE = "both write"
    NO_BARRIER = "no barrier"
    """A read and a write by threads of one block."""


_RACES: dict[RacePattern, str] = {
    RacePattern.WRITTEN_BACK: _READ_AND_WRITE_BACK,
    RacePattern.BLOCKS_WRITE_ONE: _BLOCKS_WRITE_ONE,
    RacePattern.BLOCKS: _RACES_OF_BLOCKS,
    RacePattern.BOTH_WRITE: _BOTH_WRITE,
    RacePattern.NO_BARRIER: FINDING_EXPLANATIONS[FindingKind.RACE],
}


def race_pattern(finding: Finding) -> RacePattern:
    """Who meets whom in a race."""
    one, other = (of_file(each) for each in (finding.source, finding.other_source))
    if one is not None and one == other and finding.access != finding.other_access:
        return RacePattern.WRITTEN_BACK
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
FINDING_DIAGNOSES: dict[FindingKind, str] = {
    FindingKind.OUT_OF_BOUNDS: "A thread {past} the end of {what}",
    FindingKind.MISALIGNED: "An access is not aligned to its type",
    FindingKind.UNINITIALISED_READ: "A thread reads a cell of {what} that nothing wrote",
    FindingKind.INACTIVE_LANE: "A shuffle takes a value from a lane that has no thread",
    FindingKind.RACE: "Two threads use the same cell of {what} with no barrier between them",
    FindingKind.BARRIER_DIVERGENCE: "Not every thread of the block reaches the barrier",
    FindingKind.BUDGET_EXCEEDED: "The kernel does not come to an end",
    FindingKind.BAD_LAUNCH: "The device refuses the launch",
    FindingKind.TRAP: "The kernel stops itself",
    FindingKind.STACK_OVERFLOW: "A function calls itself without end",
    FindingKind.MISSING_FUNCTION: "The kernel calls a function that no GPU has",
    FindingKind.EXITED_BEFORE_BARRIER: "Threads end before a barrier that others reach",
    FindingKind.SAME_VALUE_RACE: "Several threads write the same value to one cell of {what}",
    FindingKind.STREAM_RACE: "Work on two streams uses the same memory, and neither waits",
}
"""For an instructor; ``{past}`` and ``{what}`` stand for the access and the memory."""

# ---- hints ----

THOUGHTS_TITLE = "Hint: what to think about"
SKETCH_TITLE = "Hint: the shape of the answer"
"""Of what is shown once a student asks for it."""


def sketch_title(line: int | None) -> str:
    """Above the shape of an answer, of which the line may be known."""
    return f"The shape of the answer, line {line}" if line else "The shape of the answer"


# ---- what changed since the last run ----


def since_title(before: int, after: int, *, changed: bool) -> str:
    """``Since last time: 40 → 60 points``."""
    if before != after:
        return f"Since last time: {before} → {after} points"
    points = "1 point" if after == 1 else f"{after} points"
    return f"Since last time: still {points}" if changed else f"Since last time: the same {points}"


NOW_RIGHT = "now right"
NO_LONGER_RIGHT = "no longer right"
GONE = "gone"
NEW = "not there before"
CAUSE_OF_COMPILER = "an error of the compiler"


# ---- who wrote an output ----

WRITERS: dict[Writer, str] = {
    Writer.NOBODY: "nobody: it still holds what the memory held before",
    Writer.HOST_COPY: "a copy from the host",
    Writer.MEMSET: "a memset",
    Writer.DEVICE_COPY: "a copy from other device memory",
    Writer.KERNEL: "a kernel",
}
MAPPING = (
    "; map_to_host() copies the whole buffer to the host, and back where the block ends: what "
    "comes back as it was still counts as the kernel's, what the host changed there does not"
)


def at_lines(message: str, line: int | None, other: int | None = None, *, array: str = "") -> str:
    """What was found, with the line that did it, and that of the other side of a race.

    ``array`` is the name of the array there, where the message does not say it: it stands in the
    place of what the device calls one in shared memory.
    """
    if line is None:
        return message
    both = f"line {line}" if other is None or other == line else f"line {line}, and line {other}"
    if not array:
        return f"{message} ({both})"
    named = _ARRAY.sub(array, message)
    return f"{named} ({both})" if named != message else f"{message} (array {array}, {both})"


_ARRAY = re.compile(r"(?:the )?shared array(?: \d+)?")
"""What the device calls an array in shared memory, of which it does not know the name."""


# ---- what is wrong with a case ----

PROBLEM_TITLES: dict[ProblemKind, str] = {
    ProblemKind.WRONG_VALUES: "wrong values",
    ProblemKind.NO_OUTPUT: "no output",
    ProblemKind.FINDING: "an access that is not clean",
    ProblemKind.INPUT_CHANGED: "an input was changed",
    ProblemKind.EARLIER_OUTPUT: "an output of an earlier call",
    ProblemKind.NO_KERNEL_WROTE: "an output that no kernel wrote",
    ProblemKind.NOT_EACH_TIME: "not right each time",
    ProblemKind.NOT_REPRODUCIBLE: "not reproducible",
    ProblemKind.ORDER_DECIDES: "a race: the order of blocks and threads decides",
    ProblemKind.HOST_HELPS: "computed with the help of the host",
    ProblemKind.OWN: "something else than the task asks for",
}
"""Where a problem has more of a name than its kind, that stands in the place of this."""

GO_ON = "Go on with {title}: nothing has been changed there yet."
NOTHING_LAUNCHED = "No kernel was launched, so nothing was computed on the device."
LAUNCH_IT = (
    "Enqueue the kernel on the context, with grid_dim and block_dim. To name it, or to give it its "
    "compile-time parameters, launches nothing."
)
NO_OUTPUT_SAID = 'A run ended without an output, and said "{said}".'
MEND_FIRST = "Mend that first; there are no values to compare before."

# ---- how a check ended ----

NOT_RUN: dict[NotRun, str] = {
    NotRun.CUT: "a case did not end; those after it had a short try, and one did not end in it",
    NotRun.ENDLESS: "several cases did not end, so no more were run",
    NotRun.TIME: "the cases before took all the time that there is",
    NotRun.PROCESS: "the program ended its process too often, so no more cases were run",
    NotRun.LOADING: "the program ended its process, and its compiled graphs could not be loaded "
    "again",
}
UNSET: dict[Unset, str] = {
    Unset.MISSING: " is not defined at the top level of the file, and the kernel is compiled with "
    "other values of it: define it as the skeleton does",
    Unset.TWICE: " is defined twice (line {line})",
    Unset.COMPUTED: " is not a plain number (line {line}), and the kernel is compiled with other "
    "values of it: write the number, as the skeleton does",
}
"""Why a constant can't get the values of other sizes, behind its name."""
PROGRAM_ENDS: dict[ProgramEnd, str] = {
    ProgramEnd.RAN: "it ran{printed}",
    ProgramEnd.NO_MAIN: "the file has no main, so it is no program that could be run",
    ProgramEnd.NOT_BUILT: "it does not build as a program: {said}",
    ProgramEnd.FAILED: "it ended with {said}{command}",
    ProgramEnd.STOPPED: "it was stopped: {said}{command}",
    ProgramEnd.NO_LAUNCH: "it launched no kernel that the task is about{command}",
    ProgramEnd.NOT_CLEAN: "the device saw {said} in it{command}",
    ProgramEnd.NOTHING_BACK: "it fetched nothing that a kernel had written{command}",
    ProgramEnd.UNSEEN: "it could not be watched: {said}{command}",
}
"""What came of a program; ``{command}`` stands for its arguments, where it has some."""
REFERENCE_TOO = "the reference answer does not run as a program here, either"
NOT_ON_A_GPU = "a GPU does not show its launches; grade on the software device to see them"
"""What is said of a program where the kernels run on a GPU."""
PRINTED: dict[PrintedOutput, str] = {
    PrintedOutput.PUBLISHED: ", and printed the published output",
    PrintedOutput.OTHER: "; it printed other numbers than the book's program",
    PrintedOutput.NOTHING: "; it printed no numbers where the book's program does",
    PrintedOutput.NOT_ASKED: "",
}
_REASONS: dict[Reason, str] = {
    Reason.NOTHING_FILLED_IN: "nothing was filled in",
    Reason.COMPILER: "{said}",
    Reason.KERNEL_MISSING: "the file does not define {function}",
    Reason.CONSTANT_UNSET: "{constant}{why}",
    Reason.SIGNATURE: "{function} is launched with {arguments}{parameters}, and is declared as "
    "`{declared}`{expected}",
    Reason.NOT_PACKAGED: "the file does not package",
    Reason.NOT_COMPILED: "it does not compile",
    Reason.PROBLEM: "{title}{detail}",
    Reason.NOT_RUN: "{why}",
    Reason.UNKNOWN: "{said}",
    Reason.NO_CASE: "no case of it could be run",
    Reason.NO_OUTPUT: "not every case gave an output",
    Reason.NO_KERNEL: "no kernel ran to its end and wrote an output",
    Reason.WRITERS_HIDDEN: "a GPU does not show who wrote which byte; grade on the software device "
    "to see it",
    Reason.ACCESSES_HIDDEN: "the inputs are untouched and the results repeat, but a GPU does not "
    "show accesses and races; grade on the software device to see them",
    Reason.GIVEN_KERNEL: "the given kernel is unchanged, and it is not right there",
    Reason.ASSIGNED_FIRST: "the assigned part is not right yet",
    Reason.TRIED: "tried at {sizes}{not_compared}",
    Reason.PROGRAM: "{told}",
    Reason.PROGRAM_UNSEEN: "the program could not be watched: {said}",
}


def reason_sentence(reason: Reason | None, data: Mapping[str, int | str]) -> str:
    """Why a check ended as it did; empty where there is nothing to say."""
    if reason is None:
        return ""
    words = {name: str(value) for name, value in data.items()}
    if reason is Reason.PROBLEM:
        words["detail"] = f": {data['detail']}" if data.get("detail") else ""
    elif reason is Reason.CONSTANT_UNSET:
        words["why"] = UNSET[Unset(str(data["why"]))].format_map(words)
    elif reason is Reason.SIGNATURE:
        some, other = words["parameters"], words["expected"]
        words["parameters"] = f" and the compile-time parameters {some}" if some else ""
        words["expected"] = f"; the skeleton has `{other}`" if other else ""
    elif reason is Reason.NOT_RUN:
        words["why"] = NOT_RUN[NotRun(str(data["why"]))]
    elif reason is Reason.PROGRAM:
        words["told"] = program_sentence(
            ProgramEnd(words["end"]),
            command=words.get("command", ""),
            said=words.get("said", ""),
            printed=PrintedOutput(words.get("printed", PrintedOutput.NOT_ASKED)),
        )
    elif reason is Reason.TRIED:
        words["sizes"] = sizes_tried(int(data["tried"]), int(data["of"]))
        words["not_compared"] = ""
        if data.get("not_compared"):
            words["not_compared"] = (
                f"; {int(data['not_compared']):,} of {int(data['elements']):,} elements were not "
                "compared: their sum may overflow in one order and not in another"
            )
    return _REASONS[reason].format_map(words)


def program_sentence(
    end: ProgramEnd,
    *,
    command: str = "",
    said: str = "",
    printed: PrintedOutput = PrintedOutput.NOT_ASKED,
) -> str:
    """What came of a program, or of one run of it."""
    with_arguments = f" (run with {command})" if command else ""
    return PROGRAM_ENDS[end].format(command=with_arguments, said=said, printed=PRINTED[printed])


def sizes_tried(tried: int, count: int) -> str:
    """``14 of 58 sizes``, ``all 58 sizes``; of too many to count, ``14 sizes``."""
    if not count:
        return "1 size" if tried == 1 else f"{tried} sizes"
    if tried == count:
        return f"all {count} sizes" if count > 1 else "its one size"
    return f"{tried} of {count} sizes"


LANES: dict[LaneKind, str] = {
    LaneKind.GRAPH: "as an op in a MAX Graph",
    LaneKind.KERNEL: "its kernels, as PTX that the grader launches",
    LaneKind.HARNESS: "its kernels, by a library that launches them",
}
"""How a submission was run."""

# ---- the verdict ----

SKELETON_HEADLINE = "Nothing was filled in: this is the skeleton as it was given."
HURDLES: dict[Aspect, str] = {
    Aspect.PACKAGES: "The file does not compile.",
    Aspect.COMPILES: "The file packages, but the graph with it does not compile.",
}
"""What it means that one of the first checks failed: nothing behind it was made."""
