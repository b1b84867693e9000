"""Inputs of every magnitude that a puzzle allows: drawn with NumPy, from a generator.

An output is a sum of products, one element of each input in each, and of a known number of them
(`Puzzle.terms`). So whole numbers are exact in every order of summation while the product of
their limits and that number stay within the significand, and real numbers are decided while the
same product stays below the largest number. Within that, magnitudes are drawn by their logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from grader.puzzles.definition import Puzzle, Sizes

Inputs = Mapping[str, NDArray[np.generic]]
Random = np.random.Generator

EXACT = 2**24
"""Up to here float32 holds every whole number."""
LOWEST, LEAST_NORMAL, HIGHEST = -149, -126, 127
"""Exponents of the smallest number of float32, the smallest normal one and the largest one."""
SPREAD = 2.5
"""Octaves between the elements of one input, where all terms of a sum are to count."""
ROOM = 8
"""Octaves below the largest number that these sums stay."""
LEAST_PRODUCT = -100
"""Exponent of their products, far above what flushing to zero may take away."""
USUAL = (-10, 10)
"""Exponents of ordinary numbers. A quarter of the cases are made of these."""


class Pattern(StrEnum):
    """How the elements of a case hang together."""

    MIXED = "mixed"
    """Magnitudes from one end of the range to the other, in one case."""
    ENDS = "ends"
    """The ends of the range."""
    EQUAL = "equal"
    RISING = "rising"
    FALLING = "falling"
    ALTERNATING = "alternating"
    """One magnitude, and every other sign negative."""
    CANCELLING = "cancelling"
    """Neighbours that take each other away but for their last digits."""
    ONE_HOT = "one-hot"
    """One element of an input, and zeros."""
    SUBNORMAL = "subnormal"
    """One input too small to be normal, and products that are."""


def integers(puzzle: Puzzle, sizes: Sizes, random: Random) -> Inputs:
    """Whole numbers without zero, one in each input as large as it may be."""
    low, high = puzzle.integers
    least = min(-low, high)
    limits = _limits(puzzle, sizes, random, least=least)
    found: dict[str, NDArray[np.generic]] = {}
    for name, count in _counts(puzzle, sizes).items():
        limit = limits[name]
        pool = np.setdiff1d(np.arange(-limit, limit + 1), [0]) if limit <= 4 * least else None
        if pool is not None:
            array = random.choice(pool, size=count, replace=count > len(pool))
        else:
            array = random.integers(1, limit, count, endpoint=True) * _signs(random, count)
        array[random.integers(count)] = limit * random.choice([-1, 1])
        found[name] = array
    return _shaped(puzzle, sizes, found)


def reals(puzzle: Puzzle, sizes: Sizes, random: Random) -> Inputs:
    """Real numbers of a magnitude for each input, so that each term of each sum counts."""
    return _shaped(puzzle, sizes, _level(puzzle, sizes, random))


def ordinary(puzzle: Puzzle, sizes: Sizes, random: Random) -> Inputs:
    """Real numbers as people write them, without zero."""
    low, high = np.log([1e-3, 1e3])
    return _shaped(
        puzzle,
        sizes,
        {
            name: np.exp(random.uniform(low, high, count)) * _signs(random, count)
            for name, count in _counts(puzzle, sizes).items()
        },
    )


def patterned(
    puzzle: Puzzle, sizes: Sizes, pattern: Pattern, random: Random, *, whole: bool
) -> Inputs:
    """Inputs of a pattern, of whole numbers or of real ones. There are no subnormal whole ones."""
    if pattern is Pattern.MIXED:
        return _mixed(puzzle, sizes, random, whole=whole)
    if pattern is Pattern.ENDS:
        return _ends(puzzle, sizes, random, whole=whole)
    if pattern is Pattern.SUBNORMAL and not whole:
        return _subnormal(puzzle, sizes, random)
    base = integers(puzzle, sizes, random) if whole else reals(puzzle, sizes, random)
    return arranged(base, pattern, chosen=str(random.choice(list(base))))


def arranged(inputs: Inputs, pattern: Pattern, *, chosen: str) -> Inputs:
    """The same magnitudes, or some of them, in a pattern; ``chosen`` is the input that is hot."""
    found: dict[str, NDArray[np.generic]] = {}
    for name, array in inputs.items():
        flat = array.ravel().copy()
        match pattern:
            case Pattern.EQUAL:
                flat[:] = flat[0]
            case Pattern.RISING:
                flat = np.sort(flat)
            case Pattern.FALLING:
                flat = np.sort(flat)[::-1].copy()
            case Pattern.ALTERNATING:
                flat = np.abs(np.full_like(flat, flat[0])) * _alternating(flat)
            case Pattern.CANCELLING:
                flat = np.abs(np.sort(flat)) * _alternating(flat)
            case Pattern.ONE_HOT if name == chosen:
                flat[np.arange(flat.size) != flat.size // 2] = 0
        found[name] = flat.reshape(array.shape).astype(array.dtype)
    return found


def limits_to_try(puzzle: Puzzle, sizes: Sizes) -> list[dict[str, int]]:
    """Limits of whole numbers: those of the puzzle first, then some that reach the end."""
    names = [spec.name for spec in puzzle.inputs]
    low, high = puzzle.integers
    room = EXACT // puzzle.terms(sizes)
    even = int(room ** (1 / len(names)))
    return [
        dict.fromkeys(names, min(-low, high, even)),
        dict.fromkeys(names, even),
        *({**dict.fromkeys(names, 1), name: room} for name in names),
    ]


def _limits(puzzle: Puzzle, sizes: Sizes, random: Random, *, least: int) -> dict[str, int]:
    """A limit for each input; the sums of the products are exact."""
    names = [spec.name for spec in puzzle.inputs]
    room = EXACT // puzzle.terms(sizes)
    found: dict[str, int] = {}
    for left, name in zip(range(len(names), 0, -1), random.permutation(names), strict=True):
        most = max(1, room // least ** (left - 1))
        floor = min(least, most)
        drawn = most if left == 1 else int(np.exp(random.uniform(np.log(floor), np.log(most))))
        found[str(name)] = max(1, min(most, drawn))
        room //= found[str(name)]
    return found


def _level(puzzle: Puzzle, sizes: Sizes, random: Random) -> dict[str, NDArray[np.generic]]:
    """A magnitude for each input, with their product far from both ends."""
    counts = _counts(puzzle, sizes)
    exponents = _exponents(puzzle, sizes, random)
    return {
        name: np.exp2(exponents[name] + random.uniform(0, SPREAD, count)) * _signs(random, count)
        for name, count in counts.items()
    }


def _exponents(puzzle: Puzzle, sizes: Sizes, random: Random) -> dict[str, float]:
    names = [str(name) for name in random.permutation([spec.name for spec in puzzle.inputs])]
    if random.random() < 0.25:
        return {name: random.uniform(*USUAL) for name in names}
    high = HIGHEST - ROOM - np.log2(puzzle.terms(sizes))
    left = random.uniform(LEAST_PRODUCT, high)
    top = HIGHEST - SPREAD
    found: dict[str, float] = {}
    for others, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
        # What the others can't make up for, this one has to.
        low = max(LEAST_NORMAL, left - others * top)
        most = min(top, left - others * LEAST_NORMAL)
        found[name] = left if not others else random.uniform(low, most)
        left -= found[name]
    return found


def _mixed(puzzle: Puzzle, sizes: Sizes, random: Random, *, whole: bool) -> Inputs:
    counts = _counts(puzzle, sizes)
    if whole:
        limits = _limits(puzzle, sizes, random, least=1)
        return _shaped(
            puzzle,
            sizes,
            {
                name: np.rint(np.exp(random.uniform(0, np.log(limits[name]), count)))
                * _signs(random, count)
                for name, count in counts.items()
            },
        )
    tops = _tops(puzzle, sizes, random)
    return _shaped(
        puzzle,
        sizes,
        {
            name: np.exp2(random.uniform(LOWEST, tops[name], count)) * _signs(random, count)
            for name, count in counts.items()
        },
    )


def _tops(puzzle: Puzzle, sizes: Sizes, random: Random) -> dict[str, float]:
    """A largest exponent for each input, such that no sum overflows."""
    names = [str(name) for name in random.permutation([spec.name for spec in puzzle.inputs])]
    left = HIGHEST - 1 - np.log2(puzzle.terms(sizes))
    found: dict[str, float] = {}
    for others, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
        found[name] = left if not others else random.uniform(0, left)
        left -= found[name]
    return found


def _ends(puzzle: Puzzle, sizes: Sizes, random: Random, *, whole: bool) -> Inputs:
    """One input at the ends of its range, the others as small as that asks for."""
    counts = _counts(puzzle, sizes)
    chosen = str(random.choice(list(counts)))
    if whole:
        room = EXACT // puzzle.terms(sizes)
        return _shaped(
            puzzle,
            sizes,
            {
                name: (room if name == chosen else 1) * _signs(random, count)
                for name, count in counts.items()
            },
        )
    largest = float(np.finfo(np.float32).max)
    ends = [largest, largest, 2.0**LEAST_NORMAL, 2.0**LOWEST, 1.0]
    # The rounding of the sum needs room, too.
    small = 1 / (2 * puzzle.terms(sizes)) ** (1 / max(1, len(counts) - 1))
    return _shaped(
        puzzle,
        sizes,
        {
            name: _signs(random, count)
            * (
                random.choice(ends, count)
                if name == chosen
                else random.uniform(0.5, 1, count) * small
            )
            for name, count in counts.items()
        },
    )


def _subnormal(puzzle: Puzzle, sizes: Sizes, random: Random) -> Inputs:
    counts = _counts(puzzle, sizes)
    chosen = str(random.choice(list(counts)))
    top = HIGHEST - ROOM - np.log2(puzzle.terms(sizes))
    return _shaped(
        puzzle,
        sizes,
        {
            name: _signs(random, count)
            * np.exp2(
                random.uniform(LOWEST, LEAST_NORMAL - 1, count)
                if name == chosen
                else random.uniform(0, top / max(1, len(counts) - 1), count)
            )
            for name, count in counts.items()
        },
    )


def _counts(puzzle: Puzzle, sizes: Sizes) -> dict[str, int]:
    return {spec.name: int(np.prod(spec.extents(sizes))) for spec in puzzle.inputs}


def _shaped(
    puzzle: Puzzle, sizes: Sizes, flat: Mapping[str, NDArray[np.generic] | Sequence[float]]
) -> Inputs:
    return {
        spec.name: np.asarray(flat[spec.name]).reshape(spec.extents(sizes)).astype(spec.dtype)
        for spec in puzzle.inputs
    }


def _signs(random: Random, count: int) -> NDArray[np.int64]:
    return np.asarray(random.choice([-1, 1], count))


def _alternating(array: NDArray[np.generic]) -> NDArray[np.generic]:
    return (1 - 2 * (np.arange(array.size) % 2)).astype(array.dtype)
