"""Finds the line of the class list that a name means. A doubtful match gives work to nobody.

People have several numbers: Canvas's user ID, Moodle's participant number (which is
another one in each assignment), the institution's own. A number in a file's name is
compared with numbers of its own kind only. Where a list does not say of which kind
its numbers are, the class does: they are the download's where everybody whose name
fits one line has that line's number, too. As that may be chance in a small class,
such a number counts only in a line whose name is alike.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from grader.batch.collect.people import Claim, System, assignment_prefix, splits
from grader.batch.collect.roster import RosterStudent
from grader.batch.collect.spelling import Likeness, Spellings, folded, plain
from grader.intake.display import one_line

Person = tuple[str, str]
"""The identifier and the name that files claim: equal for all files of one person."""
_NAMES_SHOWN: Final = 5
_UNDECLARED: Final = ("id", "number")
_FIELD: Final[dict[System, str]] = {"Canvas": "canvas_id", "Moodle": "participant"}
_NUMBER: Final[dict[System, str]] = {
    "Canvas": "Canvas's user ID",
    "Moodle": "Moodle's participant number",
}
_COLUMN: Final[dict[System, str]] = {"Canvas": "canvas id", "Moodle": "participant"}
_ANONYMOUS: Final = "participant"
"""The name that Moodle gives to everybody whose marking is blind."""


@dataclass(frozen=True, kw_only=True)
class NamedWork:
    """What the name of one person's work claims, and where it lies."""

    claim: Claim
    source: str
    """Its path, as it is shown."""


@dataclass(frozen=True, kw_only=True)
class RosterMatches:
    """Which lines of the class list are whose."""

    roster: Sequence[RosterStudent]
    """The class list, with each number in the field of its kind."""
    lines: Mapping[Person, Sequence[RosterStudent]]
    """The lines of each person on the list; several where a team shares a repository."""
    notes: Sequence[str]
    """What was doubtful, and what to do about it."""


@dataclass(frozen=True)
class _LineMatch:
    lines: Sequence[RosterStudent] = ()
    doubt: str = ""
    """Why nothing was matched; shown behind the name of the work."""
    likeness: Likeness = Likeness.EXACT
    """How alike name and lines are."""
    nearly: Sequence[RosterStudent] = ()
    """Lines whose name differs in accents only."""

    @property
    def nobody(self) -> bool:
        """Whether the list has nothing like it."""
        return not self.lines and not self.doubt


def match_roster(
    roster: Sequence[RosterStudent], works: Mapping[Person, NamedWork]
) -> RosterMatches:
    """Find the lines of the class list that each person's name and number mean."""
    register = _Register(roster, [work.claim for work in works.values()])
    found = {person: register.find(work.claim) for person, work in works.items()}
    contests = _Contests(works, found)
    lines = {}
    notes = [*register.notes, *register.numbers_of_unknown_kind(works, found)]
    for person, each in found.items():
        shown = f"{one_line(person[1], limit=60)} ({works[person].source})"
        if each.doubt:
            notes.append(f"{shown} {each.doubt}")
        own = [line for line in each.lines if contests.is_won(line, person)]
        notes += [
            f"{shown} {contests.why_lost(line, person)}" for line in each.lines if line not in own
        ]
        if own:
            lines[person] = own
        if len(own) > 1:
            notes.append(
                f"{shown} is the repository of {_shown(own)} of the roster: each of them has "
                "its result"
            )
    notes += _unknown([person for person, each in found.items() if each.nobody], roster)
    return RosterMatches(roster=register.roster, lines=lines, notes=notes)


