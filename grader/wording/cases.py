"""What is wrong with a case, and what can't be told of one."""

from __future__ import annotations

from collections.abc import Mapping

from grader.device import FindingKind, Writer, schedules
from grader.record import Chance, Ending, HostUntold, OrderShows, ProblemKind
from grader.wording.findings import FINDING_PHRASES, MAPPING, WRITERS

Data = Mapping[str, int | str]
"""What a problem or a reason is about: see `grader.record`."""

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
"""Where there is no output, where the device saw something, and where a check is a puzzle's own,
more is known: `problem_title`."""
PROBLEM_STEPS: dict[ProblemKind, str] = {
    ProblemKind.INPUT_CHANGED: "A kernel may read its inputs only. Look for the line that stores "
    "into one of them.",
    ProblemKind.EARLIER_OUTPUT: "Each call has an output of its own: write all of it in each call.",
    ProblemKind.NOT_EACH_TIME: "Look for what is kept from one call to the next.",
    ProblemKind.NOT_REPRODUCIBLE: "Look for memory that is read before anything is written there, "
    "and for cells that several threads write.",
    ProblemKind.ORDER_DECIDES: "Look for what one thread or block reads and another one writes: "
    "what makes sure which of the two comes first?",
}
"""What to look at first, where more is known of a problem than that a check failed."""
NAN_STEP = (
    "Some outputs are NaN, which is no number: 0/0, inf - inf and memory that nothing wrote give "
    "it, and every sum that it gets into is NaN as well. Look for the first one."
)
PLACES_STEP = (
    "Outputs are wrong at {places} of the block only. What do the threads there need, or do, that "
    "the others do not?"
)
ENDING_TITLES: dict[Ending, str] = {
    Ending.ERROR: "no output: the call failed",
    Ending.DIED: "no output: the program ended its process",
    Ending.LATE: "no output: the program did not end in time",
    Ending.LIMIT: "no output: the program used more than it may",
    Ending.FORGED: "no output that can be trusted",
    Ending.NOT_RUN: "not run",
    Ending.OUTPUT: "",
}
_PROBLEM_DETAILS: dict[ProblemKind, str] = {
    ProblemKind.WRONG_VALUES: "{elements}",
    ProblemKind.NO_OUTPUT: "{said}",
    ProblemKind.FINDING: "{said}",
    ProblemKind.INPUT_CHANGED: "after the call, the tensor {tensor!r} holds other values than "
    "before",
    ProblemKind.EARLIER_OUTPUT: "{place} was written by a kernel of an earlier call",
    ProblemKind.NO_KERNEL_WROTE: "{place} was last written by {writer}",
    ProblemKind.NOT_EACH_TIME: "the first call with these inputs was right, the last one gave "
    "{gave}",
    ProblemKind.NOT_REPRODUCIBLE: "{chance}",
    ProblemKind.ORDER_DECIDES: "{order}",
    ProblemKind.HOST_HELPS: "the same copies and launches, done again with inputs that the host "
    "code has not seen, {alone}: it works out what the kernels hand over",
    ProblemKind.OWN: "{said}",
}
_OTHER_BITS = "the same inputs gave other bits the second time: the result depends on "
_CHANCES: dict[Chance, str] = {
    Chance.MEMORY: f"{_OTHER_BITS}memory that nothing wrote, or on the order of threads",
    Chance.CALLS: f"{_OTHER_BITS}what changes from call to call",
    Chance.CLOCK: f"{_OTHER_BITS}a clock, or on the order of threads",
    Chance.SAME_ORDER: "the same inputs, twice with {in_order}, gave two results: the second is "
    "the usual one, so what the program does changes from call to call",
}
_ORDERS: dict[OrderShows, str] = {
    OrderShows.NO_OUTPUT: "with {in_plain}, the case ends with output; with {in_order}, there is "
    "{why}",
    OrderShows.UNCLEAN: "{why}; so it is with {in_order}, and not with {in_plain}",
    OrderShows.VALUES: "with {in_plain}, {place} is {plain}; with {in_order}, the same inputs "
    "give {other}",
}


