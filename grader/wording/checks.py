"""How a check ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from grader.intake.program import Unset
from grader.record import (
    CompilerEnd,
    HostUntold,
    LaneKind,
    LimitReached,
    NotRun,
    OtherEdition,
    PrintedOutput,
    ProblemKind,
    ProgramEnd,
    Reason,
    Status,
    Visibility,
)
from grader.wording.cases import HOST_UNTOLD, Data, problem_detail, problem_title
from grader.wording.quiz import no_answer, wrong_answer
from grader.wording.usage import cant_be_counted, limit_in_short, over_limit, within_limits

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
STATUSES: dict[Status, str] = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.NOT_CHECKED: "not checked",
}
HIDDEN_FROM_STUDENTS: dict[Visibility, str] = {
    Visibility.VISIBLE: "",
    Visibility.HIDDEN: "hidden from students",
    Visibility.AFTER_DUE: "students see it after the due date",
}
"""What an instructor is told of a check. In a student's copy all that is left is visible."""
COMPILER_ENDS: dict[CompilerEnd, str] = {
    CompilerEnd.SAID: "{at}{said}",
    CompilerEnd.OTHER_EDITION: "{edition} ({lines})",
    CompilerEnd.BROKE_OFF: "{what} broke off on this file ({how})",
    CompilerEnd.NOT_MADE: "{what} can't be made: {said}",
    CompilerEnd.PROTOCOL: "the program broke the grader's protocol: {said}",
    CompilerEnd.ENDLESS: "your program was still {doing} after {seconds} s: a compile-time loop "
    "that never ends?",
    CompilerEnd.WAITED: "your program was still {doing} after {seconds} s, most of which it "
    "waited: does something at compile time sleep, or wait for input?",
    CompilerEnd.MEMORY: "{doing} took more than {mebibytes} MiB of memory: does something at "
    "compile time grow without end?",
    CompilerEnd.OUTPUT: "{doing} printed {mebibytes} MiB and was ended",
    CompilerEnd.DISK: "{doing} filled the disk space that a submission has",
    CompilerEnd.PROCESSES: "{doing} started more processes than a submission may",
}
_OTHER_EDITION: dict[OtherEdition, str] = {
    OtherEdition.WRITTEN_FOR: "this file is written for {of} {editions}; the course uses {here}",
    OtherEdition.MIXED: "this file mixes editions of the book; it is graded with {here}",
}
COMPILER_ENDED = "the compiler ended with {how}"
"""Where it can't be told whose doing that is."""
PROGRAM_LIMITS: dict[LimitReached, str] = {
    LimitReached.WALL_CLOCK: "it had not ended after {seconds:.0f} s",
    LimitReached.MEMORY: "it took more than {mebibytes} MiB of memory",
    LimitReached.TASKS: "it started too many processes or threads",
    LimitReached.SCRATCH: "it wrote too much to the disk",
    LimitReached.OUTPUT: "it printed more than {printed} MiB",
}
_REASONS: dict[Reason, str] = {
    Reason.NOTHING_FILLED_IN: "nothing was filled in",
    Reason.COMPILER: "{told}",
    Reason.KERNEL_MISSING: "the file does not define {function}",
    Reason.CONSTANT_UNSET: "{constant}{why}",
    Reason.SIGNATURE: "{function} is launched with {arguments}{parameters}, and is declared as "
    "`{declared}`{expected}",
    Reason.NOT_PACKAGED: "the file does not package",
    Reason.NOT_COMPILED: "it does not compile",
    Reason.PROBLEM: "{title}{detail}",
    Reason.NOT_RUN: "{why}",
    Reason.UNKNOWN: "{said}",
    Reason.HOST_UNTOLD: "whether the host helped can't be told: {why}",
    Reason.NO_CASE: "no case of it could be run",
    Reason.NO_OUTPUT: "not every case gave an output",
    Reason.NO_KERNEL: "no kernel ran to its end and wrote an output",
    Reason.WRITERS_HIDDEN: "a GPU does not show who wrote which byte; grade on the software device "
    "to see it",
    Reason.ACCESSES_HIDDEN: "the inputs are untouched and the results repeat, but a GPU does not "
    "show accesses and races; grade on the software device to see them",
    Reason.GIVEN_KERNEL: "the given kernel is unchanged, and it is not right there",
    Reason.BEYOND_NOT_COMPILED: "it compiles at the sizes of the task, and not at others",
    Reason.ASSIGNED_FIRST: "the assigned part is not right yet",
    Reason.TRIED: "tried at {sizes}{not_compared}",
    Reason.PROGRAM: "{told}",
    Reason.PROGRAM_UNSEEN: "the program could not be watched: {said}",
    Reason.OVER_LIMIT: "{told}",
    Reason.WITHIN_LIMITS: "{told}",
    Reason.COUNTERS_HIDDEN: "a GPU does not show what each line costs; grade on the software "
    "device to see it",
    Reason.NOT_COUNTED: "{told}",
    Reason.NO_ANSWER: "{told}",
    Reason.WRONG_ANSWER: "{told}",
}


