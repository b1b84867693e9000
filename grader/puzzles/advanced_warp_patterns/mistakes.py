"""Well-known wrong answers for patterns of a warp, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.advanced_warp_patterns.answers import (
    by_warp,
    conditional_max,
    even,
    largest,
    pair_swap,
    parallel_max,
    partition,
    partitioned,
    prefix_sums,
    smallest,
    swapped,
)
from grader.puzzles.programs import Answer, of_right
from grader.puzzles.warps import WARP, elements, mistake, right_by

BUTTERFLY = """\
value = ...            # the own element
offset = WARP_SIZE // 2
while offset > 0:
    other = shuffle_xor(value, ...)   # by all lanes
    value = ...        # of value and other
    offset //= 2"""
"""The shape of a reduction after which every lane knows the result."""
PAIR = """\
own = ...              # read by all lanes
output[...] = shuffle_xor(own, ...)   # by all lanes, and stored by all"""
"""The shape of an exchange."""
PREFIX = """\
own = ...              # read by all lanes
output[...] = prefix_sum[exclusive=...](own)   # by all lanes"""
"""The shape of a prefix sum."""
PARTITION = """\
left = ...             # 1 where the own element is below the pivot, else 0
place_left = prefix_sum[exclusive=True](left)
place_right = prefix_sum[exclusive=True](...)
total_left = ...       # of all lanes, by a butterfly
if ...:
    output[...] = ...  # among those to the left
else:
    output[...] = ...  # behind all of them"""
"""The shape of a partition."""

FIRST_OFFSET = (
    "The first offset is half of a warp, WARP_SIZE // 2, and then half of that, down to 1."
)


