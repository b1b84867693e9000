"""Well-known wrong answers for the 1D convolution, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.conv1d.bound import inside_of, reference, windows
from grader.puzzles.shapes import HALO, WINDOW

TPB = 15
"""Threads per block that the task fixes; two blocks, so at most 30 outputs."""
_HOLDS = 2.0**31
"""Beyond this, a number may not fit a whole number's type."""


def _block_local(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    """Each block sees its own 15 elements only."""
    n, m = sizes["input_size"], sizes["conv_size"]
    if n <= TPB or m == 1:
        return None
    index = np.arange(n)[:, None] + np.arange(m)[None, :]
    same_block = index // TPB == (np.arange(n) // TPB)[:, None]
    tiles, kernel = windows(inputs, sizes)
    return np.asarray((tiles * kernel * (same_block & inside_of(sizes))).sum(axis=1))


def _flipped(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return reference({"input": inputs["input"], "kernel": inputs["kernel"][::-1]}, sizes)


def _backwards(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """Looks back, ``input[i - j]``, where the task looks ahead."""
    both = {"input": inputs["input"][::-1], "kernel": inputs["kernel"]}
    return np.asarray(reference(both, sizes)[::-1])


def _swapped(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    n, m = sizes["input_size"], sizes["conv_size"]
    if n != m:
        return None
    return reference({"input": inputs["kernel"], "kernel": inputs["input"]}, sizes)


def _first_block(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    if sizes["input_size"] <= TPB:
        return None
    answer = reference(inputs, sizes).copy()
    answer[TPB:] = 0
    return answer


def _first_element(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    """Only the first tap of the kernel."""
    if sizes["conv_size"] == 1:
        return None
    return np.asarray(inputs["input"].astype(np.float64) * float(inputs["kernel"][0]))


def _some_taps(taps: slice) -> Callable[[Arrays, Sizes], NDArray[np.float64]]:
    """Some of the taps count, the others as if they were zero."""

    def answer(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
        kernel = np.zeros_like(inputs["kernel"])
        kernel[taps] = inputs["kernel"][taps]
        return reference({"input": inputs["input"], "kernel": kernel}, sizes)

    return answer


def _at(
    inputs: Arrays, sizes: Sizes, place: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> NDArray[np.float64]:
    """The sums where tap j of output i meets ``input[place(i + j)]``, zeros outside."""
    n, m = sizes["input_size"], sizes["conv_size"]
    index = place(np.arange(n)[:, None] + np.arange(m)[None, :])
    inside = (index >= 0) & (index < n)
    values = inputs["input"].astype(np.float64)[np.where(inside, index, 0)]
    return np.asarray((values * inputs["kernel"].astype(np.float64) * inside).sum(axis=1))


def _wraps(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return _at(inputs, sizes, lambda index: index % sizes["input_size"])


def _centred(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return _at(inputs, sizes, lambda index: index - sizes["conv_size"] // 2)


def _halo_from(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    """The halo begins conv_size behind the block's first element, in the place of TPB."""
    n, m = sizes["input_size"], sizes["conv_size"]
    i, j = np.arange(n)[:, None], np.arange(m)[None, :]
    cell = i % TPB + j
    index = i - i % TPB + np.where(cell < TPB, cell, cell - TPB + m)
    inside = index < n
    values = inputs["input"].astype(np.float64)[np.where(inside, index, 0)]
    return np.asarray((values * inputs["kernel"].astype(np.float64) * inside).sum(axis=1))


def _whole_numbers(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """Each product is cut off to a whole number."""
    tiles, kernel = windows(inputs, sizes)
    products = np.trunc(np.float32(tiles) * np.float32(kernel)).astype(np.float64)
    return np.asarray((products * inside_of(sizes)).sum(axis=1))


def _beyond_whole_numbers(inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
    """Where a sum may not fit a whole number's type: what becomes of it differs by type."""
    tiles, kernel = windows(inputs, sizes)
    magnitudes = np.abs(tiles.astype(np.float64) * kernel) * inside_of(sizes)
    return np.asarray(~(magnitudes.sum(axis=1) < _HOLDS))


def _sign_dropped(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return reference({"input": np.abs(inputs["input"]), "kernel": inputs["kernel"]}, sizes)


def _result_shifted(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return np.roll(reference(inputs, sizes), 1)


def _first(inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
    return np.asarray(np.arange(sizes["input_size"]) == 0)


def _last_missing(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    answer = reference(inputs, sizes).copy()
    answer[-1] = 0
    return answer


def _late(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """Window begins one element too far: ``input[i + j + 1]``."""
    shifted = np.concatenate([inputs["input"][1:], np.zeros(1, inputs["input"].dtype)])
    return reference({"input": shifted, "kernel": inputs["kernel"]}, sizes)


def _edge_of_late(inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
    """Where a late window leaves the input, or the tile of its block."""
    index = np.arange(sizes["input_size"])
    past_the_end = index + sizes["conv_size"] >= sizes["input_size"]
    return np.asarray(past_the_end | (index % TPB == TPB - 1))


def _copy(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return np.asarray(inputs["input"].astype(np.float64))


def _zeros(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return np.zeros(sizes["input_size"])


MISTAKES = sketched(
    {
        WINDOW: (
            *("copy", "flipped", "backwards", "first-tap", "last-tap-missing"),
            *("first-tap-missing", "last-tap-only", "centred", "late"),
        ),
        HALO: ("halo",),
    },
    Mistake(
        name="zeros",
        explanation="Every output is zero.",
        advice="Follow one thread: does it reach the assignment to the output, and what does it "
        "store there?",
        answer=_zeros,
        zeros=True,
    ),
    Mistake(
        name="copy",
        explanation="The output is a copy of the input.",
        advice="Each output needs the sum over the whole window, not one element.",
        answer=_copy,
    ),
    Mistake(
        name="first-block",
        explanation="The first 15 outputs are right and the rest is zero, as if only the "
        "first block of threads had run.",
        advice="How many blocks do 30 outputs need, with 15 threads a block?",
        answer=_first_block,
    ),
    Mistake(
        name="halo",
        explanation="The last outputs of the first block miss the elements that belong to "
        "the next block (the halo).",
        advice="A window that begins in one block ends in the next: load conv_size - 1 "
        "elements more into shared memory.",
        answer=_block_local,
    ),
    Mistake(
        name="flipped",
        explanation="This is the result with the kernel reversed.",
        advice="The task multiplies input[i + j] by kernel[j]; nothing is flipped.",
        answer=_flipped,
    ),
    Mistake(
        name="backwards",
        explanation="Each window looks back (input[i - j]) where the task looks ahead.",
        advice="In which direction does the window lie from its output?",
        answer=_backwards,
    ),
    Mistake(
        name="swapped",
        explanation="This is the result with input and kernel exchanged.",
        advice="The kernel function takes the output, the input and the convolution kernel, "
        "in this order.",
        answer=_swapped,
    ),
    Mistake(
        name="first-tap",
        explanation="Only kernel[0] was used.",
        advice="Which taps belong to a sum, and which of them does the loop reach?",
        answer=_first_element,
    ),
    Mistake(
        name="last-tap-missing",
        place=Place.LOOP_END,
        explanation="The last term of each sum is left out: kernel[conv_size - 1] was not used.",
        advice="Which taps belong to a sum, and which of them does the loop reach?",
        answer=_some_taps(slice(0, -1)),
    ),
    Mistake(
        name="first-tap-missing",
        place=Place.LOOP_START,
        explanation="The first term of each sum is left out. The published example can't tell: "
        "there kernel[0] is zero.",
        advice="Which is the first tap?",
        answer=_some_taps(slice(1, None)),
    ),
    Mistake(
        name="last-tap-only",
        explanation="Each output is the last term of its sum: the others were overwritten.",
        advice="What becomes of the sum so far when the next product comes?",
        answer=_some_taps(slice(-1, None)),
    ),
    Mistake(
        name="halo-of-conv-size-on",
        explanation="The halo was fetched conv_size elements further on, not TPB.",
        advice="What follows the block's tile begins TPB elements behind its first one.",
        answer=_halo_from,
    ),
    Mistake(
        name="wraps",
        explanation="Windows that reach past the end go on at the beginning of the input.",
        advice="Past the end there are zeros: leave those terms out.",
        answer=_wraps,
    ),
    Mistake(
        name="centred",
        explanation="Each window lies around its output, as in other libraries.",
        advice="The window of output i begins at input[i].",
        answer=_centred,
    ),
    Mistake(
        name="whole-numbers",
        explanation="Every product was cut off to a whole number before it was added.",
        advice="Sum in float32: look at the type of the accumulator and at casts.",
        answer=_whole_numbers,
        open=_beyond_whole_numbers,
    ),
    Mistake(
        name="sign-of-input-dropped",
        explanation="The inputs' signs were dropped. The published example can't tell: it has no "
        "negative numbers.",
        advice="Follow a negative element from the input to the sum.",
        answer=_sign_dropped,
    ),
    Mistake(
        name="result-shifted",
        explanation="Each result stands one place too far.",
        advice="The sum that begins at input[i] belongs to output[i].",
        answer=_result_shifted,
        open=_first,
    ),
    Mistake(
        name="last-element-missing",
        explanation="The last output is zero, as it is in the published example.",
        advice="Which term is left in the last window?",
        answer=_last_missing,
    ),
    Mistake(
        name="late",
        explanation="Each window begins one element too late (input[i + j + 1]).",
        advice="The window of output i begins at input[i].",
        answer=_late,
        open=_edge_of_late,
    ),
)
