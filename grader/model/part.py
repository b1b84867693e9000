"""A part of a puzzle: what is graded on its own, and what it is made of.

A part says which code of the submission computes it (an op of its package, or kernels of its
program), which tensors that takes, over which sizes it must be right, what the right answer is and
how far a rounded one may lie from it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray

from grader.device import FindingKind
from grader.intake.places import Place
from grader.model.domains import FACTOR, ArraySpec, Domain, Extent, Factor, Sizes, Values
from grader.model.expected import ExpectedOutput
from grader.model.numbers import dtype_of

Arrays = Mapping[str, NDArray[np.generic]]
"""An array for each input tensor, by name."""

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


ENUMERABLE = 10_000
"""Sizes up to which a domain is gone through; larger ones are sampled."""


class Scope(StrEnum):
    """Which sizes a check is about."""

    ASSIGNED = "assigned"
    """What the task asks for; it decides the mark."""
    ROBUST = "robust"
    """Beyond it; extra credit."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """One size parameter and its whole range, both ends included."""

    name: str
    low: int
    high: int


Role = Literal["input", "output", "inout", "scratch"]


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One tensor of a part.

    ``shape`` holds size parameters by name, fixed extents, and for kernels also expressions of
    sizes: ``("input_size",)``, ``("batch_size", 16)``, ``(lambda sizes: sizes["size"] + 2,)``.
    """

    name: str
    role: Role
    """``inout``: the case gives it values, and what it holds afterwards is compared. ``scratch``: a
    buffer that kernels use among themselves, filled with zeros before and not looked at after."""
    dtype: str
    """One of `grader.model.numbers.DTYPES`."""
    shape: tuple[Extent, ...]
    domain: Domain = FACTOR
    """Which values an input may have."""

    def extents(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape with the sizes filled in."""
        return tuple(
            extent(sizes)
            if callable(extent)
            else sizes[extent]
            if isinstance(extent, str)
            else extent
            for extent in self.shape
        )

    def count(self, sizes: Sizes) -> int:
        """How many elements it has."""
        return int(np.prod(self.extents(sizes), dtype=np.int64))

    def length(self, sizes: Sizes) -> int:
        """How many bytes it has."""
        return self.count(sizes) * self.numpy.itemsize

    def array_spec(self, sizes: Sizes, values: Values) -> ArraySpec:
        """What is to be drawn for it in a case."""
        return ArraySpec(self.dtype, self.extents(sizes), sizes, values)

    @property
    def numpy(self) -> np.dtype[np.generic]:
        """Its type of numbers."""
        return dtype_of(self.dtype)

    def array(self, data: bytes, sizes: Sizes) -> NDArray[np.generic]:
        """The array that bytes in C order are."""
        return np.frombuffer(data, dtype=self.numpy).reshape(self.extents(sizes))


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkedExample:
    """A published case with its answer, as the puzzle text shows it."""

    sizes: Sizes
    inputs: Arrays
    outputs: Mapping[str, tuple[float, ...]]
    """By the name of the output, flat."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """How the puzzle's text names things when it shows a run."""

    title: str
    """At the beginning of a line: ``1D Convolution``."""
    lower: str
    """Within a line: ``1D convolution``."""
    inputs: Mapping[str, str]
    """What stands before each input, in the order of printing: ``Input array``."""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A model of a well-known wrong answer. Recognised in the outputs, it explains a failure.

    It explains only; it never decides.
    """

    name: str
    explanation: str
    advice: str
    answer: Callable[[Arrays, Sizes], NDArray[np.generic] | Arrays | None]
    """What the mistake gives for an output, or for several by their names; None where it does not
    apply. Other outputs are right."""
    output: str = ""
    """Name of the output that it gives; empty: the part's first."""
    open: Callable[[Arrays, Sizes], NDArray[np.bool_]] | None = None
    """Elements of which it does not say what they hold: what comes of a read of what nothing wrote,
    or of a number that no rule tells. None where it says all."""
    place: Place | None = None
    """What in the kernel it is about, where that is one place as a rule."""
    zeros: bool = False
    """Whether all that it gives are zeros, so that it matters who wrote them."""
    sketch: str = ""
    """The shape of the right answer in a few lines, for whoever asks for the last hint; empty where
    it is not certain."""

    def outputs(self, inputs: Arrays, sizes: Sizes, *, first: str) -> Arrays | None:
        """What it gives, by the names of outputs, of which ``first`` is the part's first."""
        answer = self.answer(inputs, sizes)
        return {self.output or first: answer} if isinstance(answer, np.ndarray) else answer


def sketched(
    sketches: Mapping[str, Sequence[str]],
    *mistakes: Mistake,
    places: Mapping[Place, Sequence[str]] = {},
) -> tuple[Mistake, ...]:
    """Mistakes, with the shape of the right answer for some of them.

    Args:
        sketches: Each shape, with the names of the mistakes that it is for.
        mistakes: All of them.
        places: What in the kernel some of them are about, with their names.
    """
    about = {name: place for place, names in places.items() for name in names}
    shapes = {name: shape for shape, names in sketches.items() for name in names}
    if unknown := {*shapes, *about} - {each.name for each in mistakes}:
        raise ValueError(f"no mistake has the name {min(unknown)}")
    return tuple(
        replace(
            each,
            sketch=shapes.get(each.name, each.sketch),
            place=about.get(each.name, each.place),
        )
        for each in mistakes
    )


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


Element = tuple[int, int, int, int]
"""How many elements an array in shared memory has, a block, a thread in it, and the element that it
reads. Blocks and threads in one dimension."""

Reads = Callable[[Sizes], frozenset[Element]]


def _no_reads(sizes: Sizes) -> frozenset[Element]:
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class NeedsZeros:
    """A given kernel that reads shared memory which nothing wrote, even at the assigned sizes.

    It is right where that memory holds zeros, as it usually does on a GPU. Nobody shall lose
    points by what they were given: at these sizes, shared memory holds zeros.
    """

    at: Callable[[Sizes], bool]
    reads: Reads
    """As `GivenKernel.reads`."""
    explanation: str
    """What is wrong with the given kernel, for the report."""


@dataclass(frozen=True, kw_only=True)
class GivenKernel:
    """A kernel that students are given. Faults in an unchanged copy of it cost nothing."""

    function: str
    array: str = ""
    """Name of the array in it that ``reads`` are of."""
    reads: Reads = _no_reads
    """What it reads of shared memory at given sizes although nothing wrote it, launched as the
    task says. That costs nothing."""
    shows: frozenset[FindingKind] = frozenset()
    """Kinds of findings that it leads to at the assigned sizes, too, and that the task does not ask
    to mend. Then none of its part costs anything, wherever it is."""
    older_shows: Mapping[str, frozenset[FindingKind]] = field(default_factory=dict)
    """By edition: those of the kernel given in it, where they are others."""
    first_block_ahead: bool = False
    """Whether its first block sets what all blocks then add to by atomic operations, though nothing
    orders blocks, and the task does not ask to mend that. Then such a race costs nothing, and the
    device lets the first block run ahead of the others, as the given code takes for granted."""
    defect: str = ""
    """What is wrong with it outside of the assigned sizes, for the report."""
    needs_zeros: Mapping[str, NeedsZeros] = field(default_factory=dict)
    """By edition: where the kernel given in it relies on zeros."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a launch may use before it counts as one that does not end.

    A right launch should need a twentieth of it at most, also one in which a single thread does all
    the work. Instructions decide, which are the same on every machine; a launch that meets a limit
    of time ends without a mark. So the device has to get through the instructions of a thread in
    far less than that, also where a barrier follows every few of them: at 4 to 20 µs each. Threads
    and memory are those of the GPU that the device stands for, whatever the puzzle
    (`grader.device.cuda`); a launch of more threads may use more instructions.
    """

    instructions: int = 1_000_000_000
    """Of all threads together."""
    per_thread: int = 1000
    """More instructions for each thread of the launch, on top of that."""
    thread: int = 200_000
    """Of one thread."""
    seconds: float = 60.0
    """Of a processor, which the software device may take for one launch."""
    wall_seconds: float = 600.0
    """On the clock, for a launch on a machine that gives the device no processor."""


BUDGET = Budget()


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """One thing that is graded on its own: an op of the package, on one kind of device."""

    name: str
    title: str
    """For people, within a line: ``the op NAME``."""
    formula: str
    """What it computes, in one line."""
    domain: str
    """The assigned sizes, in one line."""
    code: Op | Kernels
    """What computes it."""
    tensors: tuple[TensorSpec, ...]
    """In the order in which an op takes them, outputs and inputs each."""
    sizes: tuple[Size, ...]
    assigned: Callable[[Sizes], bool]
    """Whether sizes belong to what the task asks for."""
    boundaries: tuple[Sizes, ...]
    """Sizes that are always tried."""
    random_assigned: int = 2
    random_robust: int = 2
    """How many random sizes of each scope join the plan where it is a sample of that scope."""
    example: WorkedExample | None = None
    words: Words | None = None
    """Needed for an example."""
    integers: tuple[int, int] = (-100, 100)
    """Range of ordinary whole numbers in factors; larger ones come as far as `terms` allows."""
    terms: Callable[[Sizes], int] = lambda sizes: 1
    """How many products of one element of each factor an output sums at most. It says how large
    they may be: see `grader.grading.inputs`."""
    expected: Callable[[Arrays, Sizes], Mapping[str, ExpectedOutput]]
    """The right answers by the name of the output, each with its bound and what is undecided."""
    mistakes: tuple[Mistake, ...] = ()
    given: GivenKernel | None = None
    shared_holds_zeros: Callable[[Sizes], bool] = lambda sizes: False
    """At which sizes unwritten shared memory holds zeros and no poison; see `for_edition`."""
    budget: Budget = BUDGET

    def for_edition(self, edition: str) -> Part:
        """This part with the kernel that an edition of the book gives."""
        if self.given is None:
            return self
        part = self
        if (shows := self.given.older_shows.get(edition)) is not None:
            part = replace(part, given=replace(self.given, shows=shows))
        if (zeros := self.given.needs_zeros.get(edition)) is not None:
            given = replace(self.given, reads=zeros.reads, defect=zeros.explanation)
            part = replace(part, given=given, shared_holds_zeros=zeros.at)
        return part

    @property
    def first_block_ahead(self) -> bool:
        """Whether the first block of a launch runs ahead of the others."""
        return self.given is not None and self.given.first_block_ahead

    @cached_property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that a case gives values, in the order in which an op takes them."""
        return tuple(tensor for tensor in self.tensors if tensor.role in ("input", "inout"))

    @cached_property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """The tensors that are compared, in the order in which an op gives them."""
        return tuple(tensor for tensor in self.tensors if tensor.role in ("output", "inout"))

    @cached_property
    def factors(self) -> tuple[TensorSpec, ...]:
        """The inputs that are multiplied with each other."""
        return tuple(tensor for tensor in self.inputs if isinstance(tensor.domain, Factor))

    @property
    def target(self) -> Literal["gpu", "cpu"]:
        """What it runs on."""
        return self.code.target

    @property
    def calls_host(self) -> bool:
        """Whether it is functions of a program that launch kernels by themselves."""
        return isinstance(self.code, Kernels) and self.code.calls_host

    @property
    def op(self) -> Op:
        """The code of a part of a package."""
        assert isinstance(self.code, Op), "kernels of a program are no op"
        return self.code

    @property
    def kernels(self) -> Kernels:
        """The code of a part of a program."""
        assert isinstance(self.code, Kernels), "an op has no kernels to launch"
        return self.code

    def scope(self, sizes: Sizes) -> Scope:
        """Which scope these sizes belong to."""
        return Scope.ASSIGNED if self.assigned(sizes) else Scope.ROBUST

    def given_reads(self, sizes: Sizes) -> frozenset[Element]:
        """What the given kernel reads although nothing wrote it."""
        return self.given.reads(sizes) if self.given is not None else frozenset()

    def contains(self, sizes: Sizes) -> bool:
        """Whether the sizes lie in the whole domain."""
        return set(sizes) == {size.name for size in self.sizes} and all(
            size.low <= sizes[size.name] <= size.high for size in self.sizes
        )

    @property
    def points(self) -> int:
        """How many sizes the whole domain has."""
        return int(np.prod([size.high - size.low + 1 for size in self.sizes], dtype=object))

    @property
    def enumerable(self) -> bool:
        """Whether all sizes can be gone through; else they are sampled."""
        return self.points <= ENUMERABLE

    def counts(self) -> tuple[int, int]:
        """How many sizes are assigned, and how many more the domain has; zeros where too many."""
        return self._counts

    @cached_property
    def _counts(self) -> tuple[int, int]:
        if not self.enumerable:
            return 0, 0
        assigned = sum(bool(self.assigned(point)) for point in self.domain_points())
        return assigned, self.points - assigned

    def domain_points(self) -> Iterable[dict[str, int]]:
        """Every point of a domain that is `enumerable`, in order."""
        assert self.enumerable, "sampled, never enumerated"
        points: list[dict[str, int]] = [{}]
        for size in self.sizes:
            points = [
                {**point, size.name: value}
                for point in points
                for value in range(size.low, size.high + 1)
            ]
        return points

    def sampled(
        self, scope: Scope, count: int, random: np.random.Generator, *, without: Iterable[Sizes]
    ) -> list[dict[str, int]]:
        """Some sizes of a scope, in order.

        Where the domain is too large to go through, fewer come where few of it are of that scope.
        """
        out = {tuple(sorted(each.items())) for each in without}
        if self.enumerable:
            points = [
                point
                for point in self.domain_points()
                if self.scope(point) is scope and tuple(sorted(point.items())) not in out
            ]
            chosen = random.choice(len(points), size=min(count, len(points)), replace=False)
            return [points[int(index)] for index in sorted(chosen)]
        found: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
        for _ in range(50 * count):
            point = {s.name: int(random.integers(s.low, s.high + 1)) for s in self.sizes}
            key = tuple(sorted(point.items()))
            if key not in out and self.scope(point) is scope:
                found.setdefault(key, point)
            if len(found) == count:
                break
        return [point for _, point in sorted(found.items())]


def assigned_sizes(part: Part) -> list[Sizes] | str:
    """The assigned sizes, to compare with others: all, or their description if too many."""
    if not part.enumerable:
        return part.domain
    return [point for point in part.domain_points() if part.assigned(point)]
