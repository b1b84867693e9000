"""Functions that call themselves and each other.

PTX ISA, "call": a function may call itself; each call has registers, parameters and local
variables of its own.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from grader.device.cuda import CudaResult
from grader.device.evidence import FindingKind
from tests.device.kernels import results, run

FIB = """
.func (.param .b32 r) fib(.param .b32 n)
{ .reg .b32 %r<6>; .reg .pred %p;
  ld.param.b32 %r1, [n]; setp.lt.u32 %p, %r1, 2; mov.u32 %r5, %r1; @%p bra END;
  sub.u32 %r2, %r1, 1;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), fib, (a);
    ld.param.b32 %r3, [b]; }
  sub.u32 %r2, %r1, 2;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), fib, (a);
    ld.param.b32 %r4, [b]; }
  add.u32 %r5, %r3, %r4;
  END: st.param.b32 [r], %r5; ret; }
"""
PARITY = """
.func (.param .b32 r) odd(.param .b32 n);
.func (.param .b32 r) even(.param .b32 n)
{ .reg .b32 %r<4>; .reg .pred %p;
  ld.param.b32 %r1, [n]; setp.eq.u32 %p, %r1, 0; mov.u32 %r3, 1; @%p bra END;
  sub.u32 %r2, %r1, 1;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), odd, (a);
    ld.param.b32 %r3, [b]; }
  END: st.param.b32 [r], %r3; ret; }
.func (.param .b32 r) odd(.param .b32 n)
{ .reg .b32 %r<4>; .reg .pred %p;
  ld.param.b32 %r1, [n]; setp.eq.u32 %p, %r1, 0; mov.u32 %r3, 0; @%p bra END;
  sub.u32 %r2, %r1, 1;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), even, (a);
    ld.param.b32 %r3, [b]; }
  END: st.param.b32 [r], %r3; ret; }
"""
ACKERMANN = """
.func (.param .b32 r) ack(.param .b32 m, .param .b32 n)
{ .reg .b32 %r<8>; .reg .pred %p;
  ld.param.b32 %r1, [m]; ld.param.b32 %r2, [n];
  setp.ne.u32 %p, %r1, 0; @%p bra DEEPER; add.u32 %r3, %r2, 1; bra END;
  DEEPER: sub.u32 %r4, %r1, 1; mov.u32 %r5, 1;
  setp.eq.u32 %p, %r2, 0; @%p bra OUTER;
  sub.u32 %r6, %r2, 1;
  { .param .b32 a; .param .b32 b; .param .b32 c; st.param.b32 [a], %r1; st.param.b32 [b], %r6;
    call (c), ack, (a, b); ld.param.b32 %r5, [c]; }
  OUTER:
  { .param .b32 a; .param .b32 b; .param .b32 c; st.param.b32 [a], %r4; st.param.b32 [b], %r5;
    call (c), ack, (a, b); ld.param.b32 %r3, [c]; }
  END: st.param.b32 [r], %r3; ret; }
"""
# Each activation writes its own cell, calls the next one with its address, and sums what both
# hold afterwards: with one place for all, every cell would hold the innermost's number.
CELLS = """
.func (.param .b32 r) deep(.param .b32 n, .param .b64 above)
{ .local .align 8 .b8 depot[8]; .reg .b32 %r<8>; .reg .b64 %rd<4>; .reg .pred %p;
  ld.param.b32 %r1, [n]; ld.param.b64 %rd1, [above];
  mov.b64 %rd2, depot; cvta.local.u64 %rd3, %rd2; st.local.b32 [depot+4], %r1;
  mov.u32 %r3, 0; setp.eq.u32 %p, %r1, 0; @%p bra END;
  sub.u32 %r2, %r1, 1;
  { .param .b32 a; .param .b64 b; .param .b32 c; st.param.b32 [a], %r2;
    st.param.b64 [b], %rd3; call (c), deep, (a, b); ld.param.b32 %r3, [c]; }
  END: ld.b32 %r4, [%rd1+4]; ld.local.b32 %r5, [%rd2+4];
  mad.lo.u32 %r6, %r4, 100, %r5; add.u32 %r3, %r3, %r6; st.param.b32 [r], %r3; ret; }
