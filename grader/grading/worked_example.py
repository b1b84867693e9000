"""Run the published example with an edition's own answer: to show it, and as a trial.

It goes the way that a submission goes: compiled in the sandbox, run on the device.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from grader.errors import ToolchainFault
from grader.grading import plan, seeds
from grader.grading.blame import reference_answer
from grader.grading.cases import drawn, example
from grader.grading.observe import compare
from grader.grading.state import DEFAULT_TIMEOUT
from grader.lanes import DeviceChoice
from grader.lanes.prepared import NotPrepared, PreparedLane, prepared
from grader.model.cases import Case, CaseRun
from grader.model.domains import Values
from grader.model.puzzle import Puzzle
from grader.record import DeviceInfo
from grader.sandbox import Wanted, probe_once
from grader.toolchain.toolchain import Toolchain

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
class CompiledExample:
    """A compiled example. `run` may be called once."""

    case: Case
    seconds: float
    """That the compile took."""
    _ready: PreparedLane

    def run(self) -> Shown:
        """Execute it."""
        lane = self._ready.lane
        ran = lane.run(self.case)
        met = ran.evidence.unsupported if ran.evidence else ()
        return Shown(
            case=self.case,
            run=ran,
            right=ran.outputs is not None
            and all(each.right for each in compare(self.case, ran.outputs)),
            device=lane.device,
            unsupported=tuple(dict.fromkeys((*self._ready.unsupported, *met))),
        )


@contextlib.contextmanager
def compiled_example(
    puzzle: Puzzle, toolchain: Toolchain, device: DeviceChoice
) -> Iterator[CompiledExample]:
    """The published example of a puzzle, compiled from the edition's own answer.

    Where a puzzle has none, a case of its first part.

    Raises:
        ToolchainFault: it does not package or compile here.
        DeviceFault: the device can't be opened.
        SandboxFault: nothing can be started in the sandbox.
    """
    edition = toolchain.edition.name
    shapes = plan.draw(puzzle, seed=_SEED, own_kernel=())[:1]
    if shapes[0].part.example is not None:
        case = example(shapes)
    else:
        case = drawn(shapes[0], Values.REALS, seeds.generator(_SEED, "case"))
    try:
        with prepared(
            reference_answer(puzzle, edition),
            puzzle.name,
            toolchain,
            shapes,
            isolation=probe_once(Wanted.AUTO).level,
            device=device,
            timeout=DEFAULT_TIMEOUT,
        ) as ready:
            yield CompiledExample(case=case, seconds=ready.seconds, _ready=ready)
    except NotPrepared as failed:
        said = failed.output.strip()[-600:]
        raise ToolchainFault(
            f"the answer of edition {edition} does not {failed.doing} here: {said}",
            remedy="Run grade doctor; it tries each part and says what is missing.",
        ) from failed
