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
from grader.device import FindingKind
from grader.intake.places import Place
from grader.model.cases import Observation, Problem
from grader.model.checks import Check, Judgement, PartResults, Tally
from grader.model.code import HostCall, KernelLaunch, Kernels, Op, Real, Scalar
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
from grader.model.given import Element, GivenKernel, NeedsZeros
from grader.model.numbers import dtype_of, range_of
from grader.model.part import (
    Arrays,
    Budget,
    Mistake,
    Part,
    Size,
    TensorSpec,
    Words,
    WorkedExample,
    sketched,
)
from grader.model.program import Command, CommandRun
from grader.model.puzzle import BookPlace, Puzzle, RubricItem
from grader.model.sums import (
    EXACT,
    LARGEST,
    SMALLEST_NORMAL,
    UNIT_ROUNDOFF,
    another_algorithm,
    sum_of,
    sum_of_products,
)
from grader.record import Aspect, ProblemKind, ProgramEnd, Shortfall, Status
from grader.wording.findings import FINDING_PHRASES

__all__ = [
    "EXACT",
    "FACTOR",
    "FINDING_PHRASES",
    "LARGEST",
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
    "FindingKind",
    "Flags",
    "Frugal",
    "GivenKernel",
    "HostCall",
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
    "another_algorithm",
    "dtype_of",
    "failed",
    "range_of",
    "sketched",
    "sum_of",
    "sum_of_products",
]