"""


def _call(function: str, *arguments: str) -> str:
    declared = "".join(f".param .b32 a{k}; st.param.b32 [a{k}], {a};"
                       for k, a in enumerate(arguments))  # fmt: skip
    named = ", ".join(f"a{k}" for k in range(len(arguments)))
    return (
        f"{{ {declared} .param .b32 q; call (q), {function}, ({named}); ld.param.b32 %r0, [q]; }}"
    )


def _fib(n: int) -> int:
    return n if n < 2 else _fib(n - 1) + _fib(n - 2)


def _ack(m: int, n: int) -> int:
    if m == 0:
        return n + 1
    return _ack(m - 1, _ack(m, n - 1) if n else 1)


def test_each_thread_recurses_as_deep_as_it_likes() -> None:
    body = "rem.u32 %r1, %g, 12;" + _call("fib", "%r1")
    wanted = [_fib(g % 12) for g in range(66)]
    assert results(body, threads=33, blocks=2, module=FIB) == wanted


def test_functions_that_call_each_other() -> None:
    body = _call("even", "%g")
    assert results(body, threads=50, module=PARITY) == [1 - t % 2 for t in range(50)]


def test_a_call_in_the_argument_of_a_call() -> None:
    body = "rem.u32 %r1, %t, 3; shr.u32 %r2, %t, 3;" + _call("ack", "%r1", "%r2")
    assert results(body, module=ACKERMANN) == [_ack(t % 3, t >> 3) for t in range(32)]


def test_a_part_of_the_threads_recurses() -> None:
    body = "mov.u32 %r0, 5; setp.lt.u32 %p1, %t, 7; @%p1 bra END;" + _call("fib", "9") + "END:"
    assert results(body, threads=20, module=FIB) == [5] * 7 + [_fib(9)] * 13


def test_each_activation_has_local_variables_of_its_own() -> None:
    body = """
        .local .align 8 .b8 top[8]; mov.b64 %rd1, top; st.local.b32 [%rd1+4], 77;
        cvta.local.u64 %rd2, %rd1; rem.u32 %r1, %t, 9;
        { .param .b32 a; .param .b64 b; .param .b32 c; st.param.b32 [a], %r1;
          st.param.b64 [b], %rd2; call (c), deep, (a, b); ld.param.b32 %r0, [c]; }
    """

    def wanted(n: int) -> int:
        cells = [77, *range(n, -1, -1)]
        return sum(above * 100 + own for above, own in itertools.pairwise(cells))

    assert results(body, threads=40, module=CELLS) == [wanted(t % 9) for t in range(40)]
    # The machine is used again, and nothing of the first launch is left.
    assert results(body, threads=40, blocks=2, module=CELLS)[40:] == [
        wanted(t % 9) for t in range(40)
    ]


ENDLESS = """
.func (.param .b32 r) down(.param .b32 n)
{ .reg .b32 %r<4>;
  ld.param.b32 %r1, [n]; add.u32 %r2, %r1, 1;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r2; call (b), down, (a);
    ld.param.b32 %r3, [b]; }
  add.u32 %r3, %r3, %r1; st.param.b32 [r], %r3; ret; }
"""
PING_PONG = PARITY.replace("@%p bra END;", "")


@pytest.mark.parametrize(
    ("module", "function", "shape"),
    [
        (ENDLESS, "down", (15, 2)),
        (PING_PONG, "even", (15, 2)),
        (PING_PONG, "odd", (33, 1)),
        (ENDLESS, "down", (256, 2)),
    ],
)
def test_recursion_without_end_fills_the_stack(
    module: str, function: str, shape: tuple[int, int]
) -> None:
    threads, blocks = shape
    outcome = run(
        _call(function, "%t") + "st.global.u32 [%o], %r0;",
        [np.zeros(threads * blocks, np.uint32)],
        module=module,
        block=(threads, 1, 1),
        grid=(blocks, 1, 1),
    )
    assert outcome.result == CudaResult.HARDWARE_STACK_ERROR
    assert outcome.kinds == [FindingKind.STACK_OVERFLOW]
    assert outcome.findings[0].ptx_text is not None
    assert outcome.findings[0].ptx_text.startswith("call")


def test_only_the_threads_without_end_are_named() -> None:
    body = "setp.ne.u32 %p1, %t, 9; @%p1 bra END;" + _call("down", "1") + "END:"
    outcome = run(body, module=ENDLESS, block=(20, 1, 1))
    assert outcome.kinds == [FindingKind.STACK_OVERFLOW]
    assert (outcome.findings[0].thread, outcome.findings[0].count) == ((9, 0, 0), 1)
