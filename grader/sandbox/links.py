"""Folders of links to a standard library and to packages, where nothing can be mounted.

An interpreter lists the folders that it imports from. Landlock can't allow that for a folder
without allowing it for all below, so these folders stand in: they hold what may be seen, by
link, and the rules allow what the links lead to.
"""

from __future__ import annotations

import functools
import os
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path

from grader.sandbox.python_tree import PythonTree
from grader.sandbox.scratch import remove_tree


class Links:
    """The folders for one interpreter; they go with this object, or when the grader ends."""

    def __init__(self, tree: PythonTree, hidden: Sequence[Path]) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="grade-python-"))
        weakref.finalize(self, remove_tree, self.path)
        # A submission may run as another user.
        self.path.chmod(0o755)
        library = self.path / tree.subdirectory
        library.mkdir(parents=True, mode=0o755)
        for directory in tree.library:
            for entry in os.scandir(directory):
                if directory / entry.name not in hidden:
                    _link(Path(entry.path), library / entry.name)
        packages = self.path / "packages"
        for part in tree.packages:
            (packages / part.name).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            _link(part.source, packages / part.name)
        self.variables = {
            "PYTHONHOME": str(self.path),
            "PYTHONPATH": os.pathsep.join(str(packages / name) for name in tree.folders),
        }
        """Where an interpreter finds them."""


@functools.lru_cache(maxsize=8)
def links(tree: PythonTree, hidden: tuple[Path, ...]) -> Links:
    """The folders for an interpreter, made once per process."""
    return Links(tree, hidden)


def _link(target: Path, link: Path) -> None:
    if not os.path.lexists(link):
        link.symlink_to(os.path.abspath(target))
