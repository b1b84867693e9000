"""Run the published example with an edition's own answer: for a demonstration, and as a trial.

It goes the way that a submission goes: packaged in the sandbox, compiled as a
MAX Graph, run on the device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import ToolchainFault
from grader.grading import plan, seeds
from grader.grading.cases import drawn, example
from grader.grading.judge import compare
from grader.grading.request import DEFAULT_TIMEOUT
from grader.lanes import DeviceChoice
from grader.lanes.opened import OpenedLane, open_graph_lane
from grader.lanes.workspace import compile_limits, open_workspace
from grader.model.cases import Case, CaseRun
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.record import DeviceInfo
from grader.sandbox import Wanted, probe_once
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import Toolchain
from grader.worker.process import Ended

_SEED = "published example"


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The example and what came of it."""

    case: Case
    run: CaseRun
    right: bool
    device: DeviceInfo
    unsupported: tuple[str, ...]
    """What MAX asked of the software device that it lacks, from opening it to the last call."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A compiled example. `run` may be called once."""

    opened: OpenedLane
    case: Case
    seconds: float
    """That the compile took."""
    _opening: tuple[str, ...]

    def run(self) -> Shown:
        """Execute it."""
        ran = self.opened.lane.run(self.case)
        met = ran.evidence.unsupported if ran.evidence else ()
        return Shown(
            case=self.case,
            run=ran,
            right=ran.outputs is not None
            and all(each.right for each in compare(self.case, ran.outputs)),
            device=self.opened.lane.device,
            unsupported=tuple(dict.fromkeys((*self._opening, *met))),
        )


@contextlib.contextmanager
def prepared(puzzle: Puzzle, toolchain: Toolchain, device: DeviceChoice) -> Iterator[Prepared]:
    """The published example of a puzzle, compiled from the edition's own answer.

    Where a puzzle has none, a case of its first part.

    Raises:
        ToolchainFault: it does not package or compile here.
        DeviceFault: the device can't be opened.
        SandboxFault: nothing can be started in the sandbox.
    """
    edition = toolchain.edition.name
    source = puzzle.kernel(edition, "right.mojo").read_bytes()
    shapes = plan.draw(puzzle, seed=_SEED, own_kernel=())[:1]
    if shapes[0].part.example is not None:
        case = example(shapes)
    else:
        case = drawn(shapes[0], Values.REALS, seeds.generator(_SEED, "case"))
    level = probe_once(Wanted.AUTO).level
    with open_workspace(
        source, puzzle.name, toolchain, isolation=level, device=device
    ) as workspace:
        packaged = package(workspace)
        if not packaged.ok:
            raise _fault(edition, "package", packaged.output)
        limits = compile_limits(DEFAULT_TIMEOUT)
        with open_graph_lane(workspace, device, compile_limits=limits) as opened:
            opened.device.begin_case(variant=0)
            started = opened.lane.prepare(shapes)
            opening = opened.device.end_case()
            if isinstance(started, Ended):
                raise _fault(edition, "compile", f"{started.output}\n{started.message}")
            yield Prepared(
                opened=opened,
                case=case,
                seconds=started,
                _opening=opening.unsupported if opening else (),
            )


def _fault(edition: str, doing: str, output: str) -> ToolchainFault:
    said = output.strip()[-600:]
    return ToolchainFault(
        f"the answer of edition {edition} does not {doing} here: {said}",
        remedy="Run grade doctor; it tries each part and says what is missing.",
    )
