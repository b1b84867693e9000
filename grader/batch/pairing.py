"""Find who of two classes is the same person.

A student's key is no evidence for it: it is made of the name and the number, and a second student
of that name gets another one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from grader.batch.collect.spelling import exact, plain
from grader.batch.model import Student

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
        """Of the class before, by the key in the class after."""

    def by(self, evidence: IdentityEvidence) -> None:
        """Pair whom the evidence fits, of those who are left."""
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
    """By a number that nobody else has, then by an address that nobody else of the class has."""
    for field in _IDENTITIES:
        yield on_both(_getter(field), sure=True)
    for field in _ADDRESSES:
        yield on_both(_getter(field))


def names() -> Iterator[IdentityEvidence]:
    """By a name alone, as it is spelt and then but for case and punctuation."""
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
    """Who is who in two runs, maybe of two assignments.

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
