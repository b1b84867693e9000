"""Puzzle 10: of what costs points, the device shows the two bugs that are to be found, no other."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device import FindingKind
from grader.grading.cases import drawn
from grader.model.cases import PlannedShape
from grader.model.domains import Values
from grader.puzzles import find
from grader.wording.findings import ALLOWED, SHOWS_IN_VALUES
from tests.lanes.test_two_ways import opened

PUZZLE = find("memory_errors")
AS_GIVEN = {"add_10_2d": {FindingKind.OUT_OF_BOUNDS}, "shared_memory_race": {FindingKind.RACE}}
BESIDE = {FindingKind.UNINITIALISED_READ}
"""The given kernel with the race never sets its sum to zero, of which the task says nothing."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "expected"),
    [("skeleton", AS_GIVEN), ("right", {name: set() for name in AS_GIVEN})],
)
def test_what_the_device_shows(file, expected):
    """Of the file with the task's size, and a smaller one."""
    text = PUZZLE.reference("26.5", file)
    assert text is not None
    shapes = [
        PlannedShape(number=number, part=part, sizes={"size": size}, origin="boundary")
        for number, (part, size) in enumerate(
            (part, size) for part in PUZZLE.parts for size in (2, 1)
        )
    ]
    found: dict[str, list[set[FindingKind]]] = {name: [] for name in expected}
    with opened(text, PUZZLE, shapes) as (lane, built):
        assert built.ok
        for shape in shapes:
            run = lane.run(drawn(shape, Values.INTEGERS, np.random.default_rng(0)))
            assert run.evidence is not None
            found[shape.part.name].append(
                {
                    each.kind
                    for launch in run.evidence.launches
                    for each in launch.findings
                    if each.kind not in ALLOWED
                }
            )
    assert all(
        kinds - SHOWS_IN_VALUES <= expected[name] for name, at in found.items() for kinds in at
    )
    # The smaller one has one element, and nobody to race with.
    assert {name: at[0] - SHOWS_IN_VALUES for name, at in found.items()} == expected
    beside = set().union(*(kinds & SHOWS_IN_VALUES for at in found.values() for kinds in at))
    assert beside == (BESIDE if file == "skeleton" else set())
