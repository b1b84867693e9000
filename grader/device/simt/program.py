"""An entry and the functions it calls, laid out as one list of instructions.

Callees come before their callers: the scheduler runs the lowest program counter
first, so threads inside a call catch up with each other before any of them goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from grader.device.checks.events import CodePlace
from grader.device.evidence import SourcePlace
from grader.device.ptx.model import (
    TYPE_BYTES,
    Arguments,
    Instruction,
    Operand,
    PtxFunction,
    PtxModule,
    Register,
    StateSpace,
    Symbol,
    Target,
    Targets,
    Variable,
)
from grader.device.simt.regions import GUARD_GAP, MemoryLayout, Slot
from grader.errors import UnsupportedByDevice

STACK_BYTES = 128 << 10
"""Bytes that one function that calls itself may use for all its activations in one thread,
registers included. CUDA gives a thread 1 KiB of stack by default (``cudaLimitStackSize``), and a
call takes at least 16 bytes of it: what is too deep here is too deep there."""
_LEAST_FRAME = 16
_CODE_WINDOW = 0x7B00_0000_0000

DRIVER_FUNCTIONS = frozenset({"vprintf", "__assertfail", "malloc", "free"})
"""What the driver provides (CUDA C++ Programming Guide, "System Calls")."""
_OF_CUDA = ("_", "cuda", "nv")
"""A function whose name begins like this may come from a library of CUDA's."""

ENDS_BLOCK = frozenset({"bra", "brx", "call", "ret", "exit", "bar", "barrier", "trap"})
"""Instructions after which threads may go on at different places."""
_MATRIX_ACCESSES = frozenset({"ldmatrix", "stmatrix"})
STARTS_BLOCK = frozenset(
    {"shfl", "vote", "match", "redux", "elect", "activemask", "mma", *_MATRIX_ACCESSES}
)
"""Instructions at which threads of a warp should meet before they run."""

_ATOMICS = frozenset({"atom", "red"})
_ACCESSES = frozenset({"ld", "ldu", "st", "atom", "red", "cp"})
STRONG = frozenset({"volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"})
"""Modifiers of accesses by which threads may communicate."""
_ORDERS_THREADS = _ATOMICS | {"mbarrier"}
_ORDERINGS = frozenset({"acquire", "release", "acq_rel"})


@dataclass(frozen=True, slots=True)
class CodeSite:
    """An instruction of a program."""

    pc: int
    instruction: Instruction
    function: str

    @property
    def line(self) -> int:
        return self.instruction.line

    def unsupported(self, why: str = "") -> UnsupportedByDevice:
        """The error for an instruction that the device lacks."""
        return UnsupportedByDevice(
            f"The software device does not support the instruction "
            f"`{self.instruction.text}` (PTX line {self.line}, in {self.function})"
            + (f": {why}." if why else "."),
            remedy="Grade this submission on a real GPU, or report the instruction to us.",
        )


