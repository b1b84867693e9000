"""A case: inputs for one shape of the plan, what came of running it, and what that shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from grader.device import CaseEvidence, CopyOut, Finding
from grader.model.domains import Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Part, Scope
from grader.record import Aspect, Attribution, Ending, NotRun, ProblemKind
from grader.wording.cases import problem_detail, problem_title

Origin = Literal["published example", "boundary", "random", "every size"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PlannedShape:
    """One shape to compile."""

    number: int
    """Position in the plan; the worker knows the shape by it."""
    part: Part
    sizes: Mapping[str, int]
    origin: Origin

    @property
    def scope(self) -> Scope:
        """Whether the task asks for it."""
        return self.part.scope(self.sizes)

    @property
    def beyond(self) -> bool:
        """Whether it lies beyond the task."""
        return self.scope is Scope.ROBUST

    @property
    def extent(self) -> int:
        """A measure of how large it is, for putting small ones first."""
        return sum(self.sizes.values())


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """Inputs for one shape of the plan."""

    shape: PlannedShape
    values: Values
    inputs: Mapping[str, NDArray[np.generic]]

    @property
    def part(self) -> Part:
        """The part that it is a case of."""
        return self.shape.part

    @property
    def payload(self) -> bytes:
        """The inputs' bytes, one tensor after the other."""
        return b"".join(self.inputs[spec.name].tobytes() for spec in self.part.inputs)

    @property
    def complexity(self) -> tuple[int, int, int, float, int]:
        """A key that sorts simple cases first.

        It compares the extent, whether the values are plain, the number of nonzero elements, their
        magnitude, and their digits. Plain values are zeros, ones and twos. An input that is all
        zeros is not plain: it shows that something is wrong, but for most mistakes not what.
        """
        arrays = [np.abs(array.astype(np.float64)) for array in self.inputs.values()]
        finite = [np.where(np.isfinite(array), array, 1e40) for array in arrays]
        return (
            self.shape.extent,
            not all(array.any() and np.isin(array, (0, 1, 2)).all() for array in arrays),
            sum(int(np.count_nonzero(array)) for array in arrays),
            float(sum(array.sum() for array in finite)),
            sum(len(repr(value)) for array in finite for value in array.ravel().tolist()),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseRun:
    """One case and what came of it."""

    case: Case
    ending: Ending
    outputs: tuple[NDArray[np.generic], ...] | None = None
    """In the order of the part's outputs; None where there are none."""
    inputs_after: tuple[NDArray[np.generic], ...] = ()
    message: str = ""
    line: int | None = None
    """Of the student's file, where the message named one."""
    column: int | None = None
    evidence: CaseEvidence | None = None
    copies_out: tuple[CopyOut, ...] = ()
    """The copies that brought the outputs to the host, with their provenance; empty where the
    device does not show them."""
    not_run: NotRun | None = None
    """Why it was not run, or not to its end."""

    @classmethod
    def none(cls, case: Case, why: NotRun) -> Self:
        """The outcome of a case that was not run."""
        return cls(case=case, ending=Ending.NOT_RUN, not_run=why)

    @property
    def bits(self) -> bytes | None:
        """The bytes of all outputs."""
        if self.outputs is None:
            return None
        return b"".join(output.tobytes() for output in self.outputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """One output beside the right answer."""

    output: str
    """Its name."""
    expected: ExpectedOutput
    got: NDArray[np.generic]
    wrong: NDArray[np.intp]
    """Indices of the elements that are wrong in the flat output, ascending."""
    exact: bool
    """Whether elements had to be equal, not merely close."""
    rearranged: bool = False
    """Whether the rounding of another right algorithm explains every element that is wrong."""

    @property
    def not_compared(self) -> int:
        """How many elements are undecided: any value is right there."""
        return int(np.count_nonzero(~self.expected.decided))

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The elements that were got, flat."""
        # A signalling NaN, as unwritten memory holds, raises "invalid" where it is converted.
        with np.errstate(invalid="ignore", over="ignore"):
            return self.got.ravel().astype(np.float64)

    @property
    def right(self) -> bool:
        """Whether no element is wrong."""
        return not len(self.wrong)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with one case."""

    kind: ProblemKind
    aspect: Aspect
    data: Mapping[str, int | str] = field(default_factory=dict)
    """What its sentences name: see `ProblemKind`."""
    finding: Finding | None = None
    """The finding that it comes of."""

    @classmethod
    def unclean(cls, finding: Finding) -> Self:
        """That the device saw something."""
        data = {"finding": finding.kind.value, "said": finding.message}
        return cls(kind=ProblemKind.FINDING, aspect=Aspect.CLEAN, data=data, finding=finding)

    @property
    def title(self) -> str:
        """What is wrong, in a few words."""
        return problem_title(self.kind, self.data)

    @property
    def detail(self) -> str:
        """What shows that; may be empty."""
        return problem_detail(self.kind, self.data)


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """A run with everything that was concluded from it."""

    run: CaseRun
    comparisons: tuple[Comparison, ...]
    """One for each output; empty where there was none."""
    problems: tuple[Problem, ...]
    findings: tuple[tuple[Finding, Attribution], ...] = field(default=())
    number: int = 0
    """Of the case in this run, see `grader.caselog`; 0 where it was not run as such."""

    @property
    def case(self) -> Case:
        """The case that was run."""
        return self.run.case

    @property
    def right(self) -> bool:
        """Whether there are outputs, and all of them are right."""
        return bool(self.comparisons) and all(each.right for each in self.comparisons)

    @property
    def rearranged(self) -> bool:
        """Whether something is wrong, and rounding alone may explain every wrong element."""
        return self.wrong is not None and all(
            each.right or each.rearranged for each in self.comparisons
        )

    @property
    def wrong(self) -> Comparison | None:
        """The first output that is wrong."""
        return next((each for each in self.comparisons if not each.right), None)

    def about(self, aspect: Aspect) -> Problem | None:
        """The first problem of an aspect."""
        return next((problem for problem in self.problems if problem.aspect is aspect), None)
