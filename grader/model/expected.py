"""The right answer for one output of a case, and how far a computed one may lie from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedOutput:
    """The right answer for one output. All arrays have the output's shape.

    `exactly` and `within` make the usual ones.
    """

    value: NDArray[np.generic]
    """Computed in float64, or in whole numbers, which are compared as they are. NaN where NaN is
    the right answer."""
    allowed: NDArray[np.float64]
    """Largest accepted distance for each element (ignored where the value is not finite)."""
    rearranged: NDArray[np.float64]
    """Largest distance that the rounding of another right algorithm may explain, one that is equal
    in exact arithmetic. What lies beyond `allowed` and within this is neither right nor wrong."""
    may_overflow: NDArray[np.bool_]
    """True where such an algorithm may overflow on the way, so that a result that is not finite
    is neither right nor wrong."""
    decided: NDArray[np.bool_]
    """False where the task does not fix an answer; such elements are not compared."""
    exact: NDArray[np.bool_]
    """True where no order of operations rounds, so that a case of whole numbers must be equal."""
    may_be_nan: NDArray[np.bool_]
    """True where NaN is right as well as the value, because some right ways to compute it
    meet ``0 * inf``."""

    @classmethod
    def exactly(
        cls, value: NDArray[np.generic], *, decided: NDArray[np.bool_] | None = None
    ) -> Self:
        """An output that must be equal, whatever the inputs: a copy, a look-up, a count.

        ``-0.0`` equals ``0.0``, and every NaN is as good as another.
        """
        nothing, no = np.zeros(value.shape), np.zeros(value.shape, np.bool_)
        return cls(
            value=value,
            allowed=nothing,
            rearranged=nothing,
            may_overflow=no,
            decided=~no if decided is None else decided,
            exact=~no,
            may_be_nan=no,
        )

    @classmethod
    def within(
        cls,
        value: NDArray[np.float64],
        allowed: NDArray[np.float64],
        *,
        decided: NDArray[np.bool_] | None = None,
    ) -> Self:
        """An output that is rounded: each element may lie ``allowed`` from its value."""
        no = np.zeros(value.shape, np.bool_)
        return cls(
            value=value,
            allowed=allowed,
            rearranged=allowed,
            may_overflow=no,
            decided=~no if decided is None else decided,
            exact=no,
            may_be_nan=no,
        )
