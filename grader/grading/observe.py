"""Turn one run of one case into problems, each belonging to a check of the rubric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from grader.device import Finding, FindingKind, Writer
from grader.errors import UnsupportedByDevice
from grader.grading.attribution import Code, attributed
from grader.grading.cases import Case, Values
from grader.grading.executor import CaseRun, Ending
from grader.grading.judge import Comparison, compare
from grader.puzzles.definition import Part, Puzzle
from grader.record import Attribution

UNCLEAN = frozenset(
    {
        FindingKind.OUT_OF_BOUNDS,
        FindingKind.MISALIGNED,
        FindingKind.RACE,
        FindingKind.BARRIER_DIVERGENCE,
        FindingKind.STREAM_RACE,
    }
)
"""Findings that cost the points for clean code. A read of uninitialised memory is shown; it
costs points where it shows in the result, which two different fills make certain."""

_VALUE_CHECK = {
    Values.EXAMPLE: "example",
    Values.INTEGERS: "integers",
    Values.REALS: "reals",
    Values.SPECIAL: "reals",
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with one case."""

    check: str
    title: str
    detail: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Observation:
    """A run with everything that was concluded from it."""

    run: CaseRun
    comparison: Comparison | None
    problems: tuple[Problem, ...]
    findings: tuple[tuple[Finding, Attribution], ...] = field(default=())
    number: int = 0
    """Of the case in this run, see `grader.caselog`; 0 where it was not run as such."""

    @property
    def case(self) -> Case:
        """The case that was run."""
        return self.run.case

    def problem(self, check: str) -> Problem | None:
        """The first problem that belongs to a check."""
        return next((problem for problem in self.problems if problem.check == check), None)


def value_check(puzzle: Puzzle, case: Case) -> str:
    """The check that a case's values belong to."""
    if puzzle.part(case.shape.sizes) is Part.ROBUST:
        return "robust"
    return _VALUE_CHECK[case.values]


def concerns(puzzle: Puzzle, case: Case, *checks: str) -> tuple[str, ...]:
    """Every check that a case stands for: that of its values, and those given."""
    return tuple(sorted({value_check(puzzle, case), *checks}))


def observe(puzzle: Puzzle, run: CaseRun, *, code: Code) -> Observation:
    """Everything that one run shows.

    Args:
        puzzle: What is graded.
        run: The case with its outcome.
        code: What of the submission is the code that was given.

    Raises:
        UnsupportedByDevice: something is wrong, and it needed what the software device lacks:
            that may be why.
    """
    findings = tuple(
        attributed(
            run.evidence.launches if run.evidence else (),
            puzzle.given_reads(run.case.shape.sizes),
            code,
        )
    )
    if run.evidence is not None:
        findings += tuple((each, Attribution.STUDENT) for each in run.evidence.driver_findings)
    comparison = compare(puzzle, run.case, run.output) if run.output is not None else None
    robust = puzzle.part(run.case.shape.sizes) is Part.ROBUST
    problems = tuple(
        Problem(check="robust", title=problem.title, detail=problem.detail) if robust else problem
        for problem in _problems(puzzle, run, comparison, findings)
    )
    if problems:
        _refuse_unsupported(run)
    return Observation(run=run, comparison=comparison, problems=problems, findings=findings)


def since(first: Observation, last: Observation) -> Observation:
    """The last of two runs of one case; where the first was right and it is not, that is told."""
    output = last.run.output
    was_right = first.comparison is not None and first.comparison.right
    if not was_right or output is None or last.comparison is None or last.comparison.right:
        return last
    gave = "other values" if output.any() else "zeros"
    own = _VALUE_CHECK[last.case.values]
    detail = f"the first call with these inputs was right, the last one gave {gave}"
    problems = tuple(
        replace(problem, title="not right each time", detail=detail)
        if problem.check == own
        else problem
        for problem in last.problems
    )
    return replace(last, problems=problems)


def _refuse_unsupported(run: CaseRun) -> None:
    evidence = run.evidence
    if evidence is not None and evidence.unsupported and not evidence.broken_protocol:
        raise UnsupportedByDevice(
            "the submission needs what the software device does not support: "
            f"{evidence.unsupported[0]}",
            remedy="Grade it on a GPU (--device gpu), and report this message, so that "
            "the software device can learn it.",
        )


def _problems(
    puzzle: Puzzle,
    run: CaseRun,
    comparison: Comparison | None,
    findings: tuple[tuple[Finding, Attribution], ...],
) -> Iterator[Problem]:
    if run.ending is Ending.NOT_RUN:
        return
    own = [finding for finding, whose in findings if whose is Attribution.STUDENT]
    check = value_check(puzzle, run.case)
    if comparison is None:
        yield Problem(check=check, title=no_output_title(run), detail=_why(run, own))
    elif not comparison.right:
        count = len(comparison.wrong)
        verb = "is" if count == 1 else "are"
        many = f"{count} of {comparison.got.size} elements {verb} wrong"
        yield Problem(check=check, title="wrong values", detail=many)
    unclean = next((finding for finding in own if finding.kind in UNCLEAN), None)
    if unclean is not None:
        yield Problem(check="clean", title=title_of(unclean), detail=unclean.message)
    if run.ending is Ending.OUTPUT:
        yield from _changed_inputs(puzzle, run)
        yield from _not_by_a_kernel(run, comparison)