class _Contests:
    """Decides who gets a line of the list that several people could be."""

    def __init__(
        self, works: Mapping[Person, NamedWork], found: Mapping[Person, _LineMatch]
    ) -> None:
        self._works = works
        self._claimed: dict[int, dict[Person, Likeness]] = defaultdict(dict)
        for person, each in found.items():
            for line in each.lines:
                self._claimed[line.line][person] = each.likeness
            for line in each.nearly:
                # Nobody can say whose accents were left out.
                self._claimed[line.line][person] = Likeness.FOLDED

    def is_won(self, line: RosterStudent, person: Person) -> bool:
        """Whether the line is this person's: nobody else's name is as much like it."""
        own = self._claimed[line.line][person]
        return all(own < other for _, other in self._others(line, person))

    def why_lost(self, line: RosterStudent, person: Person) -> str:
        """What to do about a line that is not this person's, as the end of a sentence."""
        own = self._claimed[line.line][person]
        others = self._others(line, person)
        sources = ", ".join([self._works[other].source for other, _ in others][:_NAMES_SHOWN])
        surest = min(likeness for _, likeness in others)
        if surest < own and [likeness for _, likeness in others].count(surest) == 1:
            return (
                f"could be {_shown([line])} of the roster, but the name of another ({sources}) is "
                "more like it: not matched. Rename it or take it away if it is not theirs"
            )
        return (
            f"could be {_shown([line])} of the roster, but so could another ({sources}): neither "
            "was matched. Rename or take away the one that is not theirs"
        )

    def _others(self, line: RosterStudent, person: Person) -> list[tuple[Person, Likeness]]:
        return [each for each in self._claimed[line.line].items() if each[0] != person]


def _unknown(people: Sequence[Person], roster: Sequence[RosterStudent]) -> Iterator[str]:
    if roster and people:
        shown = ", ".join(one_line(name) for _, name in people[:_NAMES_SHOWN])
        more = f" and {len(people) - _NAMES_SHOWN} more" if len(people) > _NAMES_SHOWN else ""
        yield f"not on the roster: {shown}{more}"


