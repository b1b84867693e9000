"""The lane of a harness: a library launches the kernels of a program, in a worker.

It serves what `grader.lanes.kernel` can't: a real GPU, and editions whose kernels can't be had as
PTX. The library's own code is ours, but what a student's file does to it nobody can rule out. So
nothing is believed that the worker says: what it returns has to be what left the device, after the
launches that the task says and no others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from grader.device import CaseEvidence, CudaResult, Launch
from grader.intake.program import Function, functions
from grader.lanes.devices import CaseDevice
from grader.lanes.kernel import layout_numbers
from grader.lanes.kernel_build import CompiledShapes, Compiler, ShapeOfCopy
from grader.lanes.lane import Control, OtherSignature
from grader.lanes.source_lines import call_failed, launch_in_words
from grader.lanes.worker import Said, WorkerLane
from grader.model.cases import Case, PlannedShape
from grader.model.code import HostCall, KernelLaunch, Number, Op
from grader.sandbox import Limits
from grader.toolchain.compiler import HEAD_START, RUNTIME, HowToCompile, library_folder, nothing
from grader.toolchain.harness import (
    BufferArgument,
    HarnessCall,
    HarnessCase,
    HarnessLaunch,
    Library,
    NumberArgument,
    TensorArgument,
    build_harness,
)
from grader.toolchain.kernels import SourceCopy, WantedKernel, kept_of_name
from grader.toolchain.workspace import Workspace
from grader.worker.process import SCRIPT, Ended

_ZEROS, _DATA, _AS_THEY_ARE = range(3)
"""How a buffer begins, as `harness.mojo` in ``grader/toolchain/editions`` has it."""
_CUDA_ERROR: Final = re.compile(r"\bCUDA_ERROR_([A-Z_]+)\b")


class CopiedKernel(msgspec.Struct, frozen=True):
    """A kernel in a copy of the student's file."""

    function: str
    module: str


class HarnessShape(msgspec.Struct, frozen=True):
    """What runs the cases of a shape."""

    library: Library
    number: int
    """Of what the library does."""
    kernels: tuple[CopiedKernel, ...]
    """Of each launch."""


def library_compiler(device: CaseDevice) -> Compiler[HarnessShape]:
    """A compiler of libraries for a device."""
    on_gpu = not device.observes

    def compile_(
        workspace: Workspace,
        copies: Sequence[SourceCopy],
        shapes: Sequence[ShapeOfCopy],
        *,
        limits: Limits,
        meanwhile: Callable[[], None] = nothing,
        head_start: float = HEAD_START,
    ) -> CompiledShapes[HarnessShape]:
        environment = device.worker_environment(workspace.box.inside) if on_gpu else {}
        how = HowToCompile(
            limits=limits, environment=environment, meanwhile=meanwhile, head_start=head_start
        )
        declared = [functions(copy.text) for copy in copies]
        cases = [_case(each, declared[each.copy]) for each in shapes]
        packaged, library = build_harness(workspace, copies, cases, how, on_gpu=on_gpu)
        if library is None:
            return CompiledShapes(packaged=packaged)
        return CompiledShapes(
            packaged=packaged,
            shapes={
                each.shape.number: HarnessShape(
                    library,
                    number,
                    tuple(
                        CopiedKernel(kernel.function, library.modules[each.copy])
                        for kernel in each.kernels
                    ),
                )
                for number, each in enumerate(shapes)
            },
        )

    return compile_


def _case(of: ShapeOfCopy, declared: Mapping[str, Function]) -> HarnessCase:
    steps: list[HarnessLaunch | HarnessCall] = []
    for told, function in zip(of.shape.part.kernels.launches, of.kernels, strict=True):
        if isinstance(told, HostCall):
            steps.append(HarnessCall(function, tuple(_tensors(of.shape, told))))
        else:
            layouts = declared[function.function].takes_layout_tensors
            steps.append(_launch(of.shape, told, function, layouts=layouts))
    return HarnessCase(of.copy, tuple(steps))


def _tensors(shape: PlannedShape, call: HostCall) -> Iterator[TensorArgument]:
    places = {spec.name: (place, spec) for place, spec in enumerate(shape.part.tensors)}
    for name in call.arguments:
        place, spec = places[str(name)]
        extents = spec.extents(shape.sizes)
        yield TensorArgument(place, spec.dtype, extents, writes=spec.role != "input")


def _launch(
    shape: PlannedShape, launch: KernelLaunch, kernel: WantedKernel, *, layouts: bool
) -> HarnessLaunch:
    specs = shape.part.tensors
    places = {spec.name: place for place, spec in enumerate(specs)}

    def argument(given: str | Number) -> BufferArgument | NumberArgument:
        if not isinstance(given, str):
            return NumberArgument(given.bits(shape.sizes))
        place = places[given]
        layout = layout_numbers(specs[place].extents(shape.sizes)) if layouts else ()
        return BufferArgument(place, layout)

    arguments = tuple(map(argument, launch.arguments))
    sizes = shape.sizes
    return HarnessLaunch(kernel, arguments, *launch.extents(sizes), launch.cluster_at(sizes))


