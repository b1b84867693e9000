"""The drawing of a launch that failed: its threads, the array, and the output that they made.

It draws what a trace in the record holds (`grader.record.CaseTrace`) and nothing else. It is at
most as wide as a phone, so that its text is as large as the page's everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from grader.device import FindingKind, Space
from grader.record import CaseTrace
from grader.report.panels import (
    LETTER,
    LINE,
    SMALL_LETTER,
    SO_MANY,
    TITLE,
    TOLD,
    WIDTH,
    Panel,
    called,
    marked,
)
from grader.report.panels import panels as panels_of
from grader.report.steps import StoryView, story_of
from grader.report.style import cut

GAP = 24.0
"""Between two panels, one below the other."""
BESIDE = 15.0
"""Between two beside each other."""
ROOM = 10.0
"""The least room between two boxes for an arrow that goes up or down."""
LINKS = 4
"""Cells that are linked with the thread that read them."""


class DrawnBox(msgspec.Struct, frozen=True, kw_only=True):
    """A block, a thread, a cell or an element."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    """``guilty``, ``other``, ``wrong``, ``right``, ``unwritten``, ``outside`` or empty."""
    label: str
    lines: tuple[str, ...] = ()
    """Small text below the label."""
    told: str
    """The same in words."""

    @property
    def middle(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    @property
    def texts(self) -> tuple[tuple[float, str], ...]:
        """The small lines, each with its place."""
        return tuple((self.y + 27 + LINE * k, text) for k, text in enumerate(self.lines))


class DrawnLabel(msgspec.Struct, frozen=True):
    """The title of a panel."""

    x: float
    y: float
    text: str


class DrawnLink(msgspec.Struct, frozen=True):
    """An arrow between a thread and what it used, in the direction in which the value went."""

    path: str
    tone: str


class LaunchDrawing(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the template needs to draw."""

    width: float
    height: float
    boxes: tuple[DrawnBox, ...]
    labels: tuple[DrawnLabel, ...]
    links: tuple[DrawnLink, ...]
    title: str
    description: str
    """What it shows, for people who can't see it."""
    keys: tuple[tuple[str, str], ...]
    """Tones that occur, and what they mean."""
    notes: tuple[str, ...]
    """What is left out of it."""
    story: StoryView | None
    """What the thread in question did."""


def draw_launch(trace: CaseTrace, name: str, source: str) -> LaunchDrawing | None:
    """The drawing of a traced case, or None where the trace shows nothing that can be drawn.

    Args:
        trace: What is drawn.
        name: The name of the submission, for the title.
        source: The file.
    """
    if not _sound(trace):
        return None
    notes: list[str] = []
    shown = list(panels_of(trace, notes))
    placed, labels, height, width = _placed(shown)
    boxes = [box for boxes in placed.values() for box in boxes]
    by_key = {
        plain.key: box
        for number, panel in enumerate(shown)
        for plain, box in zip(panel.boxes, placed[number], strict=True)
    }
    told = [each.told for panel in shown for each in panel.boxes if each.told]
    more = f" And {len(told) - 24} more." if len(told) > 24 else ""
    return LaunchDrawing(
        width=width,
        height=height,
        boxes=tuple(boxes),
        labels=tuple(labels),
        links=tuple(_links(trace, by_key)),
        # A graph's kernel has a name that the compiler made.
        title=f"The launch of {cut(trace.kernel, 60)} in {cut(name, 60)}"
        if trace.kernel in source
        else f"The launch in {cut(name, 60)}",
        description=" ".join([_launched(trace), *told[:24]]) + more,
        keys=tuple(_keys(trace, boxes)),
        notes=tuple(notes),
        story=story_of(trace, source),
    )


def _sound(trace: CaseTrace) -> bool:
    """Whether the numbers can be those of a launch: a record may come from anywhere."""
    counts = (*trace.grid, *trace.block)
    places = zip(trace.at, trace.grid, strict=True)
    return (
        all(1 <= each < 1 << 31 for each in counts)
        and math.prod(trace.block) <= 1024
        and all(0 <= at < count for at, count in places)
    )


def _launched(trace: CaseTrace) -> str:
    blocks = math.prod(trace.grid)
    threads = math.prod(trace.block)
    of = "thread" if threads == 1 else "threads"
    return f"1 block of {threads} {of}." if blocks == 1 else f"{blocks} blocks of {threads} {of}."


