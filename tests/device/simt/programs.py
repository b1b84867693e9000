"""Random structured programs: as PTX, and run thread by thread in plain Python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import strategies as st

MASK = 0xFFFFFFFF
VARIABLES = 6
_MOST_TURNS = 9


def _signed(x: int) -> int:
    return x - (1 << 32) if x >> 31 else x


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add.u32": lambda a, b: a + b,
    "sub.u32": lambda a, b: a - b,
    "mul.lo.u32": lambda a, b: a * b,
    "mul.hi.u32": lambda a, b: a * b >> 32,
    "mul.hi.s32": lambda a, b: _signed(a) * _signed(b) >> 32,
    "and.b32": lambda a, b: a & b,
    "or.b32": lambda a, b: a | b,
    "xor.b32": lambda a, b: a ^ b,
    "min.s32": lambda a, b: min(_signed(a), _signed(b)),
    "max.u32": max,
    "shl.b32": lambda a, b: a << b if b < 32 else 0,
    "shr.u32": lambda a, b: a >> b if b < 32 else 0,
    "shr.s32": lambda a, b: _signed(a) >> min(b, 31),
}
COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "lt.u32": lambda a, b: a < b,
    "ge.s32": lambda a, b: _signed(a) >= _signed(b),
    "eq.u32": lambda a, b: a == b,
    "ne.u32": lambda a, b: a != b,
}

Value = int | str
"""A constant, or the name of a variable: ``v0`` to ``v5``."""


@dataclass
class Assign:
    operation: str
    target: str
    a: Value
    b: Value


@dataclass
class Branch:
    comparison: str
    a: Value
    b: Value
    yes: list[Statement]
    no: list[Statement]


@dataclass
class Loop:
    """Runs ``body`` ``variable % 9`` times; the count is fixed on entry."""

    variable: str
    body: list[Statement]


@dataclass
class Leave:
    """The thread ends where the comparison holds."""

    comparison: str
    a: Value
    b: Value


@dataclass
class Call:
    """``target = a * 3 + b``, by a function."""

    target: str
    a: Value
    b: Value


Statement = Assign | Branch | Loop | Leave | Call


@dataclass
class Translation:
    """PTX under construction."""

    lines: list[str] = field(default_factory=list)
    labels: int = 0

    def label(self) -> str:
        self.labels += 1
        return f"L{self.labels}"


def _operand(value: Value) -> str:
    return f"%{value}" if isinstance(value, str) else str(value)


FUNCTION = """
.func (.param .b32 r) mix(.param .b32 x, .param .b32 y)
{ .reg .b32 %r<4>; .reg .pred %p;
  ld.param.b32 %r1, [x]; ld.param.b32 %r2, [y];
  setp.eq.u32 %p, %r1, 0; @%p bra ZERO;
  mad.lo.u32 %r3, %r1, 3, %r2; bra END;
  ZERO: mov.u32 %r3, %r2;
  END: st.param.b32 [r], %r3; ret; }
