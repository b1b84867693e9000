"""Variables, parameters and registers: reading what declares a name, and what a name stands for.

Names live in nested ``{ }``. Each gets a unique one: the same name in another scope is another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.device.ptx.model import (
    TYPE_BYTES,
    Immediate,
    PtxError,
    PtxFunction,
    StateSpace,
    Symbol,
    Variable,
)
from grader.device.ptx.tokens import PtxTokens
from grader.errors import UnsupportedByDevice

_NUMBERED = re.compile(r"(.*?)(\d+)\Z", re.DOTALL)
_DEEPEST = 256


@dataclass(slots=True)
class _NameScope:
    suffix: str
    registers: dict[str, str] = field(default_factory=dict)
    ranges: dict[str, tuple[int, str]] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)


class NameScopes:
    """The scopes of one function while its body is read."""

    def __init__(self, function: PtxFunction) -> None:
        self._function = function
        self._stack = [_NameScope("")]
        self._opened = 0
        for param in (*function.params, *function.returns):
            self._stack[0].variables[param.name] = param.name
            function.variables[param.name] = param

    @property
    def depth(self) -> int:
        """Open scopes, the function's own included."""
        return len(self._stack)

    def open(self, line: int) -> None:
        """Enter ``{``."""
        if len(self._stack) >= _DEEPEST:
            raise PtxError(f"more than {_DEEPEST} nested scopes", line)
        self._opened += 1
        self._stack.append(_NameScope(f"@{self._opened}"))

    def close(self) -> None:
        """Leave ``}``."""
        self._stack.pop()

    def add_register(self, name: str, type_: str) -> None:
        """Declare ``.reg type name``."""
        self._stack[-1].registers[name] = type_

    def add_range(self, prefix: str, count: int, type_: str) -> None:
        """Declare ``.reg type prefix<count>``."""
        self._stack[-1].ranges[prefix] = (count, type_)

    def add_variable(self, variable: Variable) -> Variable:
        """Declare a variable; the result carries its unique name."""
        scope = self._stack[-1]
        unique = variable.name + scope.suffix
        if unique in self._function.variables and not scope.suffix:
            raise PtxError(f"{variable.name} is declared twice", variable.line)
        scope.variables[variable.name] = unique
        self._function.variables[unique] = variable
        return variable

    def register(self, name: str) -> str | None:
        """The unique name of a register, or None where ``name`` is not a register."""
        numbered = _NUMBERED.match(name) if len(name) < 200 else None
        for scope in reversed(self._stack):
            type_ = scope.registers.get(name)
            if type_ is None and numbered is not None:
                type_ = self._in_range(scope, numbered.group(1), numbered.group(2))
            if type_ is not None:
                unique = name + scope.suffix
                self._function.registers[unique] = type_
                return unique
        return None

    def variable(self, name: str) -> str | None:
        """The unique name of a variable of the function, or None."""
        for scope in reversed(self._stack):
            unique = scope.variables.get(name)
            if unique is not None:
                return unique
        return None

    def label_names(self, name: str) -> tuple[str, ...]:
        """The unique names that a label could have here, innermost first."""
        return tuple(name + scope.suffix for scope in reversed(self._stack))

    @staticmethod
    def _in_range(scope: _NameScope, prefix: str, digits: str) -> str | None:
        # %r12 may belong to the range "%r" or, with other digits, to "%r1".
        for cut in range(min(len(digits), 10)):
            entry = scope.ranges.get(prefix + digits[:cut])
            rest = digits[cut:]
            if entry is not None and len(rest) <= 12 and int(rest) < entry[0]:
                return entry[1]
        return None


_LARGEST = 1 << 40
_VECTOR = {".v2": 2, ".v4": 4}
_MOST_NESTED = 16


def variables(
    tokens: PtxTokens, space: StateSpace, *, external: bool = False
) -> tuple[Variable, ...]:
    """Read a declaration after its state space, up to and including ``;``."""
    found = []
    type_, align, lanes = _type(tokens)
    while True:
        found.append(_declared(tokens, space, type_, align, lanes, external))
        if not tokens.take(","):
            tokens.expect(";")
            return tuple(found)


