"""The record of one program as that of an equal one: a program is graded once, whoever has it.

Equal files are those whose token streams are, so all that can differ is where the tokens stand, and
what surrounds them: name, digest, text and static look become those of the other file, and each
place that a message names is where the same token stands.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence
from typing import TypeVar, cast

import msgspec

from grader.device import Finding, Launch, SourcePlace
from grader.errors import GraderFault
from grader.intake import Submission
from grader.intake.lexer import DEDENT, INDENT, NEWLINE, Token, tokens
from grader.intake.static_look import look
from grader.record import (
    CaseLog,
    Counterexample,
    Diagnostic,
    LaunchPlace,
    LineCost,
    Note,
    Record,
    StaticLook,
    SubmissionInfo,
    Tensor,
    TracedStep,
    WastefulAccess,
)

_LAYOUT = frozenset({NEWLINE, INDENT, DEDENT})
_LINE = re.compile(r"(?<!PTX )\b([Ll]ine) (\d{1,7})\b")
"""How a sentence of a record names a line of the submission."""
_T = TypeVar("_T")
_Message = TypeVar("_Message", Diagnostic, Note)


def record_of_equal_program(record: Record, submission: Submission) -> Record:
    """``record`` as if it had been made of ``submission``, an equal program.

    Raises:
        GraderFault: the programs are not equal.
    """
    if record.submission.sha256 == submission.sha256:
        return msgspec.structs.replace(
            record, submission=msgspec.structs.replace(record.submission, name=submission.name)
        )
    moved = _Moved(_TokenPlaces(record.submission.text, submission.text), record)
    return msgspec.structs.replace(
        moved.value(record),
        submission=SubmissionInfo(
            name=submission.name,
            sha256=submission.sha256,
            size=len(submission.data),
            text=submission.text,
        ),
        look=tuple(
            StaticLook(kind=str(each.kind), line=each.line, sentence=each.sentence)
            for each in look(submission.text)
        ),
    )


class _Moved:
    """What stands in a record, with each place in the text moved: as data and in sentences."""

    def __init__(self, places: _TokenPlaces, record: Record) -> None:
        self._places = places
        self._last = record.submission.text.count("\n") + 1
        self._lines: dict[int, int] = {}
        """Where the lines are now that the record names with a column: sentences follow it."""
        for diagnostic in record.diagnostics:
            messages: tuple[Diagnostic | Note, ...] = (diagnostic, *diagnostic.notes)
            for each in messages:
                if each.line is not None:
                    self._lines.setdefault(each.line, places.place(each.line, each.column)[0])

    def value(self, value: _T) -> _T:
        """A struct, a sentence or a collection of such, moved."""
        return cast("_T", self._any(value))

    def _any(self, value: object) -> object:
        match value:
            case str() if type(value) is str:  # enums are texts, too
                return _LINE.sub(lambda found: f"{found[1]} {self._line(int(found[2]))}", value)
            case Diagnostic():
                return self._fields(self._at_its_place(value))
            case Note():
                return self._fields(self._at_its_place(value))
            case SourcePlace(file=""):
                line, column = self._places.place(value.line, value.column or None)
                return SourcePlace("", line, column or 0)
            case Finding(source_line=int() as named):
                return self._fields(msgspec.structs.replace(value, source_line=self._line(named)))
            case TracedStep(line=int() as named):
                line, column = self._places.place(named, value.column or None)
                return self._fields(msgspec.structs.replace(value, line=line, column=column or 0))
            case LineCost(line=int() as named) | WastefulAccess(line=int() as named):
                return msgspec.structs.replace(value, line=self._line(named))
            case Counterexample() | LaunchPlace():
                return self._fields(self._with_lines(value))
            case SubmissionInfo() | CaseLog() | Tensor() | Launch():
                return value
            case msgspec.Struct():
                return self._fields(value)
            case tuple():
                return tuple(map(self._any, value))
            case dict():
                return {
                    key: self._line(each) if key == "line" else self._any(each)
                    for key, each in value.items()
                }
            case _:
                return value

    def _with_lines(self, value: msgspec.Struct) -> msgspec.Struct:
        """A case or a launch with its lines moved."""
        names = ("line", "mistake_line", "grid_line", "block_line", "misplaced_line")
        old = {name: getattr(value, name, None) for name in names}
        lines: dict[str, int | None] = {
            name: self._line(line) for name, line in old.items() if line is not None
        }
        if isinstance(value, Counterexample) and value.line is not None:
            lines["line"], lines["column"] = self._places.place(value.line, value.column)
        return msgspec.structs.replace(value, **lines)

    def _at_its_place(self, value: _Message) -> _Message:
        if value.line is None:
            return value
        line, column = self._places.place(value.line, value.column)
        return msgspec.structs.replace(value, line=line, column=column)

    def _fields(self, value: msgspec.Struct) -> msgspec.Struct:
        old = {name: getattr(value, name) for name in value.__struct_fields__}
        new = {name: self._any(each) for name, each in old.items()}
        changed = {name: each for name, each in new.items() if each != old[name]}
        return msgspec.structs.replace(value, **changed) if changed else value

    def _line(self, line: int) -> int:
        if line in self._lines:
            return self._lines[line]
        return self._places.place(line, None)[0] if line <= self._last else line


class _TokenPlaces:
    """Maps places in one text to those of the same tokens in another."""

    def __init__(self, text: str, other: str) -> None:
        self._from: Sequence[Token] = tokens(text)
        self._to: Sequence[Token] = tokens(other)
        if len(self._from) != len(self._to) or any(
            (one.kind, one.text, one.touches) != (two.kind, two.text, two.touches)
            for one, two in zip(self._from, self._to, strict=False)
        ):
            raise GraderFault(
                "a result was taken for a program that is not equal to the one that was graded",
                remedy="This is a defect of the grader; please report it, and use --regrade.",
            )
        # Marks of the layout may stand behind a word that comes later: only words are places.
        self._at = [
            (token.line, token.column, index)
            for index, token in enumerate(self._from)
            if token.kind not in _LAYOUT
        ]
        self._at.sort()

    def place(self, line: int, column: int | None) -> tuple[int, int | None]:
        """Line and column of the token that stands there, or last before."""
        first_of_line = bisect.bisect_left(self._at, (line, 0, 0))
        behind = (line, column, len(self._from)) if column is not None else (line, 0, 0)
        index = bisect.bisect_right(self._at, behind) - 1
        if column is None or index < first_of_line:
            # Nothing stands before it in its line: the line's first word, or the last one above.
            inside = first_of_line < len(self._at) and self._at[first_of_line][0] == line
            index = first_of_line if inside else first_of_line - 1
        if index < 0 or not self._at:
            return 1, None if column is None else 1
        old_line, old_column, token = self._at[index]
        new = self._to[token]
        if column is None:
            return new.line, None
        beyond = min(max(0, column - old_column), len(new.text)) if old_line == line else 0
        return new.line, new.column + beyond
