"""A second opinion on PTX arithmetic, in Python integers and fractions alone."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: its width, precision and exponent range."""

    bits: int
    precision: int
    least_exponent: int
    """Of the last bit of a subnormal: every value is a multiple of 2**this."""
    top_exponent: int
    """Values reach up to, but not, 2**this."""
    nan: int

    @property
    def infinity(self) -> int:
        exponent_bits = self.bits - self.precision
        return ((1 << exponent_bits) - 1) << (self.precision - 1)

    @property
    def sign(self) -> int:
        return 1 << (self.bits - 1)

    def decode(self, pattern: int) -> Fraction | str:
        """The value: a fraction, or ``"inf"``, ``"-inf"``, ``"nan"``. Zero loses its sign."""
        magnitude = pattern & (self.sign - 1)
        negative = bool(pattern & self.sign)
        if magnitude > self.infinity:
            return "nan"
        if magnitude == self.infinity:
            return "-inf" if negative else "inf"
        exponent, mantissa = divmod(magnitude, 1 << (self.precision - 1))
        if exponent:
            mantissa += 1 << (self.precision - 1)
            exponent -= 1
        value = Fraction(mantissa) * Fraction(2) ** (exponent + self.least_exponent)
        return -value if negative else value

    def encode(self, value: Fraction, mode: str, zero_sign: int = 0) -> int:
        """The pattern of a real number, rounded once by ``mode``."""
        if not value:
            return self.sign if zero_sign else 0
        negative = value < 0
        magnitude = abs(value)
        exponent = max(_floor_log2(magnitude) - self.precision + 1, self.least_exponent)
        scaled = magnitude / Fraction(2) ** exponent
        kept = scaled.numerator // scaled.denominator
        rest = scaled - kept
        if mode == "rn":
            up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and kept % 2 == 1)
        elif mode == "rna":
            up = rest >= Fraction(1, 2)
        else:
            up = bool(rest) and mode == ("rm" if negative else "rp")
        kept += up
        result = Fraction(kept) * Fraction(2) ** exponent
        if result >= Fraction(2) ** self.top_exponent:
            away = mode in ("rn", "rna") or mode == ("rm" if negative else "rp")
            pattern = self.infinity if away else self.infinity - 1
        elif kept < 1 << (self.precision - 1):
            pattern = kept
        else:
            biased = _floor_log2(result) - self.precision + 2 - self.least_exponent
            mantissa = result / Fraction(2) ** (biased - 1 + self.least_exponent)
            pattern = (biased << (self.precision - 1)) + int(mantissa) - (1 << (self.precision - 1))
        return pattern | (self.sign if negative else 0)


def _floor_log2(x: Fraction) -> int:
    guess = x.numerator.bit_length() - x.denominator.bit_length()
    return guess if Fraction(2) ** guess <= x else guess - 1


FORMATS = {
    "f16": Format(16, 11, -24, 16, 0x7FFF),
    "bf16": Format(16, 8, -133, 128, 0x7FFF),
    "f32": Format(32, 24, -149, 128, 0x7FFFFFFF),
    "f64": Format(64, 53, -1074, 1024, 0x7FF8000000000000),
}


def fma(kind: str, a: int, b: int, c: int, mode: str) -> int:
    """The pattern of ``a * b + c`` rounded once, all special cases included."""
    form = FORMATS[kind]
    x, y, z = (form.decode(p) for p in (a, b, c))
    negative = bool((a ^ b) & form.sign)
    if "nan" in (x, y, z):
        return form.nan
    infinite = {"inf", "-inf"}
    if x in infinite or y in infinite:
        if x == 0 or y == 0:
            return form.nan
        if z in infinite and (z == "-inf") != negative:
            return form.nan
        return form.infinity | (form.sign if negative else 0)
    if z in infinite:
        return c
    assert isinstance(x, Fraction)
    assert isinstance(y, Fraction)
    assert isinstance(z, Fraction)
    total = x * y + z
    zero_sign = form.sign if mode == "rm" else 0
    if x * y == 0 and z == 0 and negative == bool(c & form.sign):
        zero_sign = form.sign if negative else 0
    return form.encode(total, mode, zero_sign)


def add(kind: str, a: int, b: int, mode: str) -> int:
    """``a + b`` as ``a * 1 + b``."""
    form = FORMATS[kind]
    return fma(kind, a, form.encode(Fraction(1), "rn"), b, mode)


def multiply(kind: str, a: int, b: int, mode: str) -> int:
    """``a * b``; the zero that is added has the product's sign."""
    form = FORMATS[kind]
    return fma(kind, a, b, (a ^ b) & form.sign, mode)


def divide(kind: str, a: int, b: int, mode: str) -> int:
    """``a / b`` rounded once, all special cases included."""
    form = FORMATS[kind]
    x, y = form.decode(a), form.decode(b)
    sign = (a ^ b) & form.sign
    infinite = {"inf", "-inf"}
    if "nan" in (x, y) or (x in infinite and y in infinite) or (x == 0 and y == 0):
        return form.nan
    if x in infinite or y == 0:
        return form.infinity | sign
    if y in infinite or x == 0:
        return sign
    assert isinstance(x, Fraction)
    assert isinstance(y, Fraction)
    return form.encode(x / y, mode)


def square_root(kind: str, a: int, mode: str) -> int:
    """The square root rounded once: by a floor root with 100 spare bits and a sticky one."""
    form = FORMATS[kind]
    x = form.decode(a)
    if x == 0 or x == "inf":
        return a
    if not isinstance(x, Fraction) or x < 0:
        return form.nan
    shift = 2 * (1100 + 100)
    n = x * 2**shift
    assert n.denominator == 1
    root = math.isqrt(n.numerator)
    sticky = root * root != n.numerator
    return form.encode(Fraction(2 * root + sticky, 2 * 2 ** (shift // 2)), mode)


def f32(x: float) -> int:
    """The pattern of an f32."""
    return int.from_bytes(struct.pack("<f", x), "little")
