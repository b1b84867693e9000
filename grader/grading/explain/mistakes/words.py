"""What is said of mistakes that show in any puzzle: what is wrong, and what to look at."""

from __future__ import annotations

from enum import Enum
from typing import Final

from grader.device import Dim3, Provenance, Writer

_MOJO_TYPES: Final = {"float16": "Float16", "bfloat16": "BFloat16", "tf32": "TF32"}


def too_small_a_type(dtype: str, got: float, right: float, *, is_rounded: bool) -> tuple[str, str]:
    """That values were kept in a smaller type on the way, and what to do about it.

    Args:
        dtype: The smaller type.
        got: An output.
        right: What it should be.
        is_rounded: Whether it is that, rounded once.
    """
    name = _MOJO_TYPES[dtype]
    how = f"is {right:.9g} rounded to {name}"
    if not is_rounded:
        how = f"stands where {right:.9g} is right"
    told = (
        f"{got:.9g} {how}, and every result is a number that {name} can hold: something on the "
        f"way is {name}."
    )
    return told, _KEEP_FLOAT32


_KEEP_FLOAT32 = (
    "Keep every value in float32: look at the type of the accumulator and of shared memory, "
    "and at casts."
)


def inputs_rounded(dtype: str, got: float, right: float, name: str = "") -> tuple[str, str]:
    """That inputs were rounded to a smaller type before use, and what to do about it.

    Args:
        dtype: The smaller type.
        got: An output.
        right: What it should be.
        name: The input that was rounded; empty where all were.
    """
    which = f"{name} is" if name else "the inputs are"
    told = (
        f"{got:.9g} stands where {right:.9g} is right, and every result is what comes out where "
        f"{which} rounded to {_MOJO_TYPES[dtype]} first."
    )
    return told, _KEEP_FLOAT32


def the_same_everywhere(value: float) -> tuple[str, str]:
    """That every output is one number, and what to do about it."""
    return (
        f"Every output is {value:.9g}, whatever the inputs are.",
        "The published example is one case of many: compute the output from the inputs.",
    )


def not_a_number() -> tuple[str, str]:
    """That every output is NaN, and what to do about it."""
    return (
        "Every output is NaN, which is no number, whatever the inputs are.",
        (
            "0/0 and inf - inf give NaN, and every sum that it gets into is NaN as well. What does "
            "the result begin with, and what is it divided by?"
        ),
    )


def who_wrote_zeros(by: Provenance, place: str) -> tuple[str, str]:
    """That every output is zero and who wrote these zeros, and what to do about it."""
    if by.writer is not Writer.KERNEL:
        return (
            "Every output is zero, and no kernel stored these zeros.",
            (
                "Does a thread reach the assignment to the output, and is that the tensor that the "
                "launch passes first?"
            ),
        )
    who = "a kernel"
    if by.thread is not None and by.block is not None:
        who = f"thread {_place(by.thread)} of block {_place(by.block)}"
    return (
        f"Every output is zero, and the kernel stored these zeros: {who} wrote {place}.",
        "Follow that thread to its assignment: what does it store, and where does that come from?",
    )


def _place(at: Dim3) -> str:
    """A block or thread, by as many of its numbers as tell something."""
    x, y, z = at
    return f"({x}, {y}, {z})" if z else f"({x}, {y})" if y else str(x)


def same_for_all_inputs() -> tuple[str, str]:
    """That the output does not depend on the inputs, and what to do about it."""
    return (
        (
            "The output is the same for different inputs of the same size: it does not depend on "
            "what they hold."
        ),
        (
            "Read the inputs' elements. An index, or the numbers of the published example, can't "
            "stand in their place."
        ),
    )


def off_by(number: float) -> tuple[str, str]:
    """That every output is off by the same number, and what to do about it."""
    word = "large" if number > 0 else "small"
    return (
        f"Every output is {abs(number):.9g} too {word}.",
        "Look at what the sum begins with, and at what is added to it at the end.",
    )