class KernelProgram:
    """A launchable entry.

    Attributes:
        code: The instructions of all functions, one after the other; each function ends
            with an implicit ``ret``.
        starts: The program counters at which a basic block starts.
        base: First program counter of each function.
        shared, local, params: Where variables lie, names as ``function:name``.
        dynamic: Start of dynamic shared memory, in bytes, and its names.
        recursive: The functions of which two activations may be under way.
    """

    def __init__(self, module: PtxModule, entry: PtxFunction) -> None:
        self.module = module
        self.entry = entry
        self.order: list[PtxFunction] = []
        self._calls: dict[str, list[str]] = {}
        self._collect(entry)
        self.recursive = _recursive(self._calls)
        self.base: dict[str, int] = {}
        self.code: list[CodeSite] = []
        self.starts: set[int] = set()
        self.shared = MemoryLayout(GUARD_GAP)
        self.local = MemoryLayout(GUARD_GAP)
        self.params = MemoryLayout(0)
        self.entry_params = MemoryLayout(0)
        self.dynamic_names: set[str] = set()
        self.dynamic_align = 16
        self.spaces: dict[str, Slot] = {}
        for function in self.order:
            self._lay_out(function)
        self._place_shared()
        self.traits = traits_of(site.instruction for site in self.code)

    def block_bytes(self, threads: int, dynamic_shared: int) -> int:
        """Roughly how many bytes the simulation of one block takes."""
        registers = sum(len(function.registers) for function in self.order) * 8
        lane = registers + 2 * self.local.size + self.params.size + 256
        lane += STACK_BYTES * bool(self.recursive)
        stamps = 24 // self.traits.shared_granule
        return threads * lane + (self.shared.size + dynamic_shared) * (2 + stamps)

    def place(self, pc: int) -> CodePlace:
        """What findings say of the instruction at a program counter."""
        instruction = self.code[pc].instruction
        files = self.module.files
        return CodePlace(
            line=instruction.line,
            opcode=instruction.opcode,
            text=instruction.text,
            source=tuple(
                SourcePlace(files[at.file], at.line, at.column)
                for at in instruction.source
                if at.file in files
            ),
            own_file=files.get(self.entry.file or 0, ""),
        )

    @cached_property
    def missing(self) -> dict[int, str]:
        """Calls of functions that no GPU has, by program counter.

        The assembler refuses a kernel with one.
        """
        called = {site.pc: self._called(site.instruction) for site in self.code}
        return {pc: name for pc, name in called.items() if name and self._is_missing(name)}

    @staticmethod
    def _called(instruction: Instruction) -> str:
        """The function that an instruction calls by its name."""
        if instruction.base != "call":
            return ""
        target = next((o for o in instruction.operands if not isinstance(o, Arguments)), None)
        return target.name if isinstance(target, Symbol) else ""

    def _is_missing(self, name: str) -> bool:
        function = self.module.functions.get(name)
        known = name in DRIVER_FUNCTIONS or (function is not None and function.defined)
        return not known and not name.startswith(_OF_CUDA)

    def address_of(self, function: PtxFunction) -> int:
        """What a pointer to a function holds."""
        return address_of(self.module, function.name)

    def locals_of(self, function: str) -> list[Slot]:
        """Where a function's local variables lie, in order."""
        return _of(function, self.local)

    def params_of(self, function: str) -> list[Slot]:
        """Where a function's parameters lie, and those of its calls."""
        return _of(function, self.params)

    def frame_bytes(self, function: str) -> int:
        """What one activation of a function holds for one thread."""
        registers = self.module.functions[function].registers.values()
        slots = (*self.locals_of(function), *self.params_of(function))
        held = sum(TYPE_BYTES.get(type_, 1) for type_ in registers)
        return max(held + sum(slot.stop - slot.start for slot in slots), _LEAST_FRAME)

    def _collect(self, entry: PtxFunction) -> None:
        """Functions in post-order, without recursion in Python."""
        stack: list[tuple[PtxFunction, list[str]]] = []

        def begin(function: PtxFunction) -> None:
            callees = self._calls[function.name] = _callees(function, self.module)
            stack.append((function, list(callees)))

        begin(entry)
        while stack:
            function, callees = stack[-1]
            if not callees:
                stack.pop()
                self.order.append(function)
                continue
            name = callees.pop()
            if name not in self._calls:
                begin(self.module.functions[name])

    def _lay_out(self, function: PtxFunction) -> None:
        base = self.base[function.name] = len(self.code)
        self.starts.add(base)
        end = Instruction("ret", (), None, function.line, "ret;", ())
        for instruction in (*function.instructions, end):
            pc = len(self.code)
            self.code.append(CodeSite(pc, instruction, function.name))
            for operand in instruction.operands:
                if isinstance(operand, Target):
                    self.starts.add(base + operand.index)
                elif isinstance(operand, Targets):
                    self.starts.update(base + t.index for t in operand.choices)
            if instruction.base in ENDS_BLOCK:
                self.starts.add(pc + 1)
            elif instruction.base in STARTS_BLOCK:
                self.starts.update((pc, pc + 1))
            elif is_strong(instruction):
                # Other threads may see what it did before this one goes on.
                self.starts.add(pc + 1)
        entry_params = {p.name for p in function.params} if function is self.entry else set()
        for name, variable in function.variables.items():
            self._place(f"{function.name}:{name}", variable, name in entry_params)

    def _place(self, name: str, variable: Variable, is_entry_param: bool) -> None:
        if variable.space is StateSpace.LOCAL:
            self.spaces[name] = self.local.add(name, variable.size, variable.align)
        elif variable.space is StateSpace.PARAM:
            layout = self.entry_params if is_entry_param else self.params
            self.spaces[name] = layout.add(name, variable.size, variable.align)

    def _place_shared(self) -> None:
        """Static variables, then dynamic memory, which all ``extern .shared`` names share."""
        found = [(n, v) for n, v in self.module.variables.items()]
        for function in self.order:
            found += [(f"{function.name}:{n}", v) for n, v in function.variables.items()]
        used = self._used_symbols()
        for name, variable in found:
            if variable.space is not StateSpace.SHARED:
                continue
            if variable.external:
                self.dynamic_names.add(name)
                self.dynamic_align = max(self.dynamic_align, variable.align)
            elif ":" in name or name in used:
                self.spaces[name] = self.shared.add(name, variable.size, variable.align)

    def _used_symbols(self) -> set[str]:
        used = set()
        for site in self.code:
            for operand in site.instruction.operands:
                base = getattr(operand, "base", operand)
                if isinstance(base, Symbol):
                    used.add(base.name)
        return used


