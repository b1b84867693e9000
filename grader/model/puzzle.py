"""What a course author writes to define a puzzle: data, and a function for the right answer.

A `Puzzle` is a file that students hand in. Its `Part`s are what is graded on its own: one op of
the package, on a GPU or a CPU, or one kernel of a program (`grader.model.part`). Its rubric says
what each check is worth.
Nothing here knows MAX, devices or processes. docs/puzzles.md has one to copy. A puzzle that
contradicts itself, or by which nobody could be graded fairly, is told so when it is made: a
sentence for each problem, with the field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grader.model.checks import Check
from grader.model.domains import OwnValues, Values
from grader.model.numbers import DTYPES, range_of
from grader.model.part import GivenKernel, Kernels, Op, Part, Scope
from grader.record import Aspect
from grader.references import reference, written_for


@dataclass(frozen=True, kw_only=True)
class BookPlace:
    """Where the book has the file that is to be filled in, in some of its editions."""

    task: str
    """Path in the book's repository: ``problems/p05/p05.mojo``."""
    answer: str
    """Path of the book's own answer."""
    editions: tuple[str, ...]
    taken: bool = False
    """Whether newer editions have the file of another puzzle there."""


@dataclass(frozen=True, kw_only=True)
class RubricItem:
    """One line of the rubric: a check and its points, all or nothing."""

    check: Check
    points: int
    extra: bool = False

    @property
    def id(self) -> str:
        """The check's name in records and rubric files."""
        return self.check.id

    @property
    def title(self) -> str:
        """What the check asks for."""
        return self.check.title


@dataclass(frozen=True, kw_only=True)
class Puzzle:
    """A puzzle, whole. See the module's docstring."""

    name: str
    title: str
    parts: tuple[Part, ...]
    rubric: tuple[RubricItem, ...]
    checks: tuple[Check, ...] = ()
    """All that are made, also those that a course's rubric leaves out; by default the rubric's."""
    book: tuple[BookPlace, ...] = ()
    """The puzzle's own places in the book, the newest first. Its numbers changed."""
    messages: tuple[tuple[str, str], ...] = ()
    """What a message of the compiler means for this puzzle: a regular expression and advice, in
    which ``{launch}`` and ``{register}`` stand for the way the edition writes these."""
    first_step: str = "Fill in what the skeleton leaves open, then hand it in again."
    """What to do with a skeleton that is handed in as it was given; braces as in ``messages``."""
    kernels: Path | None = None
    """Where its reference kernels lie, ``<edition>/right.mojo`` and ``<edition>/skeleton.mojo``;
    None for those that come with the grader."""
    try_all: bool = False
    """Whether every size is tried, even where the student wrote a plain launch only."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a puzzle by which nobody could be graded fairly."""
        if not self.checks:
            object.__setattr__(self, "checks", tuple(item.check for item in self.rubric))
        if found := list(_problems(self)):
            raise ValueError(f"the puzzle {self.name} is wrong: {'; '.join(found)}")

    def for_edition(self, edition: str) -> Puzzle:
        """This puzzle with the code that an edition of the book gives."""
        parts = tuple(part.for_edition(edition) for part in self.parts)
        changed = any(new is not old for new, old in zip(parts, self.parts, strict=True))
        return replace(self, parts=parts) if changed else self

    def part(self, name: str) -> Part:
        """The part of a name; the empty name is that of the only one. Raises `KeyError`."""
        if not name and len(self.parts) == 1:
            return self.parts[0]
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(name)

    def label(self, part: Part) -> str:
        """What a record calls a part: its name, or nothing where it is the only one."""
        return part.name if len(self.parts) > 1 else ""

    def checks_of(self, part: Part) -> tuple[Check, ...]:
        """The checks that cases of a part decide."""
        return tuple(
            check
            for check in self.checks
            if check.of_cases and self.part(check.part).name == part.name
        )

    def reference(self, edition: str, name: str) -> str | None:
        """Our text of an edition, ``skeleton`` or ``right``; None where there is none.

        A package has files for each edition. Raises `GraderFault` where the folder of the grader's
        own is missing.
        """
        if not self.is_program and written_for(self.name, edition, self.kernels) != edition:
            return None
        return reference(self.name, edition, name, self.kernels)

    @property
    def is_program(self) -> bool:
        """Whether a file of it is a Mojo program, whose kernels are launched; else a package."""
        return isinstance(self.parts[0].code, Kernels)

    @property
    def max_score(self) -> int:
        """Points without extra credit."""
        return sum(item.points for item in self.rubric if not item.extra)

    @property
    def given(self) -> tuple[GivenKernel, ...]:
        """The kernels that students are given."""
        return tuple(part.given for part in self.parts if part.given is not None)


