"""Which values an input may have: drawn with NumPy for the sweep, with Hypothesis for the search.

A `Domain` belongs to one tensor. Most draw their values each by itself (`OwnValues`). Inputs that
are multiplied with each other share the room up to the largest number, so they have the domain
`Factor` and are drawn together (`grader.grading.inputs`): how many of their products an output sums
is `Part.terms`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from grader.model.numbers import FLOATS, INTEGERS, dtype_of, range_of

if TYPE_CHECKING:
    from hypothesis import strategies as st

Sizes = Mapping[str, int]
"""A value for each size parameter: ``{"input_size": 15, "conv_size": 4}``."""
Extent = str | int | Callable[[Sizes], int]
"""How long a tensor is along an axis: a size by name, a number, or an expression of sizes."""
Array = NDArray[np.generic]
Elements: TypeAlias = "st.SearchStrategy[float] | st.SearchStrategy[int] | st.SearchStrategy[bool]"

SMALL = 64
"""Elements up to which Hypothesis draws each by itself; of larger arrays it draws a few, and one
value for the rest."""
LARGE = 4096
"""Elements from which it draws no more than `FEW`: as many as it else draws are more data than it
takes for one case."""
FEW = 16


class Values(StrEnum):
    """What kind of values a case holds."""

    EXAMPLE = "example"
    """Those of the published example."""
    INTEGERS = "integers"
    """Whole numbers, whatever the type."""
    REALS = "reals"
    SPECIAL = "special"
    """Some NaN, infinite, subnormal or very large."""


def specials(dtype: str) -> list[float]:
    """Values of a floating type that are easily forgotten."""
    limits = range_of(dtype)
    return [
        float("nan"),
        float("inf"),
        float("-inf"),
        -0.0,
        2.0**limits.smallest,
        -(2.0**limits.least_normal) / 2,
        limits.largest,
        limits.largest / 4,
    ]


def width_of(dtype: str) -> Literal[16, 32, 64]:
    """Bits of the type that Hypothesis draws a floating type as: bfloat16 as float32."""
    return 64 if dtype == "float64" else 16 if dtype == "float16" else 32


def array_of(
    dtype: str, shape: tuple[int, ...], elements: Elements
) -> st.SearchStrategy[NDArray[np.generic]]:
    """Arrays of a type and shape whose elements are drawn from a strategy."""
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp

    count = int(np.prod(shape))
    # NumPy's own extra does not know bfloat16: drawn as float32 and rounded.
    drawn = np.dtype(np.float32) if dtype == "bfloat16" else dtype_of(dtype)
    if count >= LARGE:

        def filled(value: float, others: Mapping[int, float]) -> NDArray[np.generic]:
            array = np.full(shape, value, drawn)
            array.ravel()[[*others]] = [*others.values()]
            return array

        others = st.dictionaries(st.integers(0, count - 1), elements, max_size=FEW)
        arrays = st.builds(filled, elements, others)
    else:
        fill = None if count > SMALL else st.nothing()
        arrays = hnp.arrays(drawn, shape, elements=elements, fill=fill)
    if dtype == "bfloat16":
        return arrays.map(lambda array: array.astype(dtype_of(dtype)))
    return arrays


@dataclass(frozen=True)
class ArraySpec:
    """An array that is to be drawn."""

    dtype: str
    shape: tuple[int, ...]
    sizes: Sizes
    """Those of its case."""
    values: Values


class Domain(ABC):
    """Which values one input may have."""

    @abstractmethod
    def contains(self, array: Array, sizes: Sizes) -> bool:
        """Whether an array has allowed values only."""

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        """What is wrong with it as the domain of a tensor, a clause each.

        Args:
            dtype: The tensor's type.
            shape: The tensor's shape.
            highest: The size parameters, each with its highest value.
        """
        return iter(())


@dataclass(frozen=True)
class Factor(Domain):
    """Any finite number that leaves room for the sums of products, and NaN or infinities beside."""

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return True

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        if dtype == "bool":
            yield "the values of bool are Flags()"


FACTOR = Factor()


class OwnValues(Domain):
    """A domain whose arrays are drawn each by itself."""

    @abstractmethod
    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        """An array of this domain in which elements differ as far as they can."""

    @abstractmethod
    def elements(self, spec: ArraySpec) -> Elements:
        """Elements for Hypothesis, which shrink towards simple ones."""

    def strategy(self, spec: ArraySpec) -> st.SearchStrategy[NDArray[np.generic]]:
        """Arrays for Hypothesis."""
        return array_of(spec.dtype, spec.shape, self.elements(spec))


@dataclass(frozen=True)
class Between(OwnValues):
    """Numbers from ``low`` to ``high``, both included; whole ones in cases of integers.

    With ``special``, cases of special values also hold NaN, infinities and the like.
    """

    low: float
    high: float
    special: bool = False
    nonzero: bool = False

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        low, high = self._whole(spec.dtype)
        if self._is_whole(spec):
            flat = _distinct(low, high, count, random)
            if self.nonzero:
                flat = np.where(flat == 0, high or low, flat)
            return _typed(flat, spec.dtype, spec.shape)
        least, most = self._bounds(spec.dtype)
        # Halves, since the range of float64 is wider than its largest number.
        drawn = 2 * random.uniform(self.low / 2, self.high / 2, count)
        flat = np.clip(_typed(drawn, spec.dtype, (count,)).astype(np.float64), least, most)
        if self.nonzero:
            flat = np.where(flat == 0, most or least, flat)
        if spec.values is Values.SPECIAL and self.special and count:
            flat[random.integers(count)] = random.choice(specials(spec.dtype))
        return _typed(flat, spec.dtype, spec.shape)

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        if self._is_whole(spec):
            whole = st.integers(*self._whole(spec.dtype))
            return whole.filter(bool) if self.nonzero else whole
        least, most = self._bounds(spec.dtype)
        # What is too small to be normal is drawn only where nothing else is allowed.
        normal = max(-least, most) >= 2.0 ** range_of(spec.dtype).least_normal
        reals = st.floats(
            least, most, width=width_of(spec.dtype), allow_subnormal=False if normal else None
        )
        if self.nonzero:
            reals = reals.filter(bool)
        if spec.values is Values.SPECIAL and self.special:
            return st.one_of(reals, reals, reals, st.sampled_from(specials(spec.dtype)))
        return reals

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers = array.astype(np.float64)
        fine = (numbers >= self.low) & (numbers <= self.high)
        if self.nonzero:
            fine &= numbers != 0
        return bool(fine.all())

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        if not self.low < self.high:  # nor where one of them is NaN
            yield f"its values go from {self.low} to {self.high}"
        if dtype not in FLOATS and self.special:
            yield f"{dtype} has no special values"
        if dtype == "bool":
            yield "the values of bool are Flags()"
        elif max(-self.low, self.high) > range_of(dtype).largest or (
            dtype.startswith("u") and self.low < 0
        ):
            yield f"{dtype} does not hold {self.low} to {self.high}"
        elif self.low < self.high and not self._has_some(dtype):
            yield f"{dtype} has no number from {self.low} to {self.high} that it may be"

    def _has_some(self, dtype: str) -> bool:
        if dtype in INTEGERS:
            return self._has_whole(dtype)
        least, most = self._bounds(dtype)
        return least <= most and not (self.nonzero and least == most == 0)

    def _has_whole(self, dtype: str) -> bool:
        low, high = self._whole(dtype)
        return low <= high and not (self.nonzero and low == high == 0)

    def _is_whole(self, spec: ArraySpec) -> bool:
        """Whether whole numbers are drawn. Some ranges of real numbers have none."""
        if spec.dtype in INTEGERS:
            return True
        return spec.values in (Values.INTEGERS, Values.EXAMPLE) and self._has_whole(spec.dtype)

    def _whole(self, dtype: str) -> tuple[int, int]:
        """The least and the largest whole number; of those that the type holds all of."""
        if dtype in INTEGERS:
            least, most = _ends(dtype)
        else:
            most = range_of(dtype).exact
            least = -most
        return max(math.ceil(self.low), least), min(math.floor(self.high), most)

    def _bounds(self, dtype: str) -> tuple[float, float]:
        """The least and the largest number of a floating type: rounded, they may lie outside."""
        exact = dtype_of(dtype)
        low, high = (np.asarray(end).astype(exact) for end in (self.low, self.high))
        if float(low) < self.low:
            low = np.nextafter(low, np.asarray(np.inf).astype(exact))
        if float(high) > self.high:
            high = np.nextafter(high, np.asarray(-np.inf).astype(exact))
        return float(low), float(high)


@dataclass(frozen=True)
class Indices(OwnValues):
    """Whole numbers from 0 to below a size: places in another tensor."""

    below: str
    """The name of a size parameter."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        flat = _distinct(0, spec.sizes[self.below] - 1, count, random)
        # The ends are where a look-up goes wrong by one.
        ends = [spec.sizes[self.below] - 1, 0][:count]
        flat[random.choice(count, size=len(ends), replace=False)] = ends
        return _typed(flat, spec.dtype, spec.shape)

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        return st.integers(0, spec.sizes[self.below] - 1)

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers = array.astype(np.float64)
        return bool(((numbers >= 0) & (numbers < sizes[self.below])).all())

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        if self.below not in highest:
            yield f"its indices stay below {self.below}, which is no size"
        if dtype not in INTEGERS:
            yield f"it holds indices, and {dtype} is no type of whole numbers"
        elif highest.get(self.below, 1) - 1 > range_of(dtype).exact:
            yield f"{dtype} does not hold indices up to {highest[self.below] - 1}"