def address_of(module: PtxModule, function: str) -> int:
    """What a pointer to a function of a module holds: it can be called, not read."""
    return _CODE_WINDOW + 16 * list(module.functions).index(function)


def _callees(function: PtxFunction, module: PtxModule) -> list[str]:
    """The functions that a function may call, directly or through a pointer."""
    found = []
    for instruction in function.instructions:
        found += _pointed_at(instruction.operands, module)
        if instruction.base == "call" and any(
            isinstance(o, Register) for o in instruction.operands
        ):
            found += _addressed(module)
    return list(dict.fromkeys(found))


def _pointed_at(operands: Iterable[Operand], module: PtxModule) -> list[str]:
    """The functions among these operands that have a body and are not kernels."""
    names = [operand.name for operand in operands if isinstance(operand, Symbol)]
    functions = [module.functions[name] for name in names if name in module.functions]
    return [f.name for f in functions if f.defined and not f.is_entry]


def _addressed(module: PtxModule) -> list[str]:
    """The functions that a pointer may hold."""
    found = []
    for variable in module.variables.values():
        found += _pointed_at([v for v in variable.initial if isinstance(v, Symbol)], module)
    for function in module.functions.values():
        for instruction in function.instructions:
            if instruction.base != "call":
                found += _pointed_at(instruction.operands, module)
    return found


def _recursive(calls: dict[str, list[str]]) -> frozenset[str]:
    """The functions that can reach themselves."""

    def reaches_itself(name: str) -> bool:
        seen: set[str] = set()
        ahead = list(calls[name])
        while ahead:
            callee = ahead.pop()
            if callee == name:
                return True
            if callee not in seen:
                seen.add(callee)
                ahead += calls[callee]
        return False

    return frozenset(name for name in calls if reaches_itself(name))


def _of(function: str, layout: MemoryLayout) -> list[Slot]:
    return [slot for slot in layout.slots if slot.name.startswith(f"{function}:")]


@dataclass(slots=True)
class ProgramTraits:
    """What can be told of a program's accesses before it runs."""

    global_granule: int = 8
    """Bytes of the smallest access, which no two accesses straddle."""
    shared_granule: int = 8
    strong_global: bool = False
    """Whether threads may communicate, by atomics or volatile accesses."""
    mbarriers: bool = False
    copies: bool = False
    """Whether it copies asynchronously."""
    fences: bool = False
    heap: bool = False
    """Whether it uses the heap, as Strings and Lists do. Moving them in local memory copies bytes
    that nothing wrote and nothing uses."""


def is_strong(instruction: Instruction) -> bool:
    """Whether threads may communicate by this instruction."""
    parts = instruction.modifiers
    return instruction.base in _ORDERS_THREADS or (
        instruction.base in _ACCESSES and not STRONG.isdisjoint(parts)
    )


def traits_of(code: Iterable[Instruction]) -> ProgramTraits:
    """What can be told of the accesses of these instructions."""
    traits = ProgramTraits()
    for instruction in code:
        parts = instruction.modifiers
        if instruction.base in ("fence", "membar") or _ORDERINGS & set(parts):
            traits.fences = True
        if instruction.base == "mbarrier":
            traits.mbarriers = traits.fences = True
        if instruction.base in _MATRIX_ACCESSES:
            traits.shared_granule = min(traits.shared_granule, 4)
        traits.copies |= instruction.base == "cp"
        traits.heap |= instruction.base == "call" and any(
            isinstance(o, Symbol) and o.name in ("malloc", "free") for o in instruction.operands
        )
        if instruction.base not in _ACCESSES or not parts:
            continue
        size = TYPE_BYTES.get(parts[-1], 4 if instruction.base == "cp" else 8)
        size = min(size, 8)
        names = {part.partition("::")[0] for part in parts}
        if not names & {"shared", "local", "param", "const"} or instruction.base == "cp":
            traits.global_granule = min(traits.global_granule, size)
            traits.strong_global |= is_strong(instruction)
        if not names & {"global", "local", "param", "const"} or instruction.base == "cp":
            traits.shared_granule = min(traits.shared_granule, size)
    return traits
