"""What a source declares: the ops that it registers, its functions, structs and constants."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from grader.intake.lexer import COMMENT, STRING, Token, is_certain, scan, tokens

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
