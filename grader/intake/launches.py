"""Launches in a source: of which kernels, one with too few arguments, and the plain ones.

`launched` names the functions that are launched, whatever names were given to them on the way.

`only_launch` reads the one launch of a kernel: where it stands, and what it passes in the place of
something else. It is asked where a given kernel goes wrong, which only its launch can have done.

`short_launch` tells whether the one launch of a source hands its kernel fewer arguments than the
kernel takes. Not every edition's compiler compares the two: up to 25.6.1 such a launch packages,
compiles and ends its process when it runs, without a word. This explains that; it decides nothing.
Where anything is in doubt (several launches, a name that is defined twice, a list that is
unpacked, a default), there is no answer.

`without_plain_launches` takes out the statements that start a given kernel and choose nothing by a
size. Whoever fills the launch in and changes nothing else hands in a program that treats all sizes
alike, as far as the kernel does. To know that, the statements of a plain launch are taken out of
the source; if what is left is the given file, nothing in it is the student's but the launch.
This errs to one side only: what it does not know is not plain.

A plain launch is made of these statements, in any number:

* ``comptime NAME = kernel[...]`` (or ``alias``): the sizes each once, by their own names and in
  their order, and beside them names, attributes of names and ``type_of(name).Name``;
* ``CONTEXT.enqueue_function[...](names, grid_dim=..., block_dim=...)``, where grid and block are
  constants of the file, alone or followed by ones;
* ``CONTEXT.synchronize()``.

They stand in another function than the kernel, and no name that they give to the kernel is used
behind them by what is left: it may have meant something else there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from grader.intake.display import one_line
from grader.intake.lexer import CLOSING, DEDENT, INDENT, NEWLINE, OPENING, STRING, Token, tokens
from grader.intake.token_views import FUNCTION, bracketed, keys, statements_of

_LAYOUT: Final = frozenset({NEWLINE, INDENT, DEDENT})
_LAUNCHING: Final = ("enqueue_function", "compile_function")
"""Beginnings of the names that start a kernel, or compile one to be started elsewhere."""
_GIVES: Final = ("alias", "comptime", "var")
"""Words that give something a name."""
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


class Misplaced(NamedTuple):
    """Something that a launch passes in the place of something else."""

    passed: str
    declared: str
    """What the kernel declares there."""
    line: int


class LaunchSite(NamedTuple):
    """Where a kernel is launched, and with what."""

    kernel: str
    line: int
    """Where the launch begins."""
    grid_line: int
    block_line: int
    """Those of ``grid_dim`` and ``block_dim``; that of the launch where it does not name them."""
    grid: str
    block: str
    """What these are given, as the file writes it; empty where the launch does not name them."""
    grid_value: tuple[int, int, int] | None
    block_value: tuple[int, int, int] | None
    """The numbers, where they are literals or constants of the file that are."""
    defined: int
    """Line of the kernel's definition."""
    takes: tuple[str, ...] | None
    """The kernel's arguments; None where it may take another number of them."""
    given: int | None
    """How many the launch gives by position; None where that can't be seen."""
    misplaced: tuple[Misplaced, ...]
    """By their names: ``input_size`` or ``input_tensor`` where the kernel declares another, and
    ``input_size`` or ``input`` at another place."""


def launched(text: str) -> tuple[str, ...]:
    """Names of the functions that are launched as kernels, or compiled to be, in order."""
    stream = _words(text)
    found: list[str] = []
    for start in _starts(stream):
        kernels, _ = _elements(stream, start + 1, "[")
        meant = _meant(stream, kernels[0], start) if kernels else None
        if meant is not None:
            found.append(stream[meant[0]].text)
    return tuple(dict.fromkeys(found))


def short_launch(text: str) -> ShortLaunch | None:
    """The launch of a source, where it is the only one and certainly has too few arguments."""
    site = only_launch(text)
    if site is None or site.takes is None or site.given is None or site.given >= len(site.takes):
        return None
    return ShortLaunch(site.kernel, site.line, site.given, site.takes, site.defined)


