"""Accesses outside of buffers, arrays and stacks."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device.evidence import FindingKind, Space
from tests.device.kernels import Outcome, run

CELLS = np.zeros(30, dtype=np.uint32)


def only(outcome: Outcome, kind: FindingKind) -> str:
    assert outcome.kinds == [kind]
    return outcome.findings[0].message


def test_a_read_behind_a_buffer() -> None:
    outcome = run("ld.global.u32 %r1, [%o];", [CELLS], grid=(2, 1, 1), block=(16, 1, 1))
    assert outcome.result == 700
    message = only(outcome, FindingKind.OUT_OF_BOUNDS)
    assert message == "thread 14 of block 1 read cell 30 of a buffer of 30 cells"
    finding = outcome.findings[0]
    assert (finding.block, finding.thread) == ((1, 0, 0), (14, 0, 0))
    assert (finding.cell, finding.size, finding.count) == (30, 4, 2)
    assert finding.address == outcome.addresses[0] + 120
    assert (finding.space, finding.access) == (Space.GLOBAL, "read")
    assert finding.ptx_text == "ld.global.u32 %r1, [%o];"


def test_a_write_before_a_buffer() -> None:
    outcome = run("st.global.u32 [%o+-4], 1;", [CELLS], block=(8, 1, 1))
    assert outcome.result == 700
    assert "wrote cell -1 of a buffer" in only(outcome, FindingKind.OUT_OF_BOUNDS)


def test_an_overrun_does_not_reach_the_next_buffer() -> None:
    # Far enough to land in a neighbour, had the allocations no gaps between them.
    for cells in range(31, 600, 7):
        body = f"st.global.u32 [%a0+{cells * 4}], 1;"
        outcome = run(body, [CELLS, CELLS], block=(1, 1, 1))
        assert outcome.result == 700


def test_nothing_is_written_by_a_store_that_faults() -> None:
    outcome = run("st.global.u32 [%o], 7;", [CELLS], block=(31, 1, 1))
    assert outcome.result == 700
    assert not outcome.buffers[0].any()


@pytest.mark.parametrize("address", ["0", "4096", "0xFFFFFFFFFFFFFFF0", "0x7effffffff00"])
def test_wild_pointers(address: str) -> None:
    for access in ("ld.global.u32 %r1, [%rd1];", "ld.u32 %r1, [%rd1];", "st.u32 [%rd1], 1;"):
        outcome = run(f"mov.u64 %rd1, {address}; {access}", [CELLS], block=(2, 1, 1))
        assert outcome.result == 700
        assert outcome.kinds == [FindingKind.OUT_OF_BOUNDS]


@pytest.mark.parametrize("address", [2**63 - 4, 2**63, 2**64 - 4, 2**70 - 4])
@pytest.mark.parametrize("space", [".global", ".shared", ".local", ".param", ""])
def test_addresses_at_the_edges_of_the_numbers(space: str, address: int) -> None:
    head = ".shared .align 4 .b8 s[16]; .local .align 4 .b8 l[16];"
    access = f"ld{space}.u32 %r1, [{address}];"
    assert run(head + access, [CELLS], block=(2, 1, 1)).result == 700
    access = f"mov.u64 %rd1, {address}; ld{space}.u32 %r1, [%rd1];"
    assert run(head + access, [CELLS], block=(2, 1, 1)).result == 700


def test_a_vector_that_sticks_out_of_a_buffer() -> None:
    outcome = run("ld.global.v4.u32 {%r1, %r2, %r3, %r4}, [%a0+112];", [CELLS], block=(1, 1, 1))
    assert outcome.result == 700


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ("mad.lo.u32 %r2, %t, 4, %r1; st.shared.u32 [%r2], 1;", "cell 20"),
        ("sub.u32 %r2, %r1, 4; st.shared.u32 [%r2], 1;", "cell -1"),
        ("mov.u64 %rd1, s; cvta.shared.u64 %rd1, %rd1; st.u32 [%rd1+80], 1;", "cell 20"),
        ("st.shared.u32 [s+80], 1;", "cell 20"),
        ("red.shared.add.u32 [%r1+84], 1;", "cell 21"),
    ],
)
def test_beyond_a_shared_array(body: str, where: str) -> None:
    # The next array is no excuse: the kernel meant the first one.
    arrays = ".shared .align 4 .b8 s[80]; .shared .align 4 .b8 other[400]; mov.u32 %r1, s;"
    outcome = run(arrays + body, block=(32, 1, 1))
    assert outcome.result == 700
    assert where in only(outcome, FindingKind.OUT_OF_BOUNDS)
    (finding,) = outcome.findings
    assert (finding.space, finding.array) == (Space.SHARED, "shared array 1")
    assert finding.array in finding.message


def test_beyond_dynamic_shared_memory() -> None:
    module = ".extern .shared .align 4 .b8 d[];"
    body = "mov.u32 %r1, d; mad.lo.u32 %r1, %t, 4, %r1; st.shared.u32 [%r1], 1;"
    assert run(body, module=module, dynamic_shared_bytes=128).result == 0
    assert run(body, module=module, dynamic_shared_bytes=124).result == 700
    assert run(body, module=module).result == 700


def test_beyond_the_stack() -> None:
    body = ".local .align 4 .b8 l[8]; mov.u64 %rd1, l; st.local.u32 [%rd1+8], 1;"
    outcome = run(body)
    assert outcome.result == 700
    assert "local array" in only(outcome, FindingKind.OUT_OF_BOUNDS)


def test_beyond_constant_memory() -> None:
    outcome = run("ld.const.u32 %r1, [c+8];", module=".const .align 4 .u32 c[2] = {1, 2};")
    assert outcome.result == 700
    assert outcome.findings[0].space is Space.CONST


@pytest.mark.parametrize(
    "body",
    [
        "ld.global.u32 %r1, [%a0+2];",
        "st.global.u64 [%a0+4], 1;",
        "ld.global.v2.u32 {%r1, %r2}, [%a0+4];",
        ".shared .align 8 .b8 s[80]; st.shared.u16 [s+1], 1;",
        "atom.global.add.u32 %r1, [%a0+1], 1;",
    ],
)
def test_misaligned(body: str) -> None:
    outcome = run(body, [CELLS], block=(2, 1, 1))
    assert outcome.result == 716
    assert "not a multiple of" in only(outcome, FindingKind.MISALIGNED)


def test_a_fault_ends_the_launch_even_unwatched() -> None:
    outcome = run("ld.global.u32 %r1, [%a0+4000];", [CELLS], checks=())
    assert (outcome.result, outcome.findings) == (700, ())


def test_accesses_to_the_last_byte_are_fine() -> None:
    body = """
        .shared .align 4 .b8 s[7]; mov.u32 %r1, s; st.shared.u8 [%r1+6], 1;
        ld.global.u8 %r2, [%a0+119]; ld.global.u32 %r3, [%a0+116];
    """
    assert run(body, [CELLS], block=(1, 1, 1)).findings == ()


def test_lanes_may_be_in_different_buffers() -> None:
    body = """
        setp.lt.u32 %p1, %t, 8; selp.b64 %rd1, %a0, %a1, %p1;
        mad.wide.u32 %rd1, %t, 4, %rd1; st.global.u32 [%rd1], %t;
    """
    outcome = run(body, [CELLS, CELLS], block=(16, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[1].tolist() == [0] * 8 + list(range(8, 16)) + [0] * 14


def test_freed_memory_is_out_of_bounds() -> None:
    outcome = run("ld.global.u32 %r1, [%a0];", [CELLS], block=(1, 1, 1))
    memory, address = outcome.memory, outcome.addresses[0]
    memory.free(address)
    assert all(memory.allocate(120) != address for _ in range(1000))
