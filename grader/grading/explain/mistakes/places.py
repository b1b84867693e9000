"""Mistakes that show in where the wrong elements stand, whatever the puzzle.

The first or the last element, row or column is never right; or what a division into groups leaves
over. All else must be right, in every case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.grading.explain.mistakes.known import Known, Seen, first_output
from grader.grading.explain.mistakes.words import Groups, end_missing, remainder_missing
from grader.model.cases import Comparison, Observation
from grader.model.code import KernelLaunch, Kernels

_FIXED: Final = (2, 4, 8, 16, 32)
"""Groups of elements that people make, whatever the block is."""
_REMAINDER: Final = "remainder-missing"
NAMES: Final = (
    *(f"{end}-{noun}missing" for end in ("first", "last") for noun in ("", "row-", "column-")),
    *(f"{end}-{noun}-wrong" for end in ("first", "last") for noun in ("element", "row", "column")),
    _REMAINDER,
)


class _Axis(NamedTuple):
    """A direction in which elements are counted."""

    number: int | None
    """Of the output; None where elements are counted through it all."""
    noun: str


class _Elements(NamedTuple):
    """An output whose elements are looked at by where they stand."""

    observation: Observation
    comparison: Comparison
    length: int
    """Up to where some case of the size has an answer: what follows is not asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        return self.comparison.got.shape

    def count(self, axis: _Axis) -> int:
        """How many elements, rows or columns it has."""
        return self.length if axis.number is None else self.shape[axis.number]

    def indices(self, axis: _Axis) -> NDArray[np.int64]:
        """For each element in the flat output, its place along the axis."""
        if axis.number is None:
            return np.arange(self.comparison.got.size)
        return np.asarray(np.indices(self.shape)[axis.number].ravel())


Region = Callable[[_Elements], NDArray[np.bool_]]


def _places(seen: Seen) -> tuple[list[_Elements], list[_Elements]] | None:
    """The failing and the right outputs; None where another output is wrong too."""
    compared = {each: first_output(each) for each in (*seen.failing, *seen.right)}
    lengths: defaultdict[int, int] = defaultdict(int)
    for each, comparison in compared.items():
        if comparison is None:
            return None
        decided = np.flatnonzero(comparison.expected.decided)
        number = each.case.shape.number
        lengths[number] = max(lengths[number], int(decided.max(initial=-1)) + 1)
    failing, right = (
        [
            _Elements(each, comparison, lengths[each.case.shape.number])
            for each in those
            if (comparison := compared[each]) is not None
        ]
        for those in (seen.failing, seen.right)
    )
    return failing, right


def _axes(places: Sequence[_Elements]) -> tuple[_Axis, ...]:
    """The directions that an output has. Those along which there is one element do not count."""
    dimensions = {len(each.shape) for each in places}
    if len(dimensions) != 1:
        return ()
    long = [
        number
        for number in range(dimensions.pop())
        if any(each.shape[number] > 1 for each in places)
    ]
    if len(long) == 1:
        return (_Axis(None, "element"),)
    if len(long) == 2:
        return (_Axis(long[0], "row"), _Axis(long[1], "column"), _Axis(None, "element"))
    return ()


def ends(seen: Seen) -> Known | None:
    """The first or the last element, row or column is never right, and all others are."""
    places = _places(seen)
    if places is None:
        return None
    failing, right = places
    found = [
        (axis, last, zero)
        for axis in _axes([*failing, *right])
        for last in (False, True)
        if (zero := _never_right(failing, right, _end(axis, last))) is not None
    ]
    if len(found) != 1:
        return None
    ((axis, last, zero),) = found
    end = "last" if last else "first"
    noun = "" if axis.noun == "element" else f"{axis.noun}-"
    name = f"{end}-{noun}missing" if zero else f"{end}-{axis.noun}-wrong"
    return Known(name, *end_missing(axis.noun, last=last, zero=zero))


def _end(axis: _Axis, last: bool) -> Region:
    return lambda place: place.indices(axis) == (place.count(axis) - 1 if last else 0)


