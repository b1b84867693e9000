"""Kernels of programs on a real GPU, beside the software device: the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grader.device import Writer
from grader.grading.cases import drawn
from grader.lanes import DeviceChoice
from grader.model.cases import CaseRun
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.samples import Sample, read_samples
from tests.gpu.test_gpu import needs_gpu
from tests.lanes.test_two_ways import PROGRAMS, opened, shapes_of

_UNDEFINED = ("race", "out-of-bounds", "diverge", "unwritten", "loop")
"""In the causes of samples whose results no manual promises."""


def defined(sample: Sample) -> bool:
    """Whether what the sample computes is promised: the same on any device."""
    cause = sample.entry.cause or ""
    return sample.entry.verdict == "pass" or not any(word in cause for word in _UNDEFINED)


def samples() -> Iterator[Any]:
    """The right answers and five wrong ones of each puzzle of programs."""
    for puzzle in PROGRAMS:
        here = [x for x in read_samples(puzzle.name) if x.edition == "26.5" and defined(x)]
        right = [x for x in here if x.entry.verdict == "pass"]
        wrong = [x for x in here if x.entry.verdict == "fail" and x.entry.score > 10]
        for sample in (*right, *wrong[:5]):
            yield pytest.param(
                puzzle, sample.content.decode(), id=f"{puzzle.name} {sample.group} {sample.name}"
            )


def runs(text: str, puzzle: Puzzle, device: DeviceChoice) -> dict[tuple[int, Values], CaseRun]:
    """A case of whole numbers and one of reals, at two sizes of each part."""
    shapes = shapes_of(puzzle)
    found = {}
    with opened(text, puzzle, shapes, wanted=device) as (lane, built):
        for shape in shapes:
            if shape.number in built.kernels:
                random = np.random.default_rng(shape.number)
                for number, values in enumerate((Values.INTEGERS, Values.REALS)):
                    run = lane.run(drawn(shape, values, random), variant=number)
                    found[shape.number, values] = run
    return found


def undefined(run: CaseRun) -> bool:
    """Whether the software device saw something after which anything may happen on a GPU."""
    assert run.evidence is not None
    return any(launch.findings for launch in run.evidence.launches)


@needs_gpu
@pytest.mark.slow
@pytest.mark.parametrize(("puzzle", "text"), [*samples()])
def test_a_gpu_computes_the_same_bits(puzzle, text):
    here, there = runs(text, puzzle, "software"), runs(text, puzzle, "gpu")
    assert here.keys() == there.keys()
    assert here
    compared = 0
    for case, run in here.items():
        if undefined(run):
            # An error of a kernel may stay: what comes after it is no longer the same either.
            break
        assert (there[case].ending, there[case].message) == (run.ending, run.message), case
        for mine, its, copied in zip(
            run.outputs or (), there[case].outputs or (), run.copies_out, strict=True
        ):
            written = np.zeros(mine.nbytes, bool)
            for stretch in copied.provenance:
                # The rest holds what lay there before.
                written[stretch.start : stretch.stop] = stretch.writer is not Writer.NOBODY
            both = [np.frombuffer(array.tobytes(), np.uint8)[written] for array in (its, mine)]
            np.testing.assert_array_equal(*both, err_msg=str(case))
        compared += 1
    if not compared:
        pytest.skip("the software device found a fault in the first case")
