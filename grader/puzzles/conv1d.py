"""1D convolution: ``output[i] = sum over j of input[i + j] * kernel[j]`` inside the input.

The error bound is the standard one for a sum of K products in working
precision, whatever the order of summation and with or without fused
multiply-add (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed.,
section 3.1): ``|computed - exact| <= gamma_K * sum |a||b|`` with
``gamma_K = K*u / (1 - K*u)`` and ``u = 2**-24`` for float32. It holds while
nothing is subnormal. Below the normal numbers a GPU may compute less: with
``.ftz``, ``add``, ``mul`` and ``fma`` "flush subnormal inputs and results to
sign-preserving zero" (PTX ISA, "Floating Point Instructions"), and ``atom.add.f32``
on global memory always does (PTX ISA, "atom"). So two terms join the bound:

* For each operation the smallest normal number, ``t = 2**-126``. There are K
  products and K - 1 sums. Each is lost at most once, when it is made or when it
  is read again, and is then smaller than t; what is not flushed but rounded to
  a subnormal is off by ``2**-150`` at most. Later roundings make that larger by
  a factor of ``1 + gamma_K`` at most, for which the 2K-th t is there.
* For each term with a subnormal factor all of it, ``|a||b|``: the factor may
  be read as zero. The other factor can be as large as 2**127, so that this term
  is not small. It is exact: what such a term adds is lost whole, or not at all.

No more is allowed: where every factor is normal and the products are far above
t, a single term that is left out lies outside of the bound.

An algorithm that is equal in exact arithmetic and no sum of these products (Winograd's
short convolutions, Karatsuba, a Fourier transform) is right as well, and not bound
by ``|a||b|`` term by term: it adds elements before it multiplies, so that its error
follows the largest ones, ``c * K*u * max|a| * max|b|`` (Higham, section 24.1, for
transforms), and it may overflow earlier. A sum of normal elements that ends below the normal
numbers may be flushed too, before it is multiplied by what comes of the other input: up to
``c * K*t`` times the largest of that. Subnormal elements are read as zero each by itself, as
above, or are summed up exactly but for the last digit. What lies between the two bounds
can't be told from a mistake, so it is undecided: no points, no accusation, no mark. Measured
over all that is drawn here, c is at most 1 for F(2, 3) and for Karatsuba's tiles of two, 6
for a transform of 64, and 47 for Karatsuba's algorithm by halves over the whole length.

Rules for special values:

* A result of NaN is right where the reference is NaN, and anywhere in a case
  that holds a NaN or an infinity, or a product that overflows. A term may be
  left out by multiplying it with zero: whoever fills the tile or the kernel up
  with zeros, or masks what lies past the end, computes ``0 * inf``. The given
  kernel does so past the end of the input. Cases without such values are not
  forgiving: there NaN is wrong.
* Where the reference is infinite, the result must be that infinity.
* ``-0.0`` and ``0.0`` are equal: which one a sum of products gives depends on
  how the sum was started, and the task does not say.
* An element is left undecided where the sum of the products' magnitudes
  reaches the largest float32: a partial sum may overflow in one order and not
  in another.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from grader.puzzles.definition import (
    Arrays,
    BookPlace,
    Element,
    ExpectedOutput,
    NeedsZeros,
    Puzzle,
    RubricItem,
    Size,
    Sizes,
    Suspect,
    TensorSpec,
    Words,
    WorkedExample,
)

TPB = 15
"""Threads per block that the task fixes; two blocks, so at most 30 outputs."""

UNIT_ROUNDOFF = 2.0**-24
SMALLEST_NORMAL = 2.0**-126
SMALLEST_SUBNORMAL = 2.0**-149
EXACT = 2**24
"""Up to here float32 holds every whole number."""
REARRANGED = 64
"""How many times K*u * max|a| * max|b| another right algorithm may be off."""
ON_THE_WAY = 64
"""How many times larger than a sum another algorithm's numbers may be: a transform of 64 elements
is scaled at its end."""
LARGEST = float(np.finfo(np.float32).max)


def _windows(inputs: Arrays, sizes: Sizes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Windows (n, m) of the input, padded with zeros past its end, and the kernel (m,)."""
    n, m = sizes["input_size"], sizes["conv_size"]
    padded = np.concatenate([inputs["input"].astype(np.float64), np.zeros(m - 1)])
    return np.lib.stride_tricks.sliding_window_view(padded, m)[:n], inputs["kernel"].astype(
        np.float64
    )


