"""Variables, parameters and registers: everything that declares a name."""

from __future__ import annotations

from grader.device.ptx.model import TYPE_BYTES, Immediate, PtxError, StateSpace, Symbol, Variable
from grader.device.ptx.tokens import PtxTokens
from grader.errors import UnsupportedByDevice

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
