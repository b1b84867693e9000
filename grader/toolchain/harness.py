"""Build a library that launches a program's kernels as the task says, on buffers of its own.

It is a program of ours: it imports copies of the student's file, as in `grader.toolchain.kernels`,
and has one function that runs a case by its number. Nothing of the file's own host code is called.
What is in it besides the kernels is data of the edition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import msgspec

from grader.device import Dim3
from grader.errors import ToolchainFault
from grader.sandbox import MIB
from grader.toolchain.compiler import HowToCompile, build_library
from grader.toolchain.kernels import Copies, SourceCopy, WantedKernel
from grader.toolchain.packaging import Packaged
from grader.toolchain.workspace import Workspace

MAX_LIBRARY: Final = 256 * MIB
MAX_ARGUMENTS: Final = 8
"""The most arguments of a kernel; the edition's text has a branch for each number of them."""
MAX_WORDS: Final = 16
"""The most words of an argument: a LayoutTensor of six axes."""
_NAME: Final = "harness"


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


class HarnessCase(msgspec.Struct, frozen=True):
    """What a library does for one number: launches of the kernels of one copy, in order."""

    copy: int
    """The index of that copy."""
    launches: tuple[HarnessLaunch, ...]


class Library(msgspec.Struct, frozen=True):
    """A library that was built."""

    data: bytes
    prefix: str
    """What the names of its functions begin with."""
    modules: tuple[str, ...]
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
        on_gpu: Whether to ask the driver of this machine what to compile for.

    Raises:
        ToolchainFault: the edition can't, or the compiler does not start.
        SandboxFault: the sandbox could not be started.
    """
    traits = workspace.toolchain.edition.harness
    if traits is None:
        raise ToolchainFault(
            f"programs of edition {workspace.toolchain.edition.name} can't be graded on a GPU yet",
            remedy="Grade them with --device software, or in a newer edition: --edition 26.5.",
        )
    for launch in (launch for case in cases for launch in case.launches):
        if len(launch.arguments) > MAX_ARGUMENTS or any(
            _length(each) > 4 * MAX_WORDS for each in launch.arguments
        ):
            raise ToolchainFault(
                f"{launch.kernel.function} takes more or longer arguments than a harness passes",
                remedy="Grade it with --device software.",
            )
    named = Copies.named(copies)
    main = workspace.install_program(
        {"main": harness_text(traits.read(), named, cases), **named.files}
    )
    arguments = [*(() if on_gpu else traits.software), main]
    built = build_library(workspace, arguments, _NAME, how)
    data = workspace.left(f"run/{_NAME}.so", limit=MAX_LIBRARY) if built.ok else None
    packaged = named.packaged(workspace, built.outcome, built.output)
    if data is None:
        return replace(packaged, ok=False), None
    return packaged, Library(data, named.word, tuple(named.files))


def harness_text(text: str, named: Copies, cases: Sequence[HarnessCase]) -> str:
    """The program: what is the same in each, and the launches of each case."""
    modules = tuple(named.files)
    imports = [f"import {name}" for name in modules]
    takes = ["def refused(number: Int) -> Int:"]
    launches = [
        "def launch_case(number: Int, context: DeviceContext, at: List[UInt64]) raises:",
        # It may be all that there is.
        "    pass",
    ]
    for number, case in enumerate(cases):
        module = modules[case.copy]
        takes.append(f"    if number == {number}:")
        launches.append(f"    if number == {number}:")
        for place, launch in enumerate(case.launches, 1):
            kernel = launch.kernel.of(module)
            lengths = ", ".join(str(_length(each)) for each in launch.arguments)
            takes.append(f"        if not takes[{kernel}]([{lengths}]):")
            takes.append(f"            return {place}")
            values = ", ".join(map(_value, launch.arguments))
            grid, block = (f"Dim({x}, {y}, {z})" for x, y, z in (launch.grid, launch.block))
            launches.append(f"        launch[{kernel}](context, [{values}], {grid}, {block})")
    if not any(copy.kernels for copy in named.copies):
        # A file of which nothing is asked for would not be read.
        launches += [f"    comptime _{name} = {name}.main" for name in modules]
    takes.append("    return 0")
    parts = (text.replace("PREFIX", named.word), *map("\n".join, (imports, takes, launches)))
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def _length(argument: BufferArgument | NumberArgument) -> int:
    """How many bytes an argument may have, if not those of a pointer; 0 for a number."""
    return 8 + 4 * len(argument.layout) if isinstance(argument, BufferArgument) else 0


def _value(argument: BufferArgument | NumberArgument) -> str:
    if isinstance(argument, BufferArgument):
        address, layout = f"at[{argument.place}]", argument.layout
    else:
        address, layout = f"UInt64({argument.bits})", ()
    return f"words({', '.join([address, *map(str, layout)])})"
