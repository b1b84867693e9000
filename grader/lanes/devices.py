"""The device that cases run on, behind one interface: the software device or a real GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, Self

import grader
from grader.device import (
    ARCHITECTURE,
    CaseEvidence,
    CaseSetup,
    Compared,
    Dim3,
    InputPairs,
    LaunchLimits,
    Repeated,
    RunningProcess,
    SoftwareDevice,
    Spawn,
    SpawnRequest,
    schedules,
    spawn_plain,
)
from grader.errors import DeviceFault
from grader.lanes import DeviceChoice, gpu
from grader.machine import Lease
from grader.model.domains import Sizes
from grader.model.part import BUDGET, Budget, Part
from grader.record import DeviceInfo
from grader.sandbox import (
    MIB,
    Box,
    Isolation,
    Limits,
    PackagePart,
    Profile,
    PythonTree,
    SandboxedProcess,
    python_tree,
)

LIMITS = Limits(wall_seconds=7200, resident_bytes=3072 * MIB, output_bytes=MIB)
"""The whole run of one submission; each launch has limits of its own besides."""

_MODULES = ("__init__.py", "errors.py", "device")
_DISTRIBUTIONS = ("numpy", "msgspec")


def device_tree() -> PythonTree:
    """The interpreter of this process with the device's modules, and what they import."""
    package = Path(grader.__file__).parent
    modules = tuple(PackagePart(package / name, f"grader/grader/{name}") for name in _MODULES)
    return python_tree(Path(sys.executable), distributions=_DISTRIBUTIONS, more=modules)


def device_spawn(isolation: Isolation, *, limits: Limits = LIMITS) -> Spawn:
    """A function that starts the device process at this level of isolation."""

    def spawn(request: SpawnRequest) -> RunningProcess:
        box = Box(profile=Profile.DEVICE, isolation=isolation, python=device_tree())
        environment = {
            name: text
            for name, text in request.environment.items()
            if name not in ("PATH", "TMPDIR", "PYTHONPATH")
        }
        process = box.spawn(
            box.python_command(*request.argv[1:]),
            stage="device",
            limits=limits,
            environment={**environment, **box.python_environment()},
            pass_fds=request.pass_fds,
        )
        return _Boxed(process, request.stderr)

    return spawn


