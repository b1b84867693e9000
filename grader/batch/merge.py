"""Merges a source into the class: it adds people and work, and makes nobody disappear.

What is handed over is one download among several: late work comes in another archive, which
holds only some of the class. So a source replaces what it brought before, for those who are in it.
Who is not keeps work and mark. All work of a person is put in one order, of which the last counts.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from grader.batch.attempts import AttemptOrder, Rank, content_of, file_of
from grader.batch.compare import (
    LISTED,
    IdentityEvidence,
    Pairing,
    anonymous_id,
    contradict_in_one_assignment,
    names,
    numbers,
    on_both,
    plain_name,
)
from grader.batch.model import Student
from grader.batch.store import StoredAttempt

_OF_DOWNLOADS: Final = ("canvas_id", "participant")


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a source changes in a class that is there already. Each person is in one list."""

    new: Sequence[Student] = ()
    replaced: Sequence[Student] = ()
    """Other work counts than before."""
    unchanged: Sequence[Student] = ()
    """In the source, and what counts is as it was."""
    older: Sequence[Student] = ()
    """In the source, but what counts is newer work from another one."""
    kept: Sequence[Student] = ()
    """Not in the source, or with nothing in it: they keep what they have."""
    gone: Sequence[Student] = ()
    """In the class no longer: it was asked for."""
    joined: Sequence[tuple[Student, Student]] = ()
    """People who turned out to be somebody of the class, with that somebody."""
    namesakes: Sequence[tuple[Student, Student]] = ()
    """New people with the name of somebody who was there, with that somebody."""


@dataclass(frozen=True, kw_only=True)
class MergedClass:
    """Everybody, with all that they handed in."""

    students: Sequence[Student]
    stored: Sequence[StoredAttempt]
    """Sorted by student, then in the order of handing in; the last one of a student counts."""
    changes: Changes | None = None
    """None where there was no class before."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """The program of each file that counts or did once, by the file's digest."""


@dataclass(frozen=True, kw_only=True)
class StudentsWithWork:
    """Students with what they handed in."""

    students: Sequence[Student]
    attempts: Mapping[str, Sequence[StoredAttempt]]
    """By the student's key, each in the order of handing in."""

    def of(self, key: str) -> Sequence[StoredAttempt]:
        """What a student handed in."""
        return self.attempts.get(key, ())


def origin_of(source: Path) -> str:
    """What identifies a source in a later session: its path."""
    # A path may hold bytes that are no text.
    return os.fsencode(source.resolve()).decode("utf-8", "backslashreplace")


def from_source(
    students: Sequence[Student], stored: Iterable[StoredAttempt], origin: str
) -> StudentsWithWork:
    """The students and attempts of a collection, as work of a source."""
    lateness = {student.key: student for student in students}
    attempts: dict[str, list[StoredAttempt]] = defaultdict(list)
    for each in stored:
        who = lateness[each.attempt.student]
        attempt = msgspec.structs.replace(
            each.attempt, origin=origin, lateness=who.lateness, days_late=who.days_late
        )
        attempts[who.key].append(StoredAttempt(attempt=attempt, refusal=each.refusal))
    return StudentsWithWork(students=students, attempts=attempts)


def replace_class(before: StudentsWithWork, source: StudentsWithWork, origin: str) -> MergedClass:
    """The class as a source alone has it."""
    merging = _Merging(before, source, origin, [origin], lambda each: 0)
    return merging.source_alone()


def merge(
    before: StudentsWithWork,
    source: StudentsWithWork,
    *,
    origin: str,
    origins: Sequence[str],
    rank: Rank,
) -> MergedClass:
    """The class with a source added to what it was.

    Args:
        before: The class; its keys are kept.
        source: What the source holds now.
        origin: Which source that is.
        origins: All sources, in the order in which they were given first.
        rank: What work is worth before time decides.
    """
    return _Merging(before, source, origin, origins, rank).all_together()


