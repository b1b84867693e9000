"""Each synchronisation of our answers, left out: it is found, or said to order nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from benchmarks.labels import missing
from benchmarks.mutants import Mutant, Quick, equivalent, mutants_of, shows_a_problem
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
    mutants = [
        mutant
        for name in NAMES
        if find(name).is_program == programs
        for mutant in mutants_of(name)
        if mutant.leaves_out
    ]
    harmless = equivalent()
    at_largest = shown(mutants, {name: Quick.of(name) for name in NAMES})
    # What orders two tiles shows only where there are two, which need not be at the largest size.
    left = [
        each
        for each in mutants
        if each not in at_largest and (each.puzzle, each.name) not in harmless
    ]
    anywhere = at_largest + shown(
        left, {each.puzzle: Quick.at_all_sizes(each.puzzle) for each in left}
    )
    unseen = {(each.puzzle, each.name) for each in mutants if each not in anywhere}
    assert unseen == harmless.keys() & {(each.puzzle, each.name) for each in mutants}


def shown(mutants: Sequence[Mutant], quick: Mapping[str, Quick]) -> list[Mutant]:
    """The mutants of which a case of some size shows a problem."""
    wanted = [
        (mutant, shape)
        for mutant in mutants
        for shape in quick[mutant.puzzle].shapes
        if mutant.part in ("", shape.part.name)
    ]
    if not wanted:
        return []
    lanes = lanes_together([(mutant.text, shape) for mutant, shape in wanted])
    return [
        mutant
        for (mutant, shape), lane in zip(wanted, lanes, strict=True)
        if shows_a_problem(find(mutant.puzzle), shape, lane)
    ]
