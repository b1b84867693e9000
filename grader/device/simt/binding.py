"""From an instruction to a step: its operands bound to the arrays of a machine.

A step has two forms. ``full`` takes nothing and runs for all lanes; ``some``
takes the lanes to run for.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.lanes import Lanes
from grader.device.ptx.model import (
    Immediate,
    Negated,
    Operand,
    PtxError,
    Register,
    Sink,
    Special,
    Symbol,
)
from grader.device.simt.machine import Machine
from grader.device.simt.program import CodeSite
from grader.device.simt.regions import LOCAL_WINDOW, PARAM_WINDOW, SHARED_WINDOW

Array = NDArray[Any]
Full = Callable[[], None]
Some = Callable[[Lanes], None]
_COUNTERS = ("%clock", "%clock64", "%clock_hi", "%globaltimer", "%globaltimer_lo")


@dataclass(frozen=True, slots=True)
class BoundStep:
    """One instruction, ready to run."""

    full: Full
    some: Some


@dataclass(slots=True)
class Binding:
    """The operands of one instruction on one machine.

    Attributes:
        before: Run before the instruction, for all lanes (to negate a predicate, say).
        after: Run after it (to extend a result into a wider register).
    """

    machine: Machine
    site: CodeSite
    before: list[Full] = field(default_factory=list)
    after: list[BoundStep] = field(default_factory=list)
    scratches: int = 0

    def scratch(self, dtype: Any) -> Array:
        """An array with a value for each lane, which only this instruction uses while it runs."""
        self.scratches += 1
        return self.machine.scratch(dtype, self.scratches)

    def error(self, what: str) -> PtxError:
        """The error for an instruction that is not sound."""
        return PtxError(f"{what} in `{self.site.instruction.text}`", self.site.line)

    def source(self, operand: Operand, dtype: np.dtype[Any]) -> Any:
        """A source: an array over all lanes, or a scalar, of ``dtype``."""
        if isinstance(operand, Register):
            return self._view(self.machine.register(self.site, operand.name), operand, dtype)
        if isinstance(operand, Immediate):
            return immediate(operand, dtype)
        if isinstance(operand, Special):
            return self._view(self._special(operand), operand, dtype)
        if isinstance(operand, Symbol):
            return self._address(operand, dtype)
        if isinstance(operand, Negated):
            return self._negated(operand, dtype)
        raise self.error("an operand of an unexpected kind")

    def destination(self, operand: Operand, dtype: np.dtype[Any]) -> Array:
        """Where a result of ``dtype`` goes: a view of a register, or a place it is moved from."""
        if isinstance(operand, Sink):
            return self.scratch(dtype)
        if not isinstance(operand, Register):
            raise self.error("a destination that is no register")
        register = self.machine.register(self.site, operand.name)
        if register.dtype == dtype:
            return register
        if register.dtype == np.bool_ or dtype == np.bool_:
            raise self.error(f"{operand.name} has the wrong type")
        if register.itemsize == dtype.itemsize:
            return register.view(dtype)
        if register.itemsize < dtype.itemsize:
            raise self.error(f"{operand.name} is too narrow")
        return self._extended(register, dtype)

    def _extended(self, register: Array, dtype: np.dtype[Any]) -> Array:
        """A place whose values are sign- or zero-extended into the register afterwards."""
        scratch = self.scratch(dtype)
        if dtype.kind == "i":
            values, target = scratch, register.view(f"i{register.itemsize}")
        else:
            values, target = scratch.view(f"u{dtype.itemsize}"), register

        def full() -> None:
            target[...] = values

        def some(lanes: Lanes) -> None:
            target[lanes.index] = values[lanes.index]

        self.after.append(BoundStep(full, some))
        return scratch

    def _view(self, array: Array, operand: Operand, dtype: np.dtype[Any]) -> Array:
        if array.dtype == dtype:
            return array
        if array.dtype == np.bool_ or dtype == np.bool_:
            raise self.error("a predicate where a value is expected, or the reverse")
        if array.itemsize == dtype.itemsize:
            return array.view(dtype)
        if array.itemsize > dtype.itemsize:
            # Little-endian: the low part of each register comes first.
            return array.view(dtype)[:: array.itemsize // dtype.itemsize]
        if isinstance(operand, Special):
            return array.astype(dtype)
        raise self.error("a source register that is too narrow")

    def _negated(self, operand: Negated, dtype: np.dtype[Any]) -> Array:
        if dtype != np.bool_:
            raise self.error("a negated predicate where a value is expected")
        predicate = self.machine.register(self.site, operand.register.name)
        scratch = self.scratch(np.bool_)
        self.before.append(lambda: _invert(predicate, scratch))
        return scratch

    def _special(self, operand: Special) -> Array:
        if operand.name in _COUNTERS:
            return self._counter(operand.name)
        found = self.machine.special_register(operand.name)
        if found is None:
            raise self.site.unsupported(f"the special register {operand.name}")
        return found

    def _counter(self, name: str) -> Array:
        """Clocks count executed instructions: the same on every machine."""
        machine = self.machine
        shift = np.uint64(32 if name.endswith("_hi") else 0)
        scratch = self.scratch(np.uint64)

        def before() -> None:
            machine.clock += 1
            scratch.fill(np.uint64(machine.clock) >> shift)

        self.before.append(before)
        return scratch

    def _address(self, symbol: Symbol, dtype: np.dtype[Any]) -> Any:
        address = wrapped(self.address_of(symbol), dtype)
        moved = self.moved(symbol)
        if moved is None:
            return address
        scratch = self.scratch(dtype)
        self.before.append(lambda: np.copyto(scratch, moved + address, casting="unsafe"))
        return scratch

    def moved(self, symbol: Symbol) -> NDArray[np.uint64] | None:
        """How far a local variable is moved, where each activation of its function has its own."""
        name, machine = self.site.function, self.machine
        frames = machine.frames_of(name)
        if frames is None or f"{name}:{symbol.name}" not in machine.program.local.named:
            return None
        return frames.displacement

    def address_of(self, symbol: Symbol) -> int:
        """The address of a variable in its own state space."""
        machine = self.machine
        for name in (f"{self.site.function}:{symbol.name}", symbol.name):
            if name in machine.symbols:
                return machine.symbols[name] + symbol.offset
        function = machine.program.module.functions.get(symbol.name)
        if function is not None and not function.defined:
            raise self.site.unsupported(f"the address of the function {symbol.name}")
        if function is not None:
            return machine.program.address_of(function)
        raise self.error(f"unknown name {symbol.name[:60]}")

    def operands(self, least: int, most: int | None = None) -> tuple[Operand, ...]:
        """The operands. There must be ``least`` to ``most`` of them."""
        found = self.site.instruction.operands
        if not least <= len(found) <= (least if most is None else most):
            raise self.error(f"{len(found)} operands")
        return found

    def step(self, step: BoundStep) -> BoundStep:
        """``step`` with what must run before and after it."""
        if not self.before and not self.after:
            return step
        before, after = tuple(self.before), tuple(self.after)

        def full() -> None:
            for prepare in before:
                prepare()
            step.full()
            for finish in after:
                finish.full()

        def some(lanes: Lanes) -> None:
            for prepare in before:
                prepare()
            step.some(lanes)
            for finish in after:
                finish.some(lanes)

        return BoundStep(full, some)


def _invert(values: Array, out: Array) -> None:
    np.logical_not(values, out=out)


def immediate(operand: Immediate, dtype: np.dtype[Any]) -> Any:
    """A constant as a scalar of ``dtype``; a float's bits where ``dtype`` is no float."""
    if operand.kind == "int":
        if dtype.kind == "f":
            return dtype.type(operand.value)
        return wrapped(operand.value, dtype)
    if dtype.kind != "f":
        return wrapped(operand.value, dtype)
    code, width = ("<f", 4) if operand.kind == "f32" else ("<d", 8)
    bits = operand.value.to_bytes(width, "little")
    if dtype.itemsize == width:
        return np.frombuffer(bits, dtype=dtype)[0]
    with np.errstate(all="ignore"):
        return dtype.type(struct.unpack(code, bits)[0])


