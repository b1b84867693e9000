"""Views of tokens: what counts in a comparison, statements, functions, lists in brackets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from grader.intake.lexer import (
    CLOSING,
    DEDENT,
    INDENT,
    LINE,
    NEWLINE,
    OPENING,
    STRING,
    Token,
    tokens,
)

FUNCTION: Final = frozenset({"def", "fn"})
"""Words that begin a function's definition."""


def keys(stream: Iterable[Token]) -> list[tuple[str, str, bool]]:
    """What of a stream counts where programs are compared."""
    return [(token.kind, token.text, token.touches) for token in stream]


def equal_programs(one: str, other: str) -> bool:
    """Whether two sources are the same program but for comments and spacing."""
    return keys(tokens(one)) == keys(tokens(other))


def statements_of(stream: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """The stream in pieces that end with a `NEWLINE`."""
    start = 0
    for index, token in enumerate(stream):
        if token.kind == NEWLINE:
            yield stream[start : index + 1]
            start = index + 1
    yield stream[start:]


def function_tokens(text: str, name: str) -> list[tuple[str, str, bool]]:
    """The function ``name`` with its decorators, for comparison; empty where there is not one.

    One that is defined twice counts as not there: which of them the program
    means is not decided here.
    """
    return keys(function_stream(text, name))


def function_stream(text: str, name: str) -> Sequence[Token]:
    """The tokens of `function_tokens`, with their places."""
    stream = tokens(text)
    heads = [
        index
        for index, token in enumerate(stream[:-1])
        if token.text in FUNCTION and token.kind != STRING and stream[index + 1].text == name
    ]
    if len(heads) != 1 or stream[heads[0]].kind == LINE:
        return []
    start = _statement_start(stream, heads[0])
    while (above := _decorator_above(stream, start)) is not None:
        start = above
    return stream[start : _block_end(stream, heads[0])]


def bracketed(words: Sequence[str], opening: str, at: int = 0) -> tuple[list[slice] | None, int]:
    """The parts of a list in brackets that opens at a place, and where it ends.

    None where no such list opens there, or it does not end. A comma at its end makes no part more.
    """
    if at >= len(words) or words[at] != opening:
        return None, at
    parts: list[slice] = []
    depth, start = 0, at + 1
    for index in range(at, len(words)):
        word = words[index]
        depth += (word in OPENING) - (word in CLOSING)
        if depth == 0 or (depth == 1 and word == "," and index > at):
            if index > start or word == ",":
                parts.append(slice(start, index))
            start = index + 1
        if depth == 0:
            return parts, index + 1
    return None, at


def _statement_start(stream: Sequence[Token], index: int) -> int:
    while index > 0 and stream[index - 1].kind not in {NEWLINE, INDENT, DEDENT}:
        index -= 1
    return index


def _decorator_above(stream: Sequence[Token], start: int) -> int | None:
    if start == 0 or stream[start - 1].kind != NEWLINE:
        return None
    above = _statement_start(stream, start - 1)
    return above if stream[above].text.startswith("@") else None


def _block_end(stream: Sequence[Token], index: int) -> int:
    """Past the definition's head line and, where one follows, its indented block."""
    while index < len(stream) and stream[index].kind != NEWLINE:
        index += 1
    index += 1
    depth = 0
    while index < len(stream):
        depth += (stream[index].kind == INDENT) - (stream[index].kind == DEDENT)
        if depth <= 0:
            break
        index += 1
    return index + 1 if index < len(stream) and stream[index].kind == DEDENT else index
