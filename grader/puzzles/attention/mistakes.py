"""Well-known wrong answers for attention, with what to tell whoever gives them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import SMALLEST_NORMAL, UNIT_ROUNDOFF, Arrays, Mistake, Sizes, sketched
from grader.puzzles.attention.bound import Reals, Tensors, allowed, attention
from grader.puzzles.softmax.bound import softmax

Weigh = Callable[[Reals], Reals]
"""What makes weights of scores."""
ROUNDED = 2.0**-19
"""A part of a wrong value; rounding that moves it further may hide which mistake it comes of."""
FEW = 8
"""Roundings of a weight, as a rule."""


@dataclass(frozen=True)
class _WrongAttention:
    """What a wrong program computes: weights of scores, and the sum of values by these."""

    scores: Reals
    off: Reals
    """How far each may be off."""
    values: Reals
    weigh: Weigh = softmax

    @classmethod
    def of(cls, tensors: Tensors, weigh: Weigh = softmax) -> _WrongAttention:
        """The attention to other tensors, or by other weights."""
        return cls(tensors.scores, tensors.off, tensors.v, weigh)

    @property
    def answer(self) -> Reals:
        return np.asarray(self.weigh(self.scores) @ self.values)

    @property
    def rounding(self) -> Reals:
        """How far rounding takes it, about."""
        weights = self.weigh(self.scores)
        off = np.abs(weights) * FEW * UNIT_ROUNDOFF
        for signs in (1, -1, 1 - 2 * (np.arange(weights.size) % 2)):
            moved = self.weigh(self.scores + signs * self.off)
            off = np.maximum(off, np.abs(moved - weights))
        return np.asarray(off @ np.abs(self.values))


Model = Callable[[Tensors], _WrongAttention | None]
"""None at sizes of which it says nothing."""


def _mistake(name: str, explanation: str, advice: str, model: Model) -> Mistake:
    """A mistake that is told by what it computes, where rounding leaves enough of that."""

    def answer(inputs: Arrays, sizes: Sizes) -> Reals:
        wrong = model(Tensors.of(inputs))
        return attention(inputs) if wrong is None else wrong.answer

    def unsaid(inputs: Arrays, sizes: Sizes) -> NDArray[np.bool_]:
        wrong = model(Tensors.of(inputs))
        if wrong is None:
            return np.ones(sizes["d"], np.bool_)
        told = np.maximum(ROUNDED * np.abs(wrong.answer), allowed(inputs))
        return np.asarray(np.isfinite(wrong.answer) & ~(wrong.rounding <= told))

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, open=unsaid)


def _weighed(weigh: Weigh) -> Model:
    return lambda tensors: _WrongAttention.of(tensors, weigh)


def _other(change: Callable[[Tensors], Tensors]) -> Model:
    return lambda tensors: _WrongAttention.of(change(tensors))


def _of_square(change: Callable[[Tensors], _WrongAttention]) -> Model:
    """What shows in square matrices only; in others it depends on how indices were written."""
    return lambda tensors: change(tensors) if len(tensors.k) == tensors.q.size else None


def _some_keys(keys: slice) -> Model:
    def change(tensors: Tensors) -> _WrongAttention | None:
        left = Tensors(tensors.q, tensors.k[keys], tensors.v[keys])
        return _WrongAttention.of(left) if len(left.k) else None

    return change


def _some_elements(elements: slice) -> Model:
    """Scores of some of a query's elements only."""
    return _other(lambda x: Tensors(x.q[elements], x.k[:, elements], x.v))


def _as_it_is(tensors: Tensors, weigh: Weigh) -> _WrongAttention:
    """The output holds the weights."""
    return _WrongAttention(tensors.scores, tensors.off, np.eye(tensors.q.size), weigh)


def _powers(scores: Reals) -> Reals:
    return np.asarray(np.exp(scores - scores.max()))


def _subtracting(number: Callable[[Reals], float]) -> Weigh:
    """The softmax where a number is subtracted, as float32 has the exponentials and their sum."""

    def weigh(scores: Reals) -> Reals:
        powers = np.exp(scores - number(scores)).astype(np.float32).astype(np.float64)
        powers[powers < SMALLEST_NORMAL] = 0
        return np.asarray(powers / powers.sum().astype(np.float32))

    return weigh


def _scaled(tensors: Tensors) -> _WrongAttention:
    return _WrongAttention.of(tensors, lambda scores: softmax(scores / np.sqrt(tensors.q.size)))


def _zeros(inputs: Arrays, sizes: Sizes) -> Reals:
    return np.zeros(sizes["d"])


_IN_ORDER = """\
scores = ...           # one for each key
weights = ...          # their softmax
output = ...           # the values together, each by its weight"""
_ON_ITS_SIDE = """\
tile[...] = ...        # the block's tile, as it lies in the input
barrier()
...                    # rows and columns change places, in tile and grid
output[...] = ..."""
_SOFTMAX = """\
largest = ...          # of all scores
total = ...            # of all exponentials, each without the largest
weight = ...           # a key's own exponential, and what divides it"""

