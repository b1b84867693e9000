"""Messages of the compiler: what each means, at which line, and in how many words."""

from __future__ import annotations

import re

import pytest

from grader.record import Diagnostic, Note
from grader.toolchain.edition import find
from grader.toolchain.messages import meaning_of, meanings, placed, shortened, told_once

EDITION = find("26.5")
STRUCT = """\
from extensibility import x


@extensibility.register("conv_1d")
struct Op:
    @staticmethod
    def run[target: StaticString](output: T) raises:
        pass
"""


def error(message: str, line: int | None = None, *notes: str) -> Diagnostic:
    return Diagnostic(
        severity="error",
        message=message,
        stage="compile",
        line=line,
        notes=tuple(Note(message=each) for each in notes),
    )


def test_every_row_is_a_pattern_with_words_that_an_edition_has() -> None:
    for row in meanings():
        re.compile(row.message)
        re.compile(row.line)
        assert "{" not in EDITION.worded(row.advice)


@pytest.mark.parametrize(
    ("message", "line", "says"),
    [
        ("invalid indirect call: value passed to 'output'", "    conv1d(a, b)", "Enqueue it"),
        ("the SIMD type must be floating point", "    grid_dim=n / TPB + 0.5,", "whole numbers"),
        ("unterminated backtick identifier", "```mojo", "```"),
        ("unable to locate module 'numpy'", "import numpy as np", "Python"),
        ("argument type must be specified", "def f(a, b):", "type"),
        ("expressions must not appear at file scope; move", "launch()", "function"),
        ("'raise' requires a surrounding 'try' block or", "raise Error()", "raises"),
        ("Dim value block_dim.x must be a positive number.", "", "zero"),
    ],
)
def test_what_is_certain_is_told(message: str, line: str, says: str) -> None:
    assert says in meaning_of([message], (), EDITION, line)


def test_what_only_the_line_makes_certain_is_not_told_of_another() -> None:
    assert not meaning_of(["the SIMD type must be floating point"], (), EDITION, "var a = exp(n)")


def test_an_op_of_another_name_is_shown_where_it_is_registered() -> None:
    shown = placed(error("no kernel registered for 'conv1d'"), STRUCT, "op.mojo", EDITION)
    assert (shown.line, shown.column) == (4, 25)
    assert '"conv_1d"' in shown.advice
    assert '@extensibility.register("conv1d")' in shown.advice


def test_a_struct_that_nothing_registers_is_shown() -> None:
    text = STRUCT.replace('@extensibility.register("conv_1d")', "")
    shown = placed(error("no kernel registered for 'conv1d'"), text, "op.mojo", EDITION)
    assert shown.line == 5
    assert "missing above" in shown.advice


def test_the_method_that_should_be_execute_is_shown() -> None:
    shown = placed(error("kernel 'conv1d' has no execute function"), STRUCT, "op.mojo", EDITION)
    assert (shown.line, shown.column) == (7, 5)


@pytest.mark.parametrize("text", ["", STRUCT + STRUCT, STRUCT.replace("conv_1d", "conv1d")])
def test_where_it_is_not_certain_no_line_is_named(text: str) -> None:
    shown = placed(error("no kernel registered for 'conv1d'"), text, "op.mojo", EDITION)
    assert shown.line is None


def test_types_are_shown_as_far_as_they_differ() -> None:
    rest = "dtype=float32, Storage=PointerStorage[element_size=1], linear_idx_type=int32"
    one, other = f"'TileTensor[mut=True, {rest}]'", f"'TileTensor[mut=False, {rest}]'"
    short = (
        "argument of type 'TileTensor[mut=True, ...]' does not match 'TileTensor[mut=False, ...]'"
    )
    assert shortened(f"argument of type {one} does not match {other}") == short
    assert shortened("from 'Float64' to 'List[Int]'") == "from 'Float64' to 'List[Int]'"


def test_a_message_that_each_shape_repeats_is_told_once() -> None:
    rest = "dtype=float32, Storage=PointerStorage[element_size=1]"
    said = [
        error(f"argument #2 of type 'Slice[{rest}, spec=({n})]' does not match", 9)
        for n in (10, 12)
    ]
    (only,) = told_once([*said, error("function instantiation failed", 9), error("c", 9)])
    assert only.message == "argument #2 of type 'Slice[...]' does not match"


def test_what_says_nothing_is_shown_where_there_is_nothing_else() -> None:
    said = error("function instantiation failed", 9)
    assert told_once([said]) == (said,)
