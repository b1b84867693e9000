"""Mistakes that show in any puzzle are recognised, and nothing else is taken for them."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

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
