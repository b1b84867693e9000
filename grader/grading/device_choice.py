"""Choose the device of a run and say why."""

from __future__ import annotations

from grader.device import Spawn
from grader.errors import DeviceFault
from grader.grading import gpu
from grader.grading.lane import GpuLane, Lane, SoftwareLane
from grader.grading.request import DeviceChoice


def choose_lane(wanted: DeviceChoice, spawn: Spawn) -> Lane:
    """The device to grade on.

    Args:
        wanted: ``auto`` takes a GPU whose driver works, else the software device.
        spawn: Starts the software device's process.

    Raises:
        DeviceFault: a GPU was asked for and there is none that works.
    """
    if wanted == "software":
        return SoftwareLane(reason="as asked", spawn=spawn)
    found = gpu.probe()
    if found.name:
        reason = "as asked" if wanted == "gpu" else "its driver works"
        return GpuLane(name=found.name, reason=reason)
    if wanted == "gpu":
        raise DeviceFault(
            f"there is no GPU to grade on: {found.why}",
            remedy="Use --device software, or a machine whose NVIDIA driver works.",
        )
    return SoftwareLane(reason=found.why, spawn=spawn)
