"""The pipeline and the stencil: which answers are right, and what each synchronisation is for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.together import lanes_together
from grader.device import FindingKind
from grader.grading.cases import drawn as drawn_case
from grader.grading.inputs import Pattern, drawn, patterned
from grader.model.cases import PlannedShape
from grader.model.domains import Sizes, Values
from grader.model.part import Arrays
from grader.puzzles import find
from grader.puzzles.gpu_synchronization_primitives.bound import REACH, tile_of
from grader.record import Ending
from tests.puzzles.test_kernel_puzzles import accepts, refused_in_float16

PUZZLE = find("gpu_synchronization_primitives")
PIPELINE, STENCIL = PUZZLE.parts
F = np.float32
Singles = NDArray[np.float32]
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
WHOLE = {"size": 512, "warps": 8}
SHORT = {"size": 300, "warps": 4}


def rows_of(inputs: Arrays, sizes: Sizes) -> Singles:
    values, tile = inputs["input"].astype(F), tile_of(sizes)
    rows = np.zeros((-(-len(values) // tile), tile), F)
    rows.ravel()[: len(values)] = values
    return rows


def mean_at(rows: Singles, i: int, radius: int, *, backwards: bool = False) -> Singles:
    near = rows[:, max(i - radius, 0) : i + radius + 1]
    total = np.zeros(len(rows), F)
    for k in range(near.shape[1])[:: -1 if backwards else 1]:
        total = (total + near[:, k]).astype(F)
    return (total / F(near.shape[1])).astype(F)


def by_reciprocal(rows: Singles, i: int, radius: int) -> Singles:
    """In pairs, and times the rounded reciprocal."""
    near = rows[:, max(i - radius, 0) : i + radius + 1]
    half = near.shape[1] // 2
    total = near[:, :half].sum(axis=1, dtype=F) + near[:, half:].sum(axis=1, dtype=F)
    return (total * F(1 / near.shape[1])).astype(F)


Mean = Callable[[Singles, int, int], Singles]


def means(rows: Singles, radius: int, mean: Mean) -> Singles:
    return np.stack([mean(rows, i, radius) for i in range(rows.shape[1])], axis=1)


def smoothed(rows: Singles) -> Singles:
    found = rows.copy()
    found[:, 1:] = (found[:, 1:] + rows[:, :-1]) * F(0.6)
    found[:, :-1] = (found[:, :-1] + rows[:, 1:]) * F(0.6)
    return found


def in_stages(mean: Mean) -> Callable[[Singles], Singles]:
    return lambda rows: smoothed(means((rows * F(1.1)).astype(F), 2, mean))


def brightened_last(rows: Singles) -> Singles:
    """The factor of 1.1 at the end, in float32 as all others."""
    return (smoothed(means(rows, 2, mean_at)) * F(1.1)).astype(F)


def weighted(matrix: NDArray[np.float64]) -> Callable[[Singles], Singles]:
    """All elements of the tile with their weights at once, the last one first."""

    def way(rows: Singles) -> Singles:
        total = np.zeros_like(rows)
        for k in reversed(range(rows.shape[1])):
            near = slice(max(k - REACH, 0), k + REACH + 1)
            total[:, near] += rows[:, k : k + 1] * matrix[k, near].astype(F)
        return total

    return way


def weights_of(name: str, tile: int) -> NDArray[np.float64]:
    """What a 1 in each place of a tile leads to."""
    inputs = {"input": np.eye(tile, dtype=F).ravel()}
    sizes = {"size": tile * tile, "warps": tile // 32}
    value = PUZZLE.part(name).expected(inputs, sizes)["output"].value
    return np.asarray(value, np.float64).reshape(tile, tile)


def iterated(mean: Mean) -> Callable[[Singles], Singles]:
    def way(rows: Singles) -> Singles:
        for _ in range(3):
            rows = means(rows, 1, mean)
        return rows

    return way


WAYS: dict[str, tuple[str, Callable[[Sizes], Callable[[Singles], Singles]]]] = {
    "stages": (PIPELINE.name, lambda sizes: in_stages(mean_at)),
    "stages backwards": (
        PIPELINE.name,
        lambda sizes: in_stages(lambda *how: mean_at(*how, backwards=True)),
    ),
    "stages by reciprocals": (PIPELINE.name, lambda sizes: in_stages(by_reciprocal)),
    "brightened last": (PIPELINE.name, lambda sizes: brightened_last),
    "pipeline at once": (
        PIPELINE.name,
        lambda sizes: weighted(weights_of(PIPELINE.name, tile_of(sizes))),
    ),
    "iterations": (STENCIL.name, lambda sizes: iterated(mean_at)),
    "iterations backwards": (
        STENCIL.name,
        lambda sizes: iterated(lambda *how: mean_at(*how, backwards=True)),
    ),
    "iterations by reciprocals": (STENCIL.name, lambda sizes: iterated(by_reciprocal)),
    "stencil at once": (
        STENCIL.name,
        lambda sizes: weighted(weights_of(STENCIL.name, tile_of(sizes))),
    ),
}


def answer_of(name: str, sizes: Sizes) -> Callable[[Arrays], Singles]:
    way = WAYS[name][1](sizes)

    def answer(inputs: Arrays) -> Singles:
        with np.errstate(all="ignore"):
            return way(rows_of(inputs, sizes)).ravel()[: sizes["size"]].astype(F)

    return answer


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("sizes", [WHOLE, SHORT], ids=str)
def test_right_ways_are_accepted_in_every_case(name: str, sizes: Sizes) -> None:
    part, answer = PUZZLE.part(WAYS[name][0]), answer_of(name, sizes)
    for seed in range(4):
        cases = [
            (values, drawn(part, sizes, values, np.random.default_rng([seed, 1])))
            for values in KINDS
        ] + [
            (
                values,
                patterned(
                    part,
                    sizes,
                    pattern,
                    np.random.default_rng([seed, 2]),
                    whole=values is Values.INTEGERS,
                ),
            )
            for pattern in Pattern
            for values in KINDS[:2]
        ]
        for values, inputs in cases:
            right = part.expected(inputs, sizes)["output"]
            # Whoever weighs all elements of a tile at once meets the infinities of all.
            if values is Values.SPECIAL and "at once" in name:
                continue
            assert accepts(right, values, answer(inputs)), (values, seed)


@pytest.mark.parametrize("name", WAYS)
def test_the_same_in_float16_is_not(name: str) -> None:
    assert refused_in_float16(PUZZLE.part(WAYS[name][0]), WHOLE, answer_of(name, WHOLE)) >= 15


@pytest.mark.parametrize("part", PUZZLE.parts, ids=lambda part: part.name)
@pytest.mark.parametrize("count", [1, 3, 100, 256, 257, 600])
def test_what_depends_on_cells_without_an_element_is_undecided(part, count: int) -> None:
    sizes = {"size": count, "warps": 8}
    inputs = {"input": np.arange(1, count + 1, dtype=F)}
    right = part.expected(inputs, sizes)["output"]
    assert right.value.shape == (count,)
    last = min(count % 256, REACH)
    assert right.decided.tolist() == [True] * (count - last) + [False] * last


@pytest.mark.parametrize(("part", "factor"), [(PIPELINE, 5.5), (STENCIL, 3)])
def test_what_may_overflow_on_the_way_is_undecided(part, factor: float) -> None:
    largest = np.finfo(F).max
    values = np.ones(256, F)
    values[100] = largest / factor
    values[200] = largest / (factor * 1.001)
    right = part.expected({"input": values}, {"size": 256, "warps": 8})["output"]
    assert np.flatnonzero(~right.decided).tolist() == list(range(97, 104))


# ---- each synchronisation, left out ----

INIT_WAIT = """\
    while not mbarrier_test_wait(init_barrier.ptr, TPB):
        pass
