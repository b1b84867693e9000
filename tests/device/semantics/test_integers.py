"""Integer and bit instructions against Python's integers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.device.semantics.driving import run

KINDS = ("u16", "u32", "u64", "s16", "s32", "s64")


def width(kind: str) -> int:
    return int(kind[1:])


def value(pattern: int, kind: str) -> int:
    """What a bit pattern means as ``kind``."""
    pattern &= (1 << width(kind)) - 1
    negative = kind[0] == "s" and pattern >> (width(kind) - 1)
    return pattern - (1 << width(kind)) if negative else pattern


def wrapped(x: int, bits: int) -> int:
    return x & ((1 << bits) - 1)


def clamp_s32(x: int) -> int:
    return wrapped(min(max(x, -(2**31)), 2**31 - 1), 32)


def operands(kind: str) -> st.SearchStrategy[int]:
    """Patterns: the ends of the range, small numbers of either sign, and anything."""
    bits = width(kind)
    ends = [0, 1, 2**bits - 1, 2 ** (bits - 1), 2 ** (bits - 1) - 1, 2 ** (bits // 2)]
    near = st.integers(-40, 40).map(lambda x: wrapped(x, bits))
    return st.one_of(st.sampled_from(ends), near, st.integers(0, 2**bits - 1))


def truncated_quotient(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def divide(a: int, b: int) -> int:
    return truncated_quotient(a, b) if b else -1


def remainder(a: int, b: int) -> int:
    return a - b * truncated_quotient(a, b) if b else -1


WRAPPING: dict[str, tuple[Callable[..., int], int]] = {
    "add": (lambda a, b: a + b, 2),
    "sub": (lambda a, b: a - b, 2),
    "mul.lo": (lambda a, b: a * b, 2),
    "mad.lo": (lambda a, b, c: a * b + c, 3),
    "min": (min, 2),
    "max": (max, 2),
    "sad": (lambda a, b, c: c + abs(a - b), 3),
    "div": (divide, 2),
    "rem": (remainder, 2),
}


def check_rows(
    opcode: str, columns: list[st.SearchStrategy[int]], expected: Callable[..., int]
) -> None:
    """``opcode`` on rows of patterns gives ``expected(*row)``, a pattern, for each."""

    @settings(max_examples=20, deadline=None)
    @given(st.lists(st.tuples(*columns), min_size=1, max_size=20))
    def check(rows: list[tuple[int, ...]]) -> None:
        got = run(opcode, *zip(*rows, strict=True))
        assert got == [expected(*row) for row in rows]

    check()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", WRAPPING)
def test_results_wrap(name: str, kind: str) -> None:
    function, count = WRAPPING[name]

    def expected(*row: int) -> int:
        return wrapped(function(*(value(x, kind) for x in row)), width(kind))

    check_rows(f"{name}.{kind}", [operands(kind)] * count, expected)


@pytest.mark.parametrize("kind", ["s16", "s32", "s64"])
def test_neg_and_abs(kind: str) -> None:
    bits = width(kind)
    check_rows(f"neg.{kind}", [operands(kind)], lambda a: wrapped(-a, bits))
    check_rows(f"abs.{kind}", [operands(kind)], lambda a: wrapped(abs(value(a, kind)), bits))


@pytest.mark.parametrize("kind", KINDS)
def test_upper_half_of_a_product(kind: str) -> None:
    bits = width(kind)

    def high(a: int, b: int) -> int:
        return wrapped(value(a, kind) * value(b, kind) >> bits, bits)

    check_rows(f"mul.hi.{kind}", [operands(kind)] * 2, high)
    check_rows(
        f"mad.hi.{kind}", [operands(kind)] * 3, lambda a, b, c: wrapped(high(a, b) + c, bits)
    )


@pytest.mark.parametrize("kind", ["u16", "s16", "u32", "s32"])
def test_wide_products_lose_nothing(kind: str) -> None:
    double = f"{kind[0]}{2 * width(kind)}"
    bits = width(double)

    def product(a: int, b: int) -> int:
        return wrapped(value(a, kind) * value(b, kind), bits)

    check_rows(f"mul.wide.{kind}", [operands(kind)] * 2, product)
    check_rows(
        f"mad.wide.{kind}",
        [operands(kind), operands(kind), operands(double)],
        lambda a, b, c: wrapped(product(a, b) + c, bits),
    )


def test_saturating_sums() -> None:
    s32 = operands("s32")
    check_rows("add.sat.s32", [s32, s32], lambda a, b: clamp_s32(value(a, "s32") + value(b, "s32")))
    check_rows("sub.sat.s32", [s32, s32], lambda a, b: clamp_s32(value(a, "s32") - value(b, "s32")))
    check_rows(
        "mad.hi.sat.s32",
        [s32] * 3,
        lambda a, b, c: clamp_s32((value(a, "s32") * value(b, "s32") >> 32) + value(c, "s32")),
    )


def test_relu_of_integers_and_pairs() -> None:
    assert run("min.relu.s32", [-5, 7], [3, 9]) == [0, 7]
    assert run("max.relu.s32", [-5, 7], [-3, 9]) == [0, 9]
    assert run("max.s16x2", [0xFFFF_0001], [0x0001_FFFF]) == [0x0001_0001]
    assert run("max.u16x2", [0xFFFF_0001], [0x0001_FFFF]) == [0xFFFF_FFFF]
    assert run("min.relu.s16x2", [0xFFFF_0005], [0x0001_0009]) == [0x0000_0005]
    assert run("add.u16x2", [0xFFFF_FFFF], [0x0001_0002]) == [0x0000_0001]


@pytest.mark.parametrize("kind", ["u32", "s32"])
def test_products_of_24_bits(kind: str) -> None:
    def narrow(x: int) -> int:
        return value(x << 8 & 0xFFFFFFFF, kind) >> 8

    def low(a: int, b: int) -> int:
        return wrapped(narrow(a) * narrow(b), 32)

    def high(a: int, b: int) -> int:
        return wrapped(narrow(a) * narrow(b) >> 16, 32)

    two, three = [operands(kind)] * 2, [operands(kind)] * 3
    check_rows(f"mul24.lo.{kind}", two, low)
    check_rows(f"mul24.hi.{kind}", two, high)
    check_rows(f"mad24.lo.{kind}", three, lambda a, b, c: wrapped(low(a, b) + c, 32))
    check_rows(f"mad24.hi.{kind}", three, lambda a, b, c: wrapped(high(a, b) + c, 32))


@pytest.mark.parametrize("a_kind", ["u32", "s32"])
@pytest.mark.parametrize("b_kind", ["u32", "s32"])
def test_dot_products(a_kind: str, b_kind: str) -> None:
    def part(x: int, kind: str, index: int, bits: int) -> int:
        field = x >> (index * bits) & ((1 << bits) - 1)
        negative = kind == "s32" and field >> (bits - 1)
        return field - (1 << bits) if negative else field

    def four(a: int, b: int, c: int) -> int:
        terms = (part(a, a_kind, i, 8) * part(b, b_kind, i, 8) for i in range(4))
        return wrapped(c + sum(terms), 32)

    def two(first: int) -> Callable[[int, int, int], int]:
        def function(a: int, b: int, c: int) -> int:
            terms = (part(a, a_kind, i, 16) * part(b, b_kind, first + i, 8) for i in range(2))
            return wrapped(c + sum(terms), 32)

        return function

    row = [operands("u32")] * 3
    check_rows(f"dp4a.{a_kind}.{b_kind}", row, four)
    check_rows(f"dp2a.lo.{a_kind}.{b_kind}", row, two(0))
    check_rows(f"dp2a.hi.{a_kind}.{b_kind}", row, two(2))


@pytest.mark.parametrize("kind", ["u32", "s32", "u16", "s16", "u64", "s64"])
def test_division_by_zero_is_all_ones(kind: str) -> None:
    # So folds the CUDA 13.0 assembler; the manual leaves it open.
    ones = 2 ** width(kind) - 1
    assert run(f"div.{kind}", [7, 0], [0, 0]) == [ones, ones]
    assert run(f"rem.{kind}", [7, 0], [0, 0]) == [ones, ones]


def test_the_least_integer_divided_by_minus_one_wraps() -> None:
    assert run("div.s32", [0x80000000], [0xFFFFFFFF]) == [0x80000000]
    assert run("rem.s32", [0x80000000], [0xFFFFFFFF]) == [0]


AMOUNTS = st.one_of(st.integers(0, 80), st.integers(0, 2**32 - 1))


class TestShifts:
    @pytest.mark.parametrize("bits", [16, 32, 64])
    def test_amounts_stop_at_the_width(self, bits: int) -> None:
        u, s = f"u{bits}", f"s{bits}"
        any_bits = operands(u)
        check_rows(
            f"shl.b{bits}", [any_bits, AMOUNTS], lambda a, n: wrapped(a << min(n, bits), bits)
        )
        check_rows(f"shr.u{bits}", [any_bits, AMOUNTS], lambda a, n: a >> min(n, bits))
        check_rows(f"shr.b{bits}", [any_bits, AMOUNTS], lambda a, n: a >> min(n, bits))
        check_rows(
            f"shr.s{bits}",
            [any_bits, AMOUNTS],
            lambda a, n: wrapped(value(a, s) >> min(n, bits), bits),
        )

    def test_many_lanes_at_once(self) -> None:
        # NumPy's own rule for amounts of the width and more, in its vector loops.
        amounts = list(range(200))
        ones = [0xFFFFFFFF] * 200
        assert run("shl.b32", ones, amounts) == [wrapped(0xFFFFFFFF << n, 32) for n in amounts]
        assert run("shr.u32", ones, amounts) == [0xFFFFFFFF >> n for n in amounts]

    @pytest.mark.parametrize("mode", ["clamp", "wrap"])
    def test_funnel(self, mode: str) -> None:
        def amount(n: int) -> int:
            return min(n, 32) if mode == "clamp" else n & 31

        row = [operands("u32"), operands("u32"), AMOUNTS]
        check_rows(
            f"shf.l.{mode}.b32", row, lambda a, b, n: wrapped((b << 32 | a) << amount(n) >> 32, 32)
        )
        check_rows(
            f"shf.r.{mode}.b32", row, lambda a, b, n: wrapped((b << 32 | a) >> amount(n), 32)
        )


class TestCounting:
    @pytest.mark.parametrize("bits", [32, 64])
    def test_popc_clz_brev(self, bits: int) -> None:
        one = [operands(f"u{bits}")]
        check_rows(f"popc.b{bits}", one, lambda a: a.bit_count())
        check_rows(f"clz.b{bits}", one, lambda a: bits - a.bit_length())
        check_rows(f"brev.b{bits}", one, lambda a: int(f"{a:0{bits}b}"[::-1], 2))

    @pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
    def test_bfind(self, kind: str) -> None:
        def index(a: int) -> int:
            number = value(a, kind)
            return (~number if number < 0 else number).bit_length() - 1

        def shift(a: int) -> int:
            return width(kind) - 1 - index(a) if index(a) >= 0 else -1

        one = [operands(kind)]
        check_rows(f"bfind.{kind}", one, lambda a: wrapped(index(a), 32))
        check_rows(f"bfind.shiftamt.{kind}", one, lambda a: wrapped(shift(a), 32))


FIELD = st.one_of(st.integers(0, 70), st.integers(0, 2**32 - 1))


class TestFields:
    @pytest.mark.parametrize("kind", ["u32", "s32", "u64", "s64"])
    def test_extract_as_the_manual_spells_it(self, kind: str) -> None:
        top = width(kind) - 1

        def bfe(a: int, b: int, c: int) -> int:
            start, length = b & 0xFF, c & 0xFF
            sign = 0
            if kind[0] == "s" and length:
                sign = a >> min(start + length - 1, top) & 1
            result = 0
            for i in range(top + 1):
                inside = i < length and start + i <= top
                result |= (a >> (start + i) & 1 if inside else sign) << i
            return result

        check_rows(f"bfe.{kind}", [operands(kind), FIELD, FIELD], bfe)

    @pytest.mark.parametrize("bits", [32, 64])
    def test_insert_as_the_manual_spells_it(self, bits: int) -> None:
        def bfi(a: int, b: int, c: int, d: int) -> int:
            start, length = c & 0xFF, d & 0xFF
            for i in range(length):
                if start + i < bits:
                    bit = 1 << (start + i)
                    b = b | bit if a >> i & 1 else b & ~bit
            return b

        row = [operands(f"u{bits}")] * 2 + [FIELD, FIELD]
        check_rows(f"bfi.b{bits}", row, bfi)

    @pytest.mark.parametrize("mode", ["clamp", "wrap"])
    def test_bmsk_as_the_manual_spells_it(self, mode: str) -> None:
        def bmsk(a: int, b: int) -> int:
            start, length = a & 31, b & 31
            low = wrapped(-1 << start, 32)
            beyond = wrapped(-1 << (start + length), 32)
            over = start + length >= 32
            if mode == "clamp" and a >= 32:
                over, low = True, 0
            if mode == "clamp" and b >= 32:
                over = True
            if over:
                beyond = 0
            elif not length:
                beyond = wrapped(-1, 32)
            return low & ~beyond

        check_rows(f"bmsk.{mode}.b32", [FIELD, FIELD], bmsk)
        assert run("bmsk.wrap.b32", [1], [2]) == [0b110]

    @pytest.mark.parametrize("mode", ["clamp", "wrap"])
    @pytest.mark.parametrize("kind", ["u32", "s32"])
    def test_szext_as_the_manual_spells_it(self, mode: str, kind: str) -> None:
        def szext(a: int, b: int) -> int:
            length = b & 31
            too_large = b >= 32 and mode == "clamp"
            mask = 0 if too_large else wrapped(-1 << length, 32)
            sign = 0
            if length and not too_large and kind == "s32":
                sign = a >> (length - 1) & 1
            return (a & ~mask) | (mask if sign else 0)

        check_rows(f"szext.{mode}.{kind}", [operands("u32"), FIELD], szext)


class TestBytes:
    def test_prmt_picks_bytes_or_signs(self) -> None:
        def prmt(a: int, b: int, c: int) -> int:
            source = (b << 32 | a).to_bytes(8, "little")
            picked = []
            for i in range(4):
                selector = c >> (4 * i) & 0xF
                byte = source[selector & 7]
                picked.append((0xFF if byte & 0x80 else 0) if selector & 8 else byte)
            return int.from_bytes(bytes(picked), "little")

        row = [operands("u32")] * 3
        check_rows("prmt.b32", row, prmt)

    @pytest.mark.parametrize(
        ("mode", "picked"),
        [
            # The manual's table: destination bytes 3 2 1 0 for c & 3 of 0, 1, 2, 3.
            ("f4e", ["3210", "4321", "5432", "6543"]),
            ("b4e", ["5670", "6701", "7012", "0123"]),
            ("rc8", ["0000", "1111", "2222", "3333"]),
            ("ecl", ["3210", "3211", "3222", "3333"]),
            ("ecr", ["0000", "1110", "2210", "3210"]),
            ("rc16", ["1010", "3232", "1010", "3232"]),
        ],
    )
    def test_modes_of_prmt(self, mode: str, picked: list[str]) -> None:
        # Byte number n holds 0xA0 + n.
        got = run(f"prmt.b32.{mode}", [0xA3A2A1A0] * 4, [0xA7A6A5A4] * 4, [0, 1, 2, 7])
        assert [f"{x:08X}".replace("A", "") for x in got] == picked


class TestLogic:
    @pytest.mark.parametrize("bits", [16, 32, 64])
    def test_bit_by_bit(self, bits: int) -> None:
        row = [operands(f"u{bits}")] * 2
        check_rows(f"and.b{bits}", row, lambda a, b: a & b)
        check_rows(f"or.b{bits}", row, lambda a, b: a | b)
        check_rows(f"xor.b{bits}", row, lambda a, b: a ^ b)
        check_rows(f"not.b{bits}", row[:1], lambda a: wrapped(~a, bits))
        check_rows(f"cnot.b{bits}", row[:1], lambda a: int(a == 0))
        check_rows(f"mov.b{bits}", row[:1], lambda a: a)

    def test_of_predicates(self) -> None:
        a, b = [0, 0, 1, 1], [0, 1, 0, 1]
        assert run("and.pred", a, b) == [0, 0, 0, 1]
        assert run("or.pred", a, b) == [0, 1, 1, 1]
        assert run("xor.pred", a, b) == [0, 1, 1, 0]
        assert run("not.pred", a) == [1, 1, 0, 0]
        assert run("mov.pred", a) == a

    def test_lop3_reads_its_truth_table(self) -> None:
        # With these three the result of each bit position is the table itself.
        for table in range(256):
            assert run("lop3.b32", [0xF0], [0xCC], [0xAA], [table])[0] & 0xFF == table

    def test_selection(self) -> None:
        assert run("selp.b32", [1, 1], [2, 2], [1, 0]) == [1, 2]
        assert run("selp.f64", [1, 1], [2, 2], [0, 1]) == [2, 1]
        minus_zero, nan, minus_tiny = 0x80000000, 0x7FC00000, 0x80000001
        selectors = [0, 0xFFFFFFFF, 5]
        assert run("slct.b32.s32", [1] * 3, [2] * 3, selectors) == [1, 2, 1]
        floats = [minus_zero, nan, minus_tiny]
        assert run("slct.u32.f32", [1] * 3, [2] * 3, floats) == [1, 2, 2]
        assert run("slct.ftz.u32.f32", [1] * 3, [2] * 3, floats) == [1, 2, 1]
