"""What launches cost, as the software device counts it: line by line, and of a whole part."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.device import Dim3, Space


class LineCost(msgspec.Struct, frozen=True, kw_only=True):
    """What a line of the file costs in a launch, over all warps."""

    line: int | None
    """None for what the line tables give no line of the file for."""
    instructions: int = 0
    """How many instructions warps execute."""
    global_requests: int = 0
    """How often a warp asks global memory for something,"""
    sectors: int = 0
    """how many sectors of 32 bytes that takes,"""
    least_sectors: int = 0
    """and how many would do, were the bytes of each request side by side."""
    shared_requests: int = 0
    """How often a warp asks shared memory for something,"""
    wavefronts: int = 0
    """how many wavefronts that takes,"""
    least_wavefronts: int = 0
    """and how many would do without bank conflicts."""
    barriers: int = 0
    """How often a warp comes to a barrier."""
    diverged: int = 0
    """How often threads of a warp go different ways at a branch."""

    def plus(self, other: LineCost) -> LineCost:
        """Both together, at this line."""
        numbers = (name for name in self.__struct_fields__ if name != "line")
        both = {name: getattr(self, name) + getattr(other, name) for name in numbers}
        return LineCost(line=self.line, **both)


Access = Literal["load", "store", "atomic"]


class WastefulAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Loads, stores or atomics of a line that take several times what would do."""

    line: int | None
    access: Access
    space: Space
    requests: int
    transfers: int
    """Sectors of global memory, or wavefronts of shared memory."""
    least: int
    """That would do."""


class KernelProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a launch costs: the first of those that are alike."""

    kernel: str
    grid: Dim3
    block: Dim3
    launches: int
    """That are alike."""
    total: LineCost
    kinds: dict[str, int]
    """Instructions of warps by what they do, most of them first."""
    lines: tuple[LineCost, ...]
    """In the order of the file; at the end what has no line."""
    wasteful: tuple[WastefulAccess, ...]
    """In the same order."""


class PartProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a case of a right part costs."""

    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    sizes: dict[str, int]
    kernels: tuple[KernelProfile, ...]
    reference: tuple[KernelProfile, ...] = ()
    """The same of the reference answer, where that is known for these sizes."""
