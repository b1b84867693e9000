"""Mistakes that show in any puzzle are recognised, and nothing else is taken for them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from grader.puzzles.conv1d.mistakes import TPB
from tests.grading.scripted import right
from tests.grading.test_counterexample import example_of

HALF, BRAIN = np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)


def result_in(dtype):
    """Rounds the result."""
    return lambda inputs, sizes, variant: _through(right(inputs, sizes, variant), dtype)


def _through(array, dtype):
    with np.errstate(all="ignore"):
        return array.astype(dtype).astype(np.float32)


def summed_in(dtype):
    """Rounds after each product and each addition."""

    def program(inputs, sizes, variant):
        n, m = sizes["input_size"], sizes["conv_size"]
        with np.errstate(all="ignore"):
            a, b = (inputs[name].astype(dtype) for name in ("input", "kernel"))
            answer = np.zeros(n, dtype)
            for i in range(n):
                for j in range(min(m, n - i)):
                    answer[i] = answer[i] + a[i + j] * b[j]
        return answer.astype(np.float32)

    return program


@pytest.mark.parametrize(
    ("program", "check"),
    # Of reals some inputs are too small for the type, which takes more than a rounding away.
    [(result_in, "integers"), (result_in, "reals"), (summed_in, "integers")],
)
@pytest.mark.parametrize(("dtype", "name"), [(HALF, "Float16"), (BRAIN, "BFloat16")])
def test_the_type_is_named(program, dtype, name, check):
    example = example_of(program(dtype), check=check)
    assert name in example.explanation


def off_by_one(inputs, sizes, variant):
    """Whole numbers stay whole, and small ones fit any type."""
    answer = right(inputs, sizes, variant)
    return answer + np.float32(1)


def one_term_less(inputs, sizes, variant):
    inputs = {**inputs, "kernel": inputs["kernel"].copy()}
    inputs["kernel"][-1] = 0
    return right(inputs, sizes, variant)


def nearly(inputs, sizes, variant):
    """An error as small as float16's, in numbers that float16 does not hold."""
    answer = right(inputs, sizes, variant)
    with np.errstate(all="ignore"):
        return (answer * np.float32(1 + 2**-12)).astype(np.float32)


def tiny_lost(inputs, sizes, variant):
    """Zero where the right answer is too small for float16."""
    answer = right(inputs, sizes, variant)
    return np.where(np.abs(answer) < 1e-9, np.float32(0), answer)


@pytest.mark.parametrize("program", [off_by_one, one_term_less, nearly])
@pytest.mark.parametrize("check", ["integers", "reals"])
def test_no_other_mistake_is_taken_for_a_small_type(program, check):
    assert "Float16" not in example_of(program, check=check).explanation


def test_zeros_alone_prove_no_type():
    assert "Float16" not in example_of(tiny_lost, check="reals").explanation


def sums_of_indices(inputs, sizes, variant):
    n, m = sizes["input_size"], sizes["conv_size"]
    return np.array([sum(i + j for j in range(min(m, n - i))) for i in range(n)], np.float32)


