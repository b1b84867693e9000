"""Build a program, run it, and write down what was seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from grader import __version__
from grader.device import CaseEvidence
from grader.errors import ExitCode, ToolchainFault
from grader.grading.editions import Choice, choose, in_use
from grader.grading.explain.profiles import profiles_of
from grader.intake import Submission
from grader.intake.display import one_line
from grader.intake.program import architecture
from grader.lanes import DeviceChoice
from grader.lanes.devices import LIMITS as DEVICE_LIMITS
from grader.lanes.devices import HowToRun
from grader.lanes.program import Built, ProgramPlace, Ran, open_program
from grader.machine import memory_bytes
from grader.model.part import Budget
from grader.record import IsolationInfo, ToolchainInfo
from grader.run.document import RunDocument, RunEnding, SourceFile, findings_of, launches_of
from grader.run.text import PassedOn
from grader.sandbox import MIB, LimitHit, Limits, Outcome, Wanted, probe_once
from grader.toolchain.install import install
from grader.toolchain.toolchain import Toolchain

NOT_BUILT = 1
FOUND = 1
STOPPED = 124
"""As timeout(1) says of a program that it ended."""
_SIGNALLED = 128
_MOST_ADVICE = 3

_INSTRUCTIONS_PER_SECOND = 33_000
"""Of one thread, for each second that the program may take: then its loop is called endless. The
device needs a fifteenth of the time for them."""
_OUTPUT_BYTES = 64 * MIB
_STOPPED = {
    LimitHit.WALL_CLOCK: "it ran for longer than {seconds:.0f} s; --timeout sets another limit",
    LimitHit.MEMORY: "it took more than {memory} MiB of the machine's memory",
    LimitHit.TASKS: "it started too many processes or threads",
    LimitHit.SCRATCH: "it wrote too much to the disk",
    LimitHit.OUTPUT: "it printed more than 64 MiB",
}


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What to run, and how."""

    shown: str
    """The file as it was named, safe to display."""
    program: Submission
    arguments: tuple[str, ...] = ()
    device: DeviceChoice = "software"
    edition: str = "auto"
    isolation: Wanted = Wanted.AUTO
    timeout: float = 300.0
    strict: bool = False
    profile: bool = False
    """Whether to count what each line costs."""

    @property
    def module(self) -> str:
        """The module's name: the file's, where that can be one."""
        stem = Path(self.program.name).stem
        return stem if stem.isidentifier() and stem.isascii() else "program"


@dataclass(frozen=True, kw_only=True)
class Shows:
    """Who hears what, as it happens."""

    said: Callable[[str], None]
    """A sentence about what is going on."""
    out: Callable[[str], None]
    """What the program prints on standard output,"""
    error: Callable[[str], None]
    """and on standard error."""


