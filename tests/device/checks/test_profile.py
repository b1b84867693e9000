"""What instructions cost, against numbers that were worked out by hand."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from grader.device import InstructionCounts, Space
from grader.device.case import CaseSetup
from grader.device.checks.profile import Profiler
from grader.device.session import MOST_PROFILES, DeviceState
from grader.device.simulator import KernelInfo
from tests.device.kernels import run

ROOM = [np.zeros(1 << 14, np.uint32)]
TILE = ".shared .align 16 .b8 tile[16384];"


def profile(body: str, **how: Any) -> dict[str, InstructionCounts]:
    """What each instruction of a kernel cost, by its opcode; of equal ones, the last."""
    outcome = run(body, ROOM, checks=(Profiler,), module=TILE, **how)
    assert outcome.result == 0
    return {each.opcode: each for each in outcome.launch.profile}


@pytest.mark.parametrize(
    ("stride", "shift", "instruction", "sectors", "least"),
    [
        # 32 threads * 4 bytes side by side: 128 bytes.
        (4, 0, "ld.global.u32 %r1", 4, 4),
        # One element further: the last one lies in a fifth sector.
        (4, 4, "ld.global.u32 %r1", 5, 4),
        (8, 0, "ld.global.u32 %r1", 8, 4),
        (32, 0, "ld.global.u32 %r1", 32, 4),
        (4096 // 32, 0, "ld.global.u32 %r1", 32, 4),
        # All read the same.
        (0, 0, "ld.global.u32 %r1", 1, 1),
        (8, 0, "ld.global.u64 %rd3", 8, 8),
        (16, 0, "ld.global.v4.u32 {%r1, %r2, %r3, %r4}", 16, 16),
        (1, 0, "ld.global.u8 %r1", 1, 1),
    ],
)
def test_sectors_of_a_load(stride, shift, instruction, sectors, least) -> None:
    body = f"mad.wide.u32 %rd1, %t, {stride}, %a0; {instruction}, [%rd1+{shift}];"
    (load,) = (each for name, each in profile(body).items() if name.startswith("ld.global"))
    assert (load.space, load.requests, load.threads) == (Space.GLOBAL, 1, 32)
    assert (load.transfers, load.least) == (sectors, least)
    width = {"u8": 1, "u32": 4, "u64": 8, "v4": 16}[instruction.split()[0].split(".")[2]]
    assert load.bytes == 32 * width


@pytest.mark.parametrize(("stride", "sectors", "least"), [(4, 2, 2), (32, 16, 4)])
def test_what_two_threads_share_is_no_less_than_ideal(stride, sectors, least) -> None:
    """32 threads with 4 bytes each fill 4 sectors, or the fewer ones that they share."""
    body = f"shr.u32 %r2, %t, 1; mad.wide.u32 %rd1, %r2, {stride}, %a0; ld.global.u32 %r1, [%rd1];"
    load = profile(body)["ld.global.u32"]
    assert (load.transfers, load.least) == (sectors, least)


@pytest.mark.parametrize(
    ("stride", "instruction", "wavefronts", "least"),
    [
        (4, "ld.shared.u32 %r2", 1, 1),
        (8, "ld.shared.u32 %r2", 2, 1),
        (12, "ld.shared.u32 %r2", 1, 1),
        # A column of a tile of 32 by 32, and of one of 32 by 33.
        (128, "ld.shared.u32 %r2", 32, 1),
        (132, "ld.shared.u32 %r2", 1, 1),
        (0, "ld.shared.u32 %r2", 1, 1),
        # By halves and by quarters of a warp.
        (8, "ld.shared.u64 %rd3", 2, 2),
        (16, "ld.shared.u64 %rd3", 4, 2),
        (16, "ld.shared.v4.u32 {%r2, %r3, %r4, %r5}", 4, 4),
        # Four bytes of one word.
        (1, "ld.shared.u8 %r2", 1, 1),
    ],
)
def test_wavefronts_of_a_load(stride, instruction, wavefronts, least) -> None:
    body = f"mov.u32 %r1, tile; mad.lo.u32 %r1, %t, {stride}, %r1; {instruction}, [%r1];"
    (load,) = (each for name, each in profile(body).items() if name.startswith("ld.shared"))
    assert (load.space, load.requests) == (Space.SHARED, 1)
    assert (load.transfers, load.least) == (wavefronts, least)


def test_stores_and_atomics_count_as_loads_do() -> None:
    found = profile("st.global.u32 [%o], %t; red.global.add.u32 [%a0], 1;", block=(64, 1, 1))
    assert (found["st.global.u32"].requests, found["st.global.u32"].transfers) == (2, 8)
    assert (found["red.global.add.u32"].requests, found["red.global.add.u32"].transfers) == (2, 2)


def test_an_asynchronous_copy_loads_and_stores() -> None:
    """Each copy of 4 bytes from every second word, to words side by side."""
    body = """
        mov.u32 %r1, tile; mad.lo.u32 %r1, %t, 4, %r1; mad.wide.u32 %rd1, %t, 8, %a0;
        cp.async.ca.shared.global [%r1], [%rd1], 4; cp.async.wait_all;
    """
    outcome = run(body, ROOM, checks=(Profiler,), module=TILE)
    load, store = (x for x in outcome.launch.profile if x.opcode.startswith("cp.async.ca"))
    assert (load.space, load.executed, load.requests) == (Space.GLOBAL, 1, 1)
    assert (load.transfers, load.least) == (8, 4)
    assert (store.space, store.executed, store.requests) == (Space.SHARED, 0, 1)
    assert (store.transfers, store.least) == (1, 1)


def test_instructions_are_those_of_warps() -> None:
    # Two blocks of 40 threads: four warps, two of them with 8 threads.
    found = profile("add.u32 %r1, %t, 1;", grid=(2, 1, 1), block=(40, 1, 1))
    assert (found["add.u32"].executed, found["add.u32"].threads) == (4, 80)


def test_a_branch_that_divides_warps() -> None:
    # Of 64 threads the first 40: the second warp is divided, the first is not.
    body = """
        setp.lt.u32 %p1, %t, 40; @!%p1 bra END;
        xor.b32 %r1, %t, 1;
      END: bar.sync 0;
    """
    found = profile(body, block=(64, 1, 1))
    assert found["bra"].diverged == 1
    assert (found["xor.b32"].executed, found["xor.b32"].threads) == (2, 40)
    assert found["bar.sync"].executed == 2


def test_a_loop_counts_each_round() -> None:
    body = """
        mov.u32 %r1, 0;
      L: add.u32 %r1, %r1, 1; ld.global.u32 %r2, [%o];
        setp.lt.u32 %p1, %r1, 7; @%p1 bra L;
    """
    found = profile(body, block=(96, 1, 1))
    assert found["add.u32"].executed == 7 * 3
    assert (found["ld.global.u32"].requests, found["ld.global.u32"].transfers) == (21, 84)


def test_threads_that_are_left_out_want_nothing() -> None:
    body = "setp.lt.u32 %p1, %t, 9; @%p1 st.global.u32 [%o], %t;"
    found = profile(body)["st.global.u32"]
    assert (found.requests, found.transfers, found.least) == (1, 2, 2)


def test_without_the_profiler_there_is_no_profile() -> None:
    assert run("", ROOM).launch.profile == ()


def test_of_launches_with_the_same_arguments_the_first_is_profiled() -> None:
    """So that a cheap launch does not stand for a dear one of the same kernel, grid and block."""
    state = DeviceState(cast(Any, None))
    state.begin_case(CaseSetup(profiled=True))
    kernel = KernelInfo(name="k")
    asked = (b"a", b"b", b"a", b"c", b"b")
    found = [Profiler in state.watching(kernel, (1, 1, 1), (32, 1, 1), raw) for raw in asked]
    assert found == [True, True, False, True, False]
    # However many arguments one has had, another kernel still has its turn.
    for number in range(2 * MOST_PROFILES):
        state.watching(kernel, (1, 1, 1), (32, 1, 1), bytes([number]))
    assert Profiler not in state.watching(kernel, (1, 1, 1), (32, 1, 1), b"zz")
    assert Profiler in state.watching(kernel, (2, 1, 1), (32, 1, 1), b"zz")
