"""Which puzzle a file is of, by what it declares: the ops that it registers, its functions.

A file that is another puzzle's is told so before anything is compiled. That is said only where
nothing speaks against it: a student who has misspelt a name has still written for
the puzzle that was set.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec

from grader.book.shipped import Topic, Topics, read_shipped
from grader.errors import OtherPuzzle, UsageError
from grader.intake.display import one_line
from grader.intake.lexer import COMMENT, STRING, Token, is_certain, scan, tokens
from grader.puzzles import NAMES

_KINDS: Final = {
    "def": "function",
    "fn": "function",
    "struct": "struct",
    "comptime": "constant",
    "alias": "constant",
}
_REGISTERS: Final = "register"
_AROUND: Final = ("test_", "benchmark_")
"""Functions of a program that only call its kernels begin so."""
_MAIN: Final = "main"


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the top level of a source. Each name has the line of its first place."""

    ops: dict[str, int]
    functions: dict[str, int]
    """Without ``main``, and without those that only call others."""
    around: dict[str, int]
    """Tests and benchmarks of functions."""
    structs: dict[str, int]
    constants: dict[str, int]
    main: int = 0
    """Line of ``main``; 0 where there is none."""
    certain: bool = True
    """Whether it is certain what in the text is code; see `grader.intake.lexer`."""

    @property
    def names(self) -> dict[str, int]:
        """Functions and structs."""
        return self.structs | self.functions


def declared_in(text: str) -> Declared:
    """What a source declares. Any text has an answer; about 10 ms for a puzzle's solution."""
    stream: Sequence[Token] = tokens(text)
    certain = is_certain(stream)
    if not certain:
        stream = [token for token in scan(text) if token.kind != COMMENT]
    found: dict[str, dict[str, int]] = {"op": {}, "function": {}, "struct": {}, "constant": {}}
    for kind, name, line in _declarations(stream):
        found[kind].setdefault(name, line)
    main = found["function"].pop(_MAIN, 0)
    return Declared(
        ops=found["op"],
        functions=_which(found["function"], around=False),
        around=_which(found["function"], around=True),
        structs=found["struct"],
        constants=found["constant"],
        main=main,
        certain=certain,
    )


def _which(functions: dict[str, int], *, around: bool) -> dict[str, int]:
    return {name: at for name, at in functions.items() if name.startswith(_AROUND) is around}


def _declarations(stream: Sequence[Token]) -> Iterator[tuple[str, str, int]]:
    for index, (token, after) in enumerate(pairwise(stream)):
        if token.kind == STRING:
            continue
        if token.column == 1 and (kind := _KINDS.get(token.text)):
            yield kind, after.text, after.line
        if token.text.endswith(_REGISTERS) and after.text == "(":
            name = stream[index + 2] if index + 2 < len(stream) else None
            if name is not None and name.kind == STRING:
                yield "op", name.text.strip("\"'"), name.line


