"""Calls of functions, and of those that the driver provides: vprintf, __assertfail, malloc, free.

A function's registers and variables exist once per lane. Where a function calls itself,
`grader.device.simt.state` keeps those of its earlier activations.

``vprintf`` takes a format string and a buffer of arguments, as CUDA's ``printf`` does: integers of
4 or 8 bytes and doubles, each at a multiple of its size in the buffer; strings by address.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS
from grader.device.cuda import CudaResult, KernelFault
from grader.device.lanes import Lanes
from grader.device.ptx.model import (
    Arguments,
    Operand,
    PtxFunction,
    Register,
    Sink,
    Symbol,
    Variable,
)
from grader.device.simt.binding import Binding
from grader.device.simt.control import Router, Transfer, conditional, groups, stopped
from grader.device.simt.machine import Machine
from grader.device.simt.regions import LOCAL_WINDOW, SHARED_WINDOW, WINDOW_SIZE
from grader.device.simt.state import PRINT_LIMIT


@dataclass(frozen=True, slots=True)
class _CallOperands:
    """The operands of a call: where results go, and what is passed."""

    returned: tuple[Operand, ...]
    passed: tuple[Operand, ...]


Copy = tuple[NDArray[Any], NDArray[Any]]
"""Destination and source: columns of the parameter rows, or registers."""


def bind_call(binding: Binding, router: Router) -> Transfer:
    """``call``: parameters are copied by value."""
    target, call = _shape(binding)
    if isinstance(target, Register):
        return conditional(binding, router, _through_pointer(binding, router, target, call))
    function = binding.machine.program.module.functions.get(target)
    if function is None or not function.defined:
        return conditional(binding, router, _provided(binding, router, target, call))
    return conditional(binding, router, _entering(binding, router, function, call))


def _entering(
    binding: Binding, router: Router, function: PtxFunction, call: _CallOperands
) -> Transfer:
    site, machine = binding.site, binding.machine
    copies = _matched(binding, function.params, call.passed, function, into_callee=True)
    back = _matched(binding, function.returns, call.returned, function, into_callee=False)
    machine.returns.copies[site.pc, function.name] = back
    sites = machine.returns.sites(function.name)
    start = machine.program.base[function.name]
    frames = machine.frames_of(function.name)

    def enter(lanes: Lanes) -> None:
        for tell in machine.observers.call:
            tell(site.pc, function.name, lanes)
        if frames is not None:
            full = frames.without_room(lanes)
            if full is not None:
                for tell_full in machine.observers.overflow:
                    tell_full(site.pc, full, frames.most)
                raise KernelFault(CudaResult.HARDWARE_STACK_ERROR)
            frames.enter(lanes)
        for to, of in copies:
            lanes.put(to, lanes.take(of))
        lanes.put(sites, site.pc)
        router.go(start, lanes)

    return enter


def _through_pointer(
    binding: Binding, router: Router, pointer: Register, call: _CallOperands
) -> Transfer:
    program = binding.machine.program
    source = binding.source(pointer, np.dtype(np.int64))
    named = {program.address_of(function): function for function in program.order}
    known: dict[int, Transfer] = {}

    def go(lanes: Lanes) -> None:
        for address, group in groups(lanes, lanes.take(source)):
            function = named.get(address)
            if function is None or function.is_entry:
                what = f"called a function at {address:#x}, where there is none"
                stopped(binding, group, what, CudaResult.INVALID_PC)
            elif address not in known:
                known[address] = _entering(binding, router, function, call)
            known[address](group)

    return go


def bind_return(binding: Binding, router: Router) -> Transfer:
    """``ret`` of a function that was called."""
    machine = binding.machine
    sites = machine.returns.sites(binding.site.function)
    frames = machine.frames_of(binding.site.function)

    def leave(lanes: Lanes) -> None:
        for pc, group in groups(lanes, lanes.take(sites)):
            copies = machine.returns.copies[pc, binding.site.function]
            values = [group.take(of).copy() for _, of in copies]
            if frames is not None:
                frames.leave(group)
            for (to, _), value in zip(copies, values, strict=True):
                group.put(to, value)
            router.go(pc + 1, group)

    return conditional(binding, router, leave)


def _shape(binding: Binding) -> tuple[str | Register, _CallOperands]:
    """What ``call (r), f, (a, b)`` and ``call (r), %f, (a, b), prototype`` call."""
    operands = list(binding.site.instruction.operands)
    if set(binding.site.instruction.modifiers) - {"uni"}:
        raise binding.site.unsupported()
    returned: tuple[Operand, ...] = ()
    if operands and isinstance(operands[0], Arguments):
        returned = operands.pop(0).items  # type: ignore[union-attr]
    target = operands.pop(0) if operands else None
    passed: tuple[Operand, ...] = ()
    if operands and isinstance(operands[0], Arguments):
        passed = operands.pop(0).items  # type: ignore[union-attr]
    if isinstance(target, Symbol) and not operands:
        return target.name, _CallOperands(returned, passed)
    if isinstance(target, Register) and len(operands) <= 1:
        return target, _CallOperands(returned, passed)
    raise binding.site.unsupported("a call of another form")


def _matched(
    binding: Binding,
    formal: tuple[Variable, ...],
    actual: tuple[Operand, ...],
    callee: PtxFunction,
    *,
    into_callee: bool,
) -> list[Copy]:
    if len(formal) != len(actual):
        raise binding.error(f"{callee.name} takes or returns {len(formal)} values")
    copies = []
    for variable, operand in zip(formal, actual, strict=True):
        if isinstance(operand, Sink):
            continue
        inner = _column(binding, f"{callee.name}:{variable.name}", variable.size)
        outer = _outer(binding, operand, variable.size)
        copies.append((inner, outer) if into_callee else (outer, inner))
    return copies


def _outer(binding: Binding, operand: Operand, size: int) -> NDArray[Any]:
    if isinstance(operand, Symbol):
        return _column(binding, f"{binding.site.function}:{operand.name}", size)
    if isinstance(operand, Register):
        raise binding.site.unsupported("an argument in a register")
    raise binding.site.unsupported("an argument that is no parameter variable")


def _column(binding: Binding, name: str, size: int) -> NDArray[Any]:
    """The bytes of a parameter variable: (lanes, size)."""
    program = binding.machine.program
    if name in program.entry_params.named:
        raise binding.site.unsupported("the kernel's own parameter as an argument")
    slot = program.params.named.get(name)
    if slot is None or slot.stop - slot.start < size:
        raise binding.error(f"the parameter {name.rpartition(':')[2][:60]} does not fit")
    return binding.machine.params[:, slot.start : slot.start + size]


def _provided(binding: Binding, router: Router, name: str, call: _CallOperands) -> Transfer:
    """A function that the driver provides."""
    returned, passed = call.returned, call.passed
    following = binding.site.pc + 1
    machine = binding.machine
    if name == "vprintf" and len(passed) == 2:
        text, values = (_outer(binding, operand, 8).view(np.uint64)[:, 0] for operand in passed)
        result = _outer(binding, returned[0], 4).view(np.uint32)[:, 0] if returned else None

        def show(lanes: Lanes) -> None:
            counts = print_lanes(machine, lanes, lanes.take(text), lanes.take(values))
            if result is not None:
                lanes.put(result, counts)
            router.go(following, lanes)

        return show
    if name == "__assertfail" and len(passed) >= 3:
        columns = [_outer(binding, o, size) for o, size in zip(passed, (8, 8, 4), strict=False)]
        message, file, line = (column.view(f"u{column.shape[1]}")[:, 0] for column in columns)

        def fail(lanes: Lanes) -> None:
            lane = int(lanes.index[0])
            what = read_text(machine, lane, int(message[lane]))
            where = read_text(machine, lane, int(file[lane]))
            stopped(
                binding,
                lanes,
                f"failed the assertion `{what}` ({where}:{int(line[lane])})",
                CudaResult.ASSERT,
            )

        return fail
    if name == "malloc" and len(passed) == 1 and len(returned) == 1:
        return _malloc(binding, router, call)
    if name == "free" and len(passed) == 1:
        return _free(binding, router, call)
    raise binding.site.unsupported(f"the function {name} is not part of the module")


def _malloc(binding: Binding, router: Router, call: _CallOperands) -> Transfer:
    machine, following = binding.machine, binding.site.pc + 1
    size = _outer(binding, call.passed[0], 8).view(np.uint64)[:, 0]
    address = _outer(binding, call.returned[0], 8).view(np.uint64)[:, 0]

    def allocate(lanes: Lanes) -> None:
        addresses = [machine.heap.allocate(machine.memory, n) for n in lanes.take(size).tolist()]
        lanes.put(address, np.array(addresses, dtype=np.uint64))
        router.go(following, lanes)

    return allocate


def _free(binding: Binding, router: Router, call: _CallOperands) -> Transfer:
    machine, following = binding.machine, binding.site.pc + 1
    address = _outer(binding, call.passed[0], 8).view(np.uint64)[:, 0]

    def release(lanes: Lanes) -> None:
        given = lanes.take(address).tolist()
        wrong = [bool(a) and not machine.heap.free(machine.memory, a) for a in given]
        if any(wrong):
            bad = lanes.pick(np.array(wrong))
            assert bad is not None
            what = "freed memory that it did not have from malloc, or had freed before"
            stopped(binding, bad, what, CudaResult.LAUNCH_FAILED)
        router.go(following, lanes)

    return release


_SPECIFIER = re.compile(
    r"%([-+ #0]{0,5})(\d{0,9}|\*)(?:\.(\d{0,9}|\*))?(hh|h|ll|l|j|z|t|L|q)?([a-zA-Z%])"
)
_LONGEST = 4096
_WIDEST = 256
_LONG = frozenset({"l", "ll", "j", "z", "t", "q", "L"})


def print_lanes(
    machine: Machine, lanes: Lanes, formats: NDArray[np.uint64], buffers: NDArray[np.uint64]
) -> NDArray[np.uint32]:
    """Print for each lane, in lane order, until the limit. Returns the numbers of arguments."""
    counts = np.zeros(lanes.count, dtype=np.uint32)
    texts: dict[int, str] = {}
    for k in range(lanes.count):
        if machine.printed.full:
            machine.printed.dropped += lanes.count - k
            break
        lane, address = int(lanes.index[k]), int(formats[k])
        if address not in texts:
            texts[address] = read_text(machine, lane, address)
        arguments = _Arguments(machine, lane, int(buffers[k]))
        text = _SPECIFIER.sub(arguments.replace, texts[address])[:PRINT_LIMIT]
        counts[k] = arguments.count
        machine.printed.add(text)
    return counts


def read_text(machine: Machine, lane: int, address: int) -> str:
    """A NUL-terminated string at a generic address, cut at 4096 bytes."""
    raw = read_bytes(machine, lane, address, _LONGEST)
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def read_bytes(machine: Machine, lane: int, address: int, size: int) -> bytes:
    """Up to ``size`` bytes at a generic address, as far as memory reaches."""
    if LOCAL_WINDOW <= address < LOCAL_WINDOW + WINDOW_SIZE:
        return _stripe(machine.local, lane, address - LOCAL_WINDOW, size)
    if SHARED_WINDOW <= address < SHARED_WINDOW + WINDOW_SIZE:
        return _stripe(machine.shared, lane, address - SHARED_WINDOW, size)
    allocation = machine.memory.find(address)
    if allocation is None:
        return b""
    start = address - BASE_ADDRESS
    return machine.memory.data[1][start : min(start + size, allocation.stop)].tobytes()


def _stripe(region: Any, lane: int, offset: int, size: int) -> bytes:
    base = int(region.base[lane])
    stop = base + min(offset + size, region.stride)
    data: bytes = region.data[1][base + offset : stop].tobytes()
    return data


class _Arguments:
    """Takes arguments out of a lane's buffer, one per conversion."""

    def __init__(self, machine: Machine, lane: int, address: int) -> None:
        self._machine = machine
        self._lane = lane
        self._raw = read_bytes(machine, lane, address, _LONGEST)
        self._place = 0
        self.count = 0

    def _take(self, code: str, size: int) -> Any:
        self._place = -(-self._place // size) * size
        raw = self._raw[self._place : self._place + size].ljust(size, b"\0")
        self._place += size
        self.count += 1
        return struct.unpack(code, raw)[0]

    def replace(self, match: re.Match[str]) -> str:
        flags, width, precision, length, kind = match.groups()
        self._machine.printed.conversions += 1
        if kind == "%":
            return "%"
        if width == "*":
            width = str(self._take("<i", 4))
        if precision == "*":
            precision = str(self._take("<i", 4))
        wide = min(abs(int(width)), _WIDEST) if width else ""
        if width and width.startswith("-"):
            flags += "-"
        head = f"%{flags}{wide}"
        if precision is not None:
            head += f".{min(max(int(precision or 0), 0), _WIDEST)}"
        return self._convert(head, length or "", kind)

    def _convert(self, head: str, length: str, kind: str) -> str:
        if kind in "di":
            return (head + "d") % self._integer(length, signed=True)
        if kind in "uxXo":
            value = self._integer(length, signed=False)
            return (head + ("d" if kind == "u" else kind)) % value
        if kind == "c":
            return str((head.split(".")[0] + "s") % chr(self._take("<I", 4) & 0x7F))
        if kind in "eEfFgG":
            return str((head + kind) % self._take("<d", 8))
        if kind in "aA":
            return float(self._take("<d", 8)).hex()
        if kind == "p":
            return hex(self._take("<Q", 8))
        if kind == "s":
            text = read_text(self._machine, self._lane, self._take("<Q", 8))
            return (head + "s") % text
        return head + kind

    def _integer(self, length: str, *, signed: bool) -> int:
        size = 8 if length in _LONG else 4
        code = {(4, True): "<i", (4, False): "<I", (8, True): "<q", (8, False): "<Q"}
        value: int = self._take(code[size, signed], size)
        return value
