"""Which bytes an operation on the device read and wrote, and where two of them meet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ranges = NDArray[np.int64]
"""Rows of start and stop, sorted and without overlaps."""

_NONE: Ranges = np.zeros((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Touched:
    """Bytes, by how they were accessed.

    Attributes:
        watched: Strong reads (volatile, relaxed, acquire), and
        updated: strong writes and atomics. Such accesses do not race with each other.
    """

    read: Ranges
    written: Ranges
    watched: Ranges
    updated: Ranges


NOTHING = Touched(_NONE, _NONE, _NONE, _NONE)


class Clash(NamedTuple):
    """Bytes that two operations touch and at least one of them changes."""

    start: int
    stop: int
    first_writes: bool
    second_writes: bool


def of_ranges(
    *, read: Sequence[tuple[int, int]] = (), written: Sequence[tuple[int, int]] = ()
) -> Touched:
    """What a copy or a memset touches; the ranges of one kind do not overlap."""
    return Touched(_rows(read), _rows(written), _NONE, _NONE)


def of_cells(cells: NDArray[np.int64], granule: int) -> Ranges:
    """The bytes of cells of ``granule`` bytes, which are sorted and differ."""
    if not len(cells):
        return _NONE
    edges = np.flatnonzero(np.diff(cells) != 1) + 1
    starts = cells[np.concatenate([[0], edges])]
    stops = cells[np.concatenate([edges - 1, [len(cells) - 1]])] + 1
    return np.stack([starts, stops], axis=1) * granule


def clashes(first: Touched, second: Touched) -> Iterator[Clash]:
    """Where two operations meet, and the accesses are not both strong ones."""
    pairs = (
        (first.written, second.written, True, True),
        (first.written, second.updated, True, True),
        (first.updated, second.written, True, True),
        (first.written, second.read, True, False),
        (first.read, second.written, False, True),
        (first.written, second.watched, True, False),
        (first.watched, second.written, False, True),
        (first.updated, second.read, True, False),
        (first.read, second.updated, False, True),
    )
    for one, two, first_writes, second_writes in pairs:
        for start, stop in _common(one, two):
            yield Clash(start, stop, first_writes, second_writes)


def may_wait(first: Touched, second: Touched) -> bool:
    """Whether one may wait for what the other does: both make strong accesses to a cell."""
    pairs = (
        (first.updated, second.updated),
        (first.updated, second.watched),
        (first.watched, second.updated),
    )
    return any(True for one, two in pairs for _ in _common(one, two))


def merged(parts: Sequence[Ranges]) -> Ranges:
    """All of the ranges, sorted and without overlaps."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return _NONE
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate(parts)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    reach = np.maximum.accumulate(rows[:, 1])
    fresh = np.concatenate([[True], rows[1:, 0] > reach[:-1]])
    last = np.concatenate([np.flatnonzero(fresh)[1:] - 1, [len(rows) - 1]])
    return np.stack([rows[fresh, 0], reach[last]], axis=1)


def _common(one: Ranges, two: Ranges) -> Iterator[tuple[int, int]]:
    """For each range of the one, the first bytes that are in a range of the other as well."""
    if not len(one) or not len(two):
        return
    place = np.searchsorted(two[:, 1], one[:, 0], side="right")
    inside = place < len(two)
    chosen, rows = two[place[inside]], one[inside]
    starts, stops = np.maximum(chosen[:, 0], rows[:, 0]), np.minimum(chosen[:, 1], rows[:, 1])
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if start < stop:
            yield start, stop


def _rows(ranges: Sequence[tuple[int, int]]) -> Ranges:
    rows = sorted(each for each in ranges if each[0] < each[1])
    return np.array(rows, dtype=np.int64).reshape(-1, 2) if rows else _NONE