class _Register:
    """The class list, indexed by everything about a student that a file's name may hold."""

    def __init__(self, roster: Sequence[RosterStudent], claims: Sequence[Claim]) -> None:
        self.notes: list[str] = []
        self._names = _names(roster)
        self._deduced = False
        self._undecided: Sequence[str] = ()
        self.roster = self._with_kinds(roster, claims)
        self._names = _names(self.roster)
        self._by_number = {
            system: _index(self.roster, _getter(kind), str.lower) for system, kind in _FIELD.items()
        }
        self._by_unknown_number = _index(
            self.roster,
            lambda each: [getattr(each, column) for column in self._undecided],
            str.lower,
        )
        self._by_identifier = tuple(
            _index(self.roster, _identifiers, key) for key in (str.lower, plain)
        )
        self._by_repository = _index(self.roster, lambda each: [_last(each.repository)], str.lower)
        self._by_account = _index(
            self.roster, lambda each: (each.account, each.login, _last(each.repository)), str.lower
        )
        self._prefix = assignment_prefix(
            [claim.name.lower() for claim in claims if claim.numbered_by is None],
            self._by_account.keys(),
        )

    def find(self, claim: Claim) -> _LineMatch:
        """The line that a claim means (the lines, of a team), or why there is none."""
        if claim.numbered_by is not None:
            return self._find_numbered(claim, claim.numbered_by)
        return self._find_named(claim.name)

    def _find_numbered(self, claim: Claim, system: System) -> _LineMatch:
        """Find by a system's number and a name; where they contradict each other, by neither."""
        number = _NUMBER[system]
        numbered = self._by_number[system].get(claim.id.lower(), [])
        found = self._find_by_name(claim.name)
        named = found.lines
        if len(numbered) > 1:
            return _LineMatch(
                doubt=f"has {number} of {_shown(numbered)} of the roster: not matched. Correct "
                "the one that has another"
            )
        if numbered:
            if numbered[0] in named:
                return _LineMatch(numbered)
            if named:
                return _LineMatch(
                    doubt=f"has {number} of {_shown(numbered)} and the name of {_shown(named)} of "
                    "the roster: matched with neither. Correct these lines"
                )
            # Canvas never gives a number twice, and what it calls a person may change.
            sure = system == "Canvas" and not self._deduced
            if sure or _may_be(claim.name, numbered[0]):
                return _LineMatch(numbered)
            return _LineMatch(
                doubt=f"has {number} of {_shown(numbered)} of the roster, but another name: not "
                "matched. Correct the number or the name in that line"
            )
        if len(named) > 1:
            return _LineMatch(
                doubt=f"has the name of {_shown(named)} of the roster: not matched. Add a column "
                f"{_COLUMN[system]!r} with {number} to tell them apart"
            )
        if named and (other := getattr(named[0], _FIELD[system])):
            return _LineMatch(
                doubt=f"has the name of {_shown(named)} of the roster, where {number} is "
                f"{one_line(other, limit=40)} and not {claim.id}: not matched. If it is the same "
                "person, correct that line"
            )
        return found

    def _find_by_name(self, name: str) -> _LineMatch:
        lines, likeness = self._names.find(name)
        if lines and likeness is Likeness.NEARLY:
            return _LineMatch(
                doubt=f"is spelt like {_shown(lines)} of the roster but for accents, which may "
                "make it another name: not matched. If it is theirs, correct the spelling",
                nearly=lines,
            )
        return _LineMatch(lines, likeness=likeness)

    def _find_named(self, name: str) -> _LineMatch:
        if team := self._by_repository.get(name.lower(), []):
            return _LineMatch(team)
        found = self._find_by_anything(name)
        if not found.lines and self._prefix and name.lower().startswith(self._prefix):
            account = name.lower().removeprefix(self._prefix)
            lines = self._by_account.get(account, [])
            if lines and all(_last(each.repository).lower() == account for each in lines):
                return _LineMatch(lines)  # a team's repository, without the assignment
            if lines:
                found = _LineMatch(lines)
        if len(found.lines) > 1:
            return _LineMatch(
                doubt=f"could be any of {_shown(found.lines)} of the roster: not matched. Put its "
                "name into the column 'repository' of the right one"
            )
        return self._by_its_end(name) if found.nobody else found

    def _find_by_anything(self, name: str) -> _LineMatch:
        """Find by name, or by what else a file or folder may be called after."""
        same, alike = (
            index.get(key, ())
            for index, key in zip(self._by_identifier, (name.lower(), plain(name)), strict=True)
        )
        named = self._find_by_name(name)
        identified = _LineMatch(same or alike, likeness=Likeness(not same))
        if not identified.lines:
            return named
        if not named.lines:
            return identified
        if named.likeness is Likeness.EXACT and not same:
            return named
        # The name of one may be the account of another: then it is a choice of both.
        lines = {line.line: line for line in (*named.lines, *identified.lines)}
        return _LineMatch(list(lines.values()), likeness=min(named.likeness, identified.likeness))

    def _by_its_end(self, name: str) -> _LineMatch:
        """A match with nobody, but with a note: that a name ends in an account may be chance."""
        found = [
            line
            for _, account in splits(name.lower())
            for line in self._by_account.get(account, [])
        ]
        if not found:
            return _LineMatch()
        return _LineMatch(
            doubt=f"ends like the account of {_shown(found)} of the roster, but may be somebody "
            "else's: not matched. If it is theirs, put its name into the column 'repository' of "
            "that line"
        )

    def _with_kinds(
        self, roster: Sequence[RosterStudent], claims: Sequence[Claim]
    ) -> Sequence[RosterStudent]:
        """The list with numbers that turn out to be the download's where those belong."""
        system = next((each.numbered_by for each in claims if each.numbered_by), None)
        if system is None:
            return roster
        equal, other = self._compared(claims)
        self._undecided = [column for column in _UNDECLARED if not other[column]]
        for column in _UNDECLARED:
            if equal[column] and not other[column]:
                self._deduced = True
                return [
                    _moved(line, column, _FIELD[system]) if line.name else line for line in roster
                ]
        if system == "Moodle" and other["participant"] and not equal["participant"]:
            self.notes.append(
                "the participant numbers of the roster are not those of this download: Moodle "
                "gives others in each assignment. Only names were compared. Use this assignment's "
                "grading worksheet as roster"
            )
            return [msgspec.structs.replace(line, participant="") for line in roster]
        return roster

    def _compared(self, claims: Sequence[Claim]) -> tuple[Counter[str], Counter[str]]:
        """How often each column has the download's number for a name, and how often another one."""
        equal: Counter[str] = Counter()
        other: Counter[str] = Counter()
        for claim in claims:
            named = self._find_by_name(claim.name).lines
            if claim.numbered_by is None or len(named) != 1:
                continue
            for column in (*_UNDECLARED, "participant"):
                if value := getattr(named[0], column):
                    (equal if value.lower() == claim.id.lower() else other)[column] += 1
        return equal, other

    def numbers_of_unknown_kind(
        self, works: Mapping[Person, NamedWork], found: Mapping[Person, _LineMatch]
    ) -> Iterator[str]:
        """Notes on the download's numbers that stand in a column of a kind that nobody declared."""
        alike = [
            (work, lines[0])
            for person, work in works.items()
            if found[person].nobody
            and work.claim.numbered_by is not None
            and (lines := self._by_unknown_number.get(work.claim.id.lower(), []))
        ]
        if not alike:
            return
        work, line = alike[0]
        assert work.claim.numbered_by is not None
        number, column = _NUMBER[work.claim.numbered_by], _COLUMN[work.claim.numbered_by]
        yield (
            f"{len(alike)} of those who were not matched have numbers that are on the roster, the "
            f"first {work.source} that of {_shown([line])}. Nothing says that the roster's are "
            f"{number}s, so they were not compared. If they are, call their column {column!r}"
        )


