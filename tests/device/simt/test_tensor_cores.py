"""``mma``, ``ldmatrix`` and ``stmatrix`` against matrices written out by hand."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.device.evidence import FindingKind
from grader.errors import UnsupportedByDevice
from tests.device.kernels import Outcome, run

LANES = range(32)
TYPES = {"tf32": np.float32, "bf16": np.uint16, "f16": np.float16, "f32": np.float32}
Matrix = NDArray[np.float64]

FORMS = [
    (4, "tf32", "f32"),
    (8, "tf32", "f32"),
    (8, "bf16", "f32"),
    (16, "bf16", "f32"),
    (8, "f16", "f32"),
    (16, "f16", "f32"),
    (8, "f16", "f16"),
    (16, "f16", "f16"),
]


def opcode(inner: int, element: str, result: str) -> str:
    types = f"{result}.{element}.{element}.{result}"
    return f"mma.sync.aligned.m16n8k{inner}.row.col.{types}"


def bits(values: Any, element: str) -> NDArray[Any]:
    """The elements as a thread holds them: a bfloat16 is the upper half of a float32."""
    if element == "bf16":
        return np.asarray(values, dtype=np.float32).view(np.uint16)[1::2].copy()
    return np.asarray(values, dtype=TYPES[element])


def words(values: list[float], element: str) -> list[int]:
    found: list[int] = bits(values, element).view(np.uint32).tolist()
    return found


# PTX ISA, "Matrix Fragments for mma.m16n8k4" to "m16n8k16", of thread ``lane``: which elements it
# holds, in order.


def of_a(matrix: Matrix, lane: int, inner: int, element: str) -> list[float]:
    group, member = lane >> 2, lane % 4
    if element == "tf32":
        places = [(group, member), (group + 8, member)]
        places += [(group, member + 4), (group + 8, member + 4)] if inner == 8 else []
    else:
        places = []
        for i in range(8 if inner == 16 else 4):
            row = group if i < 2 or 4 <= i < 6 else group + 8
            places.append((row, member * 2 + (i & 1) + (8 if i >= 4 else 0)))
    return [float(matrix[place]) for place in places]


def of_b(matrix: Matrix, lane: int, inner: int, element: str) -> list[float]:
    group, member = lane >> 2, lane % 4
    if element == "tf32":
        rows = [member, member + 4][: inner // 4]
    else:
        rows = [member * 2 + (i & 1) + (8 if i >= 2 else 0) for i in range(inner // 4)]
    return [float(matrix[row, group]) for row in rows]


def of_c(matrix: Matrix, lane: int) -> list[float]:
    group, member = lane >> 2, lane % 4
    return [float(matrix[group + (8 if i >= 2 else 0), member * 2 + (i & 1)]) for i in range(4)]


def multiply(
    a: Matrix,
    b: Matrix,
    c: Matrix,
    form: tuple[int, str, str],
    *,
    before: str = "",
    warps: int = 1,
    **how: Any,
) -> tuple[Outcome, Matrix]:
    """What a warp makes of these matrices; further warps do the same."""
    inner, element, result = form
    inputs, sizes = [], (0, 0, 0)
    for lane in LANES:
        parts = (
            words(of_a(a, lane, inner, element), element),
            words(of_b(b, lane, inner, element), element),
            words(of_c(c, lane), result),
        )
        sizes = (len(parts[0]), len(parts[1]), len(parts[2]))
        inputs.append([*parts[0], *parts[1], *parts[2]])
    total = sum(sizes)
    body = f"mad.lo.u32 %r40, %t, {4 * total}, 0; cvt.u64.u32 %rd1, %r40; add.u64 %rd1, %rd1, %a1;"
    body += "".join(f"ld.global.u32 %r{k}, [%rd1+{4 * k}];" for k in range(total))
    edges = np.cumsum((0, *sizes)).tolist()
    vectors = [
        "{" + ", ".join(f"%r{k}" for k in range(start, stop)) + "}"
        for start, stop in itertools.pairwise(edges)
    ]
    out = "{" + ", ".join(f"%r{20 + k}" for k in range(sizes[2])) + "}"
    body += before + f"{opcode(*form)} {out}, {', '.join(vectors)};"
    body += f"mul.wide.u32 %rd2, %t, {4 * sizes[2]}; add.u64 %rd2, %rd2, %a0;"
    body += "".join(f"st.global.u32 [%rd2+{4 * k}], %r{20 + k};" for k in range(sizes[2]))
    outcome = run(
        body,
        [np.zeros(32 * warps * sizes[2], np.uint32), np.array(inputs * warps, dtype=np.uint32)],
        block=(32 * warps, 1, 1),
        **how,
    )
    return outcome, last_matrix(outcome.buffers[0], result)


def last_matrix(stored: NDArray[Any], result: str) -> Matrix:
    """What the last warp stored: 4 elements of each lane."""
    found = np.full((16, 8), np.nan)
    held = stored.view(np.uint8)[-32 * 4 * np.dtype(TYPES[result]).itemsize :].view(TYPES[result])
    for lane in LANES:
        group, member = lane >> 2, lane % 4
        for i in range(4):
            row = group + (8 if i >= 2 else 0)
            found[row, member * 2 + (i & 1)] = held[4 * lane + i]
    return found


def whole(rows: int, columns: int, seed: int) -> Matrix:
    return np.random.default_rng(seed).integers(-9, 10, (rows, columns)).astype(np.float64)


@pytest.mark.parametrize("warps", [1, 3])
@pytest.mark.parametrize("form", FORMS)
def test_whole_numbers_are_exact(form: tuple[int, str, str], warps: int) -> None:
    inner = form[0]
    a, b, c = whole(16, inner, 1), whole(inner, 8, 2), whole(16, 8, 3)
    outcome, found = multiply(a, b, c, form, warps=warps)
    assert (outcome.result, outcome.findings) == (0, ())
    np.testing.assert_array_equal(found, a @ b + c)


@pytest.mark.parametrize("form", FORMS)
def test_each_element_stands_where_the_manual_says(form: tuple[int, str, str]) -> None:
    """One element of each matrix at a time: 3 in A, 5 in B."""
    inner = form[0]
    for row, k, column in ((0, 0, 0), (5, inner - 1, 3), (9, inner // 2, 6), (15, 1, 7)):
        a, b = np.zeros((16, inner)), np.zeros((inner, 8))
        a[row, k], b[k, column] = 3, 5
        wanted = np.zeros((16, 8))
        wanted[row, column] = 15
        _, found = multiply(a, b, np.zeros((16, 8)), form)
        np.testing.assert_array_equal(found, wanted)


def one(inner: int, element: str, a: list[float], b: list[float], c: float, result: str) -> float:
    """Row times column, plus c."""
    left, right, before = np.zeros((16, inner)), np.zeros((inner, 8)), np.zeros((16, 8))
    left[0, : len(a)], right[: len(b), 0], before[0, 0] = a, b, c
    _, found = multiply(left, right, before, (inner, element, result), beside=False)
    return float(found[0, 0])


TINY = 2.0**-24
CASES: list[tuple[tuple[int, str, list[float], list[float], float, str], float]] = [
    # tf32 inputs keep 10 bits of mantissa; those below are not looked at.
    ((4, "tf32", [1 + 2.0**-10], [1.0], 0, "f32"), 1 + 2.0**-10),
    ((4, "tf32", [1 + 2.0**-11], [1.0], 0, "f32"), 1.0),
    ((4, "tf32", [-(2 - 2.0**-23)], [1.0], 0, "f32"), -(2 - 2.0**-10)),
    # Products are exact: 22 bits of them.
    ((4, "tf32", [1 + 2.0**-10], [1 + 2.0**-10], 0, "f32"), (1 + 2.0**-10) ** 2),
    ((8, "f16", [1 + 2.0**-10], [1 + 2.0**-10], 0, "f32"), (1 + 2.0**-10) ** 2),
    ((8, "bf16", [1 + 2.0**-7], [1 + 2.0**-7], 0, "f32"), (1 + 2.0**-7) ** 2),
    # Sums are truncated, in groups of 4 (tf32) and 8 (16 bits).
    ((8, "tf32", [1.5 * TINY], [1.0], 1, "f32"), 1.0),
    ((8, "tf32", [1.5 * TINY], [-1.0], -1, "f32"), -1.0),
    ((8, "tf32", [TINY, TINY], [1.0, 1.0], 1, "f32"), 1 + 2 * TINY),
    ((8, "tf32", [TINY, 0, 0, 0, TINY], [1.0] * 5, 1, "f32"), 1.0),
    ((16, "bf16", [TINY, 0, 0, 0, TINY], [1.0] * 5, 1, "f32"), 1 + 2 * TINY),
    ((16, "bf16", [TINY] + [0.0] * 7 + [TINY], [1.0] * 9, 1, "f32"), 1.0),
    # Results of 16 bits are rounded once, to nearest.
    ((16, "f16", [1.0, 2.0**-11, 2.0**-12], [1.0] * 3, 0, "f16"), 1 + 2.0**-10),
    ((16, "f16", [1.0, 2.0**-11], [1.0] * 2, 0, "f16"), 1.0),
    # The ends of the range.
    ((4, "tf32", [2.0**127], [2.0], 0, "f32"), np.inf),
    ((4, "tf32", [-(2.0**127)], [2.0], 0, "f32"), -np.inf),
    ((4, "tf32", [2.0**127, 1.0], [1.0, 2.0**127], -(2.0**127), "f32"), 2.0**127),
    ((8, "f16", [60000.0], [2.0], 0, "f16"), np.inf),
    ((4, "tf32", [2.0**-100], [2.0**-40], 0, "f32"), 2.0**-140),
]


@pytest.mark.parametrize(("given", "wanted"), CASES)
def test_how_it_rounds(given: tuple[Any, ...], wanted: float) -> None:
    assert one(*given) == wanted


@pytest.mark.parametrize(
    ("a", "b", "c"), [([np.inf], [0.0], 0.0), ([np.inf], [1.0], -np.inf), ([np.nan], [1.0], 0.0)]
)
def test_no_numbers(a: list[float], b: list[float], c: float) -> None:
    assert np.isnan(one(4, "tf32", a, b, c, "f32"))


def test_real_numbers_are_within_the_bound() -> None:
    rng = np.random.default_rng(7)
    a, b, c = rng.normal(size=(16, 8)), rng.normal(size=(8, 8)), rng.normal(size=(16, 8))
    kept = [
        (np.asarray(m, np.float32).view(np.uint32) & 0xFFFFE000).view(np.float32).astype(np.float64)
        for m in (a, b)
    ]
    c = c.astype(np.float32).astype(np.float64)
    _, found = multiply(a, b, c, (8, "tf32", "f32"), beside=False)
    exact = kept[0] @ kept[1] + c
    most = 2.0**-22 * (np.abs(kept[0]) @ np.abs(kept[1]) + np.abs(c))
    assert (np.abs(found - exact) <= most).all()
    assert (found != exact).any()


@pytest.mark.parametrize(
    ("guard", "present"),
    [("setp.lt.u32 %p1, %t, 31; @!%p1 exit;", 31), ("setp.lt.u32 %p1, %t, 9; @!%p1 exit;", 9)],
)
def test_a_warp_that_is_not_complete_is_told(guard: str, present: int) -> None:
    form = FORMS[1]
    outcome, _ = multiply(whole(16, 8, 1), whole(8, 8, 2), whole(16, 8, 3), form, before=guard)
    assert (outcome.result, outcome.kinds) == (0, [FindingKind.INCOMPLETE_WARP])
    assert outcome.findings[0].message == (
        f"thread 0 of block 0 did mma in a warp of which {present} of 32 threads were there"
    )


def test_threads_of_a_warp_at_two_instructions_never_meet() -> None:
    guard = "setp.lt.u32 %p1, %t, 9; @!%p1 bra E; mma.sync.aligned.m16n8k8.row.col."
    guard += "f32.tf32.tf32.f32 {%f0, %f1, %f2, %f3}, {%r0, %r1, %r2, %r3}, {%r4, %r5}, "
    guard += "{%f4, %f5, %f6, %f7}; E:"
    outcome, _ = multiply(whole(16, 8, 1), whole(8, 8, 2), whole(16, 8, 3), FORMS[1], before=guard)
    assert (outcome.result, outcome.kinds) == (702, [FindingKind.BARRIER_DIVERGENCE])


@pytest.mark.parametrize("schedule", range(9))
def test_threads_that_come_one_after_the_other_meet(schedule: int) -> None:
    a, b, c = whole(16, 8, 1), whole(8, 8, 2), whole(16, 8, 3)
    slow = "mov.u32 %r50, 0; L: add.u32 %r50, %r50, 1; setp.lt.u32 %p1, %r50, %t; @%p1 bra L;"
    outcome, found = multiply(a, b, c, FORMS[1], before=slow, warps=2, schedule=schedule)
    assert outcome.findings == ()
    np.testing.assert_array_equal(found, a @ b + c)


# ---- ldmatrix and stmatrix ----

# Row r of the shared matrices (8 halves, numbered from 0) is at 16 * r; each thread fills one.
FILL = """
    .shared .align 16 .b8 s[512]; mov.u32 %r9, s; mad.lo.u32 %r1, %t, 16, %r9;
    shl.b32 %r2, %t, 3; add.u32 %r3, %r2, 1; shl.b32 %r3, %r3, 16; or.b32 %r3, %r3, %r2;
    st.shared.u32 [%r1], %r3; add.u32 %r3, %r3, 0x00020002; st.shared.u32 [%r1+4], %r3;
    add.u32 %r3, %r3, 0x00020002; st.shared.u32 [%r1+8], %r3;
    add.u32 %r3, %r3, 0x00020002; st.shared.u32 [%r1+12], %r3;