def only_launch(text: str, kernel: str = "") -> LaunchSite | None:
    """The launch of a source, or that of one of its kernels, where there is certainly one only."""
    stream = _words(text)
    starts = _starts(stream)
    if len(starts) != 1 and not kernel:
        return None
    sites = [_site(text, stream, start) for start in starts]
    if any(site is None for site in sites):
        return None
    found = [site for site in sites if site is not None and site.kernel == (kernel or site.kernel)]
    return found[0] if len(found) == 1 else None


def _words(text: str) -> list[Token]:
    return [token for token in tokens(text) if token.kind not in _LAYOUT]


def _starts(stream: Sequence[Token]) -> list[int]:
    """Where launches begin."""
    return [index for index, token in enumerate(stream) if token.text.startswith(_LAUNCHING)]


def _site(text: str, stream: Sequence[Token], start: int) -> LaunchSite | None:
    kernels, after = _elements(stream, start + 1, "[")
    arguments, _ = _elements(stream, after, "(")
    if not kernels or arguments is None:
        return None
    meant = _meant(stream, kernels[0], start)
    if meant is None:
        return None
    at, instance = meant
    name, takes = stream[at], _takes(stream, at)
    line = stream[start].line
    named = {_keyword([token.text for token in each])[0]: each for each in arguments}
    lines = {name: each[0].line for name, each in named.items()}
    grid, block = (named.get(name, ())[2:] for name in ("grid_dim", "block_dim"))
    parameters, _ = _elements(stream, at + 1, "[")
    passed, _ = _elements(instance, 1, "[")
    return LaunchSite(
        kernel=name.text,
        line=line,
        grid_line=lines.get("grid_dim", line),
        block_line=lines.get("block_dim", line),
        grid=_written(text, grid),
        block=_written(text, block),
        grid_value=_extents(stream, grid),
        block_value=_extents(stream, block),
        defined=name.line,
        takes=takes,
        given=_positional(arguments),
        misplaced=(
            *_misplaced(_declared(parameters or []), passed or []),
            *_misplaced(takes or (), arguments),
        ),
    )


def _meant(
    stream: Sequence[Token], kernel: Sequence[Token], before: int
) -> tuple[int, Sequence[Token]] | None:
    """Where the function that is meant is named in its definition, and it with its parameters.

    Programs give the kernel of each launch the same name, one branch after the other: a name is
    the last that was given before its use. One that is a function's too may be either.

    Args:
        stream: The source.
        kernel: What is launched, or what a name was given to.
        before: Where.
    """
    places = [index for index in range(1, before) if stream[index].text == kernel[0].text]
    given = [index for index in places if stream[index - 1].text in _GIVES]
    defined = [
        index
        for index in range(1, len(stream))
        if stream[index].text == kernel[0].text and stream[index - 1].text in FUNCTION
    ]
    if defined:
        return (defined[0], kernel) if len(defined) == 1 and not given else None
    if not given or [token.text for token in stream[given[-1] + 1 : given[-1] + 2]] != ["="]:
        return None
    named = stream[given[-1] + 2 : before]
    return _meant(stream, named, given[-1]) if named else None


def _written(text: str, value: Sequence[Token]) -> str:
    """Tokens as the file has them, on one line."""
    return one_line(" ".join(text[value[0].start : value[-1].stop].split())) if value else ""


def _extents(stream: Sequence[Token], value: Sequence[Token]) -> tuple[int, int, int] | None:
    """The numbers that a grid or block is given, where they are certain."""
    words = [token.text for token in value]
    if len(words) == 1 and _NAME.fullmatch(words[0]):
        words = _constant(stream, words[0])
    parts, rest = _list(words, "(")
    if parts is None or rest:
        parts = [words]
    numbers = [_number(stream, list(part)) for part in parts]
    if not numbers or len(numbers) > 3 or None in numbers:
        return None
    x, y, z = ([each or 0 for each in numbers] + [1, 1])[:3]
    return x, y, z


