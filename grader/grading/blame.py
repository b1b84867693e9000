"""Whose failure it is when a submission does not get through packaging or compiling.

Where the compiler names the submission's file or op, it is the submission's.
Where it does not (it crashed, was ended at a limit, or ended without such a message), a control
decides: the reference answer goes through the same steps on the same machine, under the same
limits. If that fails too, or comes near a limit that the submission ran into, the toolchain or the
machine is at fault, and there is no mark. So it is where the machine's memory ran out before the
submission's own limit was reached.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.errors import DeviceFault, ToolchainFault
from grader.lanes.workspace import LaneSetup, out_of_memory
from grader.record import CompilerEnd, Diagnostic
from grader.sandbox import LimitHit, Outcome
from grader.toolchain.packaging import Packaged, is_about_the_op, parse
from grader.wording.checks import compiler_sentence
from grader.worker.process import Ended

if TYPE_CHECKING:
    from grader.model.cases import Case, PlannedShape
    from grader.model.puzzle import Puzzle

IDLE = 0.5
"""Below this share of processor time, a stage that ran out of wall clock did not just compute."""
STARVED = 0.25
"""Above this share of time spent ready but without a processor, the machine was too busy."""

ROOM = 0.5
"""The part of a limit that the reference may need where passing it is the submission's doing."""

SAID = 300
"""Characters of what the compiler said that are repeated."""
_LINES_TOLD = 3
"""Lines of it, where even the reference answer does not compile."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The reference answer got through the same step, here and now; what it took."""

    seconds: float
    peak_bytes: int


Control = Callable[[], Trial | None]
"""Tries the reference answer; None where it does not get through."""


@dataclass(frozen=True, kw_only=True)
class Blame:
    """A failure that is the submission's, in its terms."""

    data: Mapping[str, int | str]
    """Of `Reason.COMPILER`: ``end``, a `CompilerEnd`, and what that says."""
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def sentence(self) -> str:
        """The same for people."""
        return compiler_sentence(self.data)


def _blame(end: CompilerEnd, diagnostics: tuple[Diagnostic, ...] = (), **data: int | str) -> Blame:
    return Blame(data={"end": end.value, **data}, diagnostics=diagnostics)


def reference_answer(puzzle: Puzzle, edition: str) -> bytes:
    """The answer that a control runs.

    Raises:
        ToolchainFault: the puzzle has none in that edition.
    """
    text = puzzle.reference(edition, "right")
    if text is None:
        raise ToolchainFault(
            f"the grader has no answer of {puzzle.name} in edition {edition}, and needs one to "
            "tell whose failure this is",
            remedy="Choose an edition of the book that has this puzzle: --edition NAME.",
        )
    return text.encode()


@dataclass(frozen=True, kw_only=True)
class ReferenceRun:
    """The reference answer taken through the steps of a run, as a control.

    Their modules are imported when it is needed, which is seldom.
    """

    answer: bytes
    setup: LaneSetup
    shapes: Sequence[PlannedShape]

    def packages(self) -> Trial | None:
        """What it took to package it, as an op; None where it does not get that far."""
        with self.setup.workspace(self.answer) as workspace:
            return trial_of(self.setup.package(workspace))

    def loads(self) -> Trial | None:
        """What it took to build it and have it loaded; None where it does not get that far."""
        from grader.lanes.prepared import NotPrepared, prepared

        with (
            contextlib.suppress(NotPrepared),
            prepared(self.answer, self.setup, self.shapes) as found,
        ):
            return Trial(seconds=found.seconds, peak_bytes=found.lane.peak_bytes)
        return None

    def runs(self, case: Case) -> bool:
        """Whether it gets through a case; see `grader.lanes.prepared.gets_through`."""
        from grader.lanes.prepared import gets_through

        return gets_through(self.answer, self.setup, self.shapes, case)


def trial_of(packaged: Packaged) -> Trial | None:
    """What a step took that the compiler did; None where it failed.

    Raises:
        ToolchainFault: the machine's memory ran out.
    """
    outcome = packaged.outcome
    if outcome.machine_out_of_memory:
        raise out_of_memory("compiling the reference answer")
    if not packaged.ok:
        return None
    return Trial(seconds=outcome.wall_seconds, peak_bytes=outcome.peak_resident_bytes)


def blame_packaging(packaged: Packaged, control: Control) -> Blame:
    """Why packaging failed.

    Raises:
        ToolchainFault: it fails with the reference answer too, or the machine was starved.
    """
    if limit := blame_limit(packaged.outcome, "packaging", control):
        return limit
    if sure := [each for each in packaged.diagnostics if is_about_the_op(each)]:
        return _first(sure)
    if control() is None:
        raise _broken("package", packaged.outcome)
    if errors := [each for each in packaged.diagnostics if each.severity == "error"]:
        return _first(errors)
    return _blame(CompilerEnd.BROKE_OFF, what="the compiler", how=packaged.outcome.how)


