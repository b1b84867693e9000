"""What kernels cost, in words and numbers: of a run, and of a submission that is right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from grader.device import Dim3, Space
from grader.record import KernelProfile, LineCost, PartProfile, Record
from grader.report.style import ReportLimits


class ProfileView(msgspec.Struct, frozen=True, kw_only=True):
    """What a kernel costs."""

    title: str
    kinds: str
    rows: tuple[tuple[tuple[str, ...], str], ...]
    """Each line's numbers and its text; the last is of all lines."""
    remarks: tuple[str, ...]


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


def code_of(cost: LineCost, source: Sequence[str]) -> str:
    """The text of a line."""
    return source[cost.line - 1].strip() if cost.line else NO_LINE


def profile_view(
    profile: KernelProfile, source: Sequence[str], most: int | None = None
) -> ProfileView:
    """A kernel's costs, with the first lines of its file; without, where none is known."""
    known = any(cost.line for cost in profile.lines)
    rows = [(row(cost), code_of(cost, source)) for cost in profile.lines[:most] if known]
    return ProfileView(
        title=title(profile),
        kinds=kinds_text(profile),
        rows=(*rows, (("all", *row(profile.total)[1:]), "")),
        remarks=tuple(remarks(profile)),
    )


def beside_reference(profile: PartProfile) -> str:
    """How a part compares with the reference answer, where that is known."""
    if not profile.reference:
        return ""
    own, its = (
        tuple(
            sum(getattr(each.total, name) * each.launches for each in kernels)
            for name in ("sectors", "wavefronts")
        )
        for kernels in (profile.kernels, profile.reference)
    )
    return (
        f"All launches together take {own[0]:,} sectors of global memory and {own[1]:,} wavefronts "
        f"of shared memory. The reference answer takes {its[0]:,} and {its[1]:,}."
    )


class PartUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a part costs."""

    title: str
    beside: str
    kernels: tuple[ProfileView, ...]


class UsageView(msgspec.Struct, frozen=True, kw_only=True):
    """What the parts of a submission cost."""

    legend: str
    headings: tuple[tuple[str, str], ...]
    parts: tuple[PartUsage, ...]


def usage_view(record: Record, limits: ReportLimits) -> UsageView | None:
    """How the kernels of a record's right parts use the GPU; None where nothing was counted."""
    source = record.submission.text.split("\n")
    parts = tuple(
        PartUsage(
            title=", ".join(
                (*filter(None, [each.part]), *(f"{k} = {n}" for k, n in each.sizes.items()))
            ),
            beside=beside_reference(each),
            kernels=tuple(
                profile_view(kernel, source, limits.listed)
                for kernel in each.kernels[: limits.findings]
            ),
        )
        for each in record.profiles[: limits.findings]
    )
    return UsageView(legend=LEGEND, headings=HEADINGS, parts=parts) if parts else None
