"""Calls through pointers, what the driver provides, and what nobody provides."""

from __future__ import annotations

import numpy as np
import pytest

from grader.device.cuda import CudaResult
from grader.device.evidence import FindingKind
from tests.device.kernels import Outcome, results, run

OPERATIONS = """
.func (.param .b32 r) twice(.param .b32 x)
{ .reg .b32 %r1; ld.param.b32 %r1, [x]; add.u32 %r1, %r1, %r1; st.param.b32 [r], %r1; ret; }
.func (.param .b32 r) square(.param .b32 x)
{ .reg .b32 %r1; ld.param.b32 %r1, [x]; mul.lo.u32 %r1, %r1, %r1; st.param.b32 [r], %r1; ret; }
.func (.param .b32 r) factorial(.param .b32 x)
{ .reg .b32 %r<4>; .reg .pred %p; ld.param.b32 %r1, [x]; mov.u32 %r2, 1;
  setp.eq.u32 %p, %r1, 0; @%p bra END; sub.u32 %r3, %r1, 1;
  { .param .b32 a; .param .b32 b; st.param.b32 [a], %r3; call (b), factorial, (a);
    ld.param.b32 %r2, [b]; }
  mul.lo.u32 %r2, %r2, %r1;
  END: st.param.b32 [r], %r2; ret; }
"""
TABLE = OPERATIONS + ".global .align 8 .u64 table[3] = {twice, square, factorial};\n"
THROUGH = """
    { .param .b32 a; .param .b32 b; st.param.b32 [a], %t; P: .callprototype (.param .b32 _) _ (.param .b32 _);
      call (b), %rd1, (a), P; ld.param.b32 %r0, [b]; }
"""  # noqa: E501


def _operation(which: int, x: int) -> int:
    return (2 * x, x * x, int(np.prod(range(1, x + 1))))[which]


def test_a_call_through_a_pointer_calls_what_each_thread_points_at() -> None:
    body = """
        rem.u32 %r1, %t, 3; mov.b64 %rd1, twice; setp.eq.u32 %p1, %r1, 1; setp.eq.u32 %p2, %r1, 2;
        @%p1 mov.b64 %rd1, square; @%p2 mov.b64 %rd1, factorial;
    """
    got = results(body + THROUGH, threads=12, module=OPERATIONS)
    assert got == [_operation(t % 3, t) for t in range(12)]


def test_pointers_may_lie_in_a_table() -> None:
    body = """
        rem.u32 %r1, %t, 3; mov.b64 %rd2, table; mad.wide.u32 %rd2, %r1, 8, %rd2;
        ld.global.b64 %rd1, [%rd2];
    """
    got = results(body + THROUGH, threads=12, module=TABLE)
    assert got == [_operation(t % 3, t) for t in range(12)]


def test_a_call_through_a_wild_pointer_is_the_kernels_mistake() -> None:
    outcome = run("mov.b64 %rd1, 4096;" + THROUGH, module=OPERATIONS)
    assert (outcome.result, outcome.kinds) == (CudaResult.INVALID_PC, [FindingKind.TRAP])


# ---- malloc and free ----

HEAP = """
.extern .func (.param .b64 r) malloc(.param .b64 n);
.extern .func free(.param .b64 p);
"""


def _malloc(size: str, to: str) -> str:
    return f"""{{ .param .b64 n; .param .b64 p; st.param.b64 [n], {size};
        call (p), malloc, (n); ld.param.b64 {to}, [p]; }}"""


def _free(pointer: str) -> str:
    return f"{{ .param .b64 p; st.param.b64 [p], {pointer}; call free, (p); }}"


def heap(body: str, buffers: int = 1, **how: int) -> Outcome:
    blank = [np.zeros(64, np.uint64)] * buffers
    return run(body, blank, module=HEAP, block=(how.get("threads", 20), 1, 1))


def test_each_thread_has_memory_of_its_own() -> None:
    body = _malloc("16", "%rd1") + """
        st.b32 [%rd1+4], %t; bar.sync 0; ld.b32 %r1, [%rd1+4];
        mad.wide.u32 %rd2, %t, 8, %a0; st.global.u32 [%rd2], %r1;
    """ + _free("%rd1")  # fmt: skip
    outcome = heap(body)
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0][:20].tolist() == list(range(20))


