"""The body of a function: registers, labels, instructions, source places."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from grader.device.ptx.declarations import NameScopes, variables
from grader.device.ptx.model import (
    TYPE_BYTES,
    Address,
    Arguments,
    Guard,
    Immediate,
    Instruction,
    Location,
    Negated,
    Operand,
    OperandPair,
    PtxError,
    PtxFunction,
    Register,
    Scalar,
    Sink,
    Special,
    StateSpace,
    Symbol,
    Target,
    Targets,
    Vector,
)
from grader.device.ptx.source import SourcePlaces
from grader.device.ptx.tokens import PtxTokens
from grader.errors import UnsupportedByDevice

_SPACES = {f".{space.value}": space for space in StateSpace}
_LONGEST_TEXT = 200
# PTX ISA, "Special Registers". Any other name was not declared.
_SPECIAL = re.compile(
    r"%(n?(tid|ctaid|warpid|smid|clusterid)|(n?cluster_)\w+|is_explicit_cluster|laneid|gridid"
    r"|lanemask_(eq|le|lt|ge|gt)|clock(_hi|64)?|pm\d+(_64)?|envreg\d+|globaltimer(_lo|_hi)?"
    r"|reserved_smem_\w+|(total|dynamic|aggr)_smem_size|current_graph_exec)(\.\w+)?\Z"
)
_JUMPS = ("bra", "brx")
_LOCAL_TABLES = (".branchtargets", ".calltargets", ".callprototype")


@dataclass(slots=True)
class _Jump:
    """A jump whose label is not known yet: which instruction, and the label's possible names."""

    instruction: int
    label: str
    candidates: tuple[str, ...]


def read_body(tokens: PtxTokens, function: PtxFunction) -> None:
    """Read ``{ ... }`` into ``function``.

    Raises:
        PtxError: It is not sound.
        UnsupportedByDevice: It declares something that the device lacks.
    """
    _Body(tokens, function).read()


