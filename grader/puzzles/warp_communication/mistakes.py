"""Well-known wrong answers for shuffles and broadcasts, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import sketched
from grader.puzzles.programs import Answer, of_right
from grader.puzzles.warp_communication.answers import (
    averages,
    by_threshold,
    difference,
    doubled_or_halved,
    firsts,
    raised,
    scaled,
    windows,
)
from grader.puzzles.warps import WARP, mistake, right_by

SHUFFLE = """\
var own = input[global_i]
var next = shuffle_down(own, 1)   # by all lanes
if lane < WARP_SIZE - 1:
    ...                           # own and next
else:
    ...                           # no next one"""
"""The shape of what looks at a neighbour."""
BROADCAST = """\
if lane == 0:
    value = ...                   # of the block's first elements
value = broadcast(value)          # by all lanes, outside of the if
output[global_i] = ...            # each lane uses it"""
"""The shape of what lane 0 does for all."""


def _behind(values: Answer, lane: Answer, offset: int) -> Answer:
    """What `shuffle_down` gives: the own value where no lane is so far behind."""
    place = np.arange(len(values))
    there = (lane + offset < WARP) & (place + offset < len(values))
    return np.asarray(values[np.where(there, place + offset, place)])


def _before(values: Answer, lane: Answer) -> Answer:
    """What `shuffle_up` gives for one lane."""
    place = np.arange(len(values))
    return np.asarray(values[np.where(lane > 0, place - 1, place)])


def _in_memory(values: Answer, offset: int) -> Answer:
    """What stands further on in memory, whatever warp it is of; the last one for what is behind."""
    return np.asarray(values[np.minimum(np.arange(len(values)) + offset, len(values) - 1)])


def _all_of_warp(values: Answer) -> Answer:
    return np.repeat(values.reshape(-1, WARP), WARP, axis=0)


def _mean_of_window(values: Answer) -> Answer:
    seen, there = windows(values, 2)
    return np.asarray(seen.sum(axis=1) / there.sum(axis=1))


WRONG_WAY = "The neighbour is the element before, not the one behind."
LOOK_BEHIND = "shuffle_down(value, 1) takes the value of lane + 1; shuffle_up that of lane - 1."
NOT_BROADCAST = "Only lane 0 uses the value; all others computed with 0."
CALL_BROADCAST = (
    "What broadcast returns is lane 0's value, for all lanes of its warp. All of them have to call "
    "it, outside of the branch of lane 0."
)

OF_DIFFERENCES = sketched(
    {
        SHUFFLE: (
            *("previous-neighbour", "neighbour-too-far", "minus-own-at-the-end"),
            *("own-at-the-end", "one-lane-too-few", "next-itself"),
        )
    },
    mistake(
        "previous-neighbour",
        WRONG_WAY,
        LOOK_BEHIND,
        lambda values, lane: values - _before(values, lane),
    ),
    mistake(
        "previous-minus-own",
        "The own element was taken from the one before.",
        LOOK_BEHIND,
        lambda values, lane: _before(values, lane) - values,
    ),
    mistake(
        "own-minus-next",
        "The difference has the other sign: the next element was taken from the own one.",
        "The task is input[i + 1] - input[i].",
        lambda values, lane: values - _behind(values, lane, 1),
    ),
    mistake(
        "neighbour-too-far",
        "The neighbour is the one after the next.",
        "The offset of the shuffle is 1.",
        lambda values, lane: np.where(lane < WARP - 1, _behind(values, lane, 2) - values, 0),
    ),
    mistake(
        "minus-own-at-the-end",
        "The last lane has no neighbour, and its own element was taken from 0.",
        "Write 0 where lane is WARP_SIZE - 1.",
        lambda values, lane: np.where(lane < WARP - 1, _behind(values, lane, 1) - values, -values),
    ),
    mistake(
        "own-at-the-end",
        "The last lane holds its own element; it is to be 0.",
        "Write 0 where lane is WARP_SIZE - 1.",
        lambda values, lane: np.where(lane < WARP - 1, _behind(values, lane, 1) - values, values),
    ),
    mistake(
        "one-lane-too-few",
        "The last but one lane holds 0, although it has a neighbour.",
        "Lanes below WARP_SIZE - 1 have a neighbour: the last lane is the only one without.",
        lambda values, lane: np.where(lane < WARP - 2, _behind(values, lane, 1) - values, 0),
    ),
    mistake(
        "sum-of-neighbours",
        "The two elements were added; the task asks for their difference.",
        "The task is input[i + 1] - input[i].",
        lambda values, lane: np.where(lane < WARP - 1, _behind(values, lane, 1) + values, 0),
    ),
    mistake(
        "next-itself",
        "The outputs are the next elements; the own ones were not taken from them.",
        "The task is input[i + 1] - input[i].",
        lambda values, lane: np.where(lane < WARP - 1, _behind(values, lane, 1), 0),
    ),
    # The last element is 0 when it is right, too.
    *(each for each in of_right(right_by(difference)) if each.name != "last-element-missing"),
)