_SHOWN: Final = 2
"""Pieces of evidence in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Identified:
    """What a file shows of the puzzle that it is for."""

    name: str = ""
    """Of the one topic that it is of; empty where there is none, or more than one."""
    evidence: str = ""
    """What says so, for people: ``the file registers the op NAME (line 12)``."""
    certain: bool = False
    """Whether all of it says so: an op of that topic alone, or a whole program of it."""


@dataclass(frozen=True)
class PuzzleChoice:
    """The puzzle that a file is graded as, and why."""

    name: str
    reason: str = ""
    """Empty where it was said."""


def identify(text: str, topics: Topics | None = None) -> Identified:
    """The puzzle of the book that a file is of. Any text has an answer."""
    return _identify(declared_in(text), _known() if topics is None else topics)


def choose(
    text: str,
    *,
    installed: Collection[str] = NAMES,
    likely: Collection[str] = (),
    because: str = "",
    topics: Topics | None = None,
) -> PuzzleChoice:
    """The puzzle that a file is to be graded as, where nobody has said which.

    Args:
        text: Of the file.
        installed: The puzzles that the grader has.
        likely: Those of which the file's place or name speaks. Of one, it is that one where the
            text does not say another, or speaks for this one as well.
        because: What speaks for them.
        topics: The puzzles of the book.

    Raises:
        OtherPuzzle: it is of a puzzle that the grader does not have.
        UsageError: the file does not tell.
    """
    topics = _known() if topics is None else topics
    declared = declared_in(text)
    found = _identify(declared, topics)
    own = min(likely) if len(likely) == 1 else ""
    if own not in ("", found.name) and (
        not found.name or (own in topics and _speaks_for(declared, topics[own], topics[found.name]))
    ):
        return PuzzleChoice(name=own, reason=because)
    if found.name in installed:
        return PuzzleChoice(name=found.name, reason=found.evidence)
    if found.certain and not any(
        _speaks_for(declared, topics[own], topics[found.name]) for own in installed if own in topics
    ):
        raise _other(
            found,
            topics[found.name],
            f"The grader does not have it; it has {', '.join(sorted(installed))}.",
            remedy="Hand in a file of a puzzle that it has.",
        )
    if own:
        return PuzzleChoice(name=own, reason=because)
    raise UsageError(
        "the file does not tell which puzzle it is of",
        remedy=f"Say it with --puzzle, which takes one of: {', '.join(installed)}.",
    )


def refuse_another(text: str, puzzle: str, *, topics: Topics | None = None) -> None:
    """See that a file is not of another puzzle than the one that was set.

    Nothing is said where the file declares any name that only this puzzle has, or where the book
    does not have it: then nothing is known of its names.

    Raises:
        OtherPuzzle: it is of another.
    """
    topics = _known() if topics is None else topics
    if puzzle not in topics:
        return
    declared = declared_in(text)
    found = _identify(declared, topics)
    if not found.certain or found.name == puzzle:
        return
    own, other = topics[puzzle], topics[found.name]
    if not _speaks_for(declared, own, other):
        raise _other(
            found,
            other,
            f"The assignment is {own.called}.",
            remedy="Hand in the file of the assignment.",
        )


def _known() -> Topics:
    return read_shipped().topics


def _identify(declared: Declared, topics: Topics) -> Identified:
    whole = _by_all_functions(declared, topics)
    by_name = whole or _by_a_function(declared, topics)
    by_op = [name for name, topic in topics.items() if declared.ops.keys() & set(topic.ops)]
    if len(by_op) > 1:
        return Identified()
    if by_op:
        (name,) = by_op
        if by_name not in ("", name) and not declared.names.keys() & topics[name].names:
            # It registers the op of one and holds the code of another.
            return Identified()
        ops = {op: line for op, line in declared.ops.items() if op in topics[name].ops}
        evidence = f"the file registers {_places('the op', ops)}"
        return Identified(name=name, evidence=evidence, certain=declared.certain)
    if not by_name:
        return Identified()
    topic = topics[by_name]
    defined = {each: line for each, line in declared.names.items() if each in topic.names}
    # A name alone may be anybody's: a program of the puzzle also has its constants.
    program = bool(whole and declared.main and declared.constants.keys() & set(topic.constants))
    return Identified(
        name=by_name,
        evidence=f"the file defines {_places('', defined)}",
        certain=declared.certain and program and not declared.ops,
    )


def _by_all_functions(declared: Declared, topics: Topics) -> str:
    """The topic all of whose functions, as some version has them, are there.

    Of two, the one that explains more: a puzzle may bring a kernel of another one with it.
    """
    here = frozenset(declared.functions)
    matches = {
        name: [those for each in topic.functions if (those := frozenset(each)) and those <= here]
        for name, topic in topics.items()
    }
    largest = {name: max(those, key=len) for name, those in matches.items() if those}
    best = [
        name
        for name, those in largest.items()
        if all(those >= other for each, other in largest.items() if each != name)
    ]
    return best[0] if len(best) == 1 else ""


def _by_a_function(declared: Declared, topics: Topics) -> str:
    """The one topic that alone has a name which is there."""
    owners: dict[str, list[str]] = {each: [] for each in declared.names}
    for name, topic in topics.items():
        for each in owners.keys() & topic.names:
            owners[each].append(name)
    alone = {those[0] for those in owners.values() if len(those) == 1}
    return alone.pop() if len(alone) == 1 else ""


def _speaks_for(declared: Declared, own: Topic, other: Topic) -> bool:
    """Whether anything declared is of the one topic, and not of the other too."""
    ops = set(own.ops) - set(other.ops)
    return bool(declared.ops.keys() & ops or declared.names.keys() & (own.names - other.names))


def _other(found: Identified, topic: Topic, instead: str, *, remedy: str) -> OtherPuzzle:
    return OtherPuzzle(
        f"This is the book's {topic.called}: {found.evidence}. {instead}",
        remedy=remedy,
        name=found.name,
        title=topic.title,
    )


def _places(what: str, names: dict[str, int]) -> str:
    shown = [
        f"{one_line(name, limit=60)} (line {line})"
        for name, line in sorted(names.items(), key=lambda each: each[1])[:_SHOWN]
    ]
    plural = "s" if what and len(shown) > 1 else ""
    return f"{what}{plural} {' and '.join(shown)}".strip()