def run(request: RunRequest, shows: Shows) -> RunDocument:
    """Build and run a program.

    Raises:
        UsageError: there is no such edition.
        GraderFault: of ours: the sandbox, the toolchain or the device does not work.
    """
    choice = choose(request.edition, request.program.text)
    isolation = probe_once(request.isolation)
    if isolation.weakened:
        shows.said(isolation.sentence)
    toolchain = install(choice.edition, said=shows.said)
    # Of the software device: its memory is taken when it is touched, up to half of the machine's.
    most = max(DEVICE_LIMITS.resident_bytes, memory_bytes() // 2)
    with (
        in_use(choice.edition),
        open_program(
            request.program.data,
            request.module,
            toolchain,
            isolation=isolation.level,
            device=request.device,
            device_limits=msgspec.structs.replace(DEVICE_LIMITS, resident_bytes=most),
            architecture=architecture(request.program.text),
        ) as place,
    ):
        shows.said(f"building {request.shown} with Mojo {toolchain.mojo_version}")
        built = place.build(Limits(wall_seconds=request.timeout))
        document = RunDocument(
            version=__version__,
            file=request.shown,
            sha256=request.program.sha256,
            arguments=tuple(one_line(each) for each in request.arguments),
            ending=RunEnding.NOT_BUILT,
            exit_code=NOT_BUILT,
            toolchain=_toolchain_info(toolchain, choice),
            device=place.device.info,
            isolation=IsolationInfo(
                level=str(isolation.level), note=isolation.sentence if isolation.weakened else ""
            ),
            build_seconds=round(built.seconds, 3),
            diagnostics=built.diagnostics,
        )
        if not built.ok:
            return not_built(document, built, choice, place.source)
        limits = Limits(wall_seconds=request.timeout, output_bytes=_OUTPUT_BYTES)
        ran = run_built(place, request, limits, shows)
    return ended(document, ran, request, limits, place.source)


def not_built(document: RunDocument, built: Built, choice: Choice, source: str) -> RunDocument:
    """The document of a program that did not build.

    Args:
        document: What is known before that.
        built: What the compiler said. Where it was ended, or ended without a word, that says
            nothing of the program.
        choice: Of the edition.
        source: The file, as the compiler names it.

    Raises:
        ToolchainFault: the machine's memory ran out.
    """
    outcome = built.outcome
    if outcome.machine_out_of_memory:
        raise ToolchainFault(
            "the machine's memory ran out while the program was built",
            remedy="End other programs, and try again.",
        )
    why = "it does not compile"
    if outcome.limit is not None:
        why = f"the compiler was stopped: {_stopped_by(outcome.limit, built.limits)}"
    elif not any(each.severity == "error" for each in built.diagnostics):
        why = f"the compiler ended with {outcome.how}"
    return msgspec.structs.replace(
        document,
        why=why,
        advice=tuple(
            f"line {each.line}: `{each.pattern}` belongs to {each.belongs}. {each.advice}"
            for each in choice.foreign[:_MOST_ADVICE]
        ),
        compiler_output=built.output.replace(source, document.file),
    )


def run_built(place: ProgramPlace, request: RunRequest, limits: Limits, shows: Shows) -> Ran:
    """Run what was built, and pass on what it prints."""
    renamed = (place.source, request.shown)
    streams = (PassedOn(shows.out, renamed), PassedOn(shows.error, renamed))
    try:
        return place.run(
            request.arguments,
            limits,
            lambda stream, chunk: streams[stream].feed(chunk),
            how=HowToRun(
                profiled=request.profile,
                budget=Budget(
                    instructions=1 << 50,
                    per_thread=0,
                    thread=int(_INSTRUCTIONS_PER_SECOND * limits.wall_seconds),
                    # So that the device can still say where a kernel was that has not ended.
                    seconds=limits.wall_seconds,
                    wall_seconds=max(1.0, 0.8 * limits.wall_seconds),
                ),
            ),
        )
    finally:
        for stream in streams:
            stream.close()


def ended(
    document: RunDocument, ran: Ran, request: RunRequest, limits: Limits, source: str
) -> RunDocument:
    """The document of a program that ran.

    Args:
        document: What is known before that.
        ran: How it ended.
        request: What was asked for.
        limits: Under which it ran.
        source: The file, as the compiler names it.

    Raises:
        ToolchainFault: the machine's memory ran out.
    """
    outcome, evidence = ran.outcome, ran.evidence or CaseEvidence()
    if outcome.machine_out_of_memory:
        raise ToolchainFault(
            "the machine's memory ran out while the program ran",
            remedy="End other programs, and try again.",
        )
    file = SourceFile(text=request.program.text, module=request.module, compiled_as=source)
    document = msgspec.structs.replace(
        document,
        ending=RunEnding.RAN,
        program_exit_code=outcome.exit_code,
        signal=outcome.signal,
        run_seconds=round(outcome.wall_seconds, 3),
        launches=launches_of(evidence, file),
        findings=findings_of(evidence, file),
        profiles=profiles_of(evidence, file.line, file.function),
        not_checked=(*evidence.unsupported, *evidence.unchecked, *_unseen(document, ran)),
        stdout=outcome.stdout.decode("utf-8", "replace").replace(source, request.shown),
        stderr=outcome.stderr.decode("utf-8", "replace").replace(source, request.shown),
    )
    if outcome.limit is not None:
        why = f"the program was stopped: {_stopped_by(outcome.limit, limits)}"
        return msgspec.structs.replace(
            document, ending=RunEnding.STOPPED, exit_code=STOPPED, why=why
        )
    code = _code(outcome)
    if code and evidence.unsupported:
        return msgspec.structs.replace(
            document,
            ending=RunEnding.NOT_SUPPORTED,
            exit_code=int(ExitCode.FAULT),
            why="it failed where the software device could not go on; a GPU may well run it",
        )
    if not code and request.strict and document.errors:
        code = FOUND
    return msgspec.structs.replace(document, exit_code=code)


def _unseen(document: RunDocument, ran: Ran) -> tuple[str, ...]:
    if ran.evidence is None and document.device.kind == "software":
        return ("a kernel was still running on the software device, so nothing is known of it",)
    return ()


def _code(outcome: Outcome) -> int:
    """As a shell has it."""
    return _SIGNALLED + (outcome.signal or 0) if outcome.exit_code is None else outcome.exit_code


def _stopped_by(limit: LimitHit, limits: Limits) -> str:
    return _STOPPED[limit].format(seconds=limits.wall_seconds, memory=limits.resident_bytes // MIB)


def _toolchain_info(toolchain: Toolchain, choice: Choice) -> ToolchainInfo:
    return ToolchainInfo(
        edition=toolchain.edition.name,
        edition_reason=choice.reason,
        max_version=toolchain.max_version,
        mojo_version=toolchain.mojo_version,
        python_version=toolchain.python_version,
    )
