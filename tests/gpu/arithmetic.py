"""Every opcode that the software device computes, beside a real GPU.

    python -m tests.gpu.arithmetic [OPCODE ...]

One kernel for each opcode, its operands from memory. What is printed are the opcodes whose bits
differ from the GPU's, with the first operands at which they do. NaNs count as equal.
"""

from __future__ import annotations

import contextlib
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.semantics import PtxOperation, lookup
from grader.device.semantics.operation import DTYPES, EXACT
from tests.device.semantics.test_contract import AWKWARD, OPCODES
from tests.gpu.driver import Driver, DriverError

Array = NDArray[Any]

LANES = 8192
_BLOCK = 256
_IN_ONE_MODULE = 64
_HEAD = ".version 8.8\n.target {target}\n.address_size 64\n"
_LUT = 0xCA
"""The truth table that ``lop3`` is tried with: it has to stand in the text."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One opcode here and there.

    Attributes:
        refused: What the GPU's assembler said, where it does not take the opcode.
        differing: In how many lanes some destination differs, or is farther off than it may be.
        example: Operands and both results where they differ first.
    """

    opcode: str
    refused: str = ""
    differing: int = 0
    example: str = ""


def kind_of(opcode: str) -> str:
    """The PTX type of the result: the first that the opcode names."""
    return next(part for part in opcode.split(".") if part in DTYPES)


def operands(operation: PtxOperation) -> list[Array]:
    """Awkward patterns, any patterns and ordinary numbers, mixed; the same for each opcode."""
    rng = np.random.default_rng(zlib.crc32(operation.opcode.encode()))
    sources: list[Array] = []
    for dtype in operation.sources:
        if dtype == np.bool_:
            sources.append(rng.random(LANES) < 0.5)
            continue
        unsigned = np.dtype(f"u{dtype.itemsize}")
        ordinary = (rng.standard_normal(LANES) * 2.0 ** rng.integers(-12, 13, LANES)).astype("f8")
        values = [
            rng.choice(np.array(AWKWARD, np.uint64), LANES).astype(unsigned),
            rng.integers(0, 2**64, LANES, dtype=np.uint64).astype(unsigned),
            _as_patterns(ordinary, dtype, operation.opcode).astype(unsigned),
        ]
        chosen = np.choose(rng.integers(0, 3, LANES), values)
        sources.append(chosen.view(dtype))
    if operation.opcode == "lop3.b32":
        sources[3] = np.full_like(sources[3], _LUT)
    if operation.opcode.startswith(("bfe", "bfi")):
        # The manual gives a meaning to positions and lengths up to 255 alone.
        sources[-2:] = [source & source.dtype.type(0xFF) for source in sources[-2:]]
    return sources


def _as_patterns(ordinary: Array, dtype: np.dtype[Any], opcode: str) -> Array:
    """Ordinary numbers as an operand of this type has them; small integers for an integer."""
    if dtype.kind == "f":
        return ordinary.astype(dtype).view(f"u{dtype.itemsize}")
    single = ordinary.astype(np.float32).view(np.uint32)
    if "bf16" in opcode:
        half = single >> 16
        return half | half[::-1] << 16
    if "f16" in opcode:
        half = ordinary.astype(np.float16).view(np.uint16).astype(np.uint32)
        return half | half[::-1] << 16
    return np.abs(ordinary).astype(np.uint64) % 100


def destinations(operation: PtxOperation) -> tuple[np.dtype[Any], ...]:
    """Those that the text names. ``setp`` of a half has no ``p|q``, other than the manual says."""
    alone = operation.opcode.startswith("setp") and operation.opcode.endswith("f16")
    return operation.destinations[:1] if alone else operation.destinations


def here(operation: PtxOperation, sources: Sequence[Array]) -> list[Array]:
    """The results of the software device."""
    out = tuple(np.zeros(LANES, dtype) for dtype in destinations(operation))
    with np.errstate(all="ignore"):
        operation.apply(out, tuple(sources), True)
    return list(out)


