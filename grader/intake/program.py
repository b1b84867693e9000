"""Edits of a Mojo program by its tokens: other values for constants, functions without bodies.

The edits keep every line where it is, so that what the compiler says of a copy is true of the file.
They are made by a scan of the text, which any text has; where the compiler would see a text
otherwise, it refuses the copy as it would refuse the file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from grader.intake.lexer import (
    CLOSING,
    COMMENT,
    DEDENT,
    INDENT,
    NAME,
    NUMBER,
    OPENING,
    SIGN,
    STRING,
    Token,
    plain_lines,
    scan,
)

_DEFINES: Final = ("def", "fn")
_MAIN: Final = "main"
_CONSTANT: Final = ("comptime", "alias")
_TYPES: Final = "DType"
_CONVERSIONS: Final = ("Int", "UInt")
_MAKES_MEMORY: Final = frozenset({"stack_allocation", "alloc"})
_OF_MEMORY: Final = _MAKES_MEMORY | {
    *("tb", "shared", "static", "dtype", "DType", "float32", "Scalar", "row_major", "Layout"),
    *("LayoutTensor", "TileTensor", "address_space", "AddressSpace"),
    *("MutAnyOrigin", "MutableAnyOrigin"),
}
"""Names that a line which allocates memory may contain, beside constants."""
_OF_LIBRARIES: Final = frozenset({"WARP_SIZE"})
"""Constants of libraries, which a file may import or define."""
_PLAIN: Final = frozenset({*"()-,.", "*", "+", "//", "<<", "**"})
"""Signs that numbers, and what is computed of numbers alone, may contain: ``1024 * 1024``."""


_OF_CLUSTERS: Final = frozenset(
    {
        *("cluster_dim", "cluster_sync", "cluster_arrive", "cluster_wait", "cluster_mask_base"),
        *("block_rank_in_cluster", "elect_one_sync"),
    }
)
"""Names of a launch in clusters and of the library's module for them, which asks for sm_90."""


class Unset(StrEnum):
    """Why a constant can't get another value."""

    MISSING = "missing"
    TWICE = "twice"
    COMPUTED = "computed"
    """Its value is neither made of numbers alone nor one name of a library's, as ``WARP_SIZE`` is,
    whoever defines that: other constants may depend on what it is computed from."""


class UnsetConstant(msgspec.Struct, frozen=True):
    """A constant that can't get another value, and why."""

    name: str
    why: Unset
    line: int = 0
    """The line of its definition; 0 where it is not defined."""


class Function(msgspec.Struct, frozen=True):
    """A function at the top level of a program."""

    name: str
    line: int
    signature: str
    """Its text up to the colon, on one line."""
    parameters: tuple[int, int]
    """How many compile-time parameters must be given to it, and how many may be."""
    body: tuple[int, int]
    """Offsets behind the colon and behind the last line, in `plain_lines` of the text."""
    last_line: int

    @property
    def takes_layout_tensors(self) -> bool:
        """Whether it is declared with tensors of older editions, which hold their strides."""
        return re.search(r"\bLayoutTensor ?\[", self.signature) is not None

    @property
    def lines(self) -> range:
        """Its lines."""
        return range(self.line, self.last_line + 1)


def functions(text: str) -> dict[str, Function]:
    """The functions at the top level by name; of two with one name the first."""
    plain = plain_lines(text)
    found: dict[str, Function] = {}
    for statement in _statements(text):
        if len(statement) < 2 or statement[0].text not in _DEFINES:
            continue
        colon = _colon(statement)
        if colon is None:
            continue
        name, end = statement[1], statement[-1].stop
        signature = _on_one_line(plain[statement[0].start : colon.start])
        function = Function(
            name.text,
            statement[0].line,
            signature,
            _parameters(statement[2:]),
            (colon.stop, end),
            plain.count("\n", 0, end) + 1,
        )
        found.setdefault(name.text, function)
    return found


def architecture(text: str) -> str:
    """The oldest one of a GPU that a program asks for by its names; empty where any will do."""
    return "sm_90" if any(token.text in _OF_CLUSTERS for token in scan(text)) else ""


def without_bodies(text: str, names: Collection[str]) -> str:
    """The text with the bodies of some functions emptied."""
    plain = plain_lines(text)
    wanted = [each for name, each in functions(plain).items() if name in names]
    for function in sorted(wanted, key=lambda each: each.body, reverse=True):
        start, end = function.body
        lines = "\n" * plain.count("\n", start, end)
        plain = f"{plain[:start]} pass{lines}{plain[end:]}"
    return plain


