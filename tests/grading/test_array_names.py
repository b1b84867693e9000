"""What the arrays of an op's case are called, where nothing but the source and the sizes tells."""

from __future__ import annotations

import pytest

from grader.device import Space
from grader.grading.explain.arrays import ArrayNames, uses_of
from grader.intake.arithmetic import shared_arrays
from grader.references import reference
from grader.toolchain import edition as editions
from tests.grading.simulated import cases_of, part_of

SIZES = {"input_size": 15, "conv_size": 4}


@pytest.mark.parametrize("edition", editions.names())
def test_shared_arrays_are_told_apart_by_their_sizes(edition: str) -> None:
    text = reference("conv1d", edition, "right")
    assert text is not None
    assert shared_arrays(text, SIZES) == {18: "shared_a", 4: "shared_b"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("row_major[TPB + conv_size - 1]", "row_major[conv_size]"),
        ("row_major[TPB + conv_size - 1]", "row_major[TPB + unknown]"),
    ],
)
def test_none_is_named_where_one_is_in_doubt(old: str, new: str) -> None:
    text = reference("conv1d", "26.5", "right")
    assert text is not None
    assert old in text
    assert shared_arrays(text.replace(old, new), SIZES) == {}


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("    output[i] = 3", {"write"}),
        ("    output[i] += 3", {"read", "write"}),
        ("    a = output[i]", {"read"}),
        ("    if output[b[i]] == 3:", {"read"}),
        ("    f(output)", {"read", "write"}),
    ],
)
def test_how_a_source_uses_an_array(code: str, uses: set[str]) -> None:
    assert uses_of("output", code) == uses


def test_an_input_is_told_from_an_output_of_its_size() -> None:
    text = reference("conv1d", "26.5", "right")
    assert text is not None
    case = next(each for each in cases_of(part_of("conv1d")) if each.shape.sizes == SIZES)
    names = ArrayNames(case, text)
    assert names.of(Space.GLOBAL, "read", 15) == "input"
    assert names.of(Space.GLOBAL, "write", 15) == "output"
    assert names.of(Space.GLOBAL, "read", 4) == "kernel"
    assert names.of(Space.SHARED, "read", 18) == "shared_a"
    assert names.of(Space.SHARED, "read", 7) == ""
