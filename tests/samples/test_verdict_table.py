"""The table of verdicts says what the labels and the results say."""

from __future__ import annotations

from benchmarks.verdict_quality import PAGE, filled


def test_the_table_is_of_the_labels_and_results_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "run python -m benchmarks.verdict_quality --table"
