"""Open a lane with its device, together; close them together."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Self

from grader.lanes import DeviceChoice
from grader.lanes.boxed_device import device_spawn
from grader.lanes.devices import CaseDevice, choose_device
from grader.lanes.graph import GraphLane
from grader.sandbox import Limits
from grader.toolchain.workspace import Workspace


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
