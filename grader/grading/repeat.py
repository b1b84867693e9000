"""Did the device compute the answer, or did the host hand it over?

A case is done again on the device alone, with inputs that the program has never
seen (`grader.device.replay`). Kernels that compute give the right answer for
these too. Host code that works the answer out, and passes it to a kernel in a
copy or in the arguments of a launch, is not there to do so again; nor can it
hand over answers for inputs that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.grading.cases import Case
from grader.grading.executor import Executor
from grader.grading.judge import compare
from grader.grading.observe import Observation, Problem
from grader.puzzles.definition import Part, Puzzle

UNCLEAR = "host code can't be told from the device"
"""Title of the problem of a case that can't be done again."""


def by_the_host(
    puzzle: Puzzle,
    executor: Executor,
    last: Observation,
    unseen: Case,
    run: Callable[[Case], Observation],
) -> Problem | None:
    """The problem, where the host took part in computing a case.

    Args:
        last: The executor's last case, run as a repeatable one. It must be right: what is
            wrong anyway is not looked into.
        unseen: A case of the same shape that the program was never given.
        run: Runs a case. It is asked for ``unseen`` where the device alone gets that wrong: if
            the program gets it wrong as well, the kernel is wrong there, and no host helped.
    """
    if not _right(last) or last.run.copy_out is None or not _told_apart(last.case):
        return None
    answer = executor.repeat(last.case, unseen.inputs)
    robust = puzzle.part(last.case.shape.sizes) is Part.ROBUST
    check = "robust" if robust else "device"
    if isinstance(answer, str):
        return Problem(check=check, title=UNCLEAR, detail=answer)
    output = last.run.output
    assert output is not None
    again = np.frombuffer(answer, dtype=output.dtype).reshape(output.shape)
    if compare(puzzle, unseen, again).right or not _right(run(unseen)):
        return None
    return Problem(
        check=check,
        title="computed with the help of the host",
        detail="the same copies and launches, done again with other inputs but without the host "
        "code, do not give the right answer: the host works out what the kernels hand over",
    )


def _told_apart(case: Case) -> bool:
    """Whether inputs are known by what they hold, among all that a program copies."""
    contents = {array.tobytes() for array in case.inputs.values()}
    # A single whole number may be a constant of the program as well.
    common = any(
        array.size == 1 and float(array.ravel()[0]).is_integer() for array in case.inputs.values()
    )
    zeros = any(not array.all() for array in case.inputs.values())
    return len(contents) == len(case.inputs) and not common and not zeros


def _right(observation: Observation) -> bool:
    return observation.comparison is not None and observation.comparison.right
