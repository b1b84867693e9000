"""Inputs of every magnitude that a puzzle allows: drawn with NumPy, from a generator.

Inputs whose domain is `Factor` are multiplied with each other: an output is a sum of products, one
element of each factor in each, and of a known number of them (`Part.terms`). So whole numbers are
exact in every order of summation while the product of their limits and that number stay within the
significand, and real numbers are decided while the same product stays below the largest number.
Within that, magnitudes are drawn by their logarithm. All other inputs are drawn from their own
domains (`grader.model.domains`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from grader.model.domains import Domain, OwnValues, Sizes, Values, specials
from grader.model.numbers import FLOATS, Range, range_of
from grader.model.part import Part

Inputs = Mapping[str, NDArray[np.generic]]
Random = np.random.Generator

SPREAD = 2.5
"""Octaves between the elements of one input, where all terms of a sum are to count."""
ROOM = 8
"""Octaves below the largest number that these sums stay."""
LEAST_PRODUCT = 100 / 126
"""Of the exponent of the least normal number: that of their products, far above what flushing to
zero may take away."""
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


def drawn(part: Part, sizes: Sizes, values: Values, random: Random) -> Inputs:
    """Inputs without zero of one kind of values, of any magnitude that the part allows."""
    found: dict[str, NDArray[np.generic]] = {}
    if part.factors:
        whole = values in (Values.INTEGERS, Values.EXAMPLE)
        make = integers if whole else reals if values is Values.REALS else ordinary
        found = dict(make(part, sizes, random))
    if values is Values.SPECIAL:
        for spec in part.factors:
            array = found[spec.name]
            if spec.dtype in FLOATS:
                array.ravel()[random.integers(array.size)] = random.choice(specials(spec.dtype))
    return _with_others(part, sizes, found, values, random)


def integers(part: Part, sizes: Sizes, random: Random) -> Inputs:
    """Whole numbers without zero, one in each factor as large as it may be."""
    least = _least(part)
    limits = _limits(part, sizes, random, least=least)
    found: dict[str, NDArray[np.generic]] = {}
    for name, count in _counts(part, sizes).items():
        limit = limits[name]
        signs = _signs_of(part, name)
        pool = None
        if limit <= 4 * least:
            pool = np.setdiff1d(np.arange(min(signs[0], 0) * limit, limit + 1), [0])
        if pool is not None:
            array = random.choice(pool, size=count, replace=count > len(pool))
        else:
            array = random.integers(1, limit, count, endpoint=True) * random.choice(signs, count)
        array[random.integers(count)] = limit * random.choice(signs)
        found[name] = array
    return _shaped(part, sizes, found)


def reals(part: Part, sizes: Sizes, random: Random) -> Inputs:
    """Real numbers of a magnitude for each factor, so that each term of each sum counts."""
    if not _is_float(part):
        return integers(part, sizes, random)
    return _shaped(part, sizes, _level(part, sizes, random))


def within(
    part: Part, sizes: Sizes, inputs: Inputs, *, instead: Inputs
) -> dict[str, NDArray[np.generic]]:
    """The inputs, and in the place of each that its domain does not allow, another one."""
    domains: dict[str, Domain] = {spec.name: spec.domain for spec in part.inputs}
    return {
        name: array if domains[name].contains(array, sizes) else instead[name]
        for name, array in inputs.items()
    }


def ordinary(part: Part, sizes: Sizes, random: Random) -> Inputs:
    """Real numbers as people write them, without zero, in the factors."""
    if not _is_float(part):
        return integers(part, sizes, random)
    low, high = as_written(part, sizes)
    return _shaped(
        part,
        sizes,
        {
            name: np.exp(random.uniform(low, high, count)) * _signs(random, count)
            for name, count in _counts(part, sizes).items()
        },
    )


def as_written(part: Part, sizes: Sizes) -> tuple[float, float]:
    """Logarithms of the magnitudes that people write, as far as no sum of products overflows."""
    low = max(np.log(1e-3), _range(part).least_normal * np.log(2))
    return low, min(np.log(1e3), octaves(part, sizes) * np.log(2))


def octaves(part: Part, sizes: Sizes) -> float:
    """The exponent that each factor may have, all alike, so that no sum of products overflows."""
    return top_of(part, sizes) / len(part.factors)


def top_of(part: Part, sizes: Sizes) -> int:
    """The exponent that a product may have, so that no sum of products overflows."""
    return _range(part).highest - 1 - int(np.ceil(np.log2(part.terms(sizes))))


def patterned(part: Part, sizes: Sizes, pattern: Pattern, random: Random, *, whole: bool) -> Inputs:
    """Inputs of a pattern, of whole numbers or of real ones. There are no subnormal whole ones."""
    values = Values.INTEGERS if whole else Values.REALS
    whole = whole or not _is_float(part)
    shape = {Pattern.MIXED: _mixed, Pattern.ENDS: _ends}.get(pattern)
    if pattern is Pattern.SUBNORMAL and not whole:
        shape = _subnormal
    if shape is not None and part.factors:
        found = shape(part, sizes, random, whole=whole)
        return _with_others(part, sizes, found, values, random)
    base = drawn(part, sizes, values, random)
    made = arranged(base, pattern, chosen=str(random.choice(list(base))))
    return within(part, sizes, made, instead=base)


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


def limits_to_try(part: Part, sizes: Sizes) -> list[dict[str, int]]:
    """Limits of whole numbers: those of the puzzle first, then some that reach the end."""
    names = [spec.name for spec in part.factors]
    room = _room(part, sizes)
    even = int(room ** (1 / len(names)))
    return [
        dict.fromkeys(names, min(_least(part), even)),
        dict.fromkeys(names, even),
        *({**dict.fromkeys(names, 1), name: room} for name in names),
    ]


def _limits(part: Part, sizes: Sizes, random: Random, *, least: int) -> dict[str, int]:
    """A limit for each input; the sums of the products are exact."""
    names = [spec.name for spec in part.factors]
    room = _room(part, sizes)
    found: dict[str, int] = {}
    for left, name in zip(range(len(names), 0, -1), random.permutation(names), strict=True):
        most = max(1, room // least ** (left - 1))
        floor = min(least, most)
        drawn = most if left == 1 else int(np.exp(random.uniform(np.log(floor), np.log(most))))
        found[str(name)] = max(1, min(most, drawn))
        room //= found[str(name)]
    return found


def _level(part: Part, sizes: Sizes, random: Random) -> dict[str, NDArray[np.generic]]:
    """A magnitude for each input, with their product far from both ends."""
    counts = _counts(part, sizes)
    exponents = _exponents(part, sizes, random)
    return {
        name: np.exp2(exponents[name] + random.uniform(0, SPREAD, count)) * _signs(random, count)
        for name, count in counts.items()
    }


def _exponents(part: Part, sizes: Sizes, random: Random) -> dict[str, float]:
    names = [str(name) for name in random.permutation([spec.name for spec in part.factors])]
    if random.random() < 0.25:
        return {name: random.uniform(*_usual(part, sizes)) for name in names}
    limits = _range(part)
    high = limits.highest - ROOM - np.log2(part.terms(sizes))
    left = random.uniform(limits.least_normal * LEAST_PRODUCT, high)
    top = limits.highest - SPREAD
    found: dict[str, float] = {}
    for others, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
        # What the others can't make up for, this one has to.
        low = max(limits.least_normal, left - others * top)
        most = min(top, left - others * limits.least_normal)
        found[name] = left if not others else random.uniform(low, most)
        left -= found[name]
    return found


def _mixed(part: Part, sizes: Sizes, random: Random, *, whole: bool) -> Inputs:
    counts = _counts(part, sizes)
    if whole:
        limits = _limits(part, sizes, random, least=1)
        return _shaped(
            part,
            sizes,
            {
                name: np.rint(np.exp(random.uniform(0, np.log(limits[name]), count)))
                * random.choice(_signs_of(part, name), count)
                for name, count in counts.items()
            },
        )
    tops = _tops(part, sizes, random)
    return _shaped(
        part,
        sizes,
        {
            name: np.exp2(random.uniform(_range(part).smallest, tops[name], count))
            * _signs(random, count)
            for name, count in counts.items()
        },
    )


def _tops(part: Part, sizes: Sizes, random: Random) -> dict[str, float]:
    """A largest exponent for each input, such that no sum overflows."""
    names = [str(name) for name in random.permutation([spec.name for spec in part.factors])]
    left = _range(part).highest - 1 - np.log2(part.terms(sizes))
    found: dict[str, float] = {}
    for others, name in zip(range(len(names) - 1, -1, -1), names, strict=True):
        found[name] = left if not others else random.uniform(0, left)
        left -= found[name]
    return found


def _ends(part: Part, sizes: Sizes, random: Random, *, whole: bool) -> Inputs:
    """One input at the ends of its range, the others as small as that asks for."""
    counts = _counts(part, sizes)
    chosen = str(random.choice(list(counts)))
    if whole:
        room = _room(part, sizes)
        return _shaped(
            part,
            sizes,
            {
                name: (room if name == chosen else 1) * random.choice(_signs_of(part, name), count)
                for name, count in counts.items()
            },
        )
    limits = _range(part)
    # The rounding of the sum needs room, too.
    small = 1 / (2 * part.terms(sizes)) ** (1 / max(1, len(counts) - 1))
    largest = limits.largest * (1 if len(counts) > 1 else small)
    ends = [largest, largest, 2.0**limits.least_normal, 2.0**limits.smallest, 1.0]
    return _shaped(
        part,
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


def _subnormal(part: Part, sizes: Sizes, random: Random, *, whole: bool) -> Inputs:
    counts = _counts(part, sizes)
    chosen = str(random.choice(list(counts)))
    limits = _range(part)
    top = limits.highest - ROOM - np.log2(part.terms(sizes))
    return _shaped(
        part,
        sizes,
        {
            name: _signs(random, count)
            * np.exp2(
                random.uniform(limits.smallest, limits.least_normal - 1, count)
                if name == chosen
                else random.uniform(min(top, 0), max(top, 0) / max(1, len(counts) - 1), count)
            )
            for name, count in counts.items()
        },
    )


def _counts(part: Part, sizes: Sizes) -> dict[str, int]:
    return {spec.name: spec.count(sizes) for spec in part.factors}


def _shaped(
    part: Part, sizes: Sizes, flat: Mapping[str, NDArray[np.generic] | Sequence[float]]
) -> Inputs:
    return {
        spec.name: np.asarray(flat[spec.name]).reshape(spec.extents(sizes)).astype(spec.numpy)
        for spec in part.factors
    }


def _with_others(
    part: Part, sizes: Sizes, factors: Inputs, values: Values, random: Random
) -> dict[str, NDArray[np.generic]]:
    """The factors with all other inputs, which come from their own domains."""
    return {
        spec.name: spec.domain.draw(spec.array_spec(sizes, values), random)
        if isinstance(spec.domain, OwnValues)
        else factors[spec.name]
        for spec in part.inputs
    }


def _range(part: Part) -> Range:
    """What the type of the factors can represent."""
    return range_of(part.factors[0].dtype)


def _is_float(part: Part) -> bool:
    return bool(part.factors) and part.factors[0].dtype in FLOATS


def _usual(part: Part, sizes: Sizes) -> tuple[float, float]:
    low, high = USUAL
    most = min(high, (top_of(part, sizes) - ROOM) / len(part.factors) - SPREAD)
    return min(max(low, _range(part).least_normal / 4), most), most


def _least(part: Part) -> int:
    """How large ordinary whole numbers are on either side of zero."""
    low, high = part.integers
    return min(-low, high) if low < 0 < high else max(-low, high)


def _room(part: Part, sizes: Sizes) -> int:
    """How large a product of whole numbers may be; all of them come out of float64."""
    return min(_range(part).exact, range_of("float64").exact) // part.terms(sizes)


def _signs_of(part: Part, name: str) -> tuple[int, ...]:
    (spec,) = (spec for spec in part.factors if spec.name == name)
    return (1,) if spec.dtype.startswith("u") or part.integers[0] >= 0 else (-1, 1)


def _signs(random: Random, count: int) -> NDArray[np.int64]:
    return np.asarray(random.choice([-1, 1], count))


def _alternating(array: NDArray[np.generic]) -> NDArray[np.generic]:
    if array.dtype.kind in "ub":  # which have no sign
        return np.ones(array.size, array.dtype)
    return (1 - 2 * (np.arange(array.size) % 2)).astype(array.dtype)
