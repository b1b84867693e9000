"""Turn one run of one case into problems: what is wrong with it, aspect by aspect."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grader.device import CopyOut, Finding, FindingKind, Provenance, Writer
from grader.grading.given_code import Code, attributed
from grader.lanes.lane import not_supported
from grader.model.cases import Case, CaseRun, Comparison, Observation, Problem
from grader.model.checks import Check
from grader.model.domains import Values
from grader.model.expected import ExpectedOutput
from grader.record import Aspect, Attribution, Ending, ProblemKind


def compare(case: Case, outputs: tuple[NDArray[np.generic], ...]) -> tuple[Comparison, ...]:
    """Judge the outputs of a case, in the order of its part's.

    In cases of whole numbers (and the published example, which is one) elements must be equal
    where no order of summation rounds. All others
    must lie within the part's bound. NaN is right only where the reference
    is NaN or the part says that it may be, an infinity only where the reference
    is the same infinity, and ``-0.0`` equals ``0.0``. Undecided elements are never wrong.
    Whether wrong ones may come from an algorithm that is no sum of the products is told beside.
    """
    right = case.part.expected(case.inputs, case.shape.sizes)
    exact = case.values in (Values.INTEGERS, Values.EXAMPLE)
    return tuple(
        _compare(spec.name, right[spec.name], got, exact=exact)
        for spec, got in zip(case.part.outputs, outputs, strict=True)
    )


def _compare(
    name: str, expected: ExpectedOutput, got: NDArray[np.generic], *, exact: bool
) -> Comparison:
    if expected.value.dtype.kind in "iub":
        # Compared as they are: float64 does not hold every int64.
        with np.errstate(invalid="ignore"):  # of a signalling NaN
            wrong = (got.ravel() != expected.value.ravel()) & expected.decided.ravel()
        return Comparison(
            output=name, expected=expected, got=got, wrong=np.flatnonzero(wrong), exact=True
        )
    value = expected.value.ravel().astype(np.float64)
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
        output=name,
        expected=expected,
        got=got,
        wrong=np.flatnonzero(~right),
        exact=exact or not expected.allowed.any(),
        rearranged=not right.all() and bool((right | (near & np.isfinite(value))).all()),
    )


UNCLEAN = frozenset(
    {
        FindingKind.OUT_OF_BOUNDS,
        FindingKind.MISALIGNED,
        FindingKind.RACE,
        FindingKind.BARRIER_DIVERGENCE,
        FindingKind.STREAM_RACE,
        FindingKind.UNFINISHED_COPY,
        FindingKind.MBARRIER_MISUSE,
        FindingKind.MBARRIER_REUSE,
        FindingKind.MBARRIER_STATE,
        FindingKind.ABSENT_BLOCK,
        FindingKind.INCOMPLETE_WARP,
    }
)
"""Findings that cost the points for clean code. A read of uninitialised memory is shown; it
costs points where it shows in the result, which two different fills make certain."""

RACES = frozenset({FindingKind.RACE, FindingKind.MBARRIER_REUSE})
"""Findings of what the order of threads decides."""

Findings = tuple[tuple[Finding, Attribution], ...]


def concerned(checks: Iterable[Check], case: Case, *aspects: Aspect) -> tuple[str, ...]:
    """Ids of the checks that a case stands for: those of its values, and of other aspects."""
    wanted = {Aspect.VALUES, Aspect.ALL, *aspects}
    return tuple(
        sorted(check.id for check in checks if check.aspect in wanted and check.concerns(case))
    )


def observe(run: CaseRun, *, code: Code, checks: Collection[Check] = ()) -> Observation:
    """Everything that one run shows.

    Args:
        run: The case with its outcome.
        code: What of the submission is the code that was given.
        checks: Of its part; they may look for problems of their own.

    Raises:
        UnsupportedByDevice: something is wrong, and it needed what the software device lacks:
            that may be why.
    """
    case = run.case
    findings: Findings = tuple(
        attributed(
            run.evidence.launches if run.evidence else (),
            case.part.given_reads(case.shape.sizes),
            code,
            given=case.part.given,
        )
    )
    if run.evidence is not None:
        findings += tuple((each, Attribution.STUDENT) for each in run.evidence.driver_findings)
    comparisons = compare(case, run.outputs) if run.outputs is not None else ()
    seen = Observation(
        run=run,
        comparisons=comparisons,
        problems=tuple(_problems(run, comparisons, findings)),
        findings=findings,
    )
    own = [each for check in checks if check.concerns(case) for each in check.problems(seen)]
    seen = replace(seen, problems=(*seen.problems, *own)) if own else seen
    if seen.problems:
        _refuse_unsupported(run)
    return seen


def since(first: Observation, last: Observation) -> Observation:
    """The last of two runs of one case; where the first was right and it is not, that is told."""
    outputs = last.run.outputs
    if not first.right or outputs is None or last.right:
        return last
    told = Problem(
        kind=ProblemKind.NOT_EACH_TIME,
        aspect=Aspect.VALUES,
        data={"zeros": int(not any(output.any() for output in outputs))},
    )
    problems = tuple(told if each.aspect is Aspect.VALUES else each for each in last.problems)
    return replace(last, problems=problems)


def _refuse_unsupported(run: CaseRun) -> None:
    evidence = run.evidence
    if evidence is not None and evidence.unsupported and not evidence.broken_protocol:
        raise not_supported(
            evidence,
            "Grade it on a GPU (--device gpu), and report this message, so that the software "
            "device can learn it.",
        )


def _problems(
    run: CaseRun, comparisons: tuple[Comparison, ...], findings: Findings
) -> Iterator[Problem]:
    if run.ending is Ending.NOT_RUN:
        return
    own = [finding for finding, whose in findings if whose is Attribution.STUDENT]
    if not comparisons:
        # A finding explains the end of the run better than what the run said.
        finding = own[0] if own else None
        said = finding.message if finding is not None else run.message
        yield Problem(
            kind=ProblemKind.NO_OUTPUT,
            aspect=Aspect.VALUES,
            data={"ending": run.ending.value, "said": said},
            finding=finding,
        )
    elif any(not each.right for each in comparisons):
        yield Problem(
            kind=ProblemKind.WRONG_VALUES, aspect=Aspect.VALUES, data=_how_many(comparisons)
        )
    unclean = next((finding for finding in own if finding.kind in UNCLEAN), None)
    if unclean is not None:
        yield Problem.unclean(unclean)
    if run.ending is Ending.OUTPUT:
        yield from _changed_inputs(run)
        yield from _not_by_a_kernel(run, comparisons)


def _how_many(comparisons: tuple[Comparison, ...]) -> dict[str, int | str]:
    wrong = [each for each in comparisons if len(each.wrong)]
    data: dict[str, int | str] = {
        "wrong": sum(len(each.wrong) for each in wrong),
        "of": sum(each.got.size for each in wrong),
    }
    if len(comparisons) > 1:
        data["outputs"] = " and ".join(each.output for each in wrong)
    return data


def _changed_inputs(run: CaseRun) -> Iterator[Problem]:
    for spec, after in zip(run.case.part.inputs, run.inputs_after, strict=True):
        if spec.role == "input" and after.tobytes() != run.case.inputs[spec.name].tobytes():
            yield Problem(
                kind=ProblemKind.INPUT_CHANGED, aspect=Aspect.CLEAN, data={"tensor": spec.name}
            )


def _not_by_a_kernel(run: CaseRun, comparisons: tuple[Comparison, ...]) -> Iterator[Problem]:
    """Output bytes that no kernel of this call made.

    A copy on the device hands on what a kernel made, so it is that kernel's. So is a zero that
    was there before where zero is right: the task fills the output with zeros, and a kernel
    that has nothing to add to one may leave it.
    """
    if not run.copies_out or run.outputs is None:
        return
    launches = run.evidence.launches if run.evidence else ()
    first = launches[0].index if launches else math.inf
    ran = any(each.instructions for each in launches)
    for compared, copied in zip(comparisons, run.copies_out, strict=True):
        left_alone = _right_zeros(compared) if ran else None
        found = _not_made(compared, copied, first, left_alone)
        if found is not None:
            yield found
            return


def _not_made(
    compared: Comparison, copied: CopyOut, first: float, left_alone: NDArray[np.bool_] | None
) -> Problem | None:
    """The first element of an output that no kernel of this call made."""
    itemsize = compared.got.itemsize

    def is_earlier(stretch: Provenance) -> bool:
        return stretch.launch is not None and stretch.launch < first

    def is_made(stretch: Provenance) -> bool:
        if stretch.writer in MADE_BY_KERNELS and stretch.launch is not None:
            return not is_earlier(stretch)
        if stretch.writer is Writer.NOBODY:
            return False
        elements = slice(stretch.start // itemsize, -(-stretch.stop // itemsize))
        return stretch.writer is Writer.KERNEL or (
            left_alone is not None and bool(left_alone[elements].all())
        )

    others = [each for each in copied.provenance if not is_made(each)]
    if not others:
        return None
    # Bytes that a copy from the host leaves as they are keep their writer: the copy tells more.
    told = next((each for each in others if each.writer is Writer.HOST_COPY), others[0])
    place = _place(told.start // itemsize, compared.got.shape)
    where = f"{compared.output}[{place}]"
    if is_earlier(told):
        return Problem(kind=ProblemKind.EARLIER_OUTPUT, aspect=Aspect.ORIGIN, data={"place": where})
    return Problem(
        kind=ProblemKind.NO_KERNEL_WROTE,
        aspect=Aspect.ORIGIN,
        data={"place": where, "writer": told.writer.value},
    )


def _place(index: int, shape: tuple[int, ...]) -> str:
    """``3``, or ``0, 1, 2`` in an output of more dimensions."""
    if len(shape) < 2:
        return str(index)
    return ", ".join(str(int(place)) for place in np.unravel_index(index, shape))


MADE_BY_KERNELS = frozenset({Writer.KERNEL, Writer.DEVICE_COPY})
"""Who writes what a kernel made: a copy on the device hands on what one wrote before."""


def _right_zeros(comparison: Comparison) -> NDArray[np.bool_]:
    """Which elements are zero, and rightly so."""
    zeros: NDArray[np.bool_] = comparison.numbers == 0
    zeros[comparison.wrong] = False
    return zeros


def finding_key(finding: Finding, whose: Attribution) -> tuple[object, ...]:
    """What makes two findings the same mistake to a reader, whichever instruction shows it."""
    return (finding.kind, finding.space, finding.access, finding.source_line, whose)
