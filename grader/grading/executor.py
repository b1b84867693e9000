"""Run cases on a worker and a device, and replace the worker when it is spent.

A device fault is sticky, as on a GPU: every later call in that process fails.
The worker is then replaced; the compiled graphs are loaded again (about 2 s),
so that the other shapes still get their verdict. It starts in a fresh directory,
with the graphs as they were before any case ran: what the submission's code has
left behind is not there, so that it can't pass its failure off as the grader's.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from grader.device import CaseEvidence, Compared, CopyOut, Repeated, schedules
from grader.errors import DeviceFault, ToolchainFault
from grader.grading.blame import out_of_memory
from grader.grading.cases import Case
from grader.grading.errors_of_max import in_short
from grader.grading.lane import Lane
from grader.grading.plan import PlannedShape, for_worker
from grader.grading.timing import CASE_SECONDS, WHY_NOT_RUN, NotRun, TimeTaken
from grader.puzzles.definition import Puzzle
from grader.sandbox import Limits, Outcome, Scratch
from grader.toolchain.workspace import Workspace
from grader.worker.channel import CaseError
from grader.worker.process import SCRIPT, Ended, Worker

MAX_REPLACEMENTS = 12
"""How often a worker is replaced in one run before the rest is not run."""


class Ending(StrEnum):
    """How a case ended."""

    OUTPUT = "output"
    """With output of the right length."""
    ERROR = "error"
    """The call raised an error: the launch was refused, or the device faulted."""
    DIED = "died"
    """The process ended in the middle."""
    LATE = "late"
    """No answer before the time limit."""
    LIMIT = "limit"
    """The sandbox ended it: too much memory, output, disk or too many processes."""
    FORGED = "forged"
    """What the worker returned is not what left the device, or broke the protocol."""
    NOT_RUN = "not run"
    """There was no worker for it, or too little time: `CaseRun.not_run`. It says nothing."""


Control = Callable[[Case], bool]
"""Whether the reference answer gets through a case here and now, in a second worker too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CaseRun:
    """One case and what came of it."""

    case: Case
    ending: Ending
    output: NDArray[np.generic] | None = None
    inputs_after: tuple[NDArray[np.generic], ...] = ()
    message: str = ""
    evidence: CaseEvidence | None = None
    copy_out: CopyOut | None = None
    """The copy that brought the output to the host, with its provenance."""
    not_run: NotRun | None = None
    """Why it was not run, or not to its end."""

    @classmethod
    def none(cls, case: Case, why: NotRun) -> Self:
        """Of a case that was not run."""
        return cls(case=case, ending=Ending.NOT_RUN, message=WHY_NOT_RUN[why], not_run=why)


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """A case whose steps on the device are kept, and the number under which they are."""

    number: int
    case: Case


def _pairs(of: Case, other: Case) -> list[tuple[bytes, bytes]]:
    return [(array.tobytes(), other.inputs[name].tobytes()) for name, array in of.inputs.items()]


