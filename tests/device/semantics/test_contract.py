"""What holds for every operation: which exist, and how `apply` treats its operands."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grader.device.semantics import PtxOperation, lookup
from tests.device.semantics.candidates import candidates
from tests.device.semantics.test_carry import CARRY

ACCEPTED = frozenset(
    line
    for line in (Path(__file__).parent / "accepted_opcodes.txt").read_text().splitlines()
    if not line.startswith("#")
)

NOT_OURS = {
    # Accepted by the assembler, but the manual does not say what they mean.
    *(f"fma.{mode}{relu}.{kind}" for mode in ("rz", "rm", "rp") for relu in ("", ".relu")
      for kind in ("bf16", "bf16x2")),
    *(f"rcp.{mode}.ftz.f64" for mode in ("rn", "rz", "rm", "rp")),
    "cvt.bf16.f16",
    "cvt.f16.bf16",
    # Saturation to the largest finite value is left out.
    "cvt.rn.satfinite.tf32.f32",
    "cvt.rna.satfinite.tf32.f32",
}  # fmt: skip

PLAIN = [opcode for opcode in candidates() if lookup(opcode)]
OPCODES = [*PLAIN, *CARRY]


def test_exactly_the_opcodes_of_the_assembler_are_known() -> None:
    assert set(PLAIN) == ACCEPTED - NOT_OURS


@pytest.mark.parametrize(
    "opcode",
    [
        "",
        ".",
        "add",
        "add.",
        "add..s32",
        "add.s32.",
        "add.s32.s32",
        "add.f33",
        "add.ftz.rn.f32",  # the manual's order of modifiers, and no other
        "add.rn.rz.f32",
        "add.rn.ftz.ftz.f32",
        "ADD.s32",
        "setp.lt.nand.f32",
        "cvt.rs.f16x2.f32",
        "ld.global.f32",
        "bra",
        "bar.sync",
        "shfl.sync.down.b32",
        "mov.v2.b32",
        "mov.b128",
        "fma.rn.oob.f16",
        "tanh.approx.ftz.f32",
        "\x00",
        "add.s32 ",
    ],
)
def test_anything_else_is_none(opcode: str) -> None:
    assert lookup(opcode) is None


def test_one_more_modifier_anywhere_is_none() -> None:
    known = set(OPCODES)
    for opcode in OPCODES[::7]:
        parts = opcode.split(".")
        for i in range(1, len(parts) + 1):
            for extra in ("foo", "cc", "volatile"):
                longer = ".".join([*parts[:i], extra, *parts[i:]])
                assert longer in CARRY or lookup(longer) is None
        assert opcode in known


AWKWARD = [0, 1, 2, 31, 32, 33, 64, 0x7F, 0x80, 0xFF, 0x3C00, 0x7C00, 0x7C01, 0x7FFF, 0x8000]
AWKWARD += [0xFFFF, 0x007FFFFF, 0x00800000, 0x3F800000, 0x7F7FFFFF, 0x7F800000, 0x7F800001]
AWKWARD += [0x7FFFFFFF, 0x80000000, 0x80000001, 0xC2FE0000, 0xFF800000, 0xFFFFFFFF]
AWKWARD += [x << 32 for x in AWKWARD[-12:]] + [0x3FF << 52, 1, 0x7FF0000000000001, 2**64 - 1]


def _operands(operation: PtxOperation, seed: int) -> list[NDArray[Any]]:
    """Awkward patterns first, then anything; the same for the same seed."""
    rng = np.random.default_rng(seed)
    sources: list[NDArray[Any]] = []
    for dtype in operation.sources:
        if dtype == np.bool_:
            sources.append(rng.random(len(AWKWARD) * 2) < 0.5)
            continue
        anything = rng.integers(0, 2**64, len(AWKWARD), dtype=np.uint64)
        both = np.concatenate([rng.permutation(np.array(AWKWARD, np.uint64)), anything])
        sources.append(both.astype(f"u{dtype.itemsize}").view(dtype))
    if operation.opcode == "lop3.b32":
        sources[3] = np.full_like(sources[3], 0xCA)
    return sources


def _bits(arrays: tuple[NDArray[Any], ...]) -> list[bytes]:
    return [array.tobytes() for array in arrays]


def _fresh(operation: PtxOperation, fill: int) -> tuple[NDArray[Any], ...]:
    out = []
    for dtype in operation.destinations:
        raw = np.full(len(AWKWARD) * 2 * dtype.itemsize, fill, np.uint8)
        out.append((raw & 1).view(np.bool_) if dtype == np.bool_ else raw.view(dtype))
    return tuple(out)


@pytest.mark.parametrize("base", sorted({opcode.split(".")[0] for opcode in OPCODES}))
def test_operands_are_treated_as_promised(base: str) -> None:
    for opcode in OPCODES:
        if opcode.split(".")[0] == base:
            _check_one(opcode)


def _check_one(opcode: str) -> None:
    operation = lookup(opcode)
    assert operation is not None
    assert operation.opcode == opcode
    src = tuple(_operands(operation, 1))
    before = _bits(src)
    out = _fresh(operation, 0xAA)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("error")
        operation.apply(out, src, True)
        assert _bits(src) == before, f"{opcode} changed a source"
        _check_mask(operation, src, out)
        _check_aliases(operation, src, out)
        _check_scalars(operation, src)
        if operation.optional_destinations:
            first = _fresh(operation, 0x55)[:1]
            operation.apply(first, src, True)
            assert _bits(first) == _bits(out[:1]), f"{opcode} with one destination"


def _check_mask(
    operation: PtxOperation, src: tuple[NDArray[Any], ...], full: tuple[NDArray[Any], ...]
) -> None:
    where = np.random.default_rng(2).random(len(src[0])) < 0.5
    for mask in (where, ~where, np.zeros_like(where)):
        out = _fresh(operation, 0x55)
        untouched = _fresh(operation, 0x55)
        operation.apply(out, src, mask)
        for got, new, old in zip(out, full, untouched, strict=True):
            assert got[mask].tobytes() == new[mask].tobytes(), operation.opcode
            assert got[~mask].tobytes() == old[~mask].tobytes(), operation.opcode


def _check_aliases(
    operation: PtxOperation, src: tuple[NDArray[Any], ...], full: tuple[NDArray[Any], ...]
) -> None:
    """Each source in turn is the same memory as the first destination."""
    where = np.random.default_rng(3).random(len(src[0])) < 0.5
    for i, dtype in enumerate(operation.sources):
        if dtype.itemsize != operation.destinations[0].itemsize:
            continue
        for mask in (True, where):
            copies = [s.copy() for s in src]
            out = list(_fresh(operation, 0x55))
            out[0] = copies[i].view(operation.destinations[0])
            operation.apply(tuple(out), tuple(copies), mask)
            lanes = slice(None) if mask is True else where
            for got, expected in zip(out, full, strict=True):
                assert got[lanes].tobytes() == expected[lanes].tobytes(), operation.opcode


def _check_scalars(operation: PtxOperation, src: tuple[NDArray[Any], ...]) -> None:
    """A NumPy scalar or 0-d array stands for as many equal lanes, in any position."""
    lanes = len(src[0])
    for choice in range(1, 2 ** len(src)):
        for lane in (3, 17):
            chosen = [bool(choice >> i & 1) for i in range(len(src))]
            scalars = tuple(s[lane] if c else s for s, c in zip(src, chosen, strict=True))
            zero_d = tuple(np.array(s) if np.ndim(s) == 0 else s for s in scalars)
            spread = tuple(
                np.full(lanes, s, s.dtype) if c else s for s, c in zip(scalars, chosen, strict=True)
            )
            results = []
            for form in (scalars, zero_d, spread):
                out = _fresh(operation, 0x55)
                operation.apply(out, form, True)
                results.append(_bits(out))
            assert results[0] == results[2], (operation.opcode, chosen)
            assert results[1] == results[2], (operation.opcode, chosen)
            mask = np.arange(lanes) % 3 == 0
            masked = _fresh(operation, 0x55)
            operation.apply(masked, scalars, mask)
            for got, expected in zip(masked, results[2], strict=True):
                whole = np.frombuffer(expected, got.dtype)
                assert got[mask].tobytes() == whole[mask].tobytes(), operation.opcode


@pytest.mark.parametrize(
    "opcode", ["add.s32", "fma.rn.f32", "div.rn.f32", "setp.lt.and.f32", "cvt.rn.f16.f32"]
)
def test_many_lanes_are_the_same_as_few(opcode: str) -> None:
    # Above some thousands of lanes the work goes on in blocks.
    operation = lookup(opcode)
    assert operation is not None
    few = _operands(operation, 4)
    repeats = 400
    many = tuple(np.tile(s, repeats) for s in few)
    where = np.tile(np.arange(len(few[0])) % 2 == 0, repeats)
    for mask in (True, where):
        small = tuple(np.zeros(len(few[0]), d) for d in operation.destinations)
        large = tuple(np.zeros(len(many[0]), d) for d in operation.destinations)
        with np.errstate(all="ignore"):
            operation.apply(small, tuple(few), True if mask is True else where[: len(few[0])])
            operation.apply(large, many, mask)
        for a, b in zip(small, large, strict=True):
            assert np.tile(a, repeats).tobytes() == b.tobytes()


def test_strided_registers_work_too() -> None:
    operation = lookup("fma.rn.f32")
    assert operation is not None
    memory = np.arange(12, dtype=np.float32)
    operation.apply((memory[::3],), (memory[::3], np.float32(2), memory[1::3]), True)
    assert memory[::3].tolist() == [1.0, 10.0, 19.0, 28.0]
