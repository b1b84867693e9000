"""Well-known wrong answers for operations of a block, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.block_level_programming.answers import BINS, bin_of, bins_of, packed
from grader.puzzles.programs import Answer, dot, numbers, of_right, products, some_products
from grader.puzzles.warps import WARP

SUM = """\
value = ...            # of the thread's own element; 0 where it has none
total = block.sum[...](value)   # by all threads, outside of every if
if local_i == 0:
    output[0] = ..."""
"""The shape of what adds over a block."""
PLACES = """\
belongs = ...          # 1 or 0; 0 where the thread has no element
offset = block.prefix_sum[..., exclusive=True](belongs)   # by all threads
if belongs == 1:
    bin_output[...] = ...   # at the offset
if ...:                # the last thread of the block
    count_output[0] = ...   # its offset, and itself"""
"""The shape of what packs some elements."""
BROADCAST = """\
mean = 1
if local_i == 0:
    mean = ...         # of the total, which this thread knows
mean = block.broadcast[...](mean, src_thread=0)   # by all threads
if ...:
    output_data[...] = ...   # with the mean that was broadcast"""
"""The shape of what one thread computes for all."""


def _mistake(
    name: str, explanation: str, advice: str, answer: Callable[[Arrays, Sizes], Answer | None]
) -> Mistake:
    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


