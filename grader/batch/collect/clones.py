"""Whose clone it is: GitHub Classroom names a repository ``<assignment>-<account>``.

Both parts may hold dashes, so ``hw1-mary-ann`` can be Ann's of ``hw1-mary`` or
Mary-Ann's of ``hw1``. What all folders of a class begin with tells the assignment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final

_ENOUGH: Final = 3
"""So many names of a class hardly begin alike by chance, up to a dash within an account."""


def assignment_prefix(folders: Sequence[str], accounts: Collection[str]) -> str:
    """What the names of clones begin with, up to a dash; empty where that is not clear.

    Args:
        folders: Names of folders, in small letters.
        accounts: Those of the class list, in small letters.
    """
    fits = Counter(
        prefix
        for folder in set(folders)
        for prefix, account in splits(folder)
        if account in accounts
    )
    most = max(fits.values(), default=0)
    # Of two that fit as often, the shorter leaves the longer accounts.
    best = sorted((prefix for prefix in fits if fits[prefix] == most), key=len)
    if not best or not all(prefix.startswith(best[0]) for prefix in best):
        return ""
    return best[0] if most > 1 or _is_clear(best[0], folders) else ""


def splits(folder: str) -> Iterator[tuple[str, str]]:
    """A name in two at each of its dashes; the dash goes to the first part."""
    for at, char in enumerate(folder):
        if char == "-" and 0 < at < len(folder) - 1:
            yield folder[: at + 1], folder[at + 1 :]


def _is_clear(prefix: str, folders: Sequence[str]) -> bool:
    """Whether a prefix that fits one account only is the assignment's all the same."""
    if "-" not in prefix[:-1]:
        return True  # no longer account could be in the folder's name
    names = set(folders)
    shared = [
        before
        for before, _ in splits(min(names, key=len))
        if all(name.startswith(before) for name in names)
    ]
    return len(names) >= _ENOUGH and shared[-1:] == [prefix]
