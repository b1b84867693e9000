"""What counts as a right output."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.cases import Case, Values
from grader.grading.judge import compare
from grader.grading.plan import PlannedShape
from grader.puzzles.conv1d import CONV1D
from grader.puzzles.definition import Part


def case(values, *, n=15, kernel=(1.0,), data=None):
    shape = PlannedShape(
        number=0,
        sizes={"input_size": n, "conv_size": len(kernel)},
        part=Part.ASSIGNED,
        origin="boundary",
    )
    data = np.arange(1, n + 1) if data is None else data
    return Case(
        shape=shape,
        values=values,
        inputs={
            "input": np.array(data, np.float32),
            "kernel": np.array(kernel, np.float32),
        },
    )


def right(case):
    return CONV1D.reference(case.inputs, case.shape.sizes).astype(np.float32)


@pytest.mark.parametrize("values", list(Values))
def test_the_reference_is_right(values):
    example = case(values)
    assert compare(CONV1D, example, right(example)).right


def test_integers_must_be_equal():
    example = case(Values.INTEGERS)
    got = right(example)
    got[3] = np.nextafter(got[3], np.float32(np.inf))
    compared = compare(CONV1D, example, got)
    # By so little, a right algorithm that is no sum of the products may be off as well.
    assert (compared.wrong.tolist(), compared.rearranged) == ([3], True)
    got[5] *= np.float32(1.0001)
    compared = compare(CONV1D, example, got)
    assert (compared.wrong.tolist(), compared.rearranged) == ([3, 5], False)


def test_minus_zero_is_zero():
    example = case(Values.INTEGERS, data=np.zeros(15))
    assert compare(CONV1D, example, np.full(15, -0.0, np.float32)).right


def test_reals_may_be_off_by_rounding_and_no_more():
    example = case(Values.REALS, kernel=(0.1, 0.3))
    got = right(example)
    got[2] = np.nextafter(got[2], np.float32(np.inf))
    assert compare(CONV1D, example, got).right
    got[2] *= np.float32(1.00001)
    assert compare(CONV1D, example, got).wrong.tolist() == [2]


@pytest.mark.parametrize("values", list(Values))
@pytest.mark.parametrize("impostor", [np.nan, np.inf, -np.inf])
def test_no_special_value_stands_for_a_number(values, impostor):
    example = case(values)
    got = right(example)
    got[7] = impostor
    assert compare(CONV1D, example, got).wrong.tolist() == [7]


def test_bytes_that_nobody_wrote_are_wrong_and_nothing_else():
    """The device's fill is a signalling NaN, which NumPy warns of where it is converted."""
    example = case(Values.INTEGERS)
    fill = np.full(15, 0x7FA5A5A5, np.uint32).view(np.float32)
    assert len(compare(CONV1D, example, fill).wrong) == 15


def test_nan_is_right_only_where_the_reference_is_nan():
    data = np.ones(15)
    data[4] = np.nan
    example = case(Values.SPECIAL, data=data)
    assert compare(CONV1D, example, right(example)).right
    assert compare(CONV1D, example, np.ones(15, np.float32)).wrong.tolist() == [4]


def test_nan_may_spread_from_a_special_value_and_nothing_else_may():
    """By 0 * inf, where a right kernel multiplies with zero instead of leaving a term out."""
    data = np.ones(15)
    data[4] = np.inf
    example = case(Values.SPECIAL, data=data, kernel=(2.0,))
    got = right(example)
    got[3] = np.nan
    assert compare(CONV1D, example, got).right
    got[3] = 3
    assert compare(CONV1D, example, got).wrong.tolist() == [3]
    got[3] = np.inf
    assert compare(CONV1D, example, got).wrong.tolist() == [3]


def test_an_infinity_must_be_the_same_one():
    data = np.ones(15)
    data[4] = np.inf
    example = case(Values.SPECIAL, data=data)
    got = right(example)
    assert compare(CONV1D, example, got).right
    got[4] = -np.inf
    assert compare(CONV1D, example, got).wrong.tolist() == [4]


@given(st.lists(st.floats(width=32), min_size=15, max_size=15))
def test_any_output_gets_an_answer(output):
    """No output, however strange, makes the comparison fail or warn."""
    comparison = compare(CONV1D, case(Values.REALS), np.array(output, np.float32))
    assert 0 <= len(comparison.wrong) <= 15