def _inside(sizes: Sizes) -> NDArray[np.bool_]:
    """Which terms (n, m) lie inside the input."""
    n, m = sizes["input_size"], sizes["conv_size"]
    return np.arange(n)[:, None] + np.arange(m)[None, :] < n


def reference(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """The convolution in float64, terms outside the input left out. Shape (n,)."""
    windows, kernel = _windows(inputs, sizes)
    with np.errstate(invalid="ignore"):
        terms = np.where(_inside(sizes), windows * kernel, 0.0)
        return np.asarray(terms.sum(axis=1))


def expected(inputs: Arrays, sizes: Sizes) -> ExpectedOutput:
    """The right answer, the distance that rounding allows, and which elements are decided."""
    windows, kernel = _windows(inputs, sizes)
    inside = _inside(sizes)
    count = sizes["conv_size"]
    finite = np.isfinite(windows) & np.isfinite(kernel)
    with np.errstate(invalid="ignore"):
        magnitude = np.where(inside & finite, np.abs(windows * kernel), 0.0).sum(axis=1)
        flushed = np.where(
            inside & finite & (_subnormal(windows) | _subnormal(kernel)),
            np.abs(windows * kernel),
            0.0,
        ).sum(axis=1)
    gamma = count * UNIT_ROUNDOFF / (1 - count * UNIT_ROUNDOFF)
    largest = [_largest(array) for array in inputs.values()]
    most = max(*largest, largest[0] * largest[1])
    lost = max(_lost(largest[0]) * largest[1], _lost(largest[1]) * largest[0])
    another = UNIT_ROUNDOFF * largest[0] * largest[1] + lost
    allowed = gamma * magnitude + flushed + 2 * count * SMALLEST_NORMAL
    whole = all(bool((array == np.rint(array)).all()) for array in inputs.values())
    return ExpectedOutput(
        value=reference(inputs, sizes),
        allowed=allowed,
        rearranged=allowed + REARRANGED * count * another,
        may_overflow=np.full(len(magnitude), ON_THE_WAY * count * most >= LARGEST),
        decided=magnitude * (1 + gamma) < LARGEST,
        exact=(magnitude <= EXACT) & whole,
        may_be_nan=np.full(len(magnitude), not _every_product_is_finite(inputs)),
    )


def _subnormal(array: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which elements a GPU may read as zero."""
    return np.asarray((np.abs(array) < SMALLEST_NORMAL) & (array != 0))


def _lost(largest: float) -> float:
    """What a sum of elements may lose below the normal numbers, by the largest of them."""
    return SMALLEST_NORMAL if largest >= SMALLEST_NORMAL else SMALLEST_SUBNORMAL


def _largest(array: NDArray[np.generic]) -> float:
    """The largest finite magnitude."""
    values = np.abs(array.astype(np.float64))
    return float(np.max(values, where=np.isfinite(values), initial=0.0))


def _every_product_is_finite(inputs: Arrays) -> bool:
    """Whether any input times any kernel value is a finite float32."""
    largest = [np.abs(inputs[name].astype(np.float64)).max() for name in ("input", "kernel")]
    with np.errstate(invalid="ignore"):
        return bool(np.isfinite(largest).all() and largest[0] * largest[1] < LARGEST)


def _assigned(sizes: Sizes) -> bool:
    """Sizes on which the given kernel is defined (see ``_given_reads``)."""
    return sizes["conv_size"] == 1 or sizes["input_size"] in (TPB, 2 * TPB)


def _given_reads(sizes: Sizes, *, zeros_past_the_end: bool = True) -> frozenset[Element]:
    """What the given kernel reads of its tile although nothing wrote it.

    A thread of each block loads an element of the input, if there is one for it; the first
    ``conv_size - 1`` threads also load an element of the next tile, or write a zero where the
    input has ended. So idle threads leave cells unwritten, and others read them.

    Args:
        sizes: The sizes.
        zeros_past_the_end: Whether those zeros are written.
    """
    n, m = sizes["input_size"], sizes["conv_size"]
    found: set[Element] = set()
    for block in range(2):
        first = block * TPB
        busy = range(min(TPB, n - first))
        halo = (TPB + t for t in range(m - 1) if zeros_past_the_end or first + TPB + t < n)
        written = {*busy, *halo}
        cells = [(t, t + j) for t in busy for j in range(m) if t + j not in written]
        found |= {(TPB + m - 1, block, thread, cell) for thread, cell in cells}
    return frozenset(found)


_UNWRITTEN_HALO = NeedsZeros(
    at=lambda sizes: _assigned(sizes) and sizes["conv_size"] > 1,
    reads=functools.partial(_given_reads, zeros_past_the_end=False),
    explanation="The given kernel of this edition leaves the cells of shared memory that lie past "
    "the end of the input unwritten, and reads them. It is right where they hold zeros, as they "
    "usually do on a GPU, so at the sizes of the task they hold zeros here. That is a defect of "
    "the given code: it costs you nothing, and repairing it earns extra credit.",
)
"""Skeletons up to October 2025 had no ``else`` where the halo is loaded; later ones write 0."""


def _block_local(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64] | None:
    """Each block sees its own 15 elements only."""
    n, m = sizes["input_size"], sizes["conv_size"]
    if n <= TPB or m == 1:
        return None
    index = np.arange(n)[:, None] + np.arange(m)[None, :]
    same_block = index // TPB == (np.arange(n) // TPB)[:, None]
    windows, kernel = _windows(inputs, sizes)
    return np.asarray((windows * kernel * (same_block & _inside(sizes))).sum(axis=1))


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


def _late(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    """Window begins one element too far: ``input[i + j + 1]``."""
    shifted = np.concatenate([inputs["input"][1:], np.zeros(1, inputs["input"].dtype)])
    return reference({"input": shifted, "kernel": inputs["kernel"]}, sizes)


def _half_precision(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return reference(inputs, sizes).astype(np.float16).astype(np.float64)


def _copy(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return np.asarray(inputs["input"].astype(np.float64))


def _zeros(inputs: Arrays, sizes: Sizes) -> NDArray[np.float64]:
    return np.zeros(sizes["input_size"])


PUZZLE = CONV1D = Puzzle(
    name="conv1d",
    title="1D convolution as a MAX Graph op",
    formula="output[i] = sum(input[i + j] * kernel[j] for j in range(conv_size) "
    "if i + j < input_size)",
    domain="input_size 15 or 30 with conv_size 1 to 15; conv_size 1 with input_size 1 to 30",
    op="conv1d",
    kernel_function="conv1d_kernel",
    tensors=(
        TensorSpec(name="output", role="output", dtype="float32", shape=("input_size",)),
        TensorSpec(name="input", role="input", dtype="float32", shape=("input_size",)),
        TensorSpec(name="kernel", role="input", dtype="float32", shape=("conv_size",)),
    ),
    sizes=(
        Size(name="input_size", low=1, high=2 * TPB),
        Size(name="conv_size", low=1, high=TPB),
    ),
    dtype_parameter="dtype",
    assigned=_assigned,
    boundaries=tuple(
        {"input_size": n, "conv_size": m}
        for n, m in (
            (TPB, TPB),
            (2 * TPB, 2),
            # Whoever takes taps by twos, fours or eights: whole groups only, and a rest of one.
            (2 * TPB, 5),
            (2 * TPB, 8),
            (2 * TPB, TPB - 1),
            (2 * TPB, TPB),
            (1, 1),
            (TPB - 1, 1),
            (TPB + 1, 1),
            (2 * TPB - 1, 1),
            (1, 2),
            (TPB - 1, 2),
            (TPB + 1, TPB),
            (2 * TPB - 1, TPB - 1),
        )
    ),
    random_assigned=2,
    random_robust=2,
    example=WorkedExample(
        sizes={"input_size": 15, "conv_size": 4},
        inputs={
            "input": np.arange(15, dtype=np.float32),
            "kernel": np.arange(4, dtype=np.float32),
        },
        output=(14, 20, 26, 32, 38, 44, 50, 56, 62, 68, 74, 80, 41, 14, 0),
    ),
    words=Words(
        title="1D Convolution",
        lower="1D convolution",
        inputs={"input": "Input array", "kernel": "Convolution kernel"},
    ),
    # 15 products of at most 100 * 100 sum to 150,000, far below 2**24.
    integers=(-100, 100),
    terms=lambda sizes: sizes["conv_size"],
    reference=reference,
    expected=expected,
    rubric=(
        RubricItem(id="packages", title="The file packages", points=10),
        RubricItem(id="compiles", title="The graph compiles with the op conv1d", points=15),
        RubricItem(id="example", title="The published example is right", points=20),
        RubricItem(id="integers", title="Exact on integers over the assigned sizes", points=25),
        RubricItem(id="reals", title="Real numbers within the rounding bound", points=15),
        RubricItem(
            id="clean", title="Clean: inputs untouched, no out of bounds, no race", points=5
        ),
        RubricItem(id="device", title="Computed by a kernel on the device", points=10),
        RubricItem(
            id="robust",
            title="Robust: right for every size from 1 x 1 to 30 x 15",
            points=10,
            extra=True,
        ),
    ),
    book=(
        BookPlace(
            task="problems/p17/op/conv1d.mojo",
            answer="solutions/p17/op/conv1d.mojo",
            editions=(
                *("25.5", "25.6.1", "25.7"),
                *("26.1", "26.2", "26.3", "26.4", "26.5", "26.6", "26.7"),
            ),
        ),
        # Puzzles were numbered anew on 30 July 2025.
        BookPlace(
            task="problems/p15/op/conv1d.mojo",
            answer="solutions/p15/op/conv1d.mojo",
            editions=("25.3", "25.4"),
        ),
    ),
    suspects=(
        Suspect(
            name="zeros",
            explanation="Every output is zero, which is what the memset before your code leaves "
            "behind where no kernel writes.",
            advice="Check that the kernel is enqueued, that the output tensor is its first "
            "argument, and what it stores.",
            answer=_zeros,
        ),
        Suspect(
            name="copy",
            explanation="The output is a copy of the input.",
            advice="Each output needs the sum over the whole window, not one element.",
            answer=_copy,
        ),
        Suspect(
            name="first-block",
            explanation="The first 15 outputs are right and the rest is zero, as if only the "
            "first block of threads had run.",
            advice="15 threads a block and up to 30 outputs need two blocks: "
            "grid_dim=BLOCKS_PER_GRID.",
            answer=_first_block,
        ),
        Suspect(
            name="halo",
            explanation="The last outputs of the first block miss the elements that belong to "
            "the next block (the halo).",
            advice="A window that begins in one block ends in the next: load conv_size - 1 "
            "elements more into shared memory.",
            answer=_block_local,
        ),
        Suspect(
            name="flipped",
            explanation="This is the result with the kernel reversed.",
            advice="The task multiplies input[i + j] by kernel[j]; nothing is flipped.",
            answer=_flipped,
        ),
        Suspect(
            name="backwards",
            explanation="Each window looks back (input[i - j]) where the task looks ahead.",
            advice="Use input[i + j].",
            answer=_backwards,
        ),
        Suspect(
            name="swapped",
            explanation="This is the result with input and kernel exchanged.",
            advice="The kernel function takes the output, the input and the convolution kernel, "
            "in this order.",
            answer=_swapped,
        ),
        Suspect(
            name="first-tap",
            explanation="Only kernel[0] was used.",
            advice="Sum over all j in range(conv_size).",
            answer=_first_element,
        ),
        Suspect(
            name="late",
            explanation="Each window begins one element too late (input[i + j + 1]).",
            advice="The window of output i begins at input[i].",
            answer=_late,
        ),
        Suspect(
            name="half-precision",
            explanation="The values are right to three digits only, as if they had been rounded "
            "to float16.",
            advice="Keep the accumulator and every value in float32.",
            answer=_half_precision,
        ),
    ),
    given_reads=_given_reads,
    given_array="shared_a",
    needs_zeros=dict.fromkeys(("25.3", "25.4", "25.5", "25.6.1"), _UNWRITTEN_HALO),
    skeleton_defect="The given kernel is right for the sizes of the task only. For other sizes "
    "its idle threads leave cells of shared memory unwritten that other threads read. "
    "That is a defect of the given code: it costs you nothing, and repairing it earns extra "
    "credit.",
    first_step="Launch the kernel at the end of execute: {launch}(...) with the three tensors, "
    "grid_dim and block_dim.",
    next_steps={
        "example": "Run the published example by hand for one output: which elements of input "
        "and kernel does it need, and which did your thread read?",
        "integers": "Compare the first wrong index with the block boundary at 15 and with the "
        "end of the input.",
        "reals": "The integers tell whether the formula is right; real numbers also show lost "
        "precision.",
        "clean": "Look at the guard before each access: which index may be too large, and which "
        "cell does another thread write?",
        "device": "The answer must be written by the kernel that you launch, on the device.",
        "robust": "Write zeros into every cell of shared memory that no thread loads.",
    },
)
