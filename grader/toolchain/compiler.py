"""Run the Mojo compiler in the sandbox, and link what it made with what the toolchain brings.

`mojo build` links with a C compiler, which many machines lack. So the compiler makes an object
file, and the linker that lies beside it makes a shared library of that.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from grader.errors import ToolchainFault
from grader.sandbox import Limits, Outcome, SandboxedProcess
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace

RUNTIME: Final = ("KGENCompilerRTShared", "AsyncRTMojoBindings")
"""What the compiler would hand to the linker; a program without a kernel needs the first alone."""
_LINKERS: Final = ("cc", "c++", "ld", "ld.lld")
"""What compilers look for: from 25.7 on the first, before that the others."""
_END_SECONDS: Final = 30.0


HEAD_START: Final = 1.0
"""Seconds after which the compiler has mostly found what errors there are."""


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, kw_only=True)
class HowToCompile:
    """What a compiler's process is given."""

    limits: Limits
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables on top of the toolchain's."""
    pass_fds: Sequence[int] = ()
    meanwhile: Callable[[], None] = nothing
    """Called while the compiler runs, where that takes longer than finding errors would. What it
    raises ends the compiler."""
    head_start: float = HEAD_START
    """Seconds before ``meanwhile`` is called."""
    began: Callable[[SandboxedProcess], None] = lambda process: None
    """Called with each process, for whoever may want to end it."""


@dataclass(frozen=True, kw_only=True)
class LibraryBuild:
    """How the build of a library went."""

    outcome: Outcome
    """Of the compiler, which takes the time and the memory; of the linker, where that failed."""
    seconds: float
    output: str
    """What the compiler printed, and the linker, as text."""

    @property
    def ok(self) -> bool:
        """Whether the library is there."""
        return self.outcome.exit_code == 0


def run_compiler(workspace: Workspace, arguments: Sequence[str], how: HowToCompile) -> Outcome:
    """Run ``mojo`` in the sandbox, in the workspace's ``run``.

    Raises:
        ToolchainFault: it does not start.
        SandboxFault: the sandbox could not be started.
    """
    mojo = workspace.box.inside(workspace.toolchain.mojo)
    with _spawned(workspace, [mojo, *arguments], how) as process:
        meanwhile = how.meanwhile
        if meanwhile is not nothing:
            # A file that does not compile is done by then, and needs nothing of what comes next.
            with contextlib.suppress(TimeoutError):
                process.wait(how.head_start)
                meanwhile = nothing
            meanwhile()
        outcome = process.wait(how.limits.wall_seconds + _END_SECONDS)
    if outcome.exit_code in (126, 127):
        raise ToolchainFault(
            f"the Mojo compiler does not start (exit code {outcome.exit_code})",
            remedy="Run grade doctor; it says what is missing.",
        )
    return outcome


def build_library(
    workspace: Workspace, arguments: Sequence[str], name: str, how: HowToCompile
) -> LibraryBuild:
    """Compile a program with line tables and link it, in the sandbox.

    Args:
        workspace: In which nothing has run yet.
        arguments: Of ``mojo build``: the program, as seen inside, and more.
        name: Of the library in the workspace's ``run``, without ``.so``.
        how: What the processes are given; the limits hold for each.

    Raises:
        ToolchainFault: the edition's compiler does not start, or brings no linker.
        SandboxFault: the sandbox could not be started.
    """
    toolchain, inside = workspace.toolchain, workspace.box.inside
    linker = linker_of(toolchain)
    if not linker.is_file():
        raise ToolchainFault(
            f"MAX {toolchain.max_version} can't build programs without a C compiler",
            remedy="Choose a newer edition: --edition 25.4 or above.",
        )
    # The compiler wants to know of a linker before it compiles anything, and calls none.
    tools = workspace.tools(dict.fromkeys(_LINKERS, inside(linker)))
    how = replace(how, environment={**how.environment, "PATH": f"{tools}:/usr/bin:/bin"})
    compiled = run_compiler(
        workspace,
        [
            *("build", "--emit", "object", "--debug-level", "line-tables"),
            *(*arguments, "-o", f"{name}.o"),
        ],
        how,
    )
    said = text_of(compiled)
    if compiled.exit_code != 0:
        return LibraryBuild(outcome=compiled, seconds=compiled.wall_seconds, output=said)
    libraries = inside(library_folder(toolchain))
    link = [
        *(inside(linker), "-flavor", "gnu", "-shared", "-Bsymbolic", "-o", f"{name}.so"),
        *(f"{name}.o", f"-L{libraries}", f"-rpath={libraries}", *(f"-l{each}" for each in RUNTIME)),
    ]
    with _spawned(workspace, link, how) as process:
        linked = process.wait(how.limits.wall_seconds + _END_SECONDS)
    return LibraryBuild(
        outcome=compiled if linked.exit_code == 0 else linked,
        seconds=compiled.wall_seconds + linked.wall_seconds,
        output=f"{said}\n{text_of(linked)}".strip(),
    )


def _spawned(workspace: Workspace, command: Sequence[str], how: HowToCompile) -> SandboxedProcess:
    process = workspace.box.spawn(
        list(command),
        stage="compile",
        limits=how.limits,
        environment={**workspace.environment(), **how.environment},
        pass_fds=list(how.pass_fds),
        directory=workspace.box.inside(workspace.run_directory),
    )
    how.began(process)
    return process


def linker_of(toolchain: Toolchain) -> Path:
    """The linker that a toolchain brings; 25.3 has none."""
    return toolchain.root / "bin" / "lld"


def library_folder(toolchain: Toolchain) -> Path:
    """Where the libraries of `RUNTIME` lie."""
    return toolchain.root / "lib"


def text_of(outcome: Outcome) -> str:
    """What a process printed."""
    return (outcome.stderr + b"\n" + outcome.stdout).decode("utf-8", "replace").strip()
