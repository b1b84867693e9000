"""What each kernel of the probes must do, by NumPy or Python's own arithmetic."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.cuda import CudaResult
from grader.device.evidence import FindingKind

Array = NDArray[Any]
N = 64
_RNG = np.random.default_rng(20)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One kernel: what it gets, and what it must leave or print.

    Attributes:
        buffers: The first is the output.
        wanted: The output afterwards; None where it is not compared.
        printed: What is printed.
    """

    buffers: tuple[Array, ...]
    wanted: Array | None = None
    rtol: float = 0.0
    atol: float = 0.0
    threads: int = N
    result: int = 0
    printed: str | None = None
    kinds: frozenset[FindingKind] = field(default=frozenset())


PROBES: dict[tuple[str, str], Probe] = {}


def _add(module: str, name: str, **what: Any) -> None:
    PROBES[module, name] = Probe(**what)


# ---- std.math ----

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])
_ANY, _POSITIVE, _UNIT = (-6.0, 6.0), (0.05, 60.0), (-0.97, 0.97)
_UNARY: dict[str, tuple[Callable[[Array], Array], tuple[float, float]]] = {
    "ceil": (np.ceil, _ANY), "floor": (np.floor, _ANY), "trunc": (np.trunc, _ANY),
    "sqrt": (np.sqrt, _POSITIVE), "rsqrt": (lambda x: 1 / np.sqrt(x), _POSITIVE),
    "recip": (lambda x: 1 / x, _POSITIVE), "exp": (np.exp, _ANY), "exp2": (np.exp2, _ANY),
    "expm1": (np.expm1, _ANY), "log": (np.log, _POSITIVE), "log2": (np.log2, _POSITIVE),
    "log10": (np.log10, _POSITIVE), "log1p": (np.log1p, _POSITIVE), "cbrt": (np.cbrt, _ANY),
    "sin": (np.sin, _ANY), "cos": (np.cos, _ANY), "asin": (np.arcsin, _UNIT),
    "acos": (np.arccos, _UNIT), "sinh": (np.sinh, _ANY), "cosh": (np.cosh, _ANY),
    "tanh": (np.tanh, _ANY), "atanh": (np.arctanh, _UNIT), "erf": (_erf, _ANY),
    "erfc": (_erfc, _ANY),
}  # fmt: skip
_CPU_ONLY = ("atan2", "hypot", "remainder", "scalb", "nextafter")
"""The compiler lets them pass in a kernel; no GPU has them."""
_FLOATS = {"float64": (1e-7, 1e-8), "float32": (2e-5, 2e-6), "float16": (4e-3, 2e-3)}


def bfloat16(values: Array) -> Array:
    """To the bits of the nearest bfloat16, ties to even."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def of_bfloat16(bits: Array) -> Array:
    """The values of bfloat16 bits."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _math() -> None:
    for name, (function, (low, high)) in _UNARY.items():
        x = np.linspace(low, high, N)
        for kind, (rtol, atol) in _FLOATS.items():
            a = x.astype(kind)
            wanted = function(a.astype(np.float64))
            gross = kind == "float64" and name in ("recip", "rsqrt")  # rcp.approx.ftz.f64
            _add(f"math_{kind}", name, buffers=(np.zeros_like(a), a), wanted=wanted,
                 rtol=1e-6 if gross else rtol, atol=atol)  # fmt: skip
        bits = bfloat16(x)
        wanted = function(of_bfloat16(bits).astype(np.float64))
        _add("math_bfloat16", name, buffers=(np.zeros_like(bits), bits), wanted=wanted,
             rtol=1.6e-2, atol=8e-3)  # fmt: skip
    sign = np.where(np.arange(N) % 3, -2.0, 3.0)
    for kind in _FLOATS:
        a, b = np.linspace(-6, 6, N).astype(kind), sign.astype(kind)
        _add(f"math_{kind}", "copysign", buffers=(np.zeros_like(a), a, b), wanted=np.copysign(a, b))
    bits, signs = bfloat16(np.linspace(-6, 6, N)), bfloat16(sign)
    wanted = np.copysign(of_bfloat16(bits), of_bfloat16(signs))
    _add("math_bfloat16", "copysign", buffers=(np.zeros_like(bits), bits, signs), wanted=wanted)
    for kind, name in itertools.product(("float32", "float64"), _CPU_ONLY):
        a = np.ones(N, dtype=kind)
        _add(f"math_{kind}", name, buffers=(a, a, a), result=CudaResult.INVALID_PTX,
             kinds=frozenset({FindingKind.MISSING_FUNCTION}))  # fmt: skip


