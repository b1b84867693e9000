"""The steps from a source to a lane that runs cases, in the order of the one protocol.

=======  =============================  ===========================================
step     an op                          kernels of a program
=======  =============================  ===========================================
package  `LaneSetup.package`            `compiled_kernels`, given to `ProgramLane.take`
start    `open_graph_lane`              `Way.open_lane`
compile  `Lane.prepare`, in its worker  `Lane.prepare`, which loads what was compiled
run      `Lane.run`                     the same
replay   `Lane.repeat`                  the same: there is no host code to leave out
renew    `Lane.run_renewed`             the same
=======  =============================  ===========================================

`prepared` does them one after the other: for the control, a replay, the demo and the doctor. A
grading does the same ones, and begins one while another is at work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Self

from grader.lanes import DeviceChoice
from grader.lanes.devices import CaseDevice, HowToRun, choose_device, device_spawn
from grader.lanes.graph import GraphLane
from grader.lanes.kernel_build import BuiltKernels, FirstLook, build_kernels
from grader.lanes.lane import Lane
from grader.lanes.ways import Way, way_of
from grader.lanes.workspace import LaneSetup, out_of_memory
from grader.model.cases import Case, PlannedShape
from grader.model.code import Kernels
from grader.model.part import Part
from grader.sandbox import Limits, Outcome
from grader.toolchain.compiler import nothing
from grader.toolchain.kernels import LIMITS
from grader.toolchain.workspace import Workspace
from grader.worker.process import Ended


@dataclass(frozen=True)
class OpenedLane:
    """Where cases run. Use as a context manager, or call `close`."""

    device: CaseDevice
    lane: GraphLane
    _open: contextlib.ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, then the device."""
        self._open.close()


def open_graph_lane(
    workspace: Workspace, device: DeviceChoice, *, compile_limits: Limits
) -> OpenedLane:
    """Start the device and a worker on it; the worker imports MAX while the caller goes on.

    Nothing of the submission runs in the worker before `GraphLane.prepare`.

    Raises:
        DeviceFault: the device can't be opened.
        SandboxFault: one of the two can't be started.
    """
    with contextlib.ExitStack() as stack:
        spawn = device_spawn(workspace.box.isolation)
        chosen = stack.enter_context(choose_device(device, spawn))
        lane = GraphLane(workspace, chosen, compile_limits=compile_limits)
        stack.enter_context(lane)
        lane.launch()
        return OpenedLane(chosen, lane, stack.pop_all())


def chosen_way(text: str, setup: LaneSetup, parts: Iterable[Part]) -> tuple[CaseDevice, Way]:
    """The device for the kernels of a program, which is not open yet, and the way to run them."""
    chosen = choose_device(setup.device, device_spawn(setup.isolation), setup.architecture)
    calls_host = any(part.calls_host for part in parts)
    return chosen, way_of(chosen, setup, text=text, calls_host=calls_host)


def compiled_kernels(
    text: str,
    shapes: Sequence[PlannedShape],
    setup: LaneSetup,
    way: Way,
    *,
    passed_over: Collection[str] = (),
    meanwhile: Callable[[], None] = nothing,
    first_look: FirstLook | None = None,
) -> BuiltKernels[Any]:
    """The kernels that the shapes need; see `grader.lanes.kernel_build.build_kernels`."""
    return build_kernels(
        text,
        shapes,
        setup.workspace,
        way.compiler,
        limits=setup.within(LIMITS),
        passed_over=passed_over,
        meanwhile=meanwhile,
        first_look=first_look,
    )


Stage = Callable[[str], AbstractContextManager[None]]
"""Begins a stage of a run by its name, for whoever shows or times it."""


class NotPrepared(Exception):
    """A source did not get through a step."""

    def __init__(self, doing: str, output: str) -> None:
        super().__init__(f"it does not {doing}")
        self.doing = doing
        """``package`` or ``compile``."""
        self.output = output
        """What the compiler said."""