def parameters(tokens: PtxTokens) -> tuple[Variable, ...]:
    """Read ``( .param ..., ... )``."""
    found: list[Variable] = []
    tokens.expect("(")
    while not tokens.take(")"):
        if found:
            tokens.expect(",")
        if tokens.peek() == ".reg":
            raise UnsupportedByDevice(f"PTX line {tokens.line}: parameters in registers")
        tokens.expect(".param")
        type_, align, lanes = _type(tokens)
        found.append(_declared(tokens, StateSpace.PARAM, type_, align, lanes, external=False))
    return tuple(found)


def _declared(
    tokens: PtxTokens,
    space: StateSpace,
    type_: str,
    align: int,
    lanes: int,
    external: bool,
) -> Variable:
    line = tokens.line
    name = tokens.name()
    size: int | None = TYPE_BYTES[type_] * lanes
    while tokens.take("["):
        if tokens.take("]"):
            size = None
            continue
        count = tokens.integer()
        tokens.expect("]")
        if count < 0 or (size or 0) * count > _LARGEST:
            raise PtxError(f"{name} has an impossible size", line)
        size = None if size is None else size * count
    initial = _initial(tokens) if tokens.take("=") else ()
    if size is None:
        size = len(initial) * TYPE_BYTES[type_]
    elif len(initial) * TYPE_BYTES[type_] > size:
        raise PtxError(f"{name} has more initial values than elements", line)
    align = align or TYPE_BYTES[type_] * lanes
    return Variable(name, space, type_, size, align, line, initial, external)


def _type(tokens: PtxTokens) -> tuple[str, int, int]:
    """Type, alignment (0 where not given) and vector length of a declaration."""
    align, lanes = 0, 1
    while tokens.kind() == "directive":
        line, word = tokens.line, tokens.next()
        if word == ".align":
            align = tokens.integer()
            if align < 1 or align & (align - 1) or align > 1 << 20:
                raise PtxError(f"impossible alignment {align}", line)
        elif word in _VECTOR:
            lanes = _VECTOR[word]
        elif word[1:] in TYPE_BYTES:
            # A parameter may go on: .u64 .ptr .global .align 4 name
            return word[1:], _pointer(tokens) or align, lanes
        elif word in (".texref", ".samplerref", ".surfref"):
            raise UnsupportedByDevice(f"PTX line {line}: textures and surfaces ({word})")
        else:
            raise PtxError(f"a type expected, {word!r} found", line)
    raise PtxError(f"a type expected, {tokens.peek()[:60]!r} found", tokens.line)


def _pointer(tokens: PtxTokens) -> int:
    """Skip ``.ptr .global .align n``, which describes what is pointed to."""
    if tokens.take(".ptr"):
        while tokens.kind() == "directive":
            if tokens.next() == ".align":
                tokens.integer()
    return 0


def _initial(tokens: PtxTokens) -> tuple[Immediate | Symbol, ...]:
    if tokens.peek() != "{":
        return (_value(tokens),)
    found: list[Immediate | Symbol] = []
    depth = 0
    while True:
        line = tokens.line
        if tokens.take("{"):
            depth += 1
            if depth > _MOST_NESTED:
                raise PtxError("initial values are nested too deep", line)
        elif tokens.take("}"):
            depth -= 1
            if depth == 0:
                return tuple(found)
            tokens.take(",")
        else:
            found.append(_value(tokens))
            if tokens.peek() != "}":
                tokens.expect(",")


def _value(tokens: PtxTokens) -> Immediate | Symbol:
    """A number, or ``name``, ``name+4``, ``generic(name)+4``."""
    if tokens.kind() != "word":
        negative = tokens.take("-")
        value, kind = tokens.number()
        if negative and kind != "int":
            value ^= 1 << (31 if kind == "f32" else 63)
        return Immediate(-value if negative and kind == "int" else value, kind)
    name, generic = tokens.name(), False
    if name == "generic" and tokens.take("("):
        name, generic = tokens.name(), True
        tokens.expect(")")
    offset = 0
    while tokens.peek() in ("+", "-"):
        sign = -1 if tokens.next() == "-" else 1
        offset += sign * tokens.integer()
    return Symbol(name, offset, generic)
