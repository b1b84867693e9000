"""What the kernels of parts that are right cost: for the report, and for checks that limit it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from grader.device import MOST_PROFILED, WARP, CaseEvidence, Launch, SourcePlace, Space, of_file
from grader.errors import GradeError, UnsupportedByDevice
from grader.grading.cases import drawn
from grader.grading.explain.profiles import (
    BARRIERS,
    NameOf,
    access_of,
    operation_of,
    profiles_of,
    reference_profiles,
)
from grader.grading.given_code import Code
from grader.grading.observe import observe
from grader.grading.results import Results
from grader.lanes.lane import Lane
from grader.lanes.source_lines import function_of
from grader.model.cases import CaseRun, PlannedShape
from grader.model.domains import Values
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle
from grader.model.usage import AccessUse, KernelUse, PartUse
from grader.record import (
    Access,
    Aspect,
    Ending,
    KernelProfile,
    PartProfile,
    Uncounted,
    UsageLimit,
)
from grader.wording.usage import cant_be_counted

_COUNTED: Final = {
    UsageLimit.BARRIERS: BARRIERS,
    UsageLimit.SHUFFLES: ("shfl", "vote", "match", "redux", "elect"),
    UsageLimit.ATOMICS: ("atom", "red"),
}
"""Operations that are counted by themselves."""
_NEITHER: Final = frozenset({Ending.LATE, Ending.LIMIT, Ending.NOT_RUN})
"""Ends of a case that was right before, which the counting itself may have led to."""


def profile_parts(
    results: Results, lane: Lane, puzzle: Puzzle, shapes: Sequence[PlannedShape], text: str
) -> Iterator[PartProfile]:
    """One case of each part whose values are right, at the largest size that is a boundary.

    What checks look at is left with the results of the part.

    Args:
        results: Of all cases.
        lane: Runs one more of each part.
        puzzle: What is graded.
        shapes: The plan.
        text: The submission.

    Raises:
        GraderFault: it can't be counted, and a check gives points for it.
    """
    for part in puzzle.parts:
        found = results.parts.get(part.name)
        if found is None or not found.observed:
            continue
        if any(each.worst is not None or each.not_run for each in found.of_values):
            continue
        shape = _largest(part, shapes)
        if shape is None:
            continue
        run = _run(shape, lane, needed=_gives_points(puzzle, part))
        if isinstance(run, Uncounted):
            found.usage = run
            continue
        assert run.evidence is not None
        names = _names(puzzle, part, text)
        found.usage = _use(shape, run.evidence, names)
        if found.usage is Uncounted.TOO_MUCH and _gives_points(puzzle, part):
            raise _not_counted(found.usage)
        kernels = profiles_of(run.evidence, _line_of, names)
        if kernels:
            yield _profile(puzzle, shape, kernels)


def _largest(part: Part, shapes: Sequence[PlannedShape]) -> PlannedShape | None:
    """The same for all submissions: that with the most elements of those that are always tried."""
    boundaries = [dict(each) for each in part.boundaries]
    always = (
        shape
        for shape in shapes
        if shape.part.name == part.name
        and shape.scope is Scope.ASSIGNED
        and dict(shape.sizes) in boundaries
    )
    return max(
        always,
        key=lambda shape: sum(spec.length(shape.sizes) for spec in part.tensors),
        default=None,
    )


def _gives_points(puzzle: Puzzle, part: Part) -> bool:
    """Whether points depend on what the kernels of a part cost."""
    own = {each.id for each in puzzle.checks_of(part) if each.aspect is Aspect.USAGE}
    return any(item.points and item.id in own for item in puzzle.rubric)


def _run(shape: PlannedShape, lane: Lane, *, needed: bool) -> CaseRun | Uncounted:
    """A case of a shape that is right, or why there is none.

    Raises:
        GraderFault: that may be our doing, and the case is needed.
    """
    case = drawn(shape, Values.INTEGERS, np.random.default_rng(0))
    try:
        run = lane.run(case, profiled=True)
        seen = observe(run, code=Code.NOTHING)
    except GradeError:
        if needed:
            raise
        return Uncounted.FAULT
    if run.ending in _NEITHER or run.evidence is None:
        if needed:
            raise _not_counted(Uncounted.FAULT)
        return Uncounted.FAULT
    # A program that counts its calls may do less in the last.
    if any(each.aspect in (Aspect.VALUES, Aspect.ORIGIN) for each in seen.problems):
        return Uncounted.NOT_RIGHT
    return run


def _not_counted(why: Uncounted) -> UnsupportedByDevice:
    return UnsupportedByDevice(
        cant_be_counted({"why": why.value}),
        remedy="Have a person look at the file, or grade it without points for what kernels cost.",
    )


def _line_of(source: tuple[SourcePlace, ...]) -> int | None:
    place = of_file(source)
    return place.line if place is not None else None


def _names(puzzle: Puzzle, part: Part, text: str) -> NameOf:
    """What the file calls a kernel."""

    def name_of(kernel: str) -> str:
        # The package of an op is called so; other kernels have their names already.
        found = function_of(kernel, f"op_{puzzle.name}", text)
        return part.given.function if part.given is not None and found == kernel else found

    return name_of


def _profile(
    puzzle: Puzzle, shape: PlannedShape, kernels: tuple[KernelProfile, ...]
) -> PartProfile:
    label, sizes = puzzle.label(shape.part), dict(shape.sizes)
    known = reference_profiles(puzzle.name)
    reference = (each.kernels for each in known if (each.part, each.sizes) == (label, sizes))
    return PartProfile(part=label, sizes=sizes, kernels=kernels, reference=next(reference, ()))


def _use(shape: PlannedShape, evidence: CaseEvidence, name_of: NameOf) -> PartUse | Uncounted:
    """What all launches of a case cost."""
    counted: list[KernelUse] = []
    same: dict[object, int] = {}
    for launch in evidence.launches:
        # Launches that did the same cost the same; with other arguments they are counted again.
        did = launch.kernel, launch.grid, launch.block, launch.path
        if launch.profile and len(launch.profile) < MOST_PROFILED:
            same[did] = len(counted)
            counted.append(_kernel(launch, name_of))
        elif not launch.profile and did in same:
            known = counted[same[did]]
            counted[same[did]] = replace(known, launches=known.launches + 1)
        else:
            return Uncounted.TOO_MUCH
    if evidence.left_out:
        return Uncounted.TOO_MUCH
    sizes, part = shape.sizes, shape.part
    return PartUse(
        sizes=dict(sizes),
        inputs=sum(spec.length(sizes) for spec in part.inputs),
        outputs=sum(spec.length(sizes) for spec in part.outputs),
        kernels=counted,
    )


def _kernel(launch: Launch, name_of: NameOf) -> KernelUse:
    executed: dict[UsageLimit, Counter[int | None]] = defaultdict(Counter)
    accesses: dict[tuple[int | None, Access, Space], AccessUse] = {}
    for each in launch.profile:
        line, operation = _line_of(each.source), operation_of(each)
        executed[UsageLimit.INSTRUCTIONS][line] += each.executed
        executed[UsageLimit.DIVERGED][line] += each.diverged
        for limit, operations in _COUNTED.items():
            executed[limit][line] += each.executed * (operation in operations)
        if each.space is None:
            continue
        executed[UsageLimit.SHARED][line] += each.requests * (each.space is Space.SHARED)
        key = line, access_of(each), each.space
        before = accesses.get(key)
        accesses[key] = AccessUse(
            line=line,
            access=key[1],
            space=each.space,
            requests=each.requests + (before.requests if before else 0),
            transfers=each.transfers + (before.transfers if before else 0),
            least=each.least + (before.least if before else 0),
            bytes=each.bytes + (before.bytes if before else 0),
        )
    return KernelUse(
        kernel=name_of(launch.kernel),
        warps=math.prod(launch.grid) * -(-math.prod(launch.block) // WARP),
        launches=1,
        accesses=tuple(accesses.values()),
        executed=executed,
    )
