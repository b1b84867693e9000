"""What a course author writes to define a puzzle: data and two functions.

A puzzle says which op a submission registers, which tensors and compile-time
parameters it takes, over which sizes it must be right, what the right answer
is and how far a rounded answer may lie from it. It knows nothing of MAX, of
devices or of processes. `grader/puzzles/conv1d.py` is the one to copy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Sizes = Mapping[str, int]
"""A value for each size parameter: ``{"input_size": 15, "conv_size": 4}``."""

Arrays = Mapping[str, NDArray[np.generic]]
"""An array for each input tensor, by name."""


CHECKS: Final = (
    "packages", "compiles", "example", "integers", "reals", "clean", "device", "robust",
)  # fmt: skip
"""The checks that the grader knows how to make. The points of any other could not be earned."""


class Part(StrEnum):
    """Which part of the domain a shape belongs to."""

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


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One tensor of the op.

    ``shape`` holds size parameters by name or fixed extents:
    ``("input_size",)``, ``("batch_size", 16)``.
    """

    name: str
    role: Literal["input", "output"]
    dtype: str
    shape: tuple[str | int, ...]

    def extents(self, sizes: Sizes) -> tuple[int, ...]:
        """The shape with the sizes filled in."""
        return tuple(extent if isinstance(extent, int) else sizes[extent] for extent in self.shape)


@dataclass(frozen=True, kw_only=True)
class ExpectedOutput:
    """The right answer for one case, and how far a computed one may lie from it.

    All arrays have the output's shape.
    """

    value: NDArray[np.float64]
    """The reference, computed in float64. NaN where NaN is the right answer."""
    allowed: NDArray[np.float64]
    """Largest accepted distance for each element (ignored where the value is not finite)."""
    rearranged: NDArray[np.float64]
    """Largest distance that the rounding of another right algorithm may explain, one that is equal
    in exact arithmetic. What lies beyond `allowed` and within this is neither right nor wrong."""
    may_overflow: NDArray[np.bool_]
    """True where such an algorithm may overflow on the way, so that a result that is not finite
    is neither right nor wrong."""
    decided: NDArray[np.bool_]
    """False where the task does not fix an answer; such elements are not compared."""
    exact: NDArray[np.bool_]
    """True where no order of summation rounds: whole numbers, and small enough."""
    may_be_nan: NDArray[np.bool_]
    """True where NaN is right as well as the value, because some right ways to compute it
    meet ``0 * inf``."""


@dataclass(frozen=True, kw_only=True)
class WorkedExample:
    """A published case with its answer, as the puzzle text shows it."""

    sizes: Sizes
    inputs: Arrays
    output: tuple[float, ...]


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
class RubricItem:
    """One line of the rubric. ``id`` names one of `CHECKS`."""

    id: str
    title: str
    points: int
    extra: bool = False


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A well-known wrong answer. Recognised in the output, it explains a failure.

    ``answer`` computes what that mistake gives, or None where it does not apply.
    It explains only; it never decides.
    """

    name: str
    explanation: str
    advice: str
    answer: Callable[[Arrays, Sizes], NDArray[np.float64] | None]


@dataclass(frozen=True, kw_only=True)
class BookPlace:
    """Where the book has the file that is to be filled in, in some of its editions."""

    task: str
    """Path in the book's repository: ``problems/p17/op/conv1d.mojo``."""
    answer: str
    """Path of the book's own answer."""
    editions: tuple[str, ...]


Element = tuple[int, int, int, int]
"""How many elements an array in shared memory has, a block, a thread in it, and the element that it
reads. Blocks and threads in one dimension."""