# ---- printing and stopping ----


def _printing() -> None:
    values = np.array([1.0, 2.25, -3.5, 100.0])
    for name, kind in {
        "Int": int, "Int8": int, "Int16": int, "Int32": int, "Int64": int,
        "Float16": float, "BFloat16": float, "Float32": float, "Float64": float,
    }.items():  # fmt: skip
        lines = [f"{name} {kind(v)}\n" for v in values]
        _add("printing", name, buffers=(values,), threads=4, printed="".join(lines))
    for name in ("UInt", "UInt8", "UInt16", "UInt32", "UInt64"):
        lines = [f"{name} {int(v)}\n" for v in abs(values)]
        _add("printing", name, buffers=(abs(values),), threads=4, printed="".join(lines))
    told = {
        "bool": "False,True\nTrue,True\n",
        "str": "abc-def-x\n" * 2,
        "string": "v=0\nv=1\n",
        "tuple": "(1, 2.5, a)\n" * 2,
        "none": "\n\n",
        "optional": "1\n" * 2,
        "inline": "1\n" * 2,
        "format": "a 1 b\n" * 2,
        "hex": "0x1 0b1\n" * 2,
        "dtype": "float32\n" * 2,
        "err": "",
    }
    for name, printed in told.items():
        _add("printing", name, buffers=(values,), threads=2, printed=printed)
    _add("printing", "list", buffers=(values,), threads=1, printed="[1, 2, 1]\n")
    four = values.astype(np.float32)
    _add("printing", "simd", buffers=(four,), threads=1, printed="[1.0, 2.25, -3.5, 100.0]!\n")
    _add("printing", "simdi", buffers=(np.arange(4, dtype=np.int32),), threads=2,
         printed="[0, 1]\n[2, 3]\n")  # fmt: skip
    many = np.array([0.1, 1 / 3, -2.5e-310, 1.7976931348623157e308, 123456789.125, 1e22])
    text = "".join(f"Float64 {v!r}\n" for v in many.tolist())
    _add("printing", "Float64", buffers=(many,), threads=len(many), printed=text)


def _stopping() -> None:
    fine, bad = np.arange(N, dtype=np.int32), -1 - np.arange(N, dtype=np.int32)
    for name in ("assert_values", "assert_plain", "assert_text", "abort_plain", "abort_text",
                 "abort_values"):  # fmt: skip
        _add("stopping", name, buffers=(fine,), wanted=np.ones(N, np.int32))
        _add("stopping!", name, buffers=(bad,), result=CudaResult.LAUNCH_FAILED,
             kinds=frozenset({FindingKind.TRAP}))  # fmt: skip


# ---- block, warp, atomics ----


def _exclusive(a: Array) -> Array:
    return np.concatenate([[0], np.cumsum(a)[:-1]])


def _block() -> None:
    a = _RNG.integers(-50, 50, 128)
    every = np.ones(128)
    for name, kind, wanted in [
        ("sum", np.float32, every * a.sum()), ("max", np.float32, every * a.max()),
        ("min", np.int32, every * a.min()), ("sumi64", np.int64, every * a.sum()),
        ("prefix", np.float32, np.cumsum(a)), ("prefixe", np.int32, _exclusive(a)),
        ("broadcast", np.float32, every * a[37]),
    ]:  # fmt: skip
        values = a.astype(kind)
        # block.prefix_sum reads cells of its own scratch memory that nothing wrote.
        unwritten = frozenset({FindingKind.UNINITIALISED_READ})
        kinds = unwritten if name.startswith("prefix") else frozenset()
        _add("block", name, buffers=(np.zeros_like(values), values), wanted=wanted, threads=128,
             kinds=kinds)  # fmt: skip


