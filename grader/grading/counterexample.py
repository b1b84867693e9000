"""The simplest failing case of a check, and the mistake that explains all of them, for the record.

Named is only a mistake that explains every failing case. A puzzle's own models say which values a
mistake gives (`grader.model.part.Mistake`); that values were kept in too small a type shows by
itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.device import CopyOut, Finding, Launch, Provenance
from grader.grading.observe import concerned, number
from grader.intake.launches import short_launch
from grader.model.cases import Comparison, Ending, Observation, Problem
from grader.model.domains import Sizes, Values
from grader.model.numbers import dtype_of, range_of
from grader.model.part import Arrays, Mistake, Part
from grader.model.puzzle import Puzzle
from grader.record import Counterexample, Mismatch, OutputCase, Tensor
from grader.wording import too_small_a_type

MAX_MISMATCHES = 256
MAX_LAUNCHES = 8
_NO_OUTPUT = frozenset({Ending.DIED, Ending.ERROR})
_ROUNDED: Final = 2.0**-19
"""Of a mistake's value: how far the rounding of a few terms may take a kernel that makes it."""
_SMALLER: Final = ("float16", "bfloat16")


def build(
    puzzle: Puzzle,
    check: str,
    observation: Observation,
    problem: Problem,
    *,
    failing: Sequence[Observation],
    source: str,
) -> Counterexample:
    """A counterexample for the record, with the mistake that explains it, if one does.

    Args:
        puzzle: What is graded.
        check: Id of the check that it makes fail.
        observation: The simplest failing case.
        problem: What is wrong with it.
        failing: Other failing cases of the same check, which a mistake must explain too: the
            simplest case holds so many zeros that many a mistake would give the same.
        source: The submission's text.
    """
    run, case = observation.run, observation.case
    part = case.part
    ended = run.ending is not Ending.OUTPUT
    return Counterexample(
        check=check,
        part=part.name if len(puzzle.parts) > 1 else "",
        kind=problem.kind,
        title=problem.title,
        sizes=dict(case.shape.sizes),
        values=case.values.value,
        published=case.values is Values.EXAMPLE,
        inputs=tuple(tensor(spec.name, case.inputs[spec.name]) for spec in part.inputs),
        outputs=tuple(_outputs(observation)),
        **_explained(part, [observation, *failing], source),
        error=problem.detail if ended else "",
        finding=_kept(problem.finding) if ended else None,
        case=observation.number,
        concerns=tuple(
            sorted({*concerned(puzzle.checks_of(part), case, problem.aspect), check} - {""})
        ),
        launches=_launches(observation),
    )


def _outputs(observation: Observation) -> Iterator[OutputCase]:
    run, case = observation.run, observation.case
    right = case.part.expected(case.inputs, case.shape.sizes)
    for place, spec in enumerate(case.part.outputs):
        with np.errstate(over="ignore", invalid="ignore"):
            expected = right[spec.name].value.astype(spec.numpy)
        if run.outputs is None:
            yield OutputCase(expected=tensor(spec.name, expected), got=None)
            continue
        compared = observation.comparisons[place]
        copied = run.copies_out[place] if run.copies_out else None
        yield OutputCase(
            expected=tensor(spec.name, expected),
            got=tensor(spec.name, run.outputs[place]),
            mismatches=tuple(_mismatches(compared, copied)),
            mismatch_count=len(compared.wrong),
        )


def _explained(part: Part, failing: Sequence[Observation], source: str) -> dict[str, str]:
    """What is known of the mistake: by the outputs, or by the launch where there is none."""
    known = recognised(part, failing)
    if known is not None:
        return {"mistake": known.name, "explanation": known.explanation, "advice": known.advice}
    if all(observation.run.ending in _NO_OUTPUT for observation in failing):
        short = short_launch(source)
        return {"explanation": short.sentence} if short is not None else {}
    return {}


def _kept(finding: Finding | None) -> Finding | None:
    return None if finding is None else msgspec.structs.replace(finding, touched=())


def _launches(observation: Observation) -> tuple[Launch, ...]:
    """The first launches of the case, without what the record keeps apart."""
    evidence = observation.run.evidence
    launches = evidence.launches[:MAX_LAUNCHES] if evidence is not None else ()
    return tuple(msgspec.structs.replace(each, findings=(), printed="") for each in launches)


