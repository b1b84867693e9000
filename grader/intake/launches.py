"""Whether the one launch of a source hands its kernel fewer arguments than the kernel takes.

Not every edition's compiler compares the two: up to 25.6.1 such a launch packages, compiles
and ends its process when it runs, without a word. This explains that; it decides nothing.
Where anything is in doubt (several launches, a name that is defined twice, a list that is
unpacked, a default), there is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from grader.intake.display import one_line
from grader.intake.lexer import CLOSING, DEDENT, INDENT, NEWLINE, OPENING, Token, tokens
from grader.intake.tokens import bracketed

_LAYOUT: Final = frozenset({NEWLINE, INDENT, DEDENT})
_LAUNCHES: Final = ("enqueue_function", "compile_function")
"""Beginnings of the names that start a kernel, or compile one to be started elsewhere."""
_MAX_SHOWN: Final = 8


class ShortLaunch(NamedTuple):
    """A launch with fewer arguments than its kernel has."""

    kernel: str
    line: int
    """Where the launch begins."""
    given: int
    takes: tuple[str, ...]
    """The kernel's arguments."""
    defined: int
    """Line of the kernel's definition."""

    @property
    def sentence(self) -> str:
        """What is wrong, for a student. The first sentence is the same wherever it stands."""
        names = [one_line(name, limit=40) for name in self.takes[:_MAX_SHOWN]]
        names += ["..."] if len(self.takes) > _MAX_SHOWN else []
        return (
            f"The launch gives {one_line(self.kernel, limit=40)} {_count(self.given)}, and it "
            f"takes {len(self.takes)}. Compare line {self.line} with the definition in line "
            f"{self.defined}: {', '.join(names)}. This edition's compiler does not compare them; "
            "for an argument that is missing, the launch reads memory that holds something else."
        )


def short_launch(text: str) -> ShortLaunch | None:
    """The launch of a source, where it is the only one and certainly has too few arguments."""
    stream = [token for token in tokens(text) if token.kind not in _LAYOUT]
    starts = [index for index, token in enumerate(stream) if token.text.startswith(_LAUNCHES)]
    if len(starts) != 1:
        return None
    (start,) = starts
    kernels, after = _list(stream, start + 1, "[")
    arguments, _ = _list(stream, after, "(")
    if not kernels or arguments is None:
        return None
    definition = _definition(stream, kernels[0][0].text)
    if definition is None:
        return None
    name, takes = definition
    given = _positional(arguments)
    if takes is None or given is None or given >= len(takes):
        return None
    return ShortLaunch(name.text, stream[start].line, given, takes, name.line)


def _definition(
    stream: Sequence[Token], name: str, *, may_be_alias: bool = True
) -> tuple[Token, tuple[str, ...] | None] | None:
    """The function of a name, or the one that an alias of it stands for, with its arguments."""
    places = [
        index
        for index in range(1, len(stream))
        if stream[index].text == name
        and stream[index - 1].text in ("fn", "def", "alias", "comptime", "var")
    ]
    if len(places) != 1:
        return None
    (at,) = places
    if stream[at - 1].text in ("fn", "def"):
        after = at + 1
        if after < len(stream) and stream[after].text == "[":
            _, after = _list(stream, after, "[")
        arguments, _ = _list(stream, after, "(")
        return stream[at], _names(arguments)
    if not may_be_alias or [token.text for token in stream[at + 1 : at + 2]] != ["="]:
        return None
    meant = stream[at + 2].text if at + 2 < len(stream) else ""
    return _definition(stream, meant, may_be_alias=False)


def _list(
    stream: Sequence[Token], index: int, opening: str
) -> tuple[list[Sequence[Token]] | None, int]:
    """The elements between brackets that open at ``index``, and where they end; None: no such."""
    parts, after = bracketed([token.text for token in stream], opening, index)
    if parts is None:
        return None, index
    return [stream[part] for part in parts if stream[part]], after


def _names(arguments: list[Sequence[Token]] | None) -> tuple[str, ...] | None:
    """The names of a definition's arguments; None where it may take another number of them."""
    if arguments is None:
        return None
    names = []
    for argument in arguments:
        texts = [token.text for token in argument]
        if ":" not in texts or any(text in ("=", "*", "**", "/") for text in _outside(argument)):
            return None
        names.append(texts[texts.index(":") - 1])
    return tuple(names)


def _positional(arguments: list[Sequence[Token]]) -> int | None:
    """How many arguments a call gives by position; None where that can't be seen."""
    if any(argument[0].text.startswith("*") for argument in arguments):
        return None
    return sum("=" not in _outside(argument) for argument in arguments)


def _outside(argument: Sequence[Token]) -> list[str]:
    """Words that stand outside of any brackets of an argument's own."""
    depth, found = 0, []
    for token in argument:
        depth -= token.text in CLOSING
        if depth == 0:
            found.append(token.text)
        depth += token.text in OPENING
    return found


def _count(number: int) -> str:
    return f"{number or 'no'} argument{'' if number == 1 else 's'}"
