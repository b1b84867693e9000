"""Well-known wrong answers for the softmax, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.shapes import REDUCTION
from grader.puzzles.softmax.bound import softmax

Answer = NDArray[np.float64]


def _shifted(inputs: Arrays) -> Answer:
    """The exponentials with the largest element subtracted."""
    numbers = inputs["input"].astype(np.float64)
    return np.asarray(np.exp(numbers - numbers.max()))


def _as_float32(powers: Answer) -> Answer:
    """Exponentials as Mojo's exp gives them in float32: infinite where they are too large.

    And zero where they are subnormal, on the CPU as on the GPU (measured with MAX 26.5).
    """
    given = powers.astype(np.float32).astype(np.float64)
    return np.asarray(np.where(given < np.finfo(np.float32).tiny, 0.0, given))


def _subtracting(inputs: Arrays, number: float) -> Answer:
    powers = _as_float32(np.exp(inputs["input"].astype(np.float64) - number))
    return np.asarray(powers / _as_float32(powers.sum(keepdims=True)))


def _zeros(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.zeros(sizes["input_size"])


def _not_divided(inputs: Arrays, sizes: Sizes) -> Answer:
    return _shifted(inputs)


def _nothing_subtracted(inputs: Arrays, sizes: Sizes) -> Answer:
    return _subtracting(inputs, 0.0)


def _smallest_subtracted(inputs: Arrays, sizes: Sizes) -> Answer:
    return _subtracting(inputs, float(inputs["input"].min()))


def _maximum_of_half(inputs: Arrays, sizes: Sizes) -> Answer:
    half = inputs["input"][: sizes["input_size"] // 2]
    return _subtracting(inputs, float(half.max()))


def _first_for_maximum(inputs: Arrays, sizes: Sizes) -> Answer:
    return _subtracting(inputs, float(inputs["input"][0]))


def _last_not_in_maximum(inputs: Arrays, sizes: Sizes) -> Answer:
    return _subtracting(inputs, float(inputs["input"][:-1].max()))


def _zero_in_maximum(inputs: Arrays, sizes: Sizes) -> Answer:
    return _subtracting(inputs, max(0.0, float(inputs["input"].max())))


def _sum_of_half(inputs: Arrays, sizes: Sizes) -> Answer:
    powers = _as_float32(_shifted(inputs))
    return np.asarray(powers / powers[: sizes["input_size"] // 2].sum())


def _last_not_in_sum(inputs: Arrays, sizes: Sizes) -> Answer:
    powers = _shifted(inputs)
    return np.asarray(powers / powers[:-1].sum())


def _first_not_in_sum(inputs: Arrays, sizes: Sizes) -> Answer:
    powers = _shifted(inputs)
    return np.asarray(powers / powers[1:].sum())


def _divided_by_maximum(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(_shifted(inputs) / float(inputs["input"].max()))


def _divided_by_count(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.asarray(_shifted(inputs) / sizes["input_size"])


def _powers_of_two(inputs: Arrays, sizes: Sizes) -> Answer:
    numbers = inputs["input"].astype(np.float64)
    powers = np.exp2(numbers - numbers.max())
    return np.asarray(powers / powers.sum())


def _logarithm(inputs: Arrays, sizes: Sizes) -> Answer:
    numbers = inputs["input"].astype(np.float64)
    return np.asarray(numbers - numbers.max() - np.log(_shifted(inputs).sum()))


def _uniform(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.full(sizes["input_size"], 1 / sizes["input_size"])


def _one_place_late(inputs: Arrays, sizes: Sizes) -> Answer:
    return np.concatenate([np.zeros(1), softmax(inputs["input"])[:-1]])


_IN_ORDER = """\
largest = ...          # of all elements
total = ...            # of all exponentials, each without the largest
output[i] = ...        # the element's own exponential, and what divides it"""

