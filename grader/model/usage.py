"""What the kernels of a part cost, and how much of what can be limited that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from grader.device import Space
from grader.record import Access, UsageLimit

OF_ACCESSES: Final = {UsageLimit.SECTORS: Space.GLOBAL, UsageLimit.WAVEFRONTS: Space.SHARED}
"""Limits on what each access takes."""
_MOVED: Final[Mapping[UsageLimit, Access]] = {
    UsageLimit.READS: "load",
    UsageLimit.WRITES: "store",
}
"""Limits on how often arrays are moved."""
_Place = tuple[str, int | None]
"""A kernel, and a line of the file where one is known."""


@dataclass(frozen=True, kw_only=True)
class AccessUse:
    """What loads, stores or atomics of a line cost in a launch."""

    line: int | None
    access: Access
    space: Space
    requests: int
    transfers: int
    """Sectors of global memory, or wavefronts of shared memory."""
    least: int
    """That would do."""
    bytes: int
    """What all threads asked for."""


@dataclass(frozen=True, kw_only=True)
class KernelUse:
    """What a launch costs."""

    kernel: str
    warps: int
    launches: int
    """That cost the same."""
    accesses: tuple[AccessUse, ...]
    executed: Mapping[UsageLimit, Mapping[int | None, int]]
    """What is counted for each warp: over all warps, by the line."""


@dataclass(frozen=True, kw_only=True)
class PartUse:
    """What a case of a part costs."""

    sizes: Mapping[str, int]
    inputs: int
    """Bytes of all inputs,"""
    outputs: int
    """and of all outputs."""
    kernels: Sequence[KernelUse]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """How much of something there is, and where most of it."""

    value: Fraction
    kernel: str = ""
    line: int | None = None
    of: AccessUse | None = None
    """The access that it is about."""


def measured(use: PartUse, limit: UsageLimit) -> Measured:
    """How much of what is limited a part takes."""
    if (space := OF_ACCESSES.get(limit)) is not None:
        return _wasted(use, space)
    by_place: dict[_Place, Fraction] = {}
    for kernel in use.kernels:
        for line, number in _counted(kernel, limit, use):
            place = (kernel.kernel, line)
            by_place[place] = by_place.get(place, Fraction(0)) + number * kernel.launches
    total = sum(by_place.values(), Fraction(0))
    if not total:
        return Measured(value=total)
    kernel_name, most = max(by_place, key=lambda place: by_place[place])
    return Measured(value=total, kernel=kernel_name, line=most)


def _wasted(use: PartUse, space: Space) -> Measured:
    """The access that takes the most times the least."""
    those = [
        Measured(
            value=Fraction(each.transfers, each.least),
            kernel=kernel.kernel,
            line=each.line,
            of=each,
        )
        for kernel in use.kernels
        for each in kernel.accesses
        if each.space is space and each.least
    ]
    return max(those, key=lambda each: each.value, default=Measured(value=Fraction(0)))


def _counted(
    kernel: KernelUse, limit: UsageLimit, use: PartUse
) -> Iterator[tuple[int | None, Fraction]]:
    """What a launch adds, line by line."""
    moved = _MOVED.get(limit)
    if moved is None:
        for line, number in kernel.executed.get(limit, {}).items():
            yield line, Fraction(number, max(kernel.warps, 1))
        return
    size = use.inputs if moved == "load" else use.outputs
    for each in kernel.accesses:
        if each.access == moved and each.space is Space.GLOBAL:
            yield each.line, Fraction(each.bytes, max(size, 1))
