"""Kernels that the grader launches, and those that a library launches in a worker: one evidence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from grader import puzzles
from grader.grading.cases import drawn
from grader.lanes import DeviceChoice, ways
from grader.lanes.kernel_build import BuiltKernels
from grader.lanes.prepared import chosen_way, compiled_kernels
from grader.lanes.ways import ProgramLane
from grader.lanes.workspace import LaneSetup
from grader.model.cases import CaseRun, PlannedShape
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.samples import read_samples
from grader.sandbox import Wanted, probe_once
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate
from grader.worker.process import Ended

PROGRAMS = [
    found
    for found in map(puzzles.find, puzzles.NAMES)
    # What launches kernels by itself runs in one way only.
    if found.is_program and not found.calls_host
]
ORDINARY = [
    ("memory_errors", "skeleton"),
    ("prefix_sum", "in_place_without_barriers"),
    ("gpu_cluster_programming", "no_cluster_sync"),
]
"""A fault of the device and a race; two launches, and parts with a race each; clusters."""


def shapes_of(puzzle: Puzzle) -> list[PlannedShape]:
    """Two sizes of each part."""
    found = [(part, sizes) for part in puzzle.parts for sizes in part.boundaries[:2]]
    return [
        PlannedShape(number=number, part=part, sizes=sizes, origin="boundary")
        for number, (part, sizes) in enumerate(found)
    ]


@contextlib.contextmanager
def opened(
    text: str,
    puzzle: Puzzle,
    shapes: Sequence[PlannedShape],
    edition: str = "auto",
    wanted: DeviceChoice = "software",
) -> Iterator[tuple[ProgramLane, BuiltKernels[Any]]]:
    """The lane that a device gets, with what was built."""
    setup = LaneSetup(
        module=puzzle.name,
        toolchain=locate(editions.find(edition)),
        isolation=probe_once(Wanted.AUTO).level,
        device=wanted,
        timeout=300,
    )
    chosen, way = chosen_way(text, setup, puzzle.parts)
    built = compiled_kernels(text, shapes, setup, way)
    with chosen, way.open_lane() as lane:
        if built.kernels:
            lane.take(built.kernels)
            assert not isinstance(lane.prepare(shapes), Ended)
        yield lane, built


def seen(run: CaseRun) -> tuple[Any, ...]:
    """What a run shows that must not depend on the way."""
    assert run.evidence is not None
    return (
        run.ending,
        run.bits,
        [array.tobytes() for array in run.inputs_after],
        [(copy.data, copy.provenance) for copy in run.copies_out],
        [
            (launch.kernel, launch.grid, launch.block, launch.cluster, launch.result)
            for launch in run.evidence.launches
        ],
        [
            (each.kind, each.message, each.source_line, each.block, each.thread, each.count)
            for launch in run.evidence.launches
            for each in launch.findings
        ],
    )


def all_seen(text: str, puzzle: Puzzle) -> list[Any]:
    """What one way shows of a file: which parts it refuses, and a case of each shape."""
    shapes = shapes_of(puzzle)
    with opened(text, puzzle, shapes) as (lane, built):
        found: list[Any] = [built.ok, sorted(built.refused)]
        for shape in shapes:
            if shape.number in built.kernels:
                random = np.random.default_rng(shape.number)
                for number, values in enumerate((Values.INTEGERS, Values.REALS)):
                    run = lane.run(drawn(shape, values, random), variant=number)
                    found.append((shape.part.name, shape.sizes, values, *seen(run)))
        return found


def samples() -> Iterator[Any]:
    """The right answer and two wrong ones of each puzzle of programs."""
    for puzzle in PROGRAMS:
        here = [each for each in read_samples(puzzle.name) if each.edition == "26.5"]
        right = [each for each in here if each.name == "right"]
        wrong = [each for each in here if each.entry.verdict == "fail" and each.entry.score > 10]
        chosen = {each.name: each for each in (*right, *wrong[:2])}
        chosen |= {each.name: each for each in here if (puzzle.name, each.name) in ORDINARY}
        # Each part that does compile has a library of its own then.
        chosen |= {each.name: each for each in here if each.name == "does_not_compile_in_one"}
        for name, sample in chosen.items():
            usual = (puzzle.name, name) in ORDINARY
            marks = [pytest.mark.slow, *([] if usual else [pytest.mark.exhaustive])]
            text = sample.content.decode()
            yield pytest.param(puzzle, text, id=f"{puzzle.name} {name}", marks=marks)


@pytest.mark.parametrize(("puzzle", "text"), [*samples()])
def test_both_ways_show_the_same(puzzle, text, monkeypatch):
    as_ptx = all_seen(text, puzzle)
    monkeypatch.setattr(ways, "as_ptx", lambda *_: False)
    assert all_seen(text, puzzle) == as_ptx
    assert len(as_ptx) > 2


EXPORTING = """
@export("malloc")
def no_memory(length: Int) abi("C") -> Int:
    return 0


@export("cuLaunchKernel")
def no_launch(function: Int) abi("C") -> Int:
    return 0
"""


@pytest.mark.slow
def test_nothing_that_a_file_exports_is_in_the_library(monkeypatch):
    monkeypatch.setattr(ways, "as_ptx", lambda *_: False)
    puzzle = puzzles.find("map_2d")
    (text,) = [
        each.content.decode()
        for each in read_samples(puzzle.name)
        if (each.name, each.edition) == ("right", "26.5")
    ]
    shapes = shapes_of(puzzle)
    with opened(text + EXPORTING, puzzle, shapes) as (lane, built):
        data = built.kernels[0].library.data
        assert b"no_memory" not in data
        assert b"no_launch" not in data
        assert b"cuLaunchKernel" not in data
        case = drawn(shapes[0], Values.INTEGERS, np.random.default_rng(0))
        assert lane.run(case).outputs is not None
