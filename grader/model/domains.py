"""Which values an input may have: drawn with NumPy for the sweep, with Hypothesis for the search.

A `Domain` belongs to one tensor. Inputs that are multiplied with each other share the room up to
the largest number, so they have the domain `Factor` and are drawn together (`grader.grading.
inputs`): how many of their products an output sums is `Part.terms`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from grader.model.numbers import FLOATS, INTEGERS, dtype_of, range_of

Sizes = Mapping[str, int]
"""A value for each size parameter: ``{"input_size": 15, "conv_size": 4}``."""
Array = NDArray[np.generic]
Elements = st.SearchStrategy[float] | st.SearchStrategy[int] | st.SearchStrategy[bool]

SMALL = 64
"""Elements up to which Hypothesis draws each by itself; of larger arrays it draws a few, and one
value for the rest."""


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
    many = int(np.prod(shape)) > SMALL
    # NumPy's own extra does not know bfloat16: drawn as float32 and rounded.
    drawn = np.dtype(np.float32) if dtype == "bfloat16" else dtype_of(dtype)
    arrays = hnp.arrays(drawn, shape, elements=elements, fill=None if many else st.nothing())
    if dtype == "bfloat16":
        return arrays.map(lambda array: array.astype(dtype_of(dtype)))
    return arrays


class Domain(ABC):
    """Which values one input may have."""

    @abstractmethod
    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        """An array of this domain in which elements differ as far as they can."""

    @abstractmethod
    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        """Elements for Hypothesis, which shrink towards simple ones."""

    @abstractmethod
    def contains(self, array: Array, sizes: Sizes) -> bool:
        """Whether an array has allowed values only."""

    def strategy(
        self, dtype: str, shape: tuple[int, ...], sizes: Sizes, values: Values
    ) -> st.SearchStrategy[NDArray[np.generic]]:
        """Arrays for Hypothesis."""
        return array_of(dtype, shape, self.elements(dtype, sizes, values))

    def problems(self, dtype: str, shape: tuple[str | int, ...], names: set[str]) -> Iterator[str]:
        """What is wrong with it as the domain of a tensor, a clause each.

        Args:
            dtype: The tensor's type.
            shape: The tensor's shape.
            names: The size parameters.
        """
        return iter(())


@dataclass(frozen=True)
class Factor(Domain):
    """Any finite number that leaves room for the sums of products, and NaN or infinities beside.

    Drawn together with the other factors of a part; these methods are not called.
    """

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        raise NotImplementedError("factors are drawn together")

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        raise NotImplementedError("factors are drawn together")

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return True


FACTOR = Factor()


@dataclass(frozen=True)
class Between(Domain):
    """Numbers from ``low`` to ``high``, both included; whole ones in cases of integers.

    With ``special``, cases of special values also hold NaN, infinities and the like.
    """

    low: float
    high: float
    special: bool = False
    nonzero: bool = False

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        count = int(np.prod(shape))
        if dtype in INTEGERS or values in (Values.INTEGERS, Values.EXAMPLE):
            pool = range(int(np.ceil(self.low)), int(np.floor(self.high)) + 1)
            whole = _distinct(pool, count, random)
            if self.nonzero and len(pool) > 1:
                whole = np.where(whole == 0, pool[-1] or pool[0], whole)
            flat = whole.astype(np.float64)
        else:
            flat = random.uniform(self.low, self.high, count)
            if values is Values.SPECIAL and self.special and count:
                flat[random.integers(count)] = random.choice(specials(dtype))
        return _typed(flat, dtype, shape)

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        whole = st.integers(int(np.ceil(self.low)), int(np.floor(self.high)))
        if dtype in INTEGERS or values in (Values.INTEGERS, Values.EXAMPLE):
            return whole.filter(bool) if self.nonzero else whole
        width = width_of(dtype)
        drawn = np.dtype(f"float{width}").type
        low, high = float(drawn(self.low)), float(drawn(self.high))
        reals = st.floats(low, high, width=width, allow_subnormal=False)
        if self.nonzero:
            reals = reals.filter(bool)
        if values is Values.SPECIAL and self.special:
            return st.one_of(reals, reals, reals, st.sampled_from(specials(dtype)))
        return reals

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers = array.astype(np.float64)
        fine = (numbers >= self.low) & (numbers <= self.high)
        if self.nonzero:
            fine &= numbers != 0
        return bool(fine.all())

    def problems(self, dtype: str, shape: tuple[str | int, ...], names: set[str]) -> Iterator[str]:
        if self.low >= self.high:
            yield f"its values go from {self.low} to {self.high}"
        if dtype not in FLOATS and self.special:
            yield f"{dtype} has no special values"
        if dtype == "bool":
            yield "the values of bool are Flags()"
        elif max(-self.low, self.high) > range_of(dtype).largest or (
            dtype.startswith("u") and self.low < 0
        ):
            yield f"{dtype} does not hold {self.low} to {self.high}"


@dataclass(frozen=True)
class Indices(Domain):
    """Whole numbers from 0 to below a size: places in another tensor."""

    below: str
    """The name of a size parameter."""

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        count = int(np.prod(shape))
        flat = _distinct(range(sizes[self.below]), count, random)
        # The ends are where a look-up goes wrong by one.
        ends = [sizes[self.below] - 1, 0][:count]
        flat[random.choice(count, size=len(ends), replace=False)] = ends
        return _typed(flat, dtype, shape)

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        return st.integers(0, sizes[self.below] - 1)

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers = array.astype(np.float64)
        return bool(((numbers >= 0) & (numbers < sizes[self.below])).all())

    def problems(self, dtype: str, shape: tuple[str | int, ...], names: set[str]) -> Iterator[str]:
        if self.below not in names:
            yield f"its indices stay below {self.below}, which is no size"
        if dtype not in INTEGERS:
            yield f"it holds indices, and {dtype} is no type of whole numbers"


@dataclass(frozen=True)
class Bits(Domain):
    """Any value of the type: for outputs that only copy it."""

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        count = int(np.prod(shape))
        if dtype not in FLOATS:
            low, high = _ends(dtype)
            return _typed(random.integers(low, high, count, endpoint=True), dtype, shape)
        limits = range_of(dtype)
        if values in (Values.INTEGERS, Values.EXAMPLE):
            most = min(limits.exact, 10 * max(count, 100))
            flat = _distinct(range(1, most + 1), count, random) * random.choice([-1, 1], count)
        else:
            exponents = random.uniform(limits.least_normal, limits.highest, count)
            flat = np.exp2(exponents) * random.choice([-1, 1], count)
            if values is Values.SPECIAL and count:
                flat[random.integers(count)] = random.choice(specials(dtype))
        return _typed(flat, dtype, shape)

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        if dtype == "bool":
            return st.booleans()
        if dtype in INTEGERS:
            return st.integers(*_ends(dtype))
        if values in (Values.INTEGERS, Values.EXAMPLE):
            most = min(range_of(dtype).exact, 1000)
            return st.integers(-most, most)
        width = width_of(dtype)
        finite = values is not Values.SPECIAL
        return st.floats(
            width=width, allow_nan=not finite, allow_infinity=not finite, allow_subnormal=False
        )

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return True


@dataclass(frozen=True)
class Flags(Domain):
    """True and false."""

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        return random.integers(0, 2, shape).astype(dtype_of(dtype))

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        return st.booleans()

    def contains(self, array: Array, sizes: Sizes) -> bool:
        return bool(np.isin(array.astype(np.int64), (0, 1)).all())

    def problems(self, dtype: str, shape: tuple[str | int, ...], names: set[str]) -> Iterator[str]:
        if dtype != "bool":
            yield f"it holds flags, and its type is {dtype}"


@dataclass(frozen=True)
class Sorted(Domain):
    """The values of another domain, each no smaller than the one before, along the last axis."""

    of: Domain

    def draw(
        self,
        dtype: str,
        shape: tuple[int, ...],
        sizes: Sizes,
        values: Values,
        random: np.random.Generator,
    ) -> Array:
        return np.sort(self.of.draw(dtype, shape, sizes, values, random), axis=-1)

    def elements(self, dtype: str, sizes: Sizes, values: Values) -> Elements:
        return self.of.elements(dtype, sizes, values)

    def strategy(
        self, dtype: str, shape: tuple[int, ...], sizes: Sizes, values: Values
    ) -> st.SearchStrategy[NDArray[np.generic]]:
        return self.of.strategy(dtype, shape, sizes, values).map(np.sort)

    def contains(self, array: Array, sizes: Sizes) -> bool:
        numbers = array.astype(np.float64)
        return bool((np.diff(numbers, axis=-1) >= 0).all()) and self.of.contains(array, sizes)

    def problems(self, dtype: str, shape: tuple[str | int, ...], names: set[str]) -> Iterator[str]:
        if not shape:
            yield "it is sorted, and has no axis"
        yield from self.of.problems(dtype, shape, names)


def _ends(dtype: str) -> tuple[int, int]:
    if dtype == "bool":
        return 0, 1
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def _distinct(pool: range, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers of a range, no two alike where it has enough of them."""
    if len(pool) <= 4 * count:
        picked = random.choice(len(pool), size=count, replace=count > len(pool))
    else:
        picked = random.integers(0, len(pool), count)
    return np.asarray(pool.start + picked, np.int64)


def _typed(flat: Array, dtype: str, shape: tuple[int, ...]) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(flat).astype(dtype_of(dtype)).reshape(shape)
