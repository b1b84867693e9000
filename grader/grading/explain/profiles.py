"""What kernels cost, line by line, from what the device counted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from grader.decoding import json_as
from grader.device import CaseEvidence, Dim3, InstructionCounts, Launch, SourcePlace, Space
from grader.folders import data_directory
from grader.record import (
    Access,
    KernelProfile,
    LineCost,
    PartProfile,
    WastefulAccess,
)

LineOf = Callable[[tuple[SourcePlace, ...]], int | None]
NameOf = Callable[[str], str]
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
BARRIERS: Final = ("bar", "barrier")
WASTED: Final = 2
"""Times as many transfers as would do, from which on an access is worth a sentence."""


def profiles_of(
    evidence: CaseEvidence, line_of: LineOf, name_of: NameOf = str
) -> tuple[KernelProfile, ...]:
    """What each kind of launch costs, in the order in which they began.

    Args:
        evidence: Of a case that was profiled.
        line_of: The line of the file that an instruction comes from, where that is known.
        name_of: What the file calls a kernel.
    """
    alike = Counter(map(_kind_of_launch, evidence.launches))
    first: dict[tuple[str, Dim3, Dim3], Launch] = {}
    for launch in evidence.launches:
        if launch.profile:
            first.setdefault(_kind_of_launch(launch), launch)
    return tuple(_profile(launch, alike[kind], line_of, name_of) for kind, launch in first.items())


def _kind_of_launch(launch: Launch) -> tuple[str, Dim3, Dim3]:
    return launch.kernel, launch.grid, launch.block


def _profile(launch: Launch, launches: int, line_of: LineOf, name_of: NameOf) -> KernelProfile:
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
            alike[line, access_of(each), each.space].append(each)
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


def access_of(counts: InstructionCounts) -> Access:
    """How it accesses memory."""
    operation = operation_of(counts)
    if operation == "cp":
        return "load" if counts.space is Space.GLOBAL else "store"
    return _ACCESSES.get(operation, "atomic")


def operation_of(counts: InstructionCounts) -> str:
    """The opcode without its modifiers."""
    return counts.opcode.partition(".")[0]


def _cost(counts: InstructionCounts) -> LineCost:
    is_global, is_shared = (counts.space is each for each in (Space.GLOBAL, Space.SHARED))
    barrier = operation_of(counts) in BARRIERS
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
    operation = operation_of(counts)
    if operation in ("ld", "st") and counts.space is not None:
        return f"{counts.space} loads and stores"
    if operation in ("ld", "st", "ldu"):
        return "arguments and local memory"
    known = _KINDS.get(operation)
    if known is not None:
        return known
    is_float = counts.opcode.rpartition(".")[2] in _FLOATS
    return "floating point" if is_float else "integers and addresses"


def reference_profiles(puzzle: str) -> tuple[PartProfile, ...]:
    """What the reference answer of the default edition costs; nothing where it was not counted."""
    path = data_directory("reference_kernels") / puzzle / REFERENCE
    if not path.is_file():
        return ()
    return json_as(path.read_bytes(), tuple[PartProfile, ...])
