"""Well-known wrong answers for a convolution of tiles, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, numbers, of_right

TILE = 256
KERNEL_SIZE = 5
HALO = KERNEL_SIZE // 2

WAITING = """\
copy_dram_to_sram_async[...](input_shared, ...)   # begins, and goes on
...                    # what needs no tile: load the kernel
async_copy_wait_all()  # the thread's own copies are there
barrier()              # and those of all others
...                    # read the tile"""
"""The shape of a copy that is waited for."""
AROUND = """\
if ...:                # the window lies within the tile
    for k in range(KERNEL_SIZE):
        result += ...  # one element of the window, times one of the kernel
else:
    result = ...       # the element itself"""
"""The shape of a window that lies around its element."""

Change = Callable[[Answer, Answer], Answer]
"""From the input and the kernel to what a mistake makes of them."""


def places_in_tile(values: Answer) -> NDArray[np.int64]:
    """Where in its tile each element stands."""
    return np.arange(len(values)) % TILE


def inside(values: Answer) -> NDArray[np.bool_]:
    """Whether the window of each element lies within its tile."""
    place = places_in_tile(values)
    return np.asarray((place >= HALO) & (place < TILE - HALO))


def windows(values: Answer, begin: int = -HALO) -> Answer:
    """The elements of each window, of which the first lies so far on; zeros outside of the tile."""
    place = places_in_tile(values)[:, None] + np.arange(begin, begin + KERNEL_SIZE)
    at = np.arange(len(values))[:, None] + np.arange(begin, begin + KERNEL_SIZE)
    there = (place >= 0) & (place < TILE)
    return np.where(there, values[np.clip(at, 0, len(values) - 1)], 0.0)


def _mistake(
    name: str, explanation: str, advice: str, change: Change, place: Place | None = None
) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.asarray(change(numbers(inputs, "input"), numbers(inputs, "kernel")))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, place=place)


def _with_ends(values: Answer, sums: Answer) -> Answer:
    """These in the middle of each tile, and the elements themselves at its ends."""
    return np.where(inside(values), sums, values)


def _right(inputs: Arrays, sizes: Sizes) -> Answer:
    values = numbers(inputs, "input")
    return _with_ends(values, windows(values) @ numbers(inputs, "kernel"))


def _first_tile(values: Answer, kernel: Answer) -> Answer:
    """Each tile is convolved as the first one."""
    first = np.tile(values[:TILE], len(values) // TILE)
    return _with_ends(first, windows(first) @ kernel)


def _middle(first: int, last: int) -> Change:
    """Other places are taken for the middle; windows are shorter at the ends of a tile."""

    def change(values: Answer, kernel: Answer) -> Answer:
        place = places_in_tile(values)
        middle = (place >= first) & (place <= last)
        return np.where(middle, windows(values) @ kernel, values)

    return change


ENDS = "Elements are copied where a window would leave their tile, at both ends; no others."

MISTAKES = sketched(
    {
        AROUND: (
            *("window-from-the-element", "window-one-early", "window-one-late", "no-ends"),
            *("ends-are-zero", "kernel-reversed", "last-tap-missing", "first-tap-missing"),
        )
    },
    _mistake(
        "window-from-the-element",
        "The windows begin at their element; they lie around it.",
        "A window lies around its element: how far before it is the first one that counts?",
        lambda values, kernel: _with_ends(values, windows(values, 0) @ kernel),
    ),
    _mistake(
        "window-one-early",
        "The windows begin one element too early.",
        "A window lies around its element: how far before it is the first one that counts?",
        lambda values, kernel: _with_ends(values, windows(values, -HALO - 1) @ kernel),
    ),
    _mistake(
        "window-one-late",
        "The windows begin one element too late.",
        "A window lies around its element: how far before it is the first one that counts?",
        lambda values, kernel: _with_ends(values, windows(values, -HALO + 1) @ kernel),
    ),
    _mistake(
        "kernel-reversed",
        "The kernel was taken from its end.",
        "The first number of the kernel belongs to the first element of the window.",
        lambda values, kernel: _with_ends(values, windows(values) @ kernel[::-1]),
    ),
    _mistake(
        "last-tap-missing",
        "The last element of the kernel was left out.",
        "Every number of the kernel counts: which one is the loop's first, and which its last?",
        lambda values, kernel: _with_ends(values, windows(values)[:, :-1] @ kernel[:-1]),
        Place.LOOP_END,
    ),
    _mistake(
        "first-tap-missing",
        "The first element of the kernel was left out.",
        "Every number of the kernel counts: which one is the loop's first, and which its last?",
        lambda values, kernel: _with_ends(values, windows(values)[:, 1:] @ kernel[1:]),
        Place.LOOP_START,
    ),
    _mistake(
        "no-ends",
        "The ends of a tile were convolved with what the tile has, too; they are to be copied.",
        ENDS,
        lambda values, kernel: windows(values) @ kernel,
    ),
    _mistake(
        "ends-are-zero",
        "The ends of each tile are zero; they are to be copied.",
        ENDS,
        lambda values, kernel: np.where(inside(values), windows(values) @ kernel, 0.0),
    ),
    _mistake(
        "one-more-at-the-end",
        "The third element from the end of a tile was copied, too.",
        ENDS,
        _middle(HALO, TILE - HALO - 2),
    ),
    _mistake(
        "one-less-at-the-end",
        "The last but one element of a tile was convolved with what the tile has.",
        ENDS,
        _middle(HALO, TILE - HALO),
    ),
    _mistake(
        "one-more-at-the-beginning",
        "The third element of a tile was copied, too.",
        ENDS,
        _middle(HALO + 1, TILE - HALO - 1),
    ),
    _mistake(
        "one-less-at-the-beginning",
        "The second element of a tile was convolved with what the tile has.",
        ENDS,
        _middle(HALO - 1, TILE - HALO - 1),
    ),
    _mistake(
        "only-copied",
        "The output is the input: no window was computed.",
        "Elements that are HALO_SIZE or more from both ends of their tile are convolved.",
        lambda values, kernel: values,
    ),
    _mistake(
        "first-tile",
        "Every block has the result of the first tile.",
        "The tile of a block is the one with its number.",
        _first_tile,
    ),
    _mistake(
        "first-block-only",
        "Only the first tile is written.",
        "The tiles of all blocks before lie before the own one.",
        lambda values, kernel: np.where(
            np.arange(len(values)) < TILE, _with_ends(values, windows(values) @ kernel), 0.0
        ),
    ),
    _mistake(
        "not-multiplied",
        "The elements of a window were added; the kernel is not in it.",
        "Each element of a window is multiplied by one of the kernel.",
        lambda values, kernel: _with_ends(values, windows(values).sum(axis=1)),
    ),
    *of_right(_right),
)
