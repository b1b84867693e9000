"""What the recognisers of mistakes share: what they find, and how an output is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from grader.device import CopyOut, Provenance
from grader.intake.places import Place
from grader.model.cases import Comparison, Observation
from grader.model.numbers import range_of
from grader.model.part import Part

ROUNDED: Final = 2.0**-19
"""Of a mistake's value: how far the rounding of a few terms may take a kernel that makes it."""


class Known(NamedTuple):
    """A mistake that explains the cases, in words."""

    name: str
    explanation: str
    advice: str
    sketch: str = ""
    place: Place | None = None
    """What in the kernel it is about."""


class Seen(NamedTuple):
    """What a recogniser is told."""

    part: Part
    failing: Sequence[Observation]
    """Cases with output that fail, with a full one of each size among them."""
    right: Sequence[Observation]
    """Cases that are right, which the mistake must not make wrong."""


Recogniser = Callable[[Seen], Known | None]


def first_output(observation: Observation) -> Comparison | None:
    """The first output, where no other one is wrong."""
    first, *others = observation.comparisons
    return first if all(each.right for each in others) else None


def writer_of(copied: CopyOut | None, offset: int) -> Provenance | None:
    """Who wrote the byte at this offset of an output last."""
    if copied is None:
        return None
    return next((run for run in copied.provenance if run.start <= offset < run.stop), None)


def gives(
    answer: NDArray[np.float64], comparison: Comparison, allowed: NDArray[np.float64] | float = 0.0
) -> bool:
    """Whether an output holds these numbers, up to rounding.

    Args:
        answer: The numbers, flat.
        comparison: The output.
        allowed: How far one may lie from its number, beyond the bound of the right answer.
    """
    got = comparison.numbers
    with np.errstate(invalid="ignore"):
        # The bound is of the right answer, and a wrong one may be far larger.
        bound = np.maximum(comparison.expected.allowed.ravel(), ROUNDED * np.abs(answer))
        # An infinite answer has no neighbours.
        close = (np.abs(got - answer) <= np.maximum(bound, allowed)) & np.isfinite(answer)
    same = (got == answer) | (np.isnan(got) & np.isnan(answer))
    # What is too large for the type is infinite in it.
    largest = range_of(comparison.got.dtype.name).largest
    same |= (np.abs(answer) > largest) & np.isinf(got) & (np.sign(got) == np.sign(answer))
    return bool((close | same | ~comparison.expected.decided.ravel()).all())
