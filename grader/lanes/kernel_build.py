"""From a program to the kernels of each shape: copies with other constants, compiled in one go.

Where the whole does not compile, each part is compiled by itself, with nothing in ``main`` and in
the kernels of the other parts: a mistake in one kernel costs that part alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from grader.device import ARCHITECTURE
from grader.intake.launches import launched
from grader.intake.program import (
    Unset,
    UnsetConstant,
    constant_words,
    functions,
    with_constants,
    with_extents,
    without_bodies,
)
from grader.model.cases import PlannedShape
from grader.model.code import Kernels, constants_at, newest
from grader.model.domains import Sizes
from grader.record import Reason
from grader.sandbox import Limits
from grader.toolchain.compiler import HEAD_START, nothing
from grader.toolchain.kernels import (
    CompiledKernel,
    CompiledKernels,
    SourceCopy,
    WantedKernel,
    compile_kernels,
)
from grader.toolchain.packaging import Packaged
from grader.toolchain.workspace import Workspace

NewWorkspace = Callable[[], AbstractContextManager[Workspace]]
"""Opens a workspace in which nothing has run."""


FirstLook = Callable[[float], Packaged | None]
"""What the compiler says of a file as it is; None where that is not known in so many seconds."""
PATIENCE: Final = 5.0
"""Seconds for a first look: half a one to find errors, and as much again for a file without any.
The kernels take the compiler longer, so nothing waits for it."""


class LeftOut(msgspec.Struct, frozen=True):
    """Why a part can't be run, as the reason of its checks."""

    reason: Reason
    data: Mapping[str, int | str] = msgspec.field(default_factory=dict)


T = TypeVar("T")
"""What runs the cases of a shape."""


@dataclass(frozen=True, kw_only=True)
class ShapeOfCopy:
    """A shape, and what of which copy of the file it runs."""

    shape: PlannedShape
    copy: int
    kernels: tuple[WantedKernel, ...]
    """Of each launch."""


