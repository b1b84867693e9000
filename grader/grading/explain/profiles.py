"""What kernels cost, line by line, from what the device counted; of parts that are right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import numpy as np

from grader.device import CaseEvidence, InstructionCounts, Launch, SourcePlace, Space, of_file
from grader.errors import GradeError
from grader.folders import data_directory
from grader.grading.cases import drawn
from grader.grading.results import Results
from grader.lanes.lane import Lane
from grader.lanes.source_lines import function_of
from grader.model.cases import PlannedShape
from grader.model.domains import Values
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle
from grader.record import (
    Access,
    Ending,
    KernelProfile,
    LineCost,
    PartProfile,
    WastefulAccess,
)

LineOf = Callable[[tuple[SourcePlace, ...]], int | None]
REFERENCE: Final = "profiles.json"
"""Of a puzzle's reference answer, beside it: what `profile_parts` gives."""
_FLOATS: Final = ("f16", "f16x2", "bf16", "bf16x2", "f32", "f64")
_KINDS: Final = {
    "bar": "barriers",
    "barrier": "barriers",
    "bra": "branches",
    "brx": "branches",
    "ret": "branches",
    "exit": "branches",
    "call": "branches",
    "shfl": "shuffles and votes",
    "vote": "shuffles and votes",
    "match": "shuffles and votes",
    "redux": "shuffles and votes",
    "elect": "shuffles and votes",
    "mma": "tensor cores",
    "cp": "asynchronous copies",
    "atom": "atomics",
    "red": "atomics",
    "setp": "comparisons",
    "selp": "comparisons",
    "mov": "moves and conversions",
    "cvt": "moves and conversions",
    "cvta": "moves and conversions",
}
_ACCESSES: Final[dict[str, Access]] = {"ld": "load", "ldu": "load", "st": "store"}
_BARRIERS: Final = ("bar", "barrier")
WASTED: Final = 2
"""Times as many transfers as would do, from which on an access is worth a sentence."""


def profiles_of(
    evidence: CaseEvidence, line_of: LineOf, name_of: Callable[[str], str] = str
) -> tuple[KernelProfile, ...]:
    """What each kind of launch costs, in the order in which they began.

    Args:
        evidence: Of a case that was profiled.
        line_of: The line of the file that an instruction comes from, where that is known.
        name_of: What the file calls a kernel.
    """
    alike = Counter((each.kernel, each.grid, each.block) for each in evidence.launches)
    return tuple(
        _profile(launch, alike[launch.kernel, launch.grid, launch.block], line_of, name_of)
        for launch in evidence.launches
        if launch.profile
    )


def _profile(
    launch: Launch, launches: int, line_of: LineOf, name_of: Callable[[str], str]
) -> KernelProfile:
    counted = [(each, line_of(each.source)) for each in launch.profile]
    lines: dict[int | None, LineCost] = {}
    kinds: Counter[str] = Counter()
    for each, line in counted:
        lines[line] = lines.get(line, LineCost(line=line)).plus(_cost(each))
        kinds[_kind(each)] += each.executed
    total = LineCost(line=None)
    for cost in lines.values():
        total = total.plus(cost)
    return KernelProfile(
        kernel=name_of(launch.kernel),
        grid=launch.grid,
        block=launch.block,
        launches=launches,
        total=total,
        kinds=dict(kinds.most_common()),
        lines=tuple(sorted(lines.values(), key=_in_order)),
        wasteful=tuple(sorted(_wasteful(counted), key=_in_order)),
    )


def _in_order(of: LineCost | WastefulAccess) -> tuple[bool, int]:
    return of.line is None, of.line or 0


def _wasteful(
    counted: Sequence[tuple[InstructionCounts, int | None]],
) -> Iterator[WastefulAccess]:
    alike: defaultdict[tuple[int | None, Access, Space], list[InstructionCounts]]
    alike = defaultdict(list)
    for each, line in counted:
        if each.space is not None:
            alike[line, _access(each), each.space].append(each)
    for (line, access, space), those in alike.items():
        found = WastefulAccess(
            line=line,
            access=access,
            space=space,
            requests=sum(each.requests for each in those),
            transfers=sum(each.transfers for each in those),
            least=sum(each.least for each in those),
        )
        if found.transfers >= WASTED * found.least:
            yield found


