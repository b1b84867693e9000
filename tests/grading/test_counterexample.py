"""The counterexample in the record, and the mistake that it is recognised as."""

from __future__ import annotations

import numpy as np
import pytest

from grader.grading.counterexample import build, tensor
from grader.puzzles.conv1d import CONV1D, TPB
from tests.grading import test_search_and_score as programs
from tests.grading.scripted import ScriptedExecutor, grade, right


def example_of(program, check="integers"):
    results, _ = grade(ScriptedExecutor(program))
    tally = results.tallies[check]
    return build(CONV1D, *tally.worst, failing=tally.first)


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