class _Body:
    def __init__(self, tokens: PtxTokens, function: PtxFunction) -> None:
        self.tokens = tokens
        self.function = function
        self.scopes = NameScopes(function)
        self.instructions: list[Instruction] = []
        self.labels: dict[str, int] = {}
        self.tables: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {}
        self.jumps: list[_Jump] = []
        self.places = SourcePlaces()
        self.source: tuple[Location, ...] = ()

    def read(self) -> None:
        tokens = self.tokens
        tokens.expect("{")
        while True:
            line = tokens.line
            if tokens.take("{"):
                self.scopes.open(line)
            elif tokens.take("}"):
                if self.scopes.depth == 1:
                    break
                self.scopes.close()
            elif tokens.kind() == "directive":
                self._directive()
            elif tokens.kind() == "word" and tokens.peek(1) == ":":
                self._label()
            elif not tokens.take(";"):
                self._instruction()
        self._resolve_jumps()
        self.function.instructions = tuple(self.instructions)
        self.function.defined = True

    def _directive(self) -> None:
        tokens = self.tokens
        line, word = tokens.line, tokens.next()
        if word == ".reg":
            self._registers()
        elif word in _SPACES:
            for variable in variables(tokens, _SPACES[word]):
                self.scopes.add_variable(variable)
        elif word == ".extern":
            space = tokens.next()
            if space not in _SPACES:
                raise PtxError(f"a state space expected, {space[:60]!r} found", line)
            for variable in variables(tokens, _SPACES[space], external=True):
                self.scopes.add_variable(variable)
        elif word == ".loc":
            self._loc()
        elif word == ".pragma":
            while not tokens.take(";"):
                tokens.next()
        else:
            raise PtxError(f"unknown directive {word[:60]!r} in a function", line)

    def _registers(self) -> None:
        tokens = self.tokens
        line, type_ = tokens.line, tokens.next()[1:]
        if type_ in ("v2", "v4"):
            raise UnsupportedByDevice(f"PTX line {line}: vector registers (.reg .{type_})")
        if type_ != "pred" and type_ not in TYPE_BYTES:
            raise PtxError(f"unknown register type {type_[:60]!r}", line)
        while True:
            name = tokens.name()
            if tokens.take("<"):
                self.scopes.add_range(name, tokens.integer(), type_)
                tokens.expect(">")
            else:
                self.scopes.add_register(name, type_)
            if not tokens.take(","):
                break
        tokens.expect(";")

    def _loc(self) -> None:
        tokens = self.tokens
        place, caller = self._place(), None
        while tokens.take(","):
            word = tokens.name()
            if word == "function_name":
                tokens.name()
                if tokens.take("+"):
                    tokens.integer()
            elif word == "inlined_at":
                caller = self._place()
            else:
                raise PtxError(f"unknown part {word[:60]!r} of .loc", tokens.line)
        self.source = self.places.add(place, caller)
        if self.function.file is None and caller is None:
            self.function.file = place.file

    def _place(self) -> Location:
        tokens = self.tokens
        line, numbers = tokens.line, [tokens.integer() for _ in range(3)]
        if not 0 <= min(numbers) <= max(numbers) < 1 << 31:
            raise PtxError(".loc names no place", line)
        return Location(*numbers)

    def _label(self) -> None:
        tokens = self.tokens
        line, name = tokens.line, tokens.name()
        tokens.expect(":")
        if tokens.peek() in _LOCAL_TABLES:
            self._table(name)
            return
        unique = self.scopes.label_names(name)[0]
        if unique in self.labels:
            raise PtxError(f"label {name} is defined twice", line)
        self.labels[unique] = len(self.instructions)

    def _table(self, name: str) -> None:
        tokens = self.tokens
        line, word = tokens.line, tokens.next()
        if word != ".branchtargets":
            # Only an indirect call uses it, and that is refused where it is executed.
            while not tokens.take(";"):
                tokens.next()
            return
        labels = [tokens.name()]
        while tokens.take(","):
            labels.append(tokens.name())
        tokens.expect(";")
        if name in self.tables:
            raise PtxError(f"jump table {name} is defined twice", line)
        self.tables[name] = tuple((label, self.scopes.label_names(label)) for label in labels)

    def _instruction(self) -> None:
        tokens = self.tokens
        line, start = tokens.line, tokens.start
        guard = self._guard() if tokens.take("@") else None
        if tokens.kind() != "word":
            seen = repr(tokens.next()[:60])  # raises where the text has ended
            raise PtxError(f"an instruction expected, {seen} found", line)
        opcode = tokens.next()
        operands: list[Operand] = []
        if tokens.peek() != ";":
            operands.append(self._operand(opcode))
            while tokens.take(","):
                operands.append(self._operand(opcode))
        end = tokens.start
        tokens.expect(";")
        text = " ".join(tokens.text[start : min(end, start + _LONGEST_TEXT)].split()) + ";"
        self.instructions.append(
            Instruction(opcode, tuple(operands), guard, line, text, self.source)
        )

    def _guard(self) -> Guard:
        negated = self.tokens.take("!")
        line, name = self.tokens.line, self.tokens.name()
        return Guard(self._known_register(name, line), negated)

    def _known_register(self, name: str, line: int) -> Register:
        unique = self.scopes.register(name)
        if unique is None:
            raise PtxError(f"unknown register {name[:60]}", line)
        return Register(unique)

    def _operand(self, opcode: str) -> Operand:
        tokens = self.tokens
        if tokens.take("["):
            return self._address()
        if tokens.take("{"):
            return Vector(self._list("}"))
        if tokens.take("("):
            return Arguments(self._list(")"))
        if opcode.startswith(_JUMPS) and tokens.kind() == "word" and tokens.peek()[0] != "%":
            label = tokens.name()
            self.jumps.append(_Jump(len(self.instructions), label, self.scopes.label_names(label)))
            return Symbol(label)
        first = self._scalar()
        if tokens.take("|"):
            return OperandPair(first, self._scalar())
        return first

    def _list(self, end: str) -> tuple[Scalar, ...]:
        items: list[Scalar] = []
        while not self.tokens.take(end):
            if items:
                self.tokens.expect(",")
            items.append(self._scalar())
        return tuple(items)

    def _scalar(self) -> Scalar:
        tokens = self.tokens
        line = tokens.line
        if tokens.take("!"):
            return Negated(self._known_register(tokens.name(), line))
        if tokens.kind() == "number" or tokens.peek() in ("-", "+", "~"):
            return self._immediate()
        if tokens.kind() != "word":
            raise PtxError(f"an operand expected, {tokens.peek()[:60]!r} found", line)
        name = tokens.next()
        if name == "_":
            return Sink()
        register = self.scopes.register(name)
        if register is not None:
            return Register(register)
        if name[0] == "%":
            if not _SPECIAL.match(name):
                raise PtxError(f"unknown register {name[:60]}", line)
            return Special(name)
        if "." in name:
            raise PtxError(f"unknown name {name[:60]}", line)
        return Symbol(self.scopes.variable(name) or name, self._offset())

    def _immediate(self) -> Immediate:
        tokens = self.tokens
        line = tokens.line
        negative = flipped = False
        while tokens.peek() in ("-", "+", "~"):
            mark = tokens.next()
            negative ^= mark == "-"
            flipped ^= mark == "~"
        value, kind = tokens.number()
        if flipped and kind != "int":
            raise PtxError("~ of a float", line)
        if kind != "int":
            return Immediate(value ^ (1 << (31 if kind == "f32" else 63)) * negative, kind)
        value = ~value if flipped else value
        return Immediate(-value if negative else value)

    def _offset(self) -> int:
        tokens = self.tokens
        offset = 0
        while tokens.peek() in ("+", "-"):
            sign = -1 if tokens.next() == "-" else 1
            offset += sign * tokens.integer()
        return offset

    def _address(self) -> Address:
        tokens = self.tokens
        line = tokens.line
        base: Register | Symbol | None = None
        offset = 0
        if tokens.kind() == "word":
            found = self._scalar()
            if isinstance(found, Symbol):
                base, offset = Symbol(found.name), found.offset
            elif isinstance(found, Register):
                base = found
            else:
                raise PtxError("an address expected", line)
            offset += self._offset()
        else:
            offset = tokens.integer() + self._offset()
        if tokens.peek() == ",":
            raise UnsupportedByDevice(f"PTX line {line}: addresses of tensors and textures")
        tokens.expect("]")
        return Address(base, offset)

    def _resolve_jumps(self) -> None:
        for jump in self.jumps:
            instruction = self.instructions[jump.instruction]
            operand: Operand
            if instruction.base == "brx":
                table = self.tables.get(jump.label)
                if table is None:
                    raise PtxError(f"unknown jump table {jump.label[:60]}", instruction.line)
                operand = Targets(tuple(self._target(*entry, instruction.line) for entry in table))
            else:
                operand = self._target(jump.label, jump.candidates, instruction.line)
            operands = tuple(
                operand if isinstance(o, Symbol) and o.name == jump.label else o
                for o in instruction.operands
            )
            self.instructions[jump.instruction] = replace(instruction, operands=operands)

    def _target(self, label: str, candidates: tuple[str, ...], line: int) -> Target:
        for name in candidates:
            if name in self.labels:
                return Target(self.labels[name], label)
        raise PtxError(f"unknown label {label[:60]}", line)
