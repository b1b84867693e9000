"""setp, set, testp, min and max."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest

from tests.device.semantics import oracle
from tests.device.semantics.candidates import COMPARISONS
from tests.device.semantics.driving import run, run_all

NAN = math.nan

FORMULAS = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a < b or a > b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "num": lambda a, b: not (math.isnan(a) or math.isnan(b)),
    "nan": lambda a, b: math.isnan(a) or math.isnan(b),
}
"""By IEEE: the ordered ones are false for NaN. `ne` is ordered, too."""


def expected(operator: str, a: float, b: float) -> bool:
    if operator.endswith("u"):
        return math.isnan(a) or math.isnan(b) or FORMULAS[operator[:-1]](a, b)
    return FORMULAS[operator](a, b)


FLOATS = [0.0, -0.0, 1.0, -1.0, 1.5, math.inf, -math.inf, NAN]
PAIRS = list(itertools.product(FLOATS, FLOATS))
FLOAT_OPERATORS = [c for c in COMPARISONS if c not in ("lo", "ls", "hi", "hs")]


def pattern(x: float, kind: str) -> int:
    form = oracle.FORMATS[kind]
    if math.isnan(x):
        return form.nan
    if math.isinf(x):
        return form.infinity | (form.sign if x < 0 else 0)
    return form.encode(Fraction(x), "rn", int(math.copysign(1, x) < 0))


@pytest.mark.parametrize("kind", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize("operator", FLOAT_OPERATORS)
def test_floats_compare_as_ieee_says(operator: str, kind: str) -> None:
    a, b = ([pattern(x, kind) for x in column] for column in zip(*PAIRS, strict=True))
    truth = [int(expected(operator, x, y)) for x, y in PAIRS]
    p, q = run_all(f"setp.{operator}.{kind}", a, b)
    assert p == truth
    assert q == [1 - t for t in truth]


@pytest.mark.parametrize("kind", ["u16", "u32", "u64", "s16", "s32", "s64"])
def test_integers_compare_by_their_sign(kind: str) -> None:
    bits = int(kind[1:])
    values = [0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1]
    rows = list(itertools.product(values, values))
    a, b = (list(column) for column in zip(*rows, strict=True))

    def meaning(x: int) -> int:
        return x - 2**bits if kind[0] == "s" and x >> (bits - 1) else x

    names = {"lo": "lt", "ls": "le", "hi": "gt", "hs": "ge"} if kind[0] == "u" else {}
    for operator in ("eq", "ne", "lt", "le", "gt", "ge", *names):
        formula = FORMULAS[names.get(operator, operator)]
        truth = [int(formula(meaning(x), meaning(y))) for x, y in rows]
        assert run(f"setp.{operator}.{kind}", a, b) == truth


def test_the_second_predicate_combines_the_complement() -> None:
    # p = t op c, q = (not t) op c (the manual's own definition).
    a, b, c = [1, 1, 3, 3], [2, 2, 2, 2], [0, 1, 0, 1]
    truth = [1, 1, 0, 0]
    for name, op in (
        ("and", lambda x, y: x & y),
        ("or", lambda x, y: x | y),
        ("xor", lambda x, y: x ^ y),
    ):
        p, q = run_all(f"setp.lt.{name}.s32", a, b, c)
        assert p == [op(t, y) for t, y in zip(truth, c, strict=True)]
        assert q == [op(1 - t, y) for t, y in zip(truth, c, strict=True)]


def test_pairs_give_one_predicate_a_half() -> None:
    low_less, high_less = 0x4000_3C00, 0x3C00_4000
    p, q = run_all("setp.lt.f16x2", [low_less], [high_less])
    assert (p, q) == ([1], [0])


def test_flushed_operands_compare_as_zeros() -> None:
    assert run("setp.gt.f32", [1], [0]) == [1]
    assert run("setp.gt.ftz.f32", [1], [0]) == [0]
    assert run("setp.eq.ftz.f32", [0x80000001], [1]) == [1]


def test_set_writes_ones_or_one() -> None:
    less = [oracle.f32(1.0), oracle.f32(3.0)], [oracle.f32(2.0)] * 2
    assert run("set.lt.u32.f32", *less) == [0xFFFFFFFF, 0]
    assert run("set.lt.s32.f32", *less) == [0xFFFFFFFF, 0]
    assert run("set.lt.f32.f32", *less) == [oracle.f32(1.0), 0]
    assert run("set.lt.xor.f32.f32", *less, [1, 1]) == [0, oracle.f32(1.0)]


def test_classes_of_numbers() -> None:
    values = [0, 0x80000000, 1, 0x00800000, 0x7F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000]
    table = {
        "finite": [1, 1, 1, 1, 1, 0, 0, 0],
        "infinite": [0, 0, 0, 0, 0, 1, 1, 0],
        "number": [1, 1, 1, 1, 1, 1, 1, 0],
        "notanumber": [0, 0, 0, 0, 0, 0, 0, 1],
        # Zeros count as normal numbers.
        "normal": [1, 1, 0, 1, 1, 0, 0, 0],
        "subnormal": [0, 0, 1, 0, 0, 0, 0, 0],
    }
    for test, truth in table.items():
        assert run(f"testp.{test}.f32", values) == truth


def _winner(a: float, b: float, largest: bool) -> float:
    if math.isnan(a) or math.isnan(b):
        return b if math.isnan(a) else a
    if a == b == 0:
        signs = (math.copysign(1, a), math.copysign(1, b))
        return math.copysign(0.0, max(signs) if largest else min(signs))
    return max(a, b) if largest else min(a, b)


@pytest.mark.parametrize("kind", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize("base", ["min", "max"])
def test_extremes_prefer_numbers_and_order_zeros(base: str, kind: str) -> None:
    a, b = ([pattern(x, kind) for x in column] for column in zip(*PAIRS, strict=True))
    winners = [_winner(x, y, base == "max") for x, y in PAIRS]
    assert run(f"{base}.{kind}", a, b) == [pattern(x, kind) for x in winners]
    if kind == "f64":
        return
    nan = oracle.FORMATS[kind].nan
    with_nan = [
        nan if math.isnan(x) or math.isnan(y) else pattern(w, kind)
        for (x, y), w in zip(PAIRS, winners, strict=True)
    ]
    assert run(f"{base}.NaN.{kind}", a, b) == with_nan


def test_a_nan_result_is_canonical() -> None:
    assert run("min.f32", [0x7FC12345], [0xFFC12345]) == [0x7FFFFFFF]
    assert run("max.NaN.f16", [0x7E01], [0x3C00]) == [0x7FFF]
    assert run("min.bf16x2", [0x7FC1_3F80], [0xFFC1_4000]) == [0x7FFF_3F80]


def test_xorsign_compares_magnitudes() -> None:
    cases = [(-3.0, 2.0, -2.0, -3.0), (-3.0, -2.0, 2.0, 3.0), (NAN, -2.0, None, None)]
    for x, y, low, high in cases:
        a, b = [oracle.f32(x)], [oracle.f32(y)]
        if low is not None and high is not None:
            assert run("min.xorsign.abs.f32", a, b) == [oracle.f32(low)]
            assert run("max.xorsign.abs.f32", a, b) == [oracle.f32(high)]
    assert run("min.NaN.xorsign.abs.f32", [0x7FC00000], [oracle.f32(1.0)]) == [0x7FFFFFFF]
    assert run("max.xorsign.abs.f16", [0xC000], [0x3C00]) == [0xC000]


def test_subnormals_are_flushed_before_the_choice() -> None:
    assert run("max.ftz.f32", [0x00000001], [0x80000000]) == [0]
    assert run("min.ftz.f32", [0x80000005], [0x3F800000]) == [0x80000000]
