"""Where in a file a mistake can only be: the one cast, loop, guard or store that it is about.

A wrong line costs more than none. So there is an answer only where exactly one place of its kind is
in the functions that are looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final

from grader.intake.lexer import DEDENT, INDENT, NEWLINE, STRING
from grader.intake.token_views import function_stream, statements_of


class Place(Enum):
    """What in a kernel a mistake is about."""

    FLOAT16 = "a variable or cast in half precision"
    BFLOAT16 = "a variable or cast in bfloat16"
    LOOP_START = "a loop that begins at one"
    LOOP_END = "a loop whose end has something taken off"
    GUARD = "an if whose bound has something taken off"
    STORE = "the one store of the output, which computes it as well"


_TYPES: Final = {
    Place.FLOAT16: ("Float16", "float16"),
    Place.BFLOAT16: ("BFloat16", "bfloat16"),
}
_LAYOUT: Final = frozenset({NEWLINE, INDENT, DEDENT})
_LOOP_START: Final = re.compile(r"for \w+ in range \( 1 , ")
_LOOP_END: Final = re.compile(r"for \w+ in range \( (?:\w+ , )?[^,()]* - 1 \) :")
_GUARD: Final = re.compile(r"if [^=]* < (?:size|SIZE) - 1\b")
_BRACKETS: Final = re.compile(r"\[[^\[\]]*\]")
_NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def only_place(
    text: str, functions: Sequence[str], place: Place, *, output: str = "", inputs: Sequence[str]
) -> int | None:
    """The line of the only place of a kind in some functions; None where there is not just one.

    Args:
        text: The source.
        functions: Their names.
        place: What is looked for.
        output: The output's name, as the kernel declares it.
        inputs: Names of the inputs.
    """
    lines = [each for name in functions for each in _statements(text, name)]
    if place in _TYPES:
        names = _TYPES[place]
        found = [line for line, words in lines if any(word in names for word in words)]
        # Where a variable has the type, what is cast to it follows from that.
        declared = [
            line
            for line, words in lines
            if words[:1] == ["var"] and words[2:3] == [":"] and words[3:4] == [names[0]]
        ]
        return _one(declared or found)
    told = [(line, " ".join(words)) for line, words in lines]
    match place:
        case Place.LOOP_START | Place.LOOP_END:
            loops = [(line, said) for line, said in told if re.search(r"\b(for|while)\b", said)]
            pattern = _LOOP_START if place is Place.LOOP_START else _LOOP_END
            # Another loop may be the one that is meant.
            return (
                _one([line for line, said in loops if pattern.search(said)])
                if (len(loops) == 1)
                else None
            )
        case Place.GUARD:
            return _one([line for line, said in told if _GUARD.search(said)])
        case _:
            return _store(told, output, inputs)


def _store(told: Sequence[tuple[int, str]], output: str, inputs: Sequence[str]) -> int | None:
    stores = [(line, said) for line, said in told if re.match(rf"{re.escape(output)} \[", said)]
    if len(stores) != 1:
        return None
    line, said = stores[0]
    _, _, value = said.partition("] = ")
    # What else has a name was computed elsewhere, and the mistake may be there.
    while (shorter := _BRACKETS.sub("", value)) != value:
        value = shorter
    names = set(_NAME.findall(value))
    return line if names & set(inputs) and names <= {*inputs, "cast"} else None


def _one(lines: Sequence[int]) -> int | None:
    return lines[0] if len(set(lines)) == 1 else None


def _statements(text: str, function: str) -> Iterator[tuple[int, list[str]]]:
    """The statements of a function, each with its first line and its words."""
    for statement in statements_of(function_stream(text, function)):
        words = [each for each in statement if each.kind not in _LAYOUT and each.kind != STRING]
        if words:
            yield words[0].line, [each.text for each in words]