def wrapped(value: int, dtype: np.dtype[Any]) -> Any:
    """An integer modulo 2**width as a scalar of ``dtype``."""
    if dtype == np.bool_:
        return np.bool_(value != 0)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    bits = np.array(value & (1 << 8 * dtype.itemsize) - 1, dtype=unsigned)
    return bits.view(dtype)[()]


def guarded(machine: Machine, site: CodeSite, step: BoundStep) -> BoundStep:
    """``step`` for those lanes only whose guard holds."""
    guard = site.instruction.guard
    if guard is None:
        return step
    predicate = machine.register(site, guard.register.name)
    if predicate.dtype != np.bool_:
        raise PtxError(f"the guard {guard.register.name} is no predicate", site.line)
    negated = guard.negated
    everyone = machine.everyone

    def some(lanes: Lanes) -> None:
        values = lanes.take(predicate)
        chosen = lanes.pick(~values if negated else values)
        if chosen is not None:
            if chosen.full:
                step.full()
            else:
                step.some(chosen)

    return BoundStep(lambda: some(everyone), some)


def windows() -> dict[str, int]:
    """What ``cvta`` adds to an address, by state space."""
    return {
        "global": 0,
        "const": 0,
        "shared": SHARED_WINDOW,
        "local": LOCAL_WINDOW,
        "param": PARAM_WINDOW,
    }
