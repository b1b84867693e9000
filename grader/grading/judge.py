"""Compare one output with the reference, element by element."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.grading.cases import Case, Values
from grader.puzzles.definition import ExpectedOutput, Puzzle


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """An output beside the right answer. All arrays have the output's shape, flattened."""

    expected: ExpectedOutput
    got: NDArray[np.generic]
    wrong: NDArray[np.intp]
    """Indices of the elements that are wrong, ascending."""
    exact: bool
    """Whether elements had to be equal, not merely close."""
    rearranged: bool = False
    """Whether the rounding of another right algorithm explains every element that is wrong."""

    @property
    def not_compared(self) -> int:
        """How many elements no answer would have been wrong for."""
        return int(np.count_nonzero(~self.expected.decided))

    @property
    def right(self) -> bool:
        """Whether no element is wrong."""
        return not len(self.wrong)


def compare(puzzle: Puzzle, case: Case, got: NDArray[np.generic]) -> Comparison:
    """Judge an output.

    In integer cases (and the published example, which is one) elements must be equal
    where no order of summation rounds. All others
    must lie within the puzzle's bound. NaN is right only where the reference
    is NaN or the puzzle says that it may be, an infinity only where the reference
    is the same infinity, and ``-0.0`` equals ``0.0``. Undecided elements are never wrong.
    Whether wrong ones may come from an algorithm that is no sum of the products is told beside.
    """
    expected = puzzle.expected(case.inputs, case.shape.sizes)
    exact = case.values in (Values.INTEGERS, Values.EXAMPLE)
    value = expected.value.ravel()
    # A signalling NaN, as unwritten device memory holds, raises "invalid" where it is converted.
    with np.errstate(invalid="ignore", over="ignore"):
        actual = got.ravel().astype(np.float64)
        distance = np.abs(actual - value)
        equal = expected.exact.ravel() & exact
        close = distance <= np.where(equal, 0.0, expected.allowed.ravel())
    same_special = (np.isnan(value) & np.isnan(actual)) | (np.isinf(value) & (actual == value))
    forgiven = ~expected.decided | (expected.may_be_nan & np.isnan(actual.reshape(got.shape)))
    right = np.where(np.isfinite(value), close, same_special) | forgiven.ravel()
    near = (distance <= expected.rearranged.ravel()) | (
        expected.may_overflow.ravel() & ~np.isfinite(actual)
    )
    return Comparison(
        expected=expected,
        got=got,
        wrong=np.flatnonzero(~right),
        exact=exact,
        rearranged=not right.all() and bool((right | (near & np.isfinite(value))).all()),
    )


def number(value: float) -> float | str:
    """A number for the record, which has no NaN and no infinity of its own."""
    return value if math.isfinite(value) else str(value)