"""


def translate(program: list[Statement]) -> str:
    """The body of a kernel; the variables start as functions of the thread."""
    out = Translation([f".reg .b32 %v<{VARIABLES}>; .reg .b32 %count<64>; .reg .pred %q<256>;"])
    for k in range(VARIABLES):
        out.lines.append(f"mad.lo.u32 %v{k}, %g, {2 * k + 1}, {k};")
    _block(program, out, 0)
    out.lines.append("mov.u32 %r0, 0;")
    out.lines += [f"mad.lo.u32 %r0, %r0, 31, %v{k};" for k in range(VARIABLES)]
    return "\n".join(out.lines)


def _block(block: list[Statement], out: Translation, depth: int) -> None:
    for statement in block:
        _statement(statement, out, depth)


def _statement(statement: Statement, out: Translation, depth: int) -> None:
    if isinstance(statement, Assign):
        a, b = _operand(statement.a), _operand(statement.b)
        out.lines.append(f"{statement.operation} %{statement.target}, {a}, {b};")
    elif isinstance(statement, Branch):
        other, end = out.label(), out.label()
        _compare(statement, out, depth)
        out.lines.append(f"@!%q{depth} bra {other};")
        _block(statement.yes, out, depth + 1)
        out.lines.append(f"bra.uni {end};" if not statement.no else f"bra {end};")
        out.lines.append(f"{other}:")
        _block(statement.no, out, depth + 1)
        out.lines.append(f"{end}:")
    elif isinstance(statement, Loop):
        top, end = out.label(), out.label()
        out.lines.append(f"rem.u32 %count{depth}, %{statement.variable}, {_MOST_TURNS};")
        out.lines.append(f"{top}: setp.eq.u32 %q{depth}, %count{depth}, 0; @%q{depth} bra {end};")
        _block(statement.body, out, depth + 1)
        out.lines.append(f"sub.u32 %count{depth}, %count{depth}, 1; bra {top};\n{end}:")
    elif isinstance(statement, Leave):
        _compare(statement, out, depth)
        out.lines.append(f"@%q{depth} exit;")
    else:
        out.lines.append("{ .param .b32 x; .param .b32 y; .param .b32 r;")
        out.lines.append(f"st.param.b32 [x], {_operand(statement.a)};")
        out.lines.append(f"st.param.b32 [y], {_operand(statement.b)};")
        out.lines.append(f"call (r), mix, (x, y); ld.param.b32 %{statement.target}, [r]; }}")


def _compare(statement: Branch | Leave, out: Translation, depth: int) -> None:
    a, b = _operand(statement.a), _operand(statement.b)
    out.lines.append(f"setp.{statement.comparison} %q{depth}, {a}, {b};")


class _Left(Exception):
    """The thread has ended."""


def interpret(program: list[Statement], thread: int) -> int | None:
    """What one thread computes; None where it ends early."""
    state = {f"v{k}": (thread * (2 * k + 1) + k) & MASK for k in range(VARIABLES)}
    try:
        _run(program, state)
    except _Left:
        return None
    result = 0
    for k in range(VARIABLES):
        result = (result * 31 + state[f"v{k}"]) & MASK
    return result


def _run(block: list[Statement], state: dict[str, int]) -> None:
    def value(of: Value) -> int:
        return state[of] if isinstance(of, str) else of

    for statement in block:
        if isinstance(statement, Assign):
            result = OPERATIONS[statement.operation](value(statement.a), value(statement.b))
            state[statement.target] = result & MASK
        elif isinstance(statement, Branch):
            holds = COMPARISONS[statement.comparison](value(statement.a), value(statement.b))
            _run(statement.yes if holds else statement.no, state)
        elif isinstance(statement, Loop):
            for _ in range(state[statement.variable] % _MOST_TURNS):
                _run(statement.body, state)
        elif isinstance(statement, Leave):
            if COMPARISONS[statement.comparison](value(statement.a), value(statement.b)):
                raise _Left
        else:
            x, y = value(statement.a), value(statement.b)
            state[statement.target] = (x * 3 + y) & MASK if x else y


VARIABLE = st.sampled_from([f"v{k}" for k in range(VARIABLES)])
VALUE: st.SearchStrategy[Value] = st.one_of(VARIABLE, st.integers(0, 40), st.integers(0, MASK))
ASSIGN = st.builds(Assign, st.sampled_from(sorted(OPERATIONS)), VARIABLE, VALUE, VALUE)
_COMPARISON = st.sampled_from(sorted(COMPARISONS))
_LEAF: st.SearchStrategy[Statement] = st.one_of(
    ASSIGN,
    ASSIGN,
    st.builds(Call, VARIABLE, VALUE, VALUE),
    st.builds(Leave, _COMPARISON, VARIABLE, VALUE),
)


def _deeper(inner: st.SearchStrategy[Statement]) -> st.SearchStrategy[Statement]:
    block = st.lists(inner, max_size=4)
    return st.one_of(
        st.builds(Branch, _COMPARISON, VARIABLE, VALUE, block, block),
        st.builds(Loop, VARIABLE, block),
    )


STRAIGHT: st.SearchStrategy[list[Statement]] = st.lists(ASSIGN, min_size=1, max_size=12)
PROGRAM: st.SearchStrategy[list[Statement]] = st.lists(
    st.recursive(_LEAF, _deeper, max_leaves=12), min_size=1, max_size=6
)
