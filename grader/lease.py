"""What one grading of a machine has at a time: a core, or a turn on the GPU.

A lease is the name of an abstract socket. One process at a time can have it, and it is free
again when that process ends, however it ends. There is no file to be left behind.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import time
from typing import Final, Self

PREFIX: Final = "\0mojo-grade/"
_LONGEST: Final = 100
"""Characters; the kernel takes 108 bytes."""
_POLL: Final = 0.002
"""Seconds; a case takes some five milliseconds."""


class Lease:
    """One name on this machine. Use as a context manager, which gives it back.

    Args:
        name: Of what is leased, such as ``core/3``.
    """

    def __init__(self, name: str) -> None:
        self._address = (PREFIX + name)[:_LONGEST]
        self._held: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.free()

    def take(self) -> bool:
        """Take it if it is free; whether it is held now."""
        return self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Take it when it is free, in so many seconds at most; whether it is held now."""
        deadline = time.monotonic() + seconds
        while self._held is None:
            try:
                self._held = _bound(self._address)
            except OSError as error:
                # Any other error does not pass: a machine that has no room, or allows no sockets.
                if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                    return False
                time.sleep(_POLL)
        return True

    def free(self) -> None:
        """Give it back, if it is held."""
        if self._held is not None:
            with contextlib.suppress(OSError):
                self._held.close()
            self._held = None


def _bound(address: str) -> socket.socket:
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        ours.bind(address)
    except OSError:
        ours.close()
        raise
    return ours
