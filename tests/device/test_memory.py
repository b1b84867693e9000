"""Global memory: addresses, contents, and who wrote what."""

from __future__ import annotations

import gc
import resource
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from grader.device.addresses import BASE_ADDRESS, HostAccessError, OutOfDeviceMemory
from grader.device.evidence import Provenance, Writer
from grader.device.memory import GlobalMemory, kernel_stamp

POISON = bytes.fromhex("a5a5a57f")


@pytest.fixture
def memory() -> GlobalMemory:
    return GlobalMemory(1 << 20)


def test_addresses_are_aligned_and_apart(memory: GlobalMemory) -> None:
    addresses = [memory.allocate(size) for size in (1, 60, 256, 257, 4096)]
    assert all(address % 256 == 0 for address in addresses)
    assert all(address > BASE_ADDRESS for address in addresses)
    gaps = np.diff(addresses) - np.array([1, 60, 256, 257])
    assert gaps.min() >= 4096


def test_a_freed_address_is_not_used_again_for_long(memory: GlobalMemory) -> None:
    seen = set()
    for _ in range(200):
        address = memory.allocate(1000)
        assert address not in seen
        seen.add(address)
        memory.free(address)


def test_the_window_is_used_again_in_the_end(memory: GlobalMemory) -> None:
    keep = memory.allocate(5000)
    memory.write(keep, b"x" * 5000)
    for round_ in range(100):
        address = memory.allocate(300_000)
        assert memory.read(address, 4) == POISON
        memory.write(address, bytes([round_]) * 300_000)
        memory.free(address)
    assert memory.read(keep, 5000) == b"x" * 5000


def test_capacity(memory: GlobalMemory) -> None:
    half = memory.allocate(1 << 19)
    memory.allocate(1 << 19)
    assert memory.free_bytes == 0
    with pytest.raises(OutOfDeviceMemory):
        memory.allocate(1)
    memory.free(half)
    memory.allocate(1 << 18)
    assert memory.peak_bytes == 1 << 20
    memory.reset_peak()
    assert memory.peak_bytes == memory.allocated_bytes == (1 << 19) + (1 << 18)


def test_memory_that_nobody_wrote_reads_as_poison(memory: GlobalMemory) -> None:
    address = memory.allocate(11)
    assert memory.read(address, 11) == (POISON * 3)[:11]
    memory.poison = 0
    assert memory.read(address, 11) == bytes(11)
    memory.poison = 0x04030201
    memory.write(address + 2, b"ab")
    assert memory.read(address + 1, 5) == b"\x02ab\x01\x02"


def test_who_wrote_what(memory: GlobalMemory) -> None:
    address = memory.allocate(32)
    memory.write(address, b"1234")
    memory.memset(address + 4, 7, 4, 2)
    memory.begin_launch(3, (10, 2, 1), (8, 4, 1))
    first = kernel_stamp(3, block=11, thread=9)
    memory.stamps[address - BASE_ADDRESS + 12 : address - BASE_ADDRESS + 16] = first
    memory.stamps[address - BASE_ADDRESS + 16 : address - BASE_ADDRESS + 20] = first + 1
    memory.written[1][address - BASE_ADDRESS + 12 : address - BASE_ADDRESS + 20] = 1
    memory.copy(address + 20, address + 12, 4)
    kernel: dict[str, Any] = {"writer": Writer.KERNEL, "launch": 3, "block": (1, 1, 0)}
    assert memory.provenance(address, 32) == (
        Provenance(start=0, stop=4, writer=Writer.HOST_COPY),
        Provenance(start=4, stop=12, writer=Writer.MEMSET),
        Provenance(start=12, stop=16, thread=(1, 1, 0), **kernel),
        Provenance(start=16, stop=20, thread=(2, 1, 0), **kernel),
        Provenance(
            start=20,
            stop=24,
            writer=Writer.DEVICE_COPY,
            launch=3,
            block=(1, 1, 0),
            thread=(1, 1, 0),
        ),
        Provenance(start=24, stop=32, writer=Writer.NOBODY),
    )
    assert memory.read(address + 4, 8) == b"\7\0\0\0\7\0\0\0"


