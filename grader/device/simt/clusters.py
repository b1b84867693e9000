"""Which blocks form a cluster, and how they address each other's shared memory.

An address of the space ``.shared::cluster`` is a block's rank in its cluster, plus one, above the
24 lowest bits, and the address within that block's shared memory. A thread's own block has its
plain addresses as well: "shared::cta window is contained within the shared::cluster window" (PTX
ISA, "State Spaces").
"""

from __future__ import annotations

import math

import numpy as np

from grader.device.evidence import Dim3
from grader.device.lanes import Index

ALONE: Dim3 = (1, 1, 1)
"""The cluster of a launch that has none (PTX ISA, "Cluster of Cooperative Thread Arrays")."""
RANK_SHIFT = 24
OWN_LIMIT = 1 << RANK_SHIFT - 1
"""Addresses below it are those of a thread's own block."""


def split_address(addresses: Index) -> tuple[Index, Index]:
    """Ranks, plus one (0: the own block), and addresses within a block, which may lie before 0."""
    ranks = addresses + OWN_LIMIT >> RANK_SHIFT
    return ranks, addresses - (ranks << RANK_SHIFT)


def slab(grid: Dim3, cluster: Dim3) -> int:
    """How many blocks, by their linear numbers, hold whole clusters and no part of another."""
    if cluster[2] > 1:
        return grid[0] * grid[1] * cluster[2]
    return grid[0] * cluster[1] if cluster[1] > 1 else cluster[0]


class ClusterLayout:
    """The clusters of the blocks in flight, of which the first begins a slab.

    Attributes:
        size: Blocks of a cluster.
        count: Clusters in flight.
        rank: For each block, its rank in its cluster, and
        cluster: the cluster that it is in.
    """

    def __init__(self, grid: Dim3, cluster: Dim3, blocks: int) -> None:
        self.size = math.prod(cluster)
        self.count = blocks // self.size
        linear = np.arange(blocks, dtype=np.int64)
        place = (linear % grid[0], linear // grid[0] % grid[1], linear // (grid[0] * grid[1]))
        within = [at % size for at, size in zip(place, cluster, strict=True)]
        self.rank: Index = within[0] + cluster[0] * (within[1] + cluster[1] * within[2])
        per_row, per_layer = grid[0] // cluster[0], grid[1] // cluster[1]
        over = [at // size for at, size in zip(place, cluster, strict=True)]
        self.cluster: Index = over[0] + per_row * (over[1] + per_layer * over[2])
        self._members: Index = np.zeros((self.count, self.size), dtype=np.int64)
        self._members[self.cluster, self.rank] = linear

    def blocks(self, own: Index, ranks: Index) -> Index:
        """For each thread's block and a rank, plus one, in its cluster: that block; -1 for none."""
        safe = np.clip(ranks - 1, 0, self.size - 1)
        found = np.where(ranks == 0, own, self._members[self.cluster[own], safe])
        result: Index = np.where((ranks < 0) | (ranks > self.size), -1, found)
        return result
