"""Well-known wrong answers for prefix sums, with what to tell whoever gives them.

They are of the first ``size`` elements; what follows in the buffer of two phases is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import ceil

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.programs import TPB, Answer, numbers, of_right, power_of_two

BLOCKS = 2


def threads_of_two(sizes: Sizes) -> int:
    """Threads of each of two blocks: eight, or as many as more elements need."""
    return max(TPB, power_of_two(ceil(sizes["size"] / BLOCKS)))


def _model(
    change: Callable[[Answer], Answer], rest: int
) -> Callable[[Arrays, Sizes], Answer | None]:
    """A mistake of all elements, with zeros for what is not compared."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        return np.concatenate([change(numbers(inputs)), np.zeros(rest)])

    return answer


def _in_blocks(
    change: Callable[[list[Answer]], list[Answer]],
) -> Callable[[Arrays, Sizes], Answer | None]:
    """A mistake of the elements of each block, where there is more than one."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        size, threads = sizes["size"], threads_of_two(sizes)
        if size <= threads:
            return None
        a = numbers(inputs)
        blocks = change([a[:threads], a[threads:]])
        return np.concatenate([*blocks, np.zeros(BLOCKS)])

    return answer


def _steps(a: Answer, steps: int) -> Answer:
    """What so many steps of a scan leave: sums of 2**steps elements at most."""
    for step in range(steps):
        offset = 1 << step
        a = a + np.concatenate([np.zeros(min(offset, len(a))), a[:-offset]])
    return a


def _last_step_missing(a: Answer) -> Answer:
    # The steps go by the threads of the block, which may be more than the elements.
    return _steps(a, max(TPB, power_of_two(len(a))).bit_length() - 2)


def _growing(a: Answer) -> Answer:
    return _at_distances(a, (1, 2, 3))


def _every_distance(a: Answer) -> Answer:
    return _at_distances(a, range(1, max(TPB, power_of_two(len(a)))))


def _at_distances(a: Answer, distances: Iterable[int]) -> Answer:
    for offset in distances:
        a = a + np.concatenate([np.zeros(min(offset, len(a))), a[:-offset]])
    return a


_COMMON: tuple[tuple[str, str, str, Callable[[Answer], Answer]], ...] = (
    (
        "copy",
        "The output is a copy of the input.",
        "Each output is the sum of all elements up to its own.",
        lambda a: a,
    ),
    (
        "exclusive",
        "Each sum lacks its own element (an exclusive scan).",
        "The first output is a[0], not 0.",
        lambda a: np.cumsum(a) - a,
    ),
    (
        "one-step",
        "Only one step was made: each output is its own element and the one before.",
        "The distance doubles in each step: 1, 2, 4, as long as it is less than TPB.",
        lambda a: _steps(a, 1),
    ),
    (
        "last-step-missing",
        "The last step is missing: later outputs lack their first elements.",
        "The distance doubles in each step: 1, 2, 4, as long as it is less than TPB.",
        _last_step_missing,
    ),
    (
        "distance-grows-by-one",
        "The distances were 1, 2, 3, so that some elements are counted twice.",
        "The distance doubles in each step.",
        _growing,
    ),
    (
        "every-distance",
        (
            "The distance grew by one in each step, up to the last element, so that elements are "
            "counted again and again."
        ),
        "The distance doubles in each step.",
        _every_distance,
    ),
    (
        "suffix-sums",
        "Each output is the sum of all elements from its own to the end.",
        "On which side of an element do those lie that are added to it?",
        lambda a: np.cumsum(a[::-1])[::-1],
    ),
    (
        "total",
        "Each output is the sum of all elements.",
        "An output sums up to its own element only.",
        lambda a: np.full(len(a), a.sum()),
    ),
)


_STEPS = """\
while ...:             # the distance is less than the block
    ... = shared[...]  # what lies that far before, where something does
    barrier()          # all have read
    ...                # it is added to the thread's own cell
    barrier()          # all have written
    offset = ...       # twice as far"""
_PHASES = """\
# first launch: each block by itself
output[i] = ...
if ...:                # one thread of each block
    output[size + ...] = ...   # leaves the sum of the block
# second launch
if ...:                # something lies before the block
    output[i] += ...   # its sum, which the first launch has left"""


def _of_all(rest: int) -> tuple[Mistake, ...]:
    """Mistakes of any scan, where so many elements follow that are not compared."""

    def right(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.cumsum(numbers(inputs))

    def followed(mistake: Mistake) -> Mistake:
        def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
            found = mistake.answer(inputs, sizes)
            return None if found is None else np.concatenate([found, np.zeros(rest)])

        return replace(mistake, answer=answer)

    own = (
        Mistake(name=name, explanation=explanation, advice=advice, answer=_model(change, rest))
        for name, explanation, advice, change in _COMMON
    )
    return sketched(
        {
            _STEPS: (
                *("copy", "exclusive", "one-step", "last-step-missing", "distance-grows-by-one"),
                *("every-distance", "suffix-sums", "total"),
            ),
        },
        *own,
        *map(followed, of_right(right)),
    )


IN_BLOCK = _of_all(0)

IN_BLOCKS = sketched(
    {
        _PHASES: (
            *("second-phase-missing", "own-sum-added", "first-block-too"),
            *("last-element-added",),
        ),
    },
    Mistake(
        name="second-phase-missing",
        explanation="Each block is right for itself, and lacks what lies before it.",
        advice="The second launch adds the sum of the block before to each element.",
        answer=_in_blocks(lambda blocks: [np.cumsum(block) for block in blocks]),
    ),
    Mistake(
        name="own-sum-added",
        explanation="The second phase added the sum of the block itself, not of the one before.",
        advice="Of which block is the sum that is missing, and where did that block leave it?",
        answer=_in_blocks(
            lambda blocks: [
                np.cumsum(blocks[0]),
                *(np.cumsum(block) + block.sum() for block in blocks[1:]),
            ]
        ),
    ),
    Mistake(
        name="first-block-too",
        explanation="The second phase added a sum to the first block, too.",
        advice="What lies before the first block?",
        answer=_in_blocks(lambda blocks: [np.cumsum(block) + blocks[0].sum() for block in blocks]),
    ),
    Mistake(
        name="last-element-added",
        explanation="The second phase added the last element of the block before, not its sum.",
        advice="Which cell holds the sum of the whole block after the last step?",
        answer=_in_blocks(
            lambda blocks: [np.cumsum(blocks[0]), np.cumsum(blocks[1]) + blocks[0][-1]]
        ),
    ),
    *_of_all(BLOCKS),
)
