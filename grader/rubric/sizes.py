"""Sizes as an instructor writes them: regions, each a set of values for every size.

A region is a product: ``input_size = [15, 30]`` with ``conv_size = "1 to 15"``.
The assigned sizes are all regions together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

from grader.model.domains import Sizes
from grader.model.part import Part, Size
from grader.model.puzzle import Puzzle
from grader.rubric.complaints import Complaints, KeyPath, kind, unknown

Region = Mapping[str, frozenset[int]]
"""The values of each size of the puzzle; none is empty."""

_RANGE = re.compile(r"\s*(\d{1,9})\s+to\s+(\d{1,9})\s*", re.ASCII)
_FORM = 'write a number, "1 to 15", or a list of these'


def read_regions(
    value: object, puzzle: Puzzle, complaints: Complaints
) -> dict[str, tuple[Region, ...]]:
    """The regions that the key ``sizes`` holds, by part; what is wrong goes to ``complaints``."""
    path: KeyPath = ("sizes",)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        complaints.add(path, "write each region of the sizes as a table of its own, [[sizes]]")
        return {}
    if not value:
        complaints.add(path, "no sizes are left; leave the key out to keep the puzzle's own")
    found: dict[str, tuple[Region, ...]] = {}
    for n, table in enumerate(value):
        part = _part((*path, n), table, puzzle, complaints)
        if part is not None:
            region = _region((*path, n), table, part, complaints)
            found[part.name] = (*found.get(part.name, ()), region)
    return found


def _part(
    path: KeyPath, table: Mapping[str, object], puzzle: Puzzle, complaints: Complaints
) -> Part | None:
    """The part that a table is about; a puzzle of one part need not name it."""
    if len(puzzle.parts) == 1 and "part" not in table:
        return puzzle.parts[0]
    names = [part.name for part in puzzle.parts]
    name = table.get("part")
    if isinstance(name, str) and name in names:
        return puzzle.part(name)
    if isinstance(name, str):
        complaints.add((*path, "part"), unknown(name, names, "part"))
    else:
        complaints.add(path, f"it does not say which part it is for: {' or '.join(names)}")
    return None


def _region(
    path: KeyPath, table: Mapping[str, object], part: Part, complaints: Complaints
) -> Region:
    sizes = {size.name: size for size in part.sizes}
    for name in table:
        if name not in sizes and name != "part":
            complaints.add((*path, name), unknown(name, sizes, "size"))
    return {
        name: _values((*path, name), table[name], size, complaints)
        if name in table
        else frozenset(range(size.low, size.high + 1))
        for name, size in sizes.items()
    }


def _values(path: KeyPath, value: object, size: Size, complaints: Complaints) -> frozenset[int]:
    """One size's values; those that the puzzle lacks are complained about and left out."""
    if isinstance(value, list) and not value:
        complaints.add(path, f"the list is empty; {_FORM}")
    parts = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
    found: set[int] = set()
    for place, part in parts:
        where = path if place is None else (*path, place)
        bounds = _bounds(part)
        if bounds is None:
            complaints.add(where, f"{kind(part)} is no size; {_FORM}")
            continue
        low, high = bounds
        if low > high:
            complaints.add(where, f"{low} to {high} holds nothing; write the smaller one first")
        elif low < size.low or high > size.high:
            told = str(low) if low == high else f"{low} to {high}"
            complaints.add(
                where, f"{told} leaves what the puzzle can do, {size.low} to {size.high}"
            )
        else:
            found.update(range(low, high + 1))
    return frozenset(found)


def _bounds(part: object) -> tuple[int, int] | None:
    if isinstance(part, int) and not isinstance(part, bool):
        return part, part
    matched = _RANGE.fullmatch(part) if isinstance(part, str) else None
    return (int(matched[1]), int(matched[2])) if matched else None


def within(regions: Iterable[Region]) -> Callable[[Sizes], bool]:
    """Whether sizes lie in one of the regions."""
    kept = tuple(regions)

    def assigned(sizes: Sizes) -> bool:
        return any(all(sizes[name] in region[name] for name in region) for region in kept)

    return assigned


def corners(regions: Iterable[Region]) -> tuple[dict[str, int], ...]:
    """The smallest and largest sizes of each region, in all combinations."""
    found: list[dict[str, int]] = []
    for region in regions:
        points: list[dict[str, int]] = [{}]
        for name, values in region.items():
            ends = sorted({min(values), max(values)})
            points = [{**point, name: end} for point in points for end in ends]
        found += [point for point in points if point not in found]
    return tuple(found)


def decompose(part: Part) -> tuple[Region, ...]:
    """The part's own assigned sizes as regions; none where there are too many to go through."""
    if not part.enumerable:
        return ()
    return tuple(
        {size.name: region[size.name] for size in part.sizes}
        for region in _decompose(part.sizes, part.assigned, {})
    )


def _decompose(
    sizes: Sequence[Size], assigned: Callable[[Sizes], bool], fixed: Mapping[str, int]
) -> tuple[dict[str, frozenset[int]], ...]:
    """Group the values of the last size by what they allow for the others."""
    if not sizes:
        return ({},) if assigned(fixed) else ()
    *others, last = sizes
    groups: dict[tuple[tuple[tuple[str, frozenset[int]], ...], ...], set[int]] = {}
    for value in range(last.low, last.high + 1):
        allowed = _decompose(others, assigned, {**fixed, last.name: value})
        key = tuple(tuple(region.items()) for region in allowed)
        if allowed:
            groups.setdefault(key, set()).add(value)
    return tuple(
        {**dict(region), last.name: frozenset(values)}
        for regions, values in groups.items()
        for region in regions
    )


def described(regions: Iterable[Region]) -> str:
    """For people: ``input_size 15 or 30 with conv_size 2 to 15; ...``."""
    return "; ".join(
        " with ".join(f"{name} {_listed(values)}" for name, values in region.items())
        for region in regions
    )


def _listed(values: Iterable[int]) -> str:
    runs = [str(low) if low == high else f"{low} to {high}" for low, high in runs_of(values)]
    return runs[0] if len(runs) == 1 else f"{', '.join(runs[:-1])} or {runs[-1]}"


def runs_of(values: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending runs of at least three consecutive values; others stand alone."""
    ordered = sorted(values)
    breaks = [0, *(n for n, (a, b) in enumerate(pairwise(ordered), 1) if b != a + 1), len(ordered)]
    runs: list[tuple[int, int]] = []
    for start, stop in pairwise(breaks):
        run = ordered[start:stop]
        runs += [(run[0], run[-1])] if len(run) > 2 else [(value, value) for value in run]
    return runs
