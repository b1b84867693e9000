"""A Mojo program that shows what is wrong by itself: the submission, run on the failing inputs.

It needs the toolchain of the submission's edition and a GPU, or ``grade run``. How it is made:
`grader.lanes.reproducer`.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from grader import puzzles
from grader.errors import GradeError
from grader.intake.display import one_line
from grader.lanes.op_calls import NotWritten
from grader.lanes.reproducer import WrittenCase, together, written
from grader.model.part import Arrays, Part
from grader.record import Counterexample, Record
from grader.report.style import SHORT, cut
from grader.toolchain.edition import find
from grader.wording.checks import HIDDEN_FROM_STUDENTS

_WIDTH = 88
_HIDES = frozenset({"Cc", "Cf", "Cs"})
"""Characters that a terminal or a reader obeys, and does not show."""


def render_repro(record: Record, case: str = "") -> str:
    """The program of the record's counterexamples; without any, a comment that says why.

    Args:
        record: What to render.
        case: Number of the one that it runs unless it is told another; the first one's by default.
    """
    try:
        cases = _cases(record, case)
        text, more = _program(record, cases), _left_out(record, cases)
    except NotWritten as why:
        text, more = "", [f"There is no program that shows what is wrong: {why}."]
    notes = [
        f"{cut(check.title, SHORT)} ({note})"
        for check in record.checks
        if (note := HIDDEN_FROM_STUDENTS[check.visibility])
    ]
    comments = [line for note in (*more, *notes) for line in _comment(note)]
    # Behind the program, so that its lines are those of the submission.
    return "\n".join([*([text] if text else []), *comments, ""])


def _program(record: Record, cases: Sequence[WrittenCase]) -> str:
    text = record.submission.text
    if any(unicodedata.category(char) in _HIDES and char not in "\n\r\t" for char in text):
        raise NotWritten("the file holds characters that can't be seen")
    try:
        edition = find(record.toolchain.edition if record.toolchain else "auto")
    except GradeError as error:
        raise NotWritten(error.what) from error
    return written(text, edition, together(text, cases))


def _left_out(record: Record, cases: Sequence[WrittenCase]) -> list[str]:
    """What is said of cases that need another program."""
    there = together(record.submission.text, cases)
    numbers = [each.number for each in cases if each not in there]
    if not numbers:
        return []
    listed = ", ".join(map(str, numbers))
    more = f"Not in this program: case {listed}, at sizes that need other constants of the file."
    return [f"{more} grade report record.json --format repro --case {numbers[0]} writes its own."]


def _cases(record: Record, first: str) -> list[WrittenCase]:
    """The counterexamples, with the one of that number in front."""
    try:
        puzzle = puzzles.find(record.puzzle.name)
    except GradeError as error:
        raise NotWritten("its puzzle is not known here") from error
    parts = {part.name: part for part in puzzle.parts}
    found: dict[int, WrittenCase] = {}
    for example in record.counterexamples:
        part = puzzle.parts[0] if not example.part else parts.get(example.part)
        inputs = _inputs(part, example) if part is not None else None
        if part is None or inputs is None or example.case in found:
            continue
        found[example.case] = WrittenCase(
            number=example.case,
            part=part,
            sizes=example.sizes,
            inputs=inputs,
            expected=part.expected(inputs, example.sizes),
            about=one_line(example.title, limit=SHORT),
        )
    if not found:
        raise NotWritten("no case failed" if not record.counterexamples else "no case is kept")
    if first and first not in map(str, found):
        listed = ", ".join(map(str, found))
        raise NotWritten(f"case {first} is no counterexample; these are: {listed}")
    return sorted(found.values(), key=lambda each: str(each.number) != first)


def _inputs(part: Part, example: Counterexample) -> Arrays | None:
    """The inputs of a case; None where they are not those of its part."""
    if not part.contains(example.sizes):
        return None
    data = {tensor.name: tensor.data for tensor in example.inputs}
    lengths = {spec.name: spec.length(example.sizes) for spec in part.inputs}
    if {name: len(each) for name, each in data.items()} != lengths:
        return None
    return {spec.name: spec.array(data[spec.name], example.sizes) for spec in part.inputs}


def _comment(note: str) -> list[str]:
    return textwrap.wrap(one_line(note), _WIDTH, initial_indent="# ", subsequent_indent="# ")
