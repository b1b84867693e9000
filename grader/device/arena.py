"""Address space that costs nothing until it is touched.

The device's memory and its shadows are each one anonymous mapping. The kernel
commits a page when it is first written, so a large window is free, and pages
can be handed back, which also zeroes them.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

# mmap.MAP_NORESERVE is missing from Python 3.11; this is its value on Linux.
_NO_RESERVE = int(getattr(mmap, "MAP_NORESERVE", 0x4000))

_WORDS: dict[int, type[np.unsignedinteger[Any]]] = {
    1: np.uint8,
    2: np.uint16,
    4: np.uint32,
    8: np.uint64,
}


class Arena:
    """``size`` bytes of zeros, committed page by page.

    Args:
        size: Bytes; a multiple of the page size.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
        self._map = mmap.mmap(-1, size, flags=flags, prot=mmap.PROT_READ | mmap.PROT_WRITE)
        self.bytes: NDArray[np.uint8] = np.frombuffer(self._map, dtype=np.uint8)

    def words(self, width: int) -> NDArray[np.unsignedinteger[Any]]:
        """The arena as unsigned integers of ``width`` bytes (1, 2, 4 or 8)."""
        return self.bytes.view(_WORDS[width])

    def zero(self, start: int, stop: int) -> None:
        """Zero ``[start, stop)`` and hand whole pages back."""
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        last = stop // mmap.PAGESIZE * mmap.PAGESIZE
        if first >= last:
            self.bytes[start:stop] = 0
            return
        self.bytes[start:first] = 0
        self.bytes[last:stop] = 0
        self._map.madvise(mmap.MADV_DONTNEED, first, last - first)
