"""The first case: a kernel that is right as it is given, and a ``main`` that gives it no input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from grader.puzzle_kit import FINDING_PHRASES, CommandRun, Program, ProgramEnd, Shortfall, Tally


@dataclass(frozen=True, kw_only=True)
class FirstCase(Program):
    """The program launches the kernel on buffers that are there, and fetches its result.

    Which numbers it puts into them is the student's choice.
    """

    kind: ClassVar[str] = "first-case"
    stands_alone: ClassVar[bool] = True
    own_words: ClassVar[str] = "The second and the third case are right, but the first is not."

    kernel: str

    def end_of(self, run: CommandRun) -> ProgramEnd:
        if run.end in (ProgramEnd.UNSEEN, ProgramEnd.STOPPED):
            return run.end
        if run.found:
            return ProgramEnd.NOT_CLEAN
        if run.end is not ProgramEnd.RAN:
            return run.end
        if not any(each.startswith(self.kernel) for each in run.kernels):
            return ProgramEnd.NO_LAUNCH
        return ProgramEnd.RAN if run.wrote else ProgramEnd.NOTHING_BACK

    def said_of(self, run: CommandRun) -> str:
        if self.end_of(run) is ProgramEnd.NOT_CLEAN:
            return " and ".join(FINDING_PHRASES[kind] for kind in run.found)
        return run.said

    def shortfall(self, tally: Tally) -> Shortfall:
        return Shortfall.OWN
