"""The user's own folders, where there are any.

In a container a process often runs under a user id that the system does not know, and without
HOME. Then there is no folder to keep anything in, and nothing that is kept there may be needed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal


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