OF_AVERAGES = sketched(
    {
        SHUFFLE: (
            *("edges-not-handled", "edges-divided-by-three", "warp-ends-ignored", "two-elements"),
            *("third-element-missing", "next-twice", "ends-left-out", "own-at-both-ends"),
        )
    },
    mistake(
        "edges-not-handled",
        "The last two lanes of a warp average three values as well. No lane stands so far behind "
        "them: the shuffle gave them their own.",
        "The last but one lane has two elements, and the last one has one.",
        lambda values, lane: (values + _behind(values, lane, 1) + _behind(values, lane, 2)) / 3,
    ),
    mistake(
        "edges-divided-by-three",
        "The last two lanes of a warp have fewer elements, and theirs were divided by 3 as well.",
        "Divide by as many elements as were added: 3, 2 or 1.",
        lambda values, lane: windows(values, 2)[0].sum(axis=1) / 3,
    ),
    mistake(
        "warp-ends-ignored",
        "The last two lanes of a warp took elements of the next warp.",
        "A warp ends behind lane WARP_SIZE - 1. What counts at its end is the lane, not global_i.",
        lambda values, lane: np.where(
            np.arange(len(values)) < len(values) - 2,
            (values + _in_memory(values, 1) + _in_memory(values, 2)) / 3,
            _mean_of_window(values),
        ),
    ),
    mistake(
        "two-elements",
        "Two elements were averaged, not three.",
        "The second shuffle has the offset 2.",
        lambda values, lane: np.where(
            lane < WARP - 1, (values + _behind(values, lane, 1)) / 2, values
        ),
    ),
    mistake(
        "third-element-missing",
        "Two elements were added and divided by 3: the third is missing.",
        "The second shuffle has the offset 2.",
        lambda values, lane: np.where(
            lane < WARP - 2,
            (values + _behind(values, lane, 1)) / 3,
            _mean_of_window(values),
        ),
    ),
    mistake(
        "next-twice",
        "The next element was added twice; the one after it is missing.",
        "The second shuffle has the offset 2.",
        lambda values, lane: np.where(
            lane < WARP - 2, (values + 2 * _behind(values, lane, 1)) / 3, _mean_of_window(values)
        ),
    ),
    mistake(
        "sums",
        "The elements were added, and not divided by how many they are.",
        "Divide by as many elements as were added: 3, 2 or 1.",
        lambda values, lane: windows(values, 2)[0].sum(axis=1),
    ),
    mistake(
        "centred",
        "The window lies around the element: the one before, the own and the next.",
        "The window begins at the element: input[i], input[i + 1], input[i + 2].",
        lambda values, lane: np.where(
            (lane > 0) & (lane < WARP - 1),
            (_before(values, lane) + values + _behind(values, lane, 1)) / 3,
            _mean_of_window(values),
        ),
    ),
    mistake(
        "ends-left-out",
        "The last two lanes of a warp wrote nothing.",
        "The last but one lane averages two elements, and the last one holds its own.",
        lambda values, lane: np.where(lane < WARP - 2, _mean_of_window(values), 0),
    ),
    mistake(
        "own-at-both-ends",
        "The last but one lane holds its own element; it has a neighbour to average with.",
        "The last but one lane averages two elements, and the last one holds its own.",
        lambda values, lane: np.where(lane < WARP - 2, _mean_of_window(values), values),
    ),
    *of_right(right_by(averages)),
)


def _times(own: Answer, scale: Answer) -> Answer:
    return np.asarray(own * scale)


def _mean_of_four(values: Answer) -> Answer:
    return np.asarray(firsts(values, 4).mean(axis=1))


def _pair(values: Answer) -> Answer:
    """The own element and the next one of the warp, added."""
    return np.asarray(windows(values, 1)[0].sum(axis=1))


