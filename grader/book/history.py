"""The data of `grader.book.shipped`, made from a clone of the book with its history.

Only branches that are named are read: what somebody proposed in a pull request, which a clone may
hold too, is that person's work and not the book's.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from grader.book.digests import SHORT, array_reads, given_code, program_of
from grader.book.shipped import Shipped
from grader.errors import UsageError
from grader.puzzles.definition import Puzzle

BRANCHES: Final = ("main", "stable")
_SUFFIXES: Final = ("*.mojo", "*.🔥")


def read_history(clone: Path, puzzle: Puzzle, branches: Sequence[str] = BRANCHES) -> Shipped:
    """The digests of all versions of the book's Mojo files.

    Raises:
        UsageError: the clone can't be read, or has no such branch or no file of the puzzle.
    """
    read = {
        branch: _git(clone, "rev-parse", "--verify", f"{branch}^{{commit}}").strip()
        for branch in branches
    }
    assigned = [place.task for place in puzzle.book]
    files: dict[str, dict[str, None]] = {}
    given: dict[str, dict[str, None]] = {}
    reads: set[str] = set()
    names = {path.rpartition("/")[2] for path in assigned}
    for path, blob in _versions(clone, list(read.values())):
        name = path.rpartition("/")[2]
        if name.startswith("__init__."):
            continue
        text = _git(clone, "cat-file", "blob", blob)
        files.setdefault(path, {})[program_of(text)[:SHORT]] = None
        if name in names and (code := given_code(text, puzzle.kernel_function)):
            given.setdefault(path, {})[code[:SHORT]] = None
            reads |= array_reads(text, puzzle.kernel_function, puzzle.given_array)
    if not any(path in files for path in assigned):
        raise UsageError(
            f"{clone} has none of {', '.join(assigned)} in its history",
            remedy="Give a clone of the book with its whole history.",
        )
    return Shipped(
        until=_git(clone, "log", "-1", "--format=%cs", read[branches[0]]).strip(),
        read=read,
        given={path: list(digests) for path, digests in sorted(given.items())},
        reads=sorted(reads),
        files={path: list(digests) for path, digests in sorted(files.items())},
    )


def written(shipped: Shipped) -> str:
    """The data file's text, in lines that a comparison of two versions shows well."""
    return msgspec.json.format(msgspec.json.encode(shipped), indent=1).decode() + "\n"


def _versions(clone: Path, commits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Path and blob of each version of each Mojo file, the oldest first."""
    log = _git(
        clone, "log", "--reverse", "--raw", "--no-abbrev", "--no-renames", "-m", "--root",
        "--format=", "-z", *commits, "--", *_SUFFIXES,
    )  # fmt: skip
    fields = iter(log.split("\0"))
    seen: set[tuple[str, str]] = set()
    for field in fields:
        if not field.startswith(":"):
            continue
        blob, status = field.split()[3:5]
        version = next(fields), blob
        if status != "D" and version not in seen:
            seen.add(version)
            yield version


def _git(clone: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(clone), *arguments],  # noqa: S607 - the user's own git
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise UsageError(
            "git is not installed, and the book's history is read with it",
            remedy="Install git, then run the command again.",
        ) from error
    if done.returncode:
        raise UsageError(
            f"the history of {clone} can't be read: {done.stderr.decode('utf-8', 'replace')}",
            remedy="Give a clone of the book with its whole history: git clone URL DIRECTORY.",
        )
    return done.stdout.decode("utf-8", "replace")
