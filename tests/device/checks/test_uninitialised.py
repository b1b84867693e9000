"""Reads of what nothing wrote."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device.checks import all_checks
from grader.device.evidence import FindingKind, Space
from tests.device.kernels import Outcome, run

SHARED = ".shared .align 4 .b8 s[128]; mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;"


def unwritten(outcome: Outcome) -> str:
    assert outcome.result == 0
    assert outcome.kinds == [FindingKind.UNINITIALISED_READ]
    return outcome.findings[0].message


def test_a_shared_cell_that_an_idle_thread_should_have_written() -> None:
    body = (
        SHARED
        + """
        setp.lt.u32 %p1, %t, 9; @%p1 st.shared.u32 [%r2], %t;
        bar.sync 0; ld.shared.u32 %r3, [%r2];
    """
    )
    outcome = run(body, grid=(2, 1, 1), block=(15, 1, 1))
    message = unwritten(outcome)
    assert message == (
        "thread 9 of block 0 read cell 9 of the shared array, which nothing had written"
    )
    finding = outcome.findings[0]
    assert (finding.space, finding.cell, finding.count) == (Space.SHARED, 9, 12)
    assert finding.array == "the shared array"


def test_shared_memory_of_the_block_before_does_not_count_as_written() -> None:
    body = (
        SHARED
        + """
        setp.eq.u32 %p1, %b, 0; @%p1 st.shared.u32 [%r2], %t; ld.shared.u32 %r3, [%r2];
    """
    )
    outcome = run(body, grid=(2, 1, 1), block=(15, 1, 1))
    unwritten(outcome)
    assert outcome.findings[0].block == (1, 0, 0)
    assert outcome.findings[0].count == 15


def test_a_global_buffer_that_nobody_filled_reads_as_poison() -> None:
    outcome = run(
        "ld.global.u32 %r1, [%o]; add.u32 %r1, %r1, 1; mad.wide.u32 %rd1, %g, 4, %a1;"
        "st.global.u32 [%rd1], %r1;",
        [40, np.zeros(10, dtype=np.uint32)],
        block=(10, 1, 1),
    )
    assert "cell 0 of a buffer of 10 cells in global memory" in unwritten(outcome)
    assert outcome.buffers[1].tolist() == [0x7FA5A5A5 + 1] * 10


@pytest.mark.parametrize(
    ("load", "wanted"),
    [
        ("ld.global.u8 %r1, [%a0+1];", 0xA5),
        ("ld.global.u8 %r1, [%a0+3];", 0x7F),
        ("ld.global.u16 %r1, [%a0+2];", 0x7FA5),
        ("ld.global.u64 %rd1, [%a0]; shr.u64 %rd1, %rd1, 32; cvt.u32.u64 %r1, %rd1;", 0x7FA5A5A5),
        ("st.global.u8 [%a0+1], 0; ld.global.u32 %r1, [%a0];", 0x7FA500A5),
    ],
)
def test_poison_of_every_width(load: str, wanted: int) -> None:
    body = load + "st.global.u32 [%a1], %r1;"
    outcome = run(body, [16, np.zeros(1, dtype=np.uint32)], block=(1, 1, 1))
    unwritten(outcome)
    assert outcome.buffers[1].tolist() == [wanted]


def test_a_stack_slot_that_was_never_set() -> None:
    body = ".local .align 4 .b8 l[8]; mov.u64 %rd1, l; ld.local.u32 %r1, [%rd1+4];"
    message = unwritten(run(body, block=(3, 1, 1)))
    assert message.startswith("thread 0 of block 0 read cell 1 of the local array")


@pytest.mark.parametrize("fill", [0, 0x7FA5A5A5, 0x3F800000])
def test_unwritten_shared_memory_holds_the_fill(fill: int) -> None:
    body = SHARED + "ld.shared.u32 %r3, [%r2]; st.global.u32 [%o], %r3;"
    for checks in (all_checks(), ()):
        outcome = run(body, [128], shared_fill=fill, checks=checks)
        assert outcome.buffers[0].tolist() == [fill] * 32
        assert len(outcome.findings) == (1 if checks else 0)


@pytest.mark.parametrize(
    "body",
    [
        SHARED + "st.shared.u32 [%r2], 1; ld.shared.u32 %r3, [%r2];",
        SHARED + "st.shared.v2.u16 [%r2], {%h1, %h2}; ld.shared.u32 %r3, [%r2];",
        "st.global.u32 [%o], 1; ld.global.u32 %r3, [%o];",
        (
            ".local .align 8 .b8 l[8]; mov.u64 %rd1, l; st.local.u64 [%rd1], 1;"
            "ld.local.u32 %r1, [%rd1+4];"
        ),
    ],
)
def test_what_was_written_may_be_read(body: str) -> None:
    assert run(body, [128]).findings == ()


def test_a_constant_index_of_global_memory() -> None:
    module = ".global .align 4 .u32 flag;"
    assert run("ld.global.u32 %r1, [flag];", module=module).findings == ()
