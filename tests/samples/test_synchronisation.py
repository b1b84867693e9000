"""Each synchronisation of our answers, left out: it is found, or said to order nothing."""

from __future__ import annotations

import pytest

from benchmarks.labels import missing
from benchmarks.mutants import Quick, equivalent, mutants_of, shows_a_problem
from benchmarks.together import lanes_together
from grader.choices import DEFAULT_EDITION
from grader.puzzles import NAMES, find


@pytest.mark.slow
@pytest.mark.parametrize(
    "programs", [True, pytest.param(False, marks=pytest.mark.exhaustive)], ids=["programs", "ops"]
)
def test_each_that_is_left_out_is_found_or_orders_nothing(programs: bool) -> None:
    if why := missing(DEFAULT_EDITION):
        pytest.skip(why)
    puzzles = [find(name) for name in NAMES if find(name).is_program == programs]
    wanted = [
        (puzzle, mutant, shape)
        for puzzle in puzzles
        for mutant in mutants_of(puzzle.name)
        if mutant.leaves_out
        for shape in Quick.of(puzzle.name).shapes
        if mutant.part in ("", shape.part.name)
    ]
    lanes = lanes_together([(mutant.text, shape) for _, mutant, shape in wanted])
    found: dict[tuple[str, str], bool] = {}
    for (puzzle, mutant, shape), lane in zip(wanted, lanes, strict=True):
        key = (puzzle.name, mutant.name)
        found[key] = found.get(key, False) or shows_a_problem(puzzle, shape, lane)
    assert {key for key, shown in found.items() if not shown} == equivalent().keys() & found.keys()
