"""Graphs of one plan in the real MAX of an edition: each runs by itself, and survives the others.

One op that does something else at each of three shapes: it raises an error, it reads out of
bounds (after which the device refuses every call, as on a GPU), and it is right. Up to 26.3 these
are branches of one conditional graph; from 26.4 on, graphs of one module, which 26.4 loads again
by another call than the rest. One compile for each edition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest

from grader.device import FindingKind
from grader.folders import reference_kernel
from grader.lanes.graph import GraphLane
from grader.lanes.prepared import open_graph_lane
from grader.lanes.workspace import compile_limits, open_workspace
from grader.model.cases import Case, PlannedShape
from grader.model.domains import Values
from grader.puzzles.conv1d import PART, PUZZLE
from grader.puzzles.conv1d.bound import reference
from grader.record import Ending
from grader.sandbox import Wanted, probe_once
from grader.toolchain import edition as editions
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import is_installed, locate

RAISES, RIGHT, OUT_OF_BOUNDS = range(3)
CONV_SIZES = {RAISES: 3, RIGHT: 4, OUT_OF_BOUNDS: 2}
SHAPES = [
    PlannedShape(
        number=number,
        sizes={"input_size": 15, "conv_size": CONV_SIZES[number]},
        part=PART,
        origin="boundary",
    )
    for number in sorted(CONV_SIZES)
]


def program(edition: str) -> bytes:
    """The right answer, but for two of the shapes."""
    text = reference_kernel("conv1d", edition, "right.mojo").read_text(encoding="utf-8")
    before, mark, launch = text.partition("# One thread per output.")
    assert mark
    raising = 'if conv_size == 3:\n                raise Error("not done yet")\n            '
    launch, count = re.subn(
        r"\binput_size,(\s+)conv_size\b",
        r"input_size if conv_size != 2 else 1000,\1conv_size",
        launch,
        count=1,
    )
    assert count == 1
    return f"{before}{raising}{mark}{launch}".encode()


def case(number: int) -> Case:
    size = CONV_SIZES[number]
    inputs = {
        "input": np.arange(1, 16, dtype=np.float32),
        "kernel": np.arange(1, size + 1, dtype=np.float32),
    }
    return Case(shape=SHAPES[number], values=Values.INTEGERS, inputs=inputs)


@pytest.fixture(scope="module", params=["25.3", "25.4", "26.3", "26.4"])
def lane(request: pytest.FixtureRequest) -> Iterator[GraphLane]:
    edition = editions.find(request.param)
    if not is_installed(edition):
        pytest.skip(f"not installed: grade toolchain install {edition.name}")
    place = open_workspace(
        program(edition.name),
        PUZZLE.name,
        locate(edition),
        isolation=probe_once(Wanted.AUTO).level,
        device="software",
    )
    with place as workspace:
        packaged = package(workspace)
        assert packaged.ok, packaged.output
        limits = compile_limits(600)
        with open_graph_lane(workspace, "software", compile_limits=limits) as opened:
            started = opened.lane.prepare(SHAPES)
            assert isinstance(started, float), f"{started.message}\n{started.output}"
            yield opened.lane


def is_right(lane: GraphLane) -> bool:
    chosen = case(RIGHT)
    run = lane.run(chosen)
    assert run.ending is Ending.OUTPUT, run.message
    assert run.outputs is not None
    wanted = reference(chosen.inputs, chosen.shape.sizes)
    return bool(np.array_equal(run.outputs[0], wanted))


@pytest.mark.slow
@pytest.mark.exhaustive
class TestOneShapeBesideOthers:
    """Each test leaves the lane such that the next call has to work."""

    def test_it_is_right_at_the_shape_where_nothing_is_wrong(self, lane: GraphLane) -> None:
        assert is_right(lane)

    def test_an_error_that_one_shape_raises_is_reported_in_its_own_words(
        self, lane: GraphLane
    ) -> None:
        run = lane.run(case(RAISES))
        assert run.ending is Ending.ERROR, run.message
        assert "not done yet" in run.message
        assert is_right(lane)

    def test_after_a_fault_of_the_device_the_compiled_graphs_are_loaded_again(
        self, lane: GraphLane
    ) -> None:
        before = lane.replacements
        run = lane.run(case(OUT_OF_BOUNDS))
        assert run.ending is not Ending.OUTPUT
        assert run.evidence is not None
        found = {each.kind for launch in run.evidence.launches for each in launch.findings}
        assert FindingKind.OUT_OF_BOUNDS in found
        assert is_right(lane)
        assert is_right(lane)
        assert lane.replacements == before + 1

    def test_the_error_is_raised_again_by_a_graph_that_was_loaded_again(
        self, lane: GraphLane
    ) -> None:
        run = lane.run(case(RAISES))
        assert run.ending is Ending.ERROR
        assert "not done yet" in run.message
