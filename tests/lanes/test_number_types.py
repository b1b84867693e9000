"""Tensors of all types of numbers and in all roles: in the record, and in submissions that run.

The shipped puzzles have float32 and int32 only; a course's own may have any of `DTYPES`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from grader.checks import Clean, Compiles, Integers, OnDevice, Packages, Reals
from grader.grading.cases import drawn
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.lanes import ways
from grader.lanes.devices import HowToRun
from grader.lanes.lane import Lane
from grader.lanes.prepared import prepared
from grader.lanes.program import open_program
from grader.lanes.reproducer import WrittenCase, written
from grader.lanes.workspace import LaneSetup, compile_limits
from grader.model.cases import CaseRun, PlannedShape
from grader.model.code import KernelLaunch, Kernels, Op, Scalar
from grader.model.domains import Between, Bits, Domain, Flags, Values
from grader.model.expected import ExpectedOutput
from grader.model.numbers import DTYPES, FLOATS
from grader.model.part import Part, Role, Size, TensorSpec
from grader.model.puzzle import Puzzle, RubricItem
from grader.record import decode, encode
from grader.report import render
from grader.sandbox import Wanted, probe_once
from grader.toolchain import edition
from grader.toolchain.toolchain import locate
from tests.grading.scripted import record_of
from tests.grading.test_many_parts import PartsLane
from tests.lanes.test_two_ways import opened, seen

N = 37
"""More than a warp, and no multiple of anything."""
KINDS = (Values.INTEGERS, Values.REALS)


def tensor(name: str, role: Role, dtype: str, domain: Domain | None = None) -> TensorSpec:
    given = {} if domain is None else {"domain": domain}
    return TensorSpec(name=name, role=role, dtype=dtype, shape=("n",), **given)


def ran(lane: Lane, shape: PlannedShape, puzzle: Puzzle) -> list[CaseRun]:
    """A case of each kind of values; all are right."""
    runs = []
    for number, values in enumerate(KINDS):
        case = drawn(shape, values, np.random.default_rng(number))
        run = lane.run(case, variant=number)
        observation = observe(run, code=Code.NOTHING, checks=puzzle.checks)
        assert [each.detail for each in observation.problems] == [], run.message
        assert observation.right
        assert len(observation.comparisons) == len(shape.part.outputs)
        runs.append(run)
    return runs


# ---- kernels of a program ----

PROGRAM = f"""\
from std.gpu import thread_idx, block_dim, block_idx
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major

