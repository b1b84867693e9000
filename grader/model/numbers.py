"""The types of numbers that tensors hold, and what each can represent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import ml_dtypes
import numpy as np

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
DTYPES = (*FLOATS, *INTEGERS, "bool")
"""NumPy's names, and ``bfloat16``. They are also those of MAX's ``DType``."""


@cache
def dtype_of(name: str) -> np.dtype[np.generic]:
    """The NumPy type of a name of `DTYPES`; ``bfloat16`` comes from ml_dtypes."""
    return np.dtype(getattr(ml_dtypes, name)) if name == "bfloat16" else np.dtype(name)


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a type can represent."""

    exact: int
    """Up to here it holds every whole number."""
    unit_roundoff: float
    """Largest relative error of a rounding, 2**-p; 0 for whole numbers."""
    smallest: int
    """Exponent of the smallest number above zero."""
    least_normal: int
    """Exponent of the smallest normal number."""
    highest: int
    """Exponent of the largest number."""
    largest: float


@cache
def range_of(name: str) -> Range:
    """The range of a type by its name."""
    if name == "bool":
        return Range(exact=1, unit_roundoff=0, smallest=0, least_normal=0, highest=0, largest=1)
    if name in INTEGERS:
        most = int(np.iinfo(name).max)
        return Range(
            exact=most,
            unit_roundoff=0,
            smallest=0,
            least_normal=0,
            highest=most.bit_length() - 1,
            largest=float(most),
        )
    info = ml_dtypes.finfo(dtype_of(name))  # type: ignore[no-untyped-call] # it has no types
    return Range(
        exact=2 ** (info.nmant + 1),
        unit_roundoff=2.0 ** -(info.nmant + 1),
        smallest=int(info.minexp) - int(info.nmant),
        least_normal=int(info.minexp),
        highest=int(info.maxexp) - 1,
        largest=float(info.max),
    )