OF_SCALED = sketched(
    {
        BROADCAST: ("not-broadcast", "sum-for-mean", "first-for-mean", "mean-of-all"),
        SHUFFLE: (
            *("last-lane-twice", "last-lane-zero", "last-lane-not-scaled"),
            *("neighbour-missing", "own-missing", "previous-neighbour"),
        ),
    },
    mistake(
        "not-broadcast",
        NOT_BROADCAST,
        CALL_BROADCAST,
        lambda values, lane: np.where(lane == 0, _times(_pair(values), _mean_of_four(values)), 0),
    ),
    mistake(
        "last-lane-twice",
        "The last lane has no neighbour, and added its own element twice.",
        "Where lane is WARP_SIZE - 1, the own element alone is scaled.",
        lambda values, lane: _times(values + _behind(values, lane, 1), _mean_of_four(values)),
    ),
    mistake(
        "last-lane-zero",
        "The last lane holds 0; it is to hold its own element, scaled.",
        "Where lane is WARP_SIZE - 1, the own element alone is scaled.",
        lambda values, lane: np.where(
            lane < WARP - 1, _times(_pair(values), _mean_of_four(values)), 0
        ),
    ),
    mistake(
        "last-lane-not-scaled",
        "The last lane holds its own element as it is; it is to be scaled, too.",
        "Where lane is WARP_SIZE - 1, the own element alone is scaled.",
        lambda values, lane: np.where(
            lane < WARP - 1, _times(_pair(values), _mean_of_four(values)), values
        ),
    ),
    mistake(
        "sum-for-mean",
        "The factor is the sum of the first four elements, not their mean.",
        "Divide the sum by 4 before it is broadcast.",
        lambda values, lane: _times(_pair(values), 4 * _mean_of_four(values)),
    ),
    mistake(
        "first-for-mean",
        "The factor is the block's first element, not the mean of the first four.",
        "Lane 0 adds the first four elements of the block and divides by 4.",
        lambda values, lane: _times(_pair(values), firsts(values, 1)[:, 0]),
    ),
    mistake(
        "mean-of-all",
        "The factor is the mean of all elements of the block, not of the first four.",
        "Lane 0 adds the first four elements of the block and divides by 4.",
        lambda values, lane: _times(_pair(values), _all_of_warp(values).mean(axis=1)),
    ),
    mistake(
        "neighbour-missing",
        "The own element alone was scaled; the next one is missing.",
        "Take the next element by shuffle_down with offset 1, and add it before scaling.",
        lambda values, lane: _times(values, _mean_of_four(values)),
    ),
    mistake(
        "own-missing",
        "The next element alone was scaled; the own one is missing.",
        "Add the own element and the next one before scaling.",
        lambda values, lane: (
            np.where(lane < WARP - 1, _behind(values, lane, 1), values) * _mean_of_four(values)
        ),
    ),
    mistake(
        "previous-neighbour",
        WRONG_WAY,
        LOOK_BEHIND,
        lambda values, lane: _times(
            np.where(lane < WARP - 1, values + _before(values, lane), values),
            _mean_of_four(values),
        ),
    ),
    mistake(
        "scale-added",
        "The mean was added; the task is to multiply by it.",
        "Multiply the sum of the two elements by what was broadcast.",
        lambda values, lane: _pair(values) + _mean_of_four(values),
    ),
    mistake(
        "not-scaled",
        "The two elements were added and not scaled.",
        "Multiply the sum of the two elements by what was broadcast.",
        lambda values, lane: _pair(values),
    ),
    *of_right(right_by(scaled)),
)

