"""Every rounding mode of every IEEE operation equals one rounding of the exact value."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.device.semantics import oracle
from tests.device.semantics.driving import run

MODES = ("rn", "rz", "rm", "rp")


def floats(kind: str) -> st.SearchStrategy[int]:
    """Patterns of a format: any, near each other in exponent, and the awkward ones."""
    form = oracle.FORMATS[kind]
    hidden = form.precision - 1
    one = form.encode(Fraction(1), "rn")
    awkward = [0, 1, form.infinity, form.infinity - 1, form.nan, 1 << hidden, (1 << hidden) - 1]
    awkward += [one, one + 1, one - 1, (1 << hidden) + 1]
    reach = min(40, (form.infinity >> hidden) // 3)
    close = st.integers(one - (reach << hidden), one + (reach << hidden))
    # Few mantissa bits make ties and cancellations likely.
    sparse = st.builds(
        lambda exponent, top, low: (exponent << hidden) | (top << (hidden - 2)) | low,
        st.integers(0, (form.infinity >> hidden) - 1),
        st.integers(0, 3),
        st.integers(0, 3),
    )
    any_pattern = st.integers(0, form.sign - 1)
    magnitude = st.one_of(st.sampled_from(awkward), sparse, any_pattern, close)
    return st.builds(lambda m, s: m | (form.sign if s else 0), magnitude, st.booleans())


def tuples(kind: str, count: int) -> st.SearchStrategy[list[tuple[int, ...]]]:
    one: st.SearchStrategy[tuple[int, ...]] = st.tuples(*(floats(kind) for _ in range(count)))
    if count == 3:
        one = st.one_of(one, one.map(lambda abc: _cancelling(kind, abc)))
    return st.lists(one, min_size=1, max_size=20)


def _cancelling(kind: str, abc: tuple[int, ...]) -> tuple[int, ...]:
    """With an addend that is the rounded product with the other sign, or next to it."""
    a, b, c = abc
    product = oracle.multiply(kind, a, b, "rn")
    return a, b, (product ^ oracle.FORMATS[kind].sign) + (c % 3 - 1 if product & 0xFF else 0)


CASES: list[tuple[str, str, Callable[..., int], int]] = [
    *[(f"add.{{}}.{k}", k, oracle.add, 2) for k in ("f32", "f64")],
    *[(f"mul.{{}}.{k}", k, oracle.multiply, 2) for k in ("f32", "f64")],
    *[(f"fma.{{}}.{k}", k, oracle.fma, 3) for k in ("f32", "f64")],
    *[(f"mad.{{}}.{k}", k, oracle.fma, 3) for k in ("f32", "f64")],
    *[(f"div.{{}}.{k}", k, oracle.divide, 2) for k in ("f32", "f64")],
    *[(f"sqrt.{{}}.{k}", k, oracle.square_root, 1) for k in ("f32", "f64")],
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c[0].replace(".{}", ""))
def test_is_one_rounding_of_the_exact_value(
    case: tuple[str, str, Callable[..., int], int], mode: str
) -> None:
    template, kind, exact, count = case

    @settings(max_examples=40, deadline=None)
    @given(tuples(kind, count))
    def check(operands: list[tuple[int, ...]]) -> None:
        got = run(template.format(mode), *zip(*operands, strict=True))
        assert got == [exact(kind, *one, mode) for one in operands]

    check()


HALF_CASES: list[tuple[str, str, Callable[..., int], int]] = [
    (f"{base}.rn.{kind}", kind, exact, count)
    for kind in ("f16", "bf16")
    for base, exact, count in (
        ("add", oracle.add, 2),
        ("mul", oracle.multiply, 2),
        ("fma", oracle.fma, 3),
    )
]


@pytest.mark.parametrize("case", HALF_CASES, ids=lambda c: c[0])
def test_halves_are_one_rounding_too(case: tuple[str, str, Callable[..., int], int]) -> None:
    opcode, kind, exact, count = case

    @settings(max_examples=100, deadline=None)
    @given(tuples(kind, count))
    def check(operands: list[tuple[int, ...]]) -> None:
        columns = [list(column) for column in zip(*operands, strict=True)]
        expected = [exact(kind, *one, "rn") for one in operands]
        assert run(opcode, *columns) == expected
        # The same in the high half of a pair, with other work in the low half.
        pairs = [[x << 16 | 0x3C00 for x in column] for column in columns]
        assert [p >> 16 for p in run(f"{opcode}x2", *pairs)] == expected

    check()


def test_subtraction_is_addition_of_the_negative() -> None:
    a, b = oracle.f32(1.0), oracle.f32(2.0**-24)
    assert run("sub.rn.f32", [a], [b]) == [oracle.add("f32", a, b | 1 << 31, "rn")]
    assert run("sub.rz.f32", [a], [b]) == [oracle.add("f32", a, b | 1 << 31, "rz")]
    assert run("sub.rm.f64", [1 << 62], [1 << 62]) == [1 << 63]


def test_reciprocal_is_a_division() -> None:
    for mode in MODES:
        three = oracle.f32(3.0)
        assert run(f"rcp.{mode}.f32", [three]) == [
            oracle.divide("f32", oracle.f32(1.0), three, mode)
        ]


class TestFusedF32:
    """Where rounding the float64 sum again would go wrong."""

    def test_a_tie_that_is_none(self) -> None:
        # 1 * (1 + 2**-23 * 0.5 exactly half way) + something too small for float64 to keep.
        a, b = oracle.f32(1 + 2.0**-12), oracle.f32(1 + 2.0**-12)
        # a * b = 1 + 2**-11 + 2**-24: half way between two f32.
        for tiny, mode in ((2.0**-100, "above"), (-(2.0**-100), "below")):
            got = run("fma.rn.f32", [a], [b], [oracle.f32(tiny)])
            above = oracle.f32(1 + 2.0**-11 + 2.0**-23)
            below = oracle.f32(1 + 2.0**-11)
            assert got == [above if mode == "above" else below]

    def test_a_subnormal_result(self) -> None:
        a, b, c = oracle.f32(2.0**-75), oracle.f32(2.0**-75), 1
        got = run("fma.rn.f32", [a], [b], [c])
        # 2**-150 + 2**-149 is half way between 1 and 2 units of the last place: to even.
        assert got == [2]
        got = run("fma.rn.f32", [oracle.f32(2.0**-75 * (1 - 2.0**-24))], [b], [c])
        assert got == [1]

    def test_the_largest_that_does_not_overflow(self) -> None:
        largest = 0x7F7FFFFF
        half_ulp = oracle.f32(2.0**103)
        almost = half_ulp - 1
        one = oracle.f32(1.0)
        assert run("fma.rn.f32", [largest], [one], [almost]) == [largest]
        assert run("fma.rn.f32", [largest], [one], [half_ulp]) == [0x7F800000]


def test_f64_at_the_edge_of_overflow() -> None:
    # Error terms overflow here, so that these lanes take the way over integers.
    form = oracle.FORMATS["f64"]
    largest, factor = form.infinity - 1, form.encode(Fraction(2**490), "rn")
    for mode, expected in (("rn", form.infinity), ("rz", largest), ("rm", largest)):
        assert run(f"fma.{mode}.f64", [factor], [factor], [largest]) == [expected]
        assert run(f"add.{mode}.f64", [largest], [largest]) == [expected]
        assert run(f"mul.{mode}.f64", [largest], [largest]) == [expected]


class TestFlushToZero:
    LEAST = 0x00800000

    def test_subnormal_operands_count_as_zeros_of_their_sign(self) -> None:
        assert run("add.ftz.f32", [0x007FFFFF], [0x80000001]) == [0]
        assert run("mul.ftz.f32", [0x80000001], [oracle.f32(1.0)]) == [0x80000000]
        assert run("fma.rn.ftz.f32", [1], [oracle.f32(4.0)], [0x80000000]) == [0]

    def test_subnormal_results_become_zeros_of_their_sign(self) -> None:
        assert run("add.ftz.f32", [self.LEAST], [0x80800001]) == [0x80000000]
        assert run("add.f32", [self.LEAST], [0x80800001]) == [0x80000001]

    @pytest.mark.parametrize("opcode", ["mul.rn{}.f32", "fma.rn{}.f32"])
    def test_tiny_is_judged_as_if_exponents_had_no_end(self, opcode: str) -> None:
        # Folded so by the CUDA 13.0 assembler: 2**-126 * (1 - 2**-24) is tiny, although
        # the grid of subnormals rounds it up to 2**-126; 2**-126 * (1 - 2**-26) is not.
        rest = [[0]] if "fma" in opcode else []
        tiny = ([self.LEAST], [0x3F7FFFFF], *rest)
        assert run(opcode.format(""), *tiny) == [self.LEAST]
        assert run(opcode.format(".ftz"), *tiny) == [0]
        a, b = oracle.f32(2.0**-63 * (1 - 2.0**-13)), oracle.f32(2.0**-63 * (1 + 2.0**-13))
        assert run(opcode.format(".ftz"), [a], [b], *rest) == [self.LEAST]

    def test_nothing_else_changes(self) -> None:
        values = [oracle.f32(x) for x in (1.5, -2.25, 2.0**-126, float("inf"), 0.0)]
        ones = [oracle.f32(1.0)] * len(values)
        for opcode in ("add.rn", "mul.rn", "div.rn", "add.rz"):
            assert run(f"{opcode}.ftz.f32", values, ones) == run(f"{opcode}.f32", values, ones)


class TestSaturation:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [(-1.0, 0.0), (-0.0, 0.0), (0.25, 0.25), (1.0, 1.0), (7.5, 1.0), (float("nan"), 0.0)],
    )
    def test_clamps_to_zero_and_one(self, value: float, expected: float) -> None:
        got = run("add.sat.f32", [oracle.f32(value)], [0x80000000])
        assert got == [oracle.f32(expected)]
        fused = run("fma.rn.sat.f32", [oracle.f32(value)], [oracle.f32(1.0)], [0x80000000])
        assert fused == [oracle.f32(expected)]

    def test_of_halves(self) -> None:
        assert run("add.sat.f16", [0x4000, 0xC000, 0x7E00], [0, 0, 0]) == [0x3C00, 0, 0]

    def test_relu_keeps_a_nan(self) -> None:
        got = run("fma.rn.relu.f16", [0xC000, 0x7E00, 0x4000], [0x3C00] * 3, [0] * 3)
        assert got == [0, 0x7FFF, 0x4000]


@pytest.mark.parametrize(
    ("opcode", "infinity", "nan"),
    [
        ("add.rn.f32", 0x7F800000, 0x7FFFFFFF),
        ("add.rz.f32", 0x7F800000, 0x7FFFFFFF),
        ("add.rn.f16", 0x7C00, 0x7FFF),
        ("add.rn.bf16", 0x7F80, 0x7FFF),
        ("add.rn.f64", 0x7FF << 52, 0x7FF8000000000000),
        ("add.rp.f64", 0x7FF << 52, 0x7FF8000000000000),
    ],
)
def test_nan_results_are_canonical(opcode: str, infinity: int, nan: int) -> None:
    bits = {0x7F80: 16, 0x7C00: 16, 0x7F800000: 32}.get(infinity, 64)
    minus = infinity | 1 << (bits - 1)
    payload = infinity + 5
    assert run(opcode, [infinity, payload], [minus, 0]) == [nan, nan]


def test_negation_and_magnitude_touch_the_sign_alone() -> None:
    # The CUDA 13.0 assembler folds NaN operands so, payload kept.
    assert run("neg.f32", [0x7FC12345, 1, 0x80000000]) == [0xFFC12345, 0x80000001, 0]
    assert run("abs.f32", [0xFFC12345, 0x80000001]) == [0x7FC12345, 1]
    assert run("neg.ftz.f32", [1]) == [0x80000000]
    assert run("neg.bf16x2", [0x3F800000]) == [0xBF808000]
    assert run("abs.f16", [0xC000]) == [0x4000]
    assert run("neg.f64", [0]) == [1 << 63]


def test_copysign_takes_the_sign_of_the_first_operand() -> None:
    got = run("copysign.f32", [oracle.f32(-2.0), oracle.f32(3.0)], [oracle.f32(5.0)] * 2)
    assert got == [oracle.f32(-5.0), oracle.f32(5.0)]