def reason_sentence(reason: Reason | None, data: Data) -> str:
    """Why a check ended as it did; empty where there is nothing to say."""
    if reason is None:
        return ""
    words = {name: str(value) for name, value in data.items()}
    if reason is Reason.PROBLEM:
        kind = ProblemKind(str(data["kind"]))
        detail = problem_detail(kind, {name: data[name] for name in data if name != "kind"})
        words["title"] = problem_title(kind, data)
        words["detail"] = f": {detail}" if detail else ""
    elif reason in _BY_THEIR_DATA:
        words["told"] = _BY_THEIR_DATA[reason](data)
    elif reason is Reason.CONSTANT_UNSET:
        words["why"] = UNSET[Unset(str(data["why"]))].format_map(words)
    elif reason is Reason.SIGNATURE:
        some, other = words["parameters"], words["expected"]
        words["parameters"] = f" and the compile-time parameters {some}" if some else ""
        words["expected"] = f"; the skeleton has `{other}`" if other else ""
    elif reason is Reason.HOST_UNTOLD:
        words["why"] = HOST_UNTOLD[HostUntold(words["why"])].format_map(words)
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


def compiler_sentence(data: Data) -> str:
    """Why a file did not get through the compiler; empty where nothing is known."""
    if not data:
        return ""
    end = CompilerEnd(str(data["end"]))
    words: dict[str, object] = {"at": f"line {data['line']}: " if data.get("line") else "", **data}
    if end is CompilerEnd.OTHER_EDITION:
        words["edition"] = other_edition(data)
    return COMPILER_ENDS[end].format_map(words)


_BY_THEIR_DATA: Final[Mapping[Reason, Callable[[Data], str]]] = {
    Reason.COMPILER: compiler_sentence,
    Reason.OVER_LIMIT: over_limit,
    Reason.WITHIN_LIMITS: within_limits,
    Reason.NOT_COUNTED: cant_be_counted,
    Reason.NO_ANSWER: no_answer,
    Reason.WRONG_ANSWER: wrong_answer,
}


def other_edition(data: Data) -> str:
    """How a file is not of the edition that it is graded with."""
    of = "edition" if data.get("many") == 1 else "editions"
    return _OTHER_EDITION[OtherEdition(str(data["other"]))].format_map({**data, "of": of})


def foreign_lines(named: Sequence[tuple[int, str, str]], more: int) -> str:
    """Lines of a file with what they say and where that belongs, and how many more there are."""
    told = "; ".join(f"line {line}: `{says}` is of {belongs}" for line, says, belongs in named)
    return f"{told}; and {more} more" if more > 0 else told


def foreign_line(says: str, belongs: str, here: str) -> str:
    """What is wrong with one such line."""
    return f"`{says}` is of edition {belongs}, not of {here}"


def change_foreign_lines(here: str, count: int) -> str:
    """What to do about them."""
    lines = "line" if count == 1 else f"{count} lines"
    return f"Start again from the skeleton of edition {here}, or change the {lines} named below."


COMPILER_SAYS = "the compiler says: {said}"


def not_checked(reason: str) -> str:
    """That a check was not made, and why where that is known."""
    return f"Not checked: {reason}" if reason else "Not checked."


def checks_not_made(count: int) -> str:
    """Several checks that were not made for one reason."""
    return f"{count} checks were not made"


def capital(clause: str) -> str:
    """A clause with a capital letter in front."""
    return f"{clause[:1].upper()}{clause[1:]}"


def reason_in_short(reason: Reason | None, data: Data, sentence: str) -> str:
    """The same in a few words, where it is told elsewhere; else the ``sentence``."""
    if reason is Reason.PROBLEM and "kind" in data:
        return problem_title(ProblemKind(str(data["kind"])), data)
    if reason is Reason.OVER_LIMIT and "limit" in data:
        return limit_in_short(data)
    return sentence


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
    LaneKind.DIRECT: "as a preview: called by a library, without a MAX Graph",
}
"""How a submission was run."""
