"""The shape plan: which sizes are compiled, decided before anything runs.

Sizes are compile-time parameters, so each shape is a specialisation of its own
and costs compile time (0.1 to 0.3 s each, against 14 s for the first). All
shapes go into one compile; Hypothesis then chooses among them.

A program may do something else at any one size, so all assigned sizes are in the
plan. A sample of them is enough only for the given file with a plain launch
(`grader.intake.launches`): nothing in it that is the student's looks at a size.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from enum import StrEnum

from grader.grading import seeds
from grader.model.cases import Origin, PlannedShape
from grader.model.domains import Sizes
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle

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


def draw(
    puzzle: Puzzle,
    *,
    seed: str,
    own_kernel: Collection[str],
    tries: Tries = Tries.USUAL,
) -> tuple[PlannedShape, ...]:
    """The plan for one run: part by part, the published example of each first.

    Args:
        puzzle: What is graded.
        seed: The run's seed; the random shapes follow from it.
        own_kernel: Names of the parts whose kernel is other than the given one. There sizes beyond
            the task are graded. Else one of them shows the given kernel's defect.
        tries: How many sizes.
    """
    planned = [
        (part, sizes, origin)
        for part in puzzle.parts
        for sizes, origin in _shapes(
            part, seed=seed, own_kernel=part.name in own_kernel, tries=tries
        )
    ]
    return tuple(
        PlannedShape(number=number, part=part, sizes=sizes, origin=origin)
        for number, (part, sizes, origin) in enumerate(planned)
    )


def assigned_only(shapes: Sequence[PlannedShape]) -> tuple[PlannedShape, ...]:
    """A plan without sizes beyond the task; empty where it has none of them."""
    kept = [shape for shape in shapes if not shape.beyond]
    if len(kept) == len(shapes):
        return ()
    return tuple(replace(shape, number=number) for number, shape in enumerate(kept))


def _shapes(part: Part, *, seed: str, own_kernel: bool, tries: Tries) -> list[tuple[Sizes, Origin]]:
    chosen: dict[tuple[tuple[str, int], ...], tuple[Sizes, Origin]] = {}
    names = [size.name for size in part.sizes]

    def add(sizes: Sizes, origin: Origin) -> None:
        ordered = {name: sizes[name] for name in names}
        chosen.setdefault(tuple(sorted(sizes.items())), (ordered, origin))

    if part.example is not None:
        add(part.example.sizes, "published example")
    for sizes in part.boundaries:
        add(sizes, "boundary")
    for scope in Scope:
        known = [sizes for sizes, _ in chosen.values()]
        left = _left(part, scope, known)
        count = _random(part, scope, tries, left)
        random = seeds.generator(seed, f"shapes {part.name} {scope}")
        found = part.sampled(scope, count, random, without=known)
        for sizes in found:
            add(sizes, "random" if count < left else "every size")
    shapes = list(chosen.values())
    if not own_kernel:
        robust = [shape for shape in shapes if part.scope(shape[0]) is Scope.ROBUST]
        shapes = [shape for shape in shapes if shape not in robust[:-ROBUST_SAMPLE]]
    return shapes


def _left(part: Part, scope: Scope, known: Sequence[Sizes]) -> int:
    """How many sizes of a scope are not in the plan yet; a lot where they can't be counted."""
    if not part.enumerable:
        return part.points
    return part.counts()[scope is Scope.ROBUST] - sum(part.scope(each) is scope for each in known)


def _random(part: Part, scope: Scope, tries: Tries, left: int) -> int:
    """How many of the sizes of a scope join its boundaries."""
    if tries is Tries.ALL and part.enumerable:
        return left
    if scope is Scope.ROBUST:
        return min(left, part.random_robust)
    few = tries is Tries.SAMPLE or not part.enumerable
    return min(left, part.random_assigned if few else MOST_ASSIGNED)
