"""Compile what many texts need in one go, and run each by itself.

A compile costs some 5 processor seconds before it reads a file, and most of a library or a kernel
costs less than one more. So what looks at many variants of an answer puts many into one program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Final

from grader.choices import DEFAULT_EDITION
from grader.device import ARCHITECTURE
from grader.lanes.devices import CaseDevice, OnSoftwareDevice, device_spawn
from grader.lanes.direct import call_of_shape, open_direct_lane
from grader.lanes.harness import HarnessShape
from grader.lanes.kernel_build import Compiler, ShapeOfCopy, text_at
from grader.lanes.op_calls import needed_imports
from grader.lanes.ways import ProgramLane, Way, way_of
from grader.lanes.workspace import LaneSetup
from grader.model.cases import PlannedShape
from grader.model.code import Op
from grader.sandbox import Wanted, probe_once
from grader.toolchain import edition
from grader.toolchain.compiler import HowToCompile, text_of
from grader.toolchain.harness import build_op_harness
from grader.toolchain.kernels import Copies, SourceCopy, WantedKernel
from grader.toolchain.toolchain import locate

TextAtShape = tuple[str, PlannedShape]
"""A text, and at which sizes of which part it is wanted."""

_SECONDS: Final = 600.0
_COPY: Final = re.compile(r"\bk[0-9a-f]{8}_(\d+)\.mojo:\d+:\d+: error")
"""Where the compiler says which copy it refuses."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """How compiling went."""

    shapes: Sequence[Any] = ()
    """What runs each, in order; nothing where one did not compile."""
    refused: frozenset[int] = frozenset()
    """The places of those that the compiler names. There may be others."""
    said: str = ""


@dataclass(frozen=True)
class Together:
    """The software device, and how texts come to run on it."""

    device: CaseDevice
    setup: LaneSetup

    @classmethod
    def open(cls) -> AbstractContextManager[CaseDevice]:
        """A device for `on`."""
        return OnSoftwareDevice(
            reason="many run on it", spawn=device_spawn(probe_once(Wanted.AUTO).level)
        )

    @classmethod
    def on(cls, device: CaseDevice) -> Together:
        """On a device, which is open."""
        return cls(device, default_setup())

    def built(self, wanted: Sequence[TextAtShape]) -> Built:
        """All of them, compiled in one go, or in as many as there are ways to run them."""
        shapes: dict[int, Any] = {}
        for compile_, places in self._ways(wanted).items():
            built = compile_([wanted[place] for place in places])
            if not built.shapes:
                return replace(built, refused=frozenset(places[each] for each in built.refused))
            shapes |= zip(places, built.shapes, strict=True)
        return Built(shapes=[shapes[place] for place in range(len(wanted))])

    def _ways(
        self, wanted: Sequence[TextAtShape]
    ) -> dict[Callable[[Sequence[TextAtShape]], Built], list[int]]:
        """What compiles each, with the places of all that it does."""
        found: dict[Callable[[Sequence[TextAtShape]], Built], list[int]] = {}
        for place, (_, shape) in enumerate(wanted):
            if isinstance(shape.part.code, Op):
                way = self._ops
            else:
                way = self._host_functions if shape.part.calls_host else self._kernels
            found.setdefault(way, []).append(place)
        return found

    def lane(self, text: str, shape: PlannedShape) -> AbstractContextManager[ProgramLane]:
        """A lane for what was built; it runs cases of ``shape`` once it has taken that."""
        if isinstance(shape.part.code, Op):
            return open_direct_lane(text, self.setup, self.device)
        return self._way(text=text, calls_host=shape.part.calls_host).open_lane()

    def _way(self, *, text: str = "", calls_host: bool = False) -> Way:
        return way_of(self.device, self.setup, text=text, calls_host=calls_host)

    def _host_functions(self, wanted: Sequence[TextAtShape]) -> Built:
        return self._of_programs(wanted, self._way(calls_host=True).compiler)

    def _kernels(self, wanted: Sequence[TextAtShape]) -> Built:
        return self._of_programs(wanted, self._way().compiler)

    def _of_programs(self, wanted: Sequence[TextAtShape], compiler: Compiler[Any]) -> Built:
        copies: list[SourceCopy] = []
        shapes: list[ShapeOfCopy] = []
        for place, (text, shape) in enumerate(wanted):
            code = shape.part.kernels
            told = tuple(WantedKernel(each.function, each.parameters) for each in code.launches)
            text, _ = text_at(text, code, shape.sizes)
            architecture = code.architecture or ARCHITECTURE
            copies.append(SourceCopy(text, tuple(dict.fromkeys(told)), architecture))
            numbered = replace(shape, number=place)
            shapes.append(ShapeOfCopy(shape=numbered, copy=place, kernels=told))
        with self.setup.workspace() as workspace:
            compiled = compiler(workspace, copies, shapes, limits=self.setup.limits)
        if compiled.ok:
            return Built(shapes=[compiled.shapes[place] for place in range(len(wanted))])
        return _refused(text_of(compiled.packaged.outcome))

    def _ops(self, wanted: Sequence[TextAtShape]) -> Built:
        release = self.setup.toolchain.edition
        assert release.calls is not None
        assert release.harness is not None
        copies = Copies.named([SourceCopy(text, ()) for text, _ in wanted])
        calls = [
            call_of_shape(text, shape, release.calls, module)
            for (text, shape), module in zip(wanted, copies.files, strict=True)
        ]
        lines = [line for call in calls for line in call.lines]
        imports = [f"import {module}" for module in copies.files]
        imports += needed_imports(release.calls, release.harness.read(), lines)
        with self.setup.workspace() as workspace:
            how = HowToCompile(limits=self.setup.limits)
            built, library = build_op_harness(
                workspace, imports, calls, how, on_gpu=False, modules=copies.files
            )
        if library is None:
            return _refused(built.output)
        return Built(shapes=[HarnessShape(library, place, ()) for place in range(len(calls))])


def default_setup() -> LaneSetup:
    """What the default edition compiles with, for the software device, given time enough."""
    return LaneSetup(
        module="together",
        toolchain=locate(edition.find(DEFAULT_EDITION)),
        isolation=probe_once(Wanted.AUTO).level,
        device="software",
        timeout=_SECONDS,
    )


def refused_copies(said: str) -> frozenset[int]:
    """The places of the copies that the compiler names in what it said. There may be others."""
    return frozenset(map(int, _COPY.findall(said)))


def lanes_together(wanted: Sequence[TextAtShape]) -> Iterator[ProgramLane]:
    """A lane for each text at a shape, of which all are compiled in one go."""
    with Together.open() as device:
        together = Together.on(device)
        built = together.built(wanted)
        assert built.shapes, built.said
        for (text, shape), what in zip(wanted, built.shapes, strict=True):
            with together.lane(text, shape) as lane:
                lane.take({shape.number: what})
                lane.prepare([shape])
                yield lane


def _refused(said: str) -> Built:
    return Built(refused=refused_copies(said), said=said)
