"""Which edition a source is written for, from what it imports, how it declares and what it calls.

Each edition's file lists how its dialect differs from the one before
(`grader.toolchain.edition.DialectChange`). Together they say for each pattern of words
in which editions it packages. An edition *fits* a source if everything that
was recognised packages with it. Where several fit, the default edition is
taken if it is among them, else the newest; where none does, the one with the
fewest differences, so that the report can name the lines that belong to
another.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import msgspec

from grader.choices import DEFAULT_EDITION
from grader.toolchain import edition as editions
from grader.toolchain.dialect import Hit, hits, words
from grader.toolchain.edition import DialectChange

_SHOWN = 3
"""Pieces of evidence in a sentence."""


class Foreign(NamedTuple):
    """A line that does not belong to an edition."""

    line: int
    pattern: str
    belongs: str
    """Where it belongs: ``25.6.1 and older``."""
    advice: str
    """What to write instead."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The edition of a source."""

    edition: str
    reason: str
    """Why, with the evidence, for people."""
    fits: bool
    """Whether everything recognised belongs to it."""
    foreign: tuple[Foreign, ...] = ()
    """What does not, in order of lines."""
    as_good: tuple[str, ...] = ()
    """All editions that match as well as this one, with it, oldest first."""


@lru_cache(maxsize=4)
def detect(text: str) -> Decision:
    """The edition that a source is written for. Any text has an answer; about 3 ms for a puzzle."""
    found = _found(text)
    chosen = _best(found)
    foreign = _foreign(found, chosen)
    return Decision(
        edition=chosen,
        reason=_reason(found, chosen, fits=not foreign),
        fits=not foreign,
        foreign=foreign,
        as_good=_as_good(found, chosen),
    )


def compare(text: str, edition: str) -> tuple[Foreign, ...]:
    """The lines of a source that do not belong to ``edition``, in order."""
    return _foreign(_found(text), edition)


def nearest(text: str, among: Sequence[str]) -> str:
    """The one of some editions that a source differs least from, chosen as `detect` chooses."""
    return _best(_found(text), among)


# ---- what is known of the editions ----


class _Event(NamedTuple):
    at: int
    """Index of the first edition for which it holds."""
    packages: bool
    change: DialectChange


@cache
def _events() -> dict[str, tuple[_Event, ...]]:
    """For each pattern, when it began and ceased to package, oldest first."""
    found: dict[str, list[_Event]] = {}
    for index, name in enumerate(editions.names()):
        for change in editions.find(name).changes:
            for pattern in change.old:
                found.setdefault(pattern, []).append(_Event(index, False, change))
            for pattern in change.new:
                found.setdefault(pattern, []).append(_Event(index, True, change))
    return {pattern: tuple(events) for pattern, events in found.items()}


def _against(pattern: str, edition: int) -> _Event | None:
    """Why a pattern does not package with an edition; None where it does."""
    events = _events()[pattern]
    before = [event for event in events if event.at <= edition]
    if before:
        return None if before[-1].packages else before[-1]
    return events[0] if events[0].packages else None


@cache
def _packages(pattern: str) -> tuple[int, ...]:
    """The editions with which a pattern packages, as indices."""
    return tuple(
        index for index in range(len(editions.names())) if _against(pattern, index) is None
    )


# ---- deciding ----


def _found(text: str) -> list[Hit]:
    source = words(text)
    has_op = any(word.text == "register" for word in source)
    patterns = (
        pattern
        for pattern, events in _events().items()
        if has_op or not any(event.change.of_ops for event in events)
    )
    return hits(source, tuple(patterns))


def _best(found: Sequence[Hit], among: Sequence[str] = ()) -> str:
    names = editions.names()

    def order(index: int) -> tuple[int, bool, int]:
        return _differences(found, index), names[index] != DEFAULT_EDITION, -index

    among = among or names
    return names[min((names.index(name) for name in among), key=order)]


def _as_good(found: Sequence[Hit], chosen: str) -> tuple[str, ...]:
    names = editions.names()
    least = _differences(found, names.index(chosen))
    return tuple(name for index, name in enumerate(names) if _differences(found, index) == least)


