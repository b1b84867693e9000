"""What counts as a right output."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.observe import compare
from grader.model.cases import Case, PlannedShape
from grader.model.domains import Values
from grader.puzzles.conv1d import PART
from grader.puzzles.conv1d.bound import reference


def case(values, *, n=15, kernel=(1.0,), data=None):
    shape = PlannedShape(
        number=0,
        sizes={"input_size": n, "conv_size": len(kernel)},
        part=PART,
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
    return reference(case.inputs, case.shape.sizes).astype(np.float32)


@pytest.mark.parametrize("values", list(Values))
def test_the_reference_is_right(values):
    example = case(values)
    assert compare(example, (right(example),))[0].right


def test_integers_must_be_equal():
    example = case(Values.INTEGERS)
    got = right(example)
    got[3] = np.nextafter(got[3], np.float32(np.inf))
    compared = compare(example, (got,))[0]
    # By so little, a right algorithm that is no sum of the products may be off as well.
    assert (compared.wrong.tolist(), compared.rearranged) == ([3], True)
    got[5] *= np.float32(1.0001)
    compared = compare(example, (got,))[0]
    assert (compared.wrong.tolist(), compared.rearranged) == ([3, 5], False)


def test_minus_zero_is_zero():
    example = case(Values.INTEGERS, data=np.zeros(15))
    assert compare(example, (np.full(15, -0.0, np.float32),))[0].right


def test_reals_may_be_off_by_rounding_and_no_more():
    example = case(Values.REALS, kernel=(0.1, 0.3))
    got = right(example)
    got[2] = np.nextafter(got[2], np.float32(np.inf))
    assert compare(example, (got,))[0].right
    got[2] *= np.float32(1.00001)
    assert compare(example, (got,))[0].wrong.tolist() == [2]


@pytest.mark.parametrize("values", list(Values))
@pytest.mark.parametrize("impostor", [np.nan, np.inf, -np.inf])
def test_no_special_value_stands_for_a_number(values, impostor):
    example = case(values)
    got = right(example)
    got[7] = impostor
    assert compare(example, (got,))[0].wrong.tolist() == [7]


def test_bytes_that_nobody_wrote_are_wrong_and_nothing_else():
    """The device's fill is a signalling NaN, which NumPy warns of where it is converted."""
    example = case(Values.INTEGERS)
    fill = np.full(15, 0x7FA5A5A5, np.uint32).view(np.float32)
    assert len(compare(example, (fill,))[0].wrong) == 15


def test_nan_is_right_only_where_the_reference_is_nan():
    data = np.ones(15)
    data[4] = np.nan
    example = case(Values.SPECIAL, data=data)
    assert compare(example, (right(example),))[0].right
    assert compare(example, (np.ones(15, np.float32),))[0].wrong.tolist() == [4]


def test_nan_may_spread_from_a_special_value_and_nothing_else_may():
    """By 0 * inf, where a right kernel multiplies with zero instead of leaving a term out."""
    data = np.ones(15)
    data[4] = np.inf
    example = case(Values.SPECIAL, data=data, kernel=(2.0,))
    got = right(example)
    got[3] = np.nan
    assert compare(example, (got,))[0].right
    got[3] = 3
    assert compare(example, (got,))[0].wrong.tolist() == [3]
    got[3] = np.inf
    assert compare(example, (got,))[0].wrong.tolist() == [3]


def test_an_infinity_must_be_the_same_one():
    data = np.ones(15)
    data[4] = np.inf
    example = case(Values.SPECIAL, data=data)
    got = right(example)
    assert compare(example, (got,))[0].right
    got[4] = -np.inf
    assert compare(example, (got,))[0].wrong.tolist() == [4]


@given(st.lists(st.floats(width=32), min_size=15, max_size=15))
def test_any_output_gets_an_answer(output):
    """No output, however strange, makes the comparison fail or warn."""
    comparison = compare(case(Values.REALS), (np.array(output, np.float32),))[0]
    assert 0 <= len(comparison.wrong) <= 15