def cut_to_tf32(inputs, sizes, variant):
    cut = {
        name: (array.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
        for name, array in inputs.items()
    }
    return right(cut, sizes, variant)


@pytest.mark.parametrize(
    ("program", "mistake"),
    [(off_by_one, "offset"), (sums_of_indices, "same-for-all-inputs"), (cut_to_tf32, "tf32")],
)
@pytest.mark.parametrize("check", ["integers", "reals"])
def test_what_shows_in_any_puzzle_is_named(program, mistake, check):
    assert example_of(program, check=check).mistake == mistake


def off_at_one_place(inputs, sizes, variant):
    answer = right(inputs, sizes, variant)
    answer[len(answer) // 2] += np.float32(1)
    return answer


def wrong_for_large_inputs(inputs, sizes, variant):
    """Constant for some inputs, right for others of the same size."""
    answer = right(inputs, sizes, variant)
    return np.full_like(answer, 7) if np.abs(inputs["input"]).max() > 20 else answer


@pytest.mark.parametrize("program", [off_at_one_place, wrong_for_large_inputs, nearly])
def test_what_does_not_hold_everywhere_is_not_said(program):
    assert example_of(program).mistake == ""


def first_never_written(inputs, sizes, variant):
    """At one element the output is the same for all inputs; at others it is not."""
    answer = right(inputs, sizes, variant)
    answer[0] = 0
    return answer


def last_tap_missing(inputs, sizes, variant):
    """With one tap there is none left."""
    return one_term_less(inputs, sizes, variant)


@pytest.mark.parametrize(
    ("program", "mistake"),
    [(first_never_written, "first-missing"), (last_tap_missing, "last-tap-missing")],
)
@pytest.mark.parametrize("check", ["integers", "reals"])
def test_the_smallest_sizes_decide_nothing_alone(program, mistake, check):
    assert example_of(program, check=check).mistake == mistake


def half_input(inputs, sizes, variant):
    """One input is rounded on its way, and all else is float32."""
    return right({**inputs, "input": _through(inputs["input"], HALF)}, sizes, variant)


def tf32_input(inputs, sizes, variant):
    cut = (inputs["input"].view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)
    return right({**inputs, "input": cut}, sizes, variant)


@pytest.mark.parametrize(
    ("program", "mistake", "name"),
    [(half_input, "float16", "Float16"), (tf32_input, "tf32", "TF32")],
)
@pytest.mark.parametrize("check", ["integers", "reals"])
def test_one_input_that_is_rounded_is_named(program, mistake, name, check):
    example = example_of(program, check=check)
    assert example.mistake == mistake
    assert f"input is rounded to {name}" in example.explanation


def in_whole_numbers(inputs, sizes, variant):
    """Each product is cut off to an Int32: what does not fit is the largest one."""
    n, m = sizes["input_size"], sizes["conv_size"]
    answer = np.zeros(n, np.int32)
    with np.errstate(all="ignore"):
        for i in range(n):
            for j in range(min(m, n - i)):
                product = np.float64(inputs["input"][i + j] * inputs["kernel"][j])
                kept = np.clip(np.nan_to_num(product), -(2.0**31), 2.0**31 - 1)
                answer[i] = answer[i] + np.int32(kept)
    return answer.astype(np.float32)


def around_the_corner(inputs, sizes, variant):
    """Each result is stored one place on, the last one at the first place."""
    return np.roll(right(inputs, sizes, variant), 1)


def late_in_a_tile(inputs, sizes, variant):
    """One place too far in the block's tile, whose last cells are nobody's: they hold anything."""
    n, m = sizes["input_size"], sizes["conv_size"]
    answer = np.zeros(n, np.float32)
    with np.errstate(all="ignore"):
        for i in range(n):
            for j in range(m):
                cell = i % TPB + j + 1
                place = i - i % TPB + cell
                value = inputs["input"][place] if place < n else np.float32(np.nan)
                if cell < TPB + m - 1:
                    answer[i] += value * inputs["kernel"][j]
    return answer


@pytest.mark.parametrize(
    ("program", "check", "mistake"),
    [
        (in_whole_numbers, "reals", "whole-numbers"),
        (around_the_corner, "integers", "result-shifted"),
        (around_the_corner, "reals", "result-shifted"),
        (late_in_a_tile, "integers", "late"),
        (late_in_a_tile, "reals", "late"),
    ],
)
def test_a_mistake_may_leave_open_what_some_elements_hold(program, check, mistake):
    assert example_of(program, check=check).mistake == mistake


def wrong_where_late_says_nothing(inputs, sizes, variant):
    answer = right(inputs, sizes, variant)
    answer[-1] += np.float32(1)
    return answer


def test_elements_that_a_mistake_leaves_open_prove_nothing():
    assert example_of(wrong_where_late_says_nothing).mistake not in ("late", "result-shifted")
