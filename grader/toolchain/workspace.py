"""The place where one submission is packaged, compiled and run.

Inside its scratch directory::

    work/source/op/        the student's file, copied, and the package's __init__
    work/run/              the packaged op and nothing else; the worker runs here
    work/compiled/         libraries; in the place of a replacement also the compiled graphs
    cache/                 the private compile cache, and the compiled graphs

A folder ``op`` beside the worker would shadow the packaged ``op`` (measured),
so sources and package lie apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from grader.sandbox import Box, Isolation, Profile, Scratch
from grader.sandbox.python_tree import python_tree
from grader.toolchain.toolchain import Toolchain

MAX_COMPILED = 512 * 1024 * 1024
"""Bytes of compiled graphs that are kept for a replacement."""


_GRAPHS = "plan.mef"


class Workspace:
    """One submission's scratch directory and the box that its processes run in.

    Args:
        toolchain: What compiles it.
        scratch: Its directory; made and removed by the caller.
        isolation: The level that its processes run under.
        module: Name of the student's module in the package.
        read_only: Files and folders to show inside, with the names that they have there.
        gpu: Whether its processes may reach a real GPU.
    """

    def __init__(
        self,
        toolchain: Toolchain,
        scratch: Scratch,
        *,
        isolation: Isolation,
        module: str,
        read_only: tuple[Path | tuple[Path, str], ...] = (),
        gpu: bool = False,
    ) -> None:
        self.toolchain = toolchain
        self.module = module
        self.box = Box(
            profile=Profile.WORKER,
            isolation=isolation,
            python=python_tree(toolchain.python, distributions=toolchain.distributions),
            read_only=read_only,
            scratch=scratch,
            gpu=gpu,
        )
        self._scratch = scratch
        self._read_only = read_only
        self._gpu = gpu
        self.run_directory = scratch.directory("run")

    def install(self, source: bytes) -> None:
        """Copy the student's file into a fresh op package."""
        self._scratch.install("source/op/__init__.mojo", f"from .{self.module} import *\n".encode())
        self._scratch.install(f"source/op/{self.module}.mojo", source)

    def install_program(self, files: Mapping[str, str]) -> str:
        """Put modules of a program side by side, by name; where ``main`` lies, as seen inside."""
        for name, text in files.items():
            self._scratch.install(f"source/{name}.mojo", text.encode())
        return self.box.inside(self._scratch.path / "work" / "source" / "main.mojo")

    def tools(self, targets: Mapping[str, str]) -> str:
        """Make a folder of links, by name, to programs as seen inside; where it lies inside."""
        folder = self._scratch.directory("tools")
        for name, target in targets.items():
            (folder / name).symlink_to(target)
        return self.box.inside(folder)

    def left(self, name: str, *, limit: int) -> bytes | None:
        """A file that a process has left in ``work``; None where there is none of that size."""
        return self._scratch.read(f"work/{name}", limit=limit)

    def install_compiled(self, name: str, data: bytes) -> str:
        """Put something compiled where a worker finds it, as seen inside."""
        return self.box.inside(self._scratch.install(f"compiled/{name}", data))

    def compiled_graphs(self) -> dict[str, bytes]:
        """The compiled graphs that a worker has left, under the name that `anew` gives them."""
        data = self._scratch.read("cache/plan.mef", limit=MAX_COMPILED)
        return {_GRAPHS: data or b""}

    def anew(self, scratch: Scratch, compiled: Mapping[str, bytes]) -> Workspace:
        """A workspace for a replacement: what was compiled, and nothing else of the last one.

        Whatever the submission's code has left behind (a full disk, a planted
        configuration, other graphs under the same name) is not in it.
        """
        fresh = Workspace(
            self.toolchain,
            scratch,
            isolation=self.box.isolation,
            module=self.module,
            read_only=self._read_only,
            gpu=self._gpu,
        )
        for name, data in compiled.items():
            fresh.install_compiled(name, data)
        return fresh

    @property
    def restored(self) -> str:
        """Where the compiled graphs of `anew` lie, as seen inside."""
        return self.compiled_file(_GRAPHS)

    def compiled_file(self, name: str) -> str:
        """Where something compiled lies, as seen inside."""
        return self.box.inside(self._scratch.path / "work" / "compiled" / name)

    @property
    def student_file(self) -> str:
        """How the compiler names the student's file, from the end."""
        return f"op/{self.module}.mojo"

    @property
    def source(self) -> str:
        """The package's sources, as seen inside."""
        return self.box.inside(self._scratch.path / "work" / "source" / "op")

    @property
    def artefact(self) -> Path:
        """The packaged op, on this machine."""
        return self.run_directory / self.toolchain.edition.artefact

    @property
    def compiled(self) -> str:
        """Where the worker keeps compiled graphs for its replacement, as seen inside."""
        return self.box.inside(self._scratch.path / "cache" / "plan.mef")

    def environment(self) -> dict[str, str]:
        """Variables of the toolchain, with the private cache."""
        cache = self.box.inside(self._scratch.path / "cache")
        variables = self.toolchain.environment(self.box.inside)
        return {**variables, self.toolchain.edition.cache_variable: cache}