def at_some_sizes(explanation: str) -> str:
    """What is so at some sizes, and not at others where it would have shown."""
    return f"{explanation} That is so at some sizes only; at others the output is right."


def either(one: str, other: str) -> tuple[str, str]:
    """That two mistakes explain all that was seen."""
    return (
        f"Either of two mistakes explains all wrong outputs. {one} Or: {other}",
        "Work out one output by hand in both ways, and see which your code does.",
    )


# ---- where the wrong elements stand ----

_ENDS: Final = {False: "first", True: "last"}


def end_missing(noun: str, *, last: bool, zero: bool) -> tuple[str, str]:
    """That the first or last element, row or column is never right, and all others are."""
    bound = (
        "where do the index and its bound end: < or <=, size or size - 1?"
        if last
        else "where does the index begin: at 0, or at 1?"
    )
    what = "always 0" if zero else "wrong in every case"
    return (
        f"The {_ENDS[last]} {noun} of the output is {what}, and everything else is right.",
        f"Which thread writes it, and {bound}",
    )


class Groups(Enum):
    """What elements are divided by."""

    BY_BLOCK = "as many as a block has threads"
    SHARED_OUT = "an equal share for each block"


def remainder_missing(noun: str, group: Groups | int | None) -> tuple[str, str]:
    """That what a division into groups leaves over is never right.

    Args:
        noun: What is counted: elements, rows or columns.
        group: What they are divided by, a number where that is fixed, or None where it is not
            certain.
    """
    match group:
        case Groups.BY_BLOCK:
            which = f"The {noun} behind the last full block"
        case Groups.SHARED_OUT:
            which = f"The {noun} that are left over where each block gets an equal share"
        case int():
            which = f"The {noun} behind the last full group of {group}"
        case _:
            which = f"The last {noun} of sizes that do not divide evenly"
    return (
        f"{which} are wrong, and all others are right: the remainder is nobody's.",
        (
            "At sizes that divide evenly there is no remainder. Round up where you divide, and let "
            "a guard leave out what is too much."
        ),
    )


# ---- what would be right for something else ----


def of_the_neighbour(noun: str, *, ahead: bool, name: str = "") -> tuple[str, str]:
    """That each output is that of its neighbour, or made of the neighbour in one input.

    Args:
        noun: Of what it is one further on: element, row or column.
        ahead: Whether the neighbour lies behind it, at the larger index.
        name: The input that is read there; empty where the whole output is moved.
    """
    where = "next" if ahead else "previous"
    told = (
        f"{name} is read one {noun} too {'far' if ahead else 'early'}: each output is made of the "
        f"{where} {noun} of {name}."
        if name
        else f"Each output is what belongs to the {where} {noun}: all stand one {noun} too "
        f"{'early' if ahead else 'late'}."
    )
    return told, (
        "Compare the index that is read with the one that is written, and where each of them was "
        "last changed."
    )


def running_total(name: str = "") -> tuple[str, str]:
    """That outputs grow along an axis by all that lies before."""
    told = (
        f"Each output has the sum of all elements of {name} up to its own, where {name} itself "
        "belongs."
        if name
        else "Each output is the sum of all right outputs up to its own."
    )
    return (
        f"{told} It is a running total.",
        (
            "A variable that is added to keeps its value from one output to the next. Where does "
            "it begin anew?"
        ),
    )


def element_added(name: str, *, last: bool) -> tuple[str, str]:
    """That an element of an input is in each output once too often."""
    return (
        f"The {_ENDS[last]} element of {name} is in each output once too often.",
        "Look at what the sum begins with, and at which element is the first that is added.",
    )


def whole_numbers() -> tuple[str, str]:
    """That values lost their fractions on the way."""
    return (
        "Fractions are lost: each output is what whole numbers give.",
        (
            "Keep every value in its type: look at casts to Int, at // and at variables that hold "
            "whole numbers."
        ),
    )
