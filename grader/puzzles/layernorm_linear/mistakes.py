"""Well-known wrong answers for the layer norm with a linear layer, with what to tell about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import Arrays, Mistake, Sizes, sketched
from grader.puzzles.layernorm_linear.bound import EPSILON, Gradients, Positions, Reals

Norm = Callable[[Positions], Reals]
"""What a wrong kernel has for the layer norm, a row for each position."""
Sure = Callable[[Positions], NDArray[np.bool_]]
"""Of each position whether rounding leaves what the mistake gives there."""


def _weights(inputs: Arrays) -> tuple[Reals, Reals]:
    weight, bias = (inputs[name].astype(np.float64) for name in ("linear_weight", "linear_bias"))
    return weight, bias


def _spread_out(positions: Positions) -> NDArray[np.bool_]:
    """Where the variance is no smaller than what is added to it. Of one element it is zero."""
    return np.asarray(positions.spread[:, 0] >= 2 * EPSILON)


def _no_smaller_squared(positions: Positions) -> NDArray[np.bool_]:
    """Where the variance is not far below its root, so that rounding counts for little more."""
    return np.asarray(positions.spread[:, 0] >= 0.25)


def _normed(
    name: str, explanation: str, advice: str, norm: Norm, *, sure: Sure | None = None
) -> Mistake:
    """Another layer norm, and the right linear layer behind it."""

    def answer(inputs: Arrays, sizes: Sizes) -> Reals:
        weight, bias = _weights(inputs)
        return np.asarray(norm(Positions.of(inputs)) @ weight.T + bias)

    return Mistake(
        name=name,
        explanation=explanation,
        advice=advice,
        answer=answer,
        open=None if sure is None else _not_sure(sure),
    )


def _not_sure(sure: Sure) -> Callable[[Arrays, Sizes], NDArray[np.bool_]]:
    """The outputs of positions where rounding may leave nothing."""

    def unsaid(inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
        return np.repeat(~sure(Positions.of(inputs)), sizes["output_dim"])

    return unsaid


def _shaped(positions: Positions, z: Reals) -> Reals:
    return np.asarray(positions.scale * z + positions.shift)


def _scaled_by(scale: Callable[[Positions], Reals]) -> Norm:
    """The distances from the mean, each times something else."""
    return lambda x: _shaped(x, (x.x - x.mean) * scale(x))


def _without_epsilon(positions: Positions) -> Reals:
    return np.asarray(1 / np.sqrt(positions.spread - EPSILON))


def _epsilon_behind(positions: Positions) -> Reals:
    return np.asarray(1 / (np.sqrt(positions.spread - EPSILON) + EPSILON))


def _of_sample(positions: Positions) -> Reals:
    """Of one element it says nothing: zero is divided by zero, or what rounding leaves."""
    if positions.count == 1:
        return positions.y
    variance = (positions.spread - EPSILON) * positions.count / (positions.count - 1)
    return _shaped(positions, (positions.x - positions.mean) / np.sqrt(variance + EPSILON))


def _squares(positions: Positions) -> Reals:
    return np.asarray(1 / np.sqrt((positions.x**2).mean(axis=1, keepdims=True) + EPSILON))


def _bias_missing(inputs: Arrays, sizes: Sizes) -> Reals:
    weight, _ = _weights(inputs)
    return np.asarray(Positions.of(inputs).y @ weight.T)


def _on_its_side(inputs: Arrays, sizes: Sizes) -> Reals | None:
    """The weight at [h, o] of the matrix as it lies: what is not there is not said."""
    weight, bias = _weights(inputs)
    outputs, count = weight.shape
    places = np.arange(count) * count + np.arange(outputs)[:, None]
    if places.max() >= weight.size or count == 1:
        return None
    return np.asarray(Positions.of(inputs).y @ weight.ravel()[places].T + bias)


def _along(axis: int) -> Callable[[Arrays, Sizes], Reals | None]:
    """Means and variances along another axis of the input."""

    def answer(inputs: Arrays, sizes: Sizes) -> Reals:
        weight, bias = _weights(inputs)
        x = inputs["input"].astype(np.float64)
        spread = x.var(axis=axis, keepdims=True) + EPSILON
        z = (x - x.mean(axis=axis, keepdims=True)) / np.sqrt(spread)
        return np.asarray(_shaped(Positions.of(inputs), z) @ weight.T + bias)

    return answer


def _zeros(inputs: Arrays, sizes: Sizes) -> Reals:
    return np.zeros((sizes["batch_size"], sizes["seq_len"], sizes["output_dim"]))


_STATISTICS = """\
mean = ...             # of the position's elements
variance = ...         # of the same elements
scale = ...            # of that and a little more: one divided by the root"""
_LAYER = """\
normalised = ...       # an element without the mean, scaled
normalised = ...       # times its own weight, plus its own bias
total = ...            # of the products with a row of the linear weights
output[...] = ...      # and the bias of that row"""
OF_FORWARD = sketched(
    {
        _STATISTICS: (
            "no-epsilon",
            "epsilon-behind-the-root",
            "variance-of-a-sample",
            "squares-for-variance",
            "no-root",
            "along-the-sequence",
            "along-the-batch",
        ),
        _LAYER: (
            "mean-not-subtracted",
            "not-scaled",
            "weight-of-norm-missing",
            "bias-of-norm-missing",
            "bias-missing",
            "weights-on-their-side",
        ),
    },
    Mistake(
        name="zeros",
        explanation="Every output is zero.",
        advice="Check that the kernel is filled in, and that it writes into the output.",
        answer=_zeros,
        zeros=True,
    ),
    Mistake(
        name="bias-missing",
        explanation="The linear bias was left out.",
        advice="Each output gets its own bias on top of the sum.",
        answer=_bias_missing,
    ),
    _normed(
        "bias-of-norm-missing",
        "ln_bias was left out.",
        "What is added to each element of the layer norm behind its weight?",
        lambda x: np.asarray(x.scale * x.z),
    ),
    _normed(
        "weight-of-norm-missing",
        "ln_weight was left out.",
        "What does each element of the layer norm get multiplied by?",
        lambda x: np.asarray(x.z + x.shift),
    ),
    _normed(
        "variance-of-a-sample",
        "The variance was divided by one less than the number of elements.",
        "Divide by hidden_dim: it is the variance of these elements, not an estimate.",
        _of_sample,
        sure=_spread_out,
    ),
    _normed(
        "squares-for-variance",
        "The mean of the squares was taken for the variance.",
        "The square of the mean is still to be subtracted.",
        _scaled_by(_squares),
    ),
    _normed(
        "no-root",
        "The elements were divided by the variance, not by its square root.",
        "What has the same unit as an element?",
        _scaled_by(lambda x: 1 / x.spread),
        sure=_no_smaller_squared,
    ),
    _normed(
        "no-epsilon",
        "1e-5 was not added to the variance.",
        "It is added before the root is taken, so that equal elements do not divide by zero.",
        _scaled_by(_without_epsilon),
        sure=_spread_out,
    ),
    _normed(
        "epsilon-behind-the-root",
        "1e-5 was added to the root, not to the variance.",
        "In which order do the sum and the root come?",
        _scaled_by(_epsilon_behind),
        sure=_spread_out,
    ),
    _normed(
        "mean-not-subtracted",
        "The mean was not subtracted from the elements.",
        "An element that is equal to the mean becomes zero before ln_weight and ln_bias.",
        lambda x: _shaped(x, x.x * x.r),
    ),
    _normed(
        "not-scaled",
        "The elements were not divided by anything; only the mean was subtracted.",
        "What is the variance for?",
        _scaled_by(lambda x: np.ones((1, 1))),
    ),
    Mistake(
        name="weights-on-their-side",
        explanation="Rows and columns of linear_weight were taken for each other.",
        advice="linear_weight has a row for each output and a column for each element.",
        answer=_on_its_side,
    ),
    Mistake(
        name="along-the-sequence",
        explanation="Mean and variance are those along the sequence.",
        advice="They are of the elements of one position: which index runs in their sums?",
        answer=_along(1),
    ),
    Mistake(
        name="along-the-batch",
        explanation="Mean and variance are those along the batch.",
        advice="They are of the elements of one position: which index runs in their sums?",
        answer=_along(0),
    ),
)


