"""A case done again with other inputs and without the host: what is the device's own work."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device import CaseSetup, journal
from grader.device.memory import GlobalMemory
from grader.device.process import SoftwareDevice
from grader.device.repeat import Exchange, NotRepeatable, difference, repeat
from grader.device.wire import DriverClient, DriverOp
from grader.errors import DeviceFault
from tests.device.driver.fake_device import PROGRAM


def floats(*values: float) -> bytes:
    return np.array(values, dtype=np.float32).tobytes()


def upload(client: DriverClient, data: bytes) -> int:
    address = client.allocate(len(data))
    assert client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=data) == (0, b"")
    return address


def download(client: DriverClient, address: int, size: int) -> bytes:
    result, data = client.call(DriverOp.COPY_TO_HOST, "QQ", address, size)
    assert result == 0
    return data


def add_one(client: DriverClient, address: int, count: int) -> None:
    function = client.function(client.load(PROGRAM), "add_one")
    assert client.launch(function, struct.pack("<QI", address, count)) == 0


def free(client: DriverClient, address: int) -> None:
    assert client.call(DriverOp.MEM_FREE, "Q", address) == (0, b"")


def again(
    device: SoftwareDevice, *pairs: tuple[bytes, bytes], copy: int = 1, moved: bool = True
) -> bytes | str | None:
    """What the last case gives when it is done again."""
    device.keep(1)
    done = device.repeat(1, pairs, copy=copy, like=1, moved=moved)
    return done.why or done.data


def test_a_kernel_that_computes_does_so_with_other_inputs_too(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    address = upload(client, floats(1, 2))
    add_one(client, address, 2)
    assert download(client, address, 8) == floats(2, 3)
    assert again(device, (floats(1, 2), floats(10, 20))) == floats(11, 21)


def test_buffers_that_have_been_freed_since_are_there_again(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    address = upload(client, floats(1))
    download(client, address, 4)
    free(client, address)
    assert again(device, (floats(1), floats(7))) == floats(7)


def test_an_answer_from_the_host_stays_the_old_one(
    device: SoftwareDevice, client: DriverClient
) -> None:
    """The host reads the input back, computes, and has a kernel write the answer."""
    device.begin_case(CaseSetup(repeatable=True))
    source = upload(client, floats(5))
    value = np.frombuffer(download(client, source, 4), np.float32)[0]
    output = upload(client, floats(value * 2 - 1))
    add_one(client, output, 1)
    assert download(client, output, 4) == floats(10)
    assert again(device, (floats(5), floats(7))) == floats(10)


@pytest.mark.parametrize("turns", [1, 3])
def test_an_answer_that_is_only_looked_at_is_the_kernels(
    device: SoftwareDevice, client: DriverClient, turns: int
) -> None:
    """``map_to_host`` copies there and back; the host changes nothing."""
    device.begin_case(CaseSetup(repeatable=True))
    address = upload(client, floats(1, 2))
    add_one(client, address, 2)
    for _ in range(turns):
        seen = download(client, address, 8)
        assert client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=seen) == (0, b"")
    assert download(client, address, 8) == floats(2, 3)
    assert again(device, (floats(1, 2), floats(10, 20))) == floats(11, 21)


def test_what_the_host_changes_in_an_answer_stays_the_old_one(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    address = upload(client, floats(1, 2))
    add_one(client, address, 2)
    seen = download(client, address, 8)
    changed = seen[:4] + floats(99)
    assert client.call(DriverOp.COPY_TO_DEVICE, "Q", address, tail=changed) == (0, b"")
    download(client, address, 8)
    assert again(device, (floats(1, 2), floats(10, 20))) == floats(11, 99)


def test_an_input_that_is_looked_at_is_still_exchanged(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    source = upload(client, floats(5))
    seen = download(client, source, 4)
    assert client.call(DriverOp.COPY_TO_DEVICE, "Q", source, tail=seen) == (0, b"")
    add_one(client, source, 1)
    assert download(client, source, 4) == floats(6)
    assert again(device, (floats(5), floats(7))) == floats(8)


def test_what_is_written_after_the_copy_to_the_host_does_not_count(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    address = upload(client, floats(1))
    download(client, address, 4)
    add_one(client, address, 1)
    assert again(device, (floats(1), floats(7))) == floats(7)


def test_the_device_is_afterwards_as_before(device: SoftwareDevice, client: DriverClient) -> None:
    kept = upload(client, floats(1, 2, 3))
    device.begin_case(CaseSetup(repeatable=True))
    add_one(client, kept, 3)
    download(client, kept, 12)
    assert again(device) == floats(2, 3, 4)
    assert download(client, kept, 12) == floats(2, 3, 4)
    other = client.allocate(12)
    assert other != kept


def test_memory_from_before_the_case_holds_what_it_held_then(
    device: SoftwareDevice, client: DriverClient
) -> None:
    kept = upload(client, floats(1))
    device.begin_case(CaseSetup(repeatable=True))
    add_one(client, kept, 1)
    add_one(client, kept, 1)
    download(client, kept, 4)
    free(client, kept)
    assert again(device) == floats(3)


def test_copies_and_memsets_on_the_device_are_done_again(
    device: SoftwareDevice, client: DriverClient
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    source, output = upload(client, floats(4)), client.allocate(8)
    assert client.call(DriverOp.MEMSET, "QQQQII", output, 8, 8, 1, 0, 1) == (0, b"")
    assert client.call(DriverOp.COPY_ON_DEVICE, "QQQ", output, source, 4) == (0, b"")
    download(client, output, 8)
    assert again(device, (floats(4), floats(6))) == floats(6, 0)


@pytest.mark.parametrize("bound", ["MAX_STEPS", "MAX_BYTES"])
def test_a_case_with_too_many_steps_says_so(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(journal, bound, 20)
    memory = GlobalMemory(1 << 20)
    log = journal.Journal.begin(memory)
    for _ in range(21):
        log.add(journal.Wrote(0, b"x"))
    with pytest.raises(NotRepeatable, match="more than"):
        Exchange(log, [])


@pytest.mark.parametrize("copy", [0, 2, -1])
def test_a_copy_that_was_not_made_can_not_be_asked_for(
    device: SoftwareDevice, client: DriverClient, copy: int
) -> None:
    device.begin_case(CaseSetup(repeatable=True))
    download(client, upload(client, floats(1)), 4)
    assert "no such copy" in str(again(device, copy=copy))


def test_only_a_repeatable_case_can_be_repeated() -> None:
    with SoftwareDevice() as device:
        device.begin_case()
        with pytest.raises(DeviceFault, match="repeatable"):
            device.keep(1)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("allocate"), st.integers(1, 2000)),
        st.tuples(st.just("free"), st.integers(0, 7)),
        st.tuples(st.just("write"), st.integers(0, 7), st.integers(0, 255)),
        st.tuples(st.just("fill"), st.integers(0, 7), st.integers(0, 255)),
        st.tuples(st.just("copy"), st.integers(0, 7), st.integers(0, 7)),
        st.tuples(st.just("begin")),
    ),
    max_size=20,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_without_substitutes_any_case_gives_what_it_gave(steps: list[tuple[object, ...]]) -> None:
    """Whatever is reserved, written and freed: again is the same, and nothing is disturbed."""
    memory = GlobalMemory(1 << 20)
    log = journal.Journal.begin(memory)
    buffers: list[tuple[int, int]] = []

    def add(step: journal.Step) -> None:
        log.add(step)

    for name, *numbers in steps:
        if name == "allocate":
            size = int(numbers[0])  # type: ignore[call-overload]
            buffers.append((memory.allocate(size), size))
            add(journal.Placed(*buffers[-1]))
        elif name == "begin":
            log = journal.Journal.begin(memory)
        elif buffers:
            places = [buffers[int(n) % len(buffers)] for n in numbers]  # type: ignore[call-overload]
            (address, size), value = places[0], int(numbers[-1])  # type: ignore[call-overload]
            if name == "free":
                memory.free(address)
                add(journal.Freed(address))
                buffers.remove((address, size))
            elif name == "write":
                memory.write(address, bytes([value]) * size)
                add(journal.Wrote(address, bytes([value]) * size))
            elif name == "fill":
                memory.memset(address, value, 1, size)
                add(journal.Filled(address, value, 1, size))
            else:
                count = min(size, places[1][1])
                memory.copy(places[1][0], address, count)
                add(journal.Copied(places[1][0], address, count))
    if not buffers:
        buffers = [(memory.allocate(4), 4)]
        add(journal.Placed(*buffers[-1]))
    address, size = buffers[-1]
    gave = memory.read(address, size)
    add(journal.Read(address, size))
    state = [(a, memory.contents(a)) for a in memory.live()]
    again = GlobalMemory(1 << 20)
    assert repeat(log, Exchange(log, []), again, copy=1, like=log).data == gave
    assert difference(log, log, []) == ""
    assert [a for a, _ in state] == list(memory.live())
    for allocation, contents in state:
        for before, after in zip(contents, memory.contents(allocation), strict=True):
            np.testing.assert_array_equal(before, after)


def test_freed_addresses_come_again_only_in_a_case_that_rewinds(
    device: SoftwareDevice, client: DriverClient
) -> None:
    """Whoever keeps an answer by the address of a buffer meets that address with other values."""
    addresses = []
    for rewind in (True, True, False):
        device.begin_case(CaseSetup(rewind=rewind))
        addresses.append(client.allocate(64))
        free(client, addresses[-1])
    assert addresses[0] == addresses[1] != addresses[2]


ADDS_FIVE = """
.version 8.1
.target sm_80
.address_size 64
.global .align 4 .b32 five[1] = {5};
.visible .entry adds(.param .u64 from, .param .u64 to)
{ .reg .b64 %rd<4>; .reg .b32 %r<4>;
  ld.param.u64 %rd1, [from]; ld.param.u64 %rd2, [to];
  ld.global.u32 %r1, [%rd1]; ld.global.u32 %r2, [five]; add.u32 %r1, %r1, %r2;
  st.global.u32 [%rd2], %r1; ret; }
"""


def test_variables_of_a_module_that_was_unloaded_since_are_there_again() -> None:
    with SoftwareDevice() as device:
        client = DriverClient(device.worker_fd)
        client.hello()
        device.begin_case(CaseSetup(repeatable=True))
        source, output = upload(client, struct.pack("<I", 100)), client.allocate(4)
        module = client.load(ADDS_FIVE)
        function = client.function(module, "adds")
        assert client.launch(function, struct.pack("<QQ", source, output)) == 0
        assert client.call(DriverOp.MODULE_UNLOAD, "Q", module) == (0, b"")
        assert download(client, output, 4) == struct.pack("<I", 105)
        answer = again(device, (struct.pack("<I", 100), struct.pack("<I", 7)))
        assert answer == struct.pack("<I", 12)
        client.close()
