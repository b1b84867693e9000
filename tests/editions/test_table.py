"""The table that the matrix of editions makes of its result."""

from __future__ import annotations

from benchmarks.editions_matrix import BEGIN, END, as_markdown, cells, fill_page, other_cells
from benchmarks.labels import labels_of
from grader.choices import DEFAULT_EDITION
from grader.toolchain import edition as editions


def cell(score, *, wanted=None):
    wanted = score if wanted is None else wanted
    return {
        "verdict": "pass" if score >= 100 else "fail",
        "score": score,
        "verdict_wanted": "pass" if wanted >= 100 else "fail",
        "score_wanted": wanted,
        "as_labelled": score == wanted,
    }


TABLE = {
    "columns": ["right", "unfilled"],
    "editions": [
        {
            "edition": "25.3",
            "max_version": "25.3.0",
            "mojo_version": "25.3.0",
            "cells": {"right": cell(100), "unfilled": cell(10, wanted=0)},
        },
        {"edition": "26.9", "max_version": "26.9.0", "mojo_version": "1.4", "cells": {}},
    ],
}


def test_a_row_for_each_edition_and_what_is_not_as_labelled_in_bold():
    assert as_markdown(TABLE).splitlines() == [
        "| edition | MAX | Mojo | right | unfilled |",
        "|---|---|---|---|---|",
        "| 25.3 | 25.3.0 | 25.3.0 | pass, 100 | **fail, 10** (wanted: fail, 0) |",
        "| 26.9 | 26.9.0 | 1.4 | not run | not run |",
    ]


def test_the_page_keeps_what_stands_around_the_table(tmp_path):
    page = tmp_path / "editions.md"
    page.write_text(f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n")
    assert fill_page(page, TABLE)
    first, second = page.read_text(), fill_page(page, TABLE) and page.read_text()
    assert first == second == f"before\n\n{BEGIN}\n{as_markdown(TABLE)}{END}\n\nafter\n"


def test_a_page_without_the_marks_is_left_alone(tmp_path):
    page = tmp_path / "editions.md"
    assert not fill_page(page, TABLE)
    page.write_text(f"{BEGIN} and no end")
    assert not fill_page(page, TABLE)
    assert page.read_text() == f"{BEGIN} and no end"


def test_the_matrix_and_the_others_are_all_samples_of_the_editions_beside_the_default():
    beside = [name for name in editions.names() if name != DEFAULT_EDITION]
    graded = [cell.label.path for cell in [*cells(beside), *other_cells()]]
    labelled = [label.path for name in beside for label in labels_of(name)]
    assert sorted(graded) == sorted(labelled)
    assert {cell.edition for cell in other_cells(["25.4"])} == {"25.4"}
