"""Lanes that run together compute what each would compute alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.device.kernels import run
from tests.device.simt.programs import (
    FUNCTION,
    PROGRAM,
    STRAIGHT,
    Statement,
    interpret,
    translate,
)

UNTOUCHED = 0xDEADBEEF


def agrees(program: list[Statement], threads: int, blocks: int) -> None:
    body = translate(program) + "\nst.global.u32 [%o], %r0;"
    before = np.full(threads * blocks, UNTOUCHED, dtype=np.uint32)
    outcome = run(body, [before], module=FUNCTION, grid=(blocks, 1, 1), block=(threads, 1, 1))
    assert outcome.result == 0
    assert outcome.findings == ()
    alone = [interpret(program, thread) for thread in range(threads * blocks)]
    wanted = [UNTOUCHED if value is None else value for value in alone]
    assert outcome.buffers[0].tolist() == wanted


@settings(max_examples=150, deadline=None)
@given(STRAIGHT)
def test_straight_line_programs(program: list[Statement]) -> None:
    agrees(program, 33, 1)


@settings(max_examples=150, deadline=None)
@given(PROGRAM, st.sampled_from([(1, 1), (7, 3), (40, 2)]))
def test_branches_loops_calls_and_exits(program: list[Statement], shape: tuple[int, int]) -> None:
    agrees(program, *shape)


def test_a_thread_that_waits_for_another_lets_it_run() -> None:
    # Thread 0 spins on a flag that thread 1 sets further down: the lowest program
    # counter alone would spin for ever.
    body = """
        setp.ne.u32 %p1, %t, 0; @%p1 bra SETTER;
      SPIN: ld.volatile.global.u32 %r1, [%a0]; setp.eq.u32 %p2, %r1, 0; @%p2 bra SPIN;
        mov.u32 %r2, 7; st.volatile.global.u32 [%a0+4], %r2; bra END;
      SETTER: mov.u32 %r1, 1; st.volatile.global.u32 [%a0], %r1;
      END:
    """
    outcome = run(body, [np.zeros(2, dtype=np.uint32)], block=(2, 1, 1))
    assert outcome.result == 0
    assert outcome.buffers[0].tolist() == [1, 7]


def test_a_spin_lock_lets_every_thread_in() -> None:
    body = """
      SPIN: atom.global.cas.b32 %r1, [%a0], 0, 1; setp.ne.u32 %p1, %r1, 0; @%p1 bra SPIN;
        ld.volatile.global.u32 %r2, [%a0+4]; add.u32 %r2, %r2, 1;
        st.volatile.global.u32 [%a0+4], %r2; membar.gl;
        atom.global.exch.b32 %r3, [%a0], 0;
    """
    outcome = run(body, [np.zeros(2, dtype=np.uint32)], grid=(3, 1, 1), block=(10, 1, 1))
    assert outcome.result == 0
    assert outcome.buffers[0].tolist() == [0, 30]