class _Merging:
    def __init__(
        self,
        before: StudentsWithWork,
        source: StudentsWithWork,
        origin: str,
        origins: Sequence[str],
        rank: Rank,
    ) -> None:
        self._before, self._source, self._origin = before, source, origin
        self._order = AttemptOrder(origins, rank)
        self._places: dict[Hashable, list[str]] = defaultdict(list)
        """Whose a path is, and whose a file is, by the keys in the source."""
        self._times: dict[str, list[str]] = defaultdict(list)
        """When what is at a path was handed in."""
        for key, attempts in source.attempts.items():
            for each in attempts:
                self._times[each.attempt.source].append(each.attempt.handed_in)
                self._places[each.attempt.source].append(key)
                self._places[file_of(each)].append(key)
        self._known_keys = {student.key for student in before.students}
        self._old = self._pair()
        """The student of the class before, by the key in the source."""
        self._paired = {student.key for student in self._old.values()}
        self._keys = self._make_keys()

    # ---- who is who ----

    def _pair(self) -> dict[str, Student]:
        before = self._without_corrected_numbers()
        pairing = Pairing(before, self._source.students, contradict_in_one_assignment)
        for evidence in (
            *numbers(),
            on_both(lambda each: each.participant, plain_name),
            on_both(anonymous_id, plain_name),
            # The class list may say other things of a person now; the file is the same one's.
            self._handed_in(
                lambda each: [each.attempt.source] if self._is_ours(each) else [], sure=True
            ),
            *names(),
            IdentityEvidence(before=_own_name, after=_accounts),
            self._handed_in(lambda each: [file_of(each)]),
        ):
            pairing.by(evidence)
        originals = {student.key: student for student in self._before.students}
        return {key: originals[student.key] for key, student in pairing.found.items()}

    def _without_corrected_numbers(self) -> Iterator[Student]:
        """The class before, without numbers that the class list gives to somebody else now.

        Work is handed in under a name, and the list says whose number that is: where it was
        corrected, a number must not take work to another name.
        """
        listed = [each for each in self._source.students if each.on_roster]
        called = {plain_name(each) for each in listed}
        owners = {
            (field, value): plain_name(each)
            for each in listed
            for field in LISTED
            if (value := getattr(each, field))
        }
        for old in self._before.students:
            name = plain_name(old)
            moved = [
                field
                for field in LISTED
                if name in called and owners.get((field, getattr(old, field)), name) != name
            ]
            yield msgspec.structs.replace(old, **dict.fromkeys(moved, "")) if moved else old

    def _handed_in(
        self, values: Callable[[StoredAttempt], Sequence[Hashable]], *, sure: bool = False
    ) -> IdentityEvidence:
        """Evidence of being one person: a file that both have, and nobody else."""

        def before(student: Student) -> Iterator[Hashable]:
            for each in self._before.of(student.key):
                yield from values(each)

        def after(student: Student) -> Iterator[Hashable]:
            for each in self._source.of(student.key):
                yield from values(each)

        return IdentityEvidence(before=before, after=after, sure=sure)

    def _is_ours(self, each: StoredAttempt) -> bool:
        # A run of an earlier version does not know where its files came from.
        return each.attempt.origin in (self._origin, "")

    def _make_keys(self) -> dict[str, str]:
        """The key of each person of the source: the one that they had, where they had one."""
        taken = set(self._known_keys)
        keys = {key: student.key for key, student in self._old.items()}
        for student in self._source.students:
            if student.key not in keys:
                key, number = student.key, 1
                while key in taken:
                    number += 1
                    key = f"{student.key}-{number}"
                taken.add(key)
                keys[student.key] = key
        return keys

    # ---- what is whose ----

    def all_together(self) -> MergedClass:
        rest = [each for each in self._before.students if each.key not in self._paired]
        owners = {each.key: self._now_owned_by(each) for each in rest}
        more: dict[str, list[StoredAttempt]] = defaultdict(list)
        for old in rest:
            for key in owners[old.key]:
                more[key] += self._others(old, has_work_here=True)
        people: list[tuple[Student, Sequence[StoredAttempt]]] = []
        for new in self._source.students:
            old_one = self._old.get(new.key)
            theirs = self._source.of(new.key)
            others = self._others(old_one, has_work_here=bool(theirs)) if old_one else []
            own = [*more[new.key], *others, *theirs]
            people.append(self._settled(self._known(old_one, new), own, new))
        people += [
            self._settled(each, self._others(each, has_work_here=False))
            for each in rest
            if not owners[each.key]
        ]
        new_ones = {each.key: each for each in self._source.students}
        joined = [
            (each, self._known(self._old.get(key), new_ones[key]))
            for each in rest
            for key in owners[each.key]
        ]
        if len(people) > len(self._source.students):
            people.sort(key=lambda each: (not each[1], each[0].name.casefold(), each[0].key))
        return self._class(people, joined=joined)

    def source_alone(self) -> MergedClass:
        people = [
            self._settled(
                msgspec.structs.replace(new, key=self._keys[new.key]), self._source.of(new.key), new
            )
            for new in self._source.students
        ]
        return self._class(
            people, gone=[each for each in self._before.students if each.key not in self._paired]
        )

    def _others(self, old: Student, *, has_work_here: bool) -> list[StoredAttempt]:
        """A student's work from other sources, and this source's earlier work where it is kept."""

        def stays(each: StoredAttempt) -> bool:
            if each.attempt.origin == self._origin:
                return not has_work_here and each.attempt.source not in self._places
            if each.attempt.origin == "" and (times := self._times.get(each.attempt.source)):
                # Of an earlier version's run: maybe of this source, maybe of a later one.
                return bool(each.attempt.handed_in) and each.attempt.handed_in > max(times)
            return True

        return [each for each in self._before.of(old.key) if stays(each)]

    def _now_owned_by(self, old: Student) -> Sequence[str]:
        """Keys in the source of the people whose work ``old`` turned out to hold; mostly none.

        The class list may say only now whose a folder is.
        """
        if old.on_roster:
            return ()
        found: dict[str, None] = {}
        for each in self._before.of(old.key):
            place = each.attempt.source if self._is_ours(each) else file_of(each)
            found |= dict.fromkeys(self._places.get(place, ()))
        return list(found)

    def _known(self, old: Student | None, new: Student) -> Student:
        """All that is known of a student: what is said now, else what was said before."""
        if old is None:
            return msgspec.structs.replace(new, key=self._keys[new.key])
        # A class list decides; what a download said of its own numbers it need not know.
        fields = _OF_DOWNLOADS if new.on_roster else new.__struct_fields__
        blank = {
            name: value
            for name in fields
            if not getattr(new, name) and (value := getattr(old, name))
        }
        if old.on_roster and not new.on_roster:
            # The class list was not given again, or not this line of it.
            blank |= {"name": old.name, "id": old.id, "repository": old.repository}
        return msgspec.structs.replace(new, **{**blank, "key": old.key})

    def _settled(
        self, student: Student, own: Sequence[StoredAttempt], new: Student | None = None
    ) -> tuple[Student, Sequence[StoredAttempt]]:
        """A student and the work, in order. The student is late if the attempt that counts is."""
        ordered = self._order.of(student.key, own)
        lateness, days = "unknown", 0.0
        if ordered:
            last = ordered[-1].attempt
            lateness, days = last.lateness, last.days_late
            if new and new.lateness != "unknown" and not self._source.of(new.key):
                lateness, days = new.lateness, new.days_late  # as the class list says
        return msgspec.structs.replace(student, lateness=lateness, days_late=days), ordered

    # ---- what it comes to ----

    def _class(
        self,
        people: Sequence[tuple[Student, Sequence[StoredAttempt]]],
        *,
        joined: Sequence[tuple[Student, Student]] = (),
        gone: Sequence[Student] = (),
    ) -> MergedClass:
        return MergedClass(
            students=[student for student, _ in people],
            stored=[each for _, own in people for each in own],
            changes=self._changes(people, joined, gone) if self._before.students else None,
        )

    def _changes(
        self,
        people: Sequence[tuple[Student, Sequence[StoredAttempt]]],
        joined: Sequence[tuple[Student, Student]],
        gone: Sequence[Student],
    ) -> Changes:
        theirs = {self._keys[key]: own for key, own in self._source.attempts.items() if own}
        found: dict[str, list[Student]] = defaultdict(list)
        for student, own in people:
            kind = self._kind(student, own, theirs.get(student.key, ()))
            found[kind].append(student)
        there = {plain_name(each): each for each in self._before.students}
        return Changes(
            **found,
            gone=gone,
            joined=joined,
            namesakes=[
                (student, there[plain_name(student)])
                for student in found["new"]
                if plain_name(student) in there
            ],
        )

    def _kind(
        self, student: Student, own: Sequence[StoredAttempt], theirs: Sequence[StoredAttempt]
    ) -> str:
        if student.key not in self._known_keys:
            return "new"
        before = self._before.of(student.key)
        if [content_of(each) for each in own[-1:]] != [content_of(each) for each in before[-1:]]:
            return "replaced"
        if not theirs:
            return "kept"
        return "unchanged" if content_of(theirs[-1]) == content_of(own[-1]) else "older"


def _own_name(student: Student) -> Iterator[str]:
    """What a file or folder was called, where the class list did not say whose it is."""
    if not student.on_roster:
        yield student.name.lower()


def _accounts(student: Student) -> Iterator[str]:
    """What else a file or folder of somebody on the class list may be called after."""
    if student.on_roster:
        repository = student.repository.rstrip("/").rpartition("/")[2].removesuffix(".git")
        values = (student.email, repository, student.login, student.id, student.sis_id)
        yield from {value.lower() for value in values if value}