"""
ITER_WAIT = """\
        while not mbarrier_test_wait(iter_barrier.ptr, TPB):
            pass
"""
FINAL_WAIT = """\
    while not mbarrier_test_wait(final_barrier.ptr, TPB):
        pass
"""
BEGIN_AGAIN = """\
        if local_i == 0:
            mbarrier_init(iter_barrier.ptr, TPB)
"""
INIT_ARRIVE = "    _ = mbarrier_arrive(init_barrier.ptr)\n"
ITER_ARRIVE = "        _ = mbarrier_arrive(iter_barrier.ptr)\n"
FINAL_ARRIVE = "    _ = mbarrier_arrive(final_barrier.ptr)\n"
AFTER_INIT = "        mbarrier_init(final_barrier.ptr, TPB)\n"
BARRIER = "    barrier()\n"
NEXT_BARRIER = "        barrier()\n"

RACE, STUCK = FindingKind.RACE, FindingKind.BARRIER_DIVERGENCE
MISUSE = FindingKind.MBARRIER_MISUSE
LEFT_OUT: dict[str, tuple[str, str, FindingKind | None]] = {
    "barrier behind the load": ("if i < size else 0\n" + BARRIER, BARRIER, RACE),
    "barrier behind the blur": (
        "blur_shared[place] = total / output.ElementType(count)\n" + BARRIER,
        BARRIER,
        RACE,
    ),
    # Each thread writes an element of its own in global memory, and nobody reads it.
    "last barrier": ("        output[global_i] = value\n" + BARRIER, BARRIER, None),
    "init of init_barrier": (
        "        mbarrier_init(init_barrier.ptr, TPB)\n",
        "        mbarrier_init(init_barrier.ptr, TPB)\n",
        MISUSE,
    ),
    "init of iter_barrier": (
        "        mbarrier_init(iter_barrier.ptr, TPB)\n" + AFTER_INIT,
        "        mbarrier_init(iter_barrier.ptr, TPB)\n",
        MISUSE,
    ),
    "init of final_barrier": (AFTER_INIT, AFTER_INIT, MISUSE),
    "barrier behind the init": (AFTER_INIT + BARRIER, BARRIER, RACE),
    "arrival behind the load": (INIT_ARRIVE, INIT_ARRIVE, STUCK),
    "wait behind the load": (INIT_WAIT, INIT_WAIT, RACE),
    "pair behind the load": (INIT_ARRIVE + INIT_WAIT, INIT_ARRIVE + INIT_WAIT, RACE),
    "arrival of an iteration": (ITER_ARRIVE, ITER_ARRIVE, STUCK),
    # The barrier() behind it orders the buffers; the next init races with late arrivals.
    "wait of an iteration": (ITER_WAIT, ITER_WAIT, RACE),
    # The barrier() behind it orders the buffers, and nobody else uses iter_barrier.
    "pair of an iteration": (ITER_ARRIVE + ITER_WAIT, ITER_ARRIVE + ITER_WAIT, None),
    "next init": (BEGIN_AGAIN, BEGIN_AGAIN, STUCK),
    "barrier behind the next init": (BEGIN_AGAIN + NEXT_BARRIER, NEXT_BARRIER, RACE),
    "next init and its barrier": (
        BEGIN_AGAIN + NEXT_BARRIER,
        BEGIN_AGAIN + NEXT_BARRIER,
        STUCK,
    ),
    "last arrival": (FINAL_ARRIVE, FINAL_ARRIVE, STUCK),
    # Each thread has written its own element, and nothing follows.
    "last wait": (FINAL_WAIT, FINAL_WAIT, None),
    "last pair": (FINAL_ARRIVE + FINAL_WAIT, FINAL_ARRIVE + FINAL_WAIT, None),
}
"""A text that stands once in the right answer, what of it is left out, and what is found then."""
TOLERATED = {FindingKind.MBARRIER_REUSE, FindingKind.MBARRIER_STATE}


def without(name: str) -> str:
    """The right answer with one of them left out."""
    where, what, _ = LEFT_OUT[name]
    return right_answer().replace(where, where.replace(what, ""))


ASKS_ONCE = {
    "behind the load": (INIT_WAIT, "    _ = mbarrier_test_wait(init_barrier.ptr, TPB)\n"),
    # For the buffers the barrier() behind it is enough; the next init races with late arrivals.
    "of an iteration": (ITER_WAIT, "        _ = mbarrier_test_wait(iter_barrier.ptr, TPB)\n"),
}
"""Loops of waits, and what asks once in their place."""


@pytest.fixture(scope="module")
def seen() -> dict[str, tuple[set[FindingKind], set[Ending]]]:
    """What the device finds in each file that the given code does not show, and how runs end.

    They are compiled together.
    """
    texts = {"": right_answer()} | {name: without(name) for name in LEFT_OUT}
    texts |= {
        f"asks once {name}": right_answer().replace(wait, once)
        for name, (wait, once) in ASKS_ONCE.items()
    }
    shapes = [
        PlannedShape(number=number, part=part, sizes=WHOLE, origin="boundary")
        for number, part in enumerate(PUZZLE.parts)
    ]
    wanted = [(name, shape) for name in texts for shape in shapes]
    found: dict[str, tuple[set[FindingKind], set[Ending]]] = {
        name: (set(), set()) for name in texts
    }
    lanes = lanes_together([(texts[name], shape) for name, shape in wanted])
    for (name, shape), lane in zip(wanted, lanes, strict=True):
        run = lane.run(drawn_case(shape, Values.INTEGERS, np.random.default_rng(0)))
        assert run.evidence is not None
        kinds, ended = found[name]
        given = shape.part.given
        for launch in run.evidence.launches:
            kinds |= {each.kind for each in launch.findings}
        kinds -= given.shows if given is not None else frozenset()
        ended.add(run.ending)
    return found


def right_answer() -> str:
    text = PUZZLE.reference("26.5", "right")
    assert text is not None
    return text


def test_the_given_code_shows_what_is_said_of_it_and_the_pipeline_nothing() -> None:
    assert STENCIL.given is not None
    assert STENCIL.given.shows == TOLERATED
    assert PIPELINE.given is None
    older = STENCIL.for_edition("26.3").given
    assert older is not None
    assert older.shows == TOLERATED | {RACE}
    assert STENCIL.for_edition("26.6").given == STENCIL.given


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_stands_once(name: str) -> None:
    where, what, _ = LEFT_OUT[name]
    assert right_answer().count(where) == 1
    assert where.count(what) == 1


Seen = dict[str, tuple[set[FindingKind], set[Ending]]]


@pytest.mark.slow
def test_nothing_costs_points_in_the_right_answer(seen: Seen) -> None:
    assert seen[""] == (set(), {Ending.OUTPUT})


@pytest.mark.slow
@pytest.mark.parametrize("name", LEFT_OUT)
def test_each_synchronisation_that_is_left_out_is_found_or_orders_nothing(
    name: str, seen: Seen
) -> None:
    kind = LEFT_OUT[name][2]
    if kind is None:
        assert seen[name] == (set(), {Ending.OUTPUT})
    else:
        assert kind in seen[name][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ASKS_ONCE)
def test_a_wait_outside_of_a_loop_is_found(name: str, seen: Seen) -> None:
    assert RACE in seen[f"asks once {name}"][0]
