"""Each student's result and the run's description, from which all outputs are written.

A program that several students handed in is graded once; `grader.grading.equal` makes each
student's own record of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from grader.batch.model import RunInfo, Student, StudentResult
from grader.batch.plan import Settings
from grader.batch.store import Store, StoredAttempt
from grader.grading.conditions import all_code
from grader.grading.equal import record_of_equal_program
from grader.intake import submission_from_bytes
from grader.intake.display import one_line
from grader.record import Record


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
