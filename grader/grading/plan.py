"""The shape plan: which sizes are compiled, decided before anything runs.

Sizes are compile-time parameters, so each shape is a specialisation of its own
and costs compile time (0.1 to 0.3 s each, against 14 s for the first). All
shapes go into one compile; Hypothesis then chooses among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from grader.grading import seeds
from grader.puzzles.definition import Part, Puzzle, Sizes

Origin = Literal["published example", "boundary", "random"]

ROBUST_SAMPLE = 1
"""Robust shapes in the plan when the given kernel is unchanged: any shows its defect."""


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


def draw(puzzle: Puzzle, *, seed: str, own_kernel: bool) -> tuple[PlannedShape, ...]:
    """The plan for one run, the published example first.

    Args:
        puzzle: What is graded.
        seed: The run's seed; the random shapes follow from it.
        own_kernel: Whether the kernel is other than the given one. Then its shapes join, and the
            robust part is graded. Else one robust shape shows the given kernel's defect.
    """
    chosen: dict[tuple[tuple[str, int], ...], Origin] = {}

    def add(sizes: Sizes, origin: Origin) -> None:
        chosen.setdefault(tuple(sorted(sizes.items())), origin)

    add(puzzle.example.sizes, "published example")
    for sizes in (*puzzle.boundaries, *(puzzle.with_own_kernel if own_kernel else ())):
        add(sizes, "boundary")
    for part, count in (
        (Part.ASSIGNED, puzzle.random_assigned),
        (Part.ROBUST, puzzle.random_robust),
    ):
        points = [
            point
            for point in puzzle.domain_points()
            if puzzle.part(point) is part and tuple(sorted(point.items())) not in chosen
        ]
        random = seeds.generator(seed, f"shapes {part}")
        for index in random.choice(len(points), size=min(count, len(points)), replace=False):
            add(points[int(index)], "random")
    names = [size.name for size in puzzle.sizes]
    shapes = [({n: dict(key)[n] for n in names}, origin) for key, origin in chosen.items()]
    if not own_kernel:
        robust = [shape for shape in shapes if puzzle.part(shape[0]) is Part.ROBUST]
        shapes = [shape for shape in shapes if shape not in robust[:-ROBUST_SAMPLE]]
    return tuple(
        PlannedShape(number=number, sizes=sizes, part=puzzle.part(sizes), origin=origin)
        for number, (sizes, origin) in enumerate(shapes)
    )


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
