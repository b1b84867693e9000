"""A record's failing cases as a program: which are in it, and what is said where there is none."""

from __future__ import annotations

import msgspec
import numpy as np

from grader.folders import reference_kernel
from grader.grading.explain.counterexample import tensor
from grader.record import Counterexample, OutputCase, ProblemKind, PuzzleInfo, Record
from grader.report import render
from tests.report import records

SOURCE = reference_kernel("axis_sum", "26.5", "right.mojo").read_text("utf-8")


def example(case: int, batch: int) -> Counterexample:
    inputs = tensor("a", np.full((batch, 2), case, np.float32))
    output = tensor("output", np.zeros((batch, 1), np.float32))
    return Counterexample(
        check="integers",
        kind=ProblemKind.WRONG_VALUES,
        title="wrong values",
        sizes={"batch": batch, "size": 2},
        inputs=(inputs,),
        outputs=(OutputCase(expected=output, got=output),),
        case=case,
    )


def record(*examples: Counterexample, text: str = SOURCE) -> Record:
    made = records.wrong_values()
    return msgspec.structs.replace(
        made,
        submission=msgspec.structs.replace(made.submission, text=text),
        puzzle=PuzzleInfo(name="axis_sum", title=""),
        counterexamples=examples,
    )


def program(made: Record, case: int = 0) -> str:
    return render(made, "repro", case=case).decode()


def test_it_runs_the_first_case_with_its_inputs_and_the_right_answer():
    told = program(record(example(7, 1), example(8, 1)))
    assert 'if len(argv()) > 1 else "7"' in told
    assert "[7.0, 7.0]" in told
    assert "output_expected: List[Scalar[DType.float32]] = [14.0]" in told
    assert "def reproduce_case_8()" in told


def test_of_cases_that_need_other_constants_one_is_chosen():
    made = record(example(7, 1), example(8, 3))
    assert "comptime BATCH = 1" in program(made)
    assert "--format repro --case 8 writes" in " ".join(program(made).split("\n# "))
    other = program(made, 8)
    assert "comptime BATCH = 3" in other
    assert 'else "8"' in other


def test_where_there_is_none_a_comment_says_why():
    for made, case, why in (
        (record(), 0, "no case failed"),
        (record(example(7, 1)), 9, "case 9 is no counterexample; these are: 7"),
        (record(example(7, 1), text=SOURCE + "# \u202e"), 0, "characters that can't be seen"),
        (record(example(7, 1), text="def other():\n    pass\n"), 0, "does not define axis_sum"),
        (record(msgspec.structs.replace(example(7, 1), sizes={"size": 2})), 0, "no case is kept"),
    ):
        told = program(made, case)
        assert all(line.startswith("#") for line in told.splitlines() if line)
        assert why in " ".join(told.split("\n# "))