def problem_title(kind: ProblemKind, data: Data) -> str:
    """What is wrong with a case, in a few words."""
    if kind is ProblemKind.NO_OUTPUT and "ending" in data:
        return ENDING_TITLES[Ending(str(data["ending"]))]
    if kind is ProblemKind.FINDING and "finding" in data:
        return FINDING_PHRASES[FindingKind(str(data["finding"]))]
    if kind is ProblemKind.OWN and "title" in data:
        return str(data["title"])
    return PROBLEM_TITLES[kind]


def problem_detail(kind: ProblemKind, data: Data) -> str:
    """What shows that something is wrong with a case; empty where that is all that is known."""
    if not data:
        return ""
    words: dict[str, object] = {"said": "", **data}
    if kind is ProblemKind.WRONG_VALUES:
        words["elements"] = elements_wrong(
            int(data["wrong"]), int(data["of"]), str(data.get("outputs", ""))
        )
    elif kind is ProblemKind.NO_KERNEL_WROTE:
        writer = Writer(str(data["writer"]))
        words["writer"] = WRITERS[writer] + (MAPPING if writer is Writer.HOST_COPY else "")
    elif kind is ProblemKind.NOT_EACH_TIME:
        words["gave"] = "zeros" if data["zeros"] else "other values"
    elif kind is ProblemKind.NOT_REPRODUCIBLE:
        words["chance"] = _CHANCES[Chance(str(data["on"]))].format(in_order=_in_order(data))
    elif kind is ProblemKind.ORDER_DECIDES:
        words["order"] = _order_decides(data)
    elif kind is ProblemKind.HOST_HELPS:
        right = data["right"]
        words["alone"] = "give it in another way" if right else "do not give the right answer"
    return _PROBLEM_DETAILS[kind].format_map(words)


def elements_wrong(wrong: int, of: int, outputs: str = "") -> str:
    """``3 of 8 elements are wrong``; ``outputs`` names those that are, where there are several."""
    verb = "is" if wrong == 1 else "are"
    return f"{wrong} of {of} elements{f' of {outputs}' if outputs else ''} {verb} wrong"


ENDED_WITHOUT_OUTPUT = "The run ended without output."


def wrong_elements(wrong: int, total: int, output: str = "") -> str:
    """How much of an output is wrong, as a sentence; empty where nothing is.

    Args:
        wrong: Elements that are.
        total: Elements that there are.
        output: Its name, where there are several.
    """
    if not wrong:
        return ""
    if total == 1:
        return "The only element is wrong."
    if wrong >= total:
        return f"All {total} elements{f' of {output}' if output else ''} are wrong."
    return f"{elements_wrong(wrong, total, output)}."


def _in_order(data: Data) -> str:
    return schedules.in_words(int(data.get("schedule", schedules.PLAIN)))


def _order_decides(data: Data) -> str:
    shows = OrderShows(str(data["shows"]))
    why = ""
    if shows is OrderShows.NO_OUTPUT:
        title, said = ENDING_TITLES[Ending(str(data["ending"]))], data["said"]
        why = f"{title} ({said})" if said else title
    elif shows is OrderShows.UNCLEAN:
        why = problem_detail(ProblemKind(str(data["problem"])), data)
    in_plain = schedules.in_words(schedules.PLAIN)
    return _ORDERS[shows].format(
        **{**data, "in_plain": in_plain, "in_order": _in_order(data), "why": why}
    )


HOST_UNTOLD: dict[HostUntold, str] = {
    HostUntold.NO_OUTPUT: "the program does not give an output each time",
    HostUntold.CHANGES: "what the program does changes from call to call",
    HostUntold.DEVICE: "{said}",
}
"""Why it can't be told whether the host helped."""

GO_ON = "Go on with {title}: nothing has been changed there yet."
NOTHING_LAUNCHED = "No kernel was launched, so nothing was computed on the device."
LAUNCH_IT = (
    "Enqueue the kernel on the context, with grid_dim and block_dim. To name it, or to give it its "
    "compile-time parameters, launches nothing."
)
NO_OUTPUT_SAID = 'A run ended without an output, and said "{said}".'
MEND_FIRST = "Mend that first; there are no values to compare before."
