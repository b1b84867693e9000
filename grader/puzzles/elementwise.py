"""What the first puzzles of the book share: each element of the output is a sum of two numbers.

They differ in which thread makes which element: one block or several, one dimension or two, more
threads than elements, a tile in shared memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import (
    Arrays,
    Clean,
    Command,
    Compiles,
    Example,
    ExpectedOutput,
    Integers,
    Kernels,
    Mistake,
    Part,
    Place,
    Reals,
    RubricItem,
    Sizes,
    Words,
    WorkedExample,
    sketched,
    sum_of,
)
from grader.puzzles.programs import Answer, numbers, of_right, program
from grader.puzzles.shapes import GUARDED, READ_THEN_WRITE

Change = Callable[[Answer, Sizes], Answer | None]
"""From an array and the sizes to what a mistake makes of it, or None where that is the same."""

TEN = 10


def plus_ten(inputs: Arrays, sizes: Sizes) -> Mapping[str, ExpectedOutput]:
    """Each element of ``a``, plus ten: one rounding."""
    elements = numbers(inputs)
    return {"output": sum_of(elements, np.full(elements.shape, float(TEN)))}


def counted(title: str, lower: str, sizes: Sizes, *shape: int) -> tuple[WorkedExample, Words]:
    """The published example of most: 0, 1, 2 and so on become 10, 11, 12."""
    elements = np.arange(np.prod(shape, dtype=int), dtype=np.float32)
    example = WorkedExample(
        sizes=sizes,
        inputs={"a": elements.reshape(shape)},
        outputs={"output": tuple(float(each + TEN) for each in elements)},
    )
    return example, Words(title=title, lower=lower, inputs={"a": "a"})


def rubric(part: Part, *, example: str, integers: str, clean: str) -> tuple[RubricItem, ...]:
    """Points of a puzzle with one kernel, with what to look at first where a check failed."""
    assert part.example is not None
    assert isinstance(part.code, Kernels)
    (kernel,) = part.code.functions
    return (
        RubricItem(check=Compiles(title=f"The kernel {kernel} compiles"), points=5),
        RubricItem(check=Example(next_step=example), points=10),
        RubricItem(check=Integers(next_step=integers), points=50),
        RubricItem(
            check=Reals(
                next_step="Whole numbers tell whether the formula is right; real numbers also "
                "show lost precision."
            ),
            points=20,
        ),
        RubricItem(check=Clean(next_step=clean), points=10),
        program(Command(printed=part.example.outputs["output"])),
    )


def changed(
    name: str,
    change: Change,
    *,
    explanation: str,
    advice: str,
    right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]] = plus_ten,
    sketch: str = "",
) -> Mistake:
    """A mistake that shows as a change of the right output."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        return change(right(inputs, sizes)["output"].value.astype(np.float64), sizes)

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer, sketch=sketch)


def another(name: str, change: Change, *, explanation: str, advice: str) -> Mistake:
    """A mistake that makes something else of ``a``."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        return change(numbers(inputs), sizes)

    return Mistake(name=name, explanation=explanation, advice=advice, answer=answer)


def only(elements: Answer, kept: NDArray[np.bool_]) -> Answer | None:
    """Those elements, and zeros for the others; None where that is all of them."""
    return None if kept.all() else np.where(kept, elements, 0.0)


def _flat(elements: Answer) -> NDArray[np.int64]:
    return np.arange(elements.size).reshape(elements.shape)


MESSAGES = (
    (
        r"cannot implicitly convert '(Int|UInt)' value to 'Float32'",
        (
            "The index is a whole number, and the output holds Float32. To add to the element, "
            "read it first: a with that index."
        ),
    ),
    (
        r"cannot be converted from 'Int32' to 'Int'",
        "size_dev is an Int32. Compare the index with size, which is the same number as an Int.",
    ),
)
"""What messages of the compiler mean in these puzzles; `submissions` has a file for each."""


def of_any(
    right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]] = plus_ten,
) -> tuple[Mistake, ...]:
    """Mistakes that may be made in each of them."""

    def elements(inputs: Arrays, sizes: Sizes) -> Answer:
        return right(inputs, sizes)["output"].value.astype(np.float64)

    return (
        *of_right(elements, own_element="Every thread has an element of its own"),
        changed(
            "backwards",
            lambda value, sizes: None if value.size == 1 else value.ravel()[::-1].copy(),
            explanation="The right elements stand in reverse order.",
            advice="Read and write with the same index.",
            right=right,
        ),
    )


def of_the_example(
    count: int, right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]] = plus_ten
) -> Mistake:
    """As many elements written as the published example has, whatever the size is."""
    return changed(
        "size-of-the-example",
        lambda value, sizes: only(value, _flat(value) < count),
        explanation=f"Only the first {count} elements are written, as many as the published "
        "example has.",
        advice="Let the size decide, not a number: each thread below it writes its element.",
        right=right,
        sketch=GUARDED,
    )


PLUS_TEN = sketched(
    {
        READ_THEN_WRITE: (
            "index-plus-ten",
            "nothing-added",
            "ten-itself",
            "first-value",
            "subtracted",
            "multiplied",
            "added-twice",
        ),
    },
    another(
        "index-plus-ten",
        lambda a, sizes: np.add(_flat(a), TEN, dtype=np.float64),
        explanation="Ten was added to the index of the element, not to the element. The published "
        "example does not tell them apart: there they are equal.",
        advice="What is added to: the index, or the element that stands there?",
    ),
    another(
        "nothing-added",
        lambda a, sizes: a.copy(),
        explanation="The output holds the elements of a; nothing was added.",
        advice="Add 10 to the element before it is stored.",
    ),
    another(
        "ten-itself",
        lambda a, sizes: np.full(a.shape, float(TEN)),
        explanation="The output holds 10 everywhere; the elements of a are missing.",
        advice="Read the thread's element of a, and add 10 to it.",
    ),
    another(
        "first-value",
        lambda a, sizes: None if a.size == 1 else np.full(a.shape, a.ravel()[0] + TEN),
        explanation="Every output is the first element plus 10.",
        advice="Every thread reads an element of its own: use its index, not 0.",
    ),
    another(
        "subtracted",
        lambda a, sizes: a - TEN,
        explanation="10 was subtracted, not added.",
        advice="Compare what is done to the element with what the task asks for.",
    ),
    another(
        "multiplied",
        lambda a, sizes: a * TEN,
        explanation="The elements were multiplied by 10; 10 was not added.",
        advice="Compare what is done to the element with what the task asks for.",
    ),
    another(
        "added-twice",
        lambda a, sizes: a + 2 * TEN,
        explanation="10 was added twice.",
        advice="One thread must not repeat what another does, and a must stay as it is.",
    ),
    *of_any(),
    places={Place.STORE: ("nothing-added", "subtracted", "multiplied")},
)
"""Mistakes of those that add ten."""