@dataclass(frozen=True)
class Bits(OwnValues):
    """Any value of the type: for outputs that only copy it."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        count = int(np.prod(spec.shape))
        if spec.dtype not in FLOATS:
            low, high = _ends(spec.dtype)
            return _typed(_any_of(low, high, count, random), spec.dtype, spec.shape)
        limits = range_of(spec.dtype)
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            most = min(limits.exact, 10 * max(count, 100))
            flat = _distinct(1, most, count, random) * random.choice([-1, 1], count)
        else:
            exponents = random.uniform(limits.least_normal, limits.highest, count)
            flat = np.exp2(exponents) * random.choice([-1, 1], count)
            if spec.values is Values.SPECIAL and count:
                flat[random.integers(count)] = random.choice(specials(spec.dtype))
        return _typed(flat, spec.dtype, spec.shape)

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        if spec.dtype == "bool":
            return st.booleans()
        if spec.dtype in INTEGERS:
            return st.integers(*_ends(spec.dtype))
        if spec.values in (Values.INTEGERS, Values.EXAMPLE):
            most = min(range_of(spec.dtype).exact, 1000)
            return st.integers(-most, most)
        width = width_of(spec.dtype)
        if spec.values is Values.SPECIAL:
            return st.floats(width=width, allow_subnormal=False)
        # A number beyond the largest of bfloat16 would become an infinity.
        largest = range_of(spec.dtype).largest
        return st.floats(-largest, largest, width=width, allow_subnormal=False)

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return True


@dataclass(frozen=True)
class Flags(OwnValues):
    """True and false."""

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        return random.integers(0, 2, spec.shape).astype(dtype_of(spec.dtype))

    def elements(self, spec: ArraySpec) -> Elements:
        from hypothesis import strategies as st

        return st.booleans()

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return bool(np.isin(array.astype(np.int64), (0, 1)).all())

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        if dtype != "bool":
            yield f"it holds flags, and its type is {dtype}"


@dataclass(frozen=True)
class Sorted(OwnValues):
    """The values of another domain, each no smaller than the one before, along the last axis."""

    of: OwnValues

    def draw(self, spec: ArraySpec, random: np.random.Generator) -> Array:
        return np.sort(self.of.draw(spec, random), axis=-1)

    def elements(self, spec: ArraySpec) -> Elements:
        return self.of.elements(spec)

    def strategy(self, spec: ArraySpec) -> st.SearchStrategy[NDArray[np.generic]]:
        return self.of.strategy(spec).map(np.sort)

    def contains(self, array: Array, sizes: Sizes) -> bool:
        rising = np.greater_equal(array[..., 1:], array[..., :-1])
        return bool(rising.all()) and self.of.contains(array, sizes)

    def problems(self, dtype: str, shape: tuple[Extent, ...], highest: Sizes) -> Iterator[str]:
        if not shape:
            yield "it is sorted, and has no axis"
        yield from self.of.problems(dtype, shape, highest)


def _ends(dtype: str) -> tuple[int, int]:
    if dtype == "bool":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _distinct(low: int, high: int, count: int, random: np.random.Generator) -> Array:
    """Whole numbers from ``low`` to ``high``, no two alike where there are enough of them."""
    there = high - low + 1
    if there <= 4 * count:
        return np.asarray(low + random.choice(there, size=count, replace=count > there))
    return _any_of(low, high, count, random)


def _any_of(low: int, high: int, count: int, random: np.random.Generator) -> Array:
    """Whole numbers of a range, which may be that of any type."""
    kind = np.uint64 if high > np.iinfo(np.int64).max else np.int64
    return random.integers(low, high, count, dtype=kind, endpoint=True)


def _typed(flat: Array, dtype: str, shape: tuple[int, ...]) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(flat).astype(dtype_of(dtype)).reshape(shape)
