"""The lane of a preview: a library calls an op as a graph would, without MAX Graph.

It takes a third of the time of a graph compile, and knows the lines of the student's file. But the
code that it runs was compiled in another way than what the task asks for: it previews, and never
decides.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

import msgspec

from grader.device import CaseEvidence, Launch
from grader.lanes.devices import CaseDevice
from grader.lanes.graph import in_short, of_file
from grader.lanes.harness import HarnessLane, HarnessShape
from grader.lanes.op_calls import NotWritten, call_of_op, needed_imports
from grader.lanes.source_lines import at_own_places, at_source
from grader.lanes.worker import Said
from grader.lanes.workspace import LaneSetup
from grader.model.cases import Case, PlannedShape
from grader.record import Diagnostic
from grader.toolchain.compiler import HowToCompile
from grader.toolchain.edition import CallTraits
from grader.toolchain.harness import OpCall, build_op_harness
from grader.toolchain.kernels import LIMITS
from grader.toolchain.packaging import INSTANTIATION_FAILED, parse


class OpRefused(NotWritten):
    """The compiler refuses the code of an op that it was told to call."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("the compiler refuses the op")
        self.diagnostics = diagnostics
        """What it says."""


class DirectLane(HarnessLane):
    """Runs the cases of an op by a library that calls it; see `HarnessLane`."""

    def in_the_files_words(self, case: Case, launches: tuple[Launch, ...]) -> tuple[Launch, ...]:
        """Launches with lines and arrays as the student's file has them."""

        def is_own(file: str) -> bool:
            return file.endswith(self._workspace.student_file)

        return tuple(
            msgspec.structs.replace(
                launch,
                findings=tuple(at_source(each, is_own, self._text) for each in launch.findings),
                trace=launch.trace and at_own_places(launch.trace, is_own),
            )
            for launch in launches
        )

    def not_as_told(self, case: Case, evidence: CaseEvidence) -> str:
        """Nothing: what an op launches is its own affair."""
        return ""

    def message_of(self, error: str) -> Said:
        """The message, and the line of the student's file that it names."""
        return of_file(in_short(error), self._workspace.student_file)


def build_directly(
    text: str, setup: LaneSetup, device: CaseDevice, shapes: Sequence[PlannedShape]
) -> dict[int, HarnessShape]:
    """What runs the cases of each shape, by its number: for `DirectLane.take`.

    Args:
        text: The submission.
        setup: What it is compiled with.
        device: What it will run on; it need not be open.
        shapes: To build.

    Raises:
        OpRefused: the op is called, and its code does not compile.
        NotWritten: the edition or the submission is one for which there is none.
        ToolchainFault: the compiler does not start.
        SandboxFault: the sandbox could not be started.
    """
    edition, on_gpu = setup.toolchain.edition, not device.observes
    if edition.calls is None or edition.harness is None:
        raise NotWritten(f"ops of edition {edition.name} are not called by a library")
    module = f"op.{setup.module}"
    calls = [call_of_shape(text, shape, edition.calls, module) for shape in shapes]
    lines = [line for call in calls for line in call.lines]
    imports = needed_imports(edition.calls, edition.harness.read(), lines)
    with setup.workspace(text.encode()) as workspace:
        how = HowToCompile(
            # Nothing is decided by it, so it may take as long as the verdict.
            limits=msgspec.structs.replace(LIMITS, wall_seconds=setup.timeout),
            environment=device.worker_environment(workspace.box.inside) if on_gpu else {},
        )
        built, library = build_op_harness(
            workspace, [f"import {module}", *imports], calls, how, on_gpu=on_gpu
        )
        file = workspace.student_file
    if library is None:
        # The call itself may be what does not fit: a graph knows more ways to call an op.
        if built.outcome.limit is None and f"error: {INSTANTIATION_FAILED}" in built.output:
            raise OpRefused(parse(built.output, stage="compile", student_file=file))
        raise NotWritten(f"it is not built: {built.output}")
    return {shape.number: HarnessShape(library, place, ()) for place, shape in enumerate(shapes)}


def call_of_shape(text: str, shape: PlannedShape, traits: CallTraits, module: str) -> OpCall:
    """How a library calls an op at the sizes of a shape; see `call_of_op`."""
    part = shape.part
    pointers = {
        spec.name: f"buffers[{place}].unsafe_ptr()" for place, spec in enumerate(part.tensors)
    }
    lines = call_of_op(text, part, shape.sizes, traits, pointers, module=module)
    return OpCall(tuple(lines), on_host=part.target == "cpu")


@contextlib.contextmanager
def open_direct_lane(text: str, setup: LaneSetup, device: CaseDevice) -> Iterator[DirectLane]:
    """A lane on a device, which is open; it takes what `build_directly` builds."""
    with (
        replace(setup, device="software" if device.observes else "gpu").workspace() as workspace,
        DirectLane(workspace, device, compile_limits=setup.limits, text=text) as lane,
    ):
        yield lane