# ---- the gradients ----

SUMMED = ("grad_ln_weight", "grad_ln_bias", "grad_weight", "grad_bias")
"""The gradients that are sums over all positions."""
Model = Callable[[Gradients], Reals | Mapping[str, Reals] | None]


def _back(
    name: str,
    explanation: str,
    advice: str,
    model: Model,
    *,
    output: str = "",
    zeros: bool = False,
) -> Mistake:
    def answer(inputs: Arrays, sizes: Sizes) -> Reals | Arrays | None:
        return model(Gradients.of(inputs))

    return Mistake(
        name=name,
        explanation=explanation,
        advice=advice,
        answer=answer,
        output=output,
        zeros=zeros,
    )


def _of_input(model: Callable[[Reals, Reals, Reals], Reals]) -> Model:
    """The gradient of the input, of ``a``, ``z`` and ``r``."""

    def changed(x: Gradients) -> Reals:
        return model(x.through * x.positions.scale, x.positions.z, x.positions.r)

    return changed


def _mean(rows: Reals) -> Reals:
    return np.asarray(rows.mean(axis=1, keepdims=True))


def _sum(rows: Reals) -> Reals:
    return np.asarray(rows.sum(axis=1, keepdims=True))


def _norm_weight_missing(x: Gradients) -> Reals:
    a, z = x.through, x.positions.z
    return np.asarray(x.positions.r * (a - _mean(a) - z * _mean(a * z)))


