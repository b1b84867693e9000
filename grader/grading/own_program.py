"""The submission's own program: built beside the kernels, and run when they have been judged.

It runs on the device that the kernels were launched on, behind the last of their cases: so whatever
its ``main`` does, it can't touch what they showed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self

import msgspec

from grader.device import CaseEvidence, FindingKind, Writer
from grader.errors import GraderFault, ToolchainFault
from grader.grading.blame import Control, Trial, blame_limit, starved
from grader.grading.edition_run import Background
from grader.intake.display import for_terminal
from grader.intake.program import functions
from grader.lanes.devices import CaseDevice, HowToRun
from grader.lanes.program import Built, ProgramPlace, Ran, open_program
from grader.model.part import Budget
from grader.model.program import Command, CommandRun, ProgramSeen
from grader.record import CompilerEnd, Diagnostic, LimitReached, ProgramEnd
from grader.sandbox import MIB, Isolation, LimitHit, Limits, Outcome
from grader.toolchain.toolchain import Toolchain
from grader.wording.checks import COMPILER_ENDED, PROGRAM_LIMITS, compiler_sentence
from grader.wording.findings import ALLOWED, SHOWS_IN_VALUES

SECONDS: Final = 10.0
"""A program of the book takes a twentieth of a second, and its process a third to start."""
_ENOUGH: Final = 1.0
"""Seconds of a processor after which a program does not end, however busy the machine is."""
RUN_LIMITS: Final = Limits(wall_seconds=SECONDS, output_bytes=4 * MIB)
_PATIENT: Final = Limits(wall_seconds=6 * SECONDS, output_bytes=4 * MIB)
"""Where a busy machine gave it no time in the first: then it is run once more."""
_BUDGET: Final = Budget(thread=2_000_000, seconds=0.8 * SECONDS, wall_seconds=0.8 * SECONDS)
"""So that the device can still say what it saw of a kernel that does not end. Its sizes are the
student's own, so a thread may do more than in our cases."""
USUAL: Final = HowToRun(budget=_BUDGET)
_ENDLESS: Final = replace(_BUDGET, thread=100_000)
"""Where a kernel of the file is known not to end: the device needs 2 s at most to say so."""
_KEPT: Final = 32 * 1024
"""Bytes that are kept of what it prints, of the beginning and of the end."""
_SHOWN: Final = 64 * 1024
_FAILURES: Final = frozenset(FindingKind) - ALLOWED - SHOWS_IN_VALUES
"""What is told of launches; the others cost nothing in cases, either."""
_FRAME: Final = re.compile(r"^ *#\d+ 0x[0-9a-f]+ (.*)\n?", re.MULTILINE)
"""A line of a stack trace; those in the program's own file are worth reading."""
_BUSY: Final = "the machine was too busy to run the program"
_NO_MEMORY: Final = "the memory of this machine ran out while the program ran"