OF_RAISED = sketched(
    {
        BROADCAST: (
            *("not-broadcast", "own-missing", "nothing-added", "first-alone", "all-elements"),
            "three-elements",
        )
    },
    mistake(
        "not-broadcast",
        NOT_BROADCAST,
        CALL_BROADCAST,
        lambda values, lane: values + np.where(lane == 0, firsts(values, 4).sum(axis=1), 0),
    ),
    mistake(
        "own-missing",
        "The outputs are the sum itself; the own elements were not added.",
        "Each lane adds its own element to what was broadcast.",
        lambda values, lane: firsts(values, 4).sum(axis=1),
    ),
    mistake(
        "nothing-added",
        "The outputs are the input: the value that was broadcast is 0.",
        "broadcast takes the value of lane 0. So lane 0 has to have computed it before.",
        lambda values, lane: values,
    ),
    mistake(
        "first-alone",
        "The first element of the block was added, not the sum of the first four.",
        "Lane 0 adds the first four elements of the block.",
        lambda values, lane: values + firsts(values, 1)[:, 0],
    ),
    mistake(
        "three-elements",
        "Three elements are in the sum; the fourth is missing.",
        "The first four elements of a block are its numbers 0 to 3.",
        lambda values, lane: values + firsts(values, 3).sum(axis=1),
    ),
    mistake(
        "five-elements",
        "Five elements are in the sum, one too many.",
        "The first four elements of a block are its numbers 0 to 3.",
        lambda values, lane: values + firsts(values, 5).sum(axis=1),
    ),
    mistake(
        "first-left-out",
        "The sum begins with the second element.",
        "The first four elements of a block are its numbers 0 to 3.",
        lambda values, lane: values + firsts(values, 4)[:, 1:].sum(axis=1),
    ),
    mistake(
        "all-elements",
        "All elements of the block are in the sum, not the first four.",
        "Lane 0 adds the first four elements of the block.",
        lambda values, lane: values + _all_of_warp(values).sum(axis=1),
    ),
    mistake(
        "mean-for-sum",
        "The mean of the first four was added, not their sum.",
        "The task asks for the sum of the first four elements.",
        lambda values, lane: values + _mean_of_four(values),
    ),
    *of_right(right_by(raised)),
)

OF_THRESHOLD = sketched(
    {BROADCAST: ("not-broadcast", "decision-zero", "first-alone", "of-all-elements")},
    # Where all are negative, who does not broadcast gets the same. The failing cases of this one
    # are of that kind only, so it comes first.
    mistake(
        "maximum-from-zero",
        "The maximum is never below 0: it began with 0 and not with an element.",
        "Begin with the first element of the block. All of them may be negative.",
        lambda values, lane: by_threshold(values, np.maximum(firsts(values, 8).max(axis=1), 0) / 2),
    ),
    mistake(
        "not-broadcast",
        NOT_BROADCAST,
        CALL_BROADCAST,
        lambda values, lane: by_threshold(
            values, np.where(lane == 0, firsts(values, 8).max(axis=1) / 2, 0)
        ),
    ),
    mistake(
        "decision-zero",
        "Every lane compared with 0: no maximum was broadcast.",
        "broadcast takes the value of lane 0. So lane 0 has to have computed it before.",
        lambda values, lane: by_threshold(values, np.zeros_like(values)),
    ),
    mistake(
        "first-alone",
        "The first element of the block decided, not the largest of the first eight.",
        "Lane 0 goes through the first eight elements of the block.",
        lambda values, lane: by_threshold(values, firsts(values, 1)[:, 0] / 2),
    ),
    mistake(
        "seven-elements",
        "The largest of the first seven elements decided; the eighth is missing.",
        "The first eight elements of a block are its numbers 0 to 7.",
        lambda values, lane: by_threshold(values, firsts(values, 7).max(axis=1) / 2),
    ),
    mistake(
        "four-elements",
        "The largest of the first four elements decided, not of the first eight.",
        "Lane 0 goes through the first eight elements of the block.",
        lambda values, lane: by_threshold(values, firsts(values, 4).max(axis=1) / 2),
    ),
    mistake(
        "of-all-elements",
        "The largest of all elements of the block decided, not of the first eight.",
        "Lane 0 goes through the first eight elements of the block.",
        lambda values, lane: by_threshold(values, _all_of_warp(values).max(axis=1) / 2),
    ),
    mistake(
        "minimum",
        "The smallest of the first eight elements decided, not the largest.",
        "Keep the larger of two elements.",
        lambda values, lane: by_threshold(values, firsts(values, 8).min(axis=1) / 2),
    ),
    mistake(
        "sum-decides",
        "The sum of the first eight elements decided, not the largest of them.",
        "Keep the larger of two elements.",
        lambda values, lane: by_threshold(values, firsts(values, 8).sum(axis=1) / 2),
    ),
    mistake(
        "maximum-not-halved",
        "Elements were compared with the maximum, not with half of it.",
        "The threshold is half of what was broadcast.",
        lambda values, lane: by_threshold(values, firsts(values, 8).max(axis=1)),
    ),
    *of_right(right_by(doubled_or_halved)),
)