def tensor(name: str, array: NDArray[np.generic]) -> Tensor:
    """An array for the record, little-endian."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return Tensor(name=name, dtype=array.dtype.name, shape=array.shape, data=little.tobytes())


def _mismatches(comparison: Comparison, copied: CopyOut | None) -> Iterator[Mismatch]:
    expected = comparison.expected
    got = comparison.got.ravel()
    for index in comparison.wrong[:MAX_MISMATCHES].tolist():
        stretch = _writer(copied, index * got.itemsize)
        yield Mismatch(
            index=index,
            expected=number(float(expected.value.ravel()[index])),
            got=number(float(got[index])),
            allowed=None if comparison.exact else float(expected.allowed.ravel()[index]),
            block=stretch.block if stretch else None,
            thread=stretch.thread if stretch else None,
            writer=stretch.writer if stretch else None,
        )


def _writer(copied: CopyOut | None, offset: int) -> Provenance | None:
    """Who wrote the byte at this offset of an output last."""
    if copied is None:
        return None
    return next((run for run in copied.provenance if run.start <= offset < run.stop), None)


class Known(NamedTuple):
    """A mistake that explains the cases, in words."""

    name: str
    explanation: str
    advice: str


def recognised(part: Part, failing: Sequence[Observation]) -> Known | None:
    """The well-known mistake that gives exactly these outputs, if there is one."""
    for mistake in part.mistakes:
        if all(_explains(mistake, observation) for observation in failing):
            return Known(mistake.name, mistake.explanation, mistake.advice)
    compared = [each for observation in failing for each in observation.comparisons]
    own = {spec.name: spec.dtype for spec in part.outputs}
    if not compared or any(not observation.comparisons for observation in failing):
        return None
    # The largest tells most; a zero may have come about in many ways.
    wrong = max(
        (
            (float(each.got.ravel()[at]), float(each.expected.value.ravel()[at]))
            for each in compared
            if own[each.output] == "float32"
            for at in each.wrong
            if np.isfinite(each.got.ravel()[at]) and each.got.ravel()[at]
        ),
        key=lambda pair: abs(pair[0]),
        default=None,
    )
    if wrong is None:
        return None
    for smaller in _SMALLER:
        if all(_rounded_to(smaller, each) for each in compared):
            return Known(smaller, *too_small_a_type(smaller, *wrong))
    return None


def _rounded_to(dtype: str, comparison: Comparison) -> bool:
    """Whether all elements are numbers of a smaller type, and as near as its rounding allows.

    The bound of an output grows with the unit roundoff. Inputs that are rounded first add one
    rounding more. A number that is too large for the type may be infinite.
    """
    expected = comparison.expected
    with np.errstate(invalid="ignore", over="ignore"):
        got = comparison.got.ravel().astype(np.float64)
        value = np.asarray(expected.value, dtype=np.float64).ravel()
        allowed = expected.allowed.ravel()
        same_type = got == got.astype(dtype_of(dtype)).astype(np.float64)
        ratio = range_of(dtype).unit_roundoff / range_of("float32").unit_roundoff
        bound = 2 * ratio * (allowed + range_of("float32").unit_roundoff * np.abs(value))
        near = np.abs(got - value) <= bound + 2.0 ** range_of(dtype).smallest
        # No sum of magnitudes is larger than this.
        magnitude = np.abs(value) + allowed / range_of("float32").unit_roundoff
        lost = ~np.isfinite(got) & (magnitude > range_of(dtype).largest)
    open_ = ~np.isfinite(value) | ~expected.decided.ravel()
    return bool(((same_type & near) | lost | open_).all())


def _explains(mistake: Mistake, observation: Observation) -> bool:
    """Whether a mistake gives what the first output holds, and no other output is wrong."""
    if observation.right or not observation.comparisons:
        return False
    comparison, *others = observation.comparisons
    if any(not each.right for each in others):
        return False
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        got = comparison.got.ravel().astype(np.float64)
    answer = _answer(mistake, observation.case.inputs, observation.case.shape.sizes)
    if answer is None:
        return False
    with np.errstate(invalid="ignore"):
        # The bound is of the right answer, and a wrong one may be far larger.
        allowed = np.maximum(comparison.expected.allowed.ravel(), _ROUNDED * np.abs(answer))
        close = np.abs(got - answer) <= allowed
    same = (got == answer) | (np.isnan(got) & np.isnan(answer))
    return bool((close | same | ~comparison.expected.decided.ravel()).all())


def _answer(mistake: Mistake, inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    with np.errstate(all="ignore"):
        answer = mistake.answer(inputs, sizes)
    return None if answer is None else answer.ravel().astype(np.float64)
