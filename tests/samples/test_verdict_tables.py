"""The tables of verdicts say what the labels and the results say."""

from __future__ import annotations

import pytest

from benchmarks.labels import labels_of
from benchmarks.publish import between
from benchmarks.verdict_quality import Given, digest, kept
from benchmarks.verdict_tables import PAGES, counted, matrix, programs

BEGIN, END = "<!-- name: begin -->", "<!-- name: end -->"


@pytest.mark.parametrize(("page", "name", "make"), PAGES, ids=[each[1] for each in PAGES])
def test_a_page_is_of_the_labels_and_results_as_they_are(page, name, make):
    text = page.read_text(encoding="utf-8")
    assert between(text, name, make(kept())) == text, "run python -m benchmarks.verdict_tables"


def test_a_page_keeps_what_stands_around_the_table():
    page = f"before\n\n{BEGIN}\nold\n{END}\n\nafter\n"
    made = between(page, "name", "| a |\n")
    assert made == f"before\n\n{BEGIN}\n| a |\n{END}\n\nafter\n"
    assert between(made, "name", "| a |\n") == made
    for broken in ("", f"{BEGIN}\n and no end", END):
        with pytest.raises(ValueError, match="no marks"):
            between(broken, "name", "")


def given(label, *, score=None, content=None):
    return Given(
        content=digest(label) if content is None else content,
        verdict=label.verdict,
        score=label.score if score is None else score,
    )


def row(table, name):
    (found,) = (line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_what_is_not_as_labelled_is_in_bold_and_what_has_changed_since_was_not_run():
    labels = {label.path.stem: label for label in labels_of("26.4", puzzle="map")}
    right, skeleton, wrong = (labels[n] for n in ("right", "skeleton", "index_plus_ten"))
    results = {
        "map": {
            right.name: given(right),
            skeleton.name: given(skeleton, content="another"),
            wrong.name: given(wrong, score=wrong.score + 1),
        }
    }
    table = programs(results)
    names = row(table, "puzzle")
    assert row(table, "`map`")[names.index("26.4")] == f"100 **{wrong.score + 1}** -"
    counts = dict(zip(row(counted(results), "puzzle"), row(counted(results), "`map`"), strict=True))
    assert counts["as labelled"] == "1"
    assert counts["other scores or reports"] == "1"
    assert int(counts["not graded"]) == int(counts["samples"]) - 2


def test_a_row_for_each_edition():
    (label,) = (each for each in labels_of("25.4") if each.path.stem == "right")
    table = matrix({"conv1d": {label.name: given(label)}})
    assert row(table, "25.4")[3:] == ["pass, 100", *["not run"] * 5]
    assert row(table, "25.7")[3:] == ["not run"] * 6
