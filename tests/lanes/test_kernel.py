"""Kernels on buffers of the grader's: arguments, what outputs hold before, faults that stick."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from grader.device import FindingKind
from grader.lanes.devices import OnSoftwareDevice
from grader.lanes.kernel import KernelLane, layout_tensor, layout_tensor_bytes
from grader.lanes.lane import OtherSignature
from grader.model.cases import Case, PlannedShape
from grader.model.code import KernelLaunch, Kernels, Number, Real, Scalar
from grader.model.domains import Between, Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Budget, Part, Role, Size, TensorSpec
from grader.record import Ending
from grader.toolchain.kernels import CompiledKernel
from tests.grading.on_device import leave_unread

HEAD = ".version 8.1\n.target sm_80\n.address_size 64\n"


def kernel(name: str, parameters: str, body: str) -> CompiledKernel:
    """A kernel that is given its arguments as ``p0``, ``p1`` and so on."""
    text = (
        f"{HEAD}.visible .entry {name}({parameters})\n{{\n"
        ".reg .pred %p<4>;\n.reg .b32 %r<9>;\n.reg .b64 %rd<9>;\n.reg .f32 %f<9>;\n"
        f"{body}\nret;\n}}\n"
    )
    return CompiledKernel(name, text, name, "k0")


TWO = ".param .u64 p0, .param .u64 p1"
# y[i] += x[i] for each thread i.
ADD = """
ld.param.u64 %rd0, [p0]; ld.param.u64 %rd1, [p1];
mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4;
add.u64 %rd0, %rd0, %rd2; add.u64 %rd1, %rd1, %rd2;
ld.global.f32 %f0, [%rd0]; ld.global.f32 %f1, [%rd1];
add.f32 %f0, %f0, %f1; st.global.f32 [%rd0], %f0;
"""
# y[0] = the number in p1, as a float.
NUMBER = """
ld.param.u64 %rd0, [p0]; ld.param.{type} {register}, [p1];
cvt.rn.f32.{type} %f0, {register}; st.global.f32 [%rd0], %f0;
"""
FAR = ADD.replace("mul.wide.u32 %rd2, %r0, 4;", "mul.wide.u32 %rd2, %r0, 4096;")


def tensor(name: str, role: Role) -> TensorSpec:
    return TensorSpec(name=name, role=role, dtype="float32", shape=("n",), domain=Between(-9, 9))


def part(*launches: KernelLaunch, y: Role = "output") -> Part:
    return Part(
        name="p", title="the kernel p", formula="", domain="",
        code=Kernels(launches=launches),
        tensors=(tensor("y", y), tensor("x", "input"), tensor("t", "scratch")),
        sizes=(Size(name="n", low=1, high=64),),
        assigned=lambda sizes: True,
        boundaries=({"n": 4},),
        expected=lambda inputs, sizes: {"y": ExpectedOutput.exactly(inputs["x"])},
    )  # fmt: skip


def case(of: Part, n: int = 4) -> Case:
    shape = PlannedShape(number=0, part=of, sizes={"n": n}, origin="boundary")
    arrays = {"x": np.arange(1, n + 1, dtype=np.float32), "y": np.full(n, 10, np.float32)}
    inputs = {spec.name: arrays[spec.name] for spec in of.inputs}
    return Case(shape=shape, values=Values.INTEGERS, inputs=inputs)


def launch(function: str, *arguments: str | Number) -> KernelLaunch:
    return KernelLaunch(function=function, arguments=arguments, block=("n", 1, 1))


@pytest.fixture(scope="module")
def device():
    with OnSoftwareDevice(reason="test") as opened:
        yield opened


def run(device, of: Part, *kernels: CompiledKernel, text: str = ""):
    shape = case(of).shape
    with KernelLane(device, text=text) as lane:
        lane.take({0: kernels})
        lane.check(shape)
        return lane.run(case(of))


def test_outputs_hold_zeros_before_the_first_launch(device):
    done = run(device, part(launch("add", "y", "x")), kernel("add", TWO, ADD))
    assert done.ending is Ending.OUTPUT
    assert done.outputs[0].tolist() == [1, 2, 3, 4]
    assert done.inputs_after[0].tolist() == [1, 2, 3, 4]
    assert [each.kernel for each in done.evidence.launches] == ["add"]


def test_what_the_last_user_of_the_device_left_unread_is_no_answer(device):
    leave_unread(device)
    done = run(device, part(launch("add", "y", "x")), kernel("add", TWO, ADD))
    assert done.ending is Ending.OUTPUT


def test_the_device_may_take_as_long_for_a_launch_as_the_part_allows(device):
    slow = replace(part(launch("add", "y", "x")), budget=Budget(wall_seconds=3600.0))
    with KernelLane(device) as lane:
        lane.take({0: [kernel("add", TWO, ADD)]})
        assert lane.run(case(slow)).ending is Ending.OUTPUT
        assert lane._client is not None
        assert (lane._client.sock.gettimeout() or 0) > slow.budget.wall_seconds


def test_what_is_in_and_out_holds_the_cases_values(device):
    done = run(device, part(launch("add", "y", "x"), y="inout"), kernel("add", TWO, ADD))
    assert done.outputs[0].tolist() == [11, 12, 13, 14]


def test_launches_follow_each_other_and_share_scratch_buffers(device):
    of = part(launch("add", "t", "x"), launch("add", "y", "t"), launch("add", "y", "x"))
    add = kernel("add", TWO, ADD)
    assert run(device, of, add, add, add).outputs[0].tolist() == [2, 4, 6, 8]


@pytest.mark.parametrize(("type_", "register"), [("s32", "%r1"), ("s64", "%rd1"), ("u32", "%r1")])
def test_a_number_is_as_wide_as_the_kernel_takes_it(device, type_, register):
    of = part(launch("number", "y", Scalar("n")), launch("add", "t", "x"))
    number = kernel(
        "number",
        f".param .u64 p0, .param .{type_} p1",
        NUMBER.format(type=type_, register=register),
    )
    assert run(device, of, number, kernel("add", TWO, ADD)).outputs[0].tolist() == [4, 0, 0, 0]


REAL = """
ld.param.u64 %rd0, [p0]; ld.param.f32 %f0, [p1]; st.global.f32 [%rd0], %f0;
"""


def test_a_real_number_is_passed_as_a_float32(device):
    of = part(launch("number", "y", Real("half", lambda sizes: 0.5)), launch("add", "t", "x"))
    number = kernel("number", ".param .u64 p0, .param .f32 p1", REAL)
    assert run(device, of, number, kernel("add", TWO, ADD)).outputs[0].tolist() == [0.5, 0, 0, 0]
    long = kernel("number", ".param .u64 p0, .param .f64 p1", "")
    with pytest.raises(OtherSignature, match="number"):
        run(device, of, long, kernel("add", TWO, ADD))


@pytest.mark.parametrize(
    "parameters",
    [
        ".param .u64 p0",
        f"{TWO}, .param .u64 p2",
        ".param .u64 p0, .param .align 8 .b8 p1[24]",
        ".param .u64 p0, .param .u16 p1",
    ],
)
def test_a_kernel_with_other_arguments_is_told_before_it_runs(device, parameters):
    with pytest.raises(OtherSignature, match="add"):
        run(device, part(launch("add", "y", "x")), kernel("add", parameters, ""))


LAYOUT = "fn add(y: LayoutTensor[dtype, layout, MutAnyOrigin], x: P):\n    pass\n"
# y[0] = the extent, y[1] = the stride, y[2] = the extent of an element.
FIELDS = """
ld.param.u64 %rd0, [p0];
ld.param.b32 %r0, [p0+8]; cvt.rn.f32.s32 %f0, %r0; st.global.f32 [%rd0], %f0;
ld.param.b32 %r0, [p0+12]; cvt.rn.f32.s32 %f0, %r0; st.global.f32 [%rd0+4], %f0;
ld.param.b32 %r0, [p0+16]; cvt.rn.f32.s32 %f0, %r0; st.global.f32 [%rd0+8], %f0;
"""


def test_a_layout_tensor_brings_its_extents_and_strides_along(device):
    fields = kernel("add", ".param .align 8 .b8 p0[24], .param .u64 p1", FIELDS)
    done = run(device, part(launch("add", "y", "x")), fields, text=LAYOUT)
    assert done.outputs[0].tolist() == [4, 1, 1, 0]


@pytest.mark.parametrize(
    ("length", "text"), [(24, LAYOUT.replace("LayoutTensor", "TileTensor")), (32, LAYOUT)]
)
def test_other_structures_and_layouts_of_other_rank_are_told(device, length, text):
    taken = kernel("add", f".param .align 8 .b8 p0[{length}], .param .u64 p1", FIELDS)
    with pytest.raises(OtherSignature, match="add"):
        run(device, part(launch("add", "y", "x")), taken, text=text)


def test_strides_of_a_layout_tensor_are_those_of_rows():
    assert layout_tensor(16, (3, 5)) == struct.pack("<Q6i", 16, 3, 5, 5, 1, 1, 1)
    assert len(layout_tensor(16, (3, 5))) == layout_tensor_bytes(2) == 32


def test_a_fault_ends_the_case_and_not_the_next_one(device):
    of = part(launch("add", "y", "x"))
    with KernelLane(device) as lane:
        lane.take({0: [kernel("add", TWO, FAR)]})
        first = lane.run(case(of))
        assert first.ending is Ending.ERROR
        kinds = {each.kind for one in first.evidence.launches for each in one.findings}
        assert kinds == {FindingKind.OUT_OF_BOUNDS}
        assert "of x, which has 4" in first.evidence.launches[0].findings[0].message
        assert lane.replacements == 1
        assert lane.run(case(of, n=1)).outputs[0].tolist() == [1]


def test_a_launch_that_no_gpu_takes_is_told(device):
    of = part(KernelLaunch(function="add", arguments=("y", "x"), block=(2048, 1, 1)))
    done = run(device, of, kernel("add", TWO, ADD))
    assert done.ending is Ending.ERROR
    assert "the launch of add failed: CUDA error 1" in done.message
