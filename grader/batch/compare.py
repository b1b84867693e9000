"""Two classes beside each other: who is the same person, whose mark changed, and why.

A student's key is no evidence of who it is: it is made of the name and the number, and a second
student of that name gets another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from grader.batch.collect.spelling import exact, folded, plain
from grader.batch.model import Student
from grader.batch.store import KnownResult, Store, StoredAttempt
from grader.errors import UsageError
from grader.intake.display import one_line
from grader.record import Record, Verdict
from grader.wording.checks import STATUSES

# Nobody has two of these. Not the participant's number: Moodle gives others for each assignment.
_IDENTITIES: Final = ("sis_id", "canvas_id", "login")
_ADDRESSES: Final = ("email", "repository")
LISTED: Final = ("sis_id", "login", "email", "repository")
"""What a class list says of a person."""
_ANONYMOUS: Final = frozenset({"anon", "participant"})
"""What systems call everybody whose marking is blind, as `plain` spells it."""


@dataclass(frozen=True, kw_only=True)
class IdentityEvidence:
    """Something by which a person may be known; it counts where it fits one on each side."""

    before: Callable[[Student], Iterable[Hashable]]
    after: Callable[[Student], Iterable[Hashable]]
    sure: bool = False
    """Whether it weighs more than numbers that differ."""


class Pairing:
    """Pairs the people of two classes, by one kind of evidence after the other.

    Args:
        contradicts: Whether two can't be the same, whatever they are called.
    """

    def __init__(
        self,
        before: Iterable[Student],
        after: Iterable[Student],
        contradicts: Callable[[Student, Student], bool],
    ) -> None:
        self._contradicts = contradicts
        self._before = {student.key: student for student in before}
        self._after = {student.key: student for student in after}
        self.found: dict[str, Student] = {}
        """The student of the class before, by the key in the class after."""

    def by(self, evidence: IdentityEvidence) -> None:
        """Pair those who are left and whom the evidence fits."""
        sides: dict[Hashable, tuple[dict[str, Student], dict[str, Student]]]
        sides = defaultdict(lambda: ({}, {}))
        for student in self._before.values():
            for value in evidence.before(student):
                sides[value][0][student.key] = student
        for student in self._after.values():
            for value in evidence.after(student):
                if value in sides:
                    sides[value][1][student.key] = student
        for ours, theirs in sides.values():
            for old, new in self._fitting(ours.values(), theirs.values(), evidence):
                if old.key in self._before and new.key in self._after:
                    self.found[new.key] = self._before.pop(old.key)
                    del self._after[new.key]

    def _fitting(
        self, ours: Iterable[Student], theirs: Iterable[Student], evidence: IdentityEvidence
    ) -> Iterator[tuple[Student, Student]]:
        fits: dict[str, list[tuple[Student, Student]]] = defaultdict(list)
        times: dict[str, int] = defaultdict(int)
        for new in theirs:
            for old in ours:
                if evidence.sure or not self._contradicts(old, new):
                    fits[new.key].append((old, new))
                    times[old.key] += 1
        for pairs in fits.values():
            if len(pairs) == 1 and times[pairs[0][0].key] == 1:
                yield pairs[0]


def on_both(*values: Callable[[Student], Hashable], sure: bool = False) -> IdentityEvidence:
    """What is the same on both sides; nothing where one of the values is empty."""

    def both(student: Student) -> Iterator[Hashable]:
        found = tuple(value(student) for value in values)
        if all(found):
            yield found

    return IdentityEvidence(before=both, after=both, sure=sure)


def numbers() -> Iterator[IdentityEvidence]:
    """Evidence by a number that nobody else has, then by an address that only one student has."""
    for field in _IDENTITIES:
        yield on_both(_getter(field), sure=True)
    for field in _ADDRESSES:
        yield on_both(_getter(field))


def names() -> Iterator[IdentityEvidence]:
    """Evidence by a name alone: as it is spelt, then without case and punctuation."""
    for spelt in (exact, plain):
        yield on_both(_name(spelt))


def plain_name(student: Student) -> str:
    """The name without case and punctuation."""
    return plain(student.name)


def contradict(one: Student, other: Student) -> bool:
    """Whether numbers say that these are two people."""
    return _differ(one, other, _IDENTITIES)


def contradict_in_one_assignment(one: Student, other: Student) -> bool:
    """The same for what was handed in for one assignment, where all numbers are a person's."""
    anonymous = anonymous_id(one), anonymous_id(other)
    return _differ(one, other, (*_IDENTITIES, "participant")) or (
        all(anonymous) and anonymous[0] != anonymous[1]
    )


