"""Chains of sums with the carry flag.

PTX ISA, "Extended-Precision Integer Arithmetic Instructions": add.cc, addc, sub.cc, subc,
mad.cc, madc.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.device.semantics import lookup
from tests.device.kernels import results, run
from tests.device.semantics.driving import run_all
from tests.device.semantics.test_integers import operands, value, width, wrapped

KINDS = ("u32", "s32", "u64", "s64")
SUMS = [
    f"{base}{cc}.{kind}"
    for base, cc in (("add", ".cc"), ("addc", ""), ("addc", ".cc"))
    for kind in KINDS
]
DIFFERENCES = [opcode.replace("add", "sub") for opcode in SUMS]
PRODUCTS = [
    f"{base}.{part}{cc}.{kind}"
    for base, cc in (("mad", ".cc"), ("madc", ""), ("madc", ".cc"))
    for part in ("lo", "hi")
    for kind in KINDS
]
CARRY = [*SUMS, *DIFFERENCES, *PRODUCTS]


def expected(opcode: str, *row: int) -> list[int]:
    """The result and, where the opcode writes it, the flag: a borrow clears it, as on a GPU."""
    base, *modifiers, kind = opcode.split(".")
    bits = width(kind)
    flag = row[-1] & 1 if base.endswith("c") else 0
    if base.startswith("mad"):
        product = value(row[0], kind) * value(row[1], kind)
        first = wrapped(product >> (bits if "hi" in modifiers else 0), bits)
        second = row[2]
    else:
        first, second = row[:2]
    borrows = base.startswith("sub")
    without = 1 - flag if base == "subc" else 0
    total = first - (second + without) if borrows else first + second + flag
    found = [wrapped(total, bits)]
    carried = (not 0 <= total < 1 << bits) != borrows
    return [*found, int(carried)] if "cc" in modifiers else found


@pytest.mark.parametrize("opcode", CARRY)
def test_sums_and_flags(opcode: str) -> None:
    operation = lookup(opcode)
    assert operation is not None
    kind = opcode.rpartition(".")[2]
    named = len(operation.sources) - operation.reads_carry
    columns = [operands(kind)] * named + [st.integers(0, 1)] * operation.reads_carry

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(*columns), min_size=1, max_size=20))
    def check(rows: list[tuple[int, ...]]) -> None:
        got = run_all(opcode, *zip(*rows, strict=True))
        assert [list(one) for one in zip(*got, strict=True)] == [
            expected(opcode, *row) for row in rows
        ]

    check()


@pytest.mark.parametrize(
    "opcode", ["addc", "add.cc", "mad.cc.u32", "madc.u32", "mad.wide.cc.u32", "add.cc.u16",
               "add.cc.sat.s32", "sub.cc.b32", "mul.lo.cc.u32", "madc.lo.cc.f32"]
)  # fmt: skip
def test_what_the_manual_does_not_have_is_unknown(opcode: str) -> None:
    assert lookup(opcode) is None


# Numbers of several words

WORDS = 4


def _words(number: int, bits: int) -> list[int]:
    return [number >> bits * k & (1 << bits) - 1 for k in range(WORDS)]


def _numbers(bits: int) -> list[tuple[int, int]]:
    """Pairs whose carries run through every word, and pairs of which none does."""
    rng = random.Random(bits)
    full = (1 << bits * WORDS) - 1
    pairs = [(full, 1), (0, 1), (1 << bits, 1), (full, full), (0, 0), (full - 1, 1)]
    return pairs + [(rng.randint(0, full), rng.randint(0, full)) for _ in range(26)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("base", ["add", "sub"])
def test_a_chain_adds_or_subtracts_numbers_of_several_words(base: str, kind: str) -> None:
    bits = width(kind)
    size = bits // 8
    reg = "%r" if bits == 32 else "%rd"
    lines = [f"mad.wide.u32 %rd20, %t, {size * WORDS}, %a1;"]
    lines += [f"mad.wide.u32 %rd21, %t, {size * WORDS}, %a2;"]
    lines += [f"mad.wide.u32 %rd22, %t, {size * WORDS}, %a0;"]
    for k in range(WORDS):
        head = f"{base}.cc" if k == 0 else f"{base}c.cc" if k < WORDS - 1 else f"{base}c"
        lines.append(f"ld.global.b{bits} {reg}{k}, [%rd20+{k * size}];")
        lines.append(f"ld.global.b{bits} {reg}{k + 4}, [%rd21+{k * size}];")
        lines.append(f"{head}.{kind} {reg}{k + 8}, {reg}{k}, {reg}{k + 4};")
        lines.append(f"st.global.b{bits} [%rd22+{k * size}], {reg}{k + 8};")
    pairs = _numbers(bits)
    dtype = np.dtype(f"u{size}")
    sides = [
        np.array([w for pair in pairs for w in _words(pair[s], bits)], dtype=dtype) for s in (0, 1)
    ]
    outcome = run("\n".join(lines), [np.zeros_like(sides[0]), *sides], block=(len(pairs), 1, 1))
    assert (outcome.result, outcome.findings) == (0, ())
    sign = 1 if base == "add" else -1
    wanted = [w for a, b in pairs for w in _words(a + sign * b, bits)]
    assert outcome.buffers[0].tolist() == wanted


def test_a_product_of_two_words_each() -> None:
    """The manual's own example of ``madc``: [r3,r2,r1,r0] = [r5,r4] * [r7,r6]."""
    body = """
        mad.lo.u32 %r4, %t, 0x9E3779B9, 0xFFFFFFF0; mul.lo.u32 %r5, %r4, 0x85EBCA6B;
        mad.lo.u32 %r6, %t, 0xC2B2AE35, 0xFFFFFFFF; mul.lo.u32 %r7, %r6, 0x27D4EB2F;
        mul.lo.u32 %r10, %r4, %r6;          mul.hi.u32 %r11, %r4, %r6;
        mad.lo.cc.u32 %r11, %r5, %r6, %r11; madc.hi.u32 %r12, %r5, %r6, 0;
        mad.lo.cc.u32 %r11, %r4, %r7, %r11; madc.hi.cc.u32 %r12, %r4, %r7, %r12;
        addc.u32 %r13, 0, 0;
        mad.lo.cc.u32 %r12, %r5, %r7, %r12; madc.hi.u32 %r13, %r5, %r7, %r13;
    """

    def product(thread: int) -> int:
        mask = 0xFFFFFFFF
        a = (thread * 0x9E3779B9 + 0xFFFFFFF0) & mask
        b = (thread * 0xC2B2AE35 + 0xFFFFFFFF) & mask
        a |= (a * 0x85EBCA6B & mask) << 32
        b |= (b * 0x27D4EB2F & mask) << 32
        return a * b

    for k in range(4):
        got = results(body + f"mov.u32 %r0, %r{10 + k};")
        assert got == [product(thread) >> 32 * k & 0xFFFFFFFF for thread in range(32)]


def test_each_thread_has_a_flag_of_its_own() -> None:
    # Odd threads make a carry in a branch that the others do not take, and behind a guard.
    body = """
        add.cc.u32 %r1, 0, 0; and.b32 %r2, %t, 1; setp.eq.u32 %p1, %r2, 1;
        @!%p1 bra JOIN; add.cc.u32 %r1, 0xFFFFFFFF, 1;
      JOIN: addc.u32 %r0, 10, 0;
        and.b32 %r3, %t, 2; setp.ne.u32 %p2, %r3, 0;
        @%p2 sub.cc.u32 %r1, 1, 0; addc.u32 %r4, 0, 0; mad.lo.u32 %r0, %r4, 100, %r0;
    """
    assert results(body) == [10 + (t & 1) + 100 * (1 if t & 2 else t & 1) for t in range(32)]