@dataclass(frozen=True, kw_only=True)
class NeedsZeros:
    """A given kernel that reads shared memory which nothing wrote, even at the assigned sizes.

    It is right where that memory holds zeros, as it usually does on a GPU. Nobody shall lose
    points by what they were given: at these sizes, shared memory holds zeros.
    """

    at: Callable[[Sizes], bool]
    reads: Callable[[Sizes], frozenset[Element]]
    """As `Puzzle.given_reads`."""
    explanation: str
    """What is wrong with the given kernel, for the report."""


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """A puzzle, whole. See the module's docstring."""

    name: str
    title: str
    formula: str
    domain: str
    op: str
    """Name under which the submission registers its op."""
    kernel_function: str
    """The function given in the skeleton. Faults in an unchanged copy cost nothing."""
    tensors: tuple[TensorSpec, ...]
    sizes: tuple[Size, ...]
    dtype_parameter: str | None
    """Compile-time parameter that carries the element type, if the op has one."""
    assigned: Callable[[Sizes], bool]
    """Whether sizes belong to what the task asks for."""
    boundaries: tuple[Sizes, ...]
    """Shapes that are always in the plan."""
    random_assigned: int
    random_robust: int
    """How many random shapes of each part join the plan where it is a sample of that part."""
    example: WorkedExample
    words: Words
    integers: tuple[int, int]
    """Range of ordinary integer inputs. Larger ones are drawn as far as `terms` allows."""
    terms: Callable[[Sizes], int]
    """How many products an output sums at most, each of one element of each input. It says how
    large inputs may be: see `grader.grading.inputs`."""
    reference: Callable[[Arrays, Sizes], NDArray[np.float64]]
    """The right answer in float64."""
    expected: Callable[[Arrays, Sizes], ExpectedOutput]
    """The right answer with its error bound and what is left undecided."""
    rubric: tuple[RubricItem, ...]
    book: tuple[BookPlace, ...] = ()
    """The puzzle's own places in the book, the newest first. Its numbers changed."""
    suspects: tuple[Suspect, ...] = ()
    given_reads: Callable[[Sizes], frozenset[Element]] = lambda sizes: frozenset()
    """What the given kernel, launched as the task says, reads of shared memory at these sizes
    although nothing wrote it. That costs nothing."""
    given_array: str = ""
    """Name of the array, in the given kernel, that ``given_reads`` are of."""
    skeleton_defect: str = ""
    """What is wrong with the given kernel outside the assigned domain, for the report."""
    needs_zeros: Mapping[str, NeedsZeros] = field(default_factory=dict)
    """By edition: where the kernel given in it relies on zeros."""
    shared_holds_zeros: Callable[[Sizes], bool] = lambda sizes: False
    """At which sizes unwritten shared memory holds zeros and no poison; see `for_edition`."""
    first_step: str = "Fill in what the skeleton leaves open, then hand it in again."
    """What to do with a skeleton that is handed in as it was given; ``{launch}`` stands for the
    way the edition writes a launch."""
    next_steps: Mapping[str, str] = field(default_factory=dict)
    """For a check that failed: what a student should look at first."""
    try_all: bool = False
    """Whether every size is tried, even where the student wrote a plain launch only."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a puzzle by which nobody could be graded fairly."""
        if found := list(_problems(self)):
            raise ValueError(f"the puzzle {self.name} is wrong: {'; '.join(found)}")

    def for_edition(self, edition: str) -> Puzzle:
        """This puzzle with the kernel that an edition of the book gives."""
        if edition not in self.needs_zeros:
            return self
        given = self.needs_zeros[edition]
        return replace(
            self,
            given_reads=given.reads,
            shared_holds_zeros=given.at,
            skeleton_defect=given.explanation,
        )

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The input tensors, in the order in which the op takes them."""
        return tuple(tensor for tensor in self.tensors if tensor.role == "input")

    @property
    def output(self) -> TensorSpec:
        """The output tensor."""
        (tensor,) = (tensor for tensor in self.tensors if tensor.role == "output")
        return tensor

    @property
    def max_score(self) -> int:
        """Points without extra credit."""
        return sum(item.points for item in self.rubric if not item.extra)

    def part(self, sizes: Sizes) -> Part:
        """Which part of the domain these sizes belong to."""
        return Part.ASSIGNED if self.assigned(sizes) else Part.ROBUST

    def counts(self) -> tuple[int, int]:
        """How many sizes are assigned, and how many more the domain has."""
        points = list(self.domain_points())
        assigned = sum(bool(self.assigned(point)) for point in points)
        return assigned, len(points) - assigned

    def contains(self, sizes: Sizes) -> bool:
        """Whether the sizes lie in the whole domain."""
        return set(sizes) == {size.name for size in self.sizes} and all(
            size.low <= sizes[size.name] <= size.high for size in self.sizes
        )

    def domain_points(self) -> Iterable[dict[str, int]]:
        """Every point of the whole domain, in order."""
        points: list[dict[str, int]] = [{}]
        for size in self.sizes:
            points = [
                {**point, size.name: value}
                for point in points
                for value in range(size.low, size.high + 1)
            ]
        return points


def _problems(puzzle: Puzzle) -> Iterator[str]:
    """What contradicts itself or can't be graded, a sentence each."""
    yield from _sizes(puzzle)
    yield from _tensors(puzzle)
    yield from _values(puzzle)
    yield from _rubric(puzzle)
    if not list(_sizes(puzzle)) and not list(_tensors(puzzle)):
        yield from _example(puzzle)


