"""What a published figure needs: the state of the grader that it is of, and a place in a page."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit() -> str:
    """The commit that is checked out, short; empty outside of a repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def fill_between(page: Path, begin: str, end: str, markdown: str) -> bool:
    """Put a table between two marks of a page; whether the page has them."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    before, begins, rest = text.partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        return False
    page.write_text(f"{before}{begin}\n{markdown}{end}{after}", encoding="utf-8")
    return True