def as_library(text: str) -> str:
    """The text with another name for its ``main``, which no package may have."""
    plain = plain_lines(text)
    for statement in _statements(text):
        if [token.text for token in statement[1:2]] == [_MAIN] and statement[0].text in _DEFINES:
            start, stop = statement[1].start, statement[1].stop
            return plain[:start] + _MAIN.title() + plain[stop:]
    return plain


def with_extents(text: str, extents: Mapping[str, tuple[int, int, int]]) -> str:
    """The text with other values for constants that say a grid or a block.

    Students change them, write a number for a pair, or leave them out: those that are literals get
    as many of the three extents as they have numbers, and others are left alone.
    """
    values: dict[str, int | str] = {}
    for name, found in _definitions(plain_lines(text), extents).items():
        value = (_value(found[0]) if len(found) == 1 else None) or ()
        words = [token.text for token in value]
        count = sum(token.kind == NUMBER for token in value)
        if _is_literal(value) and 1 <= count <= len(extents[name]):
            listed = ", ".join(map(str, extents[name][:count]))
            values[name] = f"({listed}{',' * (count == 1)})" if "," in words else listed
    return with_constants(text, values)[0]


def with_constants(
    text: str, values: Mapping[str, int | str]
) -> tuple[str, tuple[UnsetConstant, ...]]:
    """The text with other values for constants at its top level, and those that can't have one."""
    plain = plain_lines(text)
    places = _definitions(plain, values)
    own = constant_words(plain)
    unset: list[UnsetConstant] = []
    edits: list[tuple[int, int, str]] = []
    for name, found in places.items():
        if len(found) != 1:
            why, line = (Unset.TWICE, found[1][0].line) if found else (Unset.MISSING, 0)
            unset.append(UnsetConstant(name, why, line))
            continue
        value = _value(found[0])
        if value is None or not (_is_literal(value) or _is_imported(value, own)):
            unset.append(UnsetConstant(name, Unset.COMPUTED, found[0][0].line))
            continue
        start, stop = value[0].start, value[-1].stop
        edits.append((start, stop, str(values[name]) + "\n" * plain.count("\n", start, stop)))
    for start, stop, put in sorted(edits, reverse=True):
        plain = plain[:start] + put + plain[stop:]
    return plain, tuple(unset)


def _definitions(plain: str, names: Collection[str]) -> dict[str, list[Sequence[Token]]]:
    """The statements at the top level that define constants, by their names."""
    places: dict[str, list[Sequence[Token]]] = {name: [] for name in names}
    for statement in _statements(plain):
        if statement[0].text in _CONSTANT and len(statement) > 1 and statement[1].text in places:
            places[statement[1].text].append(statement)
    return places


def body_words(text: str, name: str) -> tuple[str, ...] | None:
    """The words of a function's body that say what it does; None where there is no such function.

    Not among them are placeholders (``pass``, ``...``, ``_ = row``), docstrings, memory that is
    made, and what editions write each in their way: ``var``, and conversions to another type of
    number. Where a line is indented more or less than the one before, a word says so: a barrier
    may be repaired by nothing else.
    """
    found = functions(text).get(name)
    if found is None:
        return None
    start, end = found.body
    words: list[str] = []
    levels: list[int] = []
    for line in _logical_lines(plain_lines(text)[start:end]):
        said = _without_conversions([token.text for token in line])
        if all(token.kind == STRING for token in line) or _is_placeholder(said):
            continue
        words += _indentation(line[0].column, levels)
        words += said
    return tuple(words)


def _logical_lines(body: str) -> Iterator[list[Token]]:
    """The words of each line, with those of the next ones as long as a bracket is open."""
    line: list[Token] = []
    depth = 0
    for token in scan(body):
        if token.kind == COMMENT:
            continue
        if line and depth == 0 and token.line > line[-1].line:
            yield line
            line = []
        line.append(token)
        if token.kind == SIGN:
            depth = max(0, depth + (token.text in OPENING) - (token.text in CLOSING))
    if line:
        yield line


def _without_conversions(words: Sequence[str]) -> list[str]:
    """Without ``var``, and with what stands in ``Int(...)`` and ``rebind[...](...)`` alone."""
    left = list(words[1:] if words[:1] == ["var"] else words)
    index = 0
    while index < len(left):
        begin = index + 1
        if left[index] == "rebind" and left[begin : begin + 1] == ["["]:
            begin = _behind(left, begin)
        elif left[index] not in _CONVERSIONS:
            index = begin
            continue
        end = _behind(left, begin) if left[begin : begin + 1] == ["("] else 0
        if end:
            left[index:end] = left[begin + 1 : end - 1]
        else:
            index += 1
    return left


