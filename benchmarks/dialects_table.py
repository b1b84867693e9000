"""The table of changes in ``docs/editions.md``, from the editions' files.

    python -m benchmarks.dialects_table

A test holds the page and the files together.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.publish import between
from grader.toolchain import edition as editions
from grader.toolchain.detect import readable

PAGE = Path(__file__).parent.parent / "docs" / "editions.md"


def table() -> str:
    """One row for each change, newest edition first."""
    rows = ["| from | no longer | new | what to write |", "|---|---|---|---|"]
    for name in reversed(editions.names()):
        for change in editions.find(name).changes:
            cells = (name, _code(change.old), _code(change.new), change.advice)
            rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def filled(page: str) -> str:
    """The page with the table between its marks."""
    return between(page, "changes", table())


def _code(patterns: tuple[str, ...]) -> str:
    return ", ".join(dict.fromkeys(f"`{readable(pattern)}`" for pattern in patterns))


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
