"""Run cases on a worker and a device, and replace the worker when it is spent.

A device fault is sticky, as on a GPU: every later call in that process fails.
The worker is then replaced; the compiled graphs are loaded again (about 2 s),
so that the other shapes still get their verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from grader.device.evidence import CaseEvidence, CopyOut
from grader.errors import DeviceFault, UnsupportedByDevice
from grader.grading.cases import Case
from grader.grading.lane import Lane
from grader.grading.plan import PlannedShape, for_worker
from grader.puzzles.definition import Puzzle
from grader.sandbox import Limits
from grader.toolchain.workspace import Workspace
from grader.worker.channel import CaseError
from grader.worker.process import Ended, Worker

CASE_SECONDS = 60.0
"""Wall clock for one case, launch limits included."""
MAX_REPLACEMENTS = 12
"""How often a worker is replaced in one run before the rest counts as failed."""


class Ending(StrEnum):
    """How a case ended."""

    OUTPUT = "output"
    """With output of the right length."""
    ERROR = "error"
    """The call raised an error: the launch was refused, or the device faulted."""
    DIED = "died"
    """The process ended in the middle."""
    LATE = "late"
    """No answer before the time limit, or the sandbox ended it for a limit."""
    FORGED = "forged"
    """What the worker returned is not what left the device, or broke the protocol."""


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


class Executor:
    """Compiles the plan and runs its cases. Use as a context manager."""

    def __init__(
        self,
        puzzle: Puzzle,
        workspace: Workspace,
        lane: Lane,
        shapes: Sequence[PlannedShape],
        *,
        compile_limits: Limits,
    ) -> None:
        self._puzzle = puzzle
        self._workspace = workspace
        self._lane = lane
        self._plan = for_worker(
            puzzle,
            shapes,
            package=workspace.box.inside(workspace.artefact),
            compiled=workspace.compiled,
        )
        self._limits = compile_limits
        self._worker: Worker | None = None
        self.replacements = 0
        self.cases_run = 0
        self.peak_bytes = 0

    def __enter__(self) -> Executor:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, if one runs."""
        self._retire()

    def start(self) -> float | Ended:
        """Compile all graphs; the seconds that it took, or how the worker ended."""
        worker = Worker(self._workspace, self._lane, compile_limits=self._limits)
        answer = worker.build(self._plan)
        if isinstance(answer, Ended):
            self._note(answer)
            return answer
        self._worker = worker
        return answer

    def run(self, case: Case, *, variant: int = 0) -> CaseRun:
        """Run one case in fresh buffers.

        Raises:
            UnsupportedByDevice: it failed, and needed what the software device lacks.
            DeviceFault: the compiled graphs can't be loaded a second time.
        """
        worker = self._ready()
        if worker is None:
            return CaseRun(
                case=case,
                ending=Ending.DIED,
                message=f"not run: the program had ended its process {MAX_REPLACEMENTS} times",
            )
        self.cases_run += 1
        self._lane.begin_case(variant=variant)
        answer = worker.run(
            case.shape.number, case.payload, self._lengths(case), seconds=CASE_SECONDS
        )
        evidence = self._lane.end_case()
        run = self._outcome(case, answer, evidence)
        if run.ending is not Ending.OUTPUT:
            if evidence is not None and evidence.unsupported:
                raise UnsupportedByDevice(
                    f"the submission needs what the software device does not support: "
                    f"{evidence.unsupported[0]}",
                    remedy="Grade it on a GPU (--device gpu), and report this message, so that "
                    "the software device can learn it.",
                )
            self._retire()
        return run

    def _outcome(
        self,
        case: Case,
        answer: tuple[bytes, ...] | CaseError | Ended,
        evidence: CaseEvidence | None,
    ) -> CaseRun:
        if isinstance(answer, Ended):
            self._note(answer)
            self._worker = None
            ending = {
                "late": Ending.LATE,
                "limit": Ending.LATE,
                "protocol": Ending.FORGED,
            }.get(answer.why, Ending.DIED)
            return CaseRun(case=case, ending=ending, message=answer.message, evidence=evidence)
        if isinstance(answer, CaseError):
            return CaseRun(
                case=case, ending=Ending.ERROR, message=answer.message, evidence=evidence
            )
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

    def _ready(self) -> Worker | None:
        """A worker that can run a case; a new one if the last is spent."""
        if self._worker is not None:
            return self._worker
        if self.replacements >= MAX_REPLACEMENTS:
            return None
        self.replacements += 1
        self._lane.renew()
        answer = self.start()
        if isinstance(answer, Ended):
            raise DeviceFault(
                f"the compiled graphs could not be loaded again: {answer.message}",
                remedy="Run the command again; if it persists, report it with this message.",
            )
        return self._worker

    def _retire(self) -> None:
        if self._worker is not None:
            self.peak_bytes = max(self.peak_bytes, self._worker.close().peak_resident_bytes)
            self._worker = None

    def _note(self, ended: Ended) -> None:
        self.peak_bytes = max(self.peak_bytes, ended.outcome.peak_resident_bytes)
