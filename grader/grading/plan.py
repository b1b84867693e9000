"""The shape plan: which sizes are compiled, decided before anything runs.

Sizes are compile-time parameters, so each shape is a specialisation of its own
and costs compile time (0.1 to 0.3 s each, against 14 s for the first). All
shapes go into one compile; Hypothesis then chooses among them.

A program may do something else at any one size, so all assigned sizes are in the
plan. A sample of them is enough only for the given file with a plain launch
(`grader.intake.plain_launch`): nothing in it that is the student's looks at a size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from grader.grading import seeds
from grader.puzzles.definition import Part, Puzzle, Sizes

Origin = Literal["published example", "boundary", "random", "every size"]

MOST_ASSIGNED = 100
"""Assigned sizes beside the boundaries, unless all are asked for: a rubric can assign hundreds."""
ROBUST_SAMPLE = 1
"""Robust shapes in the plan when the given kernel is unchanged: any shows its defect."""


class Tries(StrEnum):
    """How many sizes a plan holds."""

    SAMPLE = "sample"
    """Boundaries and some random ones stand for all."""
    USUAL = "usual"
    """All assigned sizes, and a sample beyond them."""
    ALL = "all"
    """Each size of the domain; of that beyond the assigned ones, if it is graded."""


@dataclass(frozen=True, kw_only=True)
class PlannedShape:
    """One shape to compile."""

    number: int
    """Position in the plan; the worker knows the shape by it."""
    sizes: Mapping[str, int]
    part: Part
    origin: Origin

    @property
    def extent(self) -> int:
        """A measure of how large it is, for putting small ones first."""
        return sum(self.sizes.values())


def draw(
    puzzle: Puzzle, *, seed: str, own_kernel: bool, tries: Tries = Tries.USUAL
) -> tuple[PlannedShape, ...]:
    """The plan for one run, the published example first.

    Args:
        puzzle: What is graded.
        seed: The run's seed; the random shapes follow from it.
        own_kernel: Whether the kernel is other than the given one. Then the robust part is graded.
            Else one robust shape shows the given kernel's defect.
        tries: How many sizes.
    """
    chosen: dict[tuple[tuple[str, int], ...], Origin] = {}

    def add(sizes: Sizes, origin: Origin) -> None:
        chosen.setdefault(tuple(sorted(sizes.items())), origin)

    add(puzzle.example.sizes, "published example")
    for sizes in puzzle.boundaries:
        add(sizes, "boundary")
    for part in (Part.ASSIGNED, Part.ROBUST):
        points = [
            point
            for point in puzzle.domain_points()
            if puzzle.part(point) is part and tuple(sorted(point.items())) not in chosen
        ]
        count = _random(puzzle, part, tries, len(points))
        random = seeds.generator(seed, f"shapes {part}")
        for index in sorted(random.choice(len(points), size=count, replace=False)):
            add(points[int(index)], "random" if count < len(points) else "every size")
    names = [size.name for size in puzzle.sizes]
    shapes = [({n: dict(key)[n] for n in names}, origin) for key, origin in chosen.items()]
    if not own_kernel:
        robust = [shape for shape in shapes if puzzle.part(shape[0]) is Part.ROBUST]
        shapes = [shape for shape in shapes if shape not in robust[:-ROBUST_SAMPLE]]
    return tuple(
        PlannedShape(number=number, sizes=sizes, part=puzzle.part(sizes), origin=origin)
        for number, (sizes, origin) in enumerate(shapes)
    )


def _random(puzzle: Puzzle, part: Part, tries: Tries, left: int) -> int:
    """How many of the sizes of a part join its boundaries."""
    if tries is Tries.ALL:
        return left
    if part is Part.ROBUST:
        return min(left, puzzle.random_robust)
    return min(left, puzzle.random_assigned if tries is Tries.SAMPLE else MOST_ASSIGNED)


def for_worker(
    puzzle: Puzzle,
    shapes: Sequence[PlannedShape],
    *,
    graphs: str,
    package: str,
    compiled: str,
    load: bool,
) -> dict[str, Any]:
    """The plan as the worker reads it: names, shapes and parameters, nothing else.

    Args:
        puzzle: What is graded.
        shapes: The plan.
        graphs: How the edition gets all shapes through one compile, see
            `grader.toolchain.edition.Worker`.
        package: Path of the packaged op, as the worker sees it.
        compiled: Path where the worker keeps the compiled graphs for a
            replacement of itself.
        load: Whether this is the replacement, which finds them there.
    """

    def tensor(name: str, sizes: Sizes) -> dict[str, Any]:
        (spec,) = (tensor for tensor in puzzle.tensors if tensor.name == name)
        return {
            "dtype": spec.dtype,
            "shape": list(spec.extents(sizes)),
            "sizes": list(spec.shape),
        }

    def parameters(sizes: Sizes) -> dict[str, int | str]:
        typed = {puzzle.dtype_parameter: puzzle.output.dtype} if puzzle.dtype_parameter else {}
        return {**sizes, **typed}

    return {
        "op": puzzle.op,
        "graphs": graphs,
        "package": package,
        "compiled": compiled,
        "load": load,
        "shapes": [
            {
                "inputs": [tensor(spec.name, shape.sizes) for spec in puzzle.inputs],
                "output": tensor(puzzle.output.name, shape.sizes),
                "parameters": parameters(shape.sizes),
            }
            for shape in shapes
        ],
    }
