"""What a run comes to, what to do next, and what changed since the run before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from grader.record import Aspect, Shortfall, StudentStanding, Verdict, Withheld
from grader.wording.checks import capital

# ---- the verdict in a sentence ----

SKELETON_HEADLINE = "Nothing was filled in: this is the skeleton as it was given."
FAULT_HEADLINE = "No mark: the grader could not finish. This says nothing about the work."
NO_VERDICT_HEADLINE = "No mark: the grader gave no verdict. This says nothing about the work."
"""Where a whole job ended without a record."""
HURDLES: dict[Aspect, str] = {
    Aspect.PACKAGES: "The file does not compile.",
    Aspect.COMPILES: "The file packages, but the graph with it does not compile.",
}
"""What it means that one of the first checks failed: nothing behind it was made."""
_SHORTFALLS: dict[Shortfall, str] = {
    Shortfall.NOT_RIGHT: "Not right yet.",
    Shortfall.UNCHECKED: "What was run is right, but not every check could be made.",
    Shortfall.NO_RUN: "It compiles, but no run of it gave an output.",
    Shortfall.NO_RUN_OF_PART: "No run of it gave an output.",
    Shortfall.EXAMPLE_SILENT: "It runs, but the published example has no output.",
    Shortfall.EXAMPLE_UNSTEADY: "It runs, but the published example is not right each time.",
    Shortfall.EXAMPLE_WRONG: "It runs, but the published example is wrong.",
    Shortfall.CASES_SILENT: "It runs, but some cases have no output.",
    Shortfall.CASES_WRONG: "It runs, but some cases are wrong.",
    Shortfall.OTHERS_SILENT: "The published example is right, but other cases have no output.",
    Shortfall.OTHERS_WRONG: "The published example is right, but other cases are wrong.",
    Shortfall.SOME_SILENT: "It compiles, but some case has no output.",
    Shortfall.REALS_WRONG: "Integers are right, but real numbers are not.",
    Shortfall.UNCLEAN: "The values are right, but the code is not clean.",
    Shortfall.NOT_BY_THE_DEVICE: "The values are right, but they were not computed on the device.",
    Shortfall.PROGRAM: "The kernels are right, but the program around them does not run as it "
    "should.",
    Shortfall.COSTLY: "The values are right, but the kernels cost more than is asked for.",
    Shortfall.OWN: "{own}",
}
ALL_POINTS = "Every check that gives points has passed."
"""Where values are wrong, and the rubric asks for others."""
ALL_PARTS = "Right in all parts."


def shortfall_sentence(shortfall: Shortfall, own: str = "") -> str:
    """What is missing; ``own`` are the words of a puzzle's own check."""
    return _SHORTFALLS[shortfall].format(own=own)


def shortfall_of_part(title: str, shortfall: str, right: Sequence[str]) -> str:
    """What is missing of one of several parts, behind those that are right."""
    before = f"{parts_right(right)} " if right else ""
    return f"{before}{capital(title)}: {shortfall[:1].lower()}{shortfall[1:]}"


def parts_right(titles: Sequence[str], *, alone: bool = False) -> str:
    """Which parts are right; ``alone``: compiled without the others, which do not compile."""
    return f"Right{', compiled alone' if alone else ''}: {' and '.join(titles)}."


def part_not_run(title: str, reason: str) -> str:
    """Why a part could not be run."""
    return f"{capital(title)}: {reason}."


def other_edition_headline(told: str) -> str:
    """Where it does not compile because it is of another edition."""
    return f"{capital(told)}."


def right_headline(sizes: str, beyond: str = "") -> str:
    """Where nothing is wrong: at which sizes it was tried, of the task and beyond it."""
    more = f", and at {beyond} beyond it" if beyond else ""
    return f"Right. Tried at {sizes} of the task{more}."


def enough_headline(wrong: str) -> str:
    """Where it passes, and something is wrong."""
    return f"Enough to pass, but not all is right. {wrong}"


def undecided(number: int, sizes: Mapping[str, int], index: int, got: float, right: float) -> str:
    """Why there is no verdict on values that are wrong by rounding errors alone."""
    case = ", ".join(f"{name} {size}" for name, size in sizes.items())
    return (
        f"it can't be told whether the values are right: in case {number} ({case}) element {index} "
        f"is {got!r} for {right!r}, and no case shows more than such rounding errors. Sums of the "
        "products in any order end nearer to it. A right algorithm that is no such sum "
        "(Winograd's, Karatsuba's, a Fourier transform) may end there, and so may a mistake."
    )


# ---- in a word ----

VERDICTS: dict[Verdict, str] = {
    Verdict.PASS: "Passed",
    Verdict.FAIL: "Not passed",
    Verdict.REFUSED: "Not accepted",
    Verdict.FAULT: "No mark",
}
RIGHT_SO_FAR = "Right so far"
NOT_RIGHT_YET = "Not right yet"
"""While something is still to come."""
PREVIEW_RIGHT = "Preview: right so far"
PREVIEW_WRONG = "Preview: not right yet"
PREVIEW_NOTE = "This is a preview, at a few sizes and without MAX Graph. The verdict follows."
VERDICT_LEADS: dict[Verdict, str] = {
    Verdict.PASS: "",
    Verdict.FAIL: "",
    Verdict.REFUSED: "it was not graded",
    Verdict.FAULT: "the grader failed, not your work",
}
"""What the verdict means, where the word alone could be misread."""
NEXT_TITLES: dict[Verdict, str] = {
    Verdict.PASS: "What you can do next",
    Verdict.FAIL: "What to do next",
    Verdict.REFUSED: "What to hand in instead",
    Verdict.FAULT: "What happens now",
}