def test_memory_outlives_the_launch_and_freeing_nothing_is_nothing() -> None:
    outcome = heap(_malloc("8", "%rd1") + "st.b64 [%rd1], 5;" + _free("0"), threads=1)
    assert (outcome.result, outcome.findings) == (0, ())
    assert len(outcome.memory.live()) == 2


def test_a_heap_that_is_full_gives_no_memory() -> None:
    outcome = heap(
        _malloc("5000000", "%rd1") + "mad.wide.u32 %rd2, %t, 8, %a0; st.global.u64 [%rd2], %rd1;",
        threads=3,
    )
    assert (outcome.result, outcome.findings) == (0, ())
    assert [bool(a) for a in outcome.buffers[0][:3]] == [True, False, False]


@pytest.mark.parametrize(
    ("body", "kind", "result"),
    [
        (_free("%a0"), FindingKind.TRAP, CudaResult.LAUNCH_FAILED),
        (
            _malloc("8", "%rd1") + _free("%rd1") + _free("%rd1"),
            FindingKind.TRAP,
            CudaResult.LAUNCH_FAILED,
        ),
        (
            _malloc("8", "%rd1") + "st.b64 [%rd1+8], 1;",
            FindingKind.OUT_OF_BOUNDS,
            CudaResult.ILLEGAL_ADDRESS,
        ),
        (
            _malloc("8", "%rd1") + _free("%rd1") + "ld.b64 %rd2, [%rd1];",
            FindingKind.OUT_OF_BOUNDS,
            CudaResult.ILLEGAL_ADDRESS,
        ),
    ],
    ids=["not ours", "twice", "past the end", "after free"],
)
def test_wrong_use_of_the_heap_is_found(body: str, kind: FindingKind, result: int) -> None:
    outcome = heap(body, threads=2)
    assert (outcome.result, outcome.kinds) == (result, [kind])


def test_fresh_memory_holds_nothing() -> None:
    outcome = heap(_malloc("8", "%rd1") + "ld.b64 %rd2, [%rd1]; st.global.b64 [%a0], %rd2;")
    assert FindingKind.UNINITIALISED_READ in outcome.kinds


@pytest.mark.parametrize(("heap_used", "found"), [(True, False), (False, True)])
def test_bytes_that_a_string_takes_along_are_no_finding(heap_used: bool, found: bool) -> None:
    body = """
        .local .align 8 .b8 s[16]; .local .align 8 .b8 d[16]; .reg .b64 %u; .reg .b64 %v;
        mov.b64 %u, s; mov.b64 %v, d;
        ld.local.b64 %rd5, [%u+8]; st.local.b64 [%v+8], %rd5;
    """
    outcome = heap(body + (_free("0") if heap_used else ""))
    assert (FindingKind.UNINITIALISED_READ in outcome.kinds) is found


# ---- functions that nobody provides ----


@pytest.mark.parametrize("name", ["atan2f", "hypot", "strlen"])
@pytest.mark.parametrize("guard", ["", "@%p1 "])
def test_a_function_of_the_cpu_is_the_submissions_mistake(name: str, guard: str) -> None:
    # Whether it would be reached does not matter: a GPU refuses to load such a kernel.
    module = f".extern .func (.param .b32 r) {name}(.param .b32 x);"
    body = f"""setp.ne.u32 %p1, %t, %t; {{ .param .b32 a; .param .b32 b; st.param.b32 [a], %t;
        {guard}call (b), {name}, (a); ld.param.b32 %r0, [b]; }} st.global.u32 [%o], 1;"""
    outcome = run(body, [np.zeros(32, np.uint32)], module=module)
    assert (outcome.result, outcome.kinds) == (
        CudaResult.INVALID_PTX,
        [FindingKind.MISSING_FUNCTION],
    )
    assert name in outcome.findings[0].message
    assert outcome.buffers[0].sum() == 0