def _per_warp(a: Array, function: Callable[[Array], Any]) -> Array:
    return np.concatenate([np.zeros(32) + function(part) for part in a.reshape(-1, 32)])


def _per_group(a: Array, size: int, function: Callable[[Array], Any]) -> Array:
    return np.repeat(function(a.reshape(-1, size)), size)


def _warp() -> None:
    a = _RNG.integers(-50, 50, N)
    lane = np.arange(N)
    for name, kind, wanted in [
        ("sum", np.float32, _per_warp(a, np.sum)), ("sumi64", np.int64, _per_warp(a, np.sum)),
        ("sumi", np.int32, _per_warp(a, np.sum)), ("max", np.float32, _per_warp(a, np.max)),
        ("min", np.float32, _per_warp(a, np.min)), ("maxi", np.int32, _per_warp(a, np.max)),
        ("prefix", np.float32, _per_warp(a, np.cumsum)),
        ("prefixe", np.int32, _per_warp(a, _exclusive)),
        ("bcast", np.float32, _per_warp(a, lambda w: w[0])),
        ("down", np.float32, a[np.where(lane % 32 < 29, lane + 3, lane)]),
        ("up", np.float32, a[np.where(lane % 32 >= 3, lane - 3, lane)]),
        ("idx", np.float32, _per_warp(a, lambda w: w[9])),
        ("f16", np.float16, _per_warp(a, np.sum)),
    ]:  # fmt: skip
        values = a.astype(kind)
        _add("warp", name, buffers=(np.zeros_like(values), values), wanted=wanted)
    values = a.astype(np.float32)
    # Of a group of lanes, the first has the result.
    for name, size, function in (("lane4", 4, np.sum), ("lane8", 8, np.max)):
        every = _per_group(a, size, lambda g, f=function: f(g, axis=1))
        _add("warp", name, buffers=(np.zeros_like(values), values), wanted=every)
    votes = _per_warp(values, lambda w: np.sum((w > 2) << np.arange(32)))
    _add("warp", "vote", buffers=(np.zeros(N, np.uint32), values), wanted=votes)
    small = bfloat16(a % 7)
    _add("warp", "bf16", buffers=(np.zeros_like(small), small),
         wanted=_per_warp(of_bfloat16(small), np.sum))  # fmt: skip


def _atomics() -> None:
    a = _RNG.integers(-9, 9, N)

    def first(kind: Any, value: Any) -> dict[str, Any]:
        values = a.astype(kind)
        out, wanted = np.full(N, 3, kind), np.full(N, 3, kind)
        wanted[0] = value
        return {"buffers": (out, values), "wanted": wanted}

    total = 3 + a.sum()
    for name, kind, value in [
        ("addf", np.float32, total), ("addf64", np.float64, total), ("addi", np.int32, total),
        ("addl", np.int64, total), ("f16", np.float16, total), ("i8", np.int8, total),
        ("max", np.int32, max(3, a.max())), ("min", np.int32, a.min()),
        ("maxf", np.float32, max(3, a.max())), ("sub", np.int32, 3 - a.sum()),
        ("cas", np.int32, total),
    ]:  # fmt: skip
        _add("atomics", name, **first(kind, value))
    u = np.abs(a).astype(np.uint32)
    _add("atomics", "minu", buffers=(np.full(1, 3, np.uint32), u), wanted=np.array([u.min()]))
    same = np.full(N, 7, np.int32)
    _add("atomics", "xchg", buffers=(np.full(1, 3, np.int32), same), wanted=np.array([7]))
    for name in ("load", "store"):
        values = a.astype(np.int32)
        _add("atomics", name, buffers=(np.zeros_like(values), values), wanted=values)
    bits = bfloat16(np.ones(N))
    _add("atomics", "bf16", buffers=(bfloat16(np.zeros(2)), bits), wanted=np.array([float(N), 0]))


# ---- bits, integers, floats ----


def _reverse(x: int, width: int) -> int:
    return int(f"{x:0{width}b}"[::-1], 2)


