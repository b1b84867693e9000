"""A whole program, built and run as its author would, in the sandbox: its own `main` decides all.

::

    with open_program(source, "p10", toolchain, isolation=..., device="software") as program:
        built = program.build(limits)
        if built.ok:
            ran = program.run(["--memory-bug"], limits, listen)
            ran.evidence.launches                     # what was seen, on a device that sees
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader import worker
from grader.device import ARCHITECTURE, LOAD_ORDER, CaseEvidence, library_directory
from grader.errors import GradeError
from grader.lanes import DeviceChoice, gpu
from grader.lanes.devices import LIMITS as DEVICE_LIMITS
from grader.lanes.devices import CaseDevice, HowToRun, choose_device, device_spawn
from grader.record import Diagnostic
from grader.sandbox import Isolation, Limits, Outcome, SandboxedProcess, Scratch
from grader.toolchain.compiler import HowToCompile, build_library
from grader.toolchain.packaging import parse
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace

_DRIVER = "/driver"
_HOST = Path(worker.__file__).with_name("program.py")
_PROGRAM = "program"
_PUMP_SECONDS = 0.05
_BUSY_SECONDS = 10.0

Listener = Callable[[int, bytes], None]
"""Gets what the program prints on standard output (0) and standard error (1), as it comes."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """How the build went."""

    ok: bool
    diagnostics: tuple[Diagnostic, ...]
    seconds: float
    limits: Limits
    """Of each of its steps."""
    outcome: Outcome
    """Of the compiler; of the linker, where that failed."""
    output: str
    """What it printed, as text."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How the program ended."""

    outcome: Outcome
    evidence: CaseEvidence | None
    """None where the device shows nothing, or is still busy when the program has been stopped."""