def kernel(operation: PtxOperation, name: str) -> str:
    """An entry that takes the addresses of the destinations and then of the sources."""
    results = destinations(operation)
    count = len(results) + len(operation.sources)
    named = [f"%d{i}" for i in range(len(results) - operation.writes_carry)]
    given = [f"%s{i}" for i in range(len(operation.sources) - operation.reads_carry)]
    if operation.opcode == "lop3.b32":
        given[3] = str(_LUT)
    lines = [
        ".reg .b32 %t, %b, %n, %c;",
        ".reg .b64 %i, %x;",
        ".reg .b16 %w;",
        "mov.u32 %t, %tid.x;",
        "mov.u32 %b, %ctaid.x;",
        "mov.u32 %n, %ntid.x;",
        "mad.lo.u32 %t, %b, %n, %t;",
        "cvt.u64.u32 %i, %t;",
    ]
    offset = len(results)
    for i, dtype in enumerate(operation.sources):
        lines += [f".reg {_register(dtype)} %s{i};", *_address(offset + i, dtype)]
        lines += _load(f"%s{i}", dtype)
    for i, dtype in enumerate(results):
        lines.append(f".reg {_register(dtype)} %d{i};")
    if operation.reads_carry:
        last = f"%s{len(operation.sources) - 1}"
        # One and all ones carry, nothing and all ones do not.
        lines += [f"selp.u32 %c, 1, 0, {last};", "add.cc.u32 %c, %c, 0xffffffff;"]
    lines.append(f"{operation.opcode} {', '.join(['|'.join(named), *given])};")
    if operation.writes_carry:
        last = f"%d{len(results) - 1}"
        lines += ["addc.u32 %c, 0, 0;", f"setp.ne.u32 {last}, %c, 0;"]
    for i, dtype in enumerate(results):
        lines += [*_address(i, dtype), *_store(f"%d{i}", dtype)]
    parameters = ", ".join(f".param .u64 q{k}" for k in range(count))
    body = "\n    ".join(lines)
    return f".visible .entry {name}({parameters})\n{{\n    {body}\n    ret;\n}}\n"


def _register(dtype: np.dtype[Any]) -> str:
    return ".pred" if dtype == np.bool_ else f".b{max(dtype.itemsize * 8, 16)}"


def _address(parameter: int, dtype: np.dtype[Any]) -> list[str]:
    return [
        f"ld.param.u64 %x, [q{parameter}];",
        "cvta.to.global.u64 %x, %x;",
        f"mad.lo.u64 %x, %i, {dtype.itemsize}, %x;",
    ]


def _load(register: str, dtype: np.dtype[Any]) -> list[str]:
    if dtype == np.bool_:
        return ["ld.global.u8 %w, [%x];", f"setp.ne.u16 {register}, %w, 0;"]
    return [f"ld.global.{'b' if dtype.itemsize > 1 else 'u'}{dtype.itemsize * 8} {register}, [%x];"]


def _store(register: str, dtype: np.dtype[Any]) -> list[str]:
    if dtype == np.bool_:
        return [f"selp.u16 %w, 1, 0, {register};", "st.global.u8 [%x], %w;"]
    return [f"st.global.{'b' if dtype.itemsize > 1 else 'u'}{dtype.itemsize * 8} [%x], {register};"]


def compare(driver: Driver, opcodes: Sequence[str], target: str) -> Iterator[Comparison]:
    """Each opcode on the GPU. Those that its assembler refuses are told apart one by one.

    Raises:
        DriverError: a kernel failed, and the GPU can't be used any more.
    """
    operations = [found for opcode in opcodes if (found := lookup(opcode))]
    text = _HEAD.format(target=target)
    text += "".join(kernel(operation, f"k{i}") for i, operation in enumerate(operations))
    with contextlib.ExitStack() as loaded:
        try:
            module = loaded.enter_context(driver.module(text))
        except DriverError as error:
            if len(opcodes) == 1:
                yield Comparison(opcode=opcodes[0], refused=str(error))
                return
            middle = len(opcodes) // 2
            for part in (opcodes[:middle], opcodes[middle:]):
                yield from compare(driver, part, target)
            return
        for i, operation in enumerate(operations):
            sources = operands(operation)
            ours = here(operation, sources)
            buffers = [*(np.zeros_like(array) for array in ours), *sources]
            grid, block = (LANES // _BLOCK, 1, 1), (_BLOCK, 1, 1)
            theirs = driver.launch(module, f"k{i}", buffers, grid=grid, block=block)
            yield _judged(operation, sources, ours, theirs[: len(ours)])


def _judged(
    operation: PtxOperation, sources: list[Array], ours: list[Array], theirs: list[Array]
) -> Comparison:
    kind = kind_of(operation.opcode)
    wrong = np.zeros(LANES, bool)
    for mine, its in zip(ours, theirs, strict=True):
        if operation.accuracy == EXACT or mine.dtype == np.bool_:
            wrong |= _differ(mine, its, kind)
        else:
            with np.errstate(all="ignore"):
                wrong |= ~_within_bounds(operation.opcode, sources, mine, its)
    example = ""
    if wrong.any():
        lane = int(np.argmax(wrong))
        shown = [
            " ".join(f"{int(_pattern(array)[lane]):#x}" for array in arrays)
            for arrays in (sources, ours, theirs)
        ]
        example = f"{shown[0]} -> here {shown[1]}, GPU {shown[2]}"
    return Comparison(opcode=operation.opcode, differing=int(wrong.sum()), example=example)


def _pattern(array: Array) -> Array:
    return array.astype(np.uint8) if array.dtype == np.bool_ else array.view(f"u{array.itemsize}")


def _halves(array: Array, kind: str) -> list[tuple[Array, str]]:
    if not kind.endswith("x2"):
        return [(_pattern(array), kind)]
    pattern = _pattern(array)
    return [(pattern & 0xFFFF, kind[:-2]), (pattern >> 16, kind[:-2])]


_INFINITY = {
    "f16": 0x7C00, "bf16": 0x7F80, "f32": 0x7F800000, "tf32": 0x7F800000, "f64": 0x7FF << 52,
}  # fmt: skip
_WIDTH = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8}
_OURS = {"f16": 2.0**-11, "bf16": 2.0**-8, "f32": 2.0**-24, "f64": 2.0**-20}
"""How far off our own results may be, relative."""
_LEAST = {"f16": 2.0**-24, "bf16": 2.0**-126, "f32": 2.0**-126, "f64": 2.0**-1022}
BOUNDS: dict[tuple[str, str], tuple[float, float]] = {
    ("div", "f32"): (2 * 2.0**-23, 0), ("rcp", "f32"): (2.0**-23, 0),
    ("sqrt", "f32"): (2.0**-23, 0), ("rsqrt", "f32"): (2.0**-22.9, 0),
    ("ex2", "f32"): (2 * 2.0**-23, 0), ("lg2", "f32"): (2.0**-22, 2.0**-22),
    ("sin", "f32"): (0, 2.0**-14.7), ("cos", "f32"): (0, 2.0**-14.7),
    ("tanh", "f32"): (2.0**-11, 0), ("tanh", "f16"): (0, 2.0**-10.987),
    ("tanh", "bf16"): (0, 2.0**-8), ("ex2", "f16"): (2.0**-9.9, 0), ("ex2", "bf16"): (2.0**-7, 0),
    ("rcp", "f64"): (2.0**-20, 0), ("rsqrt", "f64"): (2.0**-20, 0),
}  # fmt: skip
"""Relative and absolute bounds of the manual (docs/device-arithmetic.md)."""
_NO_BOUND = {
    "sin": lambda x: x > 100 * np.pi, "cos": lambda x: x > 100 * np.pi,
    "div": lambda x: (x < 2.0**-126) | (x > 2.0**126),
}  # fmt: skip
"""Where the last operand is so that the manual gives none."""
_SIGN = {"f16": 1 << 15, "bf16": 1 << 15, "f32": 1 << 31, "tf32": 1 << 31, "f64": 1 << 63}