@dataclass(frozen=True, kw_only=True)
class PreparedLane:
    """A lane that has compiled its shapes."""

    lane: Lane
    seconds: float
    """That the compile took."""
    unsupported: tuple[str, ...]
    """What MAX asked of the software device meanwhile that it lacks."""


def _no_stage(name: str) -> AbstractContextManager[None]:
    return contextlib.nullcontext()


@contextlib.contextmanager
def prepared(
    source: bytes,
    setup: LaneSetup,
    shapes: Sequence[PlannedShape],
    *,
    passed_over: Collection[str] = (),
    stage: Stage = _no_stage,
) -> Iterator[PreparedLane]:
    """A source that is packaged and compiled for some shapes, until the block ends.

    Args:
        source: The program's text.
        setup: What it is compiled with and runs on.
        shapes: To compile.
        passed_over: Kernels of a program that are not meant; see `compiled_kernels`.
        stage: Hears of the stages ``package`` and ``compile``.

    Raises:
        NotPrepared: it does not get through one of the two.
        ToolchainFault: the machine's memory ran out.
        DeviceFault: the device can't be opened.
        SandboxFault: nothing can be started in the sandbox.
    """
    with (
        _prepared_kernels(source, setup, shapes, passed_over, stage)
        if isinstance(shapes[0].part.code, Kernels)
        else _prepared_graphs(source, setup, shapes, stage)
    ) as ready:
        yield ready


@contextlib.contextmanager
def _prepared_graphs(
    source: bytes, setup: LaneSetup, shapes: Sequence[PlannedShape], stage: Stage
) -> Iterator[PreparedLane]:
    with setup.workspace(source) as workspace:
        with stage("package"):
            packaged = setup.package(workspace)
        _see_memory(packaged.outcome, "packaging it")
        if not packaged.ok:
            raise NotPrepared("package", packaged.output)
        opened = open_graph_lane(workspace, setup.device, compile_limits=setup.limits)
        with opened:
            opened.device.begin_case(HowToRun())
            with stage("compile"):
                seconds = _compiled(opened.lane, shapes)
            opening = opened.device.end_case()
            yield PreparedLane(
                lane=opened.lane,
                seconds=seconds,
                unsupported=opening.unsupported if opening else (),
            )


@contextlib.contextmanager
def _prepared_kernels(
    source: bytes,
    setup: LaneSetup,
    shapes: Sequence[PlannedShape],
    passed_over: Collection[str],
    stage: Stage,
) -> Iterator[PreparedLane]:
    text = source.decode()
    chosen, way = chosen_way(text, setup, [shape.part for shape in shapes])
    with stage("compile"):
        built = compiled_kernels(text, shapes, setup, way, passed_over=passed_over)
    outcome = built.packaged.outcome
    _see_memory(outcome, "compiling it")
    if not built.kernels:
        raise NotPrepared("compile", built.packaged.output)
    with chosen, way.open_lane() as lane:
        lane.take(built.kernels)
        _compiled(lane, shapes)
        yield PreparedLane(lane=lane, seconds=outcome.wall_seconds, unsupported=())


def _compiled(lane: Lane, shapes: Sequence[PlannedShape]) -> float:
    started = lane.prepare(shapes)
    if isinstance(started, Ended):
        _see_memory(started.outcome, "compiling it")
        raise NotPrepared("compile", f"{started.output}\n{started.message}")
    return started


def _see_memory(outcome: Outcome, doing: str) -> None:
    """See that a step did not fail for want of memory.

    Raises:
        ToolchainFault: the machine's ran out.
    """
    if outcome.machine_out_of_memory:
        raise out_of_memory(doing)


def gets_through(
    source: bytes, setup: LaneSetup, shapes: Sequence[PlannedShape], case: Case
) -> bool:
    """Whether a source gets through a case, and once more in a second process.

    What was compiled is loaded again there, as it is for a program whose process has ended.
    """
    with contextlib.ExitStack() as stack:
        try:
            lane = stack.enter_context(prepared(source, setup, shapes)).lane
        except NotPrepared:
            return False
        return lane.run(case).outputs is not None and lane.run_renewed(case).outputs is not None