def _never_right(
    failing: Sequence[_Elements], right: Sequence[_Elements], region: Region
) -> bool | None:
    """Whether a region is always zero where all else is right; None where it is not always wrong.

    An element of it is right by chance where zero is the right answer. And inputs of zeros, or all
    alike, tell nothing of one that holds other wrong values.
    """
    zero = True
    beside: set[int] = set()
    for place in failing:
        inside = region(place)
        wrong = _wrong(place)
        if (wrong & ~inside).any():
            return None
        zero = zero and not place.comparison.got.ravel()[inside].any()
        if _decided(place)[~inside].any():
            beside.add(place.observation.case.shape.number)
    sizes = {each.observation.case.shape.number for each in (*failing, *right)}
    if len(beside) < min(2, len(sizes)):
        return None
    for place in (*failing, *right):
        by_chance = region(place) & _decided(place) & ~_wrong(place)
        if zero and (by_chance & ~_is_zero(place)).any():
            return None
        if not zero and by_chance.any() and _is_full(place.observation):
            return None
    return zero


def remainder(seen: Seen) -> Known | None:
    """What is left over behind the last full group is never right, and all before is."""
    places = _places(seen)
    if places is None:
        return None
    failing, right = places
    for axis in _axes([*failing, *right]):
        groups = [
            name for name, count in _groups(axis) if _behind_groups(axis, failing, right, count)
        ]
        if groups:
            # Where the block's threads are one of several, they are what a student thinks of.
            certain = len(groups) == 1 or groups[0] is Groups.BY_BLOCK
            group = groups[0] if certain else None
            return Known(_REMAINDER, *remainder_missing(f"{axis.noun}s", group))
    return None


def _groups(axis: _Axis) -> Iterator[tuple[Groups | int, Callable[[_Elements], int]]]:
    """What elements may be divided by: a name, and how many that are in a case."""
    # Rows are counted by y.
    dimension = 1 if axis.noun == "row" else 0
    yield Groups.BY_BLOCK, lambda place: _launched(place)[1][dimension]
    yield Groups.SHARED_OUT, lambda place: _launched(place)[0][dimension]
    for number in _FIXED:
        yield number, _always(number)


def _always(number: int) -> Callable[[_Elements], int]:
    return lambda place: number


def _launched(place: _Elements) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Grid and block of a case; ones where they are not known or differ."""
    run = place.observation.run
    seen = {(each.grid, each.block) for each in (run.evidence.launches if run.evidence else ())}
    code = run.case.part.code
    if not seen and isinstance(code, Kernels):
        told = [launch for launch in code.launches if isinstance(launch, KernelLaunch)]
        seen = {launch.extents(run.case.shape.sizes) for launch in told}
    return seen.pop() if len(seen) == 1 else ((1, 1, 1), (1, 1, 1))


def _behind_groups(
    axis: _Axis,
    failing: Sequence[_Elements],
    right: Sequence[_Elements],
    count: Callable[[_Elements], int],
) -> bool:
    def full(place: _Elements) -> int:
        return place.count(axis) // count(place) * count(place)

    def region(place: _Elements) -> NDArray[np.bool_]:
        return place.indices(axis) >= full(place)

    # A size that divides evenly is right, and several that do not are wrong in their remainder.
    even = any(full(place) == place.count(axis) for place in right)
    uneven = {place.observation.case.shape.number for place in failing if full(place)}
    return even and len(uneven) > 1 and _never_right(failing, right, region) is not None


def _wrong(place: _Elements) -> NDArray[np.bool_]:
    found = np.zeros(place.comparison.got.size, np.bool_)
    found[place.comparison.wrong] = True
    return found


def _decided(place: _Elements) -> NDArray[np.bool_]:
    return place.comparison.expected.decided.ravel()


def _is_zero(place: _Elements) -> NDArray[np.bool_]:
    """Where zero is right as well."""
    expected = place.comparison.expected
    with np.errstate(invalid="ignore"):
        value = np.abs(np.asarray(expected.value, dtype=np.float64).ravel())
    return np.asarray(value <= expected.allowed.ravel())


def _is_full(observation: Observation) -> bool:
    """Whether the inputs hold different numbers, few of them zero."""
    return all(
        2 * np.count_nonzero(array) > array.size and len(np.unique(array)) > array.size // 2
        for array in observation.case.inputs.values()
    )
