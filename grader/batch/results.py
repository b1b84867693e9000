"""Each student's result and the run's description, from which all outputs are written.

A program that several students handed in is graded once. `record_of_equal_program` makes each
student's own record of it. Their files are equal in that their token streams are, so all that can
differ is where the tokens stand, and what surrounds them: name, digest, text and static look become
those of the student's file, and each place that a message names is where the same token stands.
"""

from __future__ import annotations

import bisect
import hashlib
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar, cast

import msgspec

from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.plan import Settings
from grader.batch.store import Store, StoredAttempt
from grader.batch.task import all_code
from grader.device import Finding, Launch, SourcePlace
from grader.errors import GraderFault
from grader.intake import Submission, submission_from_bytes
from grader.intake.display import one_line
from grader.intake.lexer import DEDENT, INDENT, NEWLINE, Token, tokens
from grader.intake.static_look import look
from grader.record import CaseLog, Diagnostic, Note, Record, StaticLook, SubmissionInfo, Tensor

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


def student_results(store: Store, *, own_files: bool = True) -> Iterator[StudentResult]:
    """Each student's result, in the order of the class. Records are unpacked one at a time.

    Args:
        store: Of the class.
        own_files: Whether each has a record of the student's own file. That of an equal program
            says as much about the mark, and is made sooner.
    """
    known = _Results(store, own_files=own_files)
    return (known.result(student) for student in known.students)


def find_result(store: Store, key: str) -> StudentResult:
    """The result of the student with that key; raises KeyError."""
    known = _Results(store)
    for student in known.students:
        if student.key == key:
            return known.result(student)
    raise KeyError(key)


class _Results:
    """The columns of the database, without the records, and the results that follow from them."""

    def __init__(self, store: Store, *, own_files: bool = True) -> None:
        self._store, self._own_files = store, own_files
        self.students = store.students()
        self._programs = store.programs()
        self._graded = store.known()
        self._attempts = store.attempts()
        self._leaders: dict[str, str] = {}
        """The student that stands for a program: whose file was graded, else the first with it."""
        theirs = [(student.key, self._program(student)) for student in self.students]
        for key, (own, program) in theirs:
            graded = self._graded.get(program)
            if own and graded is not None and graded.sha256 == own.attempt.sha256:
                self._leaders.setdefault(program, key)
        for key, (_, program) in theirs:
            self._leaders.setdefault(program, key)

    def _program(self, student: Student) -> tuple[StoredAttempt | None, str]:
        """The attempt that counts, and its program; empty where it has none."""
        attempts = self._attempts.get(student.key, [])
        own = next((each for each in attempts if each.attempt.counts), None)
        return own, self._programs[own.attempt.sha256] if own and own.attempt.sha256 else ""

    def result(self, student: Student) -> StudentResult:
        """How it ended for one student."""
        own, program = self._program(student)
        if own is None:
            return StudentResult(student=student, attempt=None, record=None)
        attempts = len(self._attempts[student.key])
        if own.refusal is not None:
            return StudentResult(
                student=student,
                attempt=own.attempt,
                record=None,
                refusal=own.refusal,
                attempts=attempts,
            )
        graded = self._graded.get(program)
        leader = self._leaders[program]
        return StudentResult(
            student=student,
            attempt=own.attempt,
            record=self._record(own, program) if graded else None,
            attempts=attempts,
            equal_to="" if leader == student.key else leader,
            seconds=graded.seconds if graded and leader == student.key else 0.0,
        )

    def _record(self, own: StoredAttempt, program: str) -> Record:
        record = self._store.record(program)
        assert record is not None
        if not self._own_files:
            return record
        data = self._store.source(own.attempt.sha256)
        return record_of_equal_program(record, submission_from_bytes(own.attempt.name, data))


def describe(
    settings: Settings,
    store: Store,
    *,
    finished: str = "",
    workers: int = 0,
) -> RunInfo:
    """Store and return the run's description; begin and title are those of its first session."""
    before, sources = store.info(), store.sources()
    info = RunInfo(
        # A folder's name may hold bytes that are no text.
        title=one_line(settings.title or (before.title if before else settings.source.stem)),
        puzzle=settings.options.puzzle,
        edition=settings.options.edition,
        created=before.created if before else now(),
        finished=finished,
        rubric=settings.options.rubric_name,
        workers=workers or (before.workers if before else 1),
        max_score=settings.puzzle.max_score,
        notes=tuple(
            f"{source.name}: {note}" if len(sources) > 1 else note
            for source in sources
            for note in source.notes
        ),
        refusals=tuple(refusal for source in sources for refusal in source.refusals),
    )
    store.set_info(info)
    return msgspec.structs.replace(info, seconds=before.seconds if before else 0.0)


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def outdated(store: Store, info: RunInfo) -> bool:
    """Whether the outputs were made from something else than the results of now."""
    index = store.folder / "index.html"
    return not index.is_file() or store.meta("outputs") != state(store, info)


def state(store: Store, info: RunInfo) -> str:
    """A digest of all that the outputs are made from, without unpacking a record."""
    described = msgspec.structs.replace(info, finished="", seconds=0.0, workers=0)
    due = store.meta("due")
    passed = bool(due) and datetime.now(UTC) >= datetime.fromisoformat(due)
    facts = [all_code(), store.gradings(), described, passed]
    digest = hashlib.sha256(msgspec.json.encode(facts))
    digest.update(msgspec.json.encode(store.students()))
    for key, attempts in sorted(store.attempts().items()):
        digest.update(msgspec.json.encode([key, [_plain(each) for each in attempts]]))
    return digest.hexdigest()


def _plain(stored: StoredAttempt) -> object:
    return [msgspec.to_builtins(stored.attempt), msgspec.to_builtins(stored.refusal)]


def write_outputs(store: Store, info: RunInfo, *, afresh: bool = False) -> None:
    """Dashboard, gradebooks, reports and similarity, from the stored results."""
    from grader.batch.outputs import write_all

    write_all(store.folder, info, student_results(store), afresh=afresh)