def _access(counts: InstructionCounts) -> Access:
    """How it accesses memory."""
    operation = _operation(counts)
    if operation == "cp":
        return "load" if counts.space is Space.GLOBAL else "store"
    return _ACCESSES.get(operation, "atomic")


def _operation(counts: InstructionCounts) -> str:
    """The opcode without its modifiers."""
    return counts.opcode.partition(".")[0]


def _cost(counts: InstructionCounts) -> LineCost:
    is_global, is_shared = (counts.space is each for each in (Space.GLOBAL, Space.SHARED))
    barrier = _operation(counts) in _BARRIERS
    return LineCost(
        line=None,
        instructions=counts.executed,
        global_requests=counts.requests * is_global,
        sectors=counts.transfers * is_global,
        least_sectors=counts.least * is_global,
        shared_requests=counts.requests * is_shared,
        wavefronts=counts.transfers * is_shared,
        least_wavefronts=counts.least * is_shared,
        barriers=counts.executed * barrier,
        diverged=counts.diverged,
    )


def _kind(counts: InstructionCounts) -> str:
    """What an instruction does, in a word or two."""
    operation = _operation(counts)
    if operation in ("ld", "st") and counts.space is not None:
        return f"{counts.space} loads and stores"
    if operation in ("ld", "st", "ldu"):
        return "arguments and local memory"
    known = _KINDS.get(operation)
    if known is not None:
        return known
    is_float = counts.opcode.rpartition(".")[2] in _FLOATS
    return "floating point" if is_float else "integers and addresses"


# ---- of a submission ----


def profile_parts(
    results: Results, lane: Lane, puzzle: Puzzle, shapes: Sequence[PlannedShape], text: str
) -> Iterator[PartProfile]:
    """One case of each part whose values are right, at the largest size that is a boundary.

    Args:
        results: Of all cases.
        lane: Runs one more of each part.
        puzzle: What is graded.
        shapes: The plan.
        text: The submission.
    """
    for part in puzzle.parts:
        found = results.parts.get(part.name)
        if found is None or not found.observed:
            continue
        if any(each.worst is not None or each.not_run for each in found.of_values):
            continue
        shape = _largest(part, shapes)
        profile = shape and _profiled(puzzle, shape, lane, text)
        if profile:
            yield profile


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


def _profiled(puzzle: Puzzle, shape: PlannedShape, lane: Lane, text: str) -> PartProfile | None:
    case = drawn(shape, Values.INTEGERS, np.random.default_rng(0))
    try:
        run = lane.run(case, profiled=True)
    except GradeError:
        return None
    if run.ending is not Ending.OUTPUT or run.evidence is None:
        return None

    def line_of(source: tuple[SourcePlace, ...]) -> int | None:
        place = of_file(source)
        return place.line if place is not None else None

    given = shape.part.given

    def name_of(kernel: str) -> str:
        # The package of an op is called so; other kernels have their names already.
        found = function_of(kernel, f"op_{puzzle.name}", text)
        return given.function if given is not None and found == kernel else found

    kernels = profiles_of(run.evidence, line_of, name_of)
    if not kernels:
        return None
    label, sizes = puzzle.label(shape.part), dict(shape.sizes)
    return PartProfile(
        part=label,
        sizes=sizes,
        kernels=kernels,
        reference=next(
            (
                each.kernels
                for each in reference_profiles(puzzle.name)
                if (each.part, each.sizes) == (label, sizes)
            ),
            (),
        ),
    )


def reference_profiles(puzzle: str) -> tuple[PartProfile, ...]:
    """What the reference answer of the default edition costs; nothing where it was not counted."""
    path = data_directory("reference_kernels") / puzzle / REFERENCE
    if not path.is_file():
        return ()
    return msgspec.json.decode(path.read_bytes(), type=tuple[PartProfile, ...])
