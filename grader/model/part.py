"""A part of a puzzle: what is graded on its own, and what it is made of.

A part says which code of the submission computes it (an op of its package, or kernels of its
program), which tensors that takes, over which sizes it must be right, what the right answer is and
how far a rounded one may lie from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grader.intake.places import Place
from grader.model.code import Kernels, Op
from grader.model.domains import FACTOR, ArraySpec, Domain, Extent, Factor, Sizes, Values
from grader.model.expected import ExpectedOutput
from grader.model.given import Element, GivenKernel
from grader.model.numbers import dtype_of

Arrays = Mapping[str, NDArray[np.generic]]
"""An array for each input tensor, by name."""

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
