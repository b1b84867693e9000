"""Where files lie: the data of the package, and what is kept for the user."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Literal

_PACKAGE = Path(__file__).parent


def data_directory(name: str) -> Path:
    """The folder ``name``: ``templates``, ``reference_kernels`` or ``submissions``.

    In a wheel it lies in the package's ``_data``; in a checkout (or an editable
    install of one) beside the package.

    Raises:
        GraderFault: It is in neither place.
    """
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    # Imported here: the command needs this module also where the errors can't be imported.
    from grader.errors import GraderFault

    raise GraderFault(
        f"the data folder {name} is missing beside {_PACKAGE}",
        remedy="The installation is incomplete; install again with: pip install mojo-grade",
    )


EDITIONS = _PACKAGE / "toolchain" / "editions"
"""A file for each edition of the book; `grader.toolchain.edition` reads them."""


@cache
def edition_names() -> tuple[str, ...]:
    """The editions there are, oldest first."""
    found = (path.stem for path in EDITIONS.glob("*.toml"))
    return tuple(sorted(found, key=lambda name: [int(part) for part in name.split(".")]))


def reference_kernel(puzzle: str, edition: str, name: str) -> Path:
    """A reference file of an edition: ``skeleton.mojo``, ``right.mojo`` or ``whole_domain.mojo``.

    Raises:
        GraderFault: the folder of the reference kernels is missing.
    """
    return data_directory("reference_kernels") / puzzle / edition / name


def user_folder(kind: Literal["cache", "config"]) -> Path | None:
    """Where this user's files of one kind lie; it may not exist yet. None: nobody can tell."""
    import platformdirs

    try:
        folder = {
            "cache": platformdirs.user_cache_path,
            "config": platformdirs.user_config_path,
        }[kind]("mojo-grade")
    except RuntimeError:
        return None
    # A relative one would be another in each working directory.
    return folder if folder.is_absolute() else None


def keep_nothing_of_hypothesis() -> None:
    """Have Hypothesis read and write no files in this process and those that it starts.

    It keeps what it found in modules in ``.hypothesis`` of the working directory, and that is a
    folder of the student's own where a course grades a checkout. To be called by programs, before
    they draw cases; a library has no say in this.
    """
    os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = f"{os.devnull}/hypothesis"
