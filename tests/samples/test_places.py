"""The line of a mistake is found from the file alone, and is never another than the label's."""

from __future__ import annotations

import pytest

from benchmarks.labels import default_labels, rewritten_labels
from grader.intake.places import Place, only_place
from grader.model.code import Kernels
from grader.puzzles import NAMES, find

PRECISION = {"float16": Place.FLOAT16, "bfloat16": Place.BFLOAT16}


def placed(puzzle):
    """The labelled samples whose mistake is about a place, each with the lines that are found."""
    for label in (*default_labels(puzzle), *rewritten_labels(puzzle)):
        cause = label.sample.entry.cause
        places = [
            (part, PRECISION.get(cause) or each.place)
            for part in find(puzzle).parts
            for each in part.mistakes
            if cause in (each.name, *PRECISION) and (each.place or cause in PRECISION)
        ]
        if cause is None or not places:
            continue
        text = label.sample.content.decode()
        lines = text.splitlines()
        yield (
            label.sample.entry,
            {lines[line - 1] for part, place in places if (line := found(text, part, place))},
        )


def found(text, part, place):
    """The line of the only such place in the part's kernels."""
    given = [part.given.function] if part.given else []
    return only_place(
        text,
        part.code.functions if isinstance(part.code, Kernels) else given,
        place,
        output=part.outputs[0].name,
        inputs=[spec.name for spec in part.inputs],
    )


def test_lines_of_mistakes_are_right_or_not_said():
    right = 0
    for entry, lines in (each for puzzle in NAMES for each in placed(puzzle)):
        if entry.line:
            assert all(entry.line in line for line in lines), (entry.name, lines)
            right += bool(lines)
        else:
            assert not lines, (entry.name, lines)
    assert right >= 30


KERNEL = """\
def k(output: T, a: T, size: Int):
    var i = thread_idx.x
    {first}
    {second}
"""


@pytest.mark.parametrize(
    ("place", "first", "second", "line"),
    [
        (Place.STORE, "output[i] = a[i] * 10", "pass", 3),
        (Place.STORE, "var x = a[i] * 10", "output[i] = x", None),
        (Place.STORE, "var ten = 5", "output[i] = a[i] + ten", None),
        (Place.STORE, "output[i] = a[i]", "output[i] = a[i] * 10", None),
        (Place.GUARD, "if i < size - 1:", "    output[i] = a[i]", 3),
        (Place.GUARD, "if i < conv_size - 1:", "    output[i] = a[i]", None),
        (Place.GUARD, "if i < size:", "    output[i] = a[size - 1]", None),
        (Place.LOOP_START, "for j in range(1, size):", "    output[i] += a[j]", 3),
        (Place.LOOP_START, "for j in range(size):", "    output[i] += a[j]", None),
        (Place.LOOP_END, "for j in range(size - 1):", "    output[i] += a[j]", 3),
        (Place.LOOP_END, "for j in range(size - 1):", "    for k in range(2): pass", None),
        (Place.FLOAT16, "var s: Float16 = 0", "s += Float16(a[i])", 3),
        (Place.FLOAT16, "var s = Float16(a[0])", "s += Float16(a[i])", None),
        (Place.FLOAT16, 'var s = "Float16"', "output[i] = s", None),
        (Place.BFLOAT16, "var s = 0", "output[i] = a[i].cast[DType.bfloat16]()", 4),
    ],
)
def test_a_line_is_said_only_where_one_place_is_of_the_kind(place, first, second, line):
    text = KERNEL.format(first=first, second=second)
    assert only_place(text, ["k"], place, output="output", inputs=["a"]) == line