"""
MATRICES = np.arange(256).reshape(4, 8, 8)


def fragment(lane: int, matrix: int, *, transposed: bool) -> list[int]:
    """PTX ISA, ``ldmatrix``: a thread holds two elements of row ``lane / 4``."""
    square = MATRICES[matrix].T if transposed else MATRICES[matrix]
    found: list[int] = square[lane // 4, lane % 4 * 2 : lane % 4 * 2 + 2].tolist()
    return found


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("space", [".shared", ".shared::cta", ""])
def test_matrices_are_loaded(count: int, space: str, transposed: bool) -> None:
    where = "%r1" if space else "%rd1"
    names = ", ".join(f"%r{20 + k}" for k in range(count))
    body = FILL + "cvt.u64.u32 %rd1, %r1; cvta.shared.u64 %rd1, %rd1; bar.sync 0;"
    trans = ".trans" if transposed else ""
    body += f"ldmatrix.sync.aligned.m8n8.x{count}{trans}{space}.b16 {{{names}}}, [{where}];"
    body += "mad.wide.u32 %rd2, %t, 16, %a0;"
    body += "".join(f"st.global.u32 [%rd2+{4 * k}], %r{20 + k};" for k in range(count))
    outcome = run(body, [np.zeros(256, dtype=np.uint16)])
    assert (outcome.result, outcome.findings) == (0, ())
    held = outcome.buffers[0].reshape(32, 4, 2)
    for lane in LANES:
        for k in range(count):
            assert held[lane, k].tolist() == fragment(lane, k, transposed=transposed)


@pytest.mark.parametrize("transposed", [False, True])
def test_what_is_stored_is_loaded_again(transposed: bool) -> None:
    trans = ".trans" if transposed else ""
    registers = "{%r20, %r21, %r22, %r23}"
    body = (
        FILL
        + f"""
        bar.sync 0; ldmatrix.sync.aligned.m8n8.x4{trans}.shared.b16 {registers}, [%r1];
        bar.sync 0; mov.u32 %r4, 0; st.shared.v4.u32 [%r1], {{%r4, %r4, %r4, %r4}}; bar.sync 0;
        stmatrix.sync.aligned.m8n8.x4{trans}.shared.b16 [%r1], {registers};
        bar.sync 0; ld.shared.v4.u32 {registers}, [%r1];
        mad.wide.u32 %rd2, %t, 16, %a0; st.global.v4.u32 [%rd2], {registers};
    """
    )
    outcome = run(body, [np.zeros(256, dtype=np.uint16)])
    assert (outcome.result, outcome.findings) == (0, ())
    assert outcome.buffers[0].tolist() == MATRICES.ravel().tolist()


def test_a_barrier_before_the_matrices_are_loaded_is_needed() -> None:
    shifted = FILL + "xor.b32 %r5, %t, 1; mad.lo.u32 %r1, %r5, 16, %r9;"
    load = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r1];"
    assert run(shifted + load).kinds == [FindingKind.RACE]
    assert run(shifted + "bar.sync 0;" + load).findings == ()
    assert run(shifted + "bar.warp.sync -1;" + load).findings == ()


def test_rows_are_aligned_and_inside() -> None:
    load = "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r20, %r21, %r22, %r23}, [%r1+"
    assert run(FILL + load + "8];").kinds == [FindingKind.MISALIGNED]
    assert run(FILL + load + "16];").kinds == [FindingKind.OUT_OF_BOUNDS]


@pytest.mark.parametrize(
    "instruction",
    [
        "mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%r0, %r1}, {%r4}, {%r6}, {%r7, %r8};",
        "mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%d0, %d1}, {%d2}, {%d3}, {%d4, %d5};",
        "ldmatrix.sync.aligned.m16n16.x1.trans.shared.b8 {%r20, %r21}, [%r1];",
        "wmma.load.a.sync.aligned.m16n16k16.shared.row.f16 {%r0, %r1}, [%r9];",
    ],
)
def test_other_forms_end_without_a_mark(instruction: str) -> None:
    with pytest.raises(UnsupportedByDevice, match=instruction.split(".")[0]):
        run(FILL + instruction)