def _moved(line: RosterStudent, column: str, to: str) -> RosterStudent:
    values = {to: getattr(line, to) or getattr(line, column), column: ""}
    return msgspec.structs.replace(line, **values)


def _getter(name: str) -> Callable[[RosterStudent], Sequence[str]]:
    return lambda each: [getattr(each, name)]


def _index(
    roster: Sequence[RosterStudent],
    values: Callable[[RosterStudent], Iterable[str]],
    plain: Callable[[str], str],
) -> dict[str, list[RosterStudent]]:
    index: dict[str, list[RosterStudent]] = defaultdict(list)
    for student in roster:
        for value in {plain(value) for value in values(student)}:
            if value:
                index[value].append(student)
    return dict(index)


def _names(roster: Sequence[RosterStudent]) -> Spellings[RosterStudent]:
    return Spellings(roster, written=lambda each: [each.name], readings=_readings)


def _readings(student: RosterStudent) -> Iterator[str]:
    """Other orders of a name: ``Jane Doe`` of ``Doe, Jane``; a family name may have two words."""
    family, comma, given = student.name.partition(",")
    words = f"{given} {family}".split() if comma else student.name.split()
    for first in range(len(words)):
        yield " ".join([*words[first:], *words[:first]])


def _identifiers(student: RosterStudent) -> Iterator[str]:
    """What a file or folder of one's own may be named after, besides the name."""
    yield from (student.email, student.email.partition("@")[0])
    yield from (student.account, student.login, _last(student.repository))
    yield from (student.id, student.number, student.sis_id, student.canvas_id)
    yield student.participant


def _may_be(name: str, line: RosterStudent) -> bool:
    """Whether a name may be the line's although it differs: they share a word."""
    if not line.name or plain(name) == _ANONYMOUS:
        return True
    whole, words = folded(name), _words(name)
    # Canvas leaves out what is between words.
    return any(word in words or (len(word) > 2 and word in whole) for word in _words(line.name))


def _words(name: str) -> set[str]:
    return {alike for word in re.split(r"[\s,.'-]+", name) if (alike := folded(word))}


def _last(repository: str) -> str:
    return repository.rstrip("/").rpartition("/")[2].removesuffix(".git")


def _shown(lines: Sequence[RosterStudent]) -> str:
    """``lines 2 (Ann) and 3 (Bob)``."""
    each = [
        f"{line.line} ({one_line(who, limit=60)})"
        if (who := line.name or line.email or line.account or line.repository)
        else str(line.line)
        for line in {line.line: line for line in lines}.values()
    ]
    if len(each) > _NAMES_SHOWN:
        each[_NAMES_SHOWN:] = [f"{len(each) - _NAMES_SHOWN} more"]
    if len(each) == 1:
        return f"line {each[0]}"
    return f"lines {', '.join(each[:-1])} and {each[-1]}"
