"""A lane whose cases run in a worker, which is replaced when it is spent.

A device fault is sticky, as on a GPU: every later call in that process fails.
The worker is then replaced, and loads what was compiled again,
so that the other shapes still get their verdict. It starts in a fresh directory,
with that as it was before any case ran: what the submission's code has
left behind is not there, so that it can't pass its failure off as the grader's.

What is compiled, and how the worker is told of it, the lanes of `grader.lanes.graph` and
`grader.lanes.harness` know.
"""

from __future__ import annotations

import contextlib
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from grader.device import CaseEvidence, Compared, CopyOut, Dim3, Launch, schedules
from grader.errors import DeviceFault, ToolchainFault
from grader.lanes.devices import CaseDevice, HowToRun
from grader.lanes.lane import CASE_SECONDS, Control, Kept, PartRun, Redone
from grader.lanes.workspace import out_of_memory
from grader.model.cases import Case, CaseRun, PlannedShape
from grader.model.part import TensorSpec
from grader.record import DeviceInfo, Ending, NotRun
from grader.sandbox import Limits, Outcome, Scratch
from grader.toolchain.workspace import Workspace
from grader.worker.process import SCRIPT, CaseError, Ended, Session, Worker

MAX_REPLACEMENTS = 12
"""How often a worker is replaced for the cases of one part before its rest is not run."""


def _pairs(of: Case, other: Case) -> list[tuple[bytes, bytes]]:
    names = [spec.name for spec in of.part.inputs]
    return [(of.inputs[name].tobytes(), other.inputs[name].tobytes()) for name in names]


class Said(NamedTuple):
    """What a worker said of a case that failed."""

    text: str
    line: int | None = None
    """Of the student's file, where it named one."""
    column: int | None = None