class ProgramPlace:
    """Where one program is built and run. Made by `open_program`.

    Args:
        workspace: Its directory and the box that its processes run in.
        device: What it runs on; None where it is built only, for the software device.
        source: Its file, as the compiler and the line tables name it.
        architecture: As of `open_program`.
    """

    def __init__(
        self, workspace: Workspace, device: CaseDevice | None, source: str, architecture: str
    ) -> None:
        self._workspace = workspace
        self._device = device
        self._architecture = architecture
        self.source = source
        self._process: SandboxedProcess | None = None
        self._stopped = False

    @property
    def device(self) -> CaseDevice:
        """What it runs on."""
        assert self._device is not None, "built without a device"
        return self._device

    def run_on(self, device: CaseDevice) -> None:
        """Say what it runs on, where it was built without a device."""
        self._device = device

    def stop(self) -> None:
        """End a build that is going on in another thread: it fails. None begins after this."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    def _began(self, process: SandboxedProcess) -> None:
        self._process = process
        if self._stopped:
            process.kill()

    def build(self, limits: Limits) -> Built:
        """Compile it with line tables, for the device that there is.

        The compiler asks the driver what to compile for, as it does on a machine with a GPU. The
        software device is none to ask where there is none yet, or where it says something older
        than the program is written for.

        Raises:
            ToolchainFault: the edition's compiler does not start, or brings no linker.
        """
        built = build_library(
            self._workspace,
            [*self._target(), self.source],
            _PROGRAM,
            HowToCompile(
                limits=limits,
                environment=self._environment(),
                pass_fds=self._descriptors(),
                began=self._began,
            ),
        )
        self._process = None
        name = "/".join(self.source.rsplit("/", 2)[1:])
        return Built(
            ok=built.ok,
            diagnostics=parse(built.output, stage="compile", student_file=name),
            limits=limits,
            seconds=built.seconds,
            outcome=built.outcome,
            output=built.output,
        )

    def _target(self) -> tuple[str, ...]:
        if self._device is None or (self._architecture and self._device.observes):
            return "--target-accelerator", self._architecture or ARCHITECTURE
        return ()

    def run(
        self,
        arguments: Sequence[str],
        limits: Limits,
        listen: Listener,
        *,
        how: HowToRun,
    ) -> Ran:
        """Run what was built, once.

        Args:
            arguments: Of the program.
            limits: Of its process.
            listen: Called in this thread.
            how: What the device does with it.
        """
        self.device.renew()
        self.device.begin_case(how)
        printed: queue.SimpleQueue[tuple[int, bytes]] = queue.SimpleQueue()
        box, folder = self._workspace.box, self._directory()
        process = box.spawn(
            box.python_command(
                box.inside(_HOST), f"{folder}/{_PROGRAM}.so", self._workspace.module, *arguments
            ),
            stage="run",
            limits=limits,
            environment={**self._environment(), **box.python_environment()},
            pass_fds=self._descriptors(),
            directory=folder,
            listen=lambda stream, chunk: printed.put((stream, chunk)),
        )
        with process:
            outcome = None
            while outcome is None:
                with contextlib.suppress(queue.Empty):
                    listen(*printed.get(timeout=_PUMP_SECONDS))
                with contextlib.suppress(TimeoutError):
                    outcome = process.wait(0)
        while not printed.empty():
            listen(*printed.get())
        if outcome.limit is None:
            return Ran(outcome=outcome, evidence=self.device.end_case())
        return Ran(outcome=outcome, evidence=self._seen_by_now())

    def _seen_by_now(self) -> CaseEvidence | None:
        """The evidence, unless the device is still busy with a kernel of a program that is gone."""
        answers: queue.SimpleQueue[CaseEvidence | None] = queue.SimpleQueue()

        def ask() -> None:
            # The device may be closed meanwhile.
            with contextlib.suppress(GradeError):
                answers.put(self.device.end_case())

        threading.Thread(target=ask, name="evidence", daemon=True).start()
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=_BUSY_SECONDS)
        return None

    def _directory(self) -> str:
        return self._workspace.box.inside(self._workspace.run_directory)

    def _descriptors(self) -> list[int]:
        if self._device is None or self._device.worker_fd is None:
            return []
        return [self._device.worker_fd]

    def _environment(self) -> Mapping[str, str]:
        """The toolchain's variables, and those with which a program finds the device's driver."""
        inside = self._workspace.box.inside
        if self._device is None:
            return self._workspace.environment()
        variables = {
            **self._workspace.environment(),
            **self._device.worker_environment(inside),
        }
        if self._device.observes:
            # In the place of a driver that is installed. By their paths: a library that is loaded
            # by its bare name does not keep MAX 26.4 from loading its own compiler of PTX.
            folder = inside(library_directory())
            variables["GRADE_KERNEL_PRINTS"] = "1"
            variables["LD_PRELOAD"] = " ".join(f"{folder}/{name}" for name in LOAD_ORDER)
        return variables


@contextlib.contextmanager
def open_program(
    source: bytes,
    module: str,
    toolchain: Toolchain,
    *,
    isolation: Isolation,
    device: DeviceChoice | None,
    device_limits: Limits = DEVICE_LIMITS,
    beside: Mapping[str, bytes] | None = None,
    architecture: str = "",
) -> Iterator[ProgramPlace]:
    """A place for a program, with a device. Its directory goes when the block ends.

    Args:
        source: The program's text.
        module: What its file is called, without ``.mojo``: it is in the names of its kernels.
        toolchain: What compiles it.
        isolation: The level that its processes run under.
        device: What it runs on; None: it is built for the software device, and
            `ProgramPlace.run_on` brings one.
        device_limits: Of the software device's process.
        beside: Modules that it imports, by name.
        architecture: The oldest one of a GPU that it is written for; empty where any will do.

    Raises:
        DeviceFault: the device can't be opened.
        SandboxFault: nothing can be started in the sandbox.
    """
    with contextlib.ExitStack() as stack:
        chosen = None
        if device is not None:
            spawn = device_spawn(isolation, limits=device_limits)
            chosen = stack.enter_context(choose_device(device, spawn, architecture))
        scratch = stack.enter_context(Scratch())
        on_gpu = chosen is not None and not chosen.observes
        workspace = Workspace(
            toolchain,
            scratch,
            isolation=isolation,
            module=module,
            read_only=(
                (_HOST, "/program.py"),
                *(gpu.folders_to_show() if on_gpu else ((library_directory(), _DRIVER),)),
            ),
            gpu=on_gpu,
        )
        for name, text in (beside or {}).items():
            scratch.install(f"source/{name}.mojo", text)
        file = scratch.install(f"source/{module}.mojo", source)
        yield ProgramPlace(workspace, chosen, workspace.box.inside(file), architecture)
