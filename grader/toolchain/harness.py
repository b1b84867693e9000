"""Build a library that runs cases by their numbers, on buffers of its own.

It is a program of ours. Of a student's program it imports copies, as in `grader.toolchain.kernels`,
and launches the kernels as the task says: nothing of the file's own host code is called, but for
functions that the task has launch kernels by themselves. Of an op it imports the package, and calls
the op as a MAX Graph does. What else is in it is data of the edition.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from grader.device import ARCHITECTURE, Dim3
from grader.errors import ToolchainFault
from grader.model.code import newest
from grader.sandbox import MIB
from grader.toolchain.compiler import HowToCompile, LibraryBuild, build_library
from grader.toolchain.edition import HarnessTraits
from grader.toolchain.kernels import Copies, SourceCopy, WantedKernel, word_by_chance
from grader.toolchain.packaging import Packaged
from grader.toolchain.workspace import Workspace

MAX_LIBRARY: Final = 256 * MIB
MAX_ARGUMENTS: Final = 8
"""The most arguments of a kernel; the edition's text has a branch for each number of them."""
MAX_WORDS: Final = 16
"""The most words of an argument: a LayoutTensor of six axes."""
_NAME: Final = "harness"
_LAUNCH_CASE: Final = (
    "def launch_case(",
    "    number: Int, ctx: DeviceContext, mut buffers: List[DeviceBuffer[DType.uint8]]",
    ") raises:",
    # It may be all that there is.
    "    pass",
)


class BufferArgument(NamedTuple):
    """A buffer, by its place among those of the case."""

    place: int
    layout: tuple[int, ...] = ()
    """What is passed behind its address to a kernel that takes a LayoutTensor."""


class NumberArgument(NamedTuple):
    """A number, by its bits."""

    bits: int


class HarnessLaunch(msgspec.Struct, frozen=True):
    """A launch of a kernel of a copy."""

    kernel: WantedKernel
    arguments: tuple[BufferArgument | NumberArgument, ...]
    grid: Dim3
    block: Dim3
    cluster: Dim3 | None = None


class TensorArgument(NamedTuple):
    """A tensor in a buffer, by its place among those of the case."""

    place: int
    dtype: str
    extents: tuple[int, ...]
    writes: bool
    """Whether it may be written."""


class HarnessCall(msgspec.Struct, frozen=True):
    """A call of a function of a copy that launches kernels by itself."""

    function: WantedKernel
    tensors: tuple[TensorArgument, ...]


class HarnessCase(msgspec.Struct, frozen=True):
    """What a library does for one number, in order, with the functions of one copy."""

    copy: int
    """The index of that copy."""
    steps: tuple[HarnessLaunch | HarnessCall, ...]


class OpCall(msgspec.Struct, frozen=True):
    """What a library does for one number: a call of an op."""

    lines: tuple[str, ...]
    """Of Mojo, with ``ctx`` for the context, and ``buffers`` for the case's by their places."""
    on_host: bool
    """Whether the op runs on the CPU, where its buffers lie then."""


class Library(msgspec.Struct, frozen=True):
    """A library that was built."""

    data: bytes
    prefix: str
    """What the names of its functions begin with."""
    modules: tuple[str, ...] = ()
    """The names of the copies."""


def build_harness(
    workspace: Workspace,
    copies: Sequence[SourceCopy],
    cases: Sequence[HarnessCase],
    how: HowToCompile,
    *,
    on_gpu: bool,
) -> tuple[Packaged, Library | None]:
    """Build the library of all copies in one go, in the sandbox.

    Args:
        workspace: In which nothing has run yet.
        copies: What to compile.
        cases: What the library does for each number, from 0.
        how: Limits, and variables with which the compiler finds a GPU.
        on_gpu: Whether to ask the driver of this machine what to compile for, and no copy.

    Raises:
        ToolchainFault: the edition can't, or the compiler does not start.
        SandboxFault: the sandbox could not be started.
    """
    for launch in (step for case in cases for step in case.steps):
        if isinstance(launch, HarnessLaunch) and (
            len(launch.arguments) > MAX_ARGUMENTS
            or any(_length(each) > 4 * MAX_WORDS for each in launch.arguments)
        ):
            raise ToolchainFault(
                f"{launch.kernel.function} takes more or longer arguments than a harness passes",
                remedy="Grade it with --device software.",
            )
    named = Copies.named(copies)
    text = harness_text(_traits(workspace), named, cases)
    target = "" if on_gpu else newest(copy.architecture for copy in copies)
    built, data = _built(workspace, {"main": text, **named.files}, how, target)
    packaged = named.packaged(workspace, built.outcome, built.output)
    if data is None:
        return replace(packaged, ok=False), None
    return packaged, Library(data, named.word, tuple(named.files))


def build_op_harness(
    workspace: Workspace,
    imports: Sequence[str],
    calls: Sequence[OpCall],
    how: HowToCompile,
    *,
    on_gpu: bool,
    modules: Mapping[str, str] = MappingProxyType({}),
) -> tuple[LibraryBuild, Library | None]:
    """Build the library that calls the op of a workspace, in the sandbox.

    Args:
        workspace: With the op's source, in which nothing has run yet.
        imports: What the calls need, as statements.
        calls: What the library does for each number, from 0.
        how: As of `build_harness`.
        on_gpu: As of `build_harness`.
        modules: Other files of the program, by their names.

    Raises:
        ToolchainFault: the edition can't, or the compiler does not start.
        SandboxFault: the sandbox could not be started.
    """
    word = word_by_chance()
    text = op_harness_text(_traits(workspace).read(), word, imports, calls)
    built, data = _built(workspace, {"main": text, **modules}, how, "" if on_gpu else ARCHITECTURE)
    return built, Library(data, word) if data is not None else None