class _Boxed:
    """A sandboxed process in the shape that `SoftwareDevice` knows."""

    def __init__(self, process: SandboxedProcess, stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and keep what it printed."""
        try:
            outcome = self._process.wait(timeout)
        except TimeoutError as error:
            raise subprocess.TimeoutExpired("device", timeout or 0) from error
        self._stderr.write(outcome.stderr)
        self._stderr.flush()
        return outcome.exit_code if outcome.exit_code is not None else -(outcome.signal or 0)

    def kill(self) -> None:
        """End it now."""
        self._process.kill()


def _limits(budget: Budget, share: float) -> LaunchLimits:
    """A part of the limits. Those of time stay: what passes them says something of this machine."""
    return LaunchLimits(
        instruction_budget=int(budget.instructions * share),
        per_thread=int(budget.per_thread * share),
        thread_budget=int(budget.thread * share),
        processor_s=budget.seconds,
        wall_clock_s=budget.wall_seconds,
    )


# Two fills that differ in every byte, both signalling NaN as float32: an answer that
# depends on memory that nobody wrote differs between them, or is NaN.
_FILLS = ((0x7FA5A5A5, 0x7FB6B6B6), (0xFF9C9C9C, 0xFF8D8D8D))

TURN_SECONDS = 600.0
"""How long a case waits for its turn on a GPU: several that end at their own limits before it."""
_NOT_SHOWN = "a GPU does not show what was done on it"


@dataclass(frozen=True, kw_only=True)
class HowToRun:
    """How the device runs a case."""

    variant: int = 0
    """Which bytes unwritten memory holds. Odd ones also get the addresses of buffers that were
    freed before."""
    schedule: int = schedules.PLAIN
    """The order of blocks and threads (`grader.device.schedules`)."""
    first_block_ahead: bool = False
    """Whether the first block of a launch runs ahead of the others."""
    names: tuple[str, ...] = ()
    """What the case's allocations are called, in their order."""
    repeatable: bool = False
    """Whether `CaseDevice.keep`, `compare` and `repeat` may follow."""
    shared_zeros: bool = False
    """Whether unwritten shared memory holds zeros, whatever the variant."""
    share: float = 1.0
    """The part of the budget that holds."""
    budget: Budget = BUDGET
    """Of a launch."""
    traced: Dim3 | None = None
    """A block whose accesses are kept."""
    profiled: bool = False
    """Whether it is counted what each instruction costs."""

    @classmethod
    def of(cls, part: Part, sizes: Sizes) -> Self:
        """A case of a part at some sizes, as the puzzle wants it run."""
        return cls(
            first_block_ahead=part.first_block_ahead,
            names=tuple(spec.name for spec in part.tensors),
            shared_zeros=part.shared_holds_zeros(sizes),
            budget=part.budget,
        )


class CaseDevice(AbstractContextManager["CaseDevice"], Protocol):
    """A device and the way to it for a worker."""

    info: DeviceInfo
    observes: bool
    """Whether launches, findings and provenance can be seen."""

    @property
    def worker_fd(self) -> int | None:
        """Descriptor that the worker needs, if any."""

    def worker_environment(self, inside: Callable[[Path], str]) -> Mapping[str, str]:
        """Variables that the worker needs."""

    def begin_case(self, how: HowToRun) -> None:
        """A case begins."""

    def end_case(self) -> CaseEvidence | None:
        """What was seen since `begin_case`; None where nothing can be."""

    def keep(self, number: int) -> None:
        """Keep what the last case, a repeatable one, did; see `SoftwareDevice.keep`."""

    def compare(self, one: int, other: int, pairs: InputPairs) -> Compared:
        """Whether the host did the same in two cases; see `SoftwareDevice.compare`."""

    def repeat(
        self, kept: int, pairs: InputPairs, *, copy: int, like: int, moved: bool
    ) -> Repeated:
        """What a kept case does without the host; see `SoftwareDevice.repeat`."""

    def renew(self) -> None:
        """Forget who used it last. Whoever begins to use it renews it first.

        A connection may hold an answer that the last one did not wait for, or its socket's mode.
        """


class OnSoftwareDevice:
    """The software device. See `grader.device`."""

    observes = True

    def __init__(self, *, reason: str, spawn: Spawn = spawn_plain) -> None:
        self.info = DeviceInfo(
            kind="software", name=f"software CUDA device ({ARCHITECTURE})", reason=reason
        )
        self._device = SoftwareDevice(spawn=spawn)

    def __enter__(self) -> Self:
        self._device.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._device.close()

    @property
    def worker_fd(self) -> int | None:
        return self._device.worker_fd

    def worker_environment(self, inside: Callable[[Path], str]) -> Mapping[str, str]:
        folder = self._device.driver_libraries()[0].parent
        return self._device.worker_environment(libraries=Path(inside(folder)))

    def begin_case(self, how: HowToRun) -> None:
        poison, shared = _FILLS[how.variant % len(_FILLS)]
        setup = CaseSetup(
            poison=poison,
            shared_fill=0 if how.shared_zeros else shared,
            schedule=how.schedule + schedules.FIRST_AHEAD * how.first_block_ahead,
            limits=_limits(how.budget, how.share),
            # Every other case: who keeps answers by the address of a buffer is found out, and
            # in the cases between, who goes on using a buffer that was freed.
            rewind=how.variant % 2 == 1,
            names=how.names,
            repeatable=how.repeatable,
            traced=how.traced,
            profiled=how.profiled,
        )
        self._device.begin_case(setup)

    def end_case(self) -> CaseEvidence | None:
        return self._device.end_case()

    def keep(self, number: int) -> None:
        self._device.keep(number)

    def compare(self, one: int, other: int, pairs: InputPairs) -> Compared:
        return self._device.compare(one, other, pairs)

    def repeat(
        self, kept: int, pairs: InputPairs, *, copy: int, like: int, moved: bool
    ) -> Repeated:
        return self._device.repeat(kept, pairs, copy=copy, like=like, moved=moved)

    def renew(self) -> None:
        self._device.new_connection()


class OnGpu:
    """A real GPU with the machine's own driver. Nothing can be observed on it.

    Gradings side by side have it for a case at a time. So a kernel that does not end takes
    nothing of the time that another submission's case may take, and compiles, which need no
    GPU, go on meanwhile.
    """

    observes = False
    worker_fd: int | None = None

    def __init__(self, *, name: str, reason: str) -> None:
        self.info = DeviceInfo(kind="gpu", name=name, reason=reason)
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        self._turn = Lease(f"gpu/{visible.partition(',')[0].strip() or 0}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._turn.free()

    def worker_environment(self, inside: Callable[[Path], str]) -> Mapping[str, str]:
        return gpu.environment(inside)

    def begin_case(self, how: HowToRun) -> None:
        # Whoever has it for longer than any case may take is no grading: go on beside it.
        self._turn.wait(TURN_SECONDS)

    def end_case(self) -> CaseEvidence | None:
        self._turn.free()
        return None

    def keep(self, number: int) -> None:
        return None

    def compare(self, one: int, other: int, pairs: InputPairs) -> Compared:
        return Compared(why=_NOT_SHOWN)

    def repeat(
        self, kept: int, pairs: InputPairs, *, copy: int, like: int, moved: bool
    ) -> Repeated:
        return Repeated(why=_NOT_SHOWN)

    def renew(self) -> None:
        return None


def choose_device(wanted: DeviceChoice, spawn: Spawn, architecture: str = "") -> CaseDevice:
    """The device to grade on.

    Args:
        wanted: ``auto`` takes a GPU whose driver works, else the software device.
        spawn: Starts the software device's process.
        architecture: The oldest one that a GPU may have, ``sm_90``; empty where any will do. The
            software device runs what is written for later ones, too.

    Raises:
        DeviceFault: a GPU was asked for and there is none that works, or it is too old.
    """
    if wanted == "software":
        return OnSoftwareDevice(reason="as asked", spawn=spawn)
    found = gpu.probe()
    if too_old := found.name and found.lacks(architecture):
        found = gpu.GpuProbe(why=too_old)
    if found.name:
        reason = "as asked" if wanted == "gpu" else "its driver works"
        return OnGpu(name=found.name, reason=reason)
    if wanted == "gpu":
        raise DeviceFault(
            f"there is no GPU to grade on: {found.why}",
            remedy="Use --device software, or a machine whose NVIDIA driver works.",
        )
    return OnSoftwareDevice(reason=found.why, spawn=spawn)