def _made(memory: GlobalMemory, data: bytes) -> int:
    """Bytes that the threads of launch 3 wrote, four each."""
    address = memory.allocate(len(data))
    memory.write(address, data)
    memory.begin_launch(3, (1, 1, 1), (64, 1, 1))
    start = address - BASE_ADDRESS
    threads = np.arange(len(data), dtype=np.uint64) // np.uint64(4)
    memory.stamps[start : start + len(data)] = np.uint64(kernel_stamp(3)) + threads
    return address


def test_what_comes_back_from_the_host_as_it_was_keeps_its_writer(memory: GlobalMemory) -> None:
    address = _made(memory, b"abcdefgh")
    before = memory.provenance(address, 8)
    assert memory.write(address, memory.read(address, 8)) == b"\1" * 8
    assert memory.provenance(address, 8) == before
    assert [p.writer for p in before] == [Writer.KERNEL] * 2


@pytest.mark.parametrize(
    ("back", "host"),
    [(b"abcdEfgh", {4}), (b"Xbcdefgh", {0}), (b"ABCDefgh", {0, 1, 2, 3}), (b"hgfedcba", set("x"))],
)
def test_what_the_host_changed_is_the_hosts(
    memory: GlobalMemory, back: bytes, host: set[int | str]
) -> None:
    address = _made(memory, b"abcdefgh")
    wanted = set(range(8)) if "x" in host else host
    kept = memory.write(address, back)
    writers = {k: p.writer for p in memory.provenance(address, 8) for k in range(p.start, p.stop)}
    assert {k for k, writer in writers.items() if writer is Writer.HOST_COPY} == wanted
    assert kept == (None if len(wanted) == 8 else bytes(int(k not in wanted) for k in range(8)))
    assert memory.read(address, 8) == back


def test_a_memset_or_an_input_that_comes_back_is_not_the_kernels(memory: GlobalMemory) -> None:
    address = memory.allocate(12)
    memory.memset(address, 0, 4, 1)
    memory.write(address + 4, b"abcd")
    assert memory.write(address, memory.read(address, 12)) is None
    writers = [p.writer for p in memory.provenance(address, 12)]
    assert writers == [Writer.MEMSET, Writer.HOST_COPY]


def test_many_writers_are_told_by_launch_only(memory: GlobalMemory) -> None:
    address = memory.allocate(400)
    start = address - BASE_ADDRESS
    memory.begin_launch(1, (1, 1, 1), (100, 1, 1))
    stamps = np.uint64(kernel_stamp(1)) + np.arange(100, dtype=np.uint64)
    memory.stamps[start : start + 400] = np.repeat(stamps, 4)
    assert len(memory.provenance(address, 400)) == 100
    (run,) = memory.provenance(address, 400, most_runs=99)
    assert (run.start, run.stop, run.writer, run.launch) == (0, 400, Writer.KERNEL, 1)
    assert run.thread is None


def test_a_copy_of_what_the_host_wrote_names_no_launch(memory: GlobalMemory) -> None:
    address = memory.allocate(16)
    memory.write(address, b"abcd")
    memory.copy(address + 8, address, 8)
    assert memory.provenance(address + 8, 8) == (
        Provenance(start=0, stop=4, writer=Writer.DEVICE_COPY),
        Provenance(start=4, stop=8, writer=Writer.NOBODY),
    )


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("read", (0, 1)),
        ("read", (57, 4)),
        ("read", (-1, 4)),
        ("read", (10**30, 4)),
        ("read", (-(10**30), 4)),
        ("read", (0, -5)),
        ("write", (57, b"1234")),
        ("memset", (0, 1, 4, 16)),
        ("memset", (2, 1, 4, 1)),
        ("copy", (0, 56, 8)),
        ("provenance", (0, 61)),
        ("free", (4,)),
        ("allocate", (0,)),
        ("allocate", (-1,)),
    ],
)
def test_the_host_may_not_reach_outside(
    memory: GlobalMemory, call: str, arguments: tuple[Any, ...]
) -> None:
    address = memory.allocate(60)
    first, *rest = arguments
    if call == "copy":
        rest[0] += address
    if call == "read" and arguments == (0, 1):
        first = -address
    if call != "allocate":
        first += address
    with pytest.raises(HostAccessError):
        getattr(memory, call)(first, *rest)


def test_a_freed_buffer_is_gone(memory: GlobalMemory) -> None:
    address = memory.allocate(60)
    memory.free(address)
    for call in (lambda: memory.free(address), lambda: memory.read(address, 1)):
        with pytest.raises(HostAccessError):
            call()


