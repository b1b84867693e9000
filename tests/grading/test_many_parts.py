"""A puzzle with three parts, two outputs of different types and a check of its own, end to end.

The submission is a few lines of Python where a real one is a package; all behind the compiler is
the real thing: plan, search, judging, record, reports and a class's gradebook.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import ClassVar
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from msgspec import structs

from grader.batch.outputs.gradebooks import ClassMarks, render_all
from grader.batch.outputs.gradebooks.generic import GRADES_CSV
from grader.checks import Clean, Compiles, Integers, OnDevice, Packages, Reals, Robust
from grader.grading import plan
from grader.grading.explain.counterexample import build
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.model.cases import Case, CaseRun, Observation, PlannedShape, Problem
from grader.model.checks import Check, Judgement, PartResults
from grader.model.code import Op
from grader.model.domains import Between, Bits, Flags, Indices, Sorted, Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Part, Size, TensorSpec
from grader.model.puzzle import Puzzle, RubricItem
from grader.record import Aspect, Ending, ProblemKind, Record, Status, Verdict, decode, encode
from grader.report import FORMATS, render
from tests.batch.outputs.classes import INFO, result
from tests.grading.scripted import ScriptedLane, record_of


def divided(inputs, sizes):
    """The whole quotient, and the ratio, which float64 rounds once."""
    a, b = (inputs[name].astype(np.int64) for name in ("a", "b"))
    ratio = a / b
    return {
        "quotient": ExpectedOutput.exactly(a // b),
        "ratio": ExpectedOutput.within(ratio, np.abs(ratio) * 2.0**-53),
    }


def picked(inputs, sizes):
    return {"out": ExpectedOutput.exactly(inputs["table"][inputs["places"]])}


def kept(inputs, sizes):
    value = np.where(inputs["mask"], inputs["values"], 0).astype(np.uint8)
    return {"out": ExpectedOutput.exactly(value)}


DIVIDE = Part(
    name="divide",
    title="the op divide",
    formula="quotient[i] = a[i] // b[i], ratio[i] = a[i] / b[i]",
    domain="n 1 to 40",
    code=Op(name="divide", parameters={"n": "n", "half": lambda sizes: sizes["n"] // 2}),
    tensors=(
        TensorSpec(name="quotient", role="output", dtype="int32", shape=("n",)),
        TensorSpec(name="ratio", role="output", dtype="float64", shape=("n",)),
        TensorSpec(
            name="a", role="input", dtype="int32", shape=("n",), domain=Between(-1000, 1000)
        ),
        TensorSpec(
            name="b", role="input", dtype="int32", shape=("n",), domain=Between(-9, 9, nonzero=True)
        ),
    ),
    sizes=(Size(name="n", low=1, high=60),),
    assigned=lambda sizes: sizes["n"] <= 40,
    boundaries=({"n": 1}, {"n": 32}, {"n": 40}),
    expected=divided,
)
PICK = Part(
    name="pick",
    title="the op pick",
    formula="out[i, j] = table[places[i, j]]",
    domain="rows and columns 1 to 300 each, and a table of 1 to 1000",
    code=Op(name="pick", parameters={"dtype": "float16"}),
    tensors=(
        TensorSpec(name="out", role="output", dtype="float16", shape=("rows", "columns")),
        TensorSpec(
            name="places",
            role="input",
            dtype="int64",
            shape=("rows", "columns"),
            domain=Indices(below="length"),
        ),
        TensorSpec(name="table", role="input", dtype="float16", shape=("length",), domain=Bits()),
    ),
    sizes=(
        Size(name="rows", low=1, high=300),
        Size(name="columns", low=1, high=300),
        Size(name="length", low=1, high=1000),
    ),
    assigned=lambda sizes: True,
    boundaries=({"rows": 1, "columns": 1, "length": 1}, {"rows": 3, "columns": 5, "length": 7}),
    expected=picked,
)
KEEP = Part(
    name="keep",
    title="the kernel keep on a CPU",
    formula="out[i] = values[i] if mask[i] else 0",
    domain="n 128",
    code=Op(name="keep", target="cpu"),
    tensors=(
        TensorSpec(name="out", role="output", dtype="uint8", shape=("n",)),
        TensorSpec(name="mask", role="input", dtype="bool", shape=("n",), domain=Flags()),
        TensorSpec(name="values", role="input", dtype="uint8", shape=("n",), domain=Sorted(Bits())),
    ),
    sizes=(Size(name="n", low=128, high=128),),
    assigned=lambda sizes: True,
    boundaries=({"n": 128},),
    expected=kept,
)


@dataclass(frozen=True, kw_only=True)
class SignsAgree(Check):
    """Both outputs of a division have the sign of the exact result."""

    kind: ClassVar[str] = "signs"
    aspect: ClassVar[Aspect] = Aspect.OWN

    title: str = "Quotient and ratio agree in their sign"

    def problems(self, observation: Observation) -> Iterator[Problem]:
        outputs = observation.run.outputs
        if outputs is None:
            return
        quotient, ratio = outputs
        other = np.flatnonzero((quotient > 0) & (ratio < 0))
        if len(other):
            said = f"at index {other[0]} the quotient is {quotient[other[0]]}"
            data = {"title": "signs differ", "said": said}
            yield Problem(kind=ProblemKind.OWN, aspect=Aspect.OWN, data=data)

    def judge(self, results: PartResults) -> Judgement:
        from grader.checks import failed

        tally = results.tally(self)
        if tally.worst is not None:
            return failed(tally)
        return Judgement(status=Status.PASSED, cases=tally.cases)


PUZZLE = Puzzle(
    name="three",
    title="Three parts",
    parts=(DIVIDE, PICK, KEEP),
    rubric=(
        RubricItem(check=Packages(), points=5),
        RubricItem(check=Compiles(), points=5),
        RubricItem(check=Integers(part="divide", next_step="Whole numbers round down."), points=20),
        RubricItem(check=SignsAgree(part="divide"), points=10),
        RubricItem(check=Clean(part="divide"), points=5),
        RubricItem(check=OnDevice(part="divide"), points=5),
        RubricItem(check=Robust(part="divide"), points=7, extra=True),
        RubricItem(check=Integers(part="pick"), points=20),
        RubricItem(check=Reals(part="pick"), points=10),
        RubricItem(check=Integers(part="keep"), points=20),
    ),
)


class PartsLane(ScriptedLane):
    """Its program is asked by the name of the part."""

    def answer(self, case, variant):
        return self.program(case.part.name, case.inputs)


def right(part, inputs):
    if part == "divide":
        return inputs["a"] // inputs["b"], inputs["a"] / inputs["b"].astype(np.float64)
    if part == "pick":
        return (inputs["table"][inputs["places"]],)
    return (np.where(inputs["mask"], inputs["values"], 0),)


def truncated(part, inputs):
    """Rounds to zero where the task rounds down."""
    if part != "divide":
        return right(part, inputs)
    ratio = inputs["a"] / inputs["b"].astype(np.float64)
    return np.trunc(ratio), ratio


def wrong_sign(part, inputs):
    if part != "divide":
        return right(part, inputs)
    quotient, ratio = right(part, inputs)
    return np.abs(quotient), ratio


def imprecise(part, inputs):
    if part != "divide":
        return right(part, inputs)
    quotient, ratio = right(part, inputs)
    return quotient, ratio.astype(np.float32)


def off_by_one(part, inputs):
    if part != "pick":
        return right(part, inputs)
    return (np.roll(inputs["table"], 1)[inputs["places"]],)


def unmasked(part, inputs):
    return (inputs["values"],) if part == "keep" else right(part, inputs)


@cache
def graded(program) -> Record:
    return record_of(PartsLane(program), puzzle=PUZZLE, examples=150)


def failed(record: Record) -> set[str]:
    return {check.id for check in record.checks if check.status is Status.FAILED}


def test_a_right_submission_gets_all_points() -> None:
    record = graded(right)
    assert failed(record) == set()
    assert (record.verdict, record.score, record.extra_score) == (Verdict.PASS, 100, 7)
    assert record.headline == "Right in all parts."


@pytest.mark.parametrize(
    ("program", "checks", "points"),
    [
        (truncated, {"divide-integers"}, 80),
        (wrong_sign, {"divide-integers", "divide-signs"}, 70),
        (imprecise, {"divide-integers"}, 80),
        (off_by_one, {"pick-integers", "pick-reals"}, 70),
        (unmasked, {"keep-integers"}, 80),
    ],
)
def test_each_part_and_each_check_has_its_own_verdict(program, checks, points) -> None:
    record = graded(program)
    assert failed(record) - {"divide-robust"} == checks
    assert (record.verdict, record.score) == (Verdict.FAIL, points)


def test_a_counterexample_names_its_part_and_shows_the_output_that_is_wrong() -> None:
    (example,) = (e for e in graded(truncated).counterexamples if e.check == "divide-integers")
    assert (example.part, example.values) == ("divide", "integers")
    assert [each.expected.name for each in example.outputs] == ["quotient", "ratio"]
    assert [each.expected.dtype for each in example.outputs] == ["int32", "float64"]
    assert [each.expected.name for each in example.shown] == ["quotient"]
    assert example.shown[0].mismatch_count


def test_the_headline_says_which_parts_are_right() -> None:
    assert graded(unmasked).headline.startswith("Right: the op divide and the op pick. The kernel")


WHOLE = 2**53 + 1
"""The first whole number that float64 does not hold."""


def test_whole_numbers_are_exact_in_the_record_and_in_what_is_made_of_it() -> None:
    part = Part(
        name="whole",
        title="the op whole",
        formula="out[i] = a[i]",
        domain="n 1",
        code=Op(name="whole"),
        tensors=(
            TensorSpec(name="out", role="output", dtype="int64", shape=("n",)),
            TensorSpec(name="a", role="input", dtype="int64", shape=("n",), domain=Bits()),
        ),
        sizes=(Size(name="n", low=1, high=1),),
        assigned=lambda sizes: True,
        boundaries=({"n": 1},),
        expected=lambda inputs, sizes: {"out": ExpectedOutput.exactly(inputs["a"])},
    )
    puzzle = Puzzle(
        name="whole",
        title="Whole numbers",
        parts=(part,),
        rubric=(*PUZZLE.rubric[:2], RubricItem(check=Integers(), points=90)),
    )
    shape = PlannedShape(number=0, part=part, sizes={"n": 1}, origin="boundary")
    case = Case(shape=shape, values=Values.INTEGERS, inputs={"a": np.array([WHOLE])})
    run = CaseRun(
        case=case,
        ending=Ending.OUTPUT,
        outputs=(np.array([-WHOLE]),),
        inputs_after=(case.inputs["a"],),
    )
    observation = observe(run, code=Code.NOTHING, checks=puzzle.checks)
    example = build(
        puzzle, "integers", observation, observation.problems[0], failing=[observation], source=""
    )
    record = decode(encode(structs.replace(graded(truncated), counterexamples=(example,))))
    for name in ("json", "html", "text"):
        shown = render(record, name).decode()
        assert shown.count(str(WHOLE)) > shown.count(str(-WHOLE)) > 0, name


def test_a_domain_of_millions_of_sizes_is_sampled() -> None:
    shapes = [
        shape for shape in plan.draw(PUZZLE, seed="s", own_kernel={"pick"}) if shape.part is PICK
    ]
    assert len(shapes) == len(PICK.boundaries) + PICK.random_assigned
    assert PICK.points == 300 * 300 * 1000


@pytest.mark.parametrize("program", [right, truncated, off_by_one, unmasked])
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_renders_it(program, name: str) -> None:
    record = decode(encode(graded(program)))
    for audience in ("student", "instructor"):
        assert render(record, name, audience=audience)


def test_html_and_junit_tell_the_parts_apart() -> None:
    record = graded(off_by_one)
    page = render(record, "html").decode()
    assert "pick: rows" in page
    assert "Task of divide" in page
    suite = ET.fromstring(render(record, "junit"))
    bad = {case.get("name") for case in suite.iter("testcase") if case.find("failure") is not None}
    assert len(bad) == 2


def test_a_spreadsheet_has_its_score() -> None:
    rows = list(csv.DictReader(io.StringIO(render(graded(unmasked), "csv").decode("utf-8-sig"))))
    assert rows[0]["score"] == "80"


def test_its_mark_arrives_in_the_gradebooks_of_a_class() -> None:
    people = [result("ann", graded(unmasked)), result("bob", graded(right))]
    marks = ClassMarks(info=INFO, results=people, shown=[each.record for each in people])
    text = render_all(marks)[GRADES_CSV.file].decode("utf-8-sig")
    scores = {row["student"]: row["score"] for row in csv.DictReader(io.StringIO(text))}
    assert set(scores.values()) == {"80", "100"}
