"""Run an operation on lists of bit patterns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.semantics import PtxOperation, lookup


def found(opcode: str) -> PtxOperation:
    """The operation, which has to exist."""
    operation = lookup(opcode)
    assert operation is not None, opcode
    return operation


def lanes(patterns: Sequence[int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Bit patterns (or truth values) as an array of ``dtype``."""
    if dtype == np.bool_:
        return np.array([bool(p) for p in patterns])
    width = dtype.itemsize * 8
    raw = np.array([p & ((1 << width) - 1) for p in patterns], dtype=f"u{dtype.itemsize}")
    return raw.view(dtype)


def patterns(array: NDArray[Any]) -> list[int]:
    """The bit patterns of an array, as unsigned Python integers."""
    if array.dtype == np.bool_:
        return [int(x) for x in array]
    return [int(x) for x in array.view(f"u{array.dtype.itemsize}")]


def run(opcode: str, *sources: Sequence[int]) -> list[int]:
    """The patterns of the first destination, each source a list of patterns."""
    return run_all(opcode, *sources)[0]


def run_all(opcode: str, *sources: Sequence[int]) -> list[list[int]]:
    """The patterns of all destinations."""
    operation = found(opcode)
    assert len(sources) == len(operation.sources), opcode
    src = tuple(lanes(s, d) for s, d in zip(sources, operation.sources, strict=True))
    out = tuple(np.zeros(len(sources[0]), d) for d in operation.destinations)
    with np.errstate(all="ignore"):
        operation.apply(out, src, True)
    return [patterns(o) for o in out]
