"""How it ended for each student: the class beside the results, as everything is written from."""

from __future__ import annotations

from collections.abc import Iterator

from grader.batch.equal import own_record
from grader.batch.model import Student, StudentResult
from grader.batch.store import Store, Stored
from grader.intake import submission_from_bytes
from grader.record import Record


def student_results(store: Store) -> Iterator[StudentResult]:
    """One for each student, in the order of the class. Only what is given out is unpacked."""
    known = _Known(store)
    return (known.result(student) for student in known.students)


def find_result(store: Store, key: str) -> StudentResult:
    """The one of the student with that key; raises KeyError."""
    known = _Known(store)
    for student in known.students:
        if student.key == key:
            return known.result(student)
    raise KeyError(key)


class _Known:
    """What the columns of the database say; records stay packed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.students = store.students()
        self._programs = store.programs()
        self._graded = store.known()
        self._attempts = store.attempts()
        self._leaders: dict[str, str] = {}
        """Who stands for a program: whose file was graded, else the first who has it."""
        theirs = [(student.key, self._program(student)) for student in self.students]
        for key, (own, program) in theirs:
            graded = self._graded.get(program)
            if own and graded is not None and graded.sha256 == own.attempt.sha256:
                self._leaders.setdefault(program, key)
        for key, (_, program) in theirs:
            self._leaders.setdefault(program, key)

    def _program(self, student: Student) -> tuple[Stored | None, str]:
        """The attempt that counts, and its program; empty where it has none."""
        attempts = self._attempts.get(student.key, [])
        own = next((each for each in attempts if each.attempt.counts), None)
        return own, self._programs[own.attempt.sha256] if own and own.attempt.sha256 else ""

    def result(self, student: Student) -> StudentResult:
        """How it ended for one."""
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
            record=_record(self._store, own, program) if graded else None,
            attempts=attempts,
            equal_to="" if leader == student.key else leader,
            seconds=graded.seconds if graded and leader == student.key else 0.0,
        )


def _record(store: Store, own: Stored, program: str) -> Record:
    record = store.record(program)
    assert record is not None
    data = store.source(own.attempt.sha256)
    return own_record(record, submission_from_bytes(own.attempt.name, data))
