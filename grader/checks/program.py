"""The check of the file as a program, run as its author would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from grader.model.checks import Judgement, Tally
from grader.model.program import ProgramCheck, ProgramSeen
from grader.record import PrintedOutput, ProgramEnd, Reason, Status

_WORST: Final = (
    PrintedOutput.OTHER,
    PrintedOutput.NOTHING,
    PrintedOutput.NOT_ASKED,
    PrintedOutput.PUBLISHED,
)
"""Of several runs, what is said of all."""


@dataclass(frozen=True, kw_only=True)
class Program(ProgramCheck):
    """The program builds, ends with exit code 0, and launches a kernel on the way.

    What it prints is shown, and whether it is the published output is said. That decides nothing:
    constants, inputs and prints are the student's own.
    """

    kind: ClassVar[str] = "program"

    title: str = "The program runs"

    def judge_program(self, seen: ProgramSeen) -> Judgement:
        if seen.end is ProgramEnd.UNSEEN:
            return _unseen(seen.said)
        if seen.end is not ProgramEnd.RAN:
            return _failed(seen.end, seen.said)
        runs = [(command, seen.runs[command]) for command in self.commands]
        ends = [(command, run, self.end_of(run)) for command, run in runs]
        for command, run, end in ends:
            if end not in (ProgramEnd.RAN, ProgramEnd.UNSEEN):
                return _failed(end, self.said_of(run), command.text)
        for _, run, end in ends:
            if end is ProgramEnd.UNSEEN:
                return _unseen(self.said_of(run))
        printed = min((command.compare(run.text) for command, run in runs), key=_WORST.index)
        data = {"end": ProgramEnd.RAN.value, "printed": printed.value}
        return Judgement(status=Status.PASSED, reason=Reason.PROGRAM, data=dict(data))

    def headline(self, tally: Tally) -> str:
        return "The kernels are right, but the program around them does not run as it should."


def _failed(end: ProgramEnd, said: str, command: str = "") -> Judgement:
    data = {"end": end.value, "said": said, "command": command}
    return Judgement(status=Status.FAILED, reason=Reason.PROGRAM, data=dict(data))


def _unseen(said: str) -> Judgement:
    return Judgement(status=Status.NOT_CHECKED, reason=Reason.PROGRAM_UNSEEN, data={"said": said})
