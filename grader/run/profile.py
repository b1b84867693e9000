"""What a program's kernels cost, line by line, from what the device counted."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from grader.device import CaseEvidence, Dim3, InstructionCounts, Launch, Space
from grader.run.document import (
    Access,
    KernelProfile,
    LineCost,
    RunDocument,
    SourceFile,
    WastefulAccess,
)

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


def profiles_of(evidence: CaseEvidence, file: SourceFile) -> tuple[KernelProfile, ...]:
    """What each kind of launch costs, in the order in which they began."""
    alike = Counter((each.kernel, each.grid, each.block) for each in evidence.launches)
    return tuple(
        _profile(launch, alike[launch.kernel, launch.grid, launch.block], file)
        for launch in evidence.launches
        if launch.profile
    )


def _profile(launch: Launch, launches: int, file: SourceFile) -> KernelProfile:
    counted = [
        (each, spot.line if (spot := file.spot(each.source)) else None) for each in launch.profile
    ]
    lines: dict[int | None, LineCost] = {}
    kinds: Counter[str] = Counter()
    for each, line in counted:
        lines[line] = lines.get(line, LineCost(line=line)).plus(_cost(each))
        kinds[_kind(each)] += each.executed
    total = LineCost(line=None)
    for cost in lines.values():
        total = total.plus(cost)
    return KernelProfile(
        kernel=file.function(launch.kernel),
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


def remarks(profile: KernelProfile) -> Iterator[str]:
    """What is worth a sentence, line by line."""
    for each in profile.wasteful:
        where = f"Line {each.line}" if each.line else "In no line of the file"
        takes, least = (_each(number, each.requests) for number in (each.transfers, each.least))
        if each.space is Space.GLOBAL:
            yield (
                f"{where}: each {each.access} takes {takes} sectors of global memory, where "
                f"{least} would do. Neighbouring threads should access neighbouring elements."
            )
        else:
            yield (
                f"{where}: each {each.access} takes {takes} wavefronts of shared memory, where "
                f"{least} would do. Threads of a warp want different words of one bank."
            )


def _each(number: int, requests: int) -> str:
    return f"{number / requests:.1f}".removesuffix(".0") if requests else ""


HEADINGS: Final = (
    ("line", "line of the program"),
    ("instr", "instructions that warps execute"),
    ("global", "requests to global memory"),
    ("sectors", "sectors of 32 bytes for each of them"),
    ("shared", "requests to shared memory"),
    ("waves", "wavefronts for each of them"),
    ("diverge", "how often threads of a warp go different ways"),
)
"""The columns of a table, and what they are."""
LEGEND: Final = (
    "A request is an instruction of a warp that accesses memory. Where 32 threads access 4 bytes "
    "each, side by side, it takes 4 sectors of global memory, or 1 wavefront of shared memory: "
    "that is the least."
)
MEANING: Final = f"{', '.join(f'{name}: {meaning}' for name, meaning in HEADINGS)}."
NO_LINE: Final = "(in no line of the file)"
_WIDTH: Final = 80
NOTHING: Final = "No kernel was launched, so there is nothing to count."


def row(cost: LineCost) -> tuple[str, ...]:
    """A line's numbers, as `HEADINGS` has them."""
    return (
        str(cost.line) if cost.line else "",
        f"{cost.instructions:,}",
        f"{cost.global_requests:,}" if cost.global_requests else "",
        _each(cost.sectors, cost.global_requests),
        f"{cost.shared_requests:,}" if cost.shared_requests else "",
        _each(cost.wavefronts, cost.shared_requests),
        f"{cost.diverged:,}" if cost.diverged else "",
    )


def title(profile: KernelProfile) -> str:
    """Which launch it is."""
    times = "1 launch" if profile.launches == 1 else f"{profile.launches:,} launches, the first"
    return f"{profile.kernel}: grid {_dims(profile.grid)}, block {_dims(profile.block)}, {times}"


def _dims(dims: Dim3) -> str:
    """Without the ones at the end."""
    x, y, z = dims
    return f"{x} x {y} x {z}" if z > 1 else f"{x} x {y}" if y > 1 else str(x)


def kinds_text(profile: KernelProfile) -> str:
    """Its instructions by what they do."""
    told = ", ".join(f"{number:,} {kind}" for kind, number in profile.kinds.items())
    return f"instructions: {told}"


def as_text(document: RunDocument, text: str) -> str:
    """The profile for a terminal.

    Args:
        document: The run.
        text: The program.
    """
    return "\n".join(_lines(document, text.split("\n"))) + "\n"


def _lines(document: RunDocument, source: Sequence[str]) -> Iterator[str]:
    if not document.profiles:
        yield NOTHING
    for profile in document.profiles:
        yield title(profile)
        yield textwrap.indent(textwrap.fill(kinds_text(profile), _WIDTH - 2), "  ")
        rows = [(row(cost), code_of(cost, source)) for cost in profile.lines]
        rows.append((("all", *row(profile.total)[1:]), ""))
        names = tuple(name for name, _ in HEADINGS)
        widths = [max(len(each[k]) for each in (names, *(r for r, _ in rows))) for k in range(7)]
        for cells, code in ((names, ""), *rows):
            numbers = "  ".join(c.rjust(w) for c, w in zip(cells, widths, strict=True))
            yield f"  {numbers}   {code}".rstrip()
        yield from (
            textwrap.fill(f"- {each}", _WIDTH, initial_indent="  ", subsequent_indent="    ")
            for each in remarks(profile)
        )
        yield ""
    if document.profiles:
        yield from (textwrap.fill(each, _WIDTH) for each in (MEANING, LEGEND))


def code_of(cost: LineCost, source: Sequence[str]) -> str:
    """The text of a line."""
    return source[cost.line - 1].strip() if cost.line else NO_LINE
