"""A submission as a whole program: how it is run, and what was seen of it.

What a program prints and asserts is its author's own. So a check of it says that it runs, and
counts little; what its kernels compute is asked of them in cases.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from grader.device import FindingKind
from grader.model.checks import Judgement, StageCheck
from grader.record import Aspect, PrintedOutput, ProgramEnd

_NUMBER: Final = re.compile(r"[-+]?(?:\d[\d.]*(?:[eE][-+]?\d+)?|inf|nan)")
_BETWEEN: Final = 40
"""Characters that may stand between the words and the list: ``HostBuffer(``."""
_CLOSE: Final = 1e-3
"""How far a printed number may lie from the published one, relative: it is rounded to be read."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """How a program is run once, and what the book's own prints then."""

    arguments: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    """Arguments that do as well, for where it fails with the first: the book has two answers."""
    printed: tuple[float, ...] = ()
    """The numbers of its result, or the first ones; none where it is not known what they are."""
    behind: str = "out:"
    """What stands before them."""

    @property
    def text(self) -> str:
        """The arguments as they are typed."""
        return " ".join(self.arguments)

    def compare(self, output: str) -> PrintedOutput:
        """What was printed beside what the book's own prints.

        The last list behind the words counts: students print more, and earlier. A matrix is a list
        of its rows, or of its elements.
        """
        if not self.printed:
            return PrintedOutput.NOT_ASKED
        before = output.lower()
        got: list[float] = []
        while not got:
            before, found, _ = before.rpartition(self.behind.lower())
            if not found:
                return PrintedOutput.NOTHING
            got = _numbers(output[len(before) + len(found) :])
        same = len(got) >= len(self.printed) and all(
            abs(one - other) <= _CLOSE * max(1.0, abs(other))
            for one, other in zip(got, self.printed, strict=False)
        )
        return PrintedOutput.PUBLISHED if same else PrintedOutput.OTHER


def _numbers(text: str) -> list[float]:
    """The numbers of the list that a text begins with; none where it begins with something else."""
    start = text.find("[", 0, _BETWEEN)
    if start < 0 or "\n" in text[:start]:
        return []
    depth = 0
    for end in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[end], 0)
        if not depth:
            break
    found = _NUMBER.findall(text[start:end].lower())
    return [float(each) for each in found if each.count(".") < 2]


@dataclass(frozen=True, kw_only=True)
class CommandRun:
    """What was seen of one run of a program."""

    end: ProgramEnd
    said: str = ""
    """How it ended, where it did not run to its end."""
    kernels: tuple[str, ...] = ()
    """Names of the kernels that ran to their end, as the compiler has them."""
    wrote: bool = False
    """Whether it copied something back that a kernel had written."""
    found: tuple[FindingKind, ...] = ()
    """What the device saw."""
    launches: int = 0
    seconds: float = 0.0
    text: str = ""
    """What it printed, safe to display."""


@dataclass(frozen=True, kw_only=True)
class ProgramSeen:
    """All that is known of a submission as a program."""

    end: ProgramEnd = ProgramEnd.RAN
    """``RAN``: it was built, and ``runs`` say more. Else why it was not run."""
    said: str = ""
    runs: Mapping[Command, CommandRun] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ProgramCheck(StageCheck):
    """A check that runs of the submission's own program decide."""

    aspect: ClassVar[Aspect] = Aspect.PROGRAM

    stands_alone: ClassVar[bool] = False
    """Whether it says something of a file in which no kernel was filled in."""

    commands: tuple[Command, ...] = (Command(),)
    """Each is run once; a file is built once for all checks."""

    @abstractmethod
    def judge_program(self, seen: ProgramSeen) -> Judgement:
        """How it went."""

    def end_of(self, run: CommandRun) -> ProgramEnd:
        """What came of one of its runs."""
        return run.end

    def said_of(self, run: CommandRun) -> str:
        """How that shows: an exit code, a limit, what was seen."""
        return run.said


def commands_of(checks: Sequence[ProgramCheck]) -> tuple[Command, ...]:
    """What is to be run for all of them, each once."""
    return tuple(dict.fromkeys(command for check in checks for command in check.commands))