def anonymous_id(student: Student) -> str:
    """What stands for a name in anonymous marking; empty where more is known."""
    known = student.on_roster or student.canvas_id or student.participant
    return "" if known else student.id


def _differ(one: Student, other: Student, fields: Sequence[str]) -> bool:
    pairs = [(getattr(one, each), getattr(other, each)) for each in fields]
    return any(a and b and a != b for a, b in pairs)


def _name(spelt: Callable[[str], str]) -> Callable[[Student], str]:
    def name(student: Student) -> str:
        return "" if plain(student.name) in _ANONYMOUS else spelt(student.name)

    return name


def _getter(field: str) -> Callable[[Student], str]:
    def get(student: Student) -> str:
        return str(getattr(student, field))

    return get


def pair(before: Sequence[Student], after: Sequence[Student]) -> dict[str, Student]:
    """Pair the people of two runs, maybe of two assignments.

    By a number or address, else by key and name, else by a name alone. A name does not count
    where numbers say that these are two people: a run counts namesakes in the order in which it
    finds them. What is surer comes first, for everybody.

    Returns:
        Of the run before, by the key in the run after.
    """
    pairing = Pairing(before, after, contradict)
    for evidence in (*numbers(), on_both(_getter("key"), plain_name), *names()):
        pairing.by(evidence)
    return pairing.found


@dataclass(frozen=True, kw_only=True)
class MarkInRun:
    """The mark of a student in one run, or why there is none."""

    score: int | None
    """None where there is no mark."""
    word: str
    """``passed``, ``not passed``, ``refused``, ``nothing handed in`` and so on."""
    extra: int = 0
    """Points of extra credit, which the score does not hold."""

    def __str__(self) -> str:
        if self.score is None:
            return self.word
        extra = f" and {self.extra} extra" if self.extra else ""
        return f"{self.score}{extra} ({self.word})"


@dataclass(frozen=True, kw_only=True)
class MarkChange:
    """A student whose mark differs between two runs."""

    student: Student
    before: MarkInRun
    after: MarkInRun
    reasons: Sequence[str]
    """What is different, the cause first; then the checks that ended otherwise."""


@dataclass(frozen=True, kw_only=True)
class _Side:
    """One run: the columns of its database, without the records."""

    store: Store
    students: Sequence[Student]
    attempts: Mapping[str, Sequence[StoredAttempt]]
    programs: Mapping[str, str]
    known: Mapping[str, KnownResult]

    @classmethod
    def of(cls, store: Store) -> _Side:
        return cls(
            store=store,
            students=store.students(),
            attempts=store.attempts(),
            programs=store.programs(),
            known=store.known(),
        )

    def counting(self, student: Student | None) -> StoredAttempt | None:
        if student is None:
            return None
        own = self.attempts.get(student.key, ())
        return next((each for each in own if each.attempt.counts), None)

    def result(self, own: StoredAttempt | None) -> KnownResult | None:
        if own is None or not own.attempt.sha256:
            return None
        return self.known.get(self.programs[own.attempt.sha256])

    def mark(self, student: Student | None) -> MarkInRun:
        if student is None:
            return MarkInRun(score=None, word="not there")
        own = self.counting(student)
        if own is None:
            return MarkInRun(score=None, word="nothing handed in")
        if own.refusal is not None:
            return MarkInRun(score=None, word="refused")
        result = self.result(own)
        if result is None:
            return MarkInRun(score=None, word="not graded yet")
        if result.verdict is Verdict.FAULT:
            return MarkInRun(score=None, word="no mark")
        word = "passed" if result.verdict is Verdict.PASS else "not passed"
        extra = self.store.extra_score(result.program)
        return MarkInRun(score=result.score, word=word, extra=extra)


