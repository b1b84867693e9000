"""The files below a folder. No link is followed; what is hidden (``.git``) is not looked into."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from grader.batch.collect.entry import Entry, is_mojo, is_skipped, refusing
from grader.errors import SubmissionRefused, UsageError
from grader.intake import Submission, read_submission
from grader.intake.display import one_line

MAX_FILES: Final = 2_000_000
MAX_DEPTH: Final = 40
RUN_MARK: Final = "run.sqlite"
"""A folder with this file in it holds the results of a run, not submissions."""


def folder_entries(root: Path) -> list[Entry]:
    """The files below ``root``, sorted by path, and links that stand where files should.

    Raises:
        UsageError: it can't be read, or there are too many files.
    """
    try:
        os.listdir(root)
    except OSError as error:
        raise UsageError(
            f"{root} can't be read: {error.strerror}", remedy="Give a folder that you may read."
        ) from error
    entries: list[Entry] = []
    for entry in _walk(root, ()):
        entries.append(entry)
        if len(entries) > MAX_FILES:
            raise UsageError(
                f"there are more than {MAX_FILES} files below {root}",
                remedy="Give the folder that holds the submissions only.",
            )
    return entries


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as listing:
            found = sorted(listing, key=lambda each: each.name)
    except OSError as error:
        yield _refused((*above, "."), f"can't be read: {error.strerror}")
        return
    if above and any(each.name == RUN_MARK for each in found):
        return
    for each in found:
        if is_skipped(each.name):
            continue
        parts = (*above, each.name)
        if each.is_symlink():
            # A link inside a student's folder may be anything; where a file or a
            # student is expected, it is said that it was not followed.
            if not above or is_mojo(each.name):
                yield _refused(parts, "is a symbolic link")
        elif each.is_dir(follow_symlinks=False):
            if len(parts) < MAX_DEPTH:
                yield from _walk(folder / each.name, parts)
        else:
            yield Entry(
                parts=parts, modified=_modified(each), load=_loader(folder / each.name, parts)
            )


def _modified(each: os.DirEntry[str]) -> float:
    try:
        status = each.stat(follow_symlinks=False)
    except OSError:
        return 0.0
    return status.st_mtime if stat.S_ISREG(status.st_mode) else 0.0


def _loader(path: Path, parts: tuple[str, ...]) -> Callable[[], Submission]:
    def load() -> Submission:
        try:
            return read_submission(path)
        except SubmissionRefused as refused:
            # Students read it: where the instructor keeps the files is not theirs to know.
            what = refused.what.replace(one_line(str(path)), one_line("/".join(parts)))
            raise SubmissionRefused(what, remedy=refused.remedy) from refused

    return load


def _refused(parts: tuple[str, ...], why: str) -> Entry:
    shown = one_line("/".join(parts))
    load = refusing(f"{shown} {why}.", "Put a copy of the file itself there.")
    return Entry(parts=parts, load=load, refused=True)