comptime SIZE = {N}
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def spread(
    mid: TileTensor[mut=True, DType.float16, LayoutType, MutAnyOrigin],
    flags: TileTensor[mut=True, DType.bool, LayoutType, MutAnyOrigin],
    half: TileTensor[mut=False, DType.float16, LayoutType, ImmutAnyOrigin],
    keep: TileTensor[mut=False, DType.bool, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var i = block_dim.x * block_idx.x + thread_idx.x
    if i < Int(size_dev):
        if keep[i]:
            mid[i] = half[i] + half[i]
        flags[i] = not keep[i]


def gather(
    result: TileTensor[mut=True, DType.float16, LayoutType, MutAnyOrigin],
    total: TileTensor[mut=True, DType.int64, LayoutType, MutAnyOrigin],
    next: TileTensor[mut=True, DType.uint8, LayoutType, MutAnyOrigin],
    mid: TileTensor[mut=False, DType.float16, LayoutType, ImmutAnyOrigin],
    step: TileTensor[mut=False, DType.uint8, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var size = Int(size_dev)
    var i = block_dim.x * block_idx.x + thread_idx.x
    if i < size:
        result[i] = mid[size - 1 - i]
        total[i] += step[i].cast[DType.int64]()
        next[i] = step[i] + 1


def main() raises:
    pass
"""


def gathered(inputs, sizes):
    doubled = np.where(inputs["keep"], inputs["half"] + inputs["half"], np.float16(0))
    return {
        "flags": ExpectedOutput.exactly(~inputs["keep"]),
        "result": ExpectedOutput.exactly(doubled[::-1]),
        "total": ExpectedOutput.exactly(inputs["total"] + inputs["step"]),
        "next": ExpectedOutput.exactly(inputs["step"] + np.uint8(1)),
    }


def launch(function: str, *arguments: str) -> KernelLaunch:
    return KernelLaunch(
        function=function, arguments=(*arguments, Scalar("n")), grid=(2, 1, 1), block=(32, 1, 1)
    )


TWO_KERNELS = Puzzle(
    name="two_kernels",
    title="Two kernels, one after the other",
    parts=(
        Part(
            name="both",
            title="the kernels spread and gather",
            formula="result[i] = 2 * half[n - 1 - i] where keep",
            domain="n 1 to 64",
            code=Kernels(
                launches=(
                    launch("spread", "mid", "flags", "half", "keep"),
                    launch("gather", "result", "total", "next", "mid", "step"),
                ),
                constants={"SIZE": "n"},
            ),
            tensors=(
                tensor("half", "input", "float16", Between(-50, 50)),
                tensor("keep", "input", "bool", Flags()),
                tensor("step", "input", "uint8", Bits()),
                tensor("total", "inout", "int64", Between(-(2**60), 2**60)),
                tensor("mid", "scratch", "float16"),
                tensor("flags", "output", "bool"),
                tensor("next", "output", "uint8"),
                tensor("result", "output", "float16"),
            ),
            sizes=(Size(name="n", low=1, high=64),),
            assigned=lambda sizes: True,
            boundaries=({"n": N},),
            expected=gathered,
        ),
    ),
    rubric=tuple(
        RubricItem(check=check, points=10) for check in (Compiles(), Integers(), Reals(), Clean())
    ),
)


def shape_of(puzzle: Puzzle) -> PlannedShape:
    (part,) = puzzle.parts
    return PlannedShape(number=0, part=part, sizes={"n": N}, origin="boundary")


@pytest.mark.slow
def test_two_kernels_with_buffers_of_all_roles_both_ways(monkeypatch):
    shape = shape_of(TWO_KERNELS)
    shown = []
    for as_ptx in (True, False):
        with monkeypatch.context() as patched:
            if not as_ptx:
                patched.setattr(ways, "as_ptx", lambda *_: False)
            with opened(PROGRAM, TWO_KERNELS, [shape]) as (lane, built):
                assert built.ok, built.packaged.output
                shown.append([seen(run) for run in ran(lane, shape, TWO_KERNELS)])
    assert shown[0] == shown[1]


def answer(name, inputs):
    """What the kernels give, in Python."""
    found = gathered(inputs, {})
    return tuple(found[spec.name].value for spec in TWO_KERNELS.part(name).outputs)


@pytest.mark.parametrize("wrong", ["total", "flags", "next", "result"])
def test_one_wrong_element_of_any_type_is_found_and_shown(wrong):
    def last_one_wrong(name, inputs):
        outputs = [output.copy() for output in answer(name, inputs)]
        place = [spec.name for spec in TWO_KERNELS.part(name).outputs].index(wrong)
        last = outputs[place][-1:]
        last[:] = ~last if last.dtype == bool else last + last.dtype.type(1)
        return outputs

    record = decode(encode(record_of(PartsLane(last_one_wrong), puzzle=TWO_KERNELS, examples=3)))
    assert record.score == 20
    assert [[each.expected.name for each in shown.shown] for shown in record.counterexamples] == [
        [wrong],
        [wrong],
    ]
    for name in ("html", "json"):
        assert wrong in render(record, name).decode()


def test_all_types_right_are_right_in_the_record():
    record = decode(encode(record_of(PartsLane(answer), puzzle=TWO_KERNELS, examples=3)))
    assert (record.score, record.counterexamples) == (40, ())


@pytest.mark.slow
def test_the_program_of_a_case_runs_it_and_finds_it_right():
    shape = shape_of(TWO_KERNELS)
    case = drawn(shape, Values.REALS, np.random.default_rng(0))
    toolchain = locate(edition.find("auto"))
    program = written(
        PROGRAM,
        toolchain.edition,
        [
            WrittenCase(
                number=0,
                part=shape.part,
                sizes=shape.sizes,
                inputs=case.inputs,
                expected=shape.part.expected(case.inputs, shape.sizes),
            )
        ],
    )
    level, printed = probe_once(Wanted.AUTO).level, []
    place = open_program(
        program.encode(), TWO_KERNELS.name, toolchain, isolation=level, device="software"
    )
    with place as opening:
        built = opening.build(compile_limits(300))
        assert built.ok, built.output
        end = opening.run(
            (), compile_limits(60), lambda _, chunk: printed.append(chunk), how=HowToRun()
        )
    lines = b"".join(printed).decode().splitlines()
    assert end.outcome.exit_code == 0, lines
    assert sum(" expected " in line for line in lines) == len(shape.part.outputs) * N
    assert not [line for line in lines if "wrong" in line]


# ---- an op ----


def listed(lines: Sequence[str], indent: int) -> str:
    return "\n".join(" " * indent + line for line in lines)


OUTPUT = "OutputTensor[dtype=DType.{}, rank=1, static_spec=_]"
INPUT = "InputTensor[dtype=DType.{}, rank=1, static_spec=_]"
OP = f"""\
from std.gpu import thread_idx, block_dim, block_idx
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major

import extensibility
from extensibility import InputTensor, OutputTensor

comptime SIZE = {N}
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def twice[dtype: DType](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
):
    var i = block_dim.x * block_idx.x + thread_idx.x
    if i < SIZE:
        comptime if dtype == DType.bool:
            output[i] = ~a[i]
        else:
            output[i] = a[i] + a[i]


def launch[dtype: DType](
    output: OutputTensor[dtype=dtype, rank=1, static_spec=_],
    a: InputTensor[dtype=dtype, rank=1, static_spec=_],
    ctx: DeviceContext,
) raises:
    comptime Tensor = TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin]
    comptime kernel = twice[dtype]
    ctx.enqueue_function[kernel](
        Tensor(output.unsafe_ptr(), layout),
        Tensor(a.unsafe_ptr(), layout),
        grid_dim=2,
        block_dim=32,
    )


@extensibility.register("twice")
struct Twice:
    @staticmethod
    def execute[
        target: StaticString,
    ](
{listed([f"y_{each}: {OUTPUT.format(each)}," for each in DTYPES], 8)}
{listed([f"x_{each}: {INPUT.format(each)}," for each in DTYPES], 8)}
        ctx: DeviceContext,
    ) raises:
{listed([f"launch(y_{each}, x_{each}, ctx)" for each in DTYPES], 8)}
"""


def doubled(inputs, sizes):
    return {
        f"y_{each}": ExpectedOutput.exactly(~x if each == "bool" else x + x)
        for each in DTYPES
        for x in (inputs[f"x_{each}"],)
    }


def domain_of(dtype: str) -> Domain:
    """Any that may be doubled: whole numbers begin anew."""
    if dtype in FLOATS:
        return Between(-1000, 1000)
    return Flags() if dtype == "bool" else Bits()


TYPES = Puzzle(
    name="types",
    title="Every type of numbers",
    parts=(
        Part(
            name="twice",
            title="the op twice",
            formula="y[i] = 2 * x[i], and not x[i] of flags",
            domain=f"n {N}",
            code=Op(name="twice"),
            tensors=(
                *(tensor(f"y_{each}", "output", each) for each in DTYPES),
                *(tensor(f"x_{each}", "input", each, domain_of(each)) for each in DTYPES),
            ),
            sizes=(Size(name="n", low=N, high=N),),
            assigned=lambda sizes: True,
            boundaries=({"n": N},),
            expected=doubled,
        ),
    ),
    rubric=tuple(
        RubricItem(check=check, points=10)
        for check in (Packages(), Compiles(), Integers(), Reals(), Clean(), OnDevice())
    ),
)


@pytest.mark.slow
def test_an_op_with_an_input_and_an_output_of_each_type():
    shape = shape_of(TYPES)
    setup = LaneSetup(
        module=TYPES.name,
        toolchain=locate(edition.find("auto")),
        isolation=probe_once(Wanted.AUTO).level,
        device="software",
        timeout=300,
    )
    with prepared(OP.encode(), setup, [shape]) as opening:
        runs = ran(opening.lane, shape, TYPES)
    for run in runs:
        assert run.evidence is not None
        assert len(run.evidence.launches) == len(DTYPES)