def test_big_memory_costs_nothing_until_it_is_touched() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = GlobalMemory(1 << 30)
    address = memory.allocate(900 << 20)
    memory.write(address, b"x")
    memory.free(address)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10


class Against(RuleBasedStateMachine):
    """GlobalMemory against a dictionary of bytearrays."""

    @initialize()
    def start(self) -> None:
        self.memory = GlobalMemory(1 << 20, window=1 << 21)
        self.model: dict[int, list[int | None]] = {}

    @rule(size=st.integers(1, 100_000))
    def allocate(self, size: int) -> None:
        if sum(map(len, self.model.values())) + size <= 1 << 19:
            self.model[self.memory.allocate(size)] = [None] * size

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def free(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(sorted(self.model)))
        self.memory.free(address)
        del self.model[address]

    @precondition(lambda self: self.model)
    @rule(data=st.data(), contents=st.binary(max_size=300))
    def write(self, data: st.DataObject, contents: bytes) -> None:
        address = data.draw(st.sampled_from(sorted(self.model)))
        place = data.draw(st.integers(0, len(self.model[address])))
        contents = contents[: len(self.model[address]) - place]
        self.memory.write(address + place, contents)
        self.model[address][place : place + len(contents)] = contents

    @precondition(lambda self: self.model)
    @rule(data=st.data(), size=st.integers(0, 500))
    def copy(self, data: st.DataObject, size: int) -> None:
        to, of = (data.draw(st.sampled_from(sorted(self.model))) for _ in range(2))
        size = min(size, len(self.model[to]), len(self.model[of]))
        start = data.draw(st.integers(0, len(self.model[of]) - size))
        self.memory.copy(to, of + start, size)
        self.model[to][:size] = self.model[of][start : start + size]

    @invariant()
    def same(self) -> None:
        for address, cells in getattr(self, "model", {}).items():
            sample = cells[:64] + cells[-64:]
            raw = self.memory.read(address, len(cells))
            for place, cell, byte in zip(
                [*range(min(64, len(cells))), *range(max(len(cells) - 64, 0), len(cells))],
                sample,
                raw[:64] + raw[-64:],
                strict=True,
            ):
                assert byte == (POISON[place % 4] if cell is None else cell)


TestAgainstAModel = Against.TestCase
TestAgainstAModel.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


GIB = 1 << 30


def test_a_gpus_memory_costs_nothing_until_it_is_touched() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = GlobalMemory.reserve(40 * GIB)
    if memory.capacity < 40 * GIB:
        pytest.skip(f"this machine reserves {memory.capacity >> 30} GiB of addresses only")
    large = memory.allocate(100 << 20)
    larger = memory.allocate(4 * GIB)
    memory.write(large + (50 << 20), b"here")
    memory.write(larger + 3 * GIB, b"there")
    assert memory.read(large + (50 << 20), 4) == b"here"
    assert memory.read(larger + 3 * GIB, 5) == b"there"
    assert memory.free_bytes == 36 * GIB - (100 << 20)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB


def test_a_machine_that_reserves_less_has_a_smaller_memory() -> None:
    gc.collect()  # memories of other tests hold more addresses than the limit
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    # Four times the capacity are addresses, and each byte has ten.
    resource.setrlimit(resource.RLIMIT_AS, (64 * GIB, hard))
    try:
        memory = GlobalMemory.reserve(40 * GIB)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert 64 << 20 <= memory.capacity < 40 * GIB
    with pytest.raises(OutOfDeviceMemory) as caught:
        memory.allocate(20 * GIB)
    assert caught.value.asked == 20 * GIB


def test_who_wrote_is_told_right_after_a_million_launches(memory: GlobalMemory) -> None:
    """A stamp counts launches to a million and begins again."""
    address = memory.allocate(4)
    for index in (7, 2**20 - 1, 2**20, 2**20 + 6, 3 * 2**20):
        memory.begin_launch(index, (4, 1, 1), (32, 1, 1))
        memory.stamps[address - BASE_ADDRESS :][:4] = kernel_stamp(index, 3, 9)
        (run,) = memory.provenance(address, 4)
        assert (run.launch, run.block, run.thread) == (index, (3, 0, 0), (9, 0, 0))
