"""Did the device compute the answer, or did the host hand it over?

Of two cases of one shape, the second is done again on the device alone, with
the inputs of the first (`grader.device.replay`). Kernels that compute give the
first case's answer. Host code that works the answer out, and passes it to a
kernel in a copy or in the arguments of a launch, is not there to do so again.
"""

from __future__ import annotations

import numpy as np

from grader.grading.executor import Executor
from grader.grading.judge import compare
from grader.grading.observe import Observation, Problem
from grader.puzzles.definition import Part, Puzzle


def by_the_host(
    puzzle: Puzzle, executor: Executor, first: Observation, second: Observation
) -> Problem | None:
    """The problem, where the host took part in computing the second case.

    Both must be right: what is wrong anyway is not looked into. ``second`` is
    the executor's last case, run as a repeatable one.
    """
    if not (_right(first) and _right(second)) or second.run.copy_out is None:
        return None
    contents = [array.tobytes() for array in second.case.inputs.values()]
    if len(set(contents)) < len(contents):
        return None  # inputs are told apart by what they hold
    answer = executor.repeat(second.case, first.case.inputs)
    robust = puzzle.part(second.case.shape.sizes) is Part.ROBUST
    check = "robust" if robust else "device"
    if isinstance(answer, str):
        return Problem(check=check, title="host code can't be told from the device", detail=answer)
    output = first.run.output
    assert output is not None
    again = np.frombuffer(answer, dtype=output.dtype).reshape(output.shape)
    if compare(puzzle, first.case, again).right:
        return None
    return Problem(
        check=check,
        title="computed with the help of the host",
        detail="the same copies and launches, done again with other inputs but without the host "
        "code, do not give the right answer: the host works out what the kernels hand over",
    )


def _right(observation: Observation) -> bool:
    return observation.comparison is not None and observation.comparison.right