def _mixed(x: int, width: int) -> int:
    leading, trailing = width - x.bit_length(), (x & -x).bit_length() - 1 if x else width
    swapped = int.from_bytes(x.to_bytes(width // 8, "little"), "big")
    return x.bit_count() ^ leading << 3 ^ trailing << 7 ^ _reverse(x, width) ^ swapped


def _rotated(x: int) -> int:
    left, right = x << 7 | x >> 25, x >> 3 | x << 29
    return (left ^ right ^ x.bit_length()) & 0xFFFFFFFF


def _powers(x: int) -> int:
    following, previous = 1 << (x - 1).bit_length(), 1 << x.bit_length() - 1
    return (following ^ previous ^ x.bit_length() - 1 ^ (x - 1).bit_length()) & 0xFFFFFFFF


def _bits() -> None:
    u = _RNG.integers(1, 2**30, N).astype(np.uint32)
    for name, function in (
        ("bits", lambda x: _mixed(x, 32)), ("bitrot", _rotated), ("bitpow", _powers),
    ):  # fmt: skip
        wanted = np.array([function(x) for x in u.tolist()], np.uint32)
        _add("bits", name, buffers=(np.zeros_like(u), u), wanted=wanted)
    wide = _RNG.integers(1, 2**62, N)
    wanted = np.array([_mixed(x, 64) for x in wide.tolist()], np.uint64).view(np.int64)
    _add("bits", "bits64", buffers=(np.zeros_like(wide), wide), wanted=wanted)
    small = np.arange(1, N + 1, dtype=np.uint8) * 3
    wanted = np.array([(x.bit_count() ^ ((8 - x.bit_length()) << 3) ^ _reverse(x, 8)) & 255
                       for x in small.tolist()], np.uint8)  # fmt: skip
    _add("bits", "bits8", buffers=(np.zeros_like(small), small), wanted=wanted)


def _signed64(x: int) -> int:
    return (x + 2**63) % 2**64 - 2**63


def _integers() -> None:
    a = np.concatenate([_RNG.integers(-(2**62), 2**62, N - 6), [1, -1, 7, 0, 2**62, -(2**62)]])

    def i128(x: int) -> int:
        y = x * x + x
        return _signed64(y >> 64) ^ y & 0xFFFFFFFF

    for name, function in (
        ("i128", i128),
        ("i256", lambda x: _signed64(x * x - x >> 64)),
        ("i128div", lambda x: _signed64((x << 40) // 12345)),
        ("intpow", lambda x: _signed64(x**3)),
    ):
        wanted = np.array([function(x) for x in a.tolist()], np.int64)
        _add("integers", name, buffers=(np.zeros_like(a), a), wanted=wanted)
    b = np.concatenate([np.arange(-40, -4), np.arange(1, N - 35)])
    wanted = np.array([x // 7 + x % 5 * 100 + x // (x + 3) * 10000 for x in b.tolist()])
    _add("integers", "divs", buffers=(np.zeros_like(b), b), wanted=wanted)
    c = np.arange(1, N + 1)
    wanted = np.array([math.gcd(x, 36) + math.lcm(x, 10) for x in c.tolist()])
    _add("integers", "gcd", buffers=(np.zeros_like(c), c), wanted=wanted)
    wanted = np.array([math.factorial(x % 10) for x in c.tolist()])
    _add("integers", "fact", buffers=(np.zeros_like(c), c), wanted=wanted)


def _floats() -> None:
    x = np.linspace(-5.7, 6.3, N).astype(np.float32)
    d = x.astype(np.float64)
    positive = np.abs(x) + np.float32(0.1)
    p = positive.astype(np.float64)
    mantissa, exponent = np.frexp(x)
    fraction, whole = np.modf(d)
    for name, values, wanted in [
        ("power", positive, p**p), ("fmod", x, d % 1.5 + d // 2.0),
        ("frexp", x, mantissa + exponent * 10.0), ("ldexp", x, d * 8),
        ("modf", x, whole + fraction * 10), ("fma", x, d * d + 1),
        ("clamp", x, np.clip(d, -1, 2) + np.maximum(d, 0.5) + np.minimum(d, 0.25) + abs(d)),
        ("fround", x, np.round(d) + np.round(d, 2)),
        ("casts", positive, positive.astype(np.float16) + of_bfloat16(bfloat16(positive))
         + 3.0 * np.trunc(positive)),
    ]:  # fmt: skip
        _add("floats", name, buffers=(np.zeros_like(values), values), wanted=wanted,
             rtol=3e-5, atol=1e-5)  # fmt: skip
    _add("floats", "iota", buffers=(np.zeros(4 * N, np.float32), x),
         wanted=(x[:, None] + np.arange(4, dtype=np.float32)).ravel())  # fmt: skip
    special = np.resize(np.array([np.nan, np.inf, -np.inf, 1, 0, -0.0], np.float32), N)
    wanted = np.isnan(special) + 2 * np.isinf(special) + 4 * np.isfinite(special)
    _add("floats", "classify", buffers=(np.zeros(N, np.int32), special), wanted=wanted)
    close = np.resize(np.array([1, 1 + 1e-7, 1.1, 0.5], np.float32), N)
    _add("floats", "isclose", buffers=(np.zeros(N, np.int32), close),
         wanted=np.isclose(close, 1.0).astype(np.int32))  # fmt: skip
    exact = np.resize(np.array([0.5, 1, -2, 3, 1.75], np.float32), N)
    _add("floats", "cast8", buffers=(np.zeros_like(exact), exact), wanted=2 * exact)


# ---- random, sorting, vectors, collections ----

_PHILOX = ((0xD2511F53, 0xCD9E8D57), (0x9E3779B9, 0xBB67AE85))


def philox(seed: int, subsequence: int) -> list[int]:
    """Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3")."""
    (m0, m1), (w0, w1) = _PHILOX
    mask = 0xFFFFFFFF
    counter = [0, 0, subsequence & mask, subsequence >> 32]
    key = [seed & mask, seed >> 32]
    for _ in range(10):
        first, second = m0 * counter[0], m1 * counter[2]
        counter = [
            second >> 32 ^ counter[1] ^ key[0], second & mask,
            first >> 32 ^ counter[3] ^ key[1], first & mask,
        ]  # fmt: skip
        key = [key[0] + w0 & mask, key[1] + w1 & mask]
    return counter


def _random() -> None:
    wanted = np.array([philox(42, t) for t in range(N)], np.uint32).ravel()
    _add("random", "philox", buffers=(np.zeros(4 * N, np.uint32),), wanted=wanted)
    _add("random", "uniform", buffers=(np.zeros(4 * N, np.float32),))
    _add("random", "normal", buffers=(np.zeros(8 * N, np.float32),))


def _vectors() -> None:
    a = _RNG.integers(-99, 99, 16 * N).astype(np.int32)
    wanted = np.sort(a.reshape(N, 16), axis=1).ravel()
    _add("sorting", "sort", buffers=(np.zeros_like(a), a), wanted=wanted)
    v = _RNG.integers(-3, 4, (N, 4))
    f = v.astype(np.float32)
    wanted = v.sum(1) + v.max(1) * v.min(1) + v.prod(1) + v[:, 3] + v[:, 2]
    _add("simd", "simdops", buffers=(np.zeros(N, np.float32), f.ravel()), wanted=wanted)
    i = v.astype(np.int32)
    wanted = (np.where(i > 2, i, -i).sum(1) + (i > 2).all(1) + np.bitwise_or.reduce(i, axis=1)
              + np.bitwise_and.reduce(i, axis=1))  # fmt: skip
    _add("simd", "simdi", buffers=(np.zeros(N, np.int32), i.ravel()), wanted=wanted)
    x = np.arange(N + 4, dtype=np.float32)
    _add("simd", "mem", buffers=(np.zeros(N, np.float32), x), wanted=x[:N] + x[3 : N + 3])
    _add("simd", "clock", buffers=(np.zeros(N, np.int64),))
    _add("simd", "hash", buffers=(np.zeros(N, np.int64), np.arange(N)))
    z = np.arange(N) + 2j
    w = z * z + z / (1 + 1j)
    _add("simd", "complex", buffers=(np.zeros(N, np.float32), np.arange(N, dtype=np.float32)),
         wanted=w.real + w.imag + abs(z) ** 2, rtol=1e-6)  # fmt: skip


def _collections() -> None:
    n = np.arange(N, dtype=np.int32) % 8
    for name, wanted in (
        ("array", np.full(N, 3)), ("list", np.array([sum(k * k for k in range(x)) for x in n])),
        ("dict", np.where(n > 2, 6, 7)), ("alloc", 28 + 8 * n),
    ):  # fmt: skip
        _add("collections", name, buffers=(n,), wanted=wanted)
    pick = np.arange(N, dtype=np.float32) % 4
    wanted = np.where(pick == 0, 5, 1) + 10 * np.where(pick == 2, 5, 1)
    _add("collections", "stuple", buffers=(np.zeros_like(pick), pick), wanted=wanted)
    _add("collections", "idxl", buffers=(np.zeros_like(n), n),
         wanted=(n * n + n) * 6 * 12 + (n == 1))  # fmt: skip
    _add("collections", "optional", buffers=(np.zeros_like(n), n), wanted=np.where(n > 2, n, 77))


def _calls() -> None:
    n = np.arange(32) % 8
    i = n.astype(np.int32)
    _add("calls", "raises", buffers=(np.zeros_like(i), i), wanted=np.where(i > 3, -1, 2 * i),
         threads=32)  # fmt: skip
    fib = [0, 1, 1, 2, 3, 5, 8, 13]
    for name, wanted in (
        ("fib", np.array(fib)[n]), ("evenodd", 1 - n % 2), ("ack", 2 * n + 3),
    ):  # fmt: skip
        _add("calls", name, buffers=(np.zeros_like(n), n), wanted=wanted, threads=32)
    rows = _RNG.integers(0, 99, (32, 20)).astype(np.int32)
    _add("calls", "quick", buffers=(rows.ravel(),), wanted=np.sort(rows, axis=1).ravel(),
         threads=32)  # fmt: skip
    x = np.arange(32, dtype=np.float32)
    _add("calls", "fptr", buffers=(np.zeros_like(x), x), threads=32,
         wanted=np.select([x % 3 == 0, x % 3 == 1], [2 * x, x * x], -x))  # fmt: skip
    _add("calls", "fptr2", buffers=(np.zeros_like(x), x), threads=32,
         wanted=np.where(x > 3, x * x, 2 * x))  # fmt: skip
    _add("calls", "reclocal", buffers=(np.zeros_like(x), x), threads=32,
         wanted=np.array([_built(t % 7, float(t)) for t in range(32)]))  # fmt: skip
    _add("calls", "hanoi", buffers=(np.zeros(32, np.int64), x), threads=32,
         wanted=np.full(32, sum(_hanoi(5, 1, 3, 2))))  # fmt: skip
    _add("calls", "recprint", buffers=(x, x), threads=1, printed=_visited(2))
    _add("calls", "endless", buffers=(np.zeros(32, np.int64), n), threads=1,
         result=CudaResult.HARDWARE_STACK_ERROR,
         kinds=frozenset({FindingKind.STACK_OVERFLOW}))  # fmt: skip


def _built(n: int, x: float) -> float:
    cells = [x] * 4
    cells[n % 4] = float(n)
    if n == 0:
        return cells[3]
    return _built(n - 1, cells[int(x) % 4]) + cells[0] * 2 + cells[3]


def _hanoi(n: int, f: int, t: int, v: int) -> list[int]:
    if n == 0:
        return []
    return [*_hanoi(n - 1, f, v, t), f * 10 + t, *_hanoi(n - 1, v, t, f)]


def _visited(n: int) -> str:
    if n == 0:
        return ""
    return f"level {n} of 0\n{_visited(n - 1) * 2}done {n}\n"


for _fill in (_math, _printing, _stopping, _block, _warp, _atomics, _bits, _integers, _floats,
              _random, _vectors, _collections, _calls):  # fmt: skip
    _fill()