MISTAKES = sketched(
    {
        _IN_ORDER: (
            "softmax-left-out",
            "softmax-twice",
            "keys-as-values",
            "values-as-keys",
            "keys-and-values-swapped",
            "values-on-their-side",
            "weights-themselves",
            "scores-themselves",
            "scaled",
        ),
        _ON_ITS_SIDE: ("keys-as-they-lie",),
        _SOFTMAX: (
            "nothing-subtracted",
            "first-for-maximum",
            "not-divided",
            "divided-by-count",
            "powers-of-two",
            "largest-only",
        ),
    },
    Mistake(
        name="zeros",
        explanation="Every output is zero.",
        advice="Check that the last step is there, and that it writes into the output.",
        answer=_zeros,
        zeros=True,
    ),
    _mistake(
        "keys-as-they-lie",
        "The query was multiplied with the keys as they lie, not with their transpose.",
        "Follow one element of the keys, off the diagonal, through the tile: in which row "
        "and column of the transpose does it arrive?",
        _of_square(lambda x: _WrongAttention.of(Tensors(x.q, x.k.T, x.v))),
    ),
    _mistake(
        "softmax-left-out",
        "The values were added up by their scores; there was no softmax.",
        "Weights are made of the scores before the values are added up.",
        _weighed(lambda scores: scores),
    ),
    _mistake(
        "softmax-twice",
        "The weights are the softmax of the softmax.",
        "The scores go through the softmax once.",
        _weighed(lambda scores: softmax(softmax(scores))),
    ),
    _mistake(
        "scaled",
        "The scores were divided by the square root of d.",
        "Many transformers do so; this task takes the scores as they are.",
        _scaled,
    ),
    _mistake(
        "keys-as-values",
        "The keys were added up by the weights, not the values.",
        "Which matrix is the second one of the last product?",
        _other(lambda x: Tensors(x.q, x.k, x.k)),
    ),
    _mistake(
        "values-as-keys",
        "The scores are those of the values, not of the keys.",
        "Which matrix is it that is transposed?",
        _other(lambda x: Tensors(x.q, x.v, x.v)),
    ),
    _mistake(
        "keys-and-values-swapped",
        "Keys and values were taken for each other.",
        "The keys make the scores; the values are what is added up.",
        _other(lambda x: Tensors(x.q, x.v, x.k)),
    ),
    _mistake(
        "values-on-their-side",
        "Rows and columns of the values were taken for each other.",
        "An element of the output is made of one column of the values.",
        _of_square(lambda x: _WrongAttention.of(Tensors(x.q, x.k, x.v.T))),
    ),
    _mistake(
        "weights-themselves",
        "The output holds the weights.",
        "The last step is still to come: what do the weights weigh?",
        _of_square(lambda x: _as_it_is(x, softmax)),
    ),
    _mistake(
        "scores-themselves",
        "The output holds the scores.",
        "Two steps are still to come: the softmax, and the sum of the values.",
        _of_square(lambda x: _as_it_is(x, lambda scores: scores)),
    ),
    _mistake(
        "nothing-subtracted",
        "The exponentials are taken of the scores as they are: too large for float32 "
        "from 89 on, and zero, all of them, far below.",
        "Subtract the largest score first; the weights are the same.",
        _weighed(_subtracting(lambda scores: 0.0)),
    ),
    _mistake(
        "first-for-maximum",
        "The first score was subtracted, not the largest.",
        "Which score is it that no exponential overflows without?",
        _weighed(_subtracting(lambda scores: float(scores[0]))),
    ),
    _mistake(
        "not-divided",
        "The weights do not add up to one: the exponentials were not divided by their sum.",
        "Divide by the sum of all exponentials, of each weight or of the whole.",
        _weighed(_powers),
    ),
    _mistake(
        "divided-by-count",
        "The exponentials were divided by how many there are, not by their sum.",
        "What divides is the sum of the exponentials.",
        _weighed(lambda scores: np.asarray(_powers(scores) / scores.size)),
    ),
    _mistake(
        "powers-of-two",
        "The weights are made of powers of two, not of e.",
        "Take exp, or multiply the scores by the logarithm of e to the base two first.",
        _weighed(lambda scores: softmax(scores * np.log(2))),
    ),
    _mistake(
        "largest-only",
        "The output is the value of the key with the largest score.",
        "All values count, each by its weight.",
        _weighed(lambda scores: (scores == scores.max()).astype(np.float64)),
    ),
    _mistake(
        "uniform",
        "The output is the mean of the values, as if all scores were equal.",
        "See that the softmax reads the scores, and that they are there by then.",
        _weighed(lambda scores: np.full(scores.size, 1 / scores.size)),
    ),
    _mistake(
        "last-key-missing",
        "The last key and its value were left out.",
        "Which is the last key, and does each loop over the keys reach it?",
        _some_keys(slice(None, -1)),
    ),
    _mistake(
        "first-key-missing",
        "The first key and its value were left out.",
        "With which key does each loop over the keys begin?",
        _some_keys(slice(1, None)),
    ),
    _mistake(
        "last-element-missing",
        "The scores lack the last element of the query.",
        "How many products does a score have?",
        _some_elements(slice(None, -1)),
    ),
    _mistake(
        "first-element-missing",
        "The scores lack the first element of the query.",
        "With which element does the loop of a score begin?",
        _some_elements(slice(1, None)),
    ),
)
