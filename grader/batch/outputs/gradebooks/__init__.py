"""Gradebooks: files with the marks of a class for systems that keep marks, one format to a module.

A module here is found by being here. To add a gradebook, add a file with a `Gradebook` in it.

What such a system does with a cell is data (`ReaderRules`), and what follows from it is decided
here, once for all of them: who is in the file, which grade is cut, how a text is guarded, and what
the README of the folder says about it. A gradebook itself says what its columns are.

No cell is a formula to a spreadsheet. One that starts with ``= + - @``, also behind blank space, is
computed when the file is opened, and the quotes of CSV do not help (OWASP, "CSV Injection",
https://owasp.org/www-community/attacks/CSV_Injection). Such a text gets an apostrophe in front.
Where a spreadsheet separates by semicolons, a semicolon within a text begins a new cell, so what
follows it is guarded as well. A number is no formula and stays as it is. A number with a sign is
guarded: it is no mark, no identifier and no name, and a formula may begin with a sign.
"""

from __future__ import annotations

import csv
import importlib
import io
import pkgutil
import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.outputs.class_table import mark, number, remedy, why_no_mark
from grader.intake.display import one_line
from grader.record import Record, Status
from grader.wording.verdicts import not_passed, with_extra_credit

LIMIT = 1_000
"""Characters of one cell."""
_FORMULA = "=+\\-@|%\uff1d\uff0b\uff0d\uff20"
"""With the wide forms, which some spreadsheets take for the same."""
_STARTS = re.compile(rf"""(\A|;)(?=[\s"']*[{_FORMULA}])""")


def text(value: str, *, limit: int = LIMIT) -> str:
    """A text as a cell: one line, and a formula to nobody."""
    return _STARTS.sub(r"\1'", one_line(value, limit=limit))


def table(rows: Iterable[Iterable[str]]) -> bytes:
    """Finished cells as CSV: UTF-8, separated by commas, lines ended by CR LF (RFC 4180)."""
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n").writerows(rows)
    return stream.getvalue().encode("utf-8")


class EmptyGrade(StrEnum):
    """What a reader does with an empty cell in the column of the grades."""

    DELETES = "deletes"
    """It deletes the grade that is there. So a student without a mark is not in the file, and a
    grade that was entered by hand stays."""
    KEEPS = "keeps"
    """It passes over the row. So a student without a mark need not be in the file."""
    NO_MARK = "no mark"
    """It reads that there is no mark. So everybody is in the file."""


class ReaderRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the system that reads a gradebook does with its cells."""

    empty_grade: EmptyGrade
    largest: int | None = None
    """The largest grade that it takes, where that is more than the maximum of the class: beyond it,
    extra credit is cut. None: it takes any grade."""
    escapes: str = ""
    """Characters that it takes for an escape in a text: each becomes a slash."""

    def cell(self, value: str) -> str:
        """A text as a cell of this reader."""
        for character in self.escapes:
            value = value.replace(character, "/")
        return text(value)

    def most(self, max_score: int) -> Decimal | None:
        """The largest grade that may stand in the file of a class; None where any may."""
        return None if self.largest is None else Decimal(max(self.largest, max_score))


class ClassMarks(msgspec.Struct, frozen=True, kw_only=True):
    """What gradebooks are made from."""

    info: RunInfo
    results: Sequence[StudentResult]
    """Everybody."""
    shown: Sequence[Record | None]
    """For each of them the record as the student may see it: feedback is made from this one."""


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """An identifier by which a reader finds a person."""

    name: str
    """As its reader calls it: ``ID number``."""
    article: str
    of: Callable[[Student], str]
    """The identifier of a student; empty where it is not known."""


class GradebookLine(msgspec.Struct, frozen=True, kw_only=True):
    """A student who belongs in a file, as its reader takes it."""

    result: StudentResult
    identifier: str
    """As a cell; empty where the gradebook has no single identifier."""
    grade: str
    """A number, cut to what the reader takes; empty without a mark."""
    feedback: str
    """A few sentences for the student, as a cell."""


Write = Callable[[ClassMarks, Sequence[GradebookLine]], bytes]


class Gradebook(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the gradebook folder.

    Each module in ``grader/batch/outputs/gradebooks`` has one or more of these at its top level;
    nothing else lists them.
    """

    file: str
    rules: ReaderRules
    write: Write
    """Makes the file from the class and from the lines of those who belong in it."""
    about: Callable[[ClassMarks], str]
    """How to import the file, for the README: lines of up to 82 characters."""
    identifier: Callable[[ClassMarks], Identifier] | None = None
    """The identifier by which the reader finds people. Students without it are not in the file."""
    optional: bool = False
    """Whether the file is written only where somebody has the identifier."""

    def is_wanted(self, marks: ClassMarks) -> bool:
        """Whether the class has this file."""
        return not self.optional or any(self._identity(marks, r) for r in marks.results)

    def render(self, marks: ClassMarks) -> bytes:
        """The content of the file."""
        return self.write(marks, self.lines(marks))

    def lines(self, marks: ClassMarks) -> list[GradebookLine]:
        """Who belongs in the file: whom the reader can find, and with a mark where it needs one."""
        everybody = self.rules.empty_grade is EmptyGrade.NO_MARK
        most = self.rules.most(marks.info.max_score)
        lines = []
        for result, record in zip(marks.results, marks.shown, strict=True):
            given = mark(result, marks.info)
            identifier = self._identity(marks, result)
            if (given is None and not everybody) or (
                self.identifier is not None and not identifier
            ):
                continue
            points = Decimal(0) if given is None else given.points
            taken = points if most is None else min(points, most)
            lines.append(
                GradebookLine(
                    result=result,
                    identifier=identifier,
                    grade="" if given is None else number(taken),
                    feedback=self.rules.cell(_feedback(record, points, taken)),
                )
            )
        return lines

    def left_out(self, marks: ClassMarks) -> list[StudentResult]:
        """Those with a mark whom the reader could not find."""
        if self.identifier is None:
            return []
        return [
            result
            for result in marks.results
            if mark(result, marks.info) is not None and not self._identity(marks, result)
        ]

    def cut(self, marks: ClassMarks) -> list[StudentResult]:
        """Those in the file whose extra credit goes beyond what the reader takes."""
        most = self.rules.most(marks.info.max_score)
        missing = {result.student.key for result in self.left_out(marks)}
        return [
            result
            for result in marks.results
            if most is not None
            and (given := mark(result, marks.info)) is not None
            and given.points > most
            and result.student.key not in missing
        ]

    def _identity(self, marks: ClassMarks, result: StudentResult) -> str:
        if self.identifier is None:
            return ""
        return self.rules.cell(self.identifier(marks).of(result.student).strip())