class HarnessLane(WorkerLane):
    """Runs the kernels of a program by libraries that launch them.

    Args:
        workspace: Where the worker runs, in which nothing has run yet.
        device: What it runs on.
        compile_limits: Of the worker until it has loaded the libraries.
        text: The student's file, for names in what is found.
        script: The worker's program.
    """

    session = "libraries"

    def __init__(
        self,
        workspace: Workspace,
        device: CaseDevice,
        *,
        compile_limits: Limits,
        text: str = "",
        script: Path = SCRIPT,
    ) -> None:
        super().__init__(workspace, device, compile_limits=compile_limits, script=script)
        self._text = text
        self._built: Mapping[int, HarnessShape] = {}

    def take(self, built: Mapping[int, HarnessShape]) -> None:
        """Take what was built for each shape, by its number."""
        self._built = built
        for name, library in self._libraries().items():
            self._workspace.install_compiled(name, library.data)

    def prepare(
        self, shapes: Sequence[PlannedShape], *, control: Control | None = None
    ) -> float | Ended:
        """Have the libraries loaded, for the shapes that were built."""
        present = [shape for shape in shapes if shape.number in self._built]
        return super().prepare(present, control=control)

    def check(self, shape: PlannedShape) -> None:
        """See that the kernels of a shape take the arguments that they will be given.

        Raises:
            OtherSignature: one takes others.
        """
        launches = shape.part.kernels.launches
        if number := self._refused.get(shape.number):
            raise OtherSignature(launches[min(max(number, 1), len(launches)) - 1].function)

    def plan(self, workspace: Workspace, *, again: bool) -> dict[str, Any]:
        """The libraries to load, and what each shape is in them."""
        folder = library_folder(workspace.toolchain)
        libraries = self._libraries()
        places = {library: place for place, library in enumerate(libraries.values())}
        return {
            "runtime": [workspace.box.inside(folder / f"lib{name}.so") for name in RUNTIME],
            "libraries": [
                {"path": workspace.compiled_file(name), "prefix": library.prefix}
                for name, library in libraries.items()
            ],
            "shapes": {
                str(shape.number): _shape(shape, self._built[shape.number], places)
                for shape in self._shapes
            },
        }

    def files_to_keep(self, workspace: Workspace) -> Mapping[str, bytes]:
        """The libraries, as they were built."""
        return {name: library.data for name, library in self._libraries().items()}

    def array_names(self, case: Case) -> tuple[str, ...]:
        """The tensors' names."""
        return tuple(spec.name for spec in case.part.tensors)

    def in_the_files_words(self, case: Case, launches: tuple[Launch, ...]) -> tuple[Launch, ...]:
        """Launches with kernels and lines as the student's file has them."""
        kernels = self._built[case.shape.number].kernels
        if case.part.calls_host:
            # What is launched then has a name of the library's; one copy has all.
            return tuple(launch_in_words(kernels[0], launch, self._text) for launch in launches)
        return tuple(
            launch if kernel is None else launch_in_words(kernel, launch, self._text)
            for launch in launches
            for kernel in (_kernel_of(launch, kernels),)
        )

    def not_as_told(self, case: Case, evidence: CaseEvidence) -> str:
        """Launches other than those of the task."""
        kernels = self._built[case.shape.number].kernels
        told = [each for each in case.part.kernels.launches if isinstance(each, KernelLaunch)]
        if len(told) < len(kernels):
            return ""  # what a function of the file launches is its own affair
        sizes = case.shape.sizes
        extents = [(*each.extents(sizes), each.cluster_at(sizes)) for each in told]
        if len(evidence.launches) == len(kernels) and all(
            _is_of(launch, kernel) and (launch.grid, launch.block, launch.cluster) == wanted
            for launch, kernel, wanted in zip(evidence.launches, kernels, extents, strict=True)
        ):
            return ""
        return "the program launched other kernels than the task's, or launched them otherwise"

    def message_of(self, error: str) -> Said:
        """Which call of the driver failed, where it was one."""
        if (found := _CUDA_ERROR.search(error)) and found[1] in CudaResult.__members__:
            return Said(call_failed(CudaResult[found[1]]))
        return Said(error)

    def _libraries(self) -> dict[str, Library]:
        """Each once, by the name of its file."""
        found = dict.fromkeys(shape.library for shape in self._built.values())
        return {f"harness_{number}.so": library for number, library in enumerate(found)}


def _shape(
    shape: PlannedShape, built: HarnessShape, libraries: Mapping[Library, int]
) -> dict[str, Any]:
    """A shape as the worker reads it: bytes of each buffer, how it begins, which come back."""
    part = shape.part
    places = {spec.name: place for place, spec in enumerate(part.tensors)}
    given = {spec.name for spec in part.inputs}
    # A graph leaves the outputs of an op as they are.
    other = _AS_THEY_ARE if isinstance(part.code, Op) else _ZEROS
    return {
        "library": libraries[built.library],
        "case": built.number,
        "lengths": [spec.length(shape.sizes) for spec in part.tensors],
        "begins": [_DATA if spec.name in given else other for spec in part.tensors],
        "answer": [places[spec.name] for spec in (*part.outputs, *part.inputs)],
    }


def _kernel_of(launch: Launch, kernels: Sequence[CopiedKernel]) -> CopiedKernel | None:
    """Which of the kernels was launched: the longest name that its own begins with."""
    fits = [kernel for kernel in kernels if _is_of(launch, kernel)]
    return max(fits, key=lambda kernel: len(kernel.function), default=None)


def _is_of(launch: Launch, kernel: CopiedKernel) -> bool:
    return launch.kernel.startswith(kept_of_name(kernel.module, kernel.function))