def _changed_inputs(puzzle: Puzzle, run: CaseRun) -> Iterator[Problem]:
    for spec, after in zip(puzzle.inputs, run.inputs_after, strict=True):
        if after.tobytes() != run.case.inputs[spec.name].tobytes():
            yield Problem(
                check="clean",
                title="an input was changed",
                detail=f"after the call, the tensor {spec.name!r} holds other values than before",
            )


def _not_by_a_kernel(run: CaseRun, comparison: Comparison | None) -> Iterator[Problem]:
    """Output bytes that no kernel of this call made.

    A copy on the device hands on what a kernel made, so it is that kernel's. So is a zero that
    was there before where zero is right: the task fills the output with zeros, and a kernel
    that has nothing to add to one may leave it.
    """
    if run.copy_out is None or run.output is None:
        return
    launches = run.evidence.launches if run.evidence else ()
    first = launches[0].index if launches else math.inf
    left_alone = _right_zeros(comparison) if any(each.instructions for each in launches) else None
    for stretch in run.copy_out.provenance:
        itemsize = run.output.itemsize
        index = stretch.start // itemsize
        if stretch.writer in _MADE_BY_KERNELS and stretch.launch is not None:
            if stretch.launch < first:
                yield Problem(
                    check="device",
                    title="an output of an earlier call",
                    detail=f"output[{index}] was written by a kernel of an earlier call",
                )
                return
        elif stretch.writer is Writer.NOBODY or (
            stretch.writer is not Writer.KERNEL
            and (left_alone is None or not left_alone[index : -(-stretch.stop // itemsize)].all())
        ):
            yield Problem(
                check="device",
                title="an output that no kernel wrote",
                detail=f"output[{index}] was last written by {WRITERS[stretch.writer]}"
                + (MAPPING if stretch.writer is Writer.HOST_COPY else ""),
            )
            return


_MADE_BY_KERNELS = frozenset({Writer.KERNEL, Writer.DEVICE_COPY})


def _right_zeros(comparison: Comparison | None) -> NDArray[np.bool_] | None:
    """Which elements are zero, and rightly so."""
    if comparison is None:
        return None
    zeros: NDArray[np.bool_] = comparison.got.ravel() == 0
    zeros[comparison.wrong] = False
    return zeros


MAPPING = (
    "; map_to_host() copies the whole buffer to the host, and back where the block ends: what "
    "comes back as it was still counts as the kernel's, what the host changed there does not"
)
WRITERS = {
    Writer.NOBODY: "nobody: it still holds what the memory held before",
    Writer.HOST_COPY: "a copy from the host",
    Writer.MEMSET: "a memset",
    Writer.DEVICE_COPY: "a copy from other device memory",
    Writer.KERNEL: "a kernel",
}


def finding_key(finding: Finding, whose: Attribution) -> tuple[object, ...]:
    """What makes two findings the same mistake to a reader, whichever instruction shows it."""
    return (finding.kind, finding.space, finding.access, finding.source_line, whose)


def title_of(finding: Finding) -> str:
    """A finding's kind in plain words."""
    return {
        FindingKind.OUT_OF_BOUNDS: "an access out of bounds",
        FindingKind.MISALIGNED: "a misaligned access",
        FindingKind.UNINITIALISED_READ: "a read of uninitialised memory",
        FindingKind.RACE: "a race",
        FindingKind.BARRIER_DIVERGENCE: "a barrier that not all threads reach",
        FindingKind.BUDGET_EXCEEDED: "a kernel that does not end",
        FindingKind.BAD_LAUNCH: "a launch that the device refuses",
        FindingKind.TRAP: "a kernel that stops itself",
        FindingKind.STACK_OVERFLOW: "a function that calls itself without end",
        FindingKind.MISSING_FUNCTION: "a function that no GPU has",
        FindingKind.EXITED_BEFORE_BARRIER: "threads that ended before a barrier",
        FindingKind.STREAM_RACE: "a race between two streams",
    }[finding.kind]


def no_output_title(run: CaseRun) -> str:
    """Why there is no output, in a few words."""
    return {
        Ending.ERROR: "no output: the call failed",
        Ending.DIED: "no output: the program ended its process",
        Ending.LATE: "no output: the program did not end in time",
        Ending.LIMIT: "no output: the program used more than it may",
        Ending.FORGED: "no output that can be trusted",
        Ending.NOT_RUN: "not run",
        Ending.OUTPUT: "",
    }[run.ending]


def _why(run: CaseRun, findings: list[Finding]) -> str:
    """The finding that explains it, else what the run said."""
    return findings[0].message if findings else run.message