class Executor:
    """Compiles the plan and runs its cases. Use as a context manager."""

    def __init__(
        self,
        puzzle: Puzzle,
        workspace: Workspace,
        lane: Lane,
        *,
        compile_limits: Limits,
        script: Path = SCRIPT,
    ) -> None:
        self._puzzle = puzzle
        self._workspace = workspace
        self._lane = lane
        self._shapes: Sequence[PlannedShape] = ()
        self._control: Control | None = None
        self._survived = False
        self._limits = compile_limits
        self._script = script
        self._scratch = contextlib.ExitStack()
        self._compiled = b""
        self._launched: Worker | None = None
        self._worker: Worker | None = None
        self._time = TimeTaken()
        self._spent: NotRun | None = None
        self.replacements = 0
        self.cases_run = 0
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, if one runs."""
        if self._launched is not None:
            self._launched.close()
            self._launched = None
        self._retire()
        self._scratch.close()

    def launch(self) -> None:
        """Start the worker that `start` will use: it imports MAX and opens the device meanwhile."""
        self._launched = self._new_worker(self._workspace)

    def start(
        self, shapes: Sequence[PlannedShape], *, control: Control | None = None
    ) -> float | Ended:
        """Compile a graph for each shape; the seconds that it took, or how the worker ended.

        A compiler that dies without a word is started a second time: a crash by chance must
        not cost a submission everything behind it.
        """
        self._shapes = shapes
        self._control = control
        answer = self._start(self._workspace, compiled=self._workspace.compiled, load=False)
        if isinstance(answer, Ended) and answer.why == "died":
            self._lane.renew()
            answer = self._start(self._workspace, compiled=self._workspace.compiled, load=False)
        if not isinstance(answer, Ended):
            self._compiled = self._workspace.compiled_graphs() or b""
        return answer

    def _start(self, workspace: Workspace, *, compiled: str, load: bool) -> float | Ended:
        worker, self._launched = self._launched or self._new_worker(workspace), None
        package = workspace.box.inside(workspace.artefact)
        answer = worker.build(
            for_worker(
                self._puzzle,
                self._shapes,
                graphs=workspace.toolchain.edition.worker.graphs,
                package=package,
                compiled=compiled,
                load=load,
            )
        )
        if isinstance(answer, Ended):
            self._note(answer)
            return answer
        self._worker = worker
        self.peak_bytes = max(self.peak_bytes, worker.peak_resident_bytes)
        return answer

    def _new_worker(self, workspace: Workspace) -> Worker:
        return Worker(workspace, self._lane, compile_limits=self._limits, script=self._script)

    def keep(self, number: int) -> None:
        """Keep what the last case, a repeatable one, did on the device, under a number.

        It is there until a worker is replaced, or another case takes its number.
        """
        self._lane.keep(number)

    def compare(self, one: Kept, other: Kept) -> Compared:
        """Whether the host did the same in two cases of one shape."""
        return self._lane.compare(one.number, other.number, _pairs(one.case, other.case))

    def repeat(self, one: Kept, other: Kept, *, moved: bool = True) -> Repeated:
        """What the device does when it does a case again with the inputs of another.

        Args:
            one: A case that had output.
            other: Another one of its shape, or the same.
            moved: Whether inputs are exchanged also where the host moved them.
        """
        return self._lane.repeat(
            one.number,
            _pairs(one.case, other.case),
            copy=1 + len(one.case.inputs),  # the output is copied to the host before the inputs
            like=other.number,
            moved=moved,
        )

    def run(
        self,
        case: Case,
        *,
        variant: int = 0,
        schedule: int = schedules.PLAIN,
        repeatable: bool = False,
    ) -> CaseRun:
        """Run one case in fresh buffers.

        Args:
            case: What to run.
            variant: Which bytes unwritten memory holds.
            schedule: In which order its blocks and threads run.
            repeatable: Whether `keep`, `compare` and `repeat` may follow.

        Raises:
            DeviceFault: the device can't be opened a second time.
            ToolchainFault: the machine was too busy to run it in time.
            UnsupportedByDevice: the software device is too slow for the program.
        """
        worker = self._ready(case)
        if isinstance(worker, NotRun):
            return CaseRun.none(case, worker)
        self.cases_run += 1
        share = self._time.share
        self._lane.begin_case(
            variant=variant,
            schedule=schedule,
            repeatable=repeatable,
            shared_zeros=self._puzzle.shared_holds_zeros(case.shape.sizes),
            share=share,
        )
        began = time.monotonic()
        answer = worker.run(
            case.shape.number, case.payload, self._lengths(case), seconds=CASE_SECONDS * share
        )
        seconds = time.monotonic() - began
        evidence = self._lane.end_case()
        late = isinstance(answer, Ended) and answer.why == "late"
        cut = self._time.add(seconds, evidence, late=late)
        run = self._outcome(case, answer, evidence)
        if cut and run.ending is not Ending.FORGED:
            run = CaseRun.none(case, NotRun.CUT)
        if run.ending is not Ending.OUTPUT:
            self._retire()
        return run

    def run_renewed(self, case: Case) -> CaseRun:
        """Run a case in a new worker."""
        self._retire()
        return self.run(case)

    @property
    def is_slow(self) -> bool:
        """Whether a case takes the device so long that there should be few."""
        return self._time.is_slow

    def _outcome(
        self,
        case: Case,
        answer: tuple[bytes, ...] | CaseError | Ended,
        evidence: CaseEvidence | None,
    ) -> CaseRun:
        if evidence is not None and evidence.broken_protocol:
            return CaseRun(
                case=case,
                ending=Ending.FORGED,
                message="the program sent the device what is no driver call: "
                f"{evidence.broken_protocol}",
                evidence=evidence,
            )
        if isinstance(answer, Ended):
            self._note(answer)
            self._worker = None
            self._check_killed(case, answer.outcome)
            ending = {
                "late": Ending.LATE,
                "limit": Ending.LIMIT,
                "protocol": Ending.FORGED,
            }.get(answer.why, Ending.DIED)
            return CaseRun(case=case, ending=ending, message=answer.message, evidence=evidence)
        if isinstance(answer, CaseError):
            message = in_short(answer.message)
            return CaseRun(case=case, ending=Ending.ERROR, message=message, evidence=evidence)
        copy_out = None
        if evidence is not None:
            copies = evidence.copies_out[-len(answer) :]
            if tuple(copy.data for copy in copies) != answer:
                return CaseRun(
                    case=case,
                    ending=Ending.FORGED,
                    message="what the program returned is not what left the device",
                    evidence=evidence,
                )
            copy_out = copies[0]
        output, *inputs = self._arrays(case, answer)
        return CaseRun(
            case=case,
            ending=Ending.OUTPUT,
            output=output,
            inputs_after=tuple(inputs),
            evidence=evidence,
            copy_out=copy_out,
        )

    def _check_killed(self, case: Case, outcome: Outcome) -> None:
        """See that the machine did not kill the process.

        A kill may be the kernel's for want of memory, and where it does not count them only a
        control tells that from a program that kills itself.

        Raises:
            ToolchainFault: it was the machine, or the reference answer is killed as well.
        """
        if outcome.machine_out_of_memory:
            raise out_of_memory("running the cases")
        if outcome.signal == signal.SIGKILL and not outcome.killed:
            self._see_control(case, "was killed")

    def _arrays(self, case: Case, parts: tuple[bytes, ...]) -> list[NDArray[np.generic]]:
        specs = (self._puzzle.output, *self._puzzle.inputs)
        return [
            np.frombuffer(part, dtype=spec.dtype).reshape(spec.extents(case.shape.sizes))
            for spec, part in zip(specs, parts, strict=True)
        ]

    def _lengths(self, case: Case) -> tuple[int, ...]:
        return tuple(
            int(np.prod(spec.extents(case.shape.sizes))) * np.dtype(spec.dtype).itemsize
            for spec in (self._puzzle.output, *self._puzzle.inputs)
        )

    def _ready(self, case: Case) -> Worker | NotRun:
        """A worker that can run a case, a new one if the last is spent; or why there is none."""
        self._spent = self._spent or self._time.used_up
        if self._spent is None and self._worker is None:
            full = self.replacements >= MAX_REPLACEMENTS
            self._spent = NotRun.PROCESS if full else self._replace(case)
        if self._spent is not None:
            self._retire()
            return self._spent
        assert self._worker is not None
        return self._worker

    def _replace(self, case: Case) -> NotRun | None:
        """Start a new worker with the compiled graphs, where nothing of the last one is left.

        Where it can't load them, twice, the control tells whether the machine or the program is
        at fault.
        """
        self.replacements += 1
        said = ""
        for _ in range(2):
            self._lane.renew()
            self._scratch.close()
            workspace = self._workspace.anew(self._scratch.enter_context(Scratch()), self._compiled)
            answer = self._start(workspace, compiled=workspace.restored, load=True)
            if not isinstance(answer, Ended):
                return None
            if answer.outcome.machine_out_of_memory:
                raise out_of_memory("loading the graphs again")
            if answer.why == "failed" and answer.message.startswith("device:"):
                raise DeviceFault(
                    f"the device could not be opened again: {answer.message}",
                    remedy="Run the command again; if it persists, report it with this message.",
                )
            said = answer.message
        self._see_control(case, f"could not load the compiled graphs again ({said})")
        return NotRun.LOADING

    def _see_control(self, case: Case, happened: str) -> None:
        """See that the reference answer gets through what the program did not.

        Raises:
            ToolchainFault: it does not either.
        """
        if self._control is None or self._survived:
            return
        self._survived = self._control(case)
        if not self._survived:
            raise ToolchainFault(
                f"the process that runs the cases {happened}, and so it is with the reference "
                "answer on this machine",
                remedy="Run grade doctor; most often it is memory that runs out.",
            )

    def _retire(self) -> None:
        if self._worker is not None:
            self.peak_bytes = max(self.peak_bytes, self._worker.close().peak_resident_bytes)
            self._worker = None

    def _note(self, ended: Ended) -> None:
        self.peak_bytes = max(self.peak_bytes, ended.outcome.peak_resident_bytes)