def _further(values: Answer, shift: int) -> Answer:
    """What stands further on in the same warp; the own element where there is nothing."""
    own = np.arange(len(values))
    place = own + shift
    there = (place >= 0) & (place < len(values)) & (place // WARP == own // WARP)
    return np.asarray(values[np.where(there, place, own)])


def _steps(values: Answer, offsets: tuple[int, ...], of: Callable[..., Answer]) -> Answer:
    """A butterfly of some offsets only."""
    place = np.arange(len(values))
    for offset in offsets:
        values = of(values, values[place ^ offset])
    return values


def _downwards(values: Answer, of: Callable[..., Answer]) -> Answer:
    """The same with shuffle_down, in which lanes at the end get their own again."""
    for offset in (16, 8, 4, 2, 1):
        values = of(values, _further(values, offset))
    return values


OF_SWAPS = sketched(
    {
        PAIR: (
            *("not-swapped", "next-element", "previous-element", "swapped-by-two"),
            *("halves-swapped", "reversed", "even-lanes-only", "odd-lanes-only"),
        )
    },
    mistake(
        "not-swapped",
        "The output is the input: nothing was swapped.",
        "shuffle_xor returns the other lane's value: store that.",
        lambda values, lane: values,
    ),
    mistake(
        "next-element",
        "Each lane has the element of the next one.",
        "shuffle_down takes the value of lane + 1, in every lane; shuffle_xor with 1 swaps pairs.",
        lambda values, lane: _further(values, 1),
    ),
    mistake(
        "previous-element",
        "Each lane has the element of the one before.",
        "shuffle_up takes the value of lane - 1, in every lane; shuffle_xor with 1 swaps pairs.",
        lambda values, lane: _further(values, -1),
    ),
    mistake(
        "swapped-by-two",
        "Lanes that are two apart were swapped.",
        "Which bit of the lane's number does the mask change?",
        lambda values, lane: values[np.arange(len(values)) ^ 2],
    ),
    mistake(
        "halves-swapped",
        "The halves of the warp were swapped.",
        "Which bit of the lane's number does the mask change?",
        lambda values, lane: values[np.arange(len(values)) ^ (WARP // 2)],
    ),
    mistake(
        "reversed",
        "The elements of the warp are in reversed order.",
        "A mask of 31 changes all bits of the lane's number; the task is to change the last one.",
        lambda values, lane: values[np.arange(len(values)) ^ (WARP - 1)],
    ),
    mistake(
        "even-lanes-only",
        "Even lanes have their neighbour's element, and odd ones their own.",
        "Both lanes of a pair store what they were given.",
        lambda values, lane: np.where(even(values), swapped(values), values),
    ),
    mistake(
        "odd-lanes-only",
        "Odd lanes have their neighbour's element, and even ones their own.",
        "Both lanes of a pair store what they were given.",
        lambda values, lane: np.where(even(values), values, swapped(values)),
    ),
    mistake(
        "sum-of-pair",
        "The two elements of a pair were added.",
        "Store what shuffle_xor returns, and nothing else.",
        lambda values, lane: values + swapped(values),
    ),
    mistake(
        "difference-of-pair",
        "The own element was taken from the neighbour's.",
        "Store what shuffle_xor returns, and nothing else.",
        lambda values, lane: swapped(values) - values,
    ),
    *of_right(right_by(pair_swap)),
)

OF_MAXIMA = sketched(
    {
        BUTTERFLY: (
            *("own-element", "first-step-missing", "last-step-missing", "one-step", "downwards"),
            *("last-step-only", "minimum", "sum-of-warp"),
        )
    },
    mistake(
        "own-element",
        "Each lane has its own element: nothing was compared.",
        "Each step has to keep the larger of the two for the next one.",
        lambda values, lane: values,
    ),
    mistake(
        "maximum-from-zero",
        "The maximum is never below 0: it began with 0 and not with an element.",
        "Begin with the own element. All of them may be negative.",
        lambda values, lane: np.maximum(largest(values), 0),
    ),
    mistake(
        "first-step-missing",
        "Each half of the warp has a maximum of its own.",
        FIRST_OFFSET,
        lambda values, lane: _steps(values, (8, 4, 2, 1), np.maximum),
    ),
    mistake(
        "last-step-missing",
        "Even and odd lanes have a maximum each: the step with offset 1 is missing.",
        "With which offset does the loop end?",
        lambda values, lane: _steps(values, (16, 8, 4, 2), np.maximum),
    ),
    mistake(
        "one-step",
        "Only one step was made, that of offset 16: two elements are compared.",
        "Halve the offset until it is 1, in a loop.",
        lambda values, lane: _steps(values, (16,), np.maximum),
    ),
    mistake(
        "last-step-only",
        "Only the step of offset 1 was made: two elements are compared.",
        FIRST_OFFSET,
        lambda values, lane: _steps(values, (1,), np.maximum),
    ),
    mistake(
        "downwards",
        "Each lane has the maximum of its own element and those behind it: only lane 0 knows that "
        "of all.",
        "shuffle_down takes from lanes behind, where there are any. shuffle_xor takes from both "
        "sides, so that all lanes know the result.",
        lambda values, lane: _downwards(values, np.maximum),
    ),
    mistake(
        "minimum",
        "The outputs are the minimum.",
        "Keep the larger of two elements.",
        lambda values, lane: smallest(values),
    ),
    mistake(
        "sum-of-warp",
        "The outputs are the sum of the warp.",
        "Keep the larger of two elements; do not add them.",
        lambda values, lane: np.repeat(by_warp(values).sum(axis=1), WARP),
    ),
    *of_right(right_by(parallel_max)),
)


def _alternating(at_even: Answer, at_odd: Answer) -> Answer:
    return np.where(even(at_even), at_even, at_odd)


def _minima_of_maxima(values: Answer) -> Answer:
    """The minimum of what the reduction of the maximum goes through."""
    place, least, most = np.arange(len(values)), values, values
    for offset in (16, 8, 4, 2, 1):
        other = most[place ^ offset]
        most, least = np.maximum(most, other), np.minimum(least, other)
    return least


OF_CONDITIONS = sketched(
    {
        BUTTERFLY: (
            *("exchanged", "minimum-of-maxima", "own-in-odd-lanes", "own-in-even-lanes"),
            *("first-step-missing", "last-step-missing"),
        )
    },
    mistake(
        "exchanged",
        "Even lanes have the minimum, and odd ones the maximum.",
        "Which lanes have a remainder of 0? These store the maximum.",
        lambda values, lane: _alternating(smallest(values), largest(values)),
    ),
    mistake(
        "maximum-everywhere",
        "Every lane has the maximum.",
        "Odd lanes store the minimum, which is a reduction of its own.",
        lambda values, lane: largest(values),
    ),
    mistake(
        "minimum-everywhere",
        "Every lane has the minimum.",
        "Even lanes store the maximum.",
        lambda values, lane: smallest(values),
    ),
    mistake(
        "minimum-of-maxima",
        "The minimum was taken of the maxima that the other reduction goes through.",
        "There are two shuffles in each step: one of the maximum so far, one of the minimum so "
        "far.",
        lambda values, lane: _alternating(largest(values), _minima_of_maxima(values)),
    ),
    mistake(
        "own-in-odd-lanes",
        "Odd lanes have their own element: no minimum was taken.",
        "The minimum needs steps of its own, each of which keeps the smaller of two.",
        lambda values, lane: _alternating(largest(values), values),
    ),
    mistake(
        "own-in-even-lanes",
        "Even lanes have their own element: no maximum was taken.",
        "Each step has to keep the larger of the two for the next one.",
        lambda values, lane: _alternating(values, smallest(values)),
    ),
    mistake(
        "minimum-from-zero",
        "The minimum is never above 0: it began with 0 and not with an element.",
        "Begin with the own element. All of them may be positive.",
        lambda values, lane: _alternating(largest(values), np.minimum(smallest(values), 0)),
    ),
    mistake(
        "maximum-from-zero",
        "The maximum is never below 0: it began with 0 and not with an element.",
        "Begin with the own element. All of them may be negative.",
        lambda values, lane: _alternating(np.maximum(largest(values), 0), smallest(values)),
    ),
    mistake(
        "first-step-missing",
        "Each half of the warp has a maximum and a minimum of its own.",
        FIRST_OFFSET,
        lambda values, lane: _alternating(
            _steps(values, (8, 4, 2, 1), np.maximum), _steps(values, (8, 4, 2, 1), np.minimum)
        ),
    ),
    mistake(
        "last-step-missing",
        "Even lanes have the maximum of even lanes, and odd ones the minimum of odd lanes: the "
        "step with offset 1 is missing.",
        "With which offset does the loop end?",
        lambda values, lane: _alternating(
            _steps(values, (16, 8, 4, 2), np.maximum), _steps(values, (16, 8, 4, 2), np.minimum)
        ),
    ),
    mistake(
        "zero-in-odd-lanes",
        "Odd lanes have 0: they stored nothing.",
        "Odd lanes store the minimum.",
        lambda values, lane: _alternating(largest(values), np.zeros_like(values)),
    ),
    *of_right(right_by(conditional_max)),
)


def _sums(values: Answer) -> Answer:
    return np.asarray(by_warp(values).cumsum(axis=1).ravel())


def _totals(values: Answer) -> Answer:
    return np.repeat(by_warp(values).sum(axis=1), WARP)


OF_PREFIX_SUMS = sketched(
    {PREFIX: ("exclusive", "own-element", "own-twice", "total", "pairs-only")},
    mistake(
        "exclusive",
        "The own element is missing in each sum.",
        "exclusive=True leaves the own element out; the task is the inclusive sum.",
        lambda values, lane: _sums(values) - values,
    ),
    mistake(
        "own-element",
        "The output is the input: nothing was added.",
        "Store what prefix_sum returns.",
        lambda values, lane: values,
    ),
    mistake(
        "own-twice",
        "The own element is in each sum twice.",
        "An inclusive sum holds the own element already.",
        lambda values, lane: _sums(values) + values,
    ),
    mistake(
        "total",
        "Every lane has the sum of the whole warp.",
        "warp.sum adds all lanes; prefix_sum adds up to the own one.",
        lambda values, lane: _totals(values),
    ),
    mistake(
        "suffix-sums",
        "Each sum goes from the own element to the end, not from the beginning.",
        "A prefix sum adds the elements before.",
        lambda values, lane: _totals(values) - _sums(values) + values,
    ),
    mistake(
        "pairs-only",
        "Each sum is of the own element and the one before.",
        "The steps of a prefix sum double their offset: 1, 2, 4, 8, 16.",
        lambda values, lane: np.where(lane > 0, values + _further(values, -1), values),
    ),
    mistake(
        "across-warps",
        "The sums go on from one warp to the next.",
        "A prefix sum of a warp begins anew in each of them.",
        lambda values, lane: np.cumsum(values),
    ),
    *of_right(right_by(prefix_sums)),
)


def _split(
    name: str, explanation: str, advice: str, change: Callable[[Answer, int], Answer]
) -> Mistake:
    """A mistake in a partition, from the input and the pivot."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.asarray(change(elements(inputs), sizes["pivot"]))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


OF_PARTITIONS = sketched(
    {PARTITION: ("not-moved", "right-reversed", "sorted", "sides-exchanged")},
    _split(
        "equal-to-the-left",
        "Elements that are equal to the pivot stand to the left.",
        "To the left is what is below the pivot; what is equal to it is not.",
        lambda values, pivot: partitioned(values, np.asarray(values <= pivot)),
    ),
    _split(
        "sides-exchanged",
        "The elements from the pivot on stand to the left, and those below it to the right.",
        "To the left is what is below the pivot.",
        lambda values, pivot: partitioned(values, np.asarray(values >= pivot)),
    ),
    _split(
        "above-to-the-left",
        "The elements above the pivot stand to the left.",
        "To the left is what is below the pivot.",
        lambda values, pivot: partitioned(values, np.asarray(values > pivot)),
    ),
    _split(
        "not-moved",
        "The output is the input: nothing was moved.",
        "Write at the place that the prefix sum says, not at global_i.",
        lambda values, pivot: values,
    ),
    _split(
        "right-reversed",
        "What stands to the right is in reversed order.",
        "Places to the right are counted from the number of those to the left, upwards.",
        lambda values, pivot: np.concatenate(
            [values[values < pivot], values[values >= pivot][::-1]]
        ),
    ),
    _split(
        "sorted",
        "The elements are sorted.",
        "Each side keeps the order of the input.",
        lambda values, pivot: np.sort(values),
    ),
    _split(
        "fixed-pivot",
        "The elements were parted at 5, whatever the pivot is.",
        "The pivot is an argument of the kernel.",
        lambda values, pivot: partitioned(values, np.asarray(values < 5)),
    ),
    *of_right(right_by(partition)),
)
