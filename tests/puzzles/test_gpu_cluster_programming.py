"""Sums by the blocks of a cluster: right in any order, and what each synchronisation is for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.labels import missing
from benchmarks.mutants import SYNCHRONISES
from benchmarks.together import lanes_together
from grader.choices import DEFAULT_EDITION
from grader.device import FindingKind
from grader.folders import reference_kernel
from grader.grading.cases import drawn
from grader.grading.inputs import drawn as inputs_of
from grader.intake.program import functions
from grader.lanes.kernel import KernelLane
from grader.model.cases import CaseRun, PlannedShape
from grader.model.domains import Values
from grader.model.part import Arrays
from grader.puzzles import find
from grader.puzzles.gpu_cluster_programming.answers import THREADS, threads
from grader.record import Ending
from tests.puzzles.test_kernel_puzzles import accepts, refused_in_float16

PUZZLE = find("gpu_cluster_programming")
F = np.float32
TASK = {"size": THREADS, "blocks": 4}


def rows(inputs: Arrays, blocks: int) -> np.ndarray:
    values = np.zeros(THREADS, F)
    values[: len(inputs["input"])] = inputs["input"]
    return values.reshape(blocks, -1)


def in_order(values: np.ndarray) -> np.float32:
    total = F(0)
    for value in values:
        total = F(total + value)
    return total


def by_halves(values: np.ndarray) -> np.float32:
    while len(values) > 1:
        half = len(values) // 2
        values = values[:half] + values[half:]
    return F(values[0])


def by_warps(values: np.ndarray) -> np.float32:
    return in_order(np.array([in_order(warp) for warp in values.reshape(-1, 32)], F))


Sum = Callable[[np.ndarray], np.float32]
SUMS = pytest.mark.parametrize("sum_up", [in_order, by_halves, by_warps])


@pytest.mark.parametrize("at_the_end", [False, True])
@SUMS
def test_scaled_sums_are_right_in_any_order_and_not_in_float16(sum_up: Sum, at_the_end: bool):
    part = PUZZLE.parts[0]
    for sizes in ({"size": THREADS, "blocks": 4}, {"size": 257, "blocks": 8}):
        scales = np.arange(1, sizes["blocks"] + 1, dtype=F)

        def way(inputs: Arrays, blocks: int = sizes["blocks"], scales: np.ndarray = scales):
            own = rows(inputs, blocks)
            if at_the_end:
                return np.array([sum_up(row) for row in own], F) * scales
            return np.array([sum_up(row) for row in own * scales[:, None]], F)

        assert refused_in_float16(part, sizes, way) >= 5


@SUMS
def test_the_total_is_right_in_any_order_and_not_in_float16(sum_up: Sum):
    part = PUZZLE.part("cluster_collective_operations")

    def way(inputs: Arrays) -> np.ndarray:
        return np.array([in_order(np.array([sum_up(row) for row in rows(inputs, 4)], F))])

    assert refused_in_float16(part, TASK, way) >= 5


def test_a_sum_that_is_flushed_before_it_is_multiplied_is_right():
    """An addition may lose nearly the smallest normal number, and eight times that is not there."""
    part, sizes = PUZZLE.parts[0], {"size": 7 * 128 + 2, "blocks": 8}
    tiny = np.finfo(F).tiny
    values = np.zeros(sizes["size"], F)
    values[-2:] = 1.75 * tiny, -tiny
    right = part.expected({"input": values}, sizes)["output"]
    assert accepts(right, Values.REALS, np.zeros(8, F))
    values[-2:] = 4 * tiny, -tiny
    right = part.expected({"input": values}, sizes)["output"]
    assert not accepts(right, Values.REALS, np.zeros(8, F))


def test_a_single_element_that_is_left_out_shows():
    for part in PUZZLE.parts:
        inputs = inputs_of(part, TASK, Values.REALS, np.random.default_rng(1))
        right = part.expected(inputs, TASK)["output"]
        assert accepts(right, Values.REALS, right.value)
        for place in (0, 255, 256, 1023):
            fewer = {"input": inputs["input"].copy()}
            fewer["input"][place] = 0
            given = part.expected(fewer, TASK)["output"].value
            assert not accepts(right, Values.REALS, given)


def test_each_launch_is_one_cluster_of_the_book_s_size_or_another_power_of_two():
    for part in PUZZLE.parts:
        (launch,) = part.kernels.launches
        for blocks in (2, 4, 8):
            sizes = {"size": 1, "blocks": blocks}
            grid, block = launch.extents(sizes)
            assert launch.cluster_at(sizes) == grid == (blocks, 1, 1)
            assert block == (threads(sizes), 1, 1) == (THREADS // blocks, 1, 1)
        assert part.kernels.architecture == PUZZLE.architecture == "sm_90"


FOUND = (FindingKind.RACE, Ending.OUTPUT)
HANGS = (FindingKind.BARRIER_DIVERGENCE, Ending.ERROR)
HARMLESS = (None, Ending.OUTPUT)
"""What nobody waits for: each block stores what it alone has read, and ends."""
WITHOUT = {
    "cluster_coordination_basics": {
        "barrier": [FOUND],
        "cluster_arrive": [HANGS],
        "cluster_wait": [HARMLESS],
    },
    "cluster_collective_operations": {"barrier": [FOUND, FOUND], "cluster_sync": [FOUND]},
    "advanced_cluster_patterns": {
        "barrier": [FOUND, FOUND],
        "cluster_arrive": [HANGS],
        "cluster_wait": [HARMLESS],
    },
}
"""By kernel and function, what comes of each call that is left out, in their order."""


def left_out(text: str, kernel: str, function: str) -> list[str]:
    """The text without one call of a function in a kernel, for each."""
    start, stop = functions(text)[kernel].body
    calls = list(re.finditer(rf"\b{function}\(\)", text[start:stop]))
    return [text[: start + each.start()] + "pass" + text[start + each.end() :] for each in calls]


def ran(lane: KernelLane, shape: PlannedShape) -> CaseRun:
    return lane.run(drawn(shape, Values.REALS, np.random.default_rng(1)))


def told(run: CaseRun) -> tuple[FindingKind | None, Ending]:
    """What costs points, and how the case ended."""
    assert run.evidence is not None
    kinds = [each.kind for launch in run.evidence.launches for each in launch.findings]
    return (kinds[0] if kinds else None), run.ending


@pytest.mark.slow
def test_each_synchronisation_that_is_left_out_is_found_or_orders_nothing():
    if why := missing(DEFAULT_EDITION):
        pytest.skip(why)
    text = reference_kernel(PUZZLE.name, DEFAULT_EDITION, "right.mojo").read_text("utf-8")
    wanted: list[tuple[PlannedShape, str, tuple[FindingKind | None, Ending]]] = []
    for number, part in enumerate(PUZZLE.parts):
        shape = PlannedShape(number=number, part=part, sizes=TASK, origin="boundary")
        wanted.append((shape, text, HARMLESS))
        for function in SYNCHRONISES:
            endings: Sequence[tuple[FindingKind | None, Ending]]
            endings = WITHOUT[part.name].get(function, [])
            changed = left_out(text, part.name, function)
            wanted += [(shape, *each) for each in zip(changed, endings, strict=True)]
    lanes = lanes_together([(changed, shape) for shape, changed, _ in wanted])
    for (shape, changed, ending), lane in zip(wanted, lanes, strict=True):
        assert told(ran(lane, shape)) == ending, (shape.part.name, changed)
