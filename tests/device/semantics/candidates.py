"""Opcodes that could be: every combination of modifiers and types worth a question."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

INTEGERS = ("u16", "u32", "u64", "s16", "s32", "s64")
BITS = ("b16", "b32", "b64")
FLOATS = ("f32", "f64")
HALVES = ("f16", "f16x2", "bf16", "bf16x2")
TYPES = ("u8", "s8", "b8", "pred", "tf32", "u16x2", "s16x2", *INTEGERS, *BITS, *FLOATS, *HALVES)
MODES = ("rn", "rz", "rm", "rp")
COMPARISONS = tuple(
    "eq ne lt le gt ge lo ls hi hs equ neu ltu leu gtu geu num nan".split()  # noqa: SIM905
)


def _maybe(*names: str) -> tuple[str, ...]:
    return ("", *names)


def _grid(bases: str, *parts: Iterable[str]) -> Iterator[str]:
    for combination in itertools.product(bases.split(), *parts):
        yield ".".join(part for part in combination if part)


def _arithmetic() -> Iterator[str]:
    rounding = _maybe(*MODES, "lo", "hi", "wide")
    yield from _grid("add sub mul", rounding, _maybe("ftz"), _maybe("sat"), TYPES)
    yield from _grid("fma mad", rounding, _maybe("ftz"), _maybe("sat", "relu"), TYPES)
    yield from _grid("mul24", _maybe("lo", "hi"), TYPES)
    yield from _grid("mad24", _maybe("lo", "hi"), _maybe("sat"), TYPES)
    how = _maybe("approx", "full", *MODES)
    yield from _grid("div rcp sqrt rsqrt ex2 lg2 sin cos tanh", how, _maybe("ftz"), TYPES)
    yield from _grid("neg abs", _maybe("ftz"), TYPES)
    extra = _maybe("xorsign.abs", "relu")
    yield from _grid("min max", _maybe("ftz"), _maybe("NaN"), extra, TYPES)
    yield from _grid("rem sad copysign", TYPES)
    yield from _grid("dp4a", TYPES, TYPES)
    yield from _grid("dp2a", _maybe("lo", "hi"), ("u32", "s32", "b32"), ("u32", "s32"))


def _bits() -> Iterator[str]:
    yield from _grid("popc clz brev bfe bfi and or xor not cnot mov shl shr lop3", TYPES)
    yield from _grid("bfind", _maybe("shiftamt"), TYPES)
    mode = _maybe("clamp", "wrap")
    yield from _grid("bmsk", mode, ("b32", "u32", "b64"))
    yield from _grid("szext", mode, TYPES)
    yield from _grid("shf", ("l", "r"), mode, ("b32", "u32", "b64"))
    yield from _grid("prmt", ("b32", "b64"), _maybe("f4e", "b4e", "rc8", "ecl", "ecr", "rc16"))


def _choices() -> Iterator[str]:
    yield from _grid("setp", COMPARISONS, _maybe("and"), _maybe("ftz"), TYPES)
    to, source = ("u32", "s32", "f32"), (*INTEGERS, *BITS, *FLOATS)
    yield from _grid("set", COMPARISONS, _maybe("and"), _maybe("ftz"), to, source)
    yield from _grid("selp", TYPES)
    yield from _grid("slct", _maybe("ftz"), source, ("s32", "f32", "u32"))
    tests = ("finite", "infinite", "number", "notanumber", "normal", "subnormal")
    yield from _grid("testp", tests, (*FLOATS, "f16"))


def _conversions() -> Iterator[str]:
    types = ("u8", "s8", "f16", "bf16", *INTEGERS, *FLOATS)
    rounding = _maybe(*MODES, "rni", "rzi", "rmi", "rpi")
    yield from _grid("cvt", rounding, _maybe("ftz"), _maybe("sat"), types, types)
    narrow = ("f16", "bf16", "f16x2", "bf16x2", "tf32")
    yield from _grid("cvt", ("rn", "rz", "rna", "rm"), _maybe("relu"), narrow, ("f32",))
    yield from _grid("cvt", ("rna", "rn"), _maybe("relu", "satfinite"), ("tf32",), ("f32",))
    packed = ("u16", "s16", "u8", "s8", "u4", "s4", "u2", "s2")
    yield from _grid("cvt.pack.sat", packed, ("s32",), _maybe("b32"))


def candidates() -> list[str]:
    """About 18,000 opcodes, of which PTX has about one in eight."""
    everything = (_arithmetic(), _bits(), _choices(), _conversions())
    return sorted(set(itertools.chain.from_iterable(everything)))