def _problems(puzzle: Puzzle) -> Iterator[str]:
    """What is wrong with a puzzle."""
    yield from twice("part", [part.name for part in puzzle.parts])
    if not puzzle.parts:
        yield "it has no part"
    for part in puzzle.parts:
        where = f"in the part {part.name}, " if len(puzzle.parts) > 1 else ""
        yield from (f"{where}{told}" for told in problems_of_part(part))
    if puzzle.parts:
        yield from _rubric(puzzle)


def _rubric(puzzle: Puzzle) -> Iterator[str]:
    ids = [item.id for item in puzzle.rubric]
    yield from twice("check", ids)
    known = {check.id for check in puzzle.checks}
    yield from (f"the check {id_} gives points, and is not made" for id_ in ids if id_ not in known)
    names = {part.name for part in puzzle.parts}
    for check in puzzle.checks:
        if check.part not in names and (check.part or (check.of_cases and len(puzzle.parts) > 1)):
            yield f"the check {check.id} is about the part {check.part!r}, which is none"
            return
    if len({type(part.code) for part in puzzle.parts}) > 1:
        yield "some parts are ops and some are kernels of a program; a file is one or the other"
        return
    for wanted in (Aspect.COMPILES,) if puzzle.is_program else (Aspect.PACKAGES, Aspect.COMPILES):
        if not any(check.aspect is wanted for check in puzzle.checks):
            yield f"no check says whether it {wanted}"
    if any(item.points < 0 for item in puzzle.rubric):
        yield "a check has less than 0 points"
    if puzzle.max_score <= 0:
        yield "no check gives a point, extra credit aside"
    for part in puzzle.parts:
        checks = puzzle.checks_of(part)
        if not any(check.aspect is Aspect.VALUES for check in checks):
            yield f"no check looks at the values of the part {part.name}"
        elif all(check.needs_example for check in checks if check.aspect is Aspect.VALUES):
            yield f"no check looks at other values of the part {part.name} than the example's"
        beyond = [check for check in checks if check.scope is Scope.ROBUST]
        if beyond and part.enumerable and not part.counts()[1]:
            yield (
                f"every size is an assigned one, so nobody could earn the points of "
                f"{beyond[0].id!r}"
            )
        if part.example is None and any(check.needs_example for check in checks):
            yield f"a check asks for the example of the part {part.name}, which has none"


SAMPLE = 200
"""Sizes that are looked at of a domain which is too large to go through."""


def problems_of_part(part: Part) -> Iterator[str]:
    """What is wrong with a part."""
    sizes, tensors = list(_sizes(part)), list(_tensors(part))
    yield from sizes
    yield from tensors
    if not sizes and not tensors:
        yield from _values(part)
        yield from _outputs(part)


def _sizes(part: Part) -> Iterator[str]:
    yield from twice("size", [size.name for size in part.sizes])
    for size in part.sizes:
        if not 1 <= size.low <= size.high:
            yield f"the size {size.name} goes from {size.low} to {size.high}"
    shapes = [("boundaries", shape) for shape in part.boundaries]
    if part.example is not None:
        shapes.append(("the example", part.example.sizes))
    for what, shape in shapes:
        if not part.contains(shape):
            yield f"{dict(shape)} of {what} is outside of the sizes"
    if not shapes:
        yield "there is neither an example nor a boundary, so no size is sure to be tried"
    if min(part.random_assigned, part.random_robust) < 0:
        yield "the number of random shapes is negative"


def _tensors(part: Part) -> Iterator[str]:
    yield from twice("tensor", [tensor.name for tensor in part.tensors])
    if not part.outputs:
        yield "there is no output, so nothing could be graded"
    if not part.inputs:
        yield "there is no input, so no two cases could differ"
    names = {size.name for size in part.sizes}
    for tensor in part.tensors:
        if tensor.dtype not in DTYPES:
            yield f"the tensor {tensor.name} has the type {tensor.dtype}, which is none of numbers"
            continue
        for extent in tensor.shape:
            if isinstance(extent, str) and extent not in names:
                yield f"the tensor {tensor.name} has the extent {extent}, which is no size"
    for tensor in part.inputs:
        told = tensor.domain.problems(tensor.dtype, tensor.shape, names)
        yield from (f"the domain of {tensor.name} is wrong: {each}" for each in told)
    if len({tensor.dtype for tensor in part.factors}) > 1:
        names_of = ", ".join(tensor.name for tensor in part.factors)
        yield f"the factors {names_of} are of several types; give all but those of one a domain"
    yield from _words(part)
    yield from _op(part, part.code) if isinstance(part.code, Op) else _kernels(part, part.code)


