"""Well-known wrong answers of the pipeline and of the stencil, with what to tell who gives them."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.gpu_synchronization_primitives.bound import (
    BRIGHTER,
    ITERATIONS,
    RADIUS,
    SMOOTHED,
    Way,
    by_tiles,
    how_many,
    mean,
    neighbours,
    pipeline,
    smoothed,
    stencil,
    tile_of,
)
from grader.puzzles.programs import Answer, numbers, of_right

MEAN = """\
for k in range(...):   # from the first neighbour to the last one
    if ...:            # it lies within the tile
        total += ...
        count += 1
...                    # the total, divided by what was counted"""
"""The shape of a mean of the neighbours that are there."""
TWO_EACH = """\
if ...:                # the threads of this stage
    ...                # an element
    ...                # and the one that lies half a tile further on"""
"""The shape of a stage in which half of the threads work on a whole tile."""
SMOOTHING = """\
value = ...            # the own cell
if ...:                # there is a left neighbour
    value = ...        # both together, scaled
if ...:                # there is a right one
    value = ...        # that and the right one together, scaled"""
"""The shape of the last stage."""
ALTERNATING = """\
comptime if ...:       # even
    b[...] = ...       # made of cells of a
else:
    a[...] = ...       # made of cells of b"""
"""The shape of an iteration with two buffers."""

HALF = "Half of the threads work for the whole tile: which two elements belong to each of them?"
WITHIN = "Only neighbours within the tile count, as many as are there."
STEPS = "Which buffer does each iteration read, and which one does it write?"
OWN_TILE = "The tile of a block begins behind those of all blocks before it."
SMOOTH = "Smoothing has two steps. What does the second one take, and what does it scale?"


