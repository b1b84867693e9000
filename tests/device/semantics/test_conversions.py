"""cvt against fractions; every f16 and bf16 there is."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.device.semantics import oracle
from tests.device.semantics.driving import run
from tests.device.semantics.test_ieee import floats

INTEGERS = ("u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64")
FLOATS = ("f16", "bf16", "f32", "f64")
MODES = ("rn", "rz", "rm", "rp")
EVERY_HALF = list(range(1 << 16))


def limits(kind: str) -> tuple[int, int]:
    bits = int(kind[1:])
    return (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def meaning(pattern: int, kind: str) -> int:
    high = limits(kind)[1]
    pattern &= 2 ** int(kind[1:]) - 1
    return pattern - 2 ** int(kind[1:]) if pattern > high else pattern


def integers(kind: str) -> st.SearchStrategy[int]:
    """Patterns of every magnitude, with awkward low bits."""
    bits = int(kind[1:])
    shapes = st.builds(
        lambda top, length, low: ((1 << length) - 1 << top | low) % (1 << bits),
        st.integers(0, bits - 1),
        st.integers(0, 30),
        st.integers(0, 5),
    )
    return st.one_of(
        shapes, st.integers(0, 2**bits - 1), st.integers(0, 300).map(lambda x: x % 2**bits)
    )


@pytest.mark.parametrize("source", INTEGERS)
@pytest.mark.parametrize("to", INTEGERS)
def test_integers_are_cut_or_extended(to: str, source: str) -> None:
    @settings(max_examples=8, deadline=None)
    @given(st.lists(integers(source), min_size=1, max_size=20))
    def check(values: list[int]) -> None:
        mask = 2 ** int(to[1:]) - 1
        assert run(f"cvt.{to}.{source}", values) == [meaning(v, source) & mask for v in values]
        low, high = limits(to)
        source_low, source_high = limits(source)
        if low > source_low or high < source_high:
            clamped = [min(max(meaning(v, source), low), high) & mask for v in values]
            assert run(f"cvt.sat.{to}.{source}", values) == clamped

    check()


NO_BYTES_TO_BF16 = [
    (number, i) for number in FLOATS for i in INTEGERS if (number, i[1:]) != ("bf16", "8")
]
"""PTX converts between bf16 and all integers but those of 8 bits."""


@pytest.mark.parametrize(("to", "source"), NO_BYTES_TO_BF16)
def test_integers_become_floats_by_one_rounding(to: str, source: str) -> None:
    @settings(max_examples=12, deadline=None)
    @given(st.lists(integers(source), min_size=1, max_size=20))
    def check(values: list[int]) -> None:
        for mode in MODES:
            expected = [
                oracle.FORMATS[to].encode(Fraction(meaning(v, source)), mode) for v in values
            ]
            assert run(f"cvt.{mode}.{to}.{source}", values) == expected

    check()


def to_integer(x: Fraction, mode: str) -> int:
    if mode == "rni":
        return round(x)
    return {"rzi": math.trunc, "rmi": math.floor, "rpi": math.ceil}[mode](x)


def integer_at_nan(to: str, source: str) -> int:
    """PTX ISA, cvt: zero, but from f64 or to 64 bits the top bit alone."""
    return 1 << (int(to[1:]) - 1) if source == "f64" or to in ("u64", "s64") else 0


@pytest.mark.parametrize(("source", "to"), NO_BYTES_TO_BF16)
def test_floats_become_integers_within_range(source: str, to: str) -> None:
    low, high = limits(to)
    mask = 2 ** int(to[1:]) - 1

    def expected(pattern: int, mode: str) -> int:
        x = oracle.FORMATS[source].decode(pattern)
        if x == "nan":
            return integer_at_nan(to, source)
        if isinstance(x, str):
            return (high if x == "inf" else low) & mask
        return min(max(to_integer(x, mode), low), high) & mask

    @settings(max_examples=12, deadline=None)
    @given(st.lists(floats(source), min_size=1, max_size=20))
    def check(values: list[int]) -> None:
        for mode in ("rni", "rzi", "rmi", "rpi"):
            got = run(f"cvt.{mode}.{to}.{source}", values)
            assert got == [expected(v, mode) for v in values]

    check()


@pytest.mark.parametrize(
    ("to", "source"), [(t, s) for t in FLOATS for s in FLOATS if t != s and t != "f64"]
)
def test_narrower_floats_by_one_rounding(to: str, source: str) -> None:
    widening = to == "f32" and source in ("f16", "bf16")
    modes = ("",) if widening else MODES
    form = oracle.FORMATS[to]

    def expected(pattern: int, mode: str) -> int:
        x = oracle.FORMATS[source].decode(pattern)
        negative = pattern & oracle.FORMATS[source].sign
        if x == "nan":
            return form.nan
        if isinstance(x, str):
            return form.infinity | (form.sign if negative else 0)
        if x:
            return form.encode(x, mode or "rn")
        return form.sign if negative else 0

    @settings(max_examples=30, deadline=None)
    @given(st.lists(floats(source), min_size=1, max_size=20))
    def check(values: list[int]) -> None:
        for mode in modes:
            opcode = ".".join(part for part in ("cvt", mode, to, source) if part)
            assert run(opcode, values) == [expected(v, mode) for v in values]

    check()


@pytest.mark.parametrize("half", ["f16", "bf16"])
@pytest.mark.parametrize("wide", ["f32", "f64"])
def test_every_half_survives_the_way_there_and_back(half: str, wide: str) -> None:
    form = oracle.FORMATS[half]
    there = run(f"cvt.{wide}.{half}", EVERY_HALF)
    values = [form.decode(p) for p in EVERY_HALF]
    assert [oracle.FORMATS[wide].decode(p) for p in there] == values
    for mode in MODES:
        back = run(f"cvt.{mode}.{half}.{wide}", there)
        assert back == [
            form.nan if v == "nan" else p for p, v in zip(EVERY_HALF, values, strict=True)
        ]


@pytest.mark.parametrize("half", ["f16", "bf16"])
def test_between_two_neighbours_every_mode_knows_the_way(half: str) -> None:
    form = oracle.FORMATS[half]
    finite = [p for p in range(form.infinity) if p % 3 == 0 or p < 300]
    wide = oracle.FORMATS["f64"]
    above_half = []
    for p in finite:
        below, above = form.decode(p), form.decode(p + 1)
        if isinstance(above, str):
            above = Fraction(2) ** form.top_exponent
        assert isinstance(below, Fraction)
        above_half.append(wide.encode((below + above) / 2, "rn"))
    ups = [p + 1 for p in finite]
    even = [p + (p & 1) for p in finite]
    assert run(f"cvt.rn.{half}.f64", above_half) == even
    assert run(f"cvt.rz.{half}.f64", above_half) == finite
    assert run(f"cvt.rp.{half}.f64", above_half) == ups
    just_less = [p - 1 for p in above_half]
    assert run(f"cvt.rn.{half}.f64", just_less) == finite
    just_more = [p + 1 for p in above_half]
    assert run(f"cvt.rn.{half}.f64", just_more) == ups


@pytest.mark.parametrize(
    ("mode", "function"),
    [("rni", np.rint), ("rzi", np.trunc), ("rmi", np.floor), ("rpi", np.ceil)],
)
def test_rounding_to_an_integer_that_stays_a_float(mode: str, function: np.ufunc) -> None:
    values = [0.5, 1.5, -0.5, -2.5, 2.0**24 + 1, math.inf, -0.0, 0.25, -7.75]
    expected = [oracle.f32(float(function(np.float32(v)))) for v in values]
    assert run(f"cvt.{mode}.f32.f32", [oracle.f32(v) for v in values]) == expected
    nan = run(f"cvt.{mode}.f32.f32", [0x7FC12345])
    assert nan == [0x7FFFFFFF]


def test_saturation_and_flush() -> None:
    assert run("cvt.sat.f32.f32", [oracle.f32(-1.0), oracle.f32(3.0), 0x7FC00000]) == [
        0,
        oracle.f32(1.0),
        0,
    ]
    assert run("cvt.ftz.f32.f32", [0x80000001]) == [0x80000000]
    assert run("cvt.rpi.ftz.s32.f32", [1]) == [0]
    # As an H200 does (tests/gpu/test_arithmetic.py): bf16 has the exponents of f32, f16 has not.
    assert run("cvt.ftz.f32.bf16", [0x0001, 0x8040, 0x0080]) == [0, 0x80000000, 0x00800000]
    assert run("cvt.rp.ftz.f16.f32", [0x00007C00]) == [0x0001]
    assert run("cvt.rm.ftz.f16.f32", [0x80000001]) == [0x8001]
    assert run("cvt.rpi.s32.f32", [1]) == [1]
    assert run("cvt.rn.ftz.f32.f64", [0x3690000000000000]) == [0]  # 2**-150
    assert run("cvt.rn.sat.f32.s32", [5, -5]) == [oracle.f32(1.0), 0]


def test_two_floats_are_packed_with_the_first_on_top() -> None:
    one, two = oracle.f32(1.0), oracle.f32(2.0)
    assert run("cvt.rn.f16x2.f32", [one], [two]) == [0x3C00_4000]
    assert run("cvt.rn.bf16x2.f32", [one], [two]) == [0x3F80_4000]
    minus = oracle.f32(-1.0)
    assert run("cvt.rn.relu.f16x2.f32", [minus], [two]) == [0x0000_4000]
    assert run("cvt.rz.relu.bf16.f32", [minus, 0x7FC00000]) == [0, 0x7FFF]


def test_tf32_keeps_ten_bits_of_mantissa() -> None:
    one = oracle.f32(1.0)
    assert run("cvt.rna.tf32.f32", [one | 0x1000, one | 0x0FFF]) == [one | 0x2000, one]
    # To nearest even: half way goes to the even neighbour.
    assert run("cvt.rn.tf32.f32", [one | 0x1000, one | 0x3000]) == [one, one + 0x4000]
    assert run("cvt.rz.tf32.f32", [one | 0x1FFF]) == [one]
    assert run("cvt.rna.tf32.f32", [0x7F7FFFFF, 0xFF800000]) == [0x7F800000, 0xFF800000]


def test_pack_clamps_and_shifts() -> None:
    # b lowest, then a, then the low bits of c.
    assert run("cvt.pack.sat.s16.s32", [40000], [-40000]) == [0x7FFF_8000]
    assert run("cvt.pack.sat.u16.s32", [-1], [70000]) == [0x0000_FFFF]
    assert run("cvt.pack.sat.u8.s32.b32", [300], [-5], [0x1234ABCD]) == [0xABCD_FF00]
    assert run("cvt.pack.sat.s4.s32.b32", [9], [-9], [0x0ABCDEF1]) == [0xBCDEF1_78]
    assert run("cvt.pack.sat.u2.s32.b32", [2], [7], [0x01234567]) == [0x1234567B]
