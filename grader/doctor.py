"""Whether grading works here: probes of all that it needs, and the published example as a trial.

Each tries the real thing, not a sign of it.
"""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from grader import __version__, machine
from grader.errors import GradeError, ToolchainFault
from grader.sandbox.policy import MIB

# What grading needs is imported by the probe that tries it, so that each can fail by itself.
if TYPE_CHECKING:
    from grader.lanes import DeviceChoice
    from grader.lanes.prepared import PreparedLane
    from grader.model.cases import Case, CaseRun
    from grader.model.puzzle import Puzzle
    from grader.record import DeviceInfo
    from grader.toolchain.toolchain import Toolchain

DISK_NEEDED = 2048 * MIB
MEMORY_NEEDED = 3072 * MIB
MEMORY_LEAST = 768 * MIB
_TRIAL_SEED = "published example"


class Health(StrEnum):
    """What a probe found."""

    GOOD = "ok"
    WEAK = "weak"
    """Grading works, with something less than the best."""
    BROKEN = "broken"
    """Grading does not work."""


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """One line of ``grade doctor``: what was found, and what to do about it."""

    health: Health
    what: str
    remedy: str = ""


def _python() -> ProbeResult:
    return ProbeResult(
        health=Health.GOOD,
        what=f"mojo-grade {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def _toolchain() -> ProbeResult:
    from grader.toolchain import edition
    from grader.toolchain.toolchain import locate

    toolchain = locate(edition.find("auto"))
    return ProbeResult(
        health=Health.GOOD,
        what=f"edition {toolchain.edition.name}: MAX {toolchain.max_version}, "
        f"Mojo {toolchain.mojo_version}",
    )


def _other_toolchains() -> ProbeResult:
    from grader.choices import DEFAULT_EDITION
    from grader.toolchain import edition, store

    known = [edition.find(name) for name in edition.names() if name != DEFAULT_EDITION]
    installed = [each.name for each in known if store.installed(each)]
    broken = [each.name for each in known if each.name not in installed and store.has_folder(each)]
    try:
        what = f"installed: {', '.join(installed) or 'none'}, in {store.place()}"
    except ToolchainFault as fault:
        return ProbeResult(health=Health.WEAK, what=fault.what, remedy=fault.remedy)
    if broken:
        return ProbeResult(
            health=Health.WEAK,
            what=f"{what}; broken: {', '.join(broken)}",
            remedy=f"grade toolchain install {' '.join(broken)}",
        )
    return ProbeResult(health=Health.GOOD, what=f"{what}; others are installed on first use")


def _isolation() -> ProbeResult:
    from grader.sandbox import Wanted, probe

    report = probe(Wanted.AUTO)
    facts = "; ".join(f"{name} {value}" for name, value in report.details.items())
    what = f"{report.level}: {report.sentence}" + (f" ({facts})" if facts else "")
    if report.weakened:
        return ProbeResult(health=Health.WEAK, what=what, remedy=report.remedy)
    return ProbeResult(health=Health.GOOD, what=what)


def _packaging() -> ProbeResult:
    """Package the reference answer in the sandbox."""
    from grader.folders import reference_kernel
    from grader.puzzles import DEFAULT
    from grader.sandbox import Scratch, Wanted, probe
    from grader.toolchain import edition
    from grader.toolchain.packaging import package
    from grader.toolchain.toolchain import locate
    from grader.toolchain.workspace import Workspace

    chosen = edition.find("auto")
    reference = reference_kernel(DEFAULT, chosen.name, "right.mojo")
    with Scratch() as scratch:
        workspace = Workspace(
            locate(chosen), scratch, isolation=probe(Wanted.AUTO).level, module=DEFAULT
        )
        workspace.install(reference.read_bytes())
        packaged = package(workspace)
    if packaged.ok:
        seconds = packaged.outcome.wall_seconds
        return ProbeResult(
            health=Health.GOOD, what=f"the reference answer packages in {seconds:.1f} s"
        )
    return ProbeResult(
        health=Health.BROKEN,
        what=f"the reference answer does not package: {packaged.output.strip()[-300:]}",
        remedy="Install the grader again, in a fresh virtual environment.",
    )


def _software_device() -> ProbeResult:
    """Start the device in its own isolation and connect to it."""
    from grader.lanes.devices import HowToRun, OnSoftwareDevice, device_spawn
    from grader.sandbox import Wanted, probe

    spawn = device_spawn(probe(Wanted.AUTO).level)
    with OnSoftwareDevice(reason="doctor", spawn=spawn) as device:
        device.begin_case(HowToRun())
        device.end_case()
    return ProbeResult(health=Health.GOOD, what="the software device starts and answers")


def _gpu() -> ProbeResult:
    """Ask the driver as the grader does and, if it has a GPU, as a submission's process would."""
    from grader.lanes import gpu
    from grader.lanes.workspace import open_workspace
    from grader.puzzles import DEFAULT
    from grader.sandbox import Wanted, probe
    from grader.toolchain import edition
    from grader.toolchain.toolchain import locate

    found = gpu.probe()
    if not found.name:
        return ProbeResult(
            health=Health.GOOD, what=f"none ({found.why}); the software device is used instead"
        )
    level = probe(Wanted.AUTO).level
    toolchain = locate(edition.find("auto"))
    with open_workspace(b"", DEFAULT, toolchain, isolation=level, device="gpu") as workspace:
        seen = gpu.probe_inside(workspace.box)
    if seen.name:
        return ProbeResult(health=Health.GOOD, what=f"{found.name}; --device auto takes it")
    return ProbeResult(
        health=Health.BROKEN,
        what=f"{found.name}, but not in the sandbox: {seen.why}",
        remedy="Grade with --device software, and report this line: the driver's files have to be"
        " shown in the sandbox.",
    )


def _kernel_limits() -> ProbeResult:
    """Whether the kernel holds memory and tasks between the watcher's samples."""
    from grader.sandbox import cgroup

    groups = cgroup.available()
    held = [
        name
        for name, files in (
            ("memory", [parent.memory for parent in groups]),
            ("tasks", [parent.tasks for parent in groups]),
        )
        if any(files)
    ]
    if held:
        return ProbeResult(
            health=Health.GOOD,
            what=f"the kernel (control groups) holds {' and '.join(held)}, besides the watcher",
        )
    return ProbeResult(
        health=Health.GOOD,
        what="the watcher alone holds memory and tasks, some ten times a second: no control group "
        "can be made here (where systemd runs, `systemd-run --user --scope grade ...` gives one)",
    )


def _room() -> ProbeResult:
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    memory, left = machine.memory_bytes(), machine.available_bytes()
    what = (
        f"{memory >> 20} MiB of memory for this process, {left >> 20} MiB of them free; "
        f"{free >> 20} MiB free in {place}"
    )
    if free < DISK_NEEDED:
        return ProbeResult(
            health=Health.BROKEN,
            what=what,
            remedy=f"Make room ({DISK_NEEDED >> 20} MiB), or set TMPDIR to another disk.",
        )
    if memory < MEMORY_NEEDED:
        return ProbeResult(
            health=Health.BROKEN if memory < MEMORY_LEAST else Health.WEAK,
            what=what,
            remedy="A graph compile needs about 1.2 GB, and the rest of a grading some more: with "
            f"less than {MEMORY_NEEDED >> 20} MiB the kernel may end it, and there is no mark. In "
            "a container, raise its memory limit.",
        )
    return ProbeResult(health=Health.GOOD, what=what)


PROBES: dict[str, Callable[[], ProbeResult]] = {
    "program": _python,
    "room": _room,
    "toolchain": _toolchain,
    "other editions": _other_toolchains,
    "isolation": _isolation,
    "limits": _kernel_limits,
    "packaging": _packaging,
    "software device": _software_device,
    "GPU": _gpu,
}
"""In the order in which one builds on the other."""


def run_probe(probe: Callable[[], ProbeResult]) -> ProbeResult:
    """The result of a probe; an error of ours is a result too."""
    try:
        return probe()
    except GradeError as error:
        return ProbeResult(health=Health.BROKEN, what=error.what, remedy=error.remedy)
    except Exception as error:
        return ProbeResult(
            health=Health.BROKEN,
            what=f"{type(error).__name__}: {error}",
            remedy="This is a defect of the grader; please report it.",
        )


@dataclass(frozen=True, kw_only=True)
class Shown:
    """The published example and what came of it."""

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
        from grader.grading.observe import compare

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


@contextmanager
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
    from grader.choices import DEFAULT_TIMEOUT
    from grader.grading import plan, seeds
    from grader.grading.blame import reference_answer
    from grader.grading.cases import drawn, example
    from grader.lanes.prepared import NotPrepared, prepared
    from grader.lanes.workspace import LaneSetup
    from grader.model.domains import Values
    from grader.sandbox import Wanted, probe_once

    edition = toolchain.edition.name
    shapes = plan.draw(puzzle, seed=_TRIAL_SEED, own_kernel=())[:1]
    if shapes[0].part.example is not None:
        case = example(shapes)
    else:
        case = drawn(shapes[0], Values.REALS, seeds.generator(_TRIAL_SEED, "case"))
    setup = LaneSetup(
        module=puzzle.name,
        toolchain=toolchain,
        isolation=probe_once(Wanted.AUTO).level,
        device=device,
        timeout=DEFAULT_TIMEOUT,
        architecture=puzzle.architecture,
    )
    try:
        with prepared(reference_answer(puzzle, edition), setup, shapes) as ready:
            yield CompiledExample(case=case, seconds=ready.seconds, _ready=ready)
    except NotPrepared as failed:
        said = failed.output.strip()[-600:]
        raise ToolchainFault(
            f"the answer of edition {edition} does not {failed.doing} here: {said}",
            remedy="Run grade doctor; it tries each part and says what is missing.",
        ) from failed
