"""The kernel that students are given with a puzzle, and what of its faults costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from grader.device import FindingKind
from grader.model.domains import Sizes

Element = tuple[int, int, int, int]
"""How many elements an array in shared memory has, a block, a thread in it, and the element that it
reads. Blocks and threads in one dimension."""

Reads = Callable[[Sizes], frozenset[Element]]


def _no_reads(sizes: Sizes) -> frozenset[Element]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class NeedsZeros:
    """A given kernel that reads shared memory which nothing wrote, even at the assigned sizes.

    It is right where that memory holds zeros, as it usually does on a GPU. Nobody shall lose
    points by what they were given: at these sizes, shared memory holds zeros.
    """

    at: Callable[[Sizes], bool]
    reads: Reads
    """As `GivenKernel.reads`."""
    explanation: str
    """What is wrong with the given kernel, for the report."""


@dataclass(frozen=True, kw_only=True)
class GivenKernel:
    """A kernel that students are given. Faults in an unchanged copy of it cost nothing."""

    function: str
    array: str = ""
    """Name of the array in it that ``reads`` are of."""
    reads: Reads = _no_reads
    """What it reads of shared memory at given sizes although nothing wrote it, launched as the
    task says. That costs nothing."""
    shows: frozenset[FindingKind] = frozenset()
    """Kinds of findings that it leads to at the assigned sizes, too, and that the task does not ask
    to mend. Then none of its part costs anything, wherever it is."""
    older_shows: Mapping[str, frozenset[FindingKind]] = field(default_factory=dict)
    """By edition: those of the kernel given in it, where they are others."""
    first_block_ahead: bool = False
    """Whether its first block sets what all blocks then add to by atomic operations, though nothing
    orders blocks, and the task does not ask to mend that. Then such a race costs nothing, and the
    device lets the first block run ahead of the others, as the given code takes for granted."""
    defect: str = ""
    """What is wrong with it outside of the assigned sizes, for the report."""
    needs_zeros: Mapping[str, NeedsZeros] = field(default_factory=dict)
    """By edition: where the kernel given in it relies on zeros."""
