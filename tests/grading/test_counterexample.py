"""The counterexample in the record, and the mistake that it is recognised as."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from benchmarks.labels import sample_file
from grader.device import Finding, FindingKind, Writer
from grader.grading.explain.counterexample import build, tensor
from grader.puzzles.conv1d import PUZZLE
from grader.puzzles.conv1d.mistakes import TPB
from grader.record import Counterexample
from grader.report import style
from grader.report.counterexample import case_view
from grader.wording.findings import WRITERS
from tests.grading import test_search_and_score as programs
from tests.grading.scripted import Crash, ScriptedLane, grade, right


def example_of(program, check="integers", source="", writer=Writer.KERNEL):
    results, _ = grade(ScriptedLane(program, writer=writer))
    tally = results.parts["conv1d"].tallies[check]
    return build(
        PUZZLE,
        "integers",
        *tally.worst,
        failing=tally.all_failing,
        passing=tally.all_passing,
        source=source,
    )


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
        (programs.constant, "Every output is 3"),
    ],
)
def test_a_well_known_mistake_is_named_and_no_other(program, words):
    explanation = example_of(program).explanation
    assert words in explanation
    assert bool(words) == bool(explanation)


SHORT = sample_file("argument_missing", edition="25.3")


def crash(inputs, sizes, variant):
    raise Crash


def test_a_run_without_output_is_explained_by_a_launch_that_leaves_an_argument_out():
    explanation = example_of(crash, source=SHORT.read_text()).explanation
    assert explanation.startswith("The launch gives conv1d_kernel 2 arguments, and it takes 3.")
    lines = SHORT.read_text().splitlines()
    (launch,) = (n for n, text in enumerate(lines, 1) if "gpu_ctx.enqueue_function[" in text)
    assert f"line {launch}" in explanation
    assert "out, input, kernel" in explanation


def test_no_launch_is_blamed_without_a_crash_and_no_crash_without_a_short_launch():
    assert example_of(programs.late_error, source=SHORT.read_text()).explanation == ""
    right = SHORT.with_name("right.mojo").read_text()
    assert example_of(crash, source=right).explanation == ""


def test_rounding_to_half_precision_is_named():
    assert "Float16" in example_of(programs.half, "reals").explanation


def test_the_wrong_elements_are_listed_with_their_writer():
    example = example_of(programs.first_block)
    assert example.mismatch_count == len(example.outputs[0].mismatches)
    assert all(
        each.index >= TPB and each.writer is Writer.KERNEL for each in example.outputs[0].mismatches
    )


@pytest.mark.parametrize(
    ("writer", "told"),
    [
        (Writer.NOBODY, "nobody"),
        (Writer.HOST_COPY, "a copy from the host"),
        (Writer.MEMSET, "memset, not by a kernel"),
        (Writer.DEVICE_COPY, "a copy on the device"),
        (Writer.KERNEL, "block 1, thread 0"),
    ],
)
def test_the_report_tells_who_wrote_an_element_in_plain_words(writer, told):
    """From a run through record and file to a table."""
    example = example_of(programs.first_block, writer=writer)
    kept = msgspec.json.decode(msgspec.json.encode(example), type=Counterexample)
    assert {each.writer for each in kept.outputs[0].mismatches} == {writer}
    rows = case_view(kept, kept.outputs[0], "integers", style.LIMITS[0]).table.rows
    assert {row.cells[-1] for row in rows if row.wrong} == {told}


def test_records_that_have_a_sentence_for_the_writer_are_read():
    kept = msgspec.json.encode(example_of(programs.first_block, writer=Writer.NOBODY))
    for value, sentence in WRITERS.items():
        old = kept.replace(b'"nobody"', json.dumps(sentence).encode())
        read = msgspec.json.decode(old, type=Counterexample)
        assert {each.writer for each in read.outputs[0].mismatches} == {value}
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(kept.replace(b'"nobody"', b'"somebody"'), type=Counterexample)


def test_a_tensor_keeps_every_bit():
    array = np.array([np.nan, -0.0, np.inf, 1e-45], np.float32)
    kept = tensor("output", array)
    assert kept.data == array.tobytes()
    assert (kept.dtype, kept.shape) == ("float32", (4,))


def out_of_bounds(sizes):
    return (Finding(kind=FindingKind.OUT_OF_BOUNDS, message="it read past the end", kernel="k"),)


@pytest.mark.parametrize("check", ["integers", "clean"])
def test_a_run_without_output_keeps_the_finding_that_explains_it(check):
    results, _ = grade(ScriptedLane(crash, findings=out_of_bounds))
    tally = results.parts["conv1d"].tallies[check]
    case = build(PUZZLE, check, *tally.worst, failing=tally.all_failing, source="")
    assert case.finding is not None
    assert case.finding.kind is FindingKind.OUT_OF_BOUNDS
    assert case.error == case.finding.message


def test_only_a_run_without_output_ends_with_a_finding():
    results, _ = grade(ScriptedLane(findings=out_of_bounds))
    tally = results.parts["conv1d"].tallies["clean"]
    case = build(PUZZLE, "clean", *tally.worst, failing=tally.all_failing, source="")
    assert (case.finding, case.error) == (None, "")
    assert example_of(crash).finding is None
