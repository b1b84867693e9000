"""What a source declares: the ops that it registers, its functions, structs and constants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from grader.intake.tokens import LINE, NEWLINE, STRING, Token, tokens

_FUNCTION: Final = frozenset({"def", "fn"})
_CONSTANT: Final = frozenset({"comptime", "alias"})
_REGISTERS: Final = "register"
_AROUND: Final = ("test_", "benchmark_")
"""Functions of a program that only call its kernels begin so."""
_MAIN: Final = "main"
_LOOSE: Final = re.compile(
    r"""^(?:(?P<function>(?:def|fn)\s+)|(?P<struct>struct\s+)|(?P<constant>(?:comptime|alias)\s+))
        (?P<name>[A-Za-z_]\w*)
      | ^\s*@[\w.]*register\(\s*["'](?P<op>[^"'\n]{1,200})["']""",
    re.VERBOSE,
)


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
    """Whether it is certain what in the text is code; see `grader.intake.literals`."""

    @property
    def names(self) -> dict[str, int]:
        """Functions and structs."""
        return self.structs | self.functions


def declared_in(text: str) -> Declared:
    """What a source declares. Any text has an answer; about 10 ms for a puzzle's solution."""
    stream = tokens(text)
    certain = not stream or stream[0].kind != LINE
    found: dict[str, dict[str, int]] = {
        kind: {} for kind in ("op", "function", "struct", "constant")
    }
    for kind, name, line in _declarations(stream) if certain else _loose(text):
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
    begins = True
    for index, token in enumerate(stream[:-1]):
        if token.kind == STRING:
            continue
        after = stream[index + 1]
        if token.column == 1 and begins:
            if token.text in _FUNCTION:
                yield "function", after.text, after.line
            elif token.text == "struct":
                yield "struct", after.text, after.line
            elif token.text in _CONSTANT:
                yield "constant", after.text, after.line
        begins = token.kind == NEWLINE or not token.text
        if token.text.endswith(_REGISTERS) and after.text == "(":
            name = stream[index + 2] if index + 2 < len(stream) else None
            if name is not None and name.kind == STRING:
                yield "op", name.text.strip("\"'"), name.line


def _loose(text: str) -> Iterator[tuple[str, str, int]]:
    """What lines seem to declare, where strings and comments can't be told from code."""
    for number, line in enumerate(text.splitlines(), 1):
        match = _LOOSE.match(line)
        if match is None:
            continue
        if match["op"]:
            yield "op", match["op"], number
            continue
        kind = next(kind for kind in ("function", "struct", "constant") if match[kind])
        yield kind, match["name"], number
