"""The device and the worker of one run, opened together and closed together."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Self

from grader.grading.boxed_device import device_spawn
from grader.grading.device_choice import choose_lane
from grader.grading.executor import Executor
from grader.grading.lane import Lane
from grader.grading.request import DeviceChoice
from grader.puzzles.definition import Puzzle
from grader.sandbox import Limits
from grader.toolchain.workspace import Workspace


@dataclass(frozen=True)
class Bench:
    """Where cases run. Use as a context manager, or call `close`."""

    lane: Lane
    executor: Executor
    _open: contextlib.ExitStack

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker, then the device."""
        self._open.close()


def open_bench(
    puzzle: Puzzle, workspace: Workspace, device: DeviceChoice, *, compile_limits: Limits
) -> Bench:
    """Start the device and a worker on it; the worker imports MAX while the caller goes on.

    Nothing of the submission runs in the worker before `Executor.start`.

    Raises:
        DeviceFault: the device can't be opened.
        SandboxFault: one of the two can't be started.
    """
    with contextlib.ExitStack() as stack:
        spawn = device_spawn(workspace.box.isolation)
        lane = stack.enter_context(choose_lane(device, spawn))
        executor = Executor(puzzle, workspace, lane, compile_limits=compile_limits)
        stack.enter_context(executor)
        executor.launch()
        return Bench(lane, executor, stack.pop_all())
