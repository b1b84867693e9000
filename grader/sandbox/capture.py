"""What a process printed: counted in full, kept at both ends."""

from __future__ import annotations

_HEAD = 64 * 1024
_TAIL = 64 * 1024


class Capture:
    """Keeps the first and the last 64 KiB of a stream: the first error and the last words."""

    def __init__(self) -> None:
        self.total = 0
        self._head = bytearray()
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> None:
        self.total += len(chunk)
        room = _HEAD - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        self._tail += chunk
        if len(self._tail) > 2 * _TAIL:
            del self._tail[:-_TAIL]

    def kept(self) -> bytes:
        """The ends, with a line in between that says how much was left out."""
        left_out = self.total - len(self._head) - min(len(self._tail), _TAIL)
        if left_out <= 0:
            return bytes(self._head + self._tail)
        notice = b"\n[... %d bytes left out ...]\n" % left_out
        return bytes(self._head) + notice + bytes(self._tail[-_TAIL:])
