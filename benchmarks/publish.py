"""What a published figure needs: the state of the grader that it is of, and a place in a page."""

from __future__ import annotations

import subprocess


def commit() -> str:
    """The commit that is checked out, short; empty outside of a repository."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.stdout.strip()


def between(page: str, name: str, made: str) -> str:
    """A page with a table between its marks.

    Raises:
        ValueError: it has none.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, begins, rest = page.partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        raise ValueError(f"the page has no marks of the name {name}")
    return f"{before}{begin}{made}{end}{after}"
