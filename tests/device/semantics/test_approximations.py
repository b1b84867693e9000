"""Approximate instructions: nearly the exact value, and the manual's special cases."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from tests.device.semantics import oracle
from tests.device.semantics.driving import found, run

DIGITS = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628621")


def _sine(x: Decimal) -> Decimal:
    x = x.remainder_near(2 * PI)
    term = total = x
    for n in range(1, 40):
        term = -term * x * x / ((2 * n) * (2 * n + 1))
        total += term
    return total


def _tanh(x: Decimal) -> Decimal:
    square = (2 * x).exp()
    return (square - 1) / (square + 1)


EXACT: dict[str, Callable[[Decimal], Decimal]] = {
    "rcp": lambda x: 1 / x,
    "sqrt": lambda x: x.sqrt(),
    "rsqrt": lambda x: 1 / x.sqrt(),
    "ex2": lambda x: (x * Decimal(2).ln()).exp(),
    "lg2": lambda x: x.ln() / Decimal(2).ln(),
    "sin": _sine,
    "cos": lambda x: _sine(x + PI / 2),
    "tanh": _tanh,
}
POSITIVE = ("sqrt", "rsqrt", "lg2")


def _samples(kind: str, name: str) -> list[int]:
    """Patterns all over the range where the result is an ordinary number."""
    form = oracle.FORMATS[kind]
    reach = {"ex2": 3, "sin": 2, "cos": 2, "tanh": 3}.get(name, min(60, form.top_exponent - 2))
    chosen = []
    for exponent in range(-min(20, form.top_exponent - 2), reach, 2 if reach > 8 else 1):
        for step in range(7):
            value = Fraction(2) ** exponent * (1 + Fraction(step * step, 37))
            signs = (1,) if name in POSITIVE else (1, -1)
            chosen += [form.encode(sign * value, "rn") for sign in signs]
    return chosen


def _ulps(kind: str, got: int, exact: Decimal) -> Decimal:
    form = oracle.FORMATS[kind]
    value = form.decode(got)
    assert isinstance(value, Fraction)
    exponent = max(
        math.frexp(float(exact))[1] - form.precision,
        form.least_exponent,
    )
    difference = Decimal(value.numerator) / Decimal(value.denominator) - exact
    return abs(difference) / Decimal(2) ** exponent


@pytest.mark.parametrize("name", EXACT)
def test_f32_is_within_half_an_ulp_and_a_bit(name: str) -> None:
    _check_accuracy(f"{name}.approx.f32", name, "f32")


@pytest.mark.parametrize("opcode", ["ex2.approx.f16", "ex2.approx.ftz.bf16"])
def test_ex2_of_halves(opcode: str) -> None:
    _check_accuracy(opcode, "ex2", opcode.rsplit(".", 1)[1])


@pytest.mark.parametrize("kind", ["f16", "bf16"])
def test_tanh_of_halves(kind: str) -> None:
    _check_accuracy(f"tanh.approx.{kind}", "tanh", kind)


def _check_accuracy(opcode: str, name: str, kind: str) -> None:
    samples = _samples(kind, name)
    assert len(samples) > 50
    with localcontext() as context:
        context.prec = DIGITS
        worst = Decimal(0)
        for sample, got in zip(samples, run(opcode, samples), strict=True):
            x = oracle.FORMATS[kind].decode(sample)
            assert isinstance(x, Fraction)
            exact = EXACT[name](Decimal(x.numerator) / Decimal(x.denominator))
            if exact:
                worst = max(worst, _ulps(kind, got, exact))
    assert worst <= Decimal("0.501")
    assert "0.501 ulp" in found(opcode).accuracy


INF, MINUS_INF, NAN = 0x7F800000, 0xFF800000, 0x7FFFFFFF
ZERO, MINUS_ZERO, ONE = 0, 0x80000000, 0x3F800000
MINUS_ONE, SUBNORMAL = 0xBF800000, 0x00000001
SPECIAL = {
    "rcp": {INF: ZERO, MINUS_INF: MINUS_ZERO, ZERO: INF, MINUS_ZERO: MINUS_INF},
    "sqrt": {INF: INF, MINUS_INF: NAN, MINUS_ONE: NAN, ZERO: ZERO, MINUS_ZERO: MINUS_ZERO},
    "rsqrt": {INF: ZERO, MINUS_INF: NAN, MINUS_ONE: NAN, ZERO: INF, MINUS_ZERO: MINUS_INF},
    "sin": {INF: NAN, MINUS_INF: NAN, ZERO: ZERO, MINUS_ZERO: MINUS_ZERO},
    "cos": {INF: NAN, MINUS_INF: NAN, ZERO: ONE, MINUS_ZERO: ONE},
    "lg2": {INF: INF, MINUS_INF: NAN, MINUS_ONE: NAN, ZERO: MINUS_INF, MINUS_ZERO: MINUS_INF},
    "ex2": {INF: INF, MINUS_INF: ZERO, ZERO: ONE, MINUS_ZERO: ONE},
    "tanh": {INF: ONE, MINUS_INF: MINUS_ONE, ZERO: ZERO, MINUS_ZERO: MINUS_ZERO},
}
"""The tables of the PTX ISA."""


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values_of_the_manual(name: str) -> None:
    table = {**SPECIAL[name], 0x7FC12345: NAN}
    assert run(f"{name}.approx.f32", list(table)) == list(table.values())
    if name != "tanh":
        assert run(f"{name}.approx.ftz.f32", list(table)) == list(table.values())


@pytest.mark.parametrize(
    ("name", "plain", "flushed"),
    [
        ("rcp", INF, INF),
        ("sqrt", oracle.f32(2.0**-74.5), ZERO),
        ("rsqrt", oracle.f32(2.0**74.5), INF),
        ("lg2", oracle.f32(-149.0), MINUS_INF),
        ("ex2", ONE, ONE),
        ("sin", SUBNORMAL, ZERO),
        ("cos", ONE, ONE),
    ],
)
def test_a_subnormal_counts_as_zero_only_with_ftz(name: str, plain: int, flushed: int) -> None:
    assert run(f"{name}.approx.f32", [SUBNORMAL]) == [plain]
    assert run(f"{name}.approx.ftz.f32", [SUBNORMAL]) == [flushed]


def test_a_subnormal_result_is_flushed_only_with_ftz() -> None:
    exponent = oracle.f32(-130.0)
    assert run("ex2.approx.f32", [exponent]) == [oracle.f32(2.0**-130)]
    assert run("ex2.approx.ftz.f32", [exponent]) == [ZERO]


class TestDivision:
    def test_ordinary_quotients_are_rounded_once(self) -> None:
        a, b = oracle.f32(10.0), oracle.f32(3.0)
        exact = oracle.divide("f32", a, b, "rn")
        for form in ("approx", "approx.ftz", "full", "full.ftz"):
            assert run(f"div.{form}.f32", [a], [b]) == [exact]

    def test_approx_gives_zero_for_divisors_above_2_to_126(self) -> None:
        large = oracle.f32(1.5 * 2.0**126)
        rows = [(INF, large, NAN), (ONE, large, ZERO), (MINUS_ONE, large, MINUS_ZERO)]
        rows += [(ONE, large | 1 << 31, MINUS_ZERO), (ONE, INF, ZERO)]
        a, b, expected = (list(column) for column in zip(*rows, strict=True))
        assert run("div.approx.f32", a, b) == expected
        # The full range is div.full's very point.
        assert run("div.full.f32", [ONE], [large]) == [oracle.divide("f32", ONE, large, "rn")]

    def test_by_zero(self) -> None:
        for form in ("approx", "full"):
            got = run(f"div.{form}.f32", [ONE, MINUS_ONE, ZERO], [ZERO, ZERO, ZERO])
            assert got == [INF, MINUS_INF, NAN]


class TestGrossF64:
    def test_only_the_upper_half_is_used_and_written(self) -> None:
        three = oracle.FORMATS["f64"].encode(Fraction(3), "rn")
        with_noise = three | 0xFFFFFFFF
        for name, exact in (("rcp", 1 / 3), ("rsqrt", 3**-0.5)):
            got, same = run(f"{name}.approx.ftz.f64", [three, with_noise])
            assert got == same
            assert got & 0xFFFFFFFF == 0
            value = oracle.FORMATS["f64"].decode(got)
            assert isinstance(value, Fraction)
            assert abs(float(value) / exact - 1) < 2.0**-20

    def test_special_values(self) -> None:
        inf, nan, minus = 0x7FF << 52, 0x7FFFFFFF << 32, 1 << 63
        operands = [inf, inf | minus, 0, minus, nan | 5, 1]
        got = run("rcp.approx.ftz.f64", operands)
        assert got == [0, minus, inf, inf | minus, nan, inf]
        assert run("rsqrt.approx.ftz.f64", [inf, 0, minus, minus | inf]) == [
            0,
            inf,
            inf | minus,
            nan,
        ]

    @pytest.mark.parametrize("name", ["rcp", "rsqrt"])
    def test_a_payload_in_the_lower_half_alone_is_not_seen(self, name: str) -> None:
        # As an H200 does (tests/gpu/test_arithmetic.py): it is taken for an infinity.
        assert run(f"{name}.approx.ftz.f64", [0x7FF0000000000001]) == [0]


def test_rsqrt_of_f64_is_within_two_ulp() -> None:
    form = oracle.FORMATS["f64"]
    samples = [
        form.encode(Fraction(n, 37) * Fraction(4) ** (n % 400 - 200), "rn") for n in range(1, 800)
    ]
    with localcontext() as context:
        context.prec = DIGITS
        for sample, got in zip(samples, run("rsqrt.approx.f64", samples), strict=True):
            x = form.decode(sample)
            assert isinstance(x, Fraction)
            exact = 1 / (Decimal(x.numerator) / Decimal(x.denominator)).sqrt()
            assert _ulps("f64", got, exact) <= 2


def test_every_half_has_a_tanh_between_minus_one_and_one() -> None:
    for kind, one, infinity in (("f16", 0x3C00, 0x7C00), ("bf16", 0x3F80, 0x7F80)):
        everything = list(range(1 << 16))
        results = run(f"tanh.approx.{kind}", everything)
        nan = oracle.FORMATS[kind].nan
        for x, y in zip(everything, results, strict=True):
            if x & 0x7FFF > infinity:
                assert y == nan
            else:
                assert y & 0x7FFF <= min(one, x & 0x7FFF)
                assert y & 0x8000 == x & 0x8000
        # Monotonic, as the patterns of positive halves are.
        rising = results[: infinity + 1]
        assert rising == sorted(rising)


def test_pairs_are_two_halves() -> None:
    assert run("ex2.approx.f16x2", [0x3C00_0000]) == [0x4000_3C00]
    assert run("ex2.approx.ftz.bf16x2", [0x3F80_0000]) == [0x4000_3F80]
    assert run("tanh.approx.f16x2", [0x0000_7C00]) == [0x0000_3C00]