# ---- where there is no mark ----

FAULT_TITLE = "No mark: the grader failed, not the submission"
NOTHING_LOST = "No points were taken; the same file can be graded again."
NOTHING_LOST_BY_YOU = (
    "You lose nothing: no points were taken, and the same file can be graded again."
)
DEFECT = "the grader itself failed: {error}"
REPORT_DEFECT = (
    "This is a defect of the grader, not of the submission. Please report it with this record."
)
NOT_FINISHED = "The grading of your file was not finished. Your instructor is told why."
GRADED_AGAIN = "There is nothing that you have to do: it will be graded again."
"""For a student whose instructor is told of the fault."""
GRADE_AGAIN = "Grade it again once the cause is removed; nobody loses a point by it."
HAND_IN = "Hand in your {puzzle} source: one Mojo file, UTF-8 text."
_FAULT = "The grader failed, not the submission: {what}"
_WITHOUT_MARK: dict[StudentStanding, str] = {
    StudentStanding.PASSED: "",
    StudentStanding.FAILED: "",
    StudentStanding.REFUSED: "Not graded: {what}",
    StudentStanding.FAULT: _FAULT,
    StudentStanding.WAITING: "Not graded yet: run the same command again to go on.",
    StudentStanding.NOTHING: "Nothing was handed in.",
}


def fault_sentence(what: str) -> str:
    """Why there is no mark, said so that nobody reads it as a bad one."""
    return _FAULT.format(what=what)


def standing_without_mark(standing: StudentStanding, what: str = "") -> str:
    """Why a student has no mark, for the instructor; empty where there is one."""
    return _WITHOUT_MARK[standing].format(what=what)


# ---- in a gradebook ----


def scaled_points(points: object, most: int, scaled: int) -> str:
    """What was done to a score where the device could not look for everything."""
    return f"{points} of the {most} points that could be checked, scaled to {scaled}"


def extra_credit(points: int) -> str:
    """Points beyond all others."""
    return f"{points} points of extra credit"


def not_passed(checks: Sequence[tuple[str, int]]) -> str:
    """The checks that failed, each with its points."""
    return f"Not passed: {'; '.join(f'{title} ({points} points)' for title, points in checks)}."


def with_extra_credit(points: str) -> str:
    """The points of a mark that is more than its gradebook takes."""
    return f"With extra credit: {points} points."


# ---- as far as a student sees it ----

ALL_SHOWN_RIGHT = "Everything that is shown is right."
NOT_ALL_MADE = "Not every check could be made."


def check_fails(title: str) -> str:
    """The first check that failed, of those that are shown."""
    return f'This check fails: "{title}".'


def visible_points(score: int, most: int) -> str:
    """The score of a student's copy."""
    return f"{score} of {most} visible points."


def to_come(verdict: Verdict, withheld: Withheld | None) -> str:
    """What is left out of a student's copy, and whether it can change the verdict."""
    if withheld is None:
        return ""
    told = list(_left_out(withheld))
    if not told or not withheld.final:
        return " ".join(told)
    stands = "It passes" if verdict is Verdict.PASS else "It does not pass"
    return " ".join([*told, f"{stands}, whatever comes of that."])


def _left_out(kept: Withheld) -> Iterator[str]:
    when = f"after {instant(kept.until)}" if kept.until else "later"
    if kept.later:
        yield f"{_points(kept.later)} more will be checked {when}."
    if kept.never:
        yield f"{_points(kept.never)} more are decided by checks that are not shown."
    if kept.extra:
        yield f"Extra credit of up to {_points(kept.extra)} is not shown."


def _points(count: int) -> str:
    return "1 point" if count == 1 else f"{count} points"


def instant(iso: str) -> str:
    """``1 December 2026, 23:59 (UTC+01:00)``."""
    when = datetime.fromisoformat(iso)
    offset = when.strftime("%z")
    zone = "UTC" if not when.utcoffset() else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{when.day} {when:%B %Y, %H:%M} ({zone})"


def smallest(*, beyond: bool) -> str:
    """What a case is that a report shows; ``beyond`` the task it can cost nothing."""
    return (
        "Beyond the task (extra credit), the smallest failing input"
        if beyond
        else "Smallest failing input"
    )


def smallest_input(*, beyond: bool) -> str:
    """The same as a heading."""
    return (
        "The smallest input beyond the task that breaks it"
        if beyond
        else "The smallest input that breaks it"
    )


# ---- hints ----

NOTHING_TO_DO = "Nothing: all points are yours."
SMALLEST_BEYOND = "Look at the smallest input beyond the task that breaks it."


def at_line(line: int | None, step: str) -> str:
    """A step, with the line that it is about where that is known."""
    return f"Line {line}: {step}" if line else step


def for_extra_credit(step: str) -> str:
    """A step where all points are there."""
    return f"All points are yours. For extra credit: {step}"


def look_at_check(title: str) -> str:
    """Where nothing more is known than which check failed."""
    return f"Look at the first check that failed: {title}."


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