def _behind(words: Sequence[str], opening: int) -> int:
    """The place behind the bracket that closes the one at ``opening``; 0 where none does."""
    depth = 0
    for index in range(opening, len(words)):
        depth += (words[index] in OPENING) - (words[index] in CLOSING)
        if depth == 0:
            return index + 1
    return 0


def _indentation(column: int, levels: list[int]) -> Iterator[str]:
    """Words for the change of indentation to a column."""
    while len(levels) > 1 and column < levels[-1]:
        levels.pop()
        yield DEDENT
    if not levels or column > levels[-1]:
        if levels:
            yield INDENT
        levels.append(column)


def constant_words(text: str) -> dict[str, tuple[str, ...]]:
    """The words of each constant at the top level, by its name."""
    return {
        statement[1].text: tuple(token.text for token in statement)
        for statement in _statements(plain_lines(text))
        if statement[0].text in _CONSTANT and len(statement) > 1
    }


def _on_one_line(text: str) -> str:
    return re.sub(r",? ([)\]])", r"\1", re.sub(r"([(\[]) ", r"\1", " ".join(text.split())))


def _is_placeholder(words: Sequence[str]) -> bool:
    """Whether a line does nothing: it names what has a name, or makes memory."""
    return (
        words in (["pass"], [".", ".", "."])
        or (len(words) == 3 and words[1] == "=" and (words[0] == "_" or words[2].isidentifier()))
        or (words[1:2] == ["="] and _is_memory(words[2:]))
    )


def _is_memory(words: Sequence[str]) -> bool:
    """Whether an expression only allocates memory."""
    named = {word for word in words if word.isidentifier() and not word.isupper()}
    return not _MAKES_MEMORY.isdisjoint(named) and named <= _OF_MEMORY and ";" not in words


def _statements(text: str) -> Iterator[list[Token]]:
    """The statements at the top level: the words of each, those of its block included."""
    statement: list[Token] = []
    depth = 0
    for token in scan(text):
        if token.kind == COMMENT:
            continue
        if token.column == 1 and depth == 0 and statement:
            yield statement
            statement = []
        statement.append(token)
        if token.kind != STRING:
            depth = max(0, depth + (token.text in OPENING) - (token.text in CLOSING))
    if statement:
        yield statement


def _colon(statement: Sequence[Token]) -> Token | None:
    """The colon behind a function's signature."""
    depth = 0
    for token in statement:
        if token.kind != SIGN:
            continue
        if token.text == ":" and depth == 0:
            return token
        depth += (token.text in OPENING) - (token.text in CLOSING)
    return None


def _parameters(words: Sequence[Token]) -> tuple[int, int]:
    """How many compile-time parameters a function needs and takes; the words follow its name.

    Those before ``//`` are inferred, and those with a default need not be given.
    """
    if not words or words[0].text != "[":
        return 0, 0
    depth, named, default, needed, taken = 0, False, False, 0, 0
    for token in words:
        opens, closes = token.text in OPENING, token.text in CLOSING
        if depth == 1 and token.text in (",", "]"):
            taken += named
            needed += named and not default
            named = default = False
        elif depth == 1 and token.text == "//":
            needed = taken = 0
            named = default = False
        elif depth == 1 and token.text == "=":
            default = True
        elif depth == 1 and token.kind == NAME:
            named = True
        depth += opens - closes
        if depth == 0:
            break
    return needed, taken


def _value(statement: Sequence[Token]) -> Sequence[Token] | None:
    """The words of a constant's value, up to the end of its line."""
    depth = 0
    for index, token in enumerate(statement):
        if token.kind == SIGN and token.text == "=" and depth == 0:
            return statement[index + 1 :] or None
        depth += (token.text in OPENING) - (token.text in CLOSING)
    return None


def _is_imported(value: Sequence[Token], own: Collection[str]) -> bool:
    """Whether a value is one name that is a library's constant, and none of the file's own."""
    return (
        len(value) == 1
        and value[0].kind == NAME
        and (value[0].text not in own or value[0].text in _OF_LIBRARIES)
    )


def _is_literal(value: Sequence[Token]) -> bool:
    words = [token.text for token in value]
    if words[:2] == [_TYPES, "."]:
        return len(words) == 3
    return all(
        token.kind == NUMBER or (token.kind == SIGN and token.text in _PLAIN) for token in value
    ) and any(token.kind == NUMBER for token in value)