@dataclass(frozen=True, kw_only=True)
class CompiledShapes(Generic[T]):
    """How compiling copies went, and what it gave for each shape, by its number."""

    packaged: Packaged
    shapes: Mapping[int, T] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether all is there."""
        return self.packaged.ok


class Compiler(Protocol[T]):
    """Makes something that runs shapes out of copies of the file, in one go."""

    def __call__(
        self,
        workspace: Workspace,
        copies: Sequence[SourceCopy],
        shapes: Sequence[ShapeOfCopy],
        *,
        limits: Limits,
        meanwhile: Callable[[], None] = nothing,
        head_start: float = HEAD_START,
    ) -> CompiledShapes[T]:
        """Compile; see `compile_kernels`.

        Raises:
            ToolchainFault: the edition can't, or the compiler does not start.
            SandboxFault: the sandbox could not be started.
        """


def to_ptx(
    workspace: Workspace,
    copies: Sequence[SourceCopy],
    shapes: Sequence[ShapeOfCopy],
    *,
    limits: Limits,
    meanwhile: Callable[[], None] = nothing,
    head_start: float = HEAD_START,
) -> CompiledShapes[Sequence[CompiledKernel]]:
    """The kernel of each launch as PTX; see `compile_kernels`."""
    compiled = compile_kernels(
        workspace, copies, limits=limits, meanwhile=meanwhile, head_start=head_start
    )
    return by_shape(compiled, shapes)


def by_shape(
    compiled: CompiledKernels, shapes: Sequence[ShapeOfCopy]
) -> CompiledShapes[Sequence[CompiledKernel]]:
    """The kernels of copies by the shapes that run them; none where they did not compile."""
    if not compiled.ok:
        return CompiledShapes(packaged=compiled.packaged)
    return CompiledShapes(
        packaged=compiled.packaged,
        shapes={
            each.shape.number: [compiled.kernels[each.copy][kernel] for kernel in each.kernels]
            for each in shapes
        },
    )


@dataclass(frozen=True, kw_only=True)
class BuiltKernels(Generic[T]):
    """What compiling a program gave."""

    packaged: Packaged
    """How the whole file compiled."""
    kernels: Mapping[int, T] = field(default_factory=dict)
    """By the number of the shape, what runs it."""
    refused: Mapping[str, LeftOut] = field(default_factory=dict)
    """By the name of the part, why it is not among them."""
    taken: Mapping[str, str] = field(default_factory=dict)
    """By kernels of the task that are not in the file, or empty, the ones taken for them."""
    stopped: tuple[Packaged, ...] = ()
    """Compiles of a part alone that met a limit: whose doing that is has to be asked."""

    @property
    def ok(self) -> bool:
        """Whether the whole file compiles."""
        return self.packaged.ok


class _Refused(Exception):
    """A first look has shown that no part compiles."""

    def __init__(self, looked: Packaged) -> None:
        super().__init__()
        self.looked = looked


def build_kernels(
    text: str,
    shapes: Sequence[PlannedShape],
    new_workspace: NewWorkspace,
    compiler: Compiler[T],
    *,
    limits: Limits,
    passed_over: Collection[str] = (),
    meanwhile: Callable[[], None] = nothing,
    first_look: FirstLook | None = None,
) -> BuiltKernels[T]:
    """Compile what the shapes need.

    Args:
        text: Of the student's file.
        shapes: That kernels are needed for.
        new_workspace: Where to compile.
        compiler: Makes what runs a shape.
        limits: Of each compile.
        passed_over: Kernels that are not meant: those of other parts, and those with nothing filled
            in for which others stand in.
        meanwhile: Called while the compiler runs, where it takes longer than to find errors.
        first_look: What the compiler says of the file as it is. Where it refuses a kernel of each
            part, that is how it ends.

    Raises:
        ToolchainFault: as `Compiler`.
        SandboxFault: the sandbox could not be started.
    """
    plan = _Plan(text, shapes, passed_over)
    if not plan.shapes:
        # A kernel may be missing because of a mistake before it, which the compiler tells.
        with new_workspace() as workspace:
            whole = compiler(workspace, [SourceCopy(text, ())], (), limits=limits)
        return BuiltKernels(packaged=whole.packaged, refused=plan.refused if whole.ok else {})

    def look(seconds: float) -> None:
        looked = first_look(seconds) if first_look is not None else None
        if looked is not None and plan.is_refused(looked):
            raise _Refused(looked)

    def while_compiling() -> None:
        look(PATIENCE)
        meanwhile()

    try:
        look(0)
        with new_workspace() as workspace:
            whole = compiler(
                workspace,
                *plan.copies(plan.shapes),
                limits=limits,
                meanwhile=while_compiling,
                head_start=HEAD_START if first_look is None else 0,
            )
    except _Refused as known:
        return BuiltKernels(packaged=known.looked, refused=plan.all_refused())
    if whole.ok:
        return BuiltKernels(
            packaged=whole.packaged,
            kernels=whole.shapes,
            refused=plan.refused,
            taken=plan.taken,
        )
    kernels: dict[int, T] = {}
    refused = dict(plan.refused)
    stopped: list[Packaged] = []
    for name in dict.fromkeys(shape.part.name for shape in plan.shapes):
        own = [shape for shape in plan.shapes if shape.part.name == name]
        alone = None
        if plan.may_compile_alone(name, whole.packaged):
            with new_workspace() as workspace:
                alone = compiler(workspace, *plan.copies(own, alone=name), limits=limits)
        if alone is not None and alone.ok:
            kernels |= alone.shapes
        else:
            refused[name] = LeftOut(Reason.NOT_COMPILED)
            if alone is not None and (
                alone.packaged.outcome.limit or alone.packaged.outcome.machine_out_of_memory
            ):
                stopped.append(alone.packaged)
    return BuiltKernels(
        packaged=whole.packaged,
        kernels=kernels,
        refused=refused,
        taken=plan.taken,
        stopped=tuple(stopped),
    )


class _Plan:
    """Which copies of a text the shapes need, and which kernels of each."""

    def __init__(
        self, text: str, shapes: Sequence[PlannedShape], passed_over: Collection[str]
    ) -> None:
        self._text = text
        self.refused: dict[str, LeftOut] = {}
        self._own = {shape.part.name: set(shape.part.kernels.functions) for shape in shapes}
        self._expected = set[str]().union(*self._own.values())
        self._functions = functions(text)
        self._constants = constant_words(text)
        codes = {shape.part.name: shape.part.kernels for shape in shapes}
        self._names = _names(text, self._functions.keys() - set(passed_over), codes)
        known = {
            name for code in codes.values() for each in code.launches for name in each.functions
        }
        self.taken = {name: own for name, own in self._names.items() if own not in known}
        self._wanted: dict[str, WantedKernel] = {}
        """By the name that the task gives it."""
        self._texts: dict[int, str] = {}
        for shape in shapes:
            part = shape.part.name
            if part not in self.refused and (why := self._refusal(shape)) is not None:
                self.refused[part] = why
        self.shapes = [shape for shape in shapes if shape.part.name not in self.refused]

    def _refusal(self, shape: PlannedShape) -> LeftOut | None:
        code = shape.part.kernels
        for function in code.functions:
            if function not in self._names:
                return LeftOut(Reason.KERNEL_MISSING, {"function": function})
        for launch in code.launches:
            name = self._names[launch.function]
            own = self._functions[name]
            parameters = launch.parameters_for(
                own.parameters, self._constants, older=own.takes_layout_tensors
            )
            if parameters is None:
                return LeftOut(Reason.SIGNATURE, {"function": launch.function})
            self._wanted[launch.function] = WantedKernel(name, parameters)
        text, unset = text_at(self._text, code, shape.sizes)
        values = constants_at(code.constants, shape.sizes)
        # A file that names no type of numbers has written the task's own, or computes another.
        told = [each for each in unset if each.why is not Unset.MISSING or _is_size(values, each)]
        if told:
            first = told[0]
            return LeftOut(
                Reason.CONSTANT_UNSET,
                {"constant": first.name, "why": first.why.value, "line": first.line},
            )
        self._texts[shape.number] = text
        return None

    def all_refused(self) -> dict[str, LeftOut]:
        """Why each part is left out, where none compiles."""
        names = [shape.part.name for shape in self.shapes]
        return {**self.refused, **dict.fromkeys(names, LeftOut(Reason.NOT_COMPILED))}

    def is_refused(self, looked: Packaged) -> bool:
        """Whether there is an error in a kernel of each part."""
        lines = {each.line for each in looked.diagnostics if each.severity == "error"}
        return not looked.outcome.limit and all(
            any(not lines.isdisjoint(self._functions[self._names[each]].lines) for each in own)
            for own in (self._own[shape.part.name] for shape in self.shapes)
        )

    def may_compile_alone(self, part: str, whole: Packaged) -> bool:
        """Whether all errors of the whole may stand in code that is left out for one part."""
        lines = {each.line for each in whole.diagnostics if each.severity == "error"}
        left_out = [self._functions[name].lines for name in self._left_out(part)]
        return not whole.outcome.limit and all(
            line is None or any(line in each for each in left_out) for line in lines
        )

    def _left_out(self, part: str) -> set[str]:
        """The functions that are emptied where a part is compiled alone."""
        others = self._expected - self._own[part]
        return {"main", *(self._names.get(each, each) for each in others)} & set(self._functions)

    def copies(
        self, shapes: Sequence[PlannedShape], *, alone: str = ""
    ) -> tuple[list[SourceCopy], list[ShapeOfCopy]]:
        """One copy for each set of constants, without the code of other parts where ``alone``."""
        kernels = self._by_text(shapes)
        emptied = self._left_out(alone) if alone else ()
        architecture = newest(shape.part.kernels.architecture for shape in shapes) or ARCHITECTURE
        copies = [
            SourceCopy(without_bodies(text, emptied), tuple(wanted), architecture)
            for text, wanted in kernels.items()
        ]
        places = {text: place for place, text in enumerate(kernels)}
        return copies, [
            ShapeOfCopy(
                shape=shape,
                copy=places[self._texts[shape.number]],
                kernels=tuple(self._of(shape)),
            )
            for shape in shapes
        ]

    def _by_text(self, shapes: Iterable[PlannedShape]) -> dict[str, dict[WantedKernel, None]]:
        found: dict[str, dict[WantedKernel, None]] = {}
        for shape in shapes:
            kernels = found.setdefault(self._texts[shape.number], {})
            kernels.update(dict.fromkeys(self._of(shape)))
        return found

    def _of(self, shape: PlannedShape) -> list[WantedKernel]:
        """The kernel of each launch."""
        return [self._wanted[launch.function] for launch in shape.part.kernels.launches]


def text_at(text: str, code: Kernels, sizes: Sizes) -> tuple[str, tuple[UnsetConstant, ...]]:
    """The text with the constants of these sizes, and those that can't have their value."""
    changed, unset = with_constants(text, constants_at(code.constants, sizes))
    for launch in code.launches:
        changed = with_extents(changed, launch.constants(sizes))
    return changed, unset


def _is_size(values: Mapping[str, int | str], constant: UnsetConstant) -> bool:
    return isinstance(values[constant.name], int)


def _names(text: str, there: Collection[str], codes: Mapping[str, Kernels]) -> dict[str, str]:
    """The kernels that are there, by the names that the task gives them.

    One may have another name, where it is the only one that is missing and the program launches
    exactly one kernel that the task does not know.
    """
    names: dict[str, str] = {}
    for code in codes.values():
        names |= code.names_in(there)
    missing = sorted({name for code in codes.values() for name in code.functions} - set(names))
    if len(missing) == 1:
        others = [name for name in launched(text) if name in there and name not in names.values()]
        if len(others) == 1:
            names[missing[0]] = others[0]
    return names
