"""No cell is a formula to a spreadsheet, and every cell comes back as it was."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.outputs.gradebooks import table, text

FORMULA = re.compile(r"[\s\"']*[=+\-@|%\uff1d\uff0b\uff0d\uff20]")
SIGNS = (*"=+-@|%;,'\"\t\r\n\\", " ", "\uff1d", "\ufeff", "\u200b")
WORDS = ("=1+1", "-5", "7.5", "cmd|' /C calc'!A0", "a", "日本")
pieces = st.sampled_from(SIGNS + WORDS)
texts = st.one_of(st.text(max_size=20), st.lists(pieces, max_size=8).map("".join))
rows = st.lists(st.lists(texts, min_size=1, max_size=4), min_size=1, max_size=5)


def parsed(data: bytes, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), delimiter=delimiter))


def computes(cell: str) -> bool:
    """Whether a spreadsheet would compute a cell; an apostrophe in front means text."""
    return not cell.startswith("'") and bool(FORMULA.match(cell))


@given(rows)
def test_no_cell_is_a_formula_in_a_spreadsheet_of_commas(made: list[list[str]]) -> None:
    for row in parsed(table([[text(cell) for cell in row] for row in made]), ","):
        assert not [cell for cell in row if computes(cell)]


@given(rows)
def test_nor_in_one_of_semicolons(made: list[list[str]]) -> None:
    """In half of Europe a spreadsheet separates by semicolons, and cuts our cells at theirs."""
    for row in parsed(table([[text(cell) for cell in row] for row in made]), ";"):
        # What stands in front of the first semicolon holds our commas, and is no formula.
        assert not [cell for cell in row if computes(cell.lstrip('"').lstrip())]


@given(rows)
def test_cells_come_back_as_they_were(made: list[list[str]]) -> None:
    cells = [[text(cell) for cell in row] for row in made]
    assert parsed(table(cells), ",") == cells


@given(texts)
def test_a_cell_is_one_line_of_printable_characters(value: str) -> None:
    assert all(c.isprintable() or c == " " for c in text(value))


@pytest.mark.parametrize("number", ["0", "100", "57.5", "4100007"])
def test_numbers_stay_numbers(number: str) -> None:
    assert text(number) == number


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(A1)", "'  @SUM(A1)"),
        ("+49 30 1", "'+49 30 1"),
        ("-1-1", "'-1-1"),
        ("-1", "'-1"),
        ("a;=1+1", "a;'=1+1"),
        ("O'Neill", "O'Neill"),
        ("x = 1", "x = 1"),
        ("\t=1", "' =1"),
    ],
)
def test_a_formula_gets_an_apostrophe(value: str, cell: str) -> None:
    assert text(value) == cell