MISTAKES = sketched(
    {
        _IN_ORDER: (
            "nothing-subtracted",
            "first-for-maximum",
            "last-not-in-maximum",
            "zero-in-maximum",
            "smallest-subtracted",
            "not-divided",
            "last-not-in-sum",
            "first-not-in-sum",
            "divided-by-maximum",
            "divided-by-count",
            "powers-of-two",
            "logarithm",
            "uniform",
            "one-place-late",
        ),
        REDUCTION: (
            "maximum-of-half",
            "sum-of-half",
        ),
    },
    Mistake(
        name="zeros",
        explanation="Every output is zero.",
        advice="Check that the kernel is filled in, and that each thread writes its element.",
        answer=_zeros,
        zeros=True,
    ),
    Mistake(
        name="nothing-subtracted",
        explanation="The exponentials are taken of the elements as they are: too large for "
        "float32 from 89 on, and zero, all of them, far below.",
        advice="Subtract the largest element first: exp(x[i] - max) is never larger than 1, and "
        "the quotients are the same.",
        answer=_nothing_subtracted,
    ),
    Mistake(
        name="maximum-of-half",
        explanation="The number that was subtracted is the largest of the first half only.",
        advice="With which element does the first step of the reduction compare the first one?",
        answer=_maximum_of_half,
    ),
    Mistake(
        name="first-for-maximum",
        explanation="The first element was subtracted, not the largest.",
        advice="Reduce all elements to their maximum before it is subtracted.",
        answer=_first_for_maximum,
    ),
    Mistake(
        name="last-not-in-maximum",
        explanation="The last element was left out of the maximum.",
        advice="Which is the last element, and does the loop reach it?",
        answer=_last_not_in_maximum,
    ),
    Mistake(
        name="zero-in-maximum",
        explanation="The maximum is never below zero, so that elements far below it give nothing "
        "but zeros.",
        advice="Begin the maximum with the smallest number that there is: min_finite.",
        answer=_zero_in_maximum,
    ),
    Mistake(
        name="smallest-subtracted",
        explanation="The smallest element was subtracted, not the largest.",
        advice="Subtract the largest, so that no exponential is larger than 1.",
        answer=_smallest_subtracted,
    ),
    Mistake(
        name="not-divided",
        explanation="The exponentials are there, and were not divided by their sum.",
        advice="Divide each by the sum of all.",
        answer=_not_divided,
    ),
    Mistake(
        name="sum-of-half",
        explanation="The sum is that of the first half only.",
        advice="Which element does the first step of the reduction add to the first one?",
        answer=_sum_of_half,
    ),
    Mistake(
        name="last-not-in-sum",
        explanation="The last element was left out of the sum.",
        advice="Which is the last element, and does the loop reach it?",
        answer=_last_not_in_sum,
    ),
    Mistake(
        name="first-not-in-sum",
        explanation="The first element was left out of the sum.",
        advice="Which is the first element, and does the loop begin with it?",
        answer=_first_not_in_sum,
    ),
    Mistake(
        name="divided-by-maximum",
        explanation="The exponentials were divided by the largest element instead of their sum.",
        advice="The maximum is subtracted; what divides is the sum of the exponentials.",
        answer=_divided_by_maximum,
    ),
    Mistake(
        name="divided-by-count",
        explanation="The exponentials were divided by how many there are instead of their sum.",
        advice="What divides is the sum of the exponentials.",
        answer=_divided_by_count,
    ),
    Mistake(
        name="powers-of-two",
        explanation="These are powers of two, not of e.",
        advice="Take exp. exp2(x) is exp(x * log(2)).",
        answer=_powers_of_two,
    ),
    Mistake(
        name="logarithm",
        explanation="This is the logarithm of the softmax.",
        advice="The task asks for the quotients themselves.",
        answer=_logarithm,
    ),
    Mistake(
        name="uniform",
        explanation="Every output is 1 / n, as if all elements were equal.",
        advice="Take the exponential of the element of each thread.",
        answer=_uniform,
    ),
    Mistake(
        name="one-place-late",
        explanation="Each result stands one place too far.",
        advice="The result for input[i] is output[i].",
        answer=_one_place_late,
    ),
)
