"""Well-known wrong answers for the sum of two vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from grader.puzzle_kit import Arrays, ExpectedOutput, Mistake, Place, Sizes, sketched
from grader.puzzles.elementwise import of_any, of_the_example
from grader.puzzles.programs import Answer, numbers


def _mistake(
    name: str, answer: Callable[[Answer, Answer], Answer | None], explanation: str, advice: str
) -> Mistake:
    return Mistake(
        name=name,
        explanation=explanation,
        advice=advice,
        answer=lambda inputs, sizes: answer(numbers(inputs, "a"), numbers(inputs, "b")),
    )


_ONE_OF_EACH = """\
one = a[...]           # the thread's own element
other = b[...]         # at the same index
output[...] = ...      # made of both"""


def mistakes(
    right: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]],
) -> tuple[Mistake, ...]:
    """All of them."""
    return sketched(
        {
            _ONE_OF_EACH: (
                *("a-twice", "b-twice", "indices", "only-a", "only-b", "subtracted"),
                *("multiplied", "first-of-b", "ten-added", "b-backwards"),
            ),
        },
        _mistake(
            "a-twice",
            lambda a, b: a + a,
            "a was added to itself. In the published example b is equal to it.",
            "Read one element of a and one of b.",
        ),
        _mistake(
            "b-twice",
            lambda a, b: b + b,
            "b was added to itself. In the published example a is equal to it.",
            "Read one element of a and one of b.",
        ),
        _mistake(
            "indices",
            lambda a, b: np.multiply(2, np.arange(a.size), dtype=np.float64),
            "The output is twice the index. In the published example that is the sum.",
            "What is added: the index, or the elements that stand there?",
        ),
        _mistake(
            "only-a",
            lambda a, b: a,
            "The output holds the elements of a; those of b are missing.",
            "Add the element of b with the same index.",
        ),
        _mistake(
            "only-b",
            lambda a, b: b,
            "The output holds the elements of b; those of a are missing.",
            "Add the element of a with the same index.",
        ),
        _mistake(
            "subtracted",
            lambda a, b: a - b,
            "b was subtracted from a, not added.",
            "Compare what is done to the two elements with what the task asks for.",
        ),
        _mistake(
            "multiplied",
            lambda a, b: a * b,
            "a and b were multiplied, not added.",
            "Compare what is done to the two elements with what the task asks for.",
        ),
        _mistake(
            "first-of-b",
            lambda a, b: None if a.size == 1 else a + b[0],
            "The first element of b was added to all of a.",
            "Read a and b with the same index.",
        ),
        _mistake(
            "ten-added",
            lambda a, b: a + 10,
            "10 was added to a, as in the puzzle before.",
            "Here the other number is b[i].",
        ),
        _mistake(
            "b-backwards",
            lambda a, b: None if a.size == 1 else a + b[::-1],
            "b was read from its end.",
            "Read a and b with the same index.",
        ),
        of_the_example(4, right),
        *of_any(right),
        places={
            Place.STORE: (*("a-twice", "b-twice", "only-a", "only-b"), "subtracted", "multiplied"),
        },
    )