OF_SUMS = sketched(
    {
        SUM: (
            *("own-product", "first-warp-only", "last-warp-only", "last-product-missing"),
            *("last-product-only", "first-product-missing", "added-for-each-thread"),
        )
    },
    _mistake(
        "own-product",
        "The output is the product of one thread: the first one's.",
        "Write what block.sum returns, not what it was called with.",
        some_products(lambda products: products[:1]),
    ),
    _mistake(
        "last-product-only",
        "The output is the product of the last thread.",
        "Write what block.sum returns, in the first thread alone.",
        some_products(lambda products: products[-1:]),
    ),
    _mistake(
        "first-warp-only",
        "The sum is that of the first warp: 32 of the products.",
        "warp.sum adds over a warp, and block.sum over the whole block.",
        some_products(lambda products: products[:WARP]),
    ),
    _mistake(
        "last-warp-only",
        "The sum is that of the last warp: each warp wrote its own, and the last one stayed.",
        "block.sum adds over the whole block. Its first thread alone writes the total.",
        some_products(lambda products: products[(len(products) - 1) // WARP * WARP :]),
    ),
    _mistake(
        "first-product-missing",
        "The first product is left out of the sum.",
        "Every element counts, from number 0 on: what does the first thread add?",
        some_products(lambda products: products[1:]),
    ),
    _mistake(
        "last-product-missing",
        "The last product is left out of the sum.",
        "Which is the last element, and does the guard let its thread multiply?",
        some_products(lambda products: products[:-1]),
    ),
    _mistake(
        "doubled",
        "The output is twice the dot product.",
        "Does each product get into the sum once?",
        lambda inputs, sizes: 2 * dot(inputs, sizes),
    ),
    _mistake(
        "added-for-each-thread",
        "The output is the dot product as many times as there are elements.",
        "The total is written once; it is not added to the output by each thread.",
        lambda inputs, sizes: sizes["size"] * dot(inputs, sizes),
    ),
    _mistake(
        "mean-of-products",
        "The output is the mean of the products.",
        "A dot product is a sum; nothing is divided.",
        lambda inputs, sizes: dot(inputs, sizes) / sizes["size"],
    ),
    _mistake(
        "largest-product",
        "The output is the largest product.",
        "block.sum adds; block.max takes the largest.",
        lambda inputs, sizes: products(inputs).max(keepdims=True),
    ),
    Mistake(
        name="sum-of-a",
        explanation="The output is the sum of a; b was not multiplied.",
        advice="Each thread multiplies an element of a by one of b.",
        answer=lambda inputs, sizes: numbers(inputs, "a").sum(keepdims=True),
    ),
    Mistake(
        name="squares",
        explanation="a was multiplied by itself.",
        advice="Where does the second factor of each product come from?",
        answer=lambda inputs, sizes: np.array([numbers(inputs, "a") @ numbers(inputs, "a")]),
    ),
    Mistake(
        name="sums",
        explanation="The elements of a and b were added, not multiplied.",
        advice="What does the task do with the two elements before it sums up?",
        answer=lambda inputs, sizes: np.array([sum(numbers(inputs, each).sum() for each in "ab")]),
    ),
    *of_right(dot, single=True),
)

Chosen = NDArray[np.bool_]


def _bins(
    name: str,
    explanation: str,
    advice: str,
    change: Callable[[Answer, Chosen, int], tuple[Answer, int]],
) -> Mistake:
    """A mistake in extracting a bin.

    From the input, which elements belong, and the bin, to what stands in both outputs.
    """

    def answer(inputs: Arrays, sizes: Sizes) -> Arrays:
        values = numbers(inputs, "input_data")
        stored, count = change(values, bins_of(values) == bin_of(sizes), bin_of(sizes))
        return {"bin_output": stored, "count_output": np.array([count])}

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


def _those(values: Answer, chosen: Chosen) -> tuple[Answer, int]:
    return packed(values, chosen), int(np.count_nonzero(chosen))


def _shifted(values: Answer, chosen: Chosen) -> Answer:
    """Each element one place further on; what would stand behind the end is left out."""
    return np.concatenate([[0.0], packed(values, chosen)[:-1]])


def _in_place(values: Answer, chosen: Chosen) -> Answer:
    return np.where(chosen, values, 0.0)


def _count(chosen: Chosen) -> int:
    return int(np.count_nonzero(chosen))


OF_BINS = sketched(
    {
        PLACES: (
            *("inclusive-offset", "inclusive-offset-and-count", "not-packed", "offsets-stored"),
            *(
                "count-without-last",
                "count-missing",
                "own-flag-for-count",
                "first-flag-for-count",
                "ones-stored",
            ),
        )
    },
    _bins(
        "inclusive-offset-and-count",
        "Each element stands one place too far, and the last thread counted itself twice.",
        "With exclusive=True the prefix sum is how many stand before a thread's own element.",
        lambda values, chosen, _: (_shifted(values, chosen), _count(chosen) + int(chosen[-1])),
    ),
    _bins(
        "inclusive-offset",
        "Each element stands one place too far.",
        "With exclusive=True the prefix sum is how many stand before a thread's own element.",
        lambda values, chosen, _: (_shifted(values, chosen), _count(chosen)),
    ),
    _bins(
        "not-packed",
        "Each element stands where it stands in the input.",
        "An element goes to the place that the prefix sum says, not to the thread's own.",
        lambda values, chosen, _: (_in_place(values, chosen), _count(chosen)),
    ),
    _bins(
        "count-without-last",
        "The count leaves the last element out, where that belongs to the bin.",
        "The exclusive prefix sum of the last thread does not count its own element: add it.",
        lambda values, chosen, _: (packed(values, chosen), _count(chosen[:-1])),
    ),
    _bins(
        "count-missing",
        "The count is 0.",
        "The last thread of the block knows how many there are: its offset, and itself.",
        lambda values, chosen, _: (packed(values, chosen), 0),
    ),
    _bins(
        "first-flag-for-count",
        "The count is 1 or 0: whether the first element belongs to the bin.",
        "The last thread knows how many there are; the first one has counted nothing before it.",
        lambda values, chosen, _: (packed(values, chosen), int(chosen[0])),
    ),
    _bins(
        "own-flag-for-count",
        "The count is 1 or 0: whether the last element belongs to the bin.",
        "The count is the offset of the last thread, and itself.",
        lambda values, chosen, _: (packed(values, chosen), int(chosen[-1])),
    ),
    _bins(
        "size-for-count",
        "The count is the number of all elements.",
        "Count those of the bin: the offset of the last thread, and itself.",
        lambda values, chosen, _: (packed(values, chosen), len(values)),
    ),
    _bins(
        "count-one-more",
        "The count is one too many.",
        "Is the last element counted where it does not belong to the bin?",
        lambda values, chosen, _: (packed(values, chosen), _count(chosen) + 1),
    ),
    _bins(
        "ones-stored",
        "Ones were stored in the place of the elements.",
        "The prefix sum is of ones and zeros; what is stored is the element.",
        lambda values, chosen, _: (packed(np.ones_like(values), chosen), _count(chosen)),
    ),
    _bins(
        "offsets-stored",
        "The places were stored, not the elements.",
        "The offset says where to write; what is stored is the element.",
        lambda values, chosen, _: (
            packed(np.cumsum(chosen) - chosen * 1.0, chosen),
            _count(chosen),
        ),
    ),
    _bins(
        "next-bin",
        "The elements of the next bin were taken.",
        "Bins are counted from 0: floor(value * num_bins).",
        lambda values, chosen, bin_: _those(values, bins_of(values) == bin_ + 1),
    ),
    _bins(
        "bin-before",
        "The elements of the bin before were taken.",
        "Bins are counted from 0: floor(value * num_bins).",
        lambda values, chosen, bin_: _those(values, bins_of(values) == bin_ - 1),
    ),
    _bins(
        "one-not-clamped",
        "Elements of exactly 1 are in no bin.",
        "1 * num_bins is num_bins, and the last bin is num_bins - 1: clamp it.",
        lambda values, chosen, _: _those(values, chosen & (values < 1)),
    ),
    _bins(
        "rounded-to-nearest",
        "Elements were put into the nearest bin, not into the one that begins below them.",
        "floor, not round: bin k begins at k / num_bins.",
        lambda values, chosen, bin_: _those(
            values, np.minimum(np.floor(values * BINS + 0.5), BINS - 1) == bin_
        ),
    ),
    _bins(
        "up-to-the-bin",
        "The elements of all bins up to this one were taken.",
        "Compare the bin with ==.",
        lambda values, chosen, bin_: _those(values, bins_of(values) <= bin_),
    ),
    _bins(
        "from-the-bin-on",
        "The elements of all bins from this one on were taken.",
        "Compare the bin with ==.",
        lambda values, chosen, bin_: _those(values, bins_of(values) >= bin_),
    ),
    _bins(
        "other-bins",
        "The elements of all other bins were taken.",
        "An element belongs where its bin is equal to target_bin.",
        lambda values, chosen, _: _those(values, ~chosen),
    ),
    _bins(
        "all-elements",
        "All elements were taken, whatever their bin is.",
        "An element belongs where its bin is equal to target_bin.",
        lambda values, chosen, _: _those(values, np.ones_like(chosen)),
    ),
)


def _means(name: str, explanation: str, advice: str, change: Callable[[Answer], Answer]) -> Mistake:
    """A mistake in dividing by the mean, from the input."""
    return Mistake(
        name=name,
        explanation=explanation,
        advice=advice,
        answer=lambda inputs, sizes: change(numbers(inputs, "input_data")),
    )


def _all_normalized(inputs: Arrays, sizes: Sizes) -> Answer:
    values = numbers(inputs, "input_data")
    return np.asarray(values / values.mean())


def _others(values: Answer, others: Answer) -> Answer:
    """The first thread's right, and the others' as said."""
    found = np.array(others, np.float64)
    found[:1] = values[:1] / values.mean()
    return found


FROM_ONE = "block.broadcast hands the value of src_thread to all: call it outside of every if."

OF_MEANS = sketched(
    {
        BROADCAST: (
            *("not-broadcast", "divided-by-sum", "from-another-thread", "mean-itself"),
            *("first-warp-mean", "first-warp-sum-by-all"),
        )
    },
    _means(
        "not-broadcast",
        "Only the first element was divided: the other threads still had 1 in the mean's place.",
        FROM_ONE,
        lambda values: _others(values, values),
    ),
    _means(
        "from-another-thread",
        "Nothing was divided: the value that was broadcast is 1, as threads other than the first "
        "have it.",
        "The thread that computes the mean is the one to broadcast from: src_thread=0.",
        lambda values: values,
    ),
    _means(
        "divided-by-sum",
        "The elements were divided by the sum, not by the mean.",
        "The mean is the sum divided by the number of elements.",
        lambda values: values / values.sum(),
    ),
    _means(
        "mean-itself",
        "Every output is the mean.",
        "Each thread divides its own element by the mean.",
        lambda values: np.full(len(values), values.mean()),
    ),
    _means(
        "times-mean",
        "The elements were multiplied by the mean.",
        "The task is to divide by it.",
        lambda values: values * values.mean(),
    ),
    _means(
        "minus-mean",
        "The mean was taken from the elements.",
        "The task is to divide by it.",
        lambda values: values - values.mean(),
    ),
    _means(
        "mean-by-element",
        "The mean was divided by the elements.",
        "The element is what is divided: input_data[i] / mean.",
        lambda values: values.mean() / values,
    ),
    _means(
        "first-warp-mean",
        "The mean is that of the first warp's elements.",
        "warp.sum adds over a warp, and block.sum over the whole block.",
        lambda values: values / values[:WARP].mean(),
    ),
    _means(
        "first-warp-sum-by-all",
        "The sum is that of the first warp, and was divided by the number of all elements.",
        "warp.sum adds over a warp, and block.sum over the whole block.",
        lambda values: values / (values[:WARP].sum() / len(values)),
    ),
    _means(
        "one-less",
        "The sum was divided by one less than the number of elements.",
        "The mean is the sum divided by the number of elements.",
        lambda values: values / (values.sum() / max(len(values) - 1, 1)),
    ),
    _means(
        "by-first",
        "The elements were divided by the first one.",
        "What is broadcast is the mean, not an element.",
        lambda values: values / values[0],
    ),
    _means(
        "by-largest",
        "The elements were divided by the largest one.",
        "block.sum adds; block.max takes the largest.",
        lambda values: values / values.max(),
    ),
    *of_right(_all_normalized),
)