def _some(rows: slice) -> Model:
    """All sums, of some positions only."""

    def changed(x: Gradients) -> Mapping[str, Reals] | None:
        left = x.of_rows(rows)
        if not len(left.g) or len(left.g) == len(x.g):
            return None
        found = left.all()
        return {name: found[name] for name in SUMMED}

    return changed


def _bias_of_last(x: Gradients) -> Reals | None:
    return None if len(x.g) == 1 else x.g[-1]


_OF_ONE_POSITION = """\
sums = ...             # of all gradients, and of each times its own element
gradient = ...         # of an element: its own, without the mean of both
gradient = ...         # and scaled as the elements are"""
_OF_ALL_POSITIONS = """\
term = ...             # what this position adds
...                    # atomically: others add to the same cell"""
OF_BACKWARD = sketched(
    {
        _OF_ONE_POSITION: (
            "no-means",
            "mean-of-gradients-missing",
            "mean-of-products-missing",
            "sums-for-means",
            "not-scaled-back",
            "scale-of-norm-missing",
        ),
        _OF_ALL_POSITIONS: ("last-position", "last-position-of-bias", "first-position-missing"),
    },
    _back(
        "zeros",
        "Every gradient is zero.",
        "Check that the kernel is filled in, step by step.",
        lambda x: {name: np.zeros_like(each) for name, each in x.all().items()},
        zeros=True,
    ),
    _back(
        "no-means",
        "The gradient of the input lacks both means: mean and variance depend on each element.",
        "What is subtracted before the gradient is scaled?",
        _of_input(lambda a, z, r: r * a),
        output="grad_input",
    ),
    _back(
        "mean-of-gradients-missing",
        "The gradient of the input lacks the mean of the gradients, which goes through the mean.",
        "Each element moves the mean, and the mean moves all of them.",
        _of_input(lambda a, z, r: r * (a - z * _mean(a * z))),
        output="grad_input",
    ),
    _back(
        "mean-of-products-missing",
        "The gradient of the input lacks what goes through the variance.",
        "Each element moves the variance, and that scales all of them.",
        _of_input(lambda a, z, r: r * (a - _mean(a))),
        output="grad_input",
    ),
    _back(
        "sums-for-means",
        "In the gradient of the input there are sums where means belong.",
        "How many elements does a position have?",
        _of_input(lambda a, z, r: r * (a - _sum(a) - z * _sum(a * z))),
        output="grad_input",
    ),
    _back(
        "not-scaled-back",
        "The gradient of the input was not divided by the root of the variance.",
        "An element reaches its normalised value through that division.",
        _of_input(lambda a, z, r: a - _mean(a) - z * _mean(a * z)),
        output="grad_input",
    ),
    _back(
        "scale-of-norm-missing",
        "The gradient of the input lacks ln_weight.",
        "What is each normalised element multiplied by on the way forward?",
        _norm_weight_missing,
        output="grad_input",
    ),
    _back(
        "normalised-without-norm",
        "The gradient of the linear weights was made of normalised elements, without ln_weight "
        "and ln_bias.",
        "What are the linear weights multiplied with on the way forward?",
        lambda x: np.asarray(x.g.T @ x.positions.z),
        output="grad_weight",
    ),
    _back(
        "elements-themselves",
        "The gradient of the linear weights was made of the input's own elements.",
        "What are the linear weights multiplied with on the way forward?",
        lambda x: np.asarray(x.g.T @ x.positions.x),
        output="grad_weight",
    ),
    _back(
        "bias-for-weight",
        "The gradient of ln_weight is that of ln_bias.",
        "What is ln_weight multiplied with on the way forward?",
        lambda x: np.asarray(x.through.sum(axis=0)),
        output="grad_ln_weight",
    ),
    _back(
        "last-position",
        "The sums over all positions hold the last position only.",
        "Each position adds to what is there; it does not replace it.",
        _some(slice(-1, None)),
    ),
    _back(
        "last-position-of-bias",
        "The gradient of the linear bias is that of the last position only.",
        "Each position adds to what is there; it does not replace it.",
        _bias_of_last,
        output="grad_bias",
    ),
    _back(
        "first-position-missing",
        "The sums over all positions lack the first one.",
        "What is set to zero has to be set before anything is added, in the first block as well.",
        _some(slice(1, None)),
    ),
)