def blame_compile(
    ended: Ended, control: Control, *, student_file: str, what: str = "the graph"
) -> Blame:
    """Why a worker could not make what runs the cases, which is called ``what``.

    Raises:
        DeviceFault: the device could not be opened, before any code of the submission ran.
        ToolchainFault: it fails with the reference answer too, or the machine was starved.
    """
    if ended.why == "failed" and ended.stage == "device":
        raise DeviceFault(
            f"MAX could not open the device: {ended.message.strip()}",
            remedy="Run grade doctor; it tries the device and says what is missing.",
        )
    if limit := blame_limit(ended.outcome, f"compiling {what}", control):
        return limit
    text = f"{ended.output}\n{ended.message}"
    diagnostics = parse(text, stage="compile", student_file=student_file)
    if sure := [each for each in diagnostics if is_about_the_op(each)]:
        return _first(sure, diagnostics)
    if control() is None:
        raise _broken(f"compile {what} of", ended.outcome)
    if errors := [each for each in diagnostics if each.severity == "error"]:
        return _first(errors, diagnostics)
    if ended.why == "protocol":
        return _blame(CompilerEnd.PROTOCOL, said=ended.message)
    if ended.why == "failed" and (said := ended.message.strip()):
        first = said.splitlines()[0][:SAID]
        return _blame(CompilerEnd.NOT_MADE, diagnostics, what=what, said=first)
    compiles, how = f"what compiles {what}", ended.outcome.how
    return _blame(CompilerEnd.BROKE_OFF, diagnostics, what=compiles, how=how)


def blame_op(diagnostics: tuple[Diagnostic, ...]) -> Blame | None:
    """What an error says that names the op; None where none does."""
    sure = [each for each in diagnostics if is_about_the_op(each)]
    return _first(sure, diagnostics) if sure else None


def blame_limit(outcome: Outcome, doing: str, control: Control) -> Blame | None:
    """The limit that ended a step, in the student's terms; None where none did.

    Raises:
        ToolchainFault: the machine was too busy, or short of memory, or the reference answer comes
            near the same limit.
    """
    if outcome.machine_out_of_memory:
        raise out_of_memory(doing)
    if outcome.limit is None:
        return None
    trial = control()
    busy = outcome.limit is LimitHit.WALL_CLOCK and starved(outcome)
    if busy and not _had_enough(outcome, trial):
        raise ToolchainFault(
            f"{doing} ran out of time after {outcome.stage_seconds:.0f} s, of which the"
            f" machine gave it {outcome.cpu_seconds:.0f} s: it is too busy to grade",
            remedy="Run it again when the machine is less busy, or raise --timeout.",
        )
    _check_limit(outcome, doing, trial)
    match outcome.limit:
        case LimitHit.WALL_CLOCK:
            slept = _idle(outcome) and not busy
            end = CompilerEnd.WAITED if slept else CompilerEnd.ENDLESS
            return _blame(end, doing=doing, seconds=round(outcome.stage_seconds))
        case LimitHit.MEMORY:
            mebibytes = outcome.peak_resident_bytes >> 20
            return _blame(CompilerEnd.MEMORY, doing=doing, mebibytes=mebibytes)
        case LimitHit.OUTPUT:
            return _blame(CompilerEnd.OUTPUT, doing=doing, mebibytes=outcome.output_bytes >> 20)
        case LimitHit.SCRATCH:
            return _blame(CompilerEnd.DISK, doing=doing)
        case LimitHit.TASKS:
            return _blame(CompilerEnd.PROCESSES, doing=doing)


def _check_limit(outcome: Outcome, doing: str, trial: Trial | None) -> None:
    """See that the limit leaves room for the reference; raises where it does not."""
    short = ""
    if trial is None:
        short = "does not get through within the same limits"
    elif outcome.limit is LimitHit.WALL_CLOCK and trial.seconds > ROOM * outcome.stage_seconds:
        short = f"takes {trial.seconds:.0f} of {outcome.stage_seconds:.0f} s"
    elif outcome.limit is LimitHit.MEMORY and trial.peak_bytes > ROOM * outcome.peak_resident_bytes:
        short = (
            f"takes {trial.peak_bytes >> 20} of {outcome.peak_resident_bytes >> 20} MiB of memory"
        )
    if short:
        raise ToolchainFault(
            f"{doing} was ended at a limit ({outcome.limit}, after {outcome.stage_seconds:.0f} s), "
            f"and the reference answer {short} on this machine",
            remedy="Raise --timeout, or run it again when the machine is less busy.",
        )


def _had_enough(outcome: Outcome, trial: Trial | None) -> bool:
    """Whether it computed for longer than the reference may need, however busy the machine is."""
    return trial is not None and trial.seconds <= ROOM * outcome.cpu_seconds


def _idle(outcome: Outcome) -> bool:
    return outcome.cpu_seconds < IDLE * outcome.wall_seconds


def starved(outcome: Outcome) -> bool:
    """Whether a process wanted to compute and could not. A sleeper does not want to."""
    waiting = outcome.waiting_seconds
    return _idle(outcome) and waiting is not None and waiting > STARVED * outcome.wall_seconds


def first_said(errors: Sequence[Diagnostic]) -> str:
    """The first of some errors, with its line."""
    return _first(errors).sentence


def _first(errors: Sequence[Diagnostic], diagnostics: tuple[Diagnostic, ...] = ()) -> Blame:
    first = errors[0]
    return _blame(CompilerEnd.SAID, diagnostics, said=first.message, line=first.line or 0)


def _broken(doing: str, outcome: Outcome) -> ToolchainFault:
    lines = outcome.stderr.decode("utf-8", "replace").strip().splitlines()
    # A compiler ends with the line of the program, and that it gave up: the cause stands before.
    told = [line for line in lines if "error:" in line] or lines[-_LINES_TOLD:]
    return ToolchainFault(
        f"this machine can't {doing} even the reference answer ({outcome.how}): "
        + " | ".join(told[:_LINES_TOLD]),
        remedy="Run grade doctor; it tries each part and says what is missing.",
    )