def _number(stream: Sequence[Token], words: Sequence[str]) -> int | None:
    if len(words) == 1 and _NAME.fullmatch(words[0]):
        words = _constant(stream, words[0])
    return int(words[0]) if len(words) == 1 and words[0].isascii() and words[0].isdigit() else None


def _constant(stream: Sequence[Token], name: str) -> list[str]:
    """What a constant of the file is given, where it is defined once and by a plain value."""
    places = [
        at
        for at in range(1, len(stream) - 2)
        if [token.text for token in stream[at - 1 : at + 2]]
        in ([word, name, "="] for word in ("alias", "comptime"))
    ]
    if len(places) != 1:
        return []
    line = stream[places[0]].line
    return [token.text for token in stream[places[0] + 2 :] if token.line == line]


def _declared(parameters: Sequence[Sequence[Token]]) -> tuple[str, ...]:
    """The names of a definition's compile-time parameters, in order."""
    return tuple(each[0].text for each in parameters if len(each) > 1 and each[1].text == ":")


def _misplaced(declared: Sequence[str], passed: Sequence[Sequence[Token]]) -> Iterator[Misplaced]:
    """What is passed by position under the name of something that is declared elsewhere."""
    pairs = list(zip(declared, passed, strict=False))
    # One type may stand for several parameters, where it stands in its own place as well.
    at_home = {value[0].text for name, value in pairs if [each.text for each in value] == [name]}
    for name, value in pairs:
        if len(value) != 1 or not _NAME.fullmatch(value[0].text):
            continue
        word = value[0].text
        if word[0].isupper() and word in at_home:
            continue
        meant = {each for each in declared if word == each or word.startswith(f"{each}_")}
        if meant and name not in meant:
            yield Misplaced(word, name, value[0].line)


def _takes(stream: Sequence[Token], at: int) -> tuple[str, ...] | None:
    """The arguments of the function that is defined at a place; None as `_names` has it."""
    after = at + 1
    if after < len(stream) and stream[after].text == "[":
        _, after = _elements(stream, after, "[")
    arguments, _ = _elements(stream, after, "(")
    return _names(arguments)