class OwnProgram:
    """A submission's program. Use as a context manager; a build that is not needed is ended.

    Args:
        text: The submission.
        module: What its file is called, without ``.mojo``.
        toolchain: What compiles it.
        isolation: The level that its processes run under.
        limits: Of the compiler.
        architecture: The oldest one of a GPU that it is written for; empty where any will do.
    """

    def __init__(
        self,
        text: str,
        module: str,
        toolchain: Toolchain,
        *,
        isolation: Isolation,
        limits: Limits,
        architecture: str = "",
    ) -> None:
        self.diagnostics: tuple[Diagnostic, ...] = ()
        self._module = module
        self._limits = limits
        self._architecture = architecture
        self._has_main = "main" in functions(text)
        self._open = contextlib.ExitStack()
        self._place: ProgramPlace | None = None
        self._unneeded = False
        self._source = text.encode()
        self._toolchain, self._isolation = toolchain, isolation
        self._built = Background(self._build, after=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._unneeded = True
        if self._place is not None:
            self._place.stop()
        self._built.drop(lambda built: None)
        self._open.close()

    def begin(self) -> None:
        """Build it beside what else is done; else it is built when it is run."""
        if self._has_main:
            self._built.begin()

    def run(
        self,
        commands: Sequence[Command],
        device: Callable[[], CaseDevice],
        *,
        control: Control,
        endless: bool = False,
    ) -> ProgramSeen:
        """Run it once for each command.

        A fault of the grader is no fault of the kernels', so it is told and raises nothing.

        Args:
            commands: Its arguments, each time.
            device: What it runs on.
            control: Builds the reference answer as a program.
            endless: Whether a kernel of it is known not to end.

        Raises:
            ToolchainFault: the machine was too busy, or short of memory.
        """
        if not self._has_main:
            return ProgramSeen(end=ProgramEnd.NO_MAIN)
        try:
            built = self._built.result()
            if not built.ok:
                return self._not_built(built, control)
            assert self._place is not None
            self._place.run_on(device())
            place = self._place
            how = HowToRun(budget=_ENDLESS) if endless else USUAL
            runs = {each: run_as_asked(place, each, self._module, how) for each in commands}
            return ProgramSeen(runs=runs)
        except ToolchainFault:
            # The machine's doing: no mark is better than one without these points.
            raise
        except GraderFault as fault:
            return ProgramSeen(end=ProgramEnd.UNSEEN, said=fault.what)

    def builds(self) -> Trial | None:
        """What it took to build it; None where it does not build."""
        built = self._built.result()
        if not built.ok:
            return None
        return Trial(seconds=built.seconds, peak_bytes=built.outcome.peak_resident_bytes)

    def _build(self) -> Built:
        self._place = self._open.enter_context(
            open_program(
                self._source,
                self._module,
                self._toolchain,
                isolation=self._isolation,
                device=None,
                architecture=self._architecture,
            )
        )
        if self._unneeded:
            self._place.stop()
        return self._place.build(self._limits)

    def _not_built(self, built: Built, control: Control) -> ProgramSeen:
        """A mistake in the file is the student's; of a crash it can't be told whose it is.

        Raises:
            ToolchainFault: the machine was too busy, or short of memory.
        """
        if stopped := blame_limit(built.outcome, "building the program", control):
            return ProgramSeen(end=ProgramEnd.NOT_BUILT, said=stopped.sentence)
        errors = [each for each in built.diagnostics if each.severity == "error" and each.line]
        if not errors:
            why = COMPILER_ENDED.format(how=built.outcome.how)
            return ProgramSeen(end=ProgramEnd.UNSEEN, said=why)
        self.diagnostics = tuple(msgspec.structs.replace(each, stage="program") for each in errors)
        first = {"end": CompilerEnd.SAID.value, "said": errors[0].message}
        said = compiler_sentence({**first, "line": errors[0].line or 0})
        return ProgramSeen(end=ProgramEnd.NOT_BUILT, said=said)


def run_as_asked(place: ProgramPlace, command: Command, module: str, how: HowToRun) -> CommandRun:
    """Run a program with the arguments of a command, or where it fails then with the others."""
    run = run_once(place, command, module, how)
    if run.end is ProgramEnd.RAN or not command.otherwise:
        return run
    other = replace(command, arguments=command.otherwise, otherwise=())
    also = run_once(place, other, module, how)
    return also if also.end is ProgramEnd.RAN else run


def run_once(
    place: ProgramPlace, command: Command, module: str, how: HowToRun = USUAL
) -> CommandRun:
    """Run a program that was built, and what is seen of it.

    Args:
        place: Where it was built, with a device.
        command: Its arguments.
        module: The name of the file, which the names of its kernels begin with.
        how: What the device does with it.
    """
    printed, ran = _run(place, command, RUN_LIMITS, how)
    if _was_kept_waiting(ran.outcome):
        printed, ran = _run(place, command, _PATIENT, how)
    evidence = ran.evidence or CaseEvidence()
    end, said = _end(ran, evidence)
    file = f"{module}.mojo"
    text = _FRAME.sub(
        lambda frame: f"    at {frame[1]}\n" if f" {file}:" in frame[1] else "",
        printed.text().replace(place.source, file),
    )
    return CommandRun(
        end=end,
        said=said,
        kernels=tuple(
            dict.fromkeys(
                launch.kernel.removeprefix(f"{module}_")
                for launch in evidence.launches
                if launch.instructions and not launch.result
            )
        ),
        wrote=any(
            part.writer is Writer.KERNEL for copy in evidence.copies_out for part in copy.provenance
        ),
        found=tuple(
            dict.fromkeys(
                finding.kind
                for launch in evidence.launches
                for finding in launch.findings
                if finding.kind in _FAILURES
            )
        ),
        launches=len(evidence.launches),
        seconds=round(ran.outcome.wall_seconds, 3),
        text=for_terminal(text, limit=_SHOWN),
    )


def _run(
    place: ProgramPlace, command: Command, limits: Limits, how: HowToRun
) -> tuple[_BothStreams, Ran]:
    printed = _BothStreams()
    ran = place.run(
        command.arguments,
        limits,
        lambda stream, chunk: printed.feed(chunk),
        how=how,
    )
    return printed, ran


def _was_kept_waiting(outcome: Outcome) -> bool:
    """Whether it ran out of time because the machine gave it none."""
    busy = starved(outcome) and outcome.cpu_seconds < _ENOUGH
    return outcome.limit is LimitHit.WALL_CLOCK and busy


class _BothStreams:
    """What a program prints, on both streams in the order in which it comes; of much, the ends."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail = bytearray()
        self._left_out = 0

    def feed(self, chunk: bytes) -> None:
        room = _KEPT - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[max(0, room) :]
        over = max(0, len(self._tail) - _KEPT)
        self._left_out += over
        del self._tail[:over]

    def text(self) -> str:
        between = f"\n[... {self._left_out:,} bytes ...]\n" if self._left_out else ""
        return (self._head + between.encode() + self._tail).decode("utf-8", "replace")


def _end(ran: Ran, evidence: CaseEvidence) -> tuple[ProgramEnd, str]:
    """What came of a run, and how it ended."""
    outcome = ran.outcome
    if outcome.machine_out_of_memory or _was_kept_waiting(outcome):
        raise ToolchainFault(
            _NO_MEMORY if outcome.machine_out_of_memory else _BUSY,
            remedy="Run it again when the machine is less busy.",
        )
    if outcome.limit is not None:
        return ProgramEnd.STOPPED, _stopped(outcome.limit)
    failed = outcome.exit_code != 0
    if evidence.unsupported and (failed or not evidence.launches):
        return ProgramEnd.UNSEEN, evidence.unsupported[0]
    if failed:
        return ProgramEnd.FAILED, outcome.how
    if not any(launch.instructions for launch in evidence.launches):
        return ProgramEnd.NO_LAUNCH, ""
    return ProgramEnd.RAN, ""


def _stopped(limit: LimitHit) -> str:
    """The limit that a run was stopped at, with what it allows."""
    return PROGRAM_LIMITS[LimitReached(limit.value)].format(
        seconds=SECONDS,
        mebibytes=RUN_LIMITS.resident_bytes // MIB,
        printed=RUN_LIMITS.output_bytes // MIB,
    )
