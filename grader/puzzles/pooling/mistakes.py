"""Well-known wrong answers for pooling, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right

TPB = 8
"""Threads of the block, which the task fixes."""
WINDOW = 3


def windows(inputs: Arrays) -> Answer:
    """The window of each element, its own last; zeros before the start."""
    padded = np.concatenate([np.zeros(WINDOW - 1), numbers(inputs)])
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW)


def right(inputs: Arrays, sizes: Sizes) -> Answer:
    """The sums of the windows."""
    return np.asarray(windows(inputs).sum(axis=1))


def _ahead(inputs: Arrays, sizes: Sizes) -> Answer:
    backwards = {"a": inputs["a"][::-1]}
    return right(backwards, sizes)[::-1]


def _centred(inputs: Arrays, sizes: Sizes) -> Answer:
    padded = np.concatenate([np.zeros(1), numbers(inputs), np.zeros(1)])
    return np.asarray(padded[:-2] + padded[1:-1] + padded[2:])


def _two(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(windows(inputs)[:, 1:].sum(axis=1))


def _without_own(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(windows(inputs)[:, :-1].sum(axis=1))


def _first_two_missing(inputs: Arrays, sizes: Sizes) -> Answer:
    value = right(inputs, sizes)
    value[:2] = 0
    return value


def _first_two_copied(inputs: Arrays, sizes: Sizes) -> Answer:
    value = right(inputs, sizes)
    value[:2] = numbers(inputs)[:2]
    return value


def _maximum(inputs: Arrays, sizes: Sizes) -> Answer:
    shown = windows(inputs).copy()
    shown[0, :2] = -np.inf
    shown[1:2, :1] = -np.inf
    return np.asarray(shown.max(axis=1))


def _blocks_alone(inputs: Arrays, sizes: Sizes) -> Answer | None:
    """Each block sees its own elements only."""
    if sizes["size"] <= TPB:
        return None
    shown = windows(inputs).copy()
    for place in range(TPB, sizes["size"], TPB):
        shown[place, :2] = 0
        shown[place + 1 : place + 2, :1] = 0
    return np.asarray(shown.sum(axis=1))


_WINDOW = """\
if i == 0:
    ...                # one element
elif i == 1:
    ...                # two
elif i < size:
    ...                # three: those at i - 2, i - 1 and i"""
MISTAKES = sketched(
    {
        _WINDOW: (
            *("copy", "ahead", "centred", "window-of-two", "own-element-missing"),
            *("first-two-missing", "first-two-copied", "running-total"),
        ),
    },
    Mistake(
        name="copy",
        explanation="The output is a copy of the input.",
        advice="Each output is the sum of three elements, where there are three.",
        answer=lambda inputs, sizes: numbers(inputs),
    ),
    Mistake(
        name="ahead",
        explanation="Each window looks ahead (a[i], a[i + 1], a[i + 2]); the task looks back.",
        advice="The window of element i is i - 2, i - 1 and i.",
        answer=_ahead,
    ),
    Mistake(
        name="centred",
        explanation="Each window lies around its element (a[i - 1], a[i], a[i + 1]).",
        advice="The window of element i ends with it: i - 2, i - 1 and i.",
        answer=_centred,
    ),
    Mistake(
        name="window-of-two",
        explanation="Each window has two elements, its own and the one before.",
        advice="The window has three elements: which one is missing?",
        answer=_two,
    ),
    Mistake(
        name="own-element-missing",
        explanation="Each sum has the two elements before, and lacks its own.",
        advice="The window of element i ends with a[i] itself.",
        answer=_without_own,
    ),
    Mistake(
        name="first-two-missing",
        explanation="The first two outputs are zero: only full windows were summed.",
        advice="Which elements lie in the first window, and which in the second? They need cases "
        "of their own.",
        answer=_first_two_missing,
    ),
    Mistake(
        name="first-two-copied",
        explanation="The first two outputs are elements of the input; the second one needs two.",
        advice="Which elements lie in the second window?",
        answer=_first_two_copied,
    ),
    Mistake(
        name="running-total",
        explanation="Each output is the sum of all elements up to its own.",
        advice="Only the last three count: the window moves along.",
        answer=lambda inputs, sizes: np.cumsum(numbers(inputs)),
    ),
    Mistake(
        name="mean",
        explanation="The sums were divided by three.",
        advice="The task asks for the sum of the window.",
        answer=lambda inputs, sizes: right(inputs, sizes) / WINDOW,
    ),
    Mistake(
        name="maximum",
        explanation="Each output is the largest element of its window.",
        advice="The task asks for the sum of the window.",
        answer=_maximum,
    ),
    Mistake(
        name="blocks-alone",
        explanation="The first windows of each block lack the elements of the block before.",
        advice="Read those from a itself: other blocks' shared memory can't be read.",
        answer=_blocks_alone,
    ),
    *of_right(right),
)