def compare(before: Store, after: Store) -> Iterator[MarkChange]:
    """Students whose mark is not the same, in the order of the second run, then of the first."""
    one, two = _Side.of(before), _Side.of(after)
    pairs = _pairs(one.students, two.students)
    for old, new in pairs:
        was, now = one.mark(old), two.mark(new)
        if was == now:
            continue
        student = new or old
        assert student is not None
        reasons = [*_causes(one, old, two, new), *_checks(one, old, two, new)]
        yield MarkChange(student=student, before=was, after=now, reasons=reasons)


def _pairs(
    before: Sequence[Student], after: Sequence[Student]
) -> list[tuple[Student | None, Student | None]]:
    """The same person in both, in the order of the second; then those in the first only."""
    found = pair(before, after)
    taken = {student.key for student in found.values()}
    return [
        *((found.get(student.key), student) for student in after),
        *((student, None) for student in before if student.key not in taken),
    ]


def _causes(one: _Side, old: Student | None, two: _Side, new: Student | None) -> Iterator[str]:
    if old is None or new is None:
        yield "is in one of the runs only"
        return
    own, own_now = one.counting(old), two.counting(new)
    if own is None or own_now is None:
        yield "handed something in for one of the runs only"
        return
    for side, each in (("first", own), ("second", own_now)):
        if each.refusal is not None:
            yield f"in the {side} run: {each.refusal.what}"
    sha256, sha256_now = own.attempt.sha256, own_now.attempt.sha256
    if sha256 and sha256_now and one.programs[sha256] != two.programs[sha256_now]:
        yield "the submission changed"
    result, result_now = one.result(own), two.result(own_now)
    if result is not None and result_now is not None:
        yield from result_now.conditions.changes(result.conditions)


def _checks(one: _Side, old: Student | None, two: _Side, new: Student | None) -> Iterator[str]:
    """Checks that ended otherwise; two records are unpacked for it."""
    record, record_now = _record(one, old), _record(two, new)
    if record is None or record_now is None:
        return
    for fault, which in ((record.fault, "first"), (record_now.fault, "second")):
        if fault is not None:
            yield f"in the {which} run: {fault.what}"
    was = {check.id: check for check in record.checks}
    for check in record_now.checks:
        before = was.pop(check.id, None)
        if before is None:
            yield f"{check.title}: new, {STATUSES[check.status]}"
        elif (before.status, before.points) != (check.status, check.points):
            yield (
                f"{check.title}: {STATUSES[before.status]} ({before.points}) → "
                f"{STATUSES[check.status]} ({check.points})"
            )
    for check in was.values():
        yield f"{check.title}: no longer there, was {STATUSES[check.status]} ({check.points})"


def _record(side: _Side, student: Student | None) -> Record | None:
    own = side.counting(student)
    if own is None or not own.attempt.sha256:
        return None
    return side.store.record(side.programs[own.attempt.sha256])


def find_student(store: Store, wanted: str) -> Student:
    """The student that is meant by a key, an identifier, an email, a name, or a part of one.

    Raises:
        UsageError: nobody is, or several are; then they are named.
    """
    students = store.students()
    found = [each for each in students if wanted in (each.key, each.id, each.email, each.name)]
    for spelt in (plain, folded):
        found = found or [
            each
            for each in students
            if spelt(wanted)
            and spelt(wanted) in spelt(f"{each.key} {each.name} {each.id} {each.email}")
        ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(
            f"there is no student {one_line(wanted)!r} in {store.folder}",
            remedy="Give the key, the name, the identifier or the email; index.html lists them.",
        )
    raise UsageError(
        f"{one_line(wanted)!r} fits {len(found)} students",
        remedy="Give the key of one: " + ", ".join(each.key for each in found[:10]),
    )
