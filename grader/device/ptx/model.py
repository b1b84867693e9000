"""What a PTX text says, as values.

Names inside a function are unique: a name that is declared in an inner ``{ }``
carries the number of its scope (``temp@2``). Jumps hold the index of the
instruction they lead to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from grader.errors import DeviceFault

TYPE_BYTES = {
    **{f"{kind}{bits}": bits // 8 for kind in "bus" for bits in (8, 16, 32, 64)},
    "f16": 2,
    "bf16": 2,
    "f32": 4,
    "tf32": 4,
    "f64": 8,
    "f16x2": 4,
    "bf16x2": 4,
    "b128": 16,
}
"""Size of each type that a variable can have, in bytes."""


class StateSpace(StrEnum):
    """Where a variable lies."""

    GLOBAL = "global"
    CONST = "const"
    SHARED = "shared"
    LOCAL = "local"
    PARAM = "param"


@dataclass(frozen=True, slots=True)
class Register:
    """A register operand, by its unique name."""

    name: str


@dataclass(frozen=True, slots=True)
class Special:
    """A special register such as ``%tid.x``."""

    name: str


@dataclass(frozen=True, slots=True)
class Immediate:
    """A constant: an integer, or the bits of a float.

    Attributes:
        value: The integer (of any sign), or the IEEE bits.
        kind: ``"int"``, ``"f32"`` or ``"f64"``.
    """

    value: int
    kind: str = "int"


@dataclass(frozen=True, slots=True)
class Symbol:
    """The address of a variable or function, plus bytes.

    Attributes:
        generic: Whether it was written ``generic(name)``.
    """

    name: str
    offset: int = 0
    generic: bool = False


@dataclass(frozen=True, slots=True)
class Address:
    """``[base+offset]``; the base is None for an absolute address."""

    base: Register | Symbol | None
    offset: int


@dataclass(frozen=True, slots=True)
class Negated:
    """``!%p``."""

    register: Register


@dataclass(frozen=True, slots=True)
class Sink:
    """``_``: the result is not wanted."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a jump leads: an index into the function's instructions."""

    index: int
    label: str


@dataclass(frozen=True, slots=True)
class Targets:
    """The jump table of ``brx.idx``."""

    choices: tuple[Target, ...]


Scalar = Register | Special | Immediate | Symbol | Negated | Sink


@dataclass(frozen=True, slots=True)
class Vector:
    """``{a, b, ...}``."""

    items: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class OperandPair:
    """``p|q``: two destinations."""

    first: Scalar
    second: Scalar


@dataclass(frozen=True, slots=True)
class Arguments:
    """``(a, b)`` of a call."""

    items: tuple[Scalar, ...]


Operand = Scalar | Vector | OperandPair | Address | Arguments | Target | Targets


@dataclass(frozen=True, slots=True)
class Location:
    """A place in source code, from ``.loc``. A column of 0 is not known."""

    file: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Guard:
    """``@%p`` or ``@!%p``."""

    register: Register
    negated: bool


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a function.

    Attributes:
        opcode: The full dotted mnemonic.
        line: Line in the PTX text, from 1.
        text: The instruction as written, without its label.
        source: Where the source code has it: the place, then each call that was inlined around it,
            as far as known.
    """

    opcode: str
    operands: tuple[Operand, ...]
    guard: Guard | None
    line: int
    text: str
    source: tuple[Location, ...]

    @property
    def base(self) -> str:
        """The mnemonic without its modifiers."""
        return self.opcode.partition(".")[0]

    @property
    def modifiers(self) -> tuple[str, ...]:
        """The parts after the first dot."""
        return tuple(self.opcode.split(".")[1:])


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared variable or parameter.

    Attributes:
        size: Bytes in all; 0 where the array is unsized (``extern .shared``).
        initial: Element values in order, where given; the rest is zero.
    """

    name: str
    space: StateSpace
    type: str
    size: int
    align: int
    line: int
    initial: tuple[Immediate | Symbol, ...] = ()
    external: bool = False


@dataclass(slots=True)
class PtxFunction:
    """An ``.entry`` or ``.func``.

    Attributes:
        registers: Type of each register that the body names, e.g. ``"b32"`` or ``"pred"``.
        variables: The variables and parameters declared in the body, by unique name.
        defined: Whether there is a body.
        max_threads: ``.maxntid``, and
        required_threads: ``.reqntid``, as x, y, z.
        required_cluster: ``.reqnctapercluster``, as x, y, z.
        most_cluster: ``.maxclusterrank``.
        explicit_cluster: Whether it may be launched in clusters only.
        file: The number of the source file that it is in, where ``.loc`` says it.
    """

    name: str
    is_entry: bool
    params: tuple[Variable, ...]
    returns: tuple[Variable, ...]
    line: int
    defined: bool = False
    instructions: tuple[Instruction, ...] = ()
    registers: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    max_threads: tuple[int, int, int] | None = None
    required_threads: tuple[int, int, int] | None = None
    required_cluster: tuple[int, int, int] | None = None
    most_cluster: int | None = None
    explicit_cluster: bool = False
    file: int | None = None


@dataclass(slots=True)
class PtxModule:
    """A PTX text.

    Attributes:
        variables: Module-level variables by name.
        files: Source file names by their ``.file`` number.
    """

    version: str = ""
    target: str = ""
    functions: dict[str, PtxFunction] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    files: dict[int, str] = field(default_factory=dict)


class PtxError(DeviceFault):
    """The text is not PTX that we can read.

    Args:
        what: What is wrong, without the place.
        line: Line in the PTX text, from 1; 0 where no single line is to blame.
    """

    def __init__(self, what: str, line: int = 0) -> None:
        place = f"PTX line {line}: " if line else "PTX: "
        super().__init__(
            place + what,
            remedy="The kernel was compiled to something the software device can't read; "
            "report it together with the kernel.",
        )
        self.line = line
