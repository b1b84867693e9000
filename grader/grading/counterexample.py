"""The simplest failing case of a check, in the form that the record keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.device import Launch, Provenance
from grader.grading.executor import Ending
from grader.grading.judge import Comparison, number
from grader.grading.observe import Observation, Problem, concerns
from grader.intake.launches import short_launch
from grader.puzzles.definition import Arrays, Puzzle, Sizes, Suspect
from grader.record import Counterexample, Mismatch, Tensor

MAX_MISMATCHES = 256
MAX_LAUNCHES = 8
_NO_OUTPUT = frozenset({Ending.DIED, Ending.ERROR})


def build(
    puzzle: Puzzle,
    observation: Observation,
    problem: Problem,
    *,
    failing: Sequence[Observation],
    source: str,
) -> Counterexample:
    """A counterexample for the record, with the suspect that explains it, if one does.

    Args:
        puzzle: What is graded.
        observation: The simplest failing case.
        problem: What is wrong with it.
        failing: Other failing cases of the same check, which a suspect must explain too: the
            simplest case holds so many zeros that many a mistake would give the same.
        source: The submission's text.
    """
    run = observation.run
    sizes = dict(run.case.shape.sizes)
    value = puzzle.reference(run.case.inputs, sizes)
    comparison = observation.comparison
    output = puzzle.output
    with np.errstate(over="ignore"):
        expected = value.astype(output.dtype)
    return Counterexample(
        check=problem.check,
        title=problem.title,
        sizes=sizes,
        inputs=tuple(tensor(spec.name, run.case.inputs[spec.name]) for spec in puzzle.inputs),
        expected=tensor(output.name, expected),
        got=tensor(output.name, run.output) if run.output is not None else None,
        mismatches=tuple(_mismatches(observation, comparison)) if comparison else (),
        mismatch_count=len(comparison.wrong) if comparison else 0,
        explanation=_explanation(puzzle, [observation, *failing], source),
        error=problem.detail if run.ending is not Ending.OUTPUT else "",
        case=observation.number,
        concerns=concerns(puzzle, run.case, problem.check),
        launches=_launches(observation),
    )


def _explanation(puzzle: Puzzle, failing: Sequence[Observation], source: str) -> str:
    """What is known of the mistake: by the outputs, or by the launch where there is none."""
    suspect = suspected(puzzle, failing)
    if suspect is not None:
        return f"{suspect.explanation} {suspect.advice}"
    if all(observation.run.ending in _NO_OUTPUT for observation in failing):
        short = short_launch(source)
        return short.sentence if short is not None else ""
    return ""


def _launches(observation: Observation) -> tuple[Launch, ...]:
    """The first launches of the case, without what the record keeps apart."""
    evidence = observation.run.evidence
    launches = evidence.launches[:MAX_LAUNCHES] if evidence is not None else ()
    return tuple(msgspec.structs.replace(each, findings=(), printed="") for each in launches)


def tensor(name: str, array: NDArray[np.generic]) -> Tensor:
    """An array for the record, little-endian."""
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return Tensor(name=name, dtype=array.dtype.name, shape=array.shape, data=little.tobytes())


def _mismatches(observation: Observation, comparison: Comparison) -> Iterator[Mismatch]:
    expected = comparison.expected
    got = comparison.got.ravel()
    for index in comparison.wrong[:MAX_MISMATCHES].tolist():
        stretch = _writer(observation, index * got.itemsize)
        yield Mismatch(
            index=index,
            expected=number(float(expected.value.ravel()[index])),
            got=number(float(got[index])),
            allowed=None if comparison.exact else float(expected.allowed.ravel()[index]),
            block=stretch.block if stretch else None,
            thread=stretch.thread if stretch else None,
            writer=stretch.writer if stretch else None,
        )


def _writer(observation: Observation, offset: int) -> Provenance | None:
    """Who wrote the byte at this offset of the output last."""
    copy_out = observation.run.copy_out
    if copy_out is None:
        return None
    return next((run for run in copy_out.provenance if run.start <= offset < run.stop), None)


def suspected(puzzle: Puzzle, failing: Sequence[Observation]) -> Suspect | None:
    """The well-known mistake that gives exactly these outputs, if there is one."""
    for suspect in puzzle.suspects:
        if all(_explains(suspect, observation) for observation in failing):
            return suspect
    return None


def _explains(suspect: Suspect, observation: Observation) -> bool:
    comparison = observation.comparison
    if comparison is None or comparison.right:
        return False
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        got = comparison.got.ravel().astype(np.float64)
    answer = _answer(suspect, observation.case.inputs, observation.case.shape.sizes)
    if answer is None:
        return False
    with np.errstate(invalid="ignore"):
        close = np.abs(got - answer) <= comparison.expected.allowed.ravel()
    same = (got == answer) | (np.isnan(got) & np.isnan(answer))
    return bool((close | same | ~comparison.expected.decided.ravel()).all())


def _answer(suspect: Suspect, inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    with np.errstate(all="ignore"):
        answer = suspect.answer(inputs, sizes)
    return None if answer is None else answer.ravel()