def _differ(mine: Array, its: Array, kind: str) -> Array:
    """Where the bits do; two NaNs do not."""
    if mine.dtype == np.bool_ or kind.removesuffix("x2") not in _INFINITY:
        return _pattern(mine) != _pattern(its)
    found = np.zeros(LANES, bool)
    for (a, one), (b, _) in zip(_halves(mine, kind), _halves(its, kind), strict=True):
        nan = [(x & x.dtype.type(_SIGN[one] - 1)) > _INFINITY[one] for x in (a, b)]
        found |= (a != b) & ~(nan[0] & nan[1])
    return found


def _value(pattern: Array, kind: str) -> Array:
    if kind == "bf16":
        return (pattern.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return pattern.astype(f"u{_WIDTH[kind]}").view(f"f{_WIDTH[kind]}").astype(np.float64)


def _within_bounds(opcode: str, sources: list[Array], mine: Array, its: Array) -> Array:
    """Whether an approximate result is as near to ours, which is nearly exact, as it has to be."""
    base, kind = opcode.split(".")[0], kind_of(opcode)
    relative, absolute = BOUNDS[base, kind.removesuffix("x2")]
    fine = np.ones(LANES, bool)
    for half, ((a, one), (b, _)) in enumerate(
        zip(_halves(mine, kind), _halves(its, kind), strict=True)
    ):
        x, y = _value(a, one), _value(b, one)
        finite = np.isfinite(x) & np.isfinite(y)
        # The least normal number for what is flushed or rounded at the very end of the range.
        allowed = np.abs(x) * (relative + _OURS[one]) + absolute + _LEAST[one]
        near = np.abs(x - y) <= allowed
        equal = (x == y) | (np.isnan(x) & np.isnan(y))
        argument = _value(_halves(sources[-1], kind)[half][0], one)
        no_bound = _NO_BOUND[base](np.abs(argument)) if base in _NO_BOUND else np.zeros(LANES, bool)
        fine &= equal | (finite & near) | no_bound
    return fine


def everything(driver: Driver, opcodes: Sequence[str] = OPCODES) -> Iterator[Comparison]:
    """All opcodes, in modules of some dozens."""
    for start in range(0, len(opcodes), _IN_ONE_MODULE):
        yield from compare(driver, opcodes[start : start + _IN_ONE_MODULE], driver.target)


def main() -> None:
    """Print what differs, and the counts."""
    found = list(everything(Driver(), sys.argv[1:] or OPCODES))
    for each in found:
        if each.refused:
            print(f"refused  {each.opcode}: {each.refused.splitlines()[-1][:200]}")
        elif each.differing:
            print(f"DIFFERS  {each.opcode}: {each.differing} lanes, {each.example}")
    refused = sum(bool(each.refused) for each in found)
    differing = sum(bool(each.differing) for each in found)
    print(f"{len(found)} opcodes, {refused} refused by the GPU's assembler, {differing} differ")


if __name__ == "__main__":
    main()