def _traits(workspace: Workspace) -> HarnessTraits:
    """How the edition builds a library."""
    traits = workspace.toolchain.edition.harness
    if traits is None:
        raise ToolchainFault(
            f"programs of edition {workspace.toolchain.edition.name} can't be graded on a GPU yet, "
            "nor functions of them that launch kernels by themselves",
            remedy="Choose a newer edition: --edition 26.5. Kernels can be graded with --device "
            "software.",
        )
    return traits


def _built(
    workspace: Workspace, files: Mapping[str, str], how: HowToCompile, architecture: str
) -> tuple[LibraryBuild, bytes | None]:
    """Compile for an architecture; where that is empty, for what the driver says."""
    traits = _traits(workspace)
    main = workspace.install_program(files)
    target = traits.software if architecture else ()
    arguments = [*(each.format(architecture=architecture) for each in target), main]
    built = build_library(workspace, arguments, _NAME, how)
    return built, workspace.left(f"run/{_NAME}.so", limit=MAX_LIBRARY) if built.ok else None


def harness_text(traits: HarnessTraits, named: Copies, cases: Sequence[HarnessCase]) -> str:
    """The program: what is the same in each, and the launches of each case."""
    modules = tuple(named.files)
    imports = [f"import {name}" for name in modules]
    if any(isinstance(step, HarnessCall) for case in cases for step in case.steps):
        imports += traits.tensor_imports
    takes = ["def refused(number: Int) -> Int:"]
    launches = list(_LAUNCH_CASE)
    for number, case in enumerate(cases):
        module = modules[case.copy]
        asked: list[str] = []
        launches.append(f"    if number == {number}:")
        for place, launch in enumerate(case.steps, 1):
            if isinstance(launch, HarnessCall):
                # Whether it can take these the compiler says.
                launches += _call(launch, module, traits)
                continue
            kernel = launch.kernel.of(module)
            lengths = ", ".join(str(_length(each)) for each in launch.arguments)
            asked.append(f"        if not takes[{kernel}]([{lengths}]):")
            asked.append(f"            return {place}")
            values = ", ".join(map(_value, launch.arguments))
            extents = (launch.grid, launch.block, launch.cluster)
            dims = ", ".join(f"Dim{each}" for each in extents if each is not None)
            launches.append(f"        launch[{kernel}](ctx, [{values}], {dims})")
        takes += [f"    if number == {number}:", *asked] if asked else []
    if not any(copy.kernels for copy in named.copies):
        # A file of which nothing is asked for would not be read.
        launches += [f"    comptime _{name} = {name}.main" for name in modules]
    takes.append("    return 0")
    return _whole(traits.read(), named.word, imports, takes, launches, _on_host(()))


def _call(call: HarnessCall, module: str, traits: HarnessTraits) -> Iterator[str]:
    """The lines of a call, each tensor in a buffer of its own type."""
    given = []
    for number, tensor in enumerate(call.tensors):
        count, buffer = math.prod(tensor.extents), f"buffer_{number}"
        typed = f"create_sub_buffer[DType.{tensor.dtype}](0, {count})"
        yield f"        var {buffer} = buffers[{tensor.place}].{typed}"
        given.append(
            traits.tensor.format(
                mutable=tensor.writes,
                origin="MutAnyOrigin" if tensor.writes else "ImmutAnyOrigin",
                dtype=tensor.dtype,
                extents=", ".join(map(str, tensor.extents)),
                buffer=buffer,
            )
        )
    yield f"        {call.function.of(module)}({', '.join([*given, 'ctx'])})"


def op_harness_text(text: str, word: str, imports: Sequence[str], calls: Sequence[OpCall]) -> str:
    """The program: what is the same in each, and the call of each case."""
    takes = ["def refused(number: Int) -> Int:", "    return 0"]
    launches = list(_LAUNCH_CASE)
    # A graph hands over what is there, and waits for what it was given back.
    launches.append("    ctx.synchronize()")
    for number, call in enumerate(calls):
        launches += [f"    if number == {number}:", *(f"        {line}" for line in call.lines)]
    launches.append("    ctx.synchronize()")
    on_host = _on_host([number for number, call in enumerate(calls) if call.on_host])
    return _whole(text, word, imports, takes, launches, on_host)


def _on_host(numbers: Sequence[int]) -> list[str]:
    tests = [f"    if number == {number}:\n        return True" for number in numbers]
    return ["def on_host(number: Int) -> Bool:", *tests, "    return False"]


def _whole(text: str, word: str, *parts: Sequence[str]) -> str:
    blocks = (text.replace("PREFIX", word), *map("\n".join, parts))
    return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _length(argument: BufferArgument | NumberArgument) -> int:
    """How many bytes an argument may have, if not those of a pointer; 0 for a number."""
    return 8 + 4 * len(argument.layout) if isinstance(argument, BufferArgument) else 0


def _value(argument: BufferArgument | NumberArgument) -> str:
    if isinstance(argument, BufferArgument):
        address, layout = f"address(buffers[{argument.place}])", argument.layout
    else:
        address, layout = f"UInt64({argument.bits})", ()
    return f"words({', '.join([address, *map(str, layout)])})"
