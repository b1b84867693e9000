"""The steps from a source to a lane that runs cases: package, start, compile.

For all but a grading itself, which begins one step while another is at work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

import msgspec

from grader.lanes import DeviceChoice
from grader.lanes.devices import CaseDevice, HowToRun, choose_device, device_spawn
from grader.lanes.graph import GraphLane
from grader.lanes.kernel_build import build_kernels
from grader.lanes.lane import Lane
from grader.lanes.ways import way_of
from grader.lanes.workspace import compile_limits, open_workspace, out_of_memory
from grader.model.cases import Case, PlannedShape
from grader.model.part import Kernels
from grader.sandbox import Isolation, Limits
from grader.toolchain.packaging import LIMITS, Packaged, package
from grader.toolchain.toolchain import Toolchain
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
    module: str,
    toolchain: Toolchain,
    shapes: Sequence[PlannedShape],
    *,
    isolation: Isolation,
    device: DeviceChoice,
    timeout: float,
    stage: Stage = _no_stage,
) -> Iterator[PreparedLane]:
    """A source that is packaged and compiled for some shapes, until the block ends.

    Args:
        source: The program's text.
        module: The name of its module, which is the puzzle's.
        toolchain: What compiles it.
        shapes: To compile.
        isolation: The level that its processes run under.
        device: What it runs on.
        timeout: Seconds that one stage may take.
        stage: Hears of the stages ``package`` and ``compile``.

    Raises:
        NotPrepared: it does not get through one of the two.
        ToolchainFault: the machine's memory ran out.
        DeviceFault: the device can't be opened.
        SandboxFault: nothing can be started in the sandbox.
    """
    if isinstance(shapes[0].part.code, Kernels):
        kernels = _prepared_kernels(
            source, module, toolchain, shapes, isolation, device, timeout, stage
        )
        with kernels as ready:
            yield ready
        return
    place = open_workspace(source, module, toolchain, isolation=isolation, device=device)
    with place as workspace:
        with stage("package"):
            packaged = packaged_within(workspace, timeout)
        if not packaged.ok:
            raise NotPrepared("package", packaged.output)
        limits = compile_limits(timeout)
        with open_graph_lane(workspace, device, compile_limits=limits) as opened:
            opened.device.begin_case(HowToRun())
            with stage("compile"):
                started = opened.lane.prepare(shapes)
            opening = opened.device.end_case()
            if isinstance(started, Ended):
                if started.outcome.machine_out_of_memory:
                    raise out_of_memory("compiling it")
                raise NotPrepared("compile", f"{started.output}\n{started.message}")
            yield PreparedLane(
                lane=opened.lane,
                seconds=started,
                unsupported=opening.unsupported if opening else (),
            )


@contextlib.contextmanager
def _prepared_kernels(
    source: bytes,
    module: str,
    toolchain: Toolchain,
    shapes: Sequence[PlannedShape],
    isolation: Isolation,
    device: DeviceChoice,
    timeout: float,
    stage: Stage,
) -> Iterator[PreparedLane]:
    """The kernels of a program, compiled."""
    text, limits = source.decode(), compile_limits(timeout)
    chosen = choose_device(device, device_spawn(isolation))
    way = way_of(chosen, toolchain, module=module, text=text, isolation=isolation, limits=limits)
    with stage("compile"):
        built = build_kernels(
            text,
            shapes,
            lambda: open_workspace(None, module, toolchain, isolation=isolation, device=device),
            way.compiler,
            limits=limits,
        )
    if not built.kernels:
        raise NotPrepared("compile", built.packaged.output)
    with chosen, way.open_lane() as lane:
        ended = lane.load(built.kernels, shapes)
        if ended is not None:
            raise NotPrepared("compile", f"{ended.output}\n{ended.message}")
        seconds = built.packaged.outcome.wall_seconds
        yield PreparedLane(lane=lane, seconds=seconds, unsupported=())


def gets_through(
    source: bytes,
    module: str,
    toolchain: Toolchain,
    shapes: Sequence[PlannedShape],
    case: Case,
    *,
    isolation: Isolation,
    device: DeviceChoice,
    timeout: float,
) -> bool:
    """Whether a source gets through a case, and once more in a second process.

    What was compiled is loaded again there, as it is for a program whose process has ended.
    """
    place = prepared(
        source, module, toolchain, shapes, isolation=isolation, device=device, timeout=timeout
    )
    with contextlib.ExitStack() as stack:
        try:
            lane = stack.enter_context(place).lane
        except NotPrepared:
            return False
        return lane.run(case).outputs is not None and lane.run_renewed(case).outputs is not None


def packaged_within(workspace: Workspace, timeout: float) -> Packaged:
    """Package what is in a workspace, in so many seconds at most.

    Raises:
        ToolchainFault: the machine's memory ran out.
    """
    seconds = min(LIMITS.wall_seconds, timeout)
    packaged = package(workspace, limits=msgspec.structs.replace(LIMITS, wall_seconds=seconds))
    if packaged.outcome.machine_out_of_memory:
        raise out_of_memory("packaging it")
    return packaged
