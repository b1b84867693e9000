"""A puzzle is checked when it is made: nobody is graded by one that contradicts itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.checks import (
    Clean,
    Compiles,
    Example,
    Integers,
    OnDevice,
    Packages,
    Program,
    Reals,
    Robust,
)
from grader.device.cuda import MAX_BLOCK, MAX_GRID
from grader.model.code import KernelLaunch, Kernels, Op, Real, Scalar
from grader.model.domains import Between, Bits, Flags, Indices, Sorted
from grader.model.expected import ExpectedOutput
from grader.model.part import Budget, Part, Size, TensorSpec, WorkedExample
from grader.model.puzzle import Puzzle, RubricItem
from grader.model.validation import BLOCK, GRID
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import Status
from grader.rubric import parse_rubric
from tests.grading.scripted import ScriptedLane, grade, right

assert PART.example is not None
assert PART.given is not None
EXAMPLE = PART.example
OUTPUT, INPUT, KERNEL = PART.tensors


def item(check: object, points: object = 5) -> RubricItem:
    return RubricItem(check=check, points=points)  # type: ignore[arg-type]


def example(**changes: object) -> WorkedExample:
    return replace(EXAMPLE, **changes)  # type: ignore[arg-type]


def output(*numbers: float) -> dict[str, tuple[float, ...]]:
    return {"output": numbers}


RIGHT = EXAMPLE.outputs["output"]
PUZZLES = {
    "a check of a part that is not there": {"rubric": (*PUZZLE.rubric, item(Clean(part="other")))},
    "a check twice": {"rubric": (*PUZZLE.rubric, item(Clean()))},
    "points for a check that is not made": {"rubric": (*PUZZLE.rubric, item(Clean(part="conv1d")))},
    "points below zero": {"rubric": (*PUZZLE.rubric[1:], item(Packages(), -10))},
    "no points": {"rubric": (item(Packages(), 0),)},
    "no rubric": {"rubric": ()},
    "nothing says whether it compiles": {"checks": (Packages(), *PUZZLE.checks[2:])},
    "no check of values": {"checks": (*PUZZLE.checks[:2], *PUZZLE.checks[5:])},
    "no check of values but the example's": {"checks": (*PUZZLE.checks[:3], *PUZZLE.checks[5:])},
    "no part": {"parts": ()},
    "a part twice": {"parts": (PART, PART)},
    "two parts, and checks that name none": {"parts": (PART, replace(PART, name="other"))},
}
PARTS = {
    "sizes beyond the assigned ones, of which there are none": {"assigned": lambda sizes: True},
    "no assigned size": {"assigned": lambda sizes: False},
    "an example outside of the assigned sizes": {
        "assigned": lambda sizes: sizes["conv_size"] == 2
    },
    "no example for a check of it": {"example": None},
    "an example that can't be shown": {"words": None},
    "nothing that is sure to be tried": {"example": None, "boundaries": ()},
    "a boundary outside of the sizes": {"boundaries": ({"input_size": 31, "conv_size": 1},)},
    "a boundary without a size": {"boundaries": ({"input_size": 3},)},
    "an empty size": {"sizes": (PART.sizes[0], Size(name="conv_size", low=9, high=8))},
    "a size twice": {"sizes": (*PART.sizes, PART.sizes[0])},
    "an extent that is no size": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=("kernel_size",)))
    },
    "an op with an extent that is an expression": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=(lambda sizes: sizes["conv_size"],)))
    },
    "a parameter that is no size": {
        "code": Op(name="conv1d", parameters={"input_size": "kernel_size"})
    },
    "a device that is none": {"code": Op(name="conv1d", target="tpu")},  # type: ignore[arg-type]
    "two outputs, of which one is expected": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, role="output"))
    },
    "no output": {"tensors": (INPUT, KERNEL)},
    "no input": {"tensors": (OUTPUT,)},
    "factors of several types": {"tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="float16"))},
    "flags as factors": {
        "tensors": (OUTPUT, replace(INPUT, dtype="bool"), replace(KERNEL, dtype="bool"))
    },
    "a range without a number": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="int32", domain=Between(0.1, 0.3)))
    },
    "an input without words": {
        "tensors": (*PART.tensors, replace(KERNEL, name="bias"))
    },
    "a type that is none of numbers": {"tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="text"))},
    "a range from high to low": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Between(3, 1)))
    },
    "a range that the type does not hold": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="uint8", domain=Between(0, 300)))
    },
    "indices of reals": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Indices(below="input_size")))
    },
    "indices below what is no size": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, dtype="int32", domain=Indices(below="vocab")))
    },
    "flags of reals": {"tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Flags()))},
    "a sorted number": {
        "tensors": (OUTPUT, INPUT, replace(KERNEL, shape=(), domain=Sorted(Bits())))
    },
    "an example of another shape": {
        "example": example(inputs={**EXAMPLE.inputs, "input": np.zeros(14, np.float32)})
    },
    "an example of another type": {
        "example": example(inputs={**EXAMPLE.inputs, "kernel": np.arange(4)})
    },
    "an example with a wrong answer": {"example": example(outputs=output(*RIGHT[:-1], 1))},
    "an example with half an answer": {"example": example(outputs=output(*RIGHT[:7]))},
    "an example with the answer of another output": {"example": example(outputs={"sum": RIGHT})},
    "integers from high to low": {"integers": (100, -100)},
    "an output of no products": {"terms": lambda sizes: sizes["conv_size"] - 1},
    "an output of more products than its type counts": {"terms": lambda sizes: 2**25},
}  # fmt: skip


@pytest.mark.parametrize("changes", PUZZLES.values(), ids=PUZZLES)
def test_a_wrong_puzzle_can_not_be_made(changes):
    changes = {"checks": PUZZLE.checks, **changes}
    with pytest.raises(ValueError, match="the puzzle conv1d is wrong: "):
        replace(PUZZLE, **changes)


@pytest.mark.parametrize("changes", PARTS.values(), ids=PARTS)
def test_a_puzzle_with_a_wrong_part_can_not_be_made(changes):
    with pytest.raises(ValueError, match="the puzzle conv1d is wrong: "):
        replace(PUZZLE, parts=(replace(PART, **changes),))


@pytest.mark.parametrize(
    ("puzzle", "part", "named"),
    [
        ("a check twice", None, "the check clean is there twice"),
        ("a check of a part that is not there", None, "other-clean"),
        (None, "an extent that is no size", "kernel_size"),
        (None, "indices below what is no size", "vocab"),
        (None, "a device that is none", "'tpu'"),
    ],
)
def test_what_is_wrong_is_named(puzzle, part, named):
    changes = PUZZLES[puzzle] if puzzle else {"parts": (replace(PART, **PARTS[part]),)}
    with pytest.raises(ValueError, match=named):
        replace(PUZZLE, **{"checks": PUZZLE.checks, **changes})


def untyped(value):
    """A value where the checker of types would see that it is wrong."""
    return value


def given(make, **changes):
    """An `expected` that gives one output, with other fields."""
    return lambda inputs, sizes: {"output": replace(ExpectedOutput.exactly(make(sizes)), **changes)}


def zeros(sizes):
    return np.zeros(sizes["input_size"])


def bound(value):
    """An `expected` with that bound everywhere."""
    return lambda inputs, sizes: {
        "output": ExpectedOutput.within(zeros(sizes), np.full(sizes["input_size"], value))
    }


def decided(shape, value):
    return lambda inputs, sizes: {
        "output": ExpectedOutput.exactly(zeros(sizes), decided=np.full(shape(sizes), value))
    }


def right_but_for_two(inputs, sizes):
    """The right shape at all sizes but one boundary."""
    long = sizes["input_size"] + (sizes["conv_size"] == 2)
    return {"output": ExpectedOutput.exactly(np.zeros(long))}


MISTAKE = PART.mistakes[0]
PLACE = PUZZLE.book[0]
NO_EXAMPLE = {"example": None, "words": None, "given": None, "mistakes": ()}
OF_A_PUZZLE = {
    "no name": ({"name": ""}, "the name is ''"),
    "a name that is a path": ({"name": "../x"}, "the name is '../x'"),
    "a pattern that is none": ({"messages": (("(", "No."),)}, r"the pattern '\(' of messages"),
    "a brace in a message": ({"messages": (("x", "See {this}."),)}, "the advice 'See {this}.' of"),
    "a brace in the first step": ({"first_step": "Write {."}, "first_step has other braces"),
    "an edition that is none": (
        {"book": (replace(PLACE, editions=("26.55",)),)},
        "the edition '26.55', which is none of",
    ),
    "no edition": ({"book": (replace(PLACE, editions=()),)}, "of the book is in no edition"),
    "no folder of kernels": ({"kernels": Path("nowhere")}, "kernels is nowhere, where there is no"),
    "kernels that are text": ({"kernels": "nowhere"}, "kernels can't be read"),
    "points that are text": (
        {"rubric": (*PUZZLE.rubric, item(Clean(), "5"))},
        "the points of clean are '5'",
    ),
    "a program beside a package": (
        {"checks": (*PUZZLE.checks, Program())},
        "the check program does not fit",
    ),
}
OF_A_PART = {
    "a part without a name": ({"name": ""}, "the name of a part is ''"),
    "a size without a name": ({"sizes": (*PART.sizes, Size(name="a b", low=1, high=1))}, "'a b'"),
    "a size that is text": (
        {"sizes": (Size(name="input_size", low=untyped("1"), high=9), PART.sizes[1])},
        "the size input_size goes from '1' to 9",
    ),
    "a boundary that is no whole number": (
        {"boundaries": ({"input_size": 1.5, "conv_size": 1},)}, "of boundaries is outside"
    ),
    "a tensor without a name": (
        {"tensors": (OUTPUT, INPUT, replace(KERNEL, name=""))}, "the name of a tensor is ''"
    ),
    "a range that is no number": (
        {"tensors": (OUTPUT, INPUT, replace(KERNEL, domain=Between(float("nan"), 1)))},
        "the domain of kernel is wrong: its values go from nan to 1",
    ),
    "indices that the type does not hold": (
        {
            "sizes": (replace(PART.sizes[0], high=300), PART.sizes[1]),
            "tensors": (
                OUTPUT, INPUT, replace(KERNEL, dtype="int8", domain=Indices(below="input_size"))
            ),
        },
        "the domain of kernel is wrong: int8 does not hold indices up to 299",
    ),
    "an op without a name": ({"code": Op(name="")}, "the name of the op is ''"),
    "a quote in an op's name": ({"code": Op(name='a"b')}, "the name of the op is 'a\"b'"),
    "a parameter that raises": (
        {"code": Op(name="conv1d", parameters={"n": lambda sizes: sizes["inptu"]})},
        "the parameter n at {.*}: KeyError 'inptu'",
    ),
    "a parameter that is no whole number": (
        {"code": Op(name="conv1d", parameters={"n": untyped(lambda sizes: 1.5)})},
        "the parameter n at {.*} is 1.5, and has to be a whole number",
    ),
    "a text with a quote": (
        {"code": Op(name="conv1d", texts={"way": 'a"b'})},
        "the parameter way is 'a\"b'; write a text without quotes",
    ),
    "a parameter that is a text as well": (
        {"code": Op(name="conv1d", parameters={"n": 1}, texts={"n": "a"})},
        "the parameter n is there twice",
    ),
    "a mistake twice": ({"mistakes": (MISTAKE, MISTAKE)}, f"the mistake {MISTAKE.name} is there t"),
    "a mistake without a name": ({"mistakes": (replace(MISTAKE, name=""),)}, "a mistake has no na"),
    "a mistake of no output": (
        {"mistakes": (replace(MISTAKE, output="inptu"),)},
        f"the mistake {MISTAKE.name} gives inptu, which is no output",
    ),
    "no budget": ({"budget": Budget(instructions=0)}, "instructions of the budget is 0"),
    "less than no budget": ({"budget": Budget(seconds=-1)}, "seconds of the budget is -1"),
    "assigned raises": (
        {"assigned": lambda sizes: sizes["inptu"]}, "assigned at {.*}: KeyError 'inptu'"
    ),
    "terms raises": ({"terms": lambda sizes: 1 // 0}, "terms at {.*}: ZeroDivisionError"),
    "terms is no whole number": ({"terms": lambda sizes: 1.5}, "terms at {.*} is 1.5"),
    "expected raises": (
        {"expected": lambda inputs, sizes: inputs["inptu"]}, "expected at {.*}: KeyError 'inptu'"
    ),
    "expected raises at a boundary only": (
        {"expected": lambda inputs, sizes: 1 // 0, **NO_EXAMPLE}, "expected at {.*}: ZeroDivision"
    ),
    "shared memory raises": (
        {"shared_holds_zeros": lambda sizes: sizes["n"]}, "shared_holds_zeros at {.*}: KeyError 'n'"
    ),
    "the given kernel reads a list": (
        {"given": replace(PART.given, reads=untyped(lambda sizes: []))},
        "reads of the given kernel gives a value of the type list; write a frozenset",
    ),
    "the given kernel of no edition": (
        {"given": replace(PART.given, needs_zeros={"1.0": untyped(None)})},
        "needs_zeros of the given kernel names '1.0', which is no edition",
    ),
    "expected gives a bare array": (
        {"expected": lambda inputs, sizes: inputs["input"]},
        r"expected gives a value of the type ndarray.*write {\"output\": ExpectedOutput.exactly",
    ),
    "expected gives nothing": ({"expected": lambda inputs, sizes: None}, "expected gives None"),
    "expected gives an array by name": (
        {"expected": lambda inputs, sizes: {"output": inputs["input"]}},
        "the expected output is a value of the type ndarray",
    ),
    "an answer that is no array": (
        {"expected": given(zeros, value=[1.0])}, "its value is a value of the type list"
    ),
    "an answer of text": (
        {"expected": given(lambda sizes: np.full(sizes["input_size"], "a"))},
        "its value has the type <U1",
    ),
    "a wrong shape at one boundary": (
        {"expected": right_but_for_two, **NO_EXAMPLE},
        r"the expected output at {.*'conv_size': 2} is wrong: its value has the shape",
    ),
    "a bound of another shape": (
        {"expected": given(zeros, allowed=np.zeros(1))}, r"its allowed has the shape \(1,\)"
    ),
    "a negative bound": ({"expected": bound(-1.0)}, "its allowed is negative or NaN somewhere"),
    "a bound of NaN": ({"expected": bound(np.nan)}, "its allowed is negative or NaN somewhere"),
    "decided of another shape": (
        {"expected": decided(lambda sizes: 1, True)}, r"its decided has the shape \(1,\)"
    ),
    "decided of numbers": (
        {"expected": decided(lambda sizes: sizes["input_size"], 1)}, "its decided has the type int"
    ),
    "nothing is decided": (
        {"expected": decided(lambda sizes: sizes["input_size"], False), **NO_EXAMPLE},
        "expected decides no element of output at any boundary",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "named"), OF_A_PUZZLE.values(), ids=OF_A_PUZZLE)
def test_a_field_of_a_puzzle_is_named(changes, named):
    with pytest.raises(ValueError, match=f"is wrong: .*{named}"):
        replace(PUZZLE, **{"checks": PUZZLE.checks, **changes})


@pytest.mark.parametrize(("changes", "named"), OF_A_PART.values(), ids=OF_A_PART)
def test_a_field_of_a_part_is_named(changes, named):
    part, checks = replace(PART, **changes), PUZZLE.checks
    if part.example is None:
        checks = tuple(check for check in checks if not check.needs_example)
    rubric = tuple(RubricItem(check=check, points=5) for check in checks)
    with pytest.raises(ValueError, match=f"is wrong: .*{named}"):
        replace(PUZZLE, parts=(part,), checks=checks, rubric=rubric)


LAUNCH = KernelLaunch(function="add", arguments=("y", "x", Scalar("n")), block=(32, 1, 1))
KERNELS = Part(
    name="add",
    title="the kernel add",
    formula="y[i] = x[i]",
    domain="n 1 to 64",
    code=Kernels(launches=(LAUNCH,), constants={"SIZE": "n", "dtype": "DType.float32"}),
    tensors=(
        TensorSpec(name="y", role="output", dtype="float32", shape=("n",)),
        TensorSpec(name="x", role="input", dtype="float32", shape=("n",)),
    ),
    sizes=(Size(name="n", low=1, high=64),),
    assigned=lambda sizes: True,
    boundaries=({"n": 4},),
    expected=lambda inputs, sizes: {"y": ExpectedOutput.exactly(inputs["x"])},
)


def program(part=KERNELS, *more):
    checks = (Compiles(), Integers(), Reals(), Clean(), *more)
    return Puzzle(
        name="adds", title="Adds", parts=(part,),
        rubric=tuple(RubricItem(check=check, points=25) for check in checks),
    )  # fmt: skip


def launch(**changes):
    return replace(KERNELS, code=Kernels(launches=(replace(LAUNCH, **changes),)))


def clusters(architecture="sm_90", **changes):
    code = Kernels(launches=(replace(LAUNCH, **changes),), architecture=architecture)
    return replace(KERNELS, code=code)


def constant(value):
    return replace(KERNELS, code=Kernels(launches=(LAUNCH,), constants={"SIZE": value}))


def tensors(**changes):
    y, x = KERNELS.tensors
    return replace(KERNELS, tensors=(y, replace(x, **changes)))


PROGRAMS = {
    "a misspelt size among the constants": (constant("nn"), "the constant SIZE is nn, which is no"),
    "a size in a piece of Mojo": (constant("n + 1"), "the constant SIZE is 'n \\+ 1', in which n"),
    "an empty constant": (constant(" "), "the constant SIZE is empty"),
    "a constant that raises": (
        constant(lambda sizes: sizes["m"]), "the constant SIZE at {'n': 4}: KeyError 'm'"
    ),
    "a misspelt size of a number": (
        launch(arguments=("y", "x", Scalar("nn"))), "a Scalar of add is 'nn', which is no size"
    ),
    "a number that Float32 does not hold": (
        launch(arguments=("y", "x", Real("tenth", lambda sizes: 0.1))),
        "the number tenth of add is 0.1, and no Float32",
    ),
    "a number that is no argument": (
        launch(arguments=("y", "x", 5)), "add takes 5, which is no tensor; a number is Scalar"
    ),
    "more arguments than there can be": (
        launch(arguments=("y", *8 * ("x",))), "add takes 9 arguments; a kernel has 1 to 8"
    ),
    "a block of too many threads": (
        launch(block=(2000, 1, 1)), r"the block of add at {'n': 4} is \(2000, 1, 1\); it is"
    ),
    "a block of too many threads together": (launch(block=(64, 64, 1)), "the block of add at"),
    "a block that raises": (
        launch(block=(lambda sizes: sizes["m"], 1, 1)), "the block of add at {'n': 4}: KeyError 'm'"
    ),
    "a block too large at the largest size only": (
        launch(block=(lambda sizes: 20 * sizes["n"], 1, 1)), "the block of add at {'n': 64} is"
    ),
    "a block along one axis": (launch(block=32), "the block of add is 32; write"),
    "a grid without blocks": (launch(grid=(0, 1, 1)), "the grid of add at"),
    "clusters on any GPU": (
        clusters("", cluster=(1, 1, 1)), "there are clusters, which need the architecture sm_90"
    ),
    "clusters on a GPU that has none": (
        clusters("sm_80", cluster=(1, 1, 1)), "there are clusters, which need the architecture"
    ),
    "an architecture that is none": (clusters("9.0"), "the architecture is '9.0'; write it as"),
    "half a cluster": (
        clusters(grid=(3, 1, 1), cluster=(2, 1, 1)),
        r"the grid of add at {'n': 4} is \(3, 1, 1\), no whole clusters \(2, 1, 1\)",
    ),
    "a cluster of too many blocks": (
        clusters(grid=(4, 4, 1), cluster=(4, 4, 1)),
        r"the cluster of add at {'n': 4} is \(4, 4, 1\); it is .*, 8 together",
    ),
    "a kernel without a name": (launch(function=""), "the function of a kernel is ''"),
    "a parameter that is a size": (
        launch(parameters=("n",)), "the parameter n of add is a size; write the constant"
    ),
    "a parameter that is empty": (launch(parameters=("",)), "a parameter of add is ''"),
    "a parameter that is a number": (launch(parameters=(8,)), "code can't be read"),
    "a role that is none": (tensors(role="outptu"), "the role of x is 'outptu', and a tensor of k"),
    "a shape that raises": (
        tensors(shape=(lambda sizes: sizes["m"],)), "the shape of x at {'n': 4}: KeyError 'm'"
    ),
    "tensors that the device does not hold": (
        tensors(shape=("n", 1 << 20)), "the tensors at {'n': 64} have 268,435,712 bytes together"
    ),
    "a shape of nothing": (
        tensors(shape=(lambda sizes: sizes["n"] - 4,)), "the shape of x at {'n': 4} has the extent"
    ),
}  # fmt: skip


def test_the_limits_of_launches_are_those_of_the_device():
    assert (GRID, BLOCK) == (MAX_GRID, MAX_BLOCK)


@pytest.mark.parametrize(("part", "named"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_field_of_kernels_is_named(part, named):
    with pytest.raises(ValueError, match=f"the puzzle adds is wrong: (.*; )?{named}"):
        program(part)


def test_clusters_that_make_sense_are_taken():
    made = program(clusters(grid=("n", 4, 1), cluster=(1, 4, 1)))
    assert made.architecture == "sm_90"
    assert program().architecture == ""


@pytest.mark.parametrize(
    "value", ["n", 8, "True", "(other)", "DType.float32", lambda sizes: sizes["n"] // 2]
)
def test_constants_that_make_sense_are_taken(value):
    assert program(constant(value))


@pytest.mark.parametrize(
    ("check", "named"),
    [
        (Packages(), "the check packages does not fit"),
        (OnDevice(), "the check device is about host code"),
        (Program(commands=()), "the check program runs the program with no command"),
    ],
)
def test_checks_that_do_not_fit_a_program_are_named(check, named):
    with pytest.raises(ValueError, match=f"the puzzle adds is wrong: {named}"):
        program(KERNELS, check)


@pytest.mark.parametrize("check", [Clean(), OnDevice()])
def test_checks_of_what_a_cpu_does_not_show_are_named(check):
    part = replace(PART, code=replace(PART.code, target="cpu"))
    checks = (*PUZZLE.checks[:5], check)
    rubric = tuple(RubricItem(check=each, points=5) for each in checks)
    with pytest.raises(ValueError, match=f"the check {check.id} is about a GPU"):
        replace(PUZZLE, parts=(part,), checks=checks, rubric=rubric)


def test_a_puzzle_with_two_parts_says_which_one_a_sentence_is_about():
    other = replace(PART, name="other", code=Op(name="conv1d", target="tpu"))
    checks = (*PUZZLE.checks[:2], *(replace(c, part="conv1d") for c in PUZZLE.checks[2:]))
    rubric = tuple(RubricItem(check=check, points=10) for check in checks)
    with pytest.raises(ValueError, match="in the part other, target"):
        Puzzle(name="two", title="Two", parts=(PART, other), rubric=rubric)


def test_every_usual_check_can_be_earned():
    _, scored = grade(ScriptedLane(right))
    passed = {check.id for check in scored.checks if check.status is Status.PASSED}
    assert passed == {check.id for check in PUZZLE.checks}
    assert {Example, Integers, Reals, Clean, Robust} <= {type(check) for check in PUZZLE.checks}


@pytest.mark.parametrize(
    "sizes",
    ["[[sizes]]\ninput_size = '1 to 30'\nconv_size = '1 to 15'", ""],
    ids=["all", "its own"],
)
def test_a_rubric_makes_a_puzzle_whose_points_can_all_be_earned(sizes):
    rubric = parse_rubric(f'puzzle = "conv1d"\n{sizes}\n'.encode(), PUZZLE)
    assert ("robust" in {each.id for each in rubric.puzzle.rubric}) == (not sizes)
