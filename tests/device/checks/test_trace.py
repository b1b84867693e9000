"""The accesses of one block, kept for a case that is to be explained."""

from __future__ import annotations

from typing import Any

import pytest

from grader.device.checks import all_checks, trace
from grader.device.checks.trace import AccessTracer, tracer_of
from grader.device.evidence import AccessTrace, Space
from tests.device.kernels import run

LEFT = """
    .shared .align 4 .b8 s[32];
    mov.u32 %r1, s; mad.lo.u32 %r2, %t, 4, %r1;
    st.shared.u32 [%r2], %g; bar.sync 0;
    setp.gt.u32 %p1, %t, 0; @%p1 ld.shared.u32 %r3, [%r2+-4];
    st.global.u32 [%o], %r3;
"""


def traced(body: str, block: tuple[int, int, int], **options: Any) -> AccessTrace | None:
    checks = (*all_checks(), tracer_of(block))
    return run(body, grid=(3, 1, 1), block=(4, 1, 1), checks=checks, **options).launch.trace


def test_who_wrote_and_read_each_cell_in_the_order_in_which_it_was_done() -> None:
    found = traced(LEFT, (1, 0, 0), buffers=[48])
    assert found is not None
    assert found.block == (1, 0, 0)
    seen = [(each.thread[0], each.access, each.space, each.cell) for each in found.accesses]
    assert seen == [
        *((t, "write", Space.SHARED, t) for t in range(4)),
        *((t, "read", Space.SHARED, t - 1) for t in range(1, 4)),
        *((t, "write", Space.GLOBAL, 4 + t) for t in range(4)),
    ]
    assert {(each.array, each.cells) for each in found.accesses} == {
        ("the shared array", 8),
        ("", 12),
    }
    assert not found.cut


def test_an_access_out_of_bounds_is_the_last_one() -> None:
    found = traced(LEFT, (2, 0, 0), buffers=[40])
    assert found is not None
    last = found.accesses[-1]
    assert (last.thread, last.access, last.cell, last.cells) == ((2, 0, 0), "write", 10, 10)


def test_a_block_that_the_launch_does_not_have_leaves_none() -> None:
    assert traced(LEFT, (3, 0, 0), buffers=[48]) is None
    assert run(LEFT, [48], grid=(3, 1, 1), block=(4, 1, 1)).launch.trace is None


def test_there_is_an_end_to_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace, "MOST_TRACED", 5)
    found = traced(LEFT, (0, 0, 0), buffers=[48])
    assert found is not None
    assert len(found.accesses) == 5
    assert found.cut


def test_it_watches_no_launch_that_does_not_ask_for_it() -> None:
    assert not any(issubclass(check, AccessTracer) for check in all_checks())
