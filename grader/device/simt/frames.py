"""The stack of functions that call themselves, maybe by way of others.

A function's registers, parameters and local variables exist once per lane, which is enough
while one activation of it is under way. Of a function that may be under way twice, each
activation keeps what the one before it held, and gives it back when it returns. Its local
variables have addresses, so each activation has its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Index, Lanes
from grader.device.simt.program import Slot
from grader.device.simt.regions import SlottedRegion


class Frames:
    """What the activations of one function hold, for each lane.

    Args:
        kept: The function's registers, parameters and return addresses, all lanes first.
        variables: Its local variables, and
        local: the region that they lie in.
        most: So many activations fit on a thread's stack.

    Attributes:
        displacement: Bytes from the function's local variables to those of the activation
            that is under way.
    """

    def __init__(
        self, kept: list[NDArray[Any]], variables: list[Slot], local: SlottedRegion, most: int
    ) -> None:
        self.most = most
        self.displacement: NDArray[np.uint64] = np.zeros(len(kept[0]), dtype=np.uint64)
        self._kept = kept
        self._stacks = [np.zeros((1, *values.shape), dtype=values.dtype) for values in kept]
        self._variables = variables
        self._local = local
        self._displacements: list[int] = [0]
        self._depth: Index = np.zeros(len(kept[0]), dtype=np.int64)

    def reset(self) -> None:
        """Nothing is under way."""
        self._depth.fill(0)
        self.displacement.fill(0)

    def without_room(self, lanes: Lanes) -> Lanes | None:
        """Those lanes whose stack is full."""
        return lanes.pick(lanes.take(self._depth) >= self.most)

    def enter(self, lanes: Lanes) -> None:
        """One more activation is under way in these lanes, which have room for it."""
        index = lanes.index
        depth = self._depth[index]
        while int(depth.max()) >= len(self._stacks[0]):
            self._stacks = [np.concatenate([s, np.zeros_like(s)]) for s in self._stacks]
        for stack, values in zip(self._stacks, self._kept, strict=True):
            stack[depth, index] = values[index]
        self._depth[index] = depth + 1
        self._move(index, depth)

    def leave(self, lanes: Lanes) -> None:
        """These lanes' activation has ended."""
        index = lanes.index
        depth = self._depth[index] - 1
        for stack, values in zip(self._stacks, self._kept, strict=True):
            values[index] = stack[depth, index]
        self._depth[index] = depth
        self._move(index, np.maximum(depth - 1, 0))

    def _move(self, index: Index, activation: Index) -> None:
        """From now on the local variables are those of the ``activation``-th, from 0."""
        if not self._variables:
            return
        while int(activation.max()) >= len(self._displacements):
            self._displacements.append(self._local.grow(self._variables))
        self.displacement[index] = np.array(self._displacements, dtype=np.uint64)[activation]
