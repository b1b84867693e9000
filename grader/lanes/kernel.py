"""The lane of kernels: they are compiled to PTX, and launched on buffers of the grader's.

Nothing of the submission runs on this machine but its kernels, on the software device. The
host is ours, so that there is nothing that it could help with.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import msgspec
import numpy as np

from grader.device import (
    CallRefused,
    CaseEvidence,
    Compared,
    Dim3,
    DriverClient,
    Gone,
    schedules,
)
from grader.errors import DeviceFault, GradeError
from grader.intake.program import functions
from grader.lanes.devices import CaseDevice, HowToRun
from grader.lanes.lane import Control, Kept, OtherSignature, PartRun, Redone, not_supported
from grader.lanes.source_lines import call_failed, cuda_error, launch_in_words
from grader.model.cases import Case, CaseRun, PlannedShape
from grader.model.code import KernelLaunch
from grader.record import DeviceInfo, Ending, NotRun
from grader.toolchain.kernels import CompiledKernel

_POINTER: Final = 8
_NO_HOST: Final = "there is no host code of the submission"


@dataclass(frozen=True)
class _Loaded:
    """A kernel on the device."""

    handle: int
    parameters: tuple[tuple[int, int], ...]
    """Offset and size of each."""
    layout_tensors: bool
    """Whether some are declared as LayoutTensor."""


class KernelLane:
    """Runs the kernels of a program. Use as a context manager.

    Args:
        device: Where they run, the software device; opened by the caller.
        text: The student's file, for names in what is found.
    """

    observes = True

    def __init__(
        self,
        device: CaseDevice,
        *,
        text: str = "",
    ) -> None:
        self._device = device
        self._kernels: Mapping[int, Sequence[CompiledKernel]] = {}
        self._text = text
        self._client: DriverClient | None = None
        self._loaded: dict[CompiledKernel, _Loaded] = {}
        self._parts: dict[str, PartRun] = {}
        self._last = PartRun()
        self.replacements = 0
        self.cases_run = 0
        self.peak_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def device(self) -> DeviceInfo:
        """What it runs on."""
        return self._device.info

    @property
    def is_slow(self) -> bool:
        """Whether a case takes the device so long that there should be few."""
        return self._last.time.is_slow

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def take(self, built: Mapping[int, Sequence[CompiledKernel]]) -> None:
        """Take the kernel of each launch of each shape, by its number."""
        self._kernels = built

    def prepare(self, shapes: Sequence[PlannedShape], *, control: Control | None = None) -> float:
        """Nothing: the kernels are compiled, and each is loaded when it is first needed."""
        return 0.0

    def check(self, shape: PlannedShape) -> None:
        """See that the kernels of a shape take the arguments that they will be given.

        Raises:
            OtherSignature: one takes others.
        """
        addresses = dict.fromkeys((spec.name for spec in shape.part.tensors), 0)
        for launch, loaded in self._launches(shape):
            self._arguments(shape, launch, loaded, addresses)

    def run(
        self,
        case: Case,
        *,
        variant: int = 0,
        schedule: int = schedules.PLAIN,
        repeatable: bool = False,
        traced: Dim3 | None = None,
        profiled: bool = False,
    ) -> CaseRun:
        """Run one case in fresh buffers; see `grader.lanes.lane.Lane`.

        Raises:
            UnsupportedByDevice: the software device is too slow for the program.
            DeviceFault: the device has gone.
        """
        part = self._last = self._parts.setdefault(case.part.name, PartRun())
        part.spent = part.spent or part.time.used_up
        if part.spent is not None:
            return CaseRun.none(case, part.spent)
        self.cases_run += traced is None and not profiled
        share = part.time.share
        # Modules are loaded before the case begins: their variables are no part of it.
        launches = self._launches(case.shape)
        self._device.begin_case(
            replace(
                HowToRun.of(case.part, case.shape.sizes),
                variant=variant,
                schedule=schedule,
                share=share,
                traced=traced,
                profiled=profiled,
            )
        )
        began = time.monotonic()
        answer = self._perform(case, launches)
        seconds = time.monotonic() - began
        seen = self._device.end_case()
        assert seen is not None
        evidence = self._in_the_files_words(seen)
        if part.time.add(seconds, evidence, late=False):
            run = CaseRun.none(case, NotRun.CUT)
        else:
            run = _outcome(case, answer, evidence)
        if run.ending is not Ending.OUTPUT:
            self._renew()
        return run

    def run_renewed(self, case: Case) -> CaseRun:
        """Run a case on a device that has forgotten all before it."""
        self._renew()
        return self.run(case)

    def keep(self, number: int) -> None:
        """Nothing: there is no host to compare."""

    def compare(self, one: Kept, other: Kept) -> Compared:
        """No difference: the host is ours, and does the same in each case."""
        return Compared()

    def repeat(self, one: Kept, other: Kept, *, moved: bool = True) -> Redone:
        """Nothing to do again."""
        return Redone(why=_NO_HOST)

    def _in_the_files_words(self, evidence: CaseEvidence) -> CaseEvidence:
        """The evidence with kernels and lines as the student's file has them."""
        kernels = {kernel.entry: kernel for kernel in self._loaded}
        launches = tuple(
            launch_in_words(kernels[launch.kernel], launch, self._text)
            for launch in evidence.launches
        )
        return msgspec.structs.replace(evidence, launches=launches)

    # ---- the host ----

    def _perform(
        self, case: Case, launches: Sequence[tuple[KernelLaunch, _Loaded]]
    ) -> tuple[bytes, ...] | str:
        """The bytes of all outputs and then of all inputs, or what call failed."""
        client, sizes = self._connected(), case.shape.sizes
        client.allow(case.part.budget.wall_seconds)
        addresses: dict[str, int] = {}
        try:
            for spec in case.part.tensors:
                address = addresses[spec.name] = client.allocate(spec.length(sizes))
                if spec.name in case.inputs:
                    client.write(address, case.inputs[spec.name].tobytes())
                else:
                    client.fill(address, spec.length(sizes))
            for launch, loaded in launches:
                data = self._arguments(case.shape, launch, loaded, addresses)
                grid, block = launch.extents(sizes)
                result = client.launch(
                    loaded.handle, data, grid=grid, block=block, cluster=launch.cluster_at(sizes)
                )
                if result:
                    return f"the launch of {launch.function} failed: {cuda_error(result)}"
            client.synchronize()
            answer = tuple(
                client.read(addresses[spec.name], spec.length(sizes))
                for spec in (*case.part.outputs, *case.part.inputs)
            )
            for address in addresses.values():
                client.free(address)
        except CallRefused as refused:
            return call_failed(refused.result)
        except Gone:
            raise _gone() from None
        return answer

    def _arguments(
        self,
        shape: PlannedShape,
        launch: KernelLaunch,
        loaded: _Loaded,
        addresses: Mapping[str, int],
    ) -> bytes:
        """The bytes of a kernel's parameters."""
        if len(loaded.parameters) != len(launch.arguments):
            raise OtherSignature(launch.function)
        data = bytearray(max((offset + size for offset, size in loaded.parameters), default=0))
        for argument, (offset, size) in zip(launch.arguments, loaded.parameters, strict=True):
            if not isinstance(argument, str):
                if size not in argument.lengths:
                    raise OtherSignature(launch.function)
                packed = argument.bits(shape.sizes).to_bytes(8, "little")[:size]
            elif size == _POINTER:
                packed = addresses[argument].to_bytes(size, "little")
            else:
                spec = next(each for each in shape.part.tensors if each.name == argument)
                extents = spec.extents(shape.sizes)
                if not loaded.layout_tensors or size != layout_tensor_bytes(len(extents)):
                    raise OtherSignature(launch.function)
                packed = layout_tensor(addresses[argument], extents)
            data[offset : offset + size] = packed
        return bytes(data)

    def _launches(self, shape: PlannedShape) -> list[tuple[KernelLaunch, _Loaded]]:
        told = zip(shape.part.kernels.launches, self._kernels[shape.number], strict=True)
        # A puzzle that has the file launch something is never brought here: see `way_of`.
        return [
            (launch, self._load(kernel))
            for launch, kernel in told
            if isinstance(launch, KernelLaunch)
        ]

    def _load(self, kernel: CompiledKernel) -> _Loaded:
        if kernel not in self._loaded:
            client = self._connected()
            try:
                handle, parameters = client.kernel(client.load(kernel.ptx), kernel.entry)
            except CallRefused as refused:
                raise self._not_loaded(refused) from None
            except Gone:
                raise _gone() from None
            declared = functions(self._text).get(kernel.function)
            self._loaded[kernel] = _Loaded(
                handle, parameters, declared is not None and declared.takes_layout_tensors
            )
        return self._loaded[kernel]

    def _not_loaded(self, refused: CallRefused) -> GradeError:
        evidence = self._device.end_case()
        if evidence is not None and evidence.unsupported:
            return not_supported(
                evidence, "Report this message, so that the software device can learn it."
            )
        return DeviceFault(
            f"the software device does not load the kernel: {refused}",
            remedy="Please report it with the file.",
        )

    def _connected(self) -> DriverClient:
        if self._client is None:
            self._device.renew()
            assert self._device.worker_fd is not None
            self._client = DriverClient(self._device.worker_fd)
            self._client.hello()
        return self._client

    def _renew(self) -> None:
        """Begin anew: a fault of the device sticks."""
        self.replacements += 1
        self.close()
        self._loaded.clear()


