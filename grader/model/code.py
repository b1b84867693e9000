"""What of a submission computes a part, and with which arguments: an op, or kernels to launch."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Literal

from grader.model.domains import Sizes

Constant = str | int | Callable[[Sizes], int]
"""A compile-time value: a size by name, a number, an expression of sizes, or any other text, which
stands for itself: a type of numbers for an op, a piece of Mojo for a program."""


def constant_at(constant: Constant, sizes: Sizes) -> int | str:
    """A compile-time value at these sizes."""
    if callable(constant):
        return constant(sizes)
    return sizes.get(constant, constant) if isinstance(constant, str) else constant


def constants_at(constants: Mapping[str, Constant], sizes: Sizes) -> dict[str, int | str]:
    """Compile-time values at these sizes, by name."""
    return {name: constant_at(constant, sizes) for name, constant in constants.items()}


@dataclass(frozen=True, kw_only=True)
class Op:
    """An op that the submission registers; a MAX Graph runs it."""

    name: str
    """Under which it is registered."""
    parameters: Mapping[str, Constant] = field(default_factory=dict)
    """Its compile-time parameters: sizes and types of numbers."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Its compile-time parameters that are texts, each with what it is given."""
    target: Literal["gpu", "cpu"] = "gpu"
    """What the graph runs it on. Of what runs on a CPU, the grader sees the outputs only."""
    grid: tuple[int, int, int] | None = None
    block: tuple[int, int, int] | None = None
    """How the task launches the given kernel; None where it does not say, or it depends."""
    grid_constant: str = ""
    block_constant: str = ""
    """The constants of the file that say so."""

    @property
    def words(self) -> tuple[str, ...]:
        """Texts one of which stands in every file that has it."""
        return (f'"{self.name}"',)


@dataclass(frozen=True)
class Scalar:
    """A whole number that a kernel takes."""

    value: Constant
    lengths: ClassVar = (4, 8)
    """Bytes that it may have, whatever its type is called."""

    def written(self, sizes: Sizes) -> str:
        """As Mojo writes it."""
        return str(int(constant_at(self.value, sizes)))

    def bits(self, sizes: Sizes) -> int:
        """Its bits, of which the lowest are passed."""
        return int(constant_at(self.value, sizes)) & _ALL_BITS

    def __str__(self) -> str:
        return f"a whole number ({self.value})"


@dataclass(frozen=True)
class Real:
    """A ``Float32`` that a kernel takes."""

    name: str
    """What it is called, in what is said of the launch."""
    value: Callable[[Sizes], float]
    """A number that ``Float32`` holds."""
    lengths: ClassVar = (4,)

    def written(self, sizes: Sizes) -> str:
        """As Mojo writes it."""
        return repr(float(self.value(sizes)))

    def bits(self, sizes: Sizes) -> int:
        """Its bits."""
        return int.from_bytes(struct.pack("<f", self.value(sizes)), "little")

    def __str__(self) -> str:
        return f"a Float32 ({self.name})"


_ALL_BITS: Final = (1 << 64) - 1
Number = Scalar | Real


Extent3 = tuple[Constant, Constant, Constant]
"""x, y and z of a grid in blocks, or of a block in threads."""


FILE: Final = "{file}."
"""What stands before a name of the file in an expression that is a compile-time parameter."""


@dataclass(frozen=True, kw_only=True)
class _OfFile:
    """A function of the file that the grader has run, with what it is given."""

    function: str
    """Its name in the file."""
    arguments: tuple[str | Number, ...]
    """In its order: tensors by name, and numbers."""
    parameters: tuple[str, ...] = ()
    """Its compile-time parameters: constants of the file, ``SIZE``, or expressions of Mojo with its
    names, ``{file}.Layout.row_major({file}.SIZE)``."""
    older_functions: tuple[str, ...] = ()
    """Its names in older editions of the book."""
    stand_ins: tuple[str, ...] = ()
    """Names of others that do what is asked of this one, for files in which this one is missing or
    has nothing filled in: the book has several answers."""
    older_parameters: tuple[tuple[str, ...], ...] = ()
    """Its compile-time parameters in those, each time, for functions that take layout tensors."""
    other_parameters: tuple[tuple[str, ...], ...] = ()
    """Its compile-time parameters as the book had them meanwhile, each time, for any tensors."""

    @property
    def functions(self) -> tuple[str, ...]:
        """All names that the task gives it, the newest first."""
        return (self.function, *self.older_functions)

    def parameters_for(
        self, taken: tuple[int, int], constants: Collection[str], *, older: bool
    ) -> tuple[str, ...] | None:
        """Compile-time parameters for a file whose function takes so many; None where none fit.

        Args:
            taken: How many must be given, and how many may be.
            constants: Names of the file's constants. What it has not the compiler tells.
            older: Whether it may be the function of an older edition.
        """
        least, most = taken
        others = (*self.other_parameters, *(self.older_parameters if older else ()))
        ways = (self.parameters, *others)
        fit = [each for each in ways if least <= len(each) <= most]
        there = (each for each in fit if set(each) <= set(constants))
        return next(there, fit[0] if fit else None)

    def constants(self, sizes: Sizes) -> dict[str, tuple[int, int, int]]:
        """Constants of the file that hold three extents at these sizes."""
        return {}


