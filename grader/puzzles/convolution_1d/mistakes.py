"""Well-known wrong answers for the convolution kernels, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right
from grader.puzzles.shapes import HALO, WINDOW

TPB = 8
"""Threads per block that the task fixes."""


def windows(inputs: Arrays, start: int = 0) -> Answer:
    """The window of each element of ``a``, which begins so far from it; zeros outside."""
    a, taps = numbers(inputs), len(inputs["b"])
    places = np.arange(len(a))[:, None] + np.arange(taps)[None, :] + start
    there = (places >= 0) & (places < len(a))
    return np.where(there, a[np.where(there, places, 0)], 0.0)


def inside(inputs: Arrays) -> NDArray[np.bool_]:
    """Which terms lie inside of ``a``."""
    size, taps = len(inputs["a"]), len(inputs["b"])
    return np.asarray(np.arange(size)[:, None] + np.arange(taps)[None, :] < size)


def right(inputs: Arrays, sizes: Sizes) -> Answer:
    """The convolution."""
    return np.asarray(windows(inputs) @ numbers(inputs, "b"))


def _kernel_from_a(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["conv"] > sizes["size"]:
        return None
    return np.asarray(windows(inputs) @ numbers(inputs)[: sizes["conv"]])


def _flipped(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(windows(inputs) @ numbers(inputs, "b")[::-1])


def _backwards(inputs: Arrays, sizes: Sizes) -> Answer:
    """``a[i - j]`` for ``a[i + j]``."""
    behind = windows(inputs, 1 - sizes["conv"])[:, ::-1]
    return np.asarray(behind @ numbers(inputs, "b"))


def _shifted(by: int, inputs: Arrays) -> Answer:
    return np.asarray(windows(inputs, by) @ numbers(inputs, "b"))


def _full_windows_only(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.where(inside(inputs).all(axis=1), right(inputs, sizes), 0.0)


def _without(tap: int, inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["conv"] == 1:
        return None
    taps = numbers(inputs, "b").copy()
    taps[tap] = 0
    return np.asarray(windows(inputs) @ taps)


def _first_tap(inputs: Arrays, sizes: Sizes) -> Answer | None:
    return None if sizes["conv"] == 1 else numbers(inputs) * numbers(inputs, "b")[0]


def _blocks_alone(inputs: Arrays, sizes: Sizes) -> Answer | None:
    """Each block sees its own elements only."""
    size, taps = sizes["size"], sizes["conv"]
    if size <= TPB or taps == 1:
        return None
    places = np.arange(size)[:, None] + np.arange(taps)[None, :]
    own = places // TPB == (np.arange(size) // TPB)[:, None]
    return np.asarray(np.where(own, windows(inputs), 0.0) @ numbers(inputs, "b"))


def _halo_of_first(inputs: Arrays, sizes: Sizes) -> Answer | None:
    """What lies behind a block is taken from the beginning of the block itself."""
    size, taps = sizes["size"], sizes["conv"]
    if size <= TPB or taps == 1:
        return None
    places = np.arange(size)[:, None] + np.arange(taps)[None, :]
    block = (np.arange(size) // TPB)[:, None]
    wrapped = np.where(places // TPB == block, places, places - TPB)
    found = np.where(places < size, numbers(inputs)[np.minimum(wrapped, size - 1)], 0.0)
    return np.asarray(found @ numbers(inputs, "b"))


def _first_block(inputs: Arrays, sizes: Sizes) -> Answer | None:
    if sizes["size"] <= TPB:
        return None
    value = right(inputs, sizes)
    value[TPB:] = 0
    return value


COMMON = sketched(
    {
        WINDOW: (
            *("copy", "flipped", "backwards", "late", "early", "full-windows-only"),
            *("first-tap-missing", "last-tap-missing", "first-tap-only"),
        ),
    },
    Mistake(
        name="copy",
        explanation="The output is a copy of a.",
        advice="Each output is a sum over the whole window.",
        answer=lambda inputs, sizes: numbers(inputs),
    ),
    Mistake(
        name="kernel-from-a",
        explanation="The taps were loaded from a, not from b. The published example can't tell: "
        "there a begins like b.",
        advice="Load shared_b from b.",
        answer=_kernel_from_a,
    ),
    Mistake(
        name="flipped",
        explanation="This is the result with b reversed.",
        advice="The task multiplies a[i + j] by b[j]; nothing is flipped.",
        answer=_flipped,
    ),
    Mistake(
        name="backwards",
        explanation="Each window looks back (a[i - j]) where the task looks ahead.",
        advice="In which direction does the window lie from its output?",
        answer=_backwards,
    ),
    Mistake(
        name="late",
        explanation="Each window begins one element too late (a[i + j + 1]).",
        advice="The window of output i begins at a[i].",
        answer=lambda inputs, sizes: _shifted(1, inputs),
    ),
    Mistake(
        name="early",
        explanation="Each window begins one element too early (a[i + j - 1]).",
        advice="The window of output i begins at a[i].",
        answer=lambda inputs, sizes: _shifted(-1, inputs),
    ),
    Mistake(
        name="full-windows-only",
        explanation="Outputs whose window reaches past the end are zero.",
        advice="Such a window is shorter: sum what lies inside of a.",
        answer=_full_windows_only,
    ),
    Mistake(
        name="first-tap-missing",
        place=Place.LOOP_START,
        explanation="The first tap is left out. The published example can't tell: there it is 0.",
        advice="Sum over all j from 0.",
        answer=lambda inputs, sizes: _without(0, inputs, sizes),
    ),
    Mistake(
        name="last-tap-missing",
        place=Place.LOOP_END,
        explanation="The last tap is left out.",
        advice="Which taps belong to a sum, and which of them does the loop reach?",
        answer=lambda inputs, sizes: _without(-1, inputs, sizes),
    ),
    Mistake(
        name="first-tap-only",
        explanation="Only the first tap was used.",
        advice="Which taps belong to a sum, and which of them does the loop reach?",
        answer=_first_tap,
    ),
    *of_right(right),
)

ACROSS = sketched(
    {
        HALO: ("halo-missing", "halo-of-own-block"),
        "if global_i < size:    # counts through all blocks": ("first-block-only",),
    },
    Mistake(
        name="halo-missing",
        explanation="The last outputs of the first block lack the elements that belong to the next "
        "block (the halo).",
        advice="A window that begins in one block ends in the next: load CONV_2 - 1 elements more.",
        answer=_blocks_alone,
    ),
    Mistake(
        name="halo-of-own-block",
        explanation="What lies behind a block was taken from the beginning of the block itself.",
        advice="How far behind the first element of a block does the next block begin?",
        answer=_halo_of_first,
    ),
    Mistake(
        name="first-block-only",
        explanation="Only the first block's outputs are written.",
        advice="Guard with global_i, not with the number of the thread in its block.",
        answer=_first_block,
    ),
)