def _sizes(puzzle: Puzzle) -> Iterator[str]:
    yield from _twice("size", [size.name for size in puzzle.sizes])
    for size in puzzle.sizes:
        if not 1 <= size.low <= size.high:
            yield f"the size {size.name} goes from {size.low} to {size.high}"
    for what, shapes in (
        ("the example", [puzzle.example.sizes]),
        ("boundaries", puzzle.boundaries),
    ):
        for shape in shapes:
            if not puzzle.contains(shape):
                yield f"{dict(shape)} of {what} is outside of the sizes"
    if min(puzzle.random_assigned, puzzle.random_robust) < 0:
        yield "the number of random shapes is negative"


def _tensors(puzzle: Puzzle) -> Iterator[str]:
    yield from _twice("tensor", [tensor.name for tensor in puzzle.tensors])
    outputs = [tensor.name for tensor in puzzle.tensors if tensor.role == "output"]
    if len(outputs) != 1:
        yield f"there are {len(outputs)} outputs, and one is graded"
    known = {size.name for size in puzzle.sizes}
    for tensor in puzzle.tensors:
        for extent in tensor.shape:
            if isinstance(extent, str) and extent not in known:
                yield f"the tensor {tensor.name} has the extent {extent}, which is no size"
    inputs = [tensor.name for tensor in puzzle.inputs]
    for what, names in (("words", puzzle.words.inputs), ("the example", puzzle.example.inputs)):
        if sorted(names) != sorted(inputs):
            yield f"the inputs of {what} are {sorted(names)}, those of the op {sorted(inputs)}"


def _values(puzzle: Puzzle) -> Iterator[str]:
    low, high = puzzle.integers
    if low >= high:
        yield f"integers go from {low} to {high}"
    for sizes in puzzle.domain_points():
        if puzzle.terms(sizes) < 1:
            yield f"an output at {sizes} sums {puzzle.terms(sizes)} products"
            return


def _rubric(puzzle: Puzzle) -> Iterator[str]:
    ids = [item.id for item in puzzle.rubric]
    yield from _twice("check", ids)
    for check in ids:
        if check not in CHECKS:
            yield f"there is no check {check!r}, so nobody could earn its points"
    for check in puzzle.next_steps:
        if check not in CHECKS:
            yield f"there is no check {check!r} that a next step could be for"
    if any(item.points < 0 for item in puzzle.rubric):
        yield "a check has less than 0 points"
    if puzzle.max_score <= 0:
        yield "no check gives a point, extra credit aside"
    points = puzzle.domain_points()
    if "robust" in ids and all(map(puzzle.assigned, points)):
        yield "every size is an assigned one, so nobody could earn the points of 'robust'"
    if not any(map(puzzle.assigned, puzzle.domain_points())):
        yield "no size is assigned"


def _example(puzzle: Puzzle) -> Iterator[str]:
    example = puzzle.example
    if not puzzle.assigned(example.sizes):
        yield "the example's sizes are not assigned ones"
    for tensor in puzzle.inputs:
        given = example.inputs[tensor.name]
        wanted = tensor.extents(example.sizes)
        if given.shape != wanted or given.dtype != np.dtype(tensor.dtype):
            yield (
                f"the example's {tensor.name} is {given.dtype} {given.shape}, and the op takes "
                f"{tensor.dtype} {wanted}"
            )
            return
    right = puzzle.expected(example.inputs, example.sizes)
    wanted = puzzle.output.extents(example.sizes)
    if right.value.shape != wanted:
        yield f"the expected output is {right.value.shape}, and the op's {wanted}"
    elif not np.array_equal(right.value.ravel(), np.asarray(example.output, dtype=np.float64)):
        yield "the example's output is not what `expected` says"


def _twice(what: str, names: Sequence[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the {what} {name} is there twice"