def _elements(
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


_LAUNCHES: Final = frozenset(
    {"enqueue_function", "enqueue_function_checked", "enqueue_function_unchecked"}
)
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CONSTANT: Final = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_PARAMETER: Final = re.compile(
    r"type_of \( \w+ \) \. \w+|[A-Za-z_]\w*( \. [A-Za-z_]\w*)?", re.ASCII
)


def without_plain_launches(
    text: str, *, kernel: str, sizes: Sequence[str]
) -> list[tuple[str, str, bool]]:
    """A source as `keys` to compare it by, with plain launches of a kernel left out.

    Args:
        text: The source.
        kernel: Name of the given function.
        sizes: Names of the size parameters, in the kernel's order.
    """
    reader = _PlainLaunches(kernel, tuple(sizes))
    kept: list[Token] = []
    function = ""
    for statement in statements_of(tokens(text)):
        start = _first_word(statement)
        function = _defined_by(statement) or function
        if function in {"", kernel} or not reader.is_plain(statement[start:]):
            kept += statement
            if reader.hides(statement):
                return keys(tokens(text))
        else:
            kept += statement[:start]
    return keys(kept)


def _defined_by(statement: Sequence[Token]) -> str:
    """The name of the function that a statement begins to define; empty where it does not."""
    pairs = pairwise(token.text for token in statement if token.kind != STRING)
    return next((name for word, name in pairs if word in {"def", "fn"}), "")


def _first_word(statement: Sequence[Token]) -> int:
    """Past the marks of indentation."""
    return next(
        (n for n, token in enumerate(statement) if token.kind not in {INDENT, DEDENT}),
        len(statement),
    )


class _PlainLaunches:
    """Reads one statement after the other, and remembers the names given to the kernel."""

    def __init__(self, kernel: str, sizes: tuple[str, ...]) -> None:
        self._kernel = kernel
        self._sizes = sizes
        self._aliases: set[str] = set()

    def is_plain(self, statement: Sequence[Token]) -> bool:
        """Whether a statement belongs to a plain launch."""
        if not statement or statement[-1].kind != NEWLINE:
            return False
        if any(token.kind == STRING for token in statement):
            return False
        words = [token.text for token in statement[:-1]]
        match words:
            case ["comptime" | "alias", name, "=", *value]:
                if not self._may_be_defined(name) or not self._is_kernel(value):
                    return False
                self._aliases.add(name)
                return True
            case [context, ".", "synchronize", "(", ")"]:
                return bool(_NAME.fullmatch(context))
            case [context, ".", launch, "[", *_] if launch in _LAUNCHES:
                return bool(_NAME.fullmatch(context)) and self._is_launch(words[3:])
        return False

    def hides(self, statement: Sequence[Token]) -> bool:
        """Whether it uses a name that stands for the kernel since: for what, is not known here."""
        return any(token.text in self._aliases for token in statement)

    def _may_be_defined(self, name: str) -> bool:
        """Whether giving the kernel this name hides nothing that the given code means by it."""
        taken = {self._kernel, *self._sizes}
        return bool(_NAME.fullmatch(name)) and not _CONSTANT.fullmatch(name) and name not in taken

    def _is_kernel(self, words: Sequence[str]) -> bool:
        """Whether it is the kernel with its parameters, or a name given to that."""
        if len(words) == 1:
            return words[0] in self._aliases
        if not words or words[0] != self._kernel:
            return False
        parameters, rest = _list(words[1:], "[")
        if parameters is None or rest:
            return False
        found: list[str] = []
        for parameter in parameters:
            keyword, value = _keyword(parameter)
            if len(value) == 1 and value[0] in self._sizes:
                if keyword not in {None, value[0]}:
                    return False
                found.append(value[0])
            elif self._sizes_in(value) or not _PARAMETER.fullmatch(" ".join(value)):
                return False
        return tuple(found) == self._sizes

    def _is_launch(self, words: Sequence[str]) -> bool:
        """Whether ``[kernels](tensors, grid_dim=..., block_dim=...)`` chooses nothing by a size."""
        kernels, rest = _list(words, "[")
        arguments, behind = _list(rest, "(")
        if not kernels or arguments is None or behind:
            return False
        if not all(self._is_kernel(each) for each in kernels):
            return False
        keywords: list[str] = []
        for argument in arguments:
            keyword, value = _keyword(argument)
            if keyword is None:
                if len(value) != 1 or not _NAME.fullmatch(value[0]) or self._sizes_in(value):
                    return False
            elif not _is_constant(value):
                return False
            else:
                keywords.append(keyword)
        return sorted(keywords) == ["block_dim", "grid_dim"]

    def _sizes_in(self, words: Sequence[str]) -> bool:
        return not set(self._sizes).isdisjoint(words)


def _is_constant(words: Sequence[str]) -> bool:
    """``TPB``, ``(TPB, 1)`` and the like."""
    parts, rest = _list(words, "(")
    if parts is None or rest:
        parts = [words]
    first, *others = parts or [[]]
    return (
        len(first) == 1
        and bool(_CONSTANT.fullmatch(first[0]))
        and all(list(each) == ["1"] for each in others)
    )


def _keyword(words: Sequence[str]) -> tuple[str | None, Sequence[str]]:
    """The name before ``=``, if there is one, and the value."""
    return (words[0], words[2:]) if len(words) > 2 and words[1] == "=" else (None, words)


def _list(words: Sequence[str], opening: str) -> tuple[list[Sequence[str]] | None, Sequence[str]]:
    """The parts of a bracketed list that ``words`` begin with, and what follows it."""
    parts, after = bracketed(words, opening)
    return (None, words) if parts is None else ([words[part] for part in parts], words[after:])
