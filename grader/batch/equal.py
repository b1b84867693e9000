"""A student's own record of a program that was graded for somebody else's equal file.

Two files are equal here when their token streams are, so all that can differ is
where the tokens stand, and what surrounds them. The record is made the
student's own: name, digest, text and static look are of their file, and each
place that a message names is where the same token stands in it.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

import msgspec

from grader.errors import GraderFault
from grader.intake import Submission
from grader.intake.lexer import DEDENT, INDENT, NEWLINE, Token, tokens
from grader.intake.static_look import look
from grader.record import CheckedFinding, Diagnostic, Note, Record, StaticLook, SubmissionInfo

_LAYOUT = frozenset({NEWLINE, INDENT, DEDENT})
_LINE = re.compile(r"\b([Ll]ine) (\d{1,7})\b")


def own_record(record: Record, submission: Submission) -> Record:
    """``record`` as if it had been made of ``submission``, an equal program.

    Raises:
        GraderFault: the programs are not equal.
    """
    if record.submission.sha256 == submission.sha256:
        return msgspec.structs.replace(
            record, submission=msgspec.structs.replace(record.submission, name=submission.name)
        )
    places = _TokenPlaces(record.submission.text, submission.text)
    named = {
        line
        for diagnostic in record.diagnostics
        for line in (diagnostic.line, *(note.line for note in diagnostic.notes))
        if line is not None
    }

    def said(sentence: str) -> str:
        """The sentence with the lines in it that are a message's."""
        return _LINE.sub(
            lambda found: (
                f"{found[1]} {places.line(int(found[2]))}" if int(found[2]) in named else found[0]
            ),
            sentence,
        )

    return msgspec.structs.replace(
        record,
        submission=SubmissionInfo(
            name=submission.name,
            sha256=submission.sha256,
            size=len(submission.data),
            text=submission.text,
        ),
        headline=said(record.headline),
        checks=tuple(
            msgspec.structs.replace(
                check,
                sentence=said(check.sentence),
                data={
                    name: said(value) if isinstance(value, str) else value
                    for name, value in check.data.items()
                },
            )
            for check in record.checks
        ),
        advice=tuple(said(sentence) for sentence in record.advice),
        diagnostics=tuple(places.diagnostic(each) for each in record.diagnostics),
        findings=tuple(places.finding(each) for each in record.findings),
        look=tuple(
            StaticLook(kind=str(each.kind), line=each.line, sentence=each.sentence)
            for each in look(submission.text)
        ),
    )


class _TokenPlaces:
    """From places in one text to those of the same tokens in another."""

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

    def line(self, line: int) -> int:
        """The line of the first token that stands in a line."""
        return self.place(line, None)[0]

    def diagnostic(self, diagnostic: Diagnostic) -> Diagnostic:
        """A message with its notes."""
        notes = tuple(self._note(note) for note in diagnostic.notes)
        if diagnostic.line is None:
            return msgspec.structs.replace(diagnostic, notes=notes)
        line, column = self.place(diagnostic.line, diagnostic.column)
        return msgspec.structs.replace(diagnostic, line=line, column=column, notes=notes)

    def _note(self, note: Note) -> Note:
        if note.line is None:
            return note
        line, column = self.place(note.line, note.column)
        return msgspec.structs.replace(note, line=line, column=column)

    def finding(self, checked: CheckedFinding) -> CheckedFinding:
        """A finding with the line that the device names."""
        finding = checked.finding
        if finding.source_line is None:
            return checked
        moved = msgspec.structs.replace(finding, source_line=self.line(finding.source_line))
        return msgspec.structs.replace(checked, finding=moved)