def _mistake(
    name: str, explanation: str, advice: str, way: Way, place: Place | None = None
) -> Mistake:
    """One that does something else with each tile."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return by_tiles(way, numbers(inputs, "input"), tile_of(sizes))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, place=place)


def _without_tiles(explanation: str, way: Way) -> Mistake:
    """All elements are taken for one tile; those behind the last one are zero."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        values, tile = numbers(inputs, "input"), tile_of(sizes)
        length = -(-len(values) // tile) * tile
        return by_tiles(way, values, length) if length > tile else None

    return Mistake(name="across-tiles", explanation=explanation, advice=WITHIN, answer=answer)


def _first_tile(way: Way) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        values, tile = numbers(inputs, "input"), tile_of(sizes)
        return np.resize(by_tiles(way, np.resize(values, tile), tile), len(values))

    return Mistake(
        name="first-tile",
        explanation="Every block has the result of the first tile.",
        advice=OWN_TILE,
        answer=answer,
    )


def _half(way: Way, *, first: bool) -> Way:
    """One half of each tile is right, and the other is zero."""

    def change(rows: Answer) -> Answer:
        found, half = way(rows).copy(), rows.shape[1] // 2
        found[:, half:] *= first
        found[:, :half] *= not first
        return found

    return change


def _of_whole(way: Way) -> tuple[Mistake, ...]:
    """Mistakes that do not ask what the kernel computes."""

    def right(inputs: Arrays, sizes: Sizes) -> Answer:
        return by_tiles(way, numbers(inputs, "input"), tile_of(sizes))

    return (
        _mistake(
            "first-half-only",
            "Only the first half of each tile is written.",
            HALF,
            _half(way, first=True),
        ),
        _mistake(
            "second-half-only",
            "Only the second half of each tile is written.",
            HALF,
            _half(way, first=False),
        ),
        _first_tile(way),
        *of_right(right),
    )


def _blurred(rows: Answer) -> Answer:
    return mean(rows * BRIGHTER, -RADIUS, RADIUS)


def _sums(rows: Answer) -> Answer:
    """The windows of the blur, not divided."""
    return np.asarray(neighbours(rows * BRIGHTER, -RADIUS, RADIUS).sum(axis=-1))


def _right_first(rows: Answer) -> Answer:
    """Smoothed with the right neighbour, then with the left one."""
    return smoothed(rows[:, ::-1])[:, ::-1]


def _with_one(side: int) -> Way:
    """Smoothed with one neighbour only: ``side`` is -1 for the left, 1 for the right one."""

    def change(rows: Answer) -> Answer:
        found, other = rows[:, ::-side].copy(), rows[:, ::-side]
        found[:, 1:] = (other[:, 1:] + other[:, :-1]) * SMOOTHED
        return found[:, ::-side]

    return change


def _scaled_once(rows: Answer) -> Answer:
    """The element and both neighbours together, scaled at the end."""
    return _not_scaled(rows) * SMOOTHED


def _not_scaled(rows: Answer) -> Answer:
    return np.asarray(neighbours(rows, -1, 1).sum(axis=-1))


OF_PIPELINE = sketched(
    {
        MEAN: ("across-tiles", "always-five", "not-divided", "radius-one", "window-short"),
        TWO_EACH: ("first-half-only", "second-half-only"),
        SMOOTHING: (
            *("not-smoothed", "right-first", "left-only", "right-only"),
            *("scaled-once", "not-scaled"),
        ),
    },
    _without_tiles(
        "Windows and neighbours reach over the end of their tile.",
        pipeline,
    ),
    _mistake(
        "always-five",
        "Each window was divided by five, also where fewer neighbours are there.",
        "At both ends of a tile the window is shorter: by what is its sum divided there?",
        lambda rows: smoothed(_sums(rows) / (2 * RADIUS + 1)),
    ),
    _mistake(
        "not-divided",
        "The sums of the windows were not divided.",
        "A blur is the mean of what is in the window, not its sum.",
        lambda rows: smoothed(_sums(rows)),
    ),
    _mistake(
        "not-brightened",
        "The elements were not scaled by 1.1.",
        "What does the first stage do with an element besides loading it?",
        lambda rows: pipeline(rows / BRIGHTER),
    ),
    _mistake(
        "not-blurred",
        "The blur is missing.",
        "The second stage stands between loading and smoothing: which buffer does it read?",
        lambda rows: smoothed(rows * BRIGHTER),
    ),
    _mistake(
        "radius-one",
        "The windows of the blur have three elements.",
        "How many neighbours are there to both sides, and where does the loop begin and end?",
        lambda rows: smoothed(mean(rows * BRIGHTER, -1, 1)),
    ),
    _mistake(
        "window-short",
        "The last element of each window is missing.",
        "Which number does a range end before?",
        lambda rows: smoothed(mean(rows * BRIGHTER, -RADIUS, RADIUS - 1)),
        Place.LOOP_END,
    ),
    _mistake(
        "not-smoothed",
        "The output is blurred, and not smoothed.",
        SMOOTH,
        _blurred,
    ),
    _mistake(
        "right-first",
        "Smoothing takes the right neighbour first; the left one comes first.",
        SMOOTH,
        lambda rows: _right_first(_blurred(rows)),
    ),
    _mistake(
        "left-only",
        "Smoothing takes the left neighbour only.",
        SMOOTH,
        lambda rows: _with_one(-1)(_blurred(rows)),
    ),
    _mistake(
        "right-only",
        "Smoothing takes the right neighbour only.",
        SMOOTH,
        lambda rows: _with_one(1)(_blurred(rows)),
    ),
    _mistake(
        "scaled-once",
        "Smoothing adds both neighbours and scales once; each step scales.",
        SMOOTH,
        lambda rows: _scaled_once(_blurred(rows)),
    ),
    _mistake(
        "not-scaled",
        "Smoothing adds both neighbours and does not scale.",
        SMOOTH,
        lambda rows: _not_scaled(_blurred(rows)),
    ),
    *_of_whole(pipeline),
)


def _summed(rows: Answer) -> Answer:
    """Windows of three in each iteration, not divided."""
    for _ in range(ITERATIONS):
        rows = neighbours(rows, -1, 1).sum(axis=-1)
    return rows


def _by_three(rows: Answer) -> Answer:
    return _summed(rows) / 3**ITERATIONS


def _in_place(rows: Answer) -> Answer:
    """One buffer, from its beginning to its end: the left neighbour is new already."""
    found = rows.copy()
    last = rows.shape[1] - 1
    counts = how_many(rows.shape[1], -1, 1)
    for _ in range(ITERATIONS):
        for i in range(last + 1):
            found[:, i] = found[:, max(i - 1, 0) : i + 2].sum(axis=-1) / counts[i]
    return found


def _windows(first: int, last: int) -> Way:
    """Other neighbours in each iteration."""

    def change(rows: Answer) -> Answer:
        for _ in range(ITERATIONS):
            rows = mean(rows, first, last)
        return rows

    return change


def _edges_stay(rows: Answer) -> Answer:
    """The first and the last element of a tile keep what they have."""
    for _ in range(ITERATIONS):
        found = mean(rows, -1, 1)
        found[:, [0, -1]] = rows[:, [0, -1]]
        rows = found
    return rows


def _others_only(rows: Answer) -> Answer:
    """The mean of both neighbours, without the element itself."""
    for _ in range(ITERATIONS):
        counts = how_many(rows.shape[1], -1, 1) - 1
        rows = (neighbours(rows, -1, 1).sum(axis=-1) - rows) / counts
    return rows


OF_STENCIL = sketched(
    {
        MEAN: (
            *("across-tiles", "always-three", "not-divided", "left-neighbour-missing"),
            *("right-neighbour-missing", "edges-stay"),
        ),
        ALTERNATING: ("one-iteration", "two-iterations", "four-iterations", "in-place"),
    },
    _without_tiles("Neighbours reach over the end of their tile.", stencil),
    _mistake(
        "one-iteration",
        "The output is what one iteration gives.",
        STEPS,
        lambda rows: stencil(rows, 1),
    ),
    _mistake(
        "two-iterations",
        "The output is what two iterations give: one is missing, or the buffer of the one before "
        "was written out.",
        STEPS,
        lambda rows: stencil(rows, 2),
    ),
    _mistake(
        "four-iterations",
        "The output is what four iterations give.",
        STEPS,
        lambda rows: stencil(rows, 4),
    ),
    _mistake(
        "only-copied",
        "The output is the input: no mean was taken.",
        STEPS,
        lambda rows: rows,
    ),
    _mistake(
        "always-three",
        "Each sum was divided by three, also where only two elements are there.",
        "The first and the last element of a tile have one neighbour: by what is their sum "
        "divided?",
        _by_three,
    ),
    _mistake(
        "not-divided",
        "The sums were not divided.",
        "An iteration takes the mean of the neighbours, not their sum.",
        _summed,
    ),
    _mistake(
        "left-neighbour-missing",
        "The left neighbour is left out.",
        "Three elements belong to each mean: where does the loop begin?",
        _windows(0, 1),
        Place.LOOP_START,
    ),
    _mistake(
        "right-neighbour-missing",
        "The right neighbour is left out.",
        "Three elements belong to each mean. Which number does a range end before?",
        _windows(-1, 0),
        Place.LOOP_END,
    ),
    _mistake(
        "own-element-missing",
        "The mean is of both neighbours, without the element itself.",
        "Three elements belong to each mean.",
        _others_only,
    ),
    _mistake(
        "edges-stay",
        "The first and the last element of each tile stay as they are.",
        "At the ends of a tile the mean is of two elements.",
        _edges_stay,
    ),
    _mistake(
        "in-place",
        "An iteration reads neighbours that it has written itself already.",
        STEPS,
        _in_place,
    ),
    *_of_whole(stencil),
)
