"""Numbers for the names in an index: only where they are certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.arithmetic import certain_values, sources_of, with_numbers
from grader.intake.indexed import indexed_element

KERNEL = """\
var local_i = 99

def k(output: T, size: Int):
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x  # in the block
    var row = Int(thread_idx.y)
    var twice = 1
    var place = row * size + local_i
    var stride = block_dim.x // 2
    while stride > 0:
        if local_i < stride:
            shared[local_i] += shared[local_i + stride]
        stride //= 2
    twice = 2
    for other in range(3):
        other = 4
    output[global_i] = shared[0]

def after():
    var behind = 3
"""
AT = KERNEL.split("\n").index("            shared[local_i] += shared[local_i + stride]") + 1
THREAD = {
    "thread_idx.x": 3,
    "thread_idx.y": 1,
    "block_idx.x": 2,
    "block_dim.x": 8,
}


def names(text: str, line: int = AT) -> dict[str, int]:
    found = certain_values(text, line, THREAD)
    return {name: value for name, value in found.items() if name not in THREAD}


def test_what_is_set_once_from_the_place_of_the_thread_is_certain() -> None:
    assert names(KERNEL) == {"global_i": 19, "local_i": 3, "row": 1}


def test_names_of_other_functions_are_not_known() -> None:
    assert names(KERNEL, 1) == {}
    assert names(KERNEL, KERNEL.count("\n")) == {"behind": 3}
    assert names(KERNEL, 10_000) == {}


def test_where_a_name_comes_from() -> None:
    assert sources_of(KERNEL, AT, "a[place]") == ["row * size + local_i"]


@pytest.mark.parametrize(
    ("index", "cell", "filled"),
    [
        ("local_i", 3, "3"),
        ("local_i - 1", 2, "3 - 1"),
        ("thread_idx.x + 4", 7, "3 + 4"),
        ("Int(local_i) * 2", 6, "Int(3) * 2"),
        # What is not known has the one number that gives the cell.
        ("local_i + stride", 7, "3 + 4"),
        ("local_i + 2 * j", 7, "3 + 2 * 2"),
        ("unsafe_offset=place", 5, "5"),
        # Rows of a length that the array may have.
        ("row, local_i", 7, "1, 3"),
        # Not certain, or not what was seen.
        ("local_i + 2 * j", 6, ""),
        ("local_i", 4, ""),
        ("local_i + j + k", 5, ""),
        ("local_i // j", 1, ""),
        ("j * j", 4, ""),
        ("row, local_i", 2, ""),
        ("row, j", 7, ""),
        ("f(local_i)", 3, ""),
        ("local_i if a else b", 3, ""),
        ("", 0, ""),
        ("local_i +", 3, ""),
        ("(" * 150, 3, ""),
    ],
)
def test_numbers_stand_where_they_give_the_cell(index: str, cell: int, filled: str) -> None:
    assert with_numbers(index, certain_values(KERNEL, AT, THREAD), cell, 12) == filled


@given(st.text(alphabet="ab01+-*/%()[],.=: \n'\"\\", max_size=60), st.integers())
def test_any_text_is_read_or_left(index: str, cell: int) -> None:
    with_numbers(index, {"a": 1}, cell, 8)
    certain_values(f"def f():\n    a = {index}\n    b = a\n", 3, {"b.x": 1})


def test_the_element_that_is_named_at_a_bracket() -> None:
    line = "    x += tile[row, f(a[1])] + b[2]"
    column = line.index("[") + 1
    assert indexed_element(f"\n{line}", 2, column) == "tile[row, f(a[1])]"
    assert indexed_element(f"\n{line}", 2, column + 1) == ""
    assert indexed_element("x = tile[row", 1, 9) == ""
    assert indexed_element(line, 7, 3) == ""
    assert indexed_element("π = a[i]", 1, 7) == "a[i]"
