"""Atomic updates: as if the threads came one after the other, in lane order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device.simt.accesses import combined
from tests.device.kernels import run

MODELS: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda old, b, c: old + b & 0xFFFFFFFF,
    "min": lambda old, b, c: min(old, b),
    "max": lambda old, b, c: max(old, b),
    "and": lambda old, b, c: old & b,
    "or": lambda old, b, c: old | b,
    "xor": lambda old, b, c: old ^ b,
    "exch": lambda old, b, c: b,
    "cas": lambda old, b, c: c if old == b else old,
    "inc": lambda old, b, c: 0 if old >= b else old + 1,
    "dec": lambda old, b, c: b if old == 0 or old > b else old - 1,
}


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(MODELS)),
    st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 2**32 - 1)), min_size=1
    ),
)
def test_updates_are_sequential(operation: str, lanes: list[tuple[int, int, int]]) -> None:
    data = np.arange(6, dtype=np.uint32)
    model = data.tolist()
    wanted = []
    for cell, b, c in lanes:
        wanted.append(model[cell])
        model[cell] = MODELS[operation](model[cell], b, c)
    cells, *operands = (np.array(column) for column in zip(*lanes, strict=True))
    second, third = (column.astype(np.uint32) for column in operands)
    old = combined(operation, data, cells, second, third)
    assert old.tolist() == wanted
    assert data.tolist() == model


def test_float_sums_are_rounded_in_lane_order() -> None:
    values = np.array([1e8, 1, -1e8, 1, 3e-9], dtype=np.float32)
    total = np.zeros(1, dtype=np.float32)
    old = combined("add", total, np.zeros(5, dtype=np.int64), values, None)
    running = np.float32(0)
    for value, before in zip(values, old, strict=True):
        assert before == running
        running = np.float32(running + value)
    assert total[0] == running


@pytest.mark.parametrize(
    ("instruction", "start", "wanted"),
    [
        ("atom.global.add.u32 %r1, [%a0], %t;", 5, 5 + 2 * sum(range(32))),
        ("red.global.add.u32 [%a0], 1;", 0, 64),
        ("atom.acquire.sys.global.add.u32 %r1, [%a0], 2;", 0, 128),
        ("red.relaxed.gpu.global.max.s32 [%a0], %t;", 3, 31),
        ("atom.add.u32 %r1, [%a0], 1;", 0, 64),
        ("atom.global.inc.u32 %r1, [%a0], 9;", 0, 4),
        ("red.global.or.b32 [%a0], %t;", 64, 64 + 31),
        ("atom.global.exch.b32 %r1, [%a0], %t;", 0, 31),
        ("red.global.add.f32 [%a0], 0f3F800000;", 0, 0x42800000),
        ("atom.global.add.noftz.f16x2 %r1, [%a0], %r9;", 0, 0x54005400),
    ],
)
def test_in_global_memory(instruction: str, start: int, wanted: int) -> None:
    body = f"mov.u32 %r9, 0x3C003C00; {instruction}"
    outcome = run(body, [np.array([start], dtype=np.uint32)], grid=(2, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == [wanted]


def test_each_thread_gets_a_place_of_its_own() -> None:
    body = "atom.global.add.u32 %r1, [%a1], 1; st.global.u32 [%o], %r1;"
    outcome = run(
        body,
        [np.zeros(60, dtype=np.uint32), np.zeros(1, dtype=np.uint32)],
        grid=(2, 1, 1),
        block=(30, 1, 1),
    )
    assert outcome.buffers[0].tolist() == list(range(60))


def test_in_shared_memory() -> None:
    body = """
        .shared .align 4 .b8 s[4]; mov.u32 %r1, s;
        setp.eq.u32 %p1, %t, 0; @%p1 st.shared.u32 [%r1], 100;
        bar.sync 0; atom.shared.add.u32 %r2, [%r1], 2; bar.sync 0;
        ld.shared.u32 %r0, [%r1]; st.global.u32 [%o], %r0;
    """
    outcome = run(body, [np.zeros(90, dtype=np.uint32)], grid=(2, 1, 1), block=(45, 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == [190] * 90


def test_an_update_of_nothing_starts_from_the_poison() -> None:
    outcome: Any = run("red.global.add.u32 [%a0], 1;", [4], block=(3, 1, 1))
    assert [finding.kind for finding in outcome.findings] == ["uninitialised-read"]
    assert outcome.buffers[0].tolist() == [0x7FA5A5A5 + 3]
