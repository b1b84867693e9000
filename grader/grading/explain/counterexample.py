"""The simplest failing case of a check, in the form that the record keeps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.device import CopyOut, Finding, Launch
from grader.grading.explain.mistakes import Known, recognised, writer_of
from grader.grading.observe import concerned
from grader.intake.launches import short_launch
from grader.intake.places import only_place
from grader.model.cases import Comparison, Observation, Problem
from grader.model.code import Kernels
from grader.model.domains import Values
from grader.model.part import Part
from grader.model.puzzle import Puzzle
from grader.record import Counterexample, Ending, Mismatch, OutputCase, Tensor

MAX_MISMATCHES = 256
MAX_LAUNCHES = 8
_NO_OUTPUT = frozenset({Ending.DIED, Ending.ERROR})


def build(
    puzzle: Puzzle,
    check: str,
    observation: Observation,
    problem: Problem,
    *,
    failing: Sequence[Observation],
    passing: Sequence[Observation] = (),
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
        passing: Cases of the check that are right, which a mistake must not make wrong.
        source: The submission's text.
    """
    run, case = observation.run, observation.case
    part = case.part
    ended = run.ending is not Ending.OUTPUT
    return Counterexample(
        check=check,
        part=puzzle.label(part),
        kind=problem.kind,
        title=problem.title,
        sizes=dict(case.shape.sizes),
        values=case.values.value,
        published=case.values is Values.EXAMPLE,
        inputs=tuple(tensor(spec.name, case.inputs[spec.name]) for spec in part.inputs),
        outputs=tuple(_outputs(observation)),
        **_explained(part, [observation, *failing], passing, source),
        error=problem.detail if ended else "",
        line=run.line if problem.finding is None else None,
        column=run.column if problem.finding is None else None,
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


def _explained(
    part: Part, failing: Sequence[Observation], passing: Sequence[Observation], source: str
) -> dict[str, Any]:
    """What is known of the mistake: by the outputs, or by the launch where there is none."""
    known = recognised(part, failing, passing=passing)
    if known is not None:
        return {
            "mistake": known.name,
            "explanation": known.explanation,
            "advice": known.advice,
            "sketch": known.sketch,
            "mistake_line": _line(part, known, source),
        }
    if all(observation.run.ending in _NO_OUTPUT for observation in failing):
        short = short_launch(source)
        return {"explanation": short.sentence} if short is not None else {}
    return {}


def _line(part: Part, known: Known, source: str) -> int | None:
    """The line of the file that a mistake is about, where that is certain."""
    if known.place is None:
        return None
    code = part.code
    given = part.given.function if part.given is not None else ""
    return only_place(
        source,
        code.functions if isinstance(code, Kernels) else [given],
        known.place,
        output=part.outputs[0].name,
        inputs=[spec.name for spec in part.inputs],
    )


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
        stretch = writer_of(copied, index * got.itemsize)
        yield Mismatch(
            index=index,
            expected=_number(expected.value.ravel()[index]),
            got=_number(got[index]),
            allowed=None if comparison.exact else float(expected.allowed.ravel()[index]),
            block=stretch.block if stretch else None,
            thread=stretch.thread if stretch else None,
            writer=stretch.writer if stretch else None,
        )


def _number(value: np.generic) -> int | float | str:
    """A number for the record, which has no NaN and no infinity of its own."""
    if value.dtype.kind in "iub":
        return int(value)  # float64 does not hold every int64
    real = float(value)
    return real if math.isfinite(real) else str(real)
