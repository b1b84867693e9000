"""All that a puzzle is written with: one place to import from, for the book's and a course's own.

docs/puzzles.md has an example. `Puzzle` is the whole: its `Part` objects say what is graded, its
`RubricItem` objects which checks give points.
"""

from __future__ import annotations

from grader.checks import (
    AllValues,
    Clean,
    Compiles,
    Example,
    Frugal,
    Integers,
    OnDevice,
    Packages,
    Program,
    Reals,
    Robust,
    failed,
)
from grader.intake.places import Place
from grader.model.cases import Observation, Problem
from grader.model.checks import Check, Judgement, PartResults, Tally
from grader.model.domains import (
    FACTOR,
    Array,
    ArraySpec,
    Between,
    Bits,
    Domain,
    Elements,
    Extent,
    Flags,
    Indices,
    OwnValues,
    Sizes,
    Sorted,
    Values,
)
from grader.model.expected import ExpectedOutput
from grader.model.numbers import dtype_of, range_of
from grader.model.part import (
    Arrays,
    Budget,
    Element,
    GivenKernel,
    KernelLaunch,
    Kernels,
    Mistake,
    NeedsZeros,
    Op,
    Part,
    Real,
    Scalar,
    Size,
    TensorSpec,
    Words,
    WorkedExample,
    sketched,
)
from grader.model.program import Command, CommandRun
from grader.model.puzzle import BookPlace, Puzzle, RubricItem
from grader.model.sums import SMALLEST_NORMAL, UNIT_ROUNDOFF, sum_of, sum_of_products
from grader.record import Aspect, ProblemKind, ProgramEnd, Shortfall, Status
from grader.wording.findings import FINDING_PHRASES

__all__ = [
    "FACTOR",
    "FINDING_PHRASES",
    "SMALLEST_NORMAL",
    "UNIT_ROUNDOFF",
    "AllValues",
    "Array",
    "ArraySpec",
    "Arrays",
    "Aspect",
    "Between",
    "Bits",
    "BookPlace",
    "Budget",
    "Check",
    "Clean",
    "Command",
    "CommandRun",
    "Compiles",
    "Domain",
    "Element",
    "Elements",
    "Example",
    "ExpectedOutput",
    "Extent",
    "Flags",
    "Frugal",
    "GivenKernel",
    "Indices",
    "Integers",
    "Judgement",
    "KernelLaunch",
    "Kernels",
    "Mistake",
    "NeedsZeros",
    "Observation",
    "OnDevice",
    "Op",
    "OwnValues",
    "Packages",
    "Part",
    "PartResults",
    "Place",
    "Problem",
    "ProblemKind",
    "Program",
    "ProgramEnd",
    "Puzzle",
    "Real",
    "Reals",
    "Robust",
    "RubricItem",
    "Scalar",
    "Shortfall",
    "Size",
    "Sizes",
    "Sorted",
    "Status",
    "Tally",
    "TensorSpec",
    "Values",
    "Words",
    "WorkedExample",
    "dtype_of",
    "failed",
    "range_of",
    "sketched",
    "sum_of",
    "sum_of_products",
]
