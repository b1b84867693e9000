"""How it ended for each student: the class beside the results, as everything is written from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from grader.batch.equal import own_record
from grader.batch.model import Student, StudentResult
from grader.batch.store import Known, Store, Stored
from grader.intake import submission_from_bytes
from grader.record import Record


def student_results(store: Store) -> Iterator[StudentResult]:
    """One for each student, in the order of the class. Only what is given out is unpacked."""
    programs = store.programs()
    known = store.known()
    attempts = store.attempts()
    leaders: dict[str, str] = {}
    students = store.students()
    for student in students:
        own = _counting(attempts.get(student.key, []))
        if own is not None and own.attempt.sha256:
            program = programs[own.attempt.sha256]
            graded = known.get(program)
            if graded is not None and graded.sha256 == own.attempt.sha256:
                leaders.setdefault(program, student.key)
    for student in students:
        yield _result(store, student, attempts.get(student.key, []), programs, known, leaders)


def find_result(store: Store, key: str) -> StudentResult:
    """The one of the student with that key; raises KeyError."""
    for result in student_results(store):
        if result.student.key == key:
            return result
    raise KeyError(key)


def _result(
    store: Store,
    student: Student,
    attempts: list[Stored],
    programs: Mapping[str, str],
    known: Mapping[str, Known],
    leaders: dict[str, str],
) -> StudentResult:
    own = _counting(attempts)
    if own is None:
        return StudentResult(student=student, attempt=None, record=None)
    if own.refusal is not None:
        return StudentResult(
            student=student,
            attempt=own.attempt,
            record=None,
            refusal=own.refusal,
            attempts=len(attempts),
        )
    program = programs[own.attempt.sha256]
    graded = known.get(program)
    # The file that was graded may be nobody's by now; then the first who has it leads.
    leader = leaders.setdefault(program, student.key)
    return StudentResult(
        student=student,
        attempt=own.attempt,
        record=_record(store, own, program) if graded else None,
        attempts=len(attempts),
        equal_to="" if leader == student.key else leader,
        seconds=graded.seconds if graded and leader == student.key else 0.0,
    )


def _record(store: Store, own: Stored, program: str) -> Record:
    record = store.record(program)
    assert record is not None
    data = store.source(own.attempt.sha256)
    return own_record(record, submission_from_bytes(own.attempt.name, data))


def _counting(attempts: list[Stored]) -> Stored | None:
    return next((each for each in attempts if each.attempt.counts), None)
