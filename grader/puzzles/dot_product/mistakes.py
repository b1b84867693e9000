"""Well-known wrong answers for the dot product, with what to tell whoever gives them."""

from __future__ import annotations

import numpy as np

from grader.puzzle_kit import Arrays, Mistake, Place, Sizes, sketched
from grader.puzzles.programs import Answer, dot, numbers, of_right, products, some_products
from grader.puzzles.shapes import A_CELL_EACH, REDUCTION


def _of_rounded_products(inputs: Arrays, sizes: Sizes) -> Answer:
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = products(inputs).astype(np.float32).astype(np.float16)
        return np.array([rounded.astype(np.float64).sum()])


MISTAKES = sketched(
    {
        REDUCTION: (
            "last-product-missing",
            "first-product-only",
            "one-step",
            "last-step-missing",
            "first-step-missing",
        ),
        A_CELL_EACH: ("first-product-missing", "last-product-only", "product-of-sums"),
    },
    Mistake(
        name="first-product-missing",
        place=Place.LOOP_START,
        explanation="The first product is left out of the sum. The published example can't tell: "
        "there it is zero.",
        advice="Elements begin at 0, and so do the cells that are added up.",
        answer=some_products(lambda products: products[1:]),
    ),
    Mistake(
        name="last-product-missing",
        place=Place.LOOP_END,
        explanation="The last product is left out of the sum.",
        advice="Which cell holds the last product, and what adds that cell?",
        answer=some_products(lambda products: products[:-1]),
    ),
    Mistake(
        name="first-product-only",
        explanation="The output is the first product; nothing was added to it.",
        advice="Does the reduction run, and does it begin with half of the threads?",
        answer=some_products(lambda products: products[:1]),
    ),
    Mistake(
        name="last-product-only",
        explanation="The output is the last product: each thread overwrote what others had "
        "written.",
        advice="Each product needs a cell of its own, which are then added up.",
        answer=some_products(lambda products: products[-1:]),
    ),
    Mistake(
        name="one-step",
        explanation="Only one step of the reduction was made: two products are in the sum.",
        advice="Halve the stride until it is 1, in a loop.",
        answer=some_products(lambda products: products[:: max(len(products) // 2, 1)]),
    ),
    Mistake(
        name="last-step-missing",
        explanation="The last step of the reduction is missing: every other product is left out.",
        advice="The step with stride 1 belongs to it: with which stride does the loop end?",
        answer=some_products(lambda products: products[::2]),
    ),
    Mistake(
        name="first-step-missing",
        explanation="The second half of the products is left out.",
        advice="Which cells does the first step add, where all of them hold something?",
        answer=some_products(lambda products: products[: max(len(products) // 2, 1)]),
    ),
    Mistake(
        name="sum-of-a",
        explanation="The output is the sum of a alone; b was not multiplied.",
        advice="Each thread multiplies an element of a by one of b.",
        answer=lambda inputs, sizes: np.array([numbers(inputs, "a").sum()]),
    ),
    Mistake(
        name="squares",
        explanation="a was multiplied by itself. The published example can't tell: there a and b "
        "are equal.",
        advice="Where does the second factor of each product come from?",
        answer=lambda inputs, sizes: np.array([numbers(inputs, "a") @ numbers(inputs, "a")]),
    ),
    Mistake(
        name="sums",
        explanation="The elements of a and b were added, not multiplied.",
        advice="What does the task do with the two elements before it sums up?",
        answer=lambda inputs, sizes: np.array([sum(numbers(inputs, each).sum() for each in "ab")]),
    ),
    Mistake(
        name="product-of-sums",
        explanation="The output is the sum of a times the sum of b.",
        advice="Multiply first, pair by pair; then add the products.",
        answer=lambda inputs, sizes: np.array(
            [numbers(inputs, "a").sum() * numbers(inputs, "b").sum()]
        ),
    ),
    Mistake(
        name="backwards",
        explanation="One of the two vectors was read from its end.",
        advice="Each product is of two elements with the same index.",
        answer=lambda inputs, sizes: np.array([numbers(inputs, "a") @ numbers(inputs, "b")[::-1]]),
    ),
    Mistake(
        name="products-in-float16",
        place=Place.FLOAT16,
        explanation="Each product was rounded to Float16 before it was added.",
        advice="Keep every value in float32: look at the type of shared memory, and at casts.",
        answer=_of_rounded_products,
    ),
    Mistake(
        name="doubled",
        explanation="The output is twice the dot product.",
        advice="Does each product get into the sum once?",
        answer=lambda inputs, sizes: 2 * dot(inputs, sizes),
    ),
    *of_right(dot, single=True),
)
