"""One run at a time in a folder. The kernel lets go of the lock however the holder ends."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from grader.errors import UsageError
from grader.intake.display import one_line

NAME: Final = "run.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a run.

    Raises:
        UsageError: another run holds it; the message says which.
    """
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"nothing can be written to {folder}: {error.strerror}",
            remedy="Choose another folder with --out RUN.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 400).decode("utf-8", "replace").strip()
            raise UsageError(
                f"another grade batch is at work in {folder}"
                + (f": {one_line(holder)}" if holder else ""),
                remedy="Wait until it has ended, or give this one a folder of its own with --out.",
            ) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}, {now}".encode(), 0)
        yield
    finally:
        os.close(descriptor)
