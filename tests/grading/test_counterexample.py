"""The counterexample in the record, and the mistake that it is recognised as."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.labels import SUBMISSIONS
from grader.grading.counterexample import build, tensor
from grader.puzzles.conv1d import CONV1D, TPB
from tests.grading import test_search_and_score as programs
from tests.grading.scripted import Crash, ScriptedExecutor, grade, right


def example_of(program, check="integers", source=""):
    results, _ = grade(ScriptedExecutor(program))
    tally = results.tallies[check]
    return build(CONV1D, *tally.worst, failing=tally.first, source=source)


def halo_missing(inputs, sizes, variant):
    answer = right(inputs, sizes, variant)
    n, m = sizes["input_size"], sizes["conv_size"]
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(min(n, TPB)):
            inside = range(min(m, min(n, TPB) - i))
            answer[i] = sum(inputs["input"][i + j] * inputs["kernel"][j] for j in inside)
    return answer


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (programs.zeros, "Every output is zero"),
        (programs.copy, "copy of the input"),
        (programs.first_block, "first block"),
        (programs.flipped, "reversed"),
        (halo_missing, "halo"),
        (programs.late_error, ""),
        (programs.constant, ""),
    ],
)
def test_a_well_known_mistake_is_named_and_no_other(program, words):
    explanation = example_of(program).explanation
    assert words in explanation
    assert bool(words) == bool(explanation)


SHORT = SUBMISSIONS / "conv1d" / "25.3" / "argument_missing.mojo"


def crash(inputs, sizes, variant):
    raise Crash


def test_a_run_without_output_is_explained_by_a_launch_that_leaves_an_argument_out():
    explanation = example_of(crash, source=SHORT.read_text()).explanation
    assert explanation.startswith("The launch gives conv1d_kernel 2 arguments, and it takes 3.")
    assert "line 108" in explanation
    assert "out, input, kernel" in explanation


def test_no_launch_is_blamed_without_a_crash_and_no_crash_without_a_short_launch():
    assert example_of(programs.constant, source=SHORT.read_text()).explanation == ""
    right = SHORT.with_name("right.mojo").read_text()
    assert example_of(crash, source=right).explanation == ""


def test_rounding_to_half_precision_is_named():
    assert "float16" in example_of(programs.half, "reals").explanation


def test_the_wrong_elements_are_listed_with_their_writer():
    example = example_of(programs.first_block)
    assert example.mismatch_count == len(example.mismatches)
    assert all(each.index >= TPB and each.writer == "a kernel" for each in example.mismatches)


def test_a_tensor_keeps_every_bit():
    array = np.array([np.nan, -0.0, np.inf, 1e-45], np.float32)
    kept = tensor("output", array)
    assert kept.data == array.tobytes()
    assert (kept.dtype, kept.shape) == ("float32", (4,))
