"""Well-known wrong answers for the two kernels, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right


def around(inputs: Arrays) -> Answer:
    """The window around each element, with zeros at both ends."""
    padded = np.concatenate([np.zeros(1), numbers(inputs), np.zeros(1)])
    return np.lib.stride_tricks.sliding_window_view(padded, 3)


def neighbour(inputs: Arrays) -> Answer:
    """Half of the element before each that is filtered; zero for the first and the last."""
    a = numbers(inputs)
    half = np.concatenate([np.zeros(1), a[:-1] / 2])
    half[-1] = 0
    return half


def _window_of_four(inputs: Arrays, sizes: Sizes) -> Answer:
    padded = np.concatenate([np.zeros(1), numbers(inputs), np.zeros(2)])
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 4).sum(axis=1))


def _filtered(inputs: Arrays, sizes: Sizes) -> Answer:
    return numbers(inputs) + neighbour(inputs)


def _in_turn(inputs: Arrays, sizes: Sizes) -> Answer:
    """One element after the other, each with half of the filtered one before."""
    value = numbers(inputs).copy()
    for place in range(1, len(value) - 1):
        value[place] += value[place - 1] / 2
    return value


def _last_too(inputs: Arrays, sizes: Sizes) -> Answer:
    value = _filtered(inputs, sizes)
    value[-1] += numbers(inputs)[-2] / 2
    return value


def _from_the_right(inputs: Arrays, sizes: Sizes) -> Answer:
    a = numbers(inputs)
    value = a.copy()
    value[1:-1] += a[2:] / 2
    return value


def _without_half(inputs: Arrays, sizes: Sizes) -> Answer:
    return numbers(inputs) + 2 * neighbour(inputs)


_WINDOW = """\
for offset in range(...):   # one round for each element of the window
    idx = ...               # begins with the neighbour before
    if ...:                 # the window is shorter at both ends
        total += ..."""
_TWO_PHASES = """\
shared[...] = ...      # first, every thread stores what its neighbour needs
barrier()
... = shared[...]      # then it reads what its own neighbour stored
output[...] = ...      # the first and the last have a case of their own"""
OF_WINDOW = sketched(
    {
        _WINDOW: (
            "window-of-two",
            "window-of-four",
            "window-ahead",
            "neighbours-only",
            "copy",
        ),
    },
    Mistake(
        name="window-of-two",
        explanation="Each window has two elements, the one before and its own, as the kernel was "
        "given.",
        advice="The loop has to run three times.",
        answer=lambda inputs, sizes: around(inputs)[:, :2].sum(axis=1),
    ),
    Mistake(
        name="window-of-four",
        explanation="Each window has four elements: one behind its right neighbour as well.",
        advice="The loop has to run three times.",
        answer=_window_of_four,
    ),
    Mistake(
        name="window-ahead",
        explanation="Each window begins with its own element.",
        advice="With which element does the window begin, and with which does the loop?",
        answer=lambda inputs, sizes: around(inputs)[:, 1:].sum(axis=1),
    ),
    Mistake(
        name="neighbours-only",
        explanation="Each sum lacks its own element.",
        advice="The window is the element and its two neighbours.",
        answer=lambda inputs, sizes: around(inputs)[:, ::2].sum(axis=1),
    ),
    Mistake(
        name="copy",
        explanation="The output is a copy of the input.",
        advice="Each output is the sum of the element and its two neighbours.",
        answer=lambda inputs, sizes: numbers(inputs),
    ),
    Mistake(
        name="mean",
        explanation="The sums were divided by three.",
        advice="The task asks for sums.",
        answer=lambda inputs, sizes: around(inputs).sum(axis=1) / 3,
    ),
    *of_right(lambda inputs, sizes: around(inputs).sum(axis=1)),
)

OF_FILTER = sketched(
    {
        _TWO_PHASES: (
            *("not-filtered", "in-turn", "last-filtered", "other-neighbour", "whole-neighbour"),
        ),
    },
    Mistake(
        name="not-filtered",
        explanation="The output is a copy of the input; no neighbour was added.",
        advice="Keep the second phase: each adds half of its neighbour's element.",
        answer=lambda inputs, sizes: numbers(inputs),
    ),
    Mistake(
        name="in-turn",
        explanation="Each element was filtered with the filtered one before, one after the other.",
        advice="All read their neighbour before anyone writes.",
        answer=_in_turn,
    ),
    Mistake(
        name="last-filtered",
        explanation="The last element was filtered, too; the task copies it.",
        advice="The last thread has no cell. What does the task say of its output?",
        answer=_last_too,
    ),
    Mistake(
        name="other-neighbour",
        explanation="Half of the element behind was added, not of the one before.",
        advice="Which cell did the neighbour before write?",
        answer=_from_the_right,
    ),
    Mistake(
        name="whole-neighbour",
        explanation="The whole element before was added, not a half of it.",
        advice="Multiply the neighbour by 0.5.",
        answer=_without_half,
    ),
    *of_right(_filtered),
)