def _differences(found: Sequence[Hit], edition: int) -> int:
    """How many of the dialect's changes a source contradicts; a line counts once."""
    return len({id(event.change) for event in _by_line(found, edition).values()})


def _by_line(found: Sequence[Hit], edition: int) -> dict[int, _Event]:
    """For each line that does not belong, the change that says why: the nearest, most exact one."""
    lines: dict[int, tuple[tuple[int, int], _Event]] = {}
    for hit in found:
        event = _against(hit.pattern, edition)
        if event is None:
            continue
        closeness = (abs(edition - event.at), -len(hit.pattern))
        for line in hit.lines:
            if line not in lines or closeness < lines[line][0]:
                lines[line] = closeness, event
    return {line: event for line, (_, event) in lines.items()}


def _vagueness(pattern: str) -> tuple[int, int]:
    return len(_packages(pattern)), -len(pattern)


def _foreign(found: Sequence[Hit], edition: str) -> tuple[Foreign, ...]:
    index = editions.names().index(edition)
    allowed = _allowed(found)
    return tuple(
        Foreign(
            line=line,
            pattern=readable(allowed[line][0]),
            belongs=_range(sorted(allowed[line][1])),
            advice=event.change.back if event.packages else event.change.advice,
        )
        for line, event in sorted(_by_line(found, index).items())
    )


def _allowed(found: Sequence[Hit]) -> dict[int, tuple[str, frozenset[int]]]:
    """For each line its most telling pattern, and the editions with which all of it packages."""
    allowed: dict[int, tuple[str, frozenset[int]]] = {}
    for hit in found:
        packages = frozenset(_packages(hit.pattern))
        for line in hit.lines:
            pattern, known = allowed.get(line, (hit.pattern, packages))
            allowed[line] = min(pattern, hit.pattern, key=_vagueness), known & packages
    return allowed


# ---- saying why ----


def span(names: Sequence[str]) -> str:
    """Editions as people read them: ``25.4 to 25.6.1``, ``26.1 and newer``, ``25.3``."""
    return _range([editions.names().index(name) for name in names])


def readable(pattern: str) -> str:
    """A pattern as people read it."""
    return pattern.replace("^", "").replace("...", "…").strip("([., ")


def _reason(found: Sequence[Hit], chosen: str, *, fits: bool) -> str:
    evidence, left = _evidence(found, editions.names().index(chosen))
    if not evidence:
        return "the default: nothing in the file tells its edition"
    uses = " and ".join(f"`{readable(pattern)}` (line {line})" for line, pattern in evidence)
    if not fits:
        return f"the file mixes editions; it uses {uses}, as in {_range(left)}"
    if len(left) == 1:
        return f"the file uses {uses}: edition {chosen}"
    which = "the default" if chosen == DEFAULT_EDITION else "the newest"
    return f"the file uses {uses}: editions {_range(left)}, of which {chosen} is {which}"


def _evidence(found: Sequence[Hit], chosen: int) -> tuple[list[tuple[int, str]], list[int]]:
    """The lines that narrow the editions down most, and the editions that they leave."""
    allowed = _allowed(found)
    left = frozenset(range(len(editions.names())))
    chain: list[tuple[int, str]] = []
    while len(chain) < _SHOWN:
        narrower = [
            (len(left & those), line)
            for line, (_, those) in allowed.items()
            if chosen in those and left & those != left
        ]
        if not narrower:
            break
        _, line = min(narrower)
        chain.append((line, allowed[line][0]))
        left &= allowed[line][1]
    return sorted(chain), sorted(left)


def _range(indices: Sequence[int]) -> str:
    """``25.4 to 25.6.1``, ``26.1 and newer``, ``25.3``; a gap is ``and``."""
    names = editions.names()
    if not indices:
        return "no edition"
    runs: list[list[int]] = []
    for index in indices:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return " and ".join(_run(run, len(names)) for run in runs)


def _run(run: Sequence[int], count: int) -> str:
    names = editions.names()
    first, last = names[run[0]], names[run[-1]]
    if run[0] == 0 and run[-1] < count - 1 and len(run) > 1:
        return f"{last} and older"
    if run[-1] == count - 1 and len(run) > 1:
        return f"{first} and newer"
    return first if first == last else f"{first} to {last}"
