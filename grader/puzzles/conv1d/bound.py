"""1D convolution: ``output[i] = sum over j of input[i + j] * kernel[j]`` inside the input.

The bound is that of any sum of products: `grader.model.sums`. How far other algorithms may be
off (``REARRANGED`` there) was measured over all that is drawn for this puzzle: at most 1 unit for
Winograd's F(2, 3) and for Karatsuba's tiles of two, 6 for a transform of 64, and 47 for Karatsuba's
algorithm by halves over the whole length. The given kernel itself multiplies with zeros past the
end of the input, so that it computes ``0 * inf`` there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, ExpectedOutput, Sizes, sum_of_products


def windows(inputs: Arrays, sizes: Sizes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Windows (n, m) of the input, padded with zeros past its end, and the kernel (m,)."""
    n, m = sizes["input_size"], sizes["conv_size"]
    padded = np.concatenate([inputs["input"].astype(np.float64), np.zeros(m - 1)])
    return np.lib.stride_tricks.sliding_window_view(padded, m)[:n], inputs["kernel"].astype(
        np.float64
    )


def inside_of(sizes: Sizes) -> NDArray[np.bool_]:
    """Which terms (n, m) lie inside the input."""
    n, m = sizes["input_size"], sizes["conv_size"]
    return np.arange(n)[:, None] + np.arange(m)[None, :] < n


def reference(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """The convolution in float64, terms outside the input left out. Shape (n,)."""
    tiles, kernel = windows(inputs, sizes)
    with np.errstate(invalid="ignore"):
        terms = np.where(inside_of(sizes), tiles * kernel, 0.0)
        return np.asarray(terms.sum(axis=1))


def expected(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """The right answer, the distance that rounding allows, and which elements are decided."""
    return {"output": sum_of_products(windows(inputs, sizes), inside_of(sizes))}