class WorkerLane(ABC):
    """Prepares a plan in a worker and runs its cases there. Use as a context manager."""

    session: ClassVar[Session]

    def __init__(
        self,
        workspace: Workspace,
        device: CaseDevice,
        *,
        compile_limits: Limits,
        script: Path = SCRIPT,
    ) -> None:
        self._workspace = workspace
        self._device = device
        self._shapes: Sequence[PlannedShape] = ()
        self._refused: Mapping[int, int] = {}
        self._control: Control | None = None
        self._survived = False
        self._limits = compile_limits
        self._script = script
        self._scratch = contextlib.ExitStack()
        self._files: Mapping[str, bytes] = {}
        self._launched: Worker | None = None
        self._worker: Worker | None = None
        self._parts: dict[str, PartRun] = {}
        self._last = PartRun()
        self.replacements = 0
        self.cases_run = 0
        self.peak_bytes = 0

    @property
    def device(self) -> DeviceInfo:
        """What it runs on."""
        return self._device.info

    @property
    def observes(self) -> bool:
        """Whether launches, findings and provenance can be seen."""
        return self._device.observes

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

    def prepare(
        self, shapes: Sequence[PlannedShape], *, control: Control | None = None
    ) -> float | Ended:
        """Prepare all shapes; the seconds that it took, or how the worker ended.

        A worker that dies without a word is started a second time: a crash by chance must
        not cost a submission everything behind it.
        """
        self._shapes = shapes
        self._control = control
        answer = self._start(self._workspace, again=False)
        if isinstance(answer, Ended) and answer.why == "died":
            answer = self._start(self._workspace, again=False)
        if not isinstance(answer, Ended):
            self._files = self.files_to_keep(self._workspace)
        return answer

    @abstractmethod
    def plan(self, workspace: Workspace, *, again: bool) -> dict[str, Any]:
        """The plan as the worker reads it: names, sizes and parameters, nothing else.

        Args:
            workspace: Where the worker runs.
            again: Whether it is a replacement, which finds what was kept.
        """

    @abstractmethod
    def files_to_keep(self, workspace: Workspace) -> Mapping[str, bytes]:
        """What a replacement needs of the first worker's place, by names in ``work``."""

    def array_names(self, case: Case) -> tuple[str, ...]:
        """What the buffers of a case are called, in the order in which they are made."""
        return ()

    def in_the_files_words(self, case: Case, launches: tuple[Launch, ...]) -> tuple[Launch, ...]:
        """Launches of a case with kernels and lines as the student's file has them."""
        return launches

    def not_as_told(self, case: Case, evidence: CaseEvidence) -> str:
        """What the host did instead of its task in a case that had output, as a sentence."""
        return ""

    def message_of(self, error: str) -> Said:
        """What a worker said of a case that failed, in short."""
        return Said(error)

    def _start(self, workspace: Workspace, *, again: bool) -> float | Ended:
        worker, self._launched = self._launched or self._new_worker(workspace), None
        answer = worker.build(self.plan(workspace, again=again))
        if isinstance(answer, Ended):
            self._note(answer)
            return answer
        self._worker = worker
        self._refused = worker.refused
        self.peak_bytes = max(self.peak_bytes, worker.peak_resident_bytes)
        return answer

    def _new_worker(self, workspace: Workspace) -> Worker:
        self._device.renew()
        return Worker(
            workspace,
            self._device,
            session=self.session,
            compile_limits=self._limits,
            script=self._script,
        )

    def keep(self, number: int) -> None:
        """Keep what the last case, a repeatable one, did on the device, under a number.

        It is there until a worker is replaced, or another case takes its number.
        """
        self._device.keep(number)

    def compare(self, one: Kept, other: Kept) -> Compared:
        """Whether the host did the same in two cases of one shape."""
        return self._device.compare(one.number, other.number, _pairs(one.case, other.case))

    def repeat(self, one: Kept, other: Kept, *, moved: bool = True) -> Redone:
        """What the device does when it does a case again with the inputs of another.

        Args:
            one: A case that had output.
            other: Another one of its shape, or the same.
            moved: Whether inputs are exchanged also where the host moved them.
        """
        pairs = _pairs(one.case, other.case)
        outputs: list[bytes] = []
        count = len(one.case.part.outputs)
        launches: tuple[Launch, ...] = ()
        for place in range(count):
            # The outputs are copied to the host one after the other, then the inputs.
            done = self._device.repeat(
                one.number,
                pairs,
                copy=count - place + len(one.case.part.inputs),
                like=other.number,
                moved=moved,
            )
            if done.data is None:
                launches = self.in_the_files_words(one.case, done.launches)
                return Redone(launches=launches, why=done.why)
            outputs.append(done.data)
            launches = self.in_the_files_words(one.case, done.launches)
        return Redone(outputs=tuple(outputs), launches=launches)

    def run(
        self,
        case: Case,
        *,
        variant: int = 0,
        schedule: int = schedules.PLAIN,
        repeatable: bool = False,
        traced: Dim3 | None = None,
        profiled: bool = False,
    ) -> CaseRun:
        """Run one case in fresh buffers.

        Args:
            case: What to run.
            variant: Which bytes unwritten memory holds.
            schedule: In which order its blocks and threads run.
            repeatable: Whether `keep`, `compare` and `repeat` may follow.
            traced: A block whose accesses are kept; see `grader.lanes.lane.Lane`.
            profiled: Whether it is counted what each instruction costs.

        Raises:
            DeviceFault: the device can't be opened a second time.
            ToolchainFault: the machine was too busy to run it in time.
            UnsupportedByDevice: the software device is too slow for the program.
        """
        worker = self._ready(case)
        if isinstance(worker, NotRun):
            return CaseRun.none(case, worker)
        self.cases_run += traced is None and not profiled
        part, sizes = case.part, case.shape.sizes
        clock = self._last.time
        share = clock.share
        self._device.begin_case(
            replace(
                HowToRun.of(part, sizes),
                variant=variant,
                schedule=schedule,
                names=self.array_names(case),
                repeatable=repeatable,
                share=share,
                traced=traced,
                profiled=profiled,
            )
        )
        began = time.monotonic()
        answer = worker.run(
            case.shape.number,
            case.payload,
            tuple(spec.length(sizes) for spec in _specs(case)),
            seconds=CASE_SECONDS * share,
        )
        seconds = time.monotonic() - began
        evidence = self._device.end_case()
        late = isinstance(answer, Ended) and answer.why == "late"
        cut = clock.add(seconds, evidence, late=late)
        run = self._outcome(case, answer, evidence)
        if cut and run.ending is not Ending.FORGED:
            run = CaseRun.none(case, NotRun.CUT)
        elif run.evidence is not None:
            words = self.in_the_files_words(case, run.evidence.launches)
            run = replace(run, evidence=msgspec.structs.replace(run.evidence, launches=words))
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
        return self._last.time.is_slow

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
            said = self.message_of(answer.message)
            return CaseRun(
                case=case,
                ending=Ending.ERROR,
                message=said.text,
                line=said.line,
                column=said.column,
                evidence=evidence,
            )
        copies: tuple[CopyOut, ...] = ()
        on_device = case.part.target == "gpu"
        if evidence is not None and on_device:
            copies = evidence.copies_out[-len(answer) :]
            lie = self.not_as_told(case, evidence)
            if tuple(copy.data for copy in copies) != answer:
                lie = "what the program returned is not what left the device"
            if lie:
                return CaseRun(case=case, ending=Ending.FORGED, message=lie, evidence=evidence)
        sizes, count = case.shape.sizes, len(case.part.outputs)
        arrays = [spec.array(data, sizes) for spec, data in zip(_specs(case), answer, strict=True)]
        return CaseRun(
            case=case,
            ending=Ending.OUTPUT,
            outputs=tuple(arrays[:count]),
            inputs_after=tuple(arrays[count:]),
            evidence=evidence,
            copies_out=tuple(copies[:count]),
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

    def _ready(self, case: Case) -> Worker | NotRun:
        """A worker that can run a case, a new one if the last is spent; or why there is none."""
        part = self._last = self._parts.setdefault(case.part.name, PartRun())
        part.spent = part.spent or part.time.used_up
        if part.spent is None and self._worker is None:
            full = part.replacements >= MAX_REPLACEMENTS
            part.spent = NotRun.PROCESS if full else self._replace(case)
        if part.spent is not None:
            self._retire()
            return part.spent
        assert self._worker is not None
        return self._worker

    def _replace(self, case: Case) -> NotRun | None:
        """Start a new worker with what was compiled, where nothing of the last one is left.

        Where it can't load it, twice, the control tells whether the machine or the program is
        at fault.
        """
        self.replacements += 1
        self._last.replacements += 1
        said = ""
        for _ in range(2):
            self._scratch.close()
            workspace = self._workspace.anew(self._scratch.enter_context(Scratch()), self._files)
            answer = self._start(workspace, again=True)
            if not isinstance(answer, Ended):
                return None
            if answer.outcome.machine_out_of_memory:
                raise out_of_memory("loading again what was compiled")
            if answer.why == "failed" and answer.stage == "device":
                raise DeviceFault(
                    f"the device could not be opened again: {answer.message}",
                    remedy="Run the command again; if it persists, report it with this message.",
                )
            said = answer.message
        self._see_control(case, f"could not load again what was compiled ({said})")
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


def _specs(case: Case) -> tuple[TensorSpec, ...]:
    """The tensors of a worker's answer, in its order."""
    return (*case.part.outputs, *case.part.inputs)
