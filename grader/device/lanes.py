"""Groups of lanes that run together.

A lane is one thread of the blocks that are in flight; lane ``b * threads + t``
is thread t (linear) of the b-th of these blocks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LANE_BITS = 24
LANE_MASK = (1 << LANE_BITS) - 1
"""The bits of a number that hold a lane, where checks keep it with something else."""
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Lanes:
    """A set of lanes out of ``total``, in ascending order.

    Attributes:
        count: How many there are.
        full: Whether these are all.
        index: The lanes' numbers.
    """

    __slots__ = ("_mask", "count", "full", "index", "total")

    def __init__(self, index: Index, total: int, mask: Mask | None = None) -> None:
        self.index = index
        self.total = total
        self.count = len(index)
        self.full = self.count == total
        self._mask = mask

    @classmethod
    def all(cls, total: int) -> Lanes:
        """Every lane."""
        return cls(np.arange(total, dtype=np.int64), total)

    @classmethod
    def where(cls, mask: Mask) -> Lanes:
        """The lanes where ``mask`` (over all lanes) is true. Keeps the mask."""
        return cls(np.flatnonzero(mask), len(mask), mask)

    @property
    def mask(self) -> Mask:
        """True at each of the lanes, over all lanes."""
        if self._mask is None:
            self._mask = np.zeros(self.total, dtype=np.bool_)
            self._mask[self.index] = True
        return self._mask

    @property
    def dense(self) -> bool:
        """Whether masking all lanes is cheaper than picking these out."""
        return self.count * 4 >= self.total

    def take(self, values: NDArray[Any]) -> NDArray[Any]:
        """The values of these lanes, of an array over all lanes; may be that array itself."""
        return values if self.full else values[self.index]

    def put(self, values: NDArray[Any], new: Any) -> None:
        """Set the values of these lanes in an array over all lanes."""
        if self.full:
            values[...] = new
        else:
            values[self.index] = new

    def split(self, chosen: Mask) -> tuple[Lanes | None, Lanes | None]:
        """Those where ``chosen`` (one value per lane of this group) is true, and the others."""
        hits = int(np.count_nonzero(chosen))
        if hits == self.count:
            return self, None
        if hits == 0:
            return None, self
        if self.full:
            return Lanes.where(chosen.copy()), Lanes.where(~chosen)
        return Lanes(self.index[chosen], self.total), Lanes(self.index[~chosen], self.total)

    def pick(self, chosen: Mask) -> Lanes | None:
        """Those where ``chosen`` is true; None where there is none."""
        return self.split(chosen)[0]

    def join(self, other: Lanes) -> Lanes:
        """The lanes of both, which share none."""
        index = np.concatenate([self.index, other.index])
        index.sort()
        return Lanes(index, self.total)