@dataclass(frozen=True, kw_only=True)
class HostCall(_OfFile):
    """A call of a function that launches kernels by itself, as the task says it.

    It runs natively, in the sandbox. Behind its arguments, which are tensors, it gets the device's
    context.
    """


@dataclass(frozen=True, kw_only=True)
class KernelLaunch(_OfFile):
    """A launch of a kernel, as the task says it."""

    grid: Extent3 = (1, 1, 1)
    block: Extent3
    cluster: Extent3 | None = None
    """Blocks of a cluster, as many of which as the grid has; None where blocks form none. It needs
    `Kernels.architecture`."""
    grid_constant: str = ""
    """The constant of the file that says the grid, if there is one. It gets the grid's extents
    where the file has it as numbers; no kernel has to use it."""
    block_constant: str = ""
    """As ``grid_constant``, of the block."""

    def extents(self, sizes: Sizes) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """Grid and block at these sizes."""
        x, y, z = (int(constant_at(each, sizes)) for each in self.grid)
        u, v, w = (int(constant_at(each, sizes)) for each in self.block)
        return (x, y, z), (u, v, w)

    def cluster_at(self, sizes: Sizes) -> tuple[int, int, int] | None:
        """Blocks of a cluster at these sizes; None where they form none."""
        if self.cluster is None:
            return None
        x, y, z = (int(constant_at(each, sizes)) for each in self.cluster)
        return x, y, z

    def constants(self, sizes: Sizes) -> dict[str, tuple[int, int, int]]:
        """The constants that say grid and block, at these sizes."""
        named = zip((self.grid_constant, self.block_constant), self.extents(sizes), strict=True)
        return {name: extents for name, extents in named if name}


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """Kernels of a Mojo program, launched on buffers of the grader's, or functions that do so.

    The file's own ``main`` decides nothing. Outputs and scratch buffers hold zeros before the first
    launch, as in the book's programs.
    """

    launches: tuple[KernelLaunch | HostCall, ...]
    """In order; together they make the outputs."""
    constants: Mapping[str, Constant] = field(default_factory=dict)
    """Constants at the top level of the file that get another value for each size. Those that the
    file derives from them follow."""
    architecture: str = ""
    """The oldest one of a GPU that they are written for, ``sm_90``; empty where any will do."""

    target: ClassVar[Literal["gpu"]] = "gpu"

    @property
    def calls_host(self) -> bool:
        """Whether host code of the file runs."""
        return any(isinstance(each, HostCall) for each in self.launches)

    @property
    def functions(self) -> tuple[str, ...]:
        """Names of the kernels, each once."""
        return tuple(dict.fromkeys(launch.function for launch in self.launches))

    @property
    def words(self) -> tuple[str, ...]:
        """Texts one of which stands in every file that has them."""
        return tuple(
            name for launch in self.launches for name in (*launch.functions, *launch.stand_ins)
        )

    def names_in(self, there: Collection[str]) -> dict[str, str]:
        """The kernels that a file has, by the newest name of each: their names among ``there``."""
        return self.stand_ins_in(there) | {
            launch.function: name
            for launch in self.launches
            for name in reversed(launch.functions)
            if name in there
        }

    def stand_ins_in(self, there: Collection[str]) -> dict[str, str]:
        """The kernels for which another one that a file has may be taken, and those others."""
        return {
            launch.function: name
            for launch in self.launches
            for name in reversed(launch.stand_ins)
            if name in there
        }


def newest(architectures: Iterable[str]) -> str:
    """The one that all of them run on; empty where any will do."""
    return max(architectures, key=lambda each: int(each.removeprefix("sm_") or 0), default="")
