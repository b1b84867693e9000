"""Wasteful programs that a GPU carries: much memory, and very many launches in one call."""

from __future__ import annotations

import struct

import pytest

from grader.device import CaseSetup
from grader.device.calls import dispatch
from grader.device.cuda import TOTAL_MEMORY, CudaResult
from grader.device.evidence import Writer
from grader.device.journal import MAX_STEPS
from grader.device.memory import GlobalMemory
from grader.device.repeat import Exchange, repeat
from grader.device.session import DeviceState, DriverSession
from grader.device.simulator import Interpreter
from grader.device.wire import NOT_ORDERED, ORDER, DriverOp
from tests.device.kernels import HEAD

KERNEL = (
    HEAD
    + """
.visible .entry k(.param .u64 p, .param .u32 v) {
    .reg .b64 %rd<4>; .reg .b32 %r<4>;
    ld.param.u64 %rd1, [p]; ld.param.u32 %r1, [v];
    mov.u32 %r2, %tid.x; mul.wide.u32 %rd2, %r2, 4; add.u64 %rd1, %rd1, %rd2;
    st.global.u32 [%rd1], %r1;
    ret;
}
"""
)


@pytest.fixture
def session() -> DriverSession:
    device = DeviceState(Interpreter())
    device.begin_case(CaseSetup(repeatable=True))
    return device.session


def ask(
    session: DriverSession, op: DriverOp, fields: str = "", *values: int, tail: bytes = b""
) -> bytes:
    more, plain = ORDER.get(op, ("", ()))
    fixed = struct.pack(f"<{fields}{more}", *values, *plain)
    result, answer = dispatch(session, op, bytearray(fixed + tail))
    assert result == CudaResult.SUCCESS, (op, result, answer)
    return answer


def number(answer: bytes) -> int:
    return int.from_bytes(answer[:8], "little")


def kernel(session: DriverSession) -> int:
    module = number(ask(session, DriverOp.MODULE_LOAD, tail=KERNEL.encode()))
    return number(ask(session, DriverOp.MODULE_FUNCTION, "Q", module, tail=b"k"))


def launch(session: DriverSession, function: int, address: int, value: int) -> None:
    shape = (1, 1, 1, 4, 1, 1)
    arguments = struct.pack("<QI", address, value)
    ask(session, DriverOp.LAUNCH, "QQIIIIIIIII", function, 0, *shape, 0, 0, 0, tail=arguments)


@pytest.mark.parametrize("mib", [65, 100, 1000, 30_000])
def test_scratch_of_any_size_that_a_gpu_has(session: DriverSession, mib: int) -> None:
    if session.memory.capacity < TOTAL_MEMORY:
        pytest.skip("this machine reserves less address space than a GPU has memory")
    scratch = number(ask(session, DriverOp.MEM_ALLOC, "Q", mib << 20))
    end = scratch + (mib << 20) - 16
    launch(session, kernel(session), end, 7)
    assert ask(session, DriverOp.COPY_TO_HOST, "QQ", end, 16) == struct.pack("<4I", 7, 7, 7, 7)
    ask(session, DriverOp.MEM_FREE, "Q", scratch)
    evidence = session.device.end_case()
    assert evidence.unsupported == ()
    assert {run.writer for run in evidence.copies_out[-1].provenance} == {Writer.KERNEL}
    assert session.journal is not None
    log, memory = session.journal, GlobalMemory(session.memory.capacity, session.memory.window)
    again = repeat(log, Exchange(log, ()), memory, copy=1, like=log)
    assert again.data == struct.pack("<4I", 7, 7, 7, 7), "it can be done again as well"


def test_more_than_a_gpu_has_is_the_gpus_error(session: DriverSession) -> None:
    result, _ = dispatch(
        session, DriverOp.MEM_ALLOC, bytearray(struct.pack("<QQ", TOTAL_MEMORY + 1, NOT_ORDERED))
    )
    assert result == CudaResult.OUT_OF_MEMORY
    assert session.device.end_case().unsupported == ()


def test_what_exceeds_this_machine_and_no_gpu_could_not_be_checked(session: DriverSession) -> None:
    session.memory = GlobalMemory(64 << 20)
    result, _ = dispatch(
        session, DriverOp.MEM_ALLOC, bytearray(struct.pack("<QQ", 100 << 20, NOT_ORDERED))
    )
    assert result == CudaResult.OUT_OF_MEMORY
    (sentence,) = session.device.end_case().unsupported
    assert "has not the memory of a GPU" in sentence


def test_very_many_launches_in_one_call(session: DriverSession) -> None:
    function = kernel(session)
    address = number(ask(session, DriverOp.MEM_ALLOC, "Q", 16))
    count = 6000
    for value in range(count):
        launch(session, function, address, value)
    ask(session, DriverOp.COPY_TO_HOST, "QQ", address, 16)
    evidence = session.device.end_case()
    (run,) = {run.launch for run in evidence.copies_out[-1].provenance}
    assert run is not None
    assert evidence.launches[0].index <= run, "a launch of this call, though not kept"
    assert evidence.driver_findings == ()
    assert count < MAX_STEPS, "so many steps can be done again"
