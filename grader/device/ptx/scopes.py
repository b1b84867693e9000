"""Names in nested ``{ }``: which scope declared what, under which unique name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from grader.device.ptx.model import PtxError, PtxFunction, Variable

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
        """The unique name of a register, or None where ``name`` is none."""
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