def _placed(
    panels: Sequence[Panel],
) -> tuple[dict[int, list[DrawnBox]], list[DrawnLabel], float, float]:
    """The panels beside each other where there is room, else below each other."""
    placed: dict[int, list[DrawnBox]] = {}
    labels: list[DrawnLabel] = []
    x, y, row_height, width, above = 1.0, 1.0, 0.0, 0.0, TITLE
    for number, panel in enumerate(panels):
        if x > 1 and x + panel.width > WIDTH:
            x, y, row_height = 1.0, y + row_height + GAP, 0.0
        if x == 1:
            # Titles of what arrows go to stand below, out of their way.
            above = TITLE if panel.leads or y == 1 else 0.0
        labels.append(DrawnLabel(x, y + (11 if above else panel.height - 5), panel.title))
        placed[number] = [
            DrawnBox(
                x=x + panel.box * (k % panel.columns),
                y=y + above + panel.tall * (k // panel.columns),
                width=panel.box - 2,
                height=panel.tall - 2,
                tone=each.tone,
                label=_label(each.label, panel.box - 2),
                lines=each.lines if panel.box >= TOLD and _fits(each.lines, panel.box - 2) else (),
                told=each.told,
            )
            for k, each in enumerate(panel.boxes)
        ]
        width = max(width, x + panel.width)
        row_height = max(row_height, panel.height)
        x += panel.width + BESIDE
    return placed, labels, y + row_height + 2, min(width, WIDTH) + 2


def _label(text: str, width: float) -> str:
    """What is written in a box: without its sign where it would not stay inside, else nothing."""
    shorter = (text, text.lstrip("✓✗ "), text.replace(" ", ""))
    return next((each for each in shorter if len(each) * LETTER <= width - 1), "")


def _fits(lines: Sequence[str], width: float) -> bool:
    """Whether small text stays inside of a box."""
    return all(len(each) * SMALL_LETTER <= width - 3 for each in lines)


def _links(trace: CaseTrace, boxes: dict[object, DrawnBox]) -> Iterator[DrawnLink]:
    finding = trace.finding
    thread = boxes.get(("thread", trace.at, trace.thread))
    for array in trace.arrays[:2]:
        for cell in sorted(marked(trace, array))[:LINKS]:
            box = boxes.get(("cell", array.name, cell))
            if box is None and array.space is not Space.SHARED:
                box = boxes.get(("element", cell))
            if box is None:
                continue
            if thread is not None:
                writes = finding is not None and finding.access == "write"
                ends = (thread, box) if writes else (box, thread)
                yield from _arrow(*ends, "guilty", boxes.values())
            if finding is not None and finding.other_thread is not None:
                other = boxes.get(("thread", finding.other_block, finding.other_thread))
                if other is not None:
                    writes = finding.other_access == "write"
                    ends = (other, box) if writes else (box, other)
                    yield from _arrow(*ends, "other", boxes.values())
    if finding is None and thread is not None:
        element = boxes.get(("element", trace.element))
        if element is not None:
            yield from _arrow(thread, element, "guilty", boxes.values())


def _arrow(start: DrawnBox, end: DrawnBox, tone: str, boxes: Iterable[DrawnBox]) -> list[DrawnLink]:
    """From one box to another; none where it would cross what stands in others."""
    down = end.y >= start.y + start.height + ROOM
    if down or start.y >= end.y + end.height + ROOM:
        ax, bx = start.middle[0], end.middle[0]
        ay = start.y + (start.height + 1 if down else -1)
        by = end.y + (-1 if down else end.height + 1)
    else:
        right = end.x >= start.x
        ay, by = start.middle[1], end.middle[1]
        ax = start.x + (start.width + 1 if right else -1)
        bx = end.x + (-1 if right else end.width + 1)
    if any(_crosses((ax, ay), (bx, by), each) for each in boxes):
        return []
    length = math.hypot(bx - ax, by - ay) or 1.0
    ux, uy = (bx - ax) / length, (by - ay) / length
    left = f"{bx - 6 * ux - 3 * uy:.1f} {by - 6 * uy + 3 * ux:.1f}"
    right_ = f"{bx - 6 * ux + 3 * uy:.1f} {by - 6 * uy - 3 * ux:.1f}"
    head = f"M{left}L{bx:.1f} {by:.1f}L{right_}"
    return [DrawnLink(f"M{ax:.1f} {ay:.1f}L{bx:.1f} {by:.1f}{head}", tone)]


def _crosses(start: tuple[float, float], end: tuple[float, float], box: DrawnBox) -> bool:
    """Whether a line goes through a box: some of it lies inside, across and down."""
    inside = [0.0, 1.0]
    for axis, low, size in ((0, box.x, box.width), (1, box.y, box.height)):
        way = end[axis] - start[axis]
        if not way:
            if not low < start[axis] < low + size:
                return False
            continue
        first, last = sorted(((low - start[axis]) / way, (low + size - start[axis]) / way))
        inside = [max(inside[0], first), min(inside[1], last)]
    return inside[0] < inside[1]


_PAST = {"read": "read", "write": "wrote", "atomic": "updated"}


def _keys(trace: CaseTrace, boxes: Iterable[DrawnBox]) -> Iterator[tuple[str, str]]:
    """What the tones mean, those that occur."""
    found = trace.finding
    if trace.thread is not None:
        who = f"thread {called(trace.thread, trace.block)}"
        if found is not None and found.kind is FindingKind.BARRIER_DIVERGENCE:
            did = ""
        elif found is not None and found.cell is not None:
            did = f" {_PAST.get(found.access or '', 'used')} cell {found.cell}"
        else:
            read = any(marked(trace, array) for array in trace.arrays[:2])
            did = " wrote the first wrong element" + (", and the cells that it read" * read)
        yield "guilty", f"{who}{did}"
    if found is not None and found.other_thread is not None:
        did = f" {_PAST.get(found.other_access or '', 'used')} it" if found.other_access else ""
        who = f"thread {called(found.other_thread, trace.block)}"
        if found.other_block is not None and found.other_block != trace.at:
            who += f" of block {called(found.other_block, trace.grid)}"
        yield "other", f"{who}{did}"
    tones = {tone for box in boxes for tone in box.tone.split()}
    for tone, means in (
        ("right", "right"),
        ("wrong", "wrong"),
        ("unwritten", "no thread wrote it"),
        ("outside", "not in the array"),
    ):
        if tone in tones:
            yield tone, means
    if any(line.startswith(("w ", "r ")) for box in boxes for line in box.lines):
        yield "", "w: written by, r: read by"
    if any(line.endswith(SO_MANY) for box in boxes for line in box.lines):
        yield "", f"2{SO_MANY}: by two threads, and so on"