def layout_tensor_bytes(rank: int) -> int:
    """How long a LayoutTensor of so many axes is as an argument of a kernel."""
    return _POINTER + 4 * (2 * rank + 2)


def layout_tensor(address: int, extents: Sequence[int]) -> bytes:
    """A LayoutTensor of float32 in C order, as an argument of a kernel."""
    return struct.pack(f"<Q{2 * len(extents) + 2}i", address, *layout_numbers(extents))


def layout_numbers(extents: Sequence[int]) -> tuple[int, ...]:
    """What a LayoutTensor in C order has behind its pointer.

    The extents, the strides, and the layout of an element: one number.
    """
    strides = (int(np.prod(extents[axis + 1 :], dtype=int)) for axis in range(len(extents)))
    return (*extents, *strides, 1, 1)


def _outcome(case: Case, answer: tuple[bytes, ...] | str, evidence: CaseEvidence) -> CaseRun:
    if isinstance(answer, str):
        return CaseRun(case=case, ending=Ending.ERROR, message=answer, evidence=evidence)
    part, sizes, count = case.part, case.shape.sizes, len(case.part.outputs)
    specs = (*part.outputs, *part.inputs)
    arrays = [spec.array(data, sizes) for spec, data in zip(specs, answer, strict=True)]
    return CaseRun(
        case=case,
        ending=Ending.OUTPUT,
        outputs=tuple(arrays[:count]),
        inputs_after=tuple(arrays[count:]),
        evidence=evidence,
        copies_out=evidence.copies_out[-len(answer) :][:count],
    )


def _gone() -> DeviceFault:
    return DeviceFault(
        "the software device has ended",
        remedy="Run the command again; if it persists, report it with this message.",
    )
