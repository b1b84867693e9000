"""Which work on several streams is ordered: the driver's calls, with kernels that run for real."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from grader.device.calls import dispatch
from grader.device.checks.history import Shadow
from grader.device.cuda import CudaResult
from grader.device.evidence import CaseEvidence, FindingKind
from grader.device.session import DeviceState, DriverSession
from grader.device.simulator import Interpreter
from grader.device.streams import MOST_UNDER_WAY, NON_BLOCKING
from grader.device.wire import ORDER, DriverOp
from tests.device.kernels import HEAD

SIZE = 32
_COPY = """
.visible .entry {name}(.param .u64 to, .param .u64 of) {{
    .reg .b64 %rd<6>; .reg .b32 %r<4>;
    ld.param.u64 %rd1, [to]; ld.param.u64 %rd2, [of];
    mov.u32 %r1, %tid.x; mul.wide.u32 %rd3, %r1, 4;
    add.u64 %rd1, %rd1, %rd3; add.u64 %rd2, %rd2, %rd3;
    {body}
    ret;
}}
"""
KERNELS = HEAD + "".join(
    _COPY.format(name=name, body=body)
    for name, body in {
        "move": "ld.global.u32 %r2, [%rd2]; st.global.u32 [%rd1], %r2;",
        "add": "ld.global.u32 %r2, [%rd2]; red.global.add.u32 [%rd1], %r2;",
        "fill": "st.global.u32 [%rd1], %r1;",
        "post": "st.global.u32 [%rd1], %r1; st.release.gpu.global.u32 [%rd2], %r1;",
        "await": "ld.acquire.gpu.global.u32 %r2, [%rd2]; st.global.u32 [%rd1], %r1;",
    }.items()
)


class Host:
    """A worker that makes streams, and buffers of ``SIZE`` bytes that it has filled."""

    def __init__(self) -> None:
        self.device = DeviceState(Interpreter())
        self.session: DriverSession = self.device.connect()
        self.device.begin_case(self.device.case)
        module = self.number(DriverOp.MODULE_LOAD, tail=KERNELS.encode())
        self.functions = {
            name: self.number(DriverOp.MODULE_FUNCTION, "Q", module, tail=name.encode())
            for name in ("move", "add", "fill", "post", "await")
        }
        self.graph = self.stream()
        self.own = self.stream()
        self.copy_in(one := self.buffer(), self.graph)
        self.copy_in(two := self.buffer(), self.graph)
        self.one, self.two = one, two
        self.wait(self.graph)

    def call(
        self,
        op: DriverOp,
        fields: str = "",
        *values: int,
        tail: bytes = b"",
        on: tuple[int, ...] = (),
    ) -> bytes:
        more, plain = ORDER.get(op, ("", ()))
        fixed = struct.pack(f"<{fields}{more}", *values, *(on or plain))
        result, answer = dispatch(self.session, op, bytearray(fixed + tail))
        assert result == CudaResult.SUCCESS
        return answer

    def number(self, op: DriverOp, fields: str = "", *values: int, tail: bytes = b"") -> int:
        return int.from_bytes(self.call(op, fields, *values, tail=tail)[:8], "little")

    def stream(self, flags: int = 0) -> int:
        return self.number(DriverOp.STREAM_CREATE, "I", flags)

    def event(self, stream: int) -> int:
        event = self.number(DriverOp.EVENT_CREATE, "I", 0)
        self.call(DriverOp.EVENT_RECORD, "QQ", event, stream)
        return event

    def buffer(self, size: int = SIZE) -> int:
        return self.number(DriverOp.MEM_ALLOC, "Q", size)

    def copy_in(self, to: int, stream: int, *, pinned: int = 0) -> None:
        self.call(DriverOp.COPY_TO_DEVICE, "Q", to, tail=bytes(SIZE), on=(stream, pinned, 0))

    def copy_out(self, of: int, stream: int, *, pinned: int = 0, waits: bool = True) -> None:
        self.call(DriverOp.COPY_TO_HOST, "QQ", of, SIZE, on=(stream, pinned, waits))

    def clear(self, to: int, stream: int) -> None:
        self.call(DriverOp.MEMSET, "QQQQII", to, 0, SIZE, 1, 0, 1, on=(stream,))

    def launch(self, stream: int, to: int, of: int, name: str = "move") -> None:
        parameters = struct.pack("<QQ", to, of)
        handle = self.functions[name]
        self.call(
            DriverOp.LAUNCH,
            "QQ9I",
            handle,
            stream,
            1,
            1,
            1,
            SIZE // 4,
            1,
            1,
            0,
            0,
            0,
            tail=parameters,
        )

    def wait(self, stream: int) -> None:
        self.call(DriverOp.STREAM_SYNCHRONIZE, "Q", stream)

    def wait_on_device(self, stream: int, event: int) -> None:
        self.call(DriverOp.STREAM_WAIT, "QQ", stream, event)

    def end(self) -> CaseEvidence:
        return self.device.end_case()


@pytest.fixture
def host() -> Host:
    return Host()


Script = Callable[[Host], None]


def same_stream(host: Host) -> None:
    host.clear(host.one, host.own)
    host.launch(host.own, host.one, host.two)
    host.copy_out(host.one, host.own)


def host_waits_between(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.wait(host.graph)
    host.launch(host.own, host.one, host.two)
    host.wait(host.own)
    host.copy_out(host.one, host.graph)


def context_waits_between(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.call(DriverOp.CONTEXT_SYNCHRONIZE)
    host.launch(host.own, host.one, host.two)
    host.call(DriverOp.CONTEXT_SYNCHRONIZE)
    host.copy_out(host.one, host.graph)


def events_between(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.wait_on_device(host.own, host.event(host.graph))
    host.launch(host.own, host.one, host.two)
    host.wait_on_device(host.graph, host.event(host.own))
    host.copy_out(host.one, host.graph)


def host_waits_for_an_event(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.call(DriverOp.EVENT_SYNCHRONIZE, "Q", host.event(host.own))
    host.copy_out(host.one, host.graph)


def through_a_third_stream(host: Host) -> None:
    third = host.stream()
    host.launch(host.own, host.one, host.two)
    host.wait_on_device(third, host.event(host.own))
    host.wait_on_device(host.graph, host.event(third))
    host.copy_out(host.one, host.graph)


def default_stream_between(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.clear(host.buffer(), 0)  # it waits for all blocking streams, and they for it
    host.launch(host.own, host.one, host.two)
    host.clear(host.buffer(), 1)  # the same stream by its other name
    host.copy_out(host.one, host.graph)


def default_stream_itself(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.launch(0, host.two, host.one)
    host.copy_out(host.two, host.graph)


def both_read(host: Host) -> None:
    host.launch(host.own, host.buffer(), host.two)
    host.copy_out(host.two, host.graph)


def other_bytes(host: Host) -> None:
    both = host.buffer(2 * SIZE)
    host.launch(host.own, both, host.two)
    host.launch(host.graph, both + SIZE, host.two)


def both_add(host: Host) -> None:
    host.launch(host.own, host.one, host.two, "add")
    host.launch(host.graph, host.one, host.two, "add")


def freed_and_reserved_again(host: Host) -> None:
    scratch = host.buffer()
    host.launch(host.own, scratch, host.two)
    host.wait(host.own)
    host.call(DriverOp.MEM_FREE, "Q", scratch)
    host.launch(host.graph, host.buffer(), host.two)


def a_call_after_another(host: Host) -> None:
    for _ in range(3):
        events_between(host)
        host.wait(host.graph)
        host.device.begin_case(host.device.case)


def a_stream_for_each_call(host: Host) -> None:
    for _ in range(3):
        host.own = host.stream()
        host_waits_between(host)
        host.call(DriverOp.STREAM_DESTROY, "Q", host.own)
        host.device.begin_case(host.device.case)


def reserved_on_a_stream_and_waited_for(host: Host) -> None:
    address = int.from_bytes(host.call(DriverOp.MEM_ALLOC, "Q", SIZE, on=(host.graph,)), "little")
    host.wait_on_device(host.own, host.event(host.graph))
    host.launch(host.own, address, host.two)
    host.wait_on_device(host.graph, host.event(host.own))
    host.call(DriverOp.MEM_FREE, "Q", address, on=(host.graph,))


@pytest.mark.parametrize(
    "script",
    [
        same_stream,
        host_waits_between,
        context_waits_between,
        events_between,
        host_waits_for_an_event,
        through_a_third_stream,
        default_stream_between,
        default_stream_itself,
        both_read,
        other_bytes,
        both_add,
        freed_and_reserved_again,
        a_call_after_another,
        a_stream_for_each_call,
        reserved_on_a_stream_and_waited_for,
    ],
)
def test_what_waits_is_no_race(host: Host, script: Script) -> None:
    script(host)
    evidence = host.end()
    assert (evidence.driver_findings, evidence.unchecked) == ((), ())


def memset_and_kernel(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.launch(host.own, host.one, host.two)


def kernel_then_memset(host: Host) -> None:
    host.launch(host.graph, host.one, host.two)  # before there was a second stream in use
    host.clear(host.one, host.own)


def earlier_reader(host: Host) -> None:
    host.launch(host.graph, host.buffer(), host.one)
    host.launch(host.graph, host.buffer(), host.two)
    host.launch(host.own, host.one, host.one, "fill")


def output_copied_back_at_once(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.copy_out(host.one, host.graph)


def input_still_copied(host: Host) -> None:
    host.copy_in(host.two, host.graph)
    host.launch(host.own, host.one, host.two)


def two_of_its_own(host: Host) -> None:
    other = host.stream()
    host.launch(host.own, host.one, host.two)
    host.launch(other, host.buffer(), host.one)


def waited_for_the_wrong_stream(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.wait(host.graph)
    host.copy_out(host.one, host.graph)


def event_recorded_too_early(host: Host) -> None:
    event = host.event(host.own)
    host.launch(host.own, host.one, host.two)
    host.wait_on_device(host.graph, event)
    host.copy_out(host.one, host.graph)


def event_not_recorded(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.wait_on_device(host.graph, host.number(DriverOp.EVENT_CREATE, "I", 0))
    host.copy_out(host.one, host.graph)


def non_blocking_and_default(host: Host) -> None:
    host.launch(host.stream(NON_BLOCKING), host.one, host.two)
    host.clear(host.one, 0)


def default_then_non_blocking(host: Host) -> None:
    host.clear(host.one, 0)
    host.launch(host.stream(NON_BLOCKING), host.one, host.two)


def copy_on_the_device(host: Host) -> None:
    host.call(DriverOp.COPY_ON_DEVICE, "QQQ", host.one, host.two, SIZE, on=(host.graph,))
    host.launch(host.own, host.two, host.one)


def one_byte_in_common(host: Host) -> None:
    both = host.buffer(3 * SIZE)
    host.launch(host.own, both + 4, host.two)
    host.clear(both + SIZE + 3, host.graph)


def through_pinned_memory(host: Host) -> None:
    host.copy_out(host.one, host.graph, pinned=0x7000, waits=False)
    host.copy_in(host.two, host.own, pinned=0x7000)


def fill_of_pinned_memory(host: Host) -> None:
    host.call(DriverOp.MEMSET_ON_HOST, "QQQ", 0x7000, SIZE, host.graph)
    host.copy_in(host.two, host.own, pinned=0x7000 + SIZE - 1)


def atomics_and_a_memset(host: Host) -> None:
    host.clear(host.one, host.graph)
    host.launch(host.own, host.one, host.two, "add")


def given_back_by_another_stream(host: Host) -> None:
    scratch = host.buffer()
    host.launch(host.own, scratch, host.two)
    host.call(DriverOp.MEM_FREE, "Q", scratch, on=(host.graph,))


def work_of_an_earlier_call(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.device.begin_case(host.device.case)
    host.copy_out(host.one, host.graph)


def after_the_stream_is_destroyed(host: Host) -> None:
    host.launch(host.own, host.one, host.two)
    host.call(DriverOp.STREAM_DESTROY, "Q", host.own)
    host.copy_out(host.one, host.graph)


@pytest.mark.parametrize(
    "script",
    [
        memset_and_kernel,
        kernel_then_memset,
        earlier_reader,
        output_copied_back_at_once,
        input_still_copied,
        two_of_its_own,
        waited_for_the_wrong_stream,
        event_recorded_too_early,
        event_not_recorded,
        non_blocking_and_default,
        default_then_non_blocking,
        copy_on_the_device,
        one_byte_in_common,
        through_pinned_memory,
        fill_of_pinned_memory,
        atomics_and_a_memset,
        given_back_by_another_stream,
        work_of_an_earlier_call,
        after_the_stream_is_destroyed,
    ],
)
def test_what_does_not_wait_is_a_race(host: Host, script: Script) -> None:
    script(host)
    evidence = host.end()
    assert {found.kind for found in evidence.driver_findings} == {FindingKind.STREAM_RACE}
    assert evidence.unchecked == ()


def host_function(host: Host) -> None:
    host.call(DriverOp.ORDER_UNSURE, tail=b"a stream calls a function of the host")
    output_copied_back_at_once(host)


def per_thread_stream(host: Host) -> None:
    host.launch(2, host.one, host.two)
    host.copy_out(host.one, host.graph)


def flags_between_kernels(host: Host) -> None:
    host.launch(host.own, host.one, host.two, "post")
    host.launch(host.graph, host.one, host.two, "await")


def freed_while_in_use(host: Host) -> None:
    scratch = host.buffer()
    host.launch(host.own, scratch, host.two)
    host.launch(host.graph, host.one, host.two)
    host.call(DriverOp.MEM_FREE, "Q", scratch)


def too_much_under_way(host: Host) -> None:
    for _ in range(MOST_UNDER_WAY + 1):
        host.clear(host.one, host.graph)
    host.launch(host.own, host.one, host.two)


@pytest.mark.parametrize(
    "script",
    [
        host_function,
        per_thread_stream,
        flags_between_kernels,
        freed_while_in_use,
        too_much_under_way,
    ],
)
def test_what_is_not_certain_is_not_called_a_race(host: Host, script: Script) -> None:
    script(host)
    evidence = host.end()
    assert evidence.driver_findings == ()
    assert len(evidence.unchecked) == 1


def test_equal_findings_are_one_with_a_count(host: Host) -> None:
    for _ in range(3):
        output_copied_back_at_once(host)
    (found,) = host.end().driver_findings
    assert found.count > 1
    assert (found.address, found.size) == (host.one, SIZE)


def test_work_on_one_stream_is_not_looked_at(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def looked(*_: object) -> None:
        raise AssertionError

    host.launch(host.graph, host.one, host.two)
    monkeypatch.setattr(Shadow, "touched", looked)
    for _ in range(3):
        host.launch(host.graph, host.one, host.two)
        host.copy_out(host.one, host.graph)
    with pytest.raises(AssertionError):
        output_copied_back_at_once(host)
