"""A PTX module on the device: its variables have addresses."""

from __future__ import annotations

import struct
from collections import OrderedDict

from grader.device.addresses import OutOfDeviceMemory
from grader.device.memory import GlobalMemory
from grader.device.ptx import PtxError, PtxModule
from grader.device.ptx.model import TYPE_BYTES, Immediate, PtxFunction, StateSpace, Variable
from grader.device.simt.machine import Machine, MachineShape
from grader.device.simt.program import KernelProgram, address_of
from grader.device.simt.scheduler import Scheduler
from grader.device.simt.state import Heap

_MOST_MACHINES = 16
_MOST_BYTES = 1 << 30
"""Machines kept on a device for further launches of the same shape, and their bytes."""

_Key = tuple[int, str, MachineShape]
"""Module number, entry and shape."""


class LaunchCache:
    """What launches on one device memory leave for later ones.

    Attributes:
        machines: Machines that may serve again, the last used one last, with their bytes.
    """

    def __init__(self) -> None:
        self.heap = Heap()
        self.machines: OrderedDict[_Key, tuple[Scheduler, int]] = OrderedDict()

    def make_room(self, size: int) -> None:
        """Drop machines until one of ``size`` bytes may join them."""
        while self.machines and (
            len(self.machines) >= _MOST_MACHINES
            or sum(bytes_ for _, bytes_ in self.machines.values()) + size > _MOST_BYTES
        ):
            self.machines.popitem(last=False)


class LoadedModule:
    """A module whose ``.global`` and ``.const`` variables lie in device memory.

    Attributes:
        number: The module's number, as in ``Launch.module``.
        symbols: Address of each variable.
    """

    def __init__(
        self, module: PtxModule, memory: GlobalMemory, number: int, symbols: dict[str, int]
    ) -> None:
        self.module = module
        self.memory = memory
        self.number = number
        self.symbols = symbols
        self._unloaded = False
        self._programs: dict[str, KernelProgram] = {}

    def entries(self) -> tuple[str, ...]:
        """Names of the kernels."""
        functions = self.module.functions.values()
        return tuple(f.name for f in functions if f.is_entry and f.defined)

    def entry(self, name: str) -> PtxFunction:
        """A kernel. ``KeyError`` where there is no such kernel."""
        function = self.module.functions[name]
        if not function.is_entry or not function.defined:
            raise KeyError(name)
        return function

    def variable(self, name: str) -> tuple[int, int]:
        """Address and size in bytes of a module variable. ``KeyError`` where there is none."""
        return self.symbols[name], self.module.variables[name].size

    def unload(self) -> None:
        """Free the module's variables, once.

        Their addresses stay known: a case that used them may be done again later, and then they are
        reserved again.
        """
        machines = self.memory.kept(LaunchCache).machines
        for key in [key for key in machines if key[0] == self.number]:
            del machines[key]
        if not self._unloaded:
            self._unloaded = True
            for address in self.symbols.values():
                self.memory.free(address)

    def program(self, entry: str) -> KernelProgram:
        """The entry laid out with what it calls."""
        if entry not in self._programs:
            self._programs[entry] = KernelProgram(self.module, self.entry(entry))
        return self._programs[entry]

    def scheduler(self, entry: str, shape: MachineShape) -> Scheduler:
        """A machine for waves of this shape; the last few are kept."""
        device = self.memory.kept(LaunchCache)
        key = (self.number, entry, shape)
        program = self.program(entry)
        if key in device.machines and device.machines[key][0].machine.program is program:
            device.machines.move_to_end(key)
            return device.machines[key][0]
        device.machines.pop(key, None)
        size = shape.blocks * program.block_bytes(shape.threads, shape.dynamic_shared)
        device.make_room(size)
        scheduler = Scheduler(Machine(program, shape, self.memory, self.symbols, device.heap))
        device.machines[key] = (scheduler, size)
        return scheduler


def load(module: PtxModule, memory: GlobalMemory, *, number: int) -> LoadedModule:
    """Give the module's variables addresses and initial values.

    Variables without an initial value are zero, as PTX says.

    Raises:
        PtxError: A variable does not fit or refers to something unknown.
    """
    placed = [
        variable
        for variable in module.variables.values()
        if variable.space in (StateSpace.GLOBAL, StateSpace.CONST)
    ]
    symbols: dict[str, int] = {}
    try:
        for variable in placed:
            if variable.external:
                raise PtxError(f"{variable.name} is declared but not defined", variable.line)
            if variable.align > 256:
                raise PtxError(f"{variable.name} wants alignment {variable.align}", variable.line)
            symbols[variable.name] = memory.allocate(max(variable.size, 1))
        for variable in placed:
            if variable.size:
                memory.write(symbols[variable.name], _contents(module, variable, symbols))
    except OutOfDeviceMemory as error:
        _free(memory, symbols)
        raise PtxError(f"the module's variables do not fit: {error}") from error
    except PtxError:
        _free(memory, symbols)
        raise
    return LoadedModule(module, memory, number, symbols)


def _free(memory: GlobalMemory, symbols: dict[str, int]) -> None:
    for address in symbols.values():
        memory.free(address)


def _contents(module: PtxModule, variable: Variable, symbols: dict[str, int]) -> bytes:
    size = TYPE_BYTES[variable.type]
    parts = []
    for value in variable.initial:
        if isinstance(value, Immediate):
            bits = value.value
            if value.kind == "f64" and size == 4:
                bits = _narrowed(bits)
        elif value.name in symbols:
            bits = symbols[value.name] + value.offset
        elif value.name in module.functions:
            bits = address_of(module, value.name)
        else:
            raise PtxError(
                f"{variable.name} holds the address of {value.name[:60]}, "
                "which is neither a variable nor a function of the module",
                variable.line,
            )
        parts.append((bits & (1 << 8 * size) - 1).to_bytes(size, "little"))
    return b"".join(parts).ljust(variable.size, b"\0")


def _narrowed(bits: int) -> int:
    """The float32 bits of a float64."""
    value = struct.unpack("<d", bits.to_bytes(8, "little"))[0]
    try:
        raw = struct.pack("<f", value)
    except OverflowError:
        raw = struct.pack("<f", float("inf") if value > 0 else float("-inf"))
    return int.from_bytes(raw, "little")