def _feedback(record: Record | None, points: Decimal, taken: Decimal) -> str:
    """What the student reads beside the grade; none of it is from the submission."""
    sentences = []
    if record is not None:
        sentences.append(record.headline)
        failed = [
            (check.title, check.max_points)
            for check in record.checks
            if check.status is Status.FAILED and not check.extra
        ]
        if failed:
            sentences.append(not_passed(failed))
    if points > taken:
        sentences.append(with_extra_credit(number(points)))
    return " ".join(sentences)


README = "README.txt"


def find_gradebooks() -> list[Gradebook]:
    """All gradebooks that the modules of this folder define, by the names of their files."""
    found: dict[str, Gradebook] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Gradebook) and found.setdefault(value.file, value) is not value:
                raise ValueError(f"two gradebooks write the file {value.file}")
    return [found[file] for file in sorted(found)]


def render_all(marks: ClassMarks) -> dict[str, bytes]:
    """Every file of the gradebook folder by its name, with a README that explains them."""
    wanted = [each for each in find_gradebooks() if each.is_wanted(marks)]
    files = {each.file: each.render(marks) for each in wanted}
    return {**files, README: _readme(wanted, marks).encode("utf-8")}


def _readme(gradebooks: list[Gradebook], marks: ClassMarks) -> str:
    """What the files are, how to import them, and who is not in them."""
    lines = [f"Gradebooks of {one_line(marks.info.title)}", ""]
    for gradebook in gradebooks:
        about = gradebook.about(marks).strip().replace("\n", f"\n{'':13}")
        gap = f"\n{'':13}" if len(gradebook.file) > 11 else " " * (13 - len(gradebook.file))
        lines.append(f"{gradebook.file}{gap}{about}")
    deleting = [each.file for each in gradebooks if each.rules.empty_grade is EmptyGrade.DELETES]
    lines += [
        "",
        f"A student without a mark is not in {' or '.join(deleting)}: their readers take an empty",
        "cell as an order to delete the grade that is there. In grades.csv the cell is empty.",
        "",
    ]
    lines += _named(
        "Without a mark",
        {
            result.student.key: f"{why_no_mark(result)} {remedy(result)}".strip()
            for result in marks.results
            if mark(result, marks.info) is None
        },
        marks,
    )
    for gradebook in gradebooks:
        if gradebook.identifier is not None:
            wanted = gradebook.identifier(marks)
            what = f"not in {gradebook.file} for want of {wanted.article} {wanted.name}"
            missing = {result.student.key: "" for result in gradebook.left_out(marks)}
            lines += _named(f"With a mark, but {what}", missing, marks)
        what = f"With more extra credit than its reader takes, so cut in {gradebook.file}"
        lines += _named(what, {r.student.key: "" for r in gradebook.cut(marks)}, marks)
    return "\n".join(lines)


def _named(what: str, students: dict[str, str], marks: ClassMarks) -> list[str]:
    """A paragraph that names students, each with a sentence or nothing; empty without students."""
    if not students:
        return []
    lines = [f"{what}: {len(students)}\n"]
    for result in marks.results:
        if (sentence := students.get(result.student.key)) is not None:
            who = one_line(result.student.name or result.student.key, limit=80)
            lines.append(f"  {who}: {one_line(sentence, limit=400)}" if sentence else f"  {who}")
    return [*lines, ""]
