"""What a Mojo source is recognised by: digests of its token stream, comments and layout aside."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from grader.intake.lexer import CLOSING, OPENING, STRING, Token, tokens
from grader.intake.program import body_words, constant_words, functions
from grader.intake.token_views import function_stream, function_tokens, keys, statements_of

if TYPE_CHECKING:
    from grader.model.code import Kernels

SHORT: Final = 16
"""Hexadecimal digits that are kept of a digest of the book's. Chance never makes two alike, and
whoever makes a file alike on purpose only says that nothing was filled in."""
_DEFINES: Final = ("def", "fn")
_CONSTANT: Final = ("comptime", "alias")

Keys = tuple[str, str, bool]
_END: Final[Keys] = ("end", "", False)


def program_of(text: str) -> str:
    """A digest that two sources share exactly where they are `equal_programs`.

    See `grader.intake.token_views`. About 10 ms for a puzzle's solution.
    """
    return digest((token.kind, token.text, token.touches) for token in tokens(text))


def given_code(text: str, function: str) -> str:
    """A digest of the code that a file of the book gives to students: empty where it is not there.

    The function's own tokens are not enough: a constant that it uses may have changed, or
    another kernel may have been added and launched in its place. So it is of the function, the
    names of all functions that the file defines, and the constants at the top level.
    """
    own = function_tokens(text, function)
    if not own:
        return ""
    stream = tokens(text)
    parts: list[Keys] = [*own]
    for title, counted in (("defined", _defined(stream)), ("constants", _constants(stream))):
        parts += [(title, f"{count} {words!r}", False) for words, count in sorted(counted.items())]
    return digest(parts)


def given_kernels(text: str, code: Kernels) -> str:
    """A digest of what the kernels of a part hold: empty where one of them is not there.

    Placeholders aside, and with the constants that they name, but for those of the sizes: a kernel
    may be repaired by another value of one.
    """
    there = functions(text)
    names = code.names_in(there)
    bodies = [body_words(text, names.get(name, name)) for name in code.functions]
    if None in bodies:
        return ""
    named = {word for body in bodies for word in body or ()} - set(code.constants)
    parts: list[Keys] = [("body", repr(body), False) for body in bodies]
    parts += [
        ("constant", f"{name} {words!r}", False)
        for name, words in sorted(constant_words(text).items())
        if name in named
    ]
    return digest(parts)


def array_reads(text: str, function: str, array: str) -> frozenset[str]:
    """Digests of what a function reads of an array that it makes, one for each way to read it.

    ``array[...]`` is a read where no ``=`` follows. Each digest is of the words of the read, of
    all statements that name the array as a whole (those that make it, or hand it on to others), and
    of the names of all functions that the file defines: another may be called in their place.
    """
    whole: list[Keys] = [("defined", repr(sorted(_defined(tokens(text)).items())), False)]
    reads: list[list[Keys]] = []
    for statement in statements_of(function_stream(text, function)):
        words = [token for token in statement if token.text]
        elements = {element.start: element for element in _elements(words, array)}
        named = {n for n, token in enumerate(words) if token.text == array}
        if named - elements.keys():
            whole += [*keys(words), _END]
        reads += [
            keys(words[element.start : element.stop])
            for element in elements.values()
            if words[element.stop : element.stop + 1] == [] or words[element.stop].text != "="
        ]
    return frozenset(digest([*whole, *read])[:SHORT] for read in reads)


def _elements(statement: Sequence[Token], array: str) -> Iterator[range]:
    """Where ``array[...]`` stands in a statement."""
    open_at: list[int] = []
    for index, token in enumerate(statement):
        if token.kind == STRING:
            continue
        if token.text in OPENING:
            open_at.append(index)
        elif token.text in CLOSING and open_at:
            name = open_at.pop() - 1
            if token.text == "]" and name >= 0 and statement[name].text == array:
                yield range(name, index + 1)


def digest(keys: Iterable[Keys]) -> str:
    """Of the words of a token stream, as `program_of` takes it."""
    made = hashlib.sha256()
    for kind, text, touches in keys:
        word = text.encode("utf-8", "surrogatepass")
        made.update(f"{kind}\0{int(touches)}\0{len(word)}\0".encode() + word)
    return made.hexdigest()


def _defined(stream: Sequence[Token]) -> Counter[tuple[str, ...]]:
    """Names of all functions, nested ones too, with how often each is defined."""
    return Counter((after.text,) for word, after in pairwise(stream) if word.text in _DEFINES)


def _constants(stream: Sequence[Token]) -> Counter[tuple[str, ...]]:
    """The statements at the top level that define compile-time constants."""
    lines: dict[int, list[str]] = {}
    start = 0
    for token in stream:
        if token.column == 1 and token.text in _CONSTANT:
            start = token.line
        elif token.column == 1 and token.text.strip():
            start = 0
        if start and token.text.strip():
            lines.setdefault(start, []).append(token.text)
    return Counter(tuple(words) for words in lines.values())
