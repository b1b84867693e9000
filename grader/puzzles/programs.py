"""What puzzles of programs share: tensors, their places in the book; of those with sums, more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from grader.puzzle_kit import (
    Arrays,
    BookPlace,
    Clean,
    Command,
    Extent,
    Integers,
    Mistake,
    Place,
    Program,
    Reals,
    Robust,
    RubricItem,
    Sizes,
    TensorSpec,
)
from grader.puzzles.shapes import OWN_ELEMENT

Answer = NDArray[np.float64]

CLEAN = (
    "No two threads may use a cell, one of them writing, without a barrier between the two, and "
    "all threads of a block have to come to each barrier. Is there one at each place where one "
    "belongs, and outside of every condition that not all threads share?"
)
"""What to look at first where shared memory is raced for."""


def tensor(name: str, role: Literal["input", "output"], *shape: Extent) -> TensorSpec:
    """A tensor of these puzzles."""
    return TensorSpec(name=name, role=role, dtype="float32", shape=shape)


def numbers(inputs: Arrays, name: str = "a") -> Answer:
    """An input in float64."""
    return inputs[name].astype(np.float64)


def products(inputs: Arrays) -> Answer:
    """The products of a dot product, of ``a`` and ``b``."""
    return numbers(inputs, "a") * numbers(inputs, "b")


def dot(inputs: Arrays, sizes: Sizes) -> Answer:
    """The dot product of ``a`` and ``b``, as an output."""
    return np.array([numbers(inputs, "a") @ numbers(inputs, "b")])


def some_products(some: Callable[[Answer], Answer]) -> Callable[[Arrays, Sizes], Answer | None]:
    """The sum of some of the products; None where that is all of them."""

    def answer(inputs: Arrays, sizes: Sizes) -> Answer | None:
        all_products = products(inputs)
        chosen = some(all_products)
        return None if len(chosen) == len(all_products) else np.array([chosen.sum()])

    return answer


def power_of_two(least: int) -> int:
    """The first power of two that is no smaller."""
    return 1 << (least - 1).bit_length()


TPB = 8
"""Threads of a block in the tasks with sums in one block."""


def threads(sizes: Sizes) -> int:
    """Eight, or as many as more elements in the block need."""
    return max(TPB, power_of_two(sizes["size"]))


POINTERS_AND_LAYOUTS: Final = ("25.6.1", "25.7", "26.1", "26.2")
"""Editions in which several puzzles have a file with pointers and one with layout tensors."""
TILES: Final = ("26.3", "26.4", "26.5", "26.6", "26.7")
"""Editions whose tensors are tile tensors."""


BEFORE: Final = ("25.3", "25.4", "25.5")
"""Editions from before 30 July 2025, when puzzles were numbered anew."""


def places(
    number: int,
    *,
    layouts: bool = False,
    tiles: bool = False,
    before: int = 0,
    editions: tuple[str, ...] = (*POINTERS_AND_LAYOUTS, *TILES),
) -> tuple[BookPlace, ...]:
    """Where the book has a puzzle: the files in the folder of its number.

    Args:
        number: Its number.
        layouts: Whether older editions have a second file, with layout tensors.
        tiles: Whether newer ones have a second file, with tile tensors.
        before: Its number before puzzles were numbered anew, if that was another.
        editions: Those that have it, where not all do.
    """
    folder = f"p{number:02}"
    files: dict[str, tuple[str, ...]] = {folder: editions}
    if tiles:
        files[f"{folder}_tile_tensor"] = TILES
    if layouts:
        files[f"{folder}_layout_tensor"] = POINTERS_AND_LAYOUTS
    found = [_place(folder, file, editions) for file, editions in files.items()]
    if before:
        old = f"p{before:02}"
        found.append(_place(old, old, BEFORE, taken=True))
        if layouts:
            found.append(_place(old, f"{old}_layout_tensor", BEFORE))
    return tuple(found)


def _place(folder: str, file: str, editions: tuple[str, ...], *, taken: bool = False) -> BookPlace:
    return BookPlace(
        task=f"problems/{folder}/{file}.mojo",
        answer=f"solutions/{folder}/{file}.mojo",
        editions=editions,
        taken=taken,
    )


def graded(
    kernel: str,
    points: tuple[int, int, int],
    *,
    integers: str,
    clean: str = CLEAN,
    robust: tuple[int, str, str] | None = None,
    part: str = "",
) -> tuple[RubricItem, ...]:
    """The points of one part.

    Args:
        kernel: As people call the part, where the puzzle has several.
        points: For whole numbers, for real numbers, and for clean code.
        integers: What to look at first where whole numbers are wrong.
        clean: What to look at first where the code is not clean.
        robust: Points for sizes beyond the task, what it asks for, and what to look at first.
        part: Its name, where the puzzle has several.
    """
    prefix = f"{kernel}: " if part else ""

    def title(text: str) -> str:
        return prefix + (text[0].lower() + text[1:] if prefix else text)

    items = [
        RubricItem(
            check=Integers(
                part=part, title=title("Exact on whole numbers at each size"), next_step=integers
            ),
            points=points[0],
        ),
        RubricItem(
            check=Reals(
                part=part,
                title=title("Real numbers within the rounding bound"),
                next_step="Whole numbers tell whether the formula is right; real numbers also show "
                "lost precision. Keep every value in float32.",
            ),
            points=points[1],
        ),
        RubricItem(
            check=Clean(
                part=part,
                title=title("Clean: inputs untouched, no out of bounds, no race"),
                next_step=clean,
            ),
            points=points[2],
        ),
    ]
    if robust is not None:
        extra, asked, hint = robust
        check = Robust(part=part, title=title(f"Robust: {asked}"), next_step=hint)
        items.append(RubricItem(check=check, points=extra, extra=True))
    return tuple(items)


def program(*commands: Command) -> RubricItem:
    """The points for a file that also runs as the program that it is.

    Args:
        commands: How the book runs it.
    """
    hint = (
        "Run it as the book does. Where it ends with an error, the last lines that it prints say "
        "which."
    )
    return RubricItem(check=Program(commands=commands, next_step=hint), points=5)


def of_right(
    right: Callable[[Arrays, Sizes], Answer],
    *,
    single: bool = False,
    own_element: str = "Each thread, or each block, has an element of its own",
) -> tuple[Mistake, ...]:
    """Mistakes that may be made in each of them, after all others.

    Args:
        right: The right output.
        single: Whether it has always one element.
        own_element: Whose each element is, for who writes the first one only.
    """

    def zeros(inputs: Arrays, sizes: Sizes) -> Answer:
        return np.zeros_like(right(inputs, sizes))

    def first(inputs: Arrays, sizes: Sizes) -> Answer | None:
        value = right(inputs, sizes).copy()
        if value.size == 1:
            return None
        value.ravel()[1:] = 0
        return value

    def without_last(inputs: Arrays, sizes: Sizes) -> Answer:
        value = right(inputs, sizes).copy()
        value.ravel()[-1] = 0
        return value

    of_elements = (
        Mistake(
            name="first-element-only",
            explanation="Only the first element is written.",
            advice=f"{own_element}: use its index, not 0.",
            answer=first,
            sketch=OWN_ELEMENT,
        ),
        Mistake(
            name="last-element-missing",
            place=Place.GUARD,
            explanation="The last element is not written.",
            advice="Which is the last index, and does the guard let it through?",
            answer=without_last,
            sketch=OWN_ELEMENT,
        ),
    )
    return (
        Mistake(
            name="zeros",
            explanation="Every output is zero, as before the launch: no thread wrote one.",
            advice="Check that the kernel is filled in, and that its threads reach the assignment.",
            answer=zeros,
        ),
        *(() if single else of_elements),
    )