def _op(part: Part, op: Op) -> Iterator[str]:
    if op.target not in ("gpu", "cpu"):
        yield f"target is {op.target!r}, and it is gpu or cpu"
    for tensor in part.tensors:
        if tensor.role not in ("input", "output"):
            yield f"an op has inputs and outputs, and {tensor.name} is {tensor.role!r}"
        if any(callable(extent) for extent in tensor.shape):
            yield f"the tensor {tensor.name} of an op has an extent that is no size and no number"
    names = {size.name for size in part.sizes}
    for name, constant in op.parameters.items():
        if isinstance(constant, str) and constant not in names and constant not in DTYPES:
            yield f"the parameter {name} is {constant}, which is no size and no type of numbers"


def _kernels(part: Part, kernels: Kernels) -> Iterator[str]:
    if not kernels.launches:
        yield "no kernel is launched"
    tensors, used = {tensor.name for tensor in part.tensors}, set()
    shapes = part.boundaries or ((part.example.sizes,) if part.example else ())
    for launch in kernels.launches:
        for argument in launch.arguments:
            if isinstance(argument, str):
                used.add(argument)
                if argument not in tensors:
                    yield f"{launch.function} takes {argument}, which is no tensor"
        for sizes in shapes:
            for what, extents in zip(("grid", "block"), launch.extents(sizes), strict=True):
                if min(extents) < 1:
                    yield f"the {what} of {launch.function} at {dict(sizes)} is {extents}"
    for name in sorted(tensors - used):
        yield f"no kernel takes the tensor {name}"


def _words(part: Part) -> Iterator[str]:
    inputs = [tensor.name for tensor in part.inputs]
    known: list[tuple[str, Collection[str]]] = []
    if part.words is not None:
        known.append(("words", part.words.inputs))
    if part.example is not None:
        known.append(("the example", part.example.inputs))
        if part.words is None:
            yield "there is an example, and no words to show it with"
        if sorted(part.example.outputs) != sorted(tensor.name for tensor in part.outputs):
            yield f"the outputs of the example are {sorted(part.example.outputs)}"
    for what, given in known:
        if sorted(given) != sorted(inputs):
            yield f"the inputs of {what} are {sorted(given)}, those of the op {sorted(inputs)}"


def _values(part: Part) -> Iterator[str]:
    low, high = part.integers
    if low >= high:
        yield f"integers go from {low} to {high}"
    points = _some_points(part)
    if not any(map(part.assigned, points)):
        yield "no size is assigned"
    for sizes in points if part.factors else ():
        terms = part.terms(sizes)
        if terms < 1:
            yield f"an output at {sizes} sums {terms} products"
            return
        if any(terms > range_of(tensor.dtype).exact for tensor in part.factors):
            yield f"an output at {sizes} sums {terms} products, more than its type counts exactly"
            return


def _some_points(part: Part) -> list[dict[str, int]]:
    if part.enumerable:
        return list(part.domain_points())
    random = np.random.default_rng(0)
    points = [dict(shape) for shape in part.boundaries]
    for scope in Scope:
        points += part.sampled(scope, SAMPLE, random, without=())
    return points


def _outputs(part: Part) -> Iterator[str]:
    """The example's outputs are what `expected` says, and those of other sizes have the shapes."""
    example = part.example
    if example is not None:
        if not part.assigned(example.sizes):
            yield "the example's sizes are not assigned ones"
        for tensor in part.inputs:
            given, wanted = example.inputs[tensor.name], tensor.extents(example.sizes)
            if given.shape != wanted or given.dtype != tensor.numpy:
                yield (
                    f"the example's {tensor.name} is {given.dtype} {given.shape}, and the op takes "
                    f"{tensor.dtype} {wanted}"
                )
                return
        inputs, sizes = example.inputs, example.sizes
    else:
        sizes = part.boundaries[0]
        inputs = {
            tensor.name: tensor.domain.draw(
                tensor.array_spec(sizes, Values.INTEGERS), np.random.default_rng(0)
            )
            if isinstance(tensor.domain, OwnValues)
            else np.ones(tensor.extents(sizes), tensor.numpy)
            for tensor in part.inputs
        }
    right = part.expected(inputs, sizes)
    if sorted(right) != sorted(tensor.name for tensor in part.outputs):
        yield f"expected gives the outputs {sorted(right)}"
        return
    for tensor in part.outputs:
        value, wanted = right[tensor.name].value, tensor.extents(sizes)
        if value.shape != wanted:
            yield f"the expected {tensor.name} is {value.shape}, and the op's {wanted}"
        elif example is not None and not np.array_equal(
            value.ravel().astype(np.float64), np.asarray(example.outputs[tensor.name], np.float64)
        ):
            yield f"the example's {tensor.name} is not what `expected` says"


def twice(what: str, names: Sequence[str]) -> Iterator[str]:
    """Names that are there more than once."""
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the {what} {name} is there twice"
