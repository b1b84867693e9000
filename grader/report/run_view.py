"""How a submission was graded: facts, shapes and stages."""

from __future__ import annotations

from datetime import datetime

import msgspec

from grader.record import PartInfo, Record, ShapeRun, Stage
from grader.report import values
from grader.report.wording import SHORT, Badge, ReportLimits, cut


class ShapeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled shape."""

    sizes: tuple[str, ...]
    part: str
    origin: str
    cases: int
    outcome: Badge


class ShapeTable(msgspec.Struct, frozen=True, kw_only=True):
    """All shapes of the run."""

    names: tuple[str, ...]
    rows: tuple[ShapeRow, ...]
    total: int
    more: int


class StageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the run."""

    name: str
    outcome: str
    seconds: str
    peak: str


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about the run."""

    term: str
    value: str
    remark: str = ""
    warns: bool = False
    """The remark says that something was less than it should be."""


NAME = 40
"""Characters of the name of a part."""
PARTS = 8
"""Parts of a puzzle that are told of."""


def shape_table(shapes: tuple[ShapeRun, ...], limits: ReportLimits) -> ShapeTable | None:
    """The shapes of the plan, or None where none was compiled."""
    if not shapes:
        return None
    names = list(dict.fromkeys(name for shape in shapes[: limits.shapes] for name in shape.sizes))[
        :8
    ]
    rows = tuple(
        ShapeRow(
            sizes=tuple(str(shape.sizes.get(name, "")) for name in names),
            part=f"{cut(shape.part, NAME)} {shape.scope}" if shape.part else shape.scope,
            origin=cut(shape.origin, SHORT),
            cases=shape.cases,
            outcome=_shape_outcome(shape),
        )
        for shape in shapes[: limits.shapes]
    )
    return ShapeTable(
        names=tuple(cut(name, SHORT) for name in names),
        rows=rows,
        total=len(shapes),
        more=max(0, len(shapes) - limits.shapes),
    )


def _shape_outcome(shape: ShapeRun) -> Badge:
    if not shape.cases:
        return Badge("○", "not run", "none")
    if not shape.failures:
        return Badge("✓", "right", "pass")
    return Badge("✗", f"{shape.failures} wrong", "fail")


def stage_row(stage: Stage) -> StageRow:
    """One stage; a skipped one took no time."""
    return StageRow(
        name=cut(stage.name, SHORT),
        outcome=stage.outcome.value,
        seconds=values.seconds_text(stage.seconds),
        peak="" if stage.peak_bytes is None else values.bytes_text(stage.peak_bytes),
    )


def facts(record: Record) -> tuple[FactRow, ...]:
    """What a reader needs to trust or repeat the run."""
    rows: list[FactRow] = []

    def say(term: str, value: str, remark: str = "", *, warns: bool = False) -> None:
        if value:
            row = FactRow(term=term, value=cut(value, 400), remark=cut(remark, 400), warns=warns)
            rows.append(row)

    if record.puzzle.reason:
        say("Puzzle", record.puzzle.name, record.puzzle.reason)
    for part in record.puzzle.parts[:PARTS]:
        of = f" of {cut(part.name, NAME)}" if len(record.puzzle.parts) > 1 else ""
        say(f"Task{of}", part.formula, part.domain)
        say(f"Sizes{of} tried", *_sizes_tried(record, part))
    if record.toolchain is not None:
        chain = record.toolchain
        named = [("MAX", chain.max_version), ("Mojo", chain.mojo_version)]
        named.append(("Python", chain.python_version))
        versions = ", ".join(f"{name} {version}" for name, version in named if version)
        say("Toolchain", versions or chain.edition, chain.edition_reason)
    if record.device is not None:
        say("Device", record.device.name, record.device.reason)
    if record.isolation is not None:
        note = record.isolation.note
        say("Isolation", record.isolation.level, note, warns=bool(note))
    if record.cases_run and record.withheld is None:
        say("Examples", f"{record.examples:,} asked for, {record.cases_run:,} run")
        say("Seed", record.seed, "The same seed repeats this run.")
    say("Kernels launched", ", ".join(record.kernels[:8]))
    if record.submission.sha256:
        size = values.bytes_text(record.submission.size)
        say("File", f"{size}, SHA-256 {record.submission.sha256}")
    return tuple(rows)


def _sizes_tried(record: Record, part: PartInfo) -> tuple[str, str]:
    """At how many of the assigned sizes something ran, and why at no more."""
    own = [shape for shape in record.shapes if shape.part in ("", part.name)]
    planned = [shape for shape in own if shape.scope == "assigned"]
    count = sum(1 for shape in planned if shape.cases)
    if not planned:
        return "", ""
    if not part.sizes:
        return str(count), "There are too many to try each one: these are the boundaries and some."
    why = (
        "The file is the given one with a plain launch, which treats all sizes alike: a sample "
        "stands for them. grade submit --sizes all tries every one."
    )
    sampled = len(planned) < part.sizes
    return f"{count} of {part.sizes}", why if sampled else ""


def moment(created: str) -> str:
    """``22 November 2025, 16:04 UTC``; as it stands where it is not a date."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return cut(created, SHORT)
    zone = " UTC" if when.utcoffset() is not None and not when.utcoffset() else ""
    return f"{when.day} {when:%B %Y, %H:%M}{zone}"
