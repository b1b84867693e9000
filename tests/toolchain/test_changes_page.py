"""The page about editions says what the editions' files say."""

from __future__ import annotations

from benchmarks.dialects_table import PAGE, filled


def test_the_page_is_as_the_files_make_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert filled(page) == page, "run: python -m benchmarks.dialects_table"
