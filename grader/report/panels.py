"""What stands in the drawing of a launch, before it has a place: blocks, threads, cells, elements.

Everything comes from the trace that a record holds. What is too much to draw is cut to what lies
beside the guilty block, thread, cell or element, and `panels` says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from grader.device import Dim3, Space, Writer
from grader.record import ArrayUse, CaseTrace, ElementOwner, OutputOwners
from grader.report.style import cut

WIDTH = 352.0
"""Of the drawing at most, in pixels."""
TITLE = 17.0
"""Height of a panel's title."""
ROW = 8
"""Boxes in one row, of what has one dimension, where there are more than `SHORT_ROW`."""
SHORT_ROW = 10
BOX = 42.0
"""Width of a box at most."""
SMALL = 38.0
"""The same where the block has two dimensions, so that three panels of three stand in a row."""
TOLD = 34.0
"""Width of a box from which on it says who used it."""
LINE = 11.0
"""Height of a line of small text in a box."""
MOST = 32
"""Boxes of what has one dimension."""
SIDE = 16
"""Boxes along a side of what has two."""
LARGE = 64
"""Threads of a block up to which all are drawn."""
AROUND = 16
"""Threads around the guilty one, of a larger block in one dimension."""
AROUND_SIDE = 8
"""The same along a side, of two: so many that their numbers can still be read."""
BLOCKS = 16
"""Blocks that are drawn without cutting the grid."""
SO_MANY = "\N{MULTIPLICATION SIGN}"
NAMED = 4
"""Characters of the threads that a box names; of more it tells how many."""
SMALL_LETTER = 5.8
"""Width of a letter of small text, and of a label."""
LETTER = 6.7


class PlainBox(msgspec.Struct, kw_only=True):
    """A box without a place."""

    key: object
    """By which arrows find it."""
    label: str
    tone: str = ""
    lines: tuple[str, ...] = ()
    told: str = ""
    """What is to be said of it, in words; empty where that is nothing."""


class Panel(msgspec.Struct, kw_only=True):
    """Boxes in rows, before they have a place."""

    title: str
    columns: int
    boxes: list[PlainBox]
    most: float = BOX
    """Width of a box at most."""
    leads: bool = False
    """Whether it is of blocks or threads, from which arrows go down."""

    @property
    def box(self) -> float:
        """Width of a box with the room beside it."""
        return min(self.most, math.floor(WIDTH / max(self.columns, 1)))

    @property
    def width(self) -> float:
        """Of the whole panel."""
        # A short row may have a long title.
        return max(self.box * min(self.columns, len(self.boxes)), 6.2 * len(self.title))

    @property
    def tall(self) -> float:
        """Height of a box with the room below it."""
        longest = max((len(each.lines) for each in self.boxes), default=0)
        lines = longest if self.box >= TOLD else 0
        return (22.0 if self.box >= 26 else self.box) + LINE * lines

    @property
    def height(self) -> float:
        """Of the whole panel, with its title."""
        return TITLE + self.tall * math.ceil(len(self.boxes) / self.columns)


def panels(trace: CaseTrace, notes: list[str]) -> Iterator[Panel]:
    """The panels of a drawing, in their order.

    Args:
        trace: What is drawn.
        notes: Gets what is left out.
    """
    if math.prod(trace.grid) > 1:
        yield _grid(trace, notes)
    flat = is_flat(trace)
    for panel in _inner(trace, notes):
        if not flat:
            panel.most = SMALL
        yield panel


def is_flat(trace: CaseTrace) -> bool:
    """Whether the block has one dimension."""
    return trace.block[1] * trace.block[2] == 1


def _inner(trace: CaseTrace, notes: list[str]) -> Iterator[Panel]:
    own = _threads(trace, trace.at, trace.thread)
    yield own
    finding = trace.finding
    if finding is not None and finding.other_block is not None:
        block, thread = finding.other_block, finding.other_thread
        drawn = {each.key for each in own.boxes}
        # Another thread of a large block may lie far from the guilty one.
        far = thread is not None and ("thread", block, thread) not in drawn
        if block != trace.at or (far and _is_large(trace)):
            yield _threads(trace, block, thread)
    if _is_large(trace):
        notes.append(
            f"A block has {math.prod(trace.block):,} threads. Those around the guilty one are "
            "drawn, with their own numbers."
        )
    names = {output.name for output in trace.outputs[:1] if _has(output, trace)}
    for array in trace.arrays[:2]:
        if array.space is Space.SHARED or array.name not in names:
            yield _array(trace, array, notes)
    for output in trace.outputs[:1]:
        if output.name in names:
            yield _output(trace, output, notes)


def _has(output: OutputOwners, trace: CaseTrace) -> bool:
    """Whether the elements of an output show more than the array of a finding does."""
    cell = trace.finding.cell if trace.finding else None
    own = any(array.name == output.name for array in trace.arrays)
    kept = range(output.first, output.first + len(output.owners))
    return cell in kept if own else len(kept) > 1 or not trace.arrays


def _window(extent: int, at: int, most: int) -> range:
    """At most so many of ``0..extent``, with one of them near the middle."""
    if extent <= most:
        return range(extent)
    first = max(0, min(at - most // 2, extent - most))
    return range(first, first + most)


def _row(count: int, most: int = SHORT_ROW) -> int:
    """Boxes in one row: all, where these are few."""
    return max(1, count) if count <= most else ROW


def _place(index: Dim3, extents: Dim3) -> str:
    """``3``, or ``1, 0`` where there are two dimensions."""
    used = 3 if extents[2] > 1 else 2 if extents[1] > 1 else 1
    return ", ".join(map(str, index[:used]))


def called(index: Dim3, extents: Dim3) -> str:
    """``3``, or ``(1, 0)``: a block or thread in a sentence."""
    text = _place(index, extents)
    return f"({text})" if "," in text else text


def _indices(extents: Dim3, at: Dim3, line: int, side: int) -> tuple[int, list[Dim3]]:
    """Those that are drawn, row by row, and how many stand in a row."""
    x, y, z = extents
    if y * z == 1:
        drawn = [(k, 0, 0) for k in _window(x, at[0], line)]
        return _row(len(drawn), SIDE), drawn
    columns, rows = _window(x, at[0], side), _window(y * z, at[1] + y * at[2], side)
    return len(columns), [(k, row % y, row // y) for row in rows for k in columns]


def _grid(trace: CaseTrace, notes: list[str]) -> Panel:
    whole = math.prod(trace.grid) <= BLOCKS
    columns, drawn = _indices(trace.grid, trace.at, *((BLOCKS, SIDE) if whole else (3, 3)))
    if not whole:
        notes.append(f"Of {math.prod(trace.grid):,} blocks, only those beside it are drawn.")
    other = trace.finding.other_block if trace.finding else None
    return Panel(
        title=f"{math.prod(trace.grid):,} blocks",
        leads=True,
        columns=columns,
        boxes=[
            PlainBox(
                key=("block", each),
                label=_place(each, trace.grid),
                tone="guilty" if each == trace.at else "other" if each == other else "",
            )
            for each in drawn
        ],
    )


def _is_large(trace: CaseTrace) -> bool:
    """Whether some threads of a block are left out."""
    x, y, z = trace.block
    return x * y * z > LARGE or (not is_flat(trace) and max(x, y * z) > SIDE)


def _threads(trace: CaseTrace, block: Dim3, around: Dim3 | None) -> Panel:
    """The threads of a block; of a large one those around one of them."""
    finding = trace.finding
    own = trace.thread if block == trace.at else None
    other = finding.other_thread if finding and finding.other_block == block else None
    large = _is_large(trace)
    sides = (AROUND, AROUND_SIDE) if large else (LARGE, SIDE)
    columns, drawn = _indices(trace.block, around or (0, 0, 0), *sides)
    if large:
        columns = min(columns, ROW)
    total = math.prod(trace.block)
    named = f" of block {called(block, trace.grid)}" if math.prod(trace.grid) > 1 else ""
    first = f"{len(drawn)} of {total:,} threads" if large else "Threads"
    return Panel(
        title=f"{first}{named}" if total > 1 else f"The thread{named}",
        leads=True,
        columns=columns,
        boxes=[
            PlainBox(
                key=("thread", block, each),
                label=_place(each, trace.block).replace(" ", "" if large else " "),
                tone="guilty" if each == own else "other" if each == other else "",
            )
            for each in drawn
        ],
    )


def _array(trace: CaseTrace, array: ArrayUse, notes: list[str]) -> Panel:
    columns, drawn = _cells(trace, array)
    if len(drawn) < array.cells:
        notes.append(f"{len(drawn)} of the {array.cells:,} cells are drawn.")
    meant = marked(trace, array)
    boxes = []
    for cell in drawn:
        use = array.uses[cell - array.first]
        outside = not 0 <= cell < array.cells
        tone = " ".join(
            tone for tone, is_so in (("guilty", cell in meant), ("outside", outside)) if is_so
        )
        wrote, read = (_names(each, trace.block) for each in (use.writers, use.readers))
        told = "; ".join(
            f"{verb} by {_people(who, trace.block)}"
            for verb, who in (("written", use.writers), ("read", use.readers))
            if who
        )
        where = "outside of the array, " if outside else ""
        boxes.append(
            PlainBox(
                key=("cell", array.name, cell),
                label=str(cell),
                tone=tone,
                lines=tuple(f"{sign} {who}" for sign, who in (("w", wrote), ("r", read)) if who),
                told=f"Cell {cell} of {_array_name(array)}: {where}{told}."
                if told or outside
                else "",
            )
        )
    count = f"{array.cells:,} cell{'s' if array.cells != 1 else ''}"
    flat = is_flat(trace)
    kind = ", shared by the block" if array.space is Space.SHARED and flat else ""
    return Panel(title=f"{cut(array.name, 30)}: {count}{kind}", columns=columns, boxes=boxes)


def _array_name(array: ArrayUse) -> str:
    return cut(array.name, 60) or "the array"


def marked(trace: CaseTrace, array: ArrayUse) -> set[int]:
    """The cells that it is about."""
    finding = trace.finding
    if finding is not None:
        return {finding.cell} if finding.cell is not None else set()
    return {
        step.cell
        for step in trace.steps
        if (step.array, step.space) == (array.name, array.space) and step.access != "write"
    }


def _cells(trace: CaseTrace, array: ArrayUse) -> tuple[int, list[int]]:
    """The cells that are drawn and how many stand in a row: as the block or the output has them."""
    kept = range(array.first, array.first + len(array.uses))
    shape = trace.outputs[0].shape if trace.outputs else ()
    wide = 0
    if array.space is Space.SHARED and trace.block[1] > 1:
        wide = trace.block[0]
    elif len(shape) == 2 and math.prod(shape) == array.cells:
        wide = shape[1]
    if 1 < wide <= SIDE and array.cells % wide == 0 and kept.start == 0:
        return wide, list(kept)
    meant = sorted(marked(trace, array))
    middle = meant[-1] - kept.start if meant else 0
    drawn = [kept.start + k for k in _window(len(kept), middle, MOST)]
    return _row(len(drawn)), drawn


def _names(threads: Sequence[Dim3], block: Dim3) -> str:
    """``0``, ``0 4``, ``5 of them``: threads in a box, so many that they stay inside of it."""
    if len(threads) == 1 or block[1] * block[2] == 1:
        named = " ".join(_place(each, block).replace(" ", "") for each in threads)
        if len(threads) == 1 or len(named) <= NAMED:
            return named
    return f"{len(threads)}{SO_MANY}" if threads else ""


def _people(threads: Sequence[Dim3], block: Dim3) -> str:
    named = [called(each, block) for each in threads]
    if len(named) == 1:
        return f"thread {named[0]}"
    return f"threads {', '.join(named[:-1])} and {named[-1]}"


def _output(trace: CaseTrace, output: OutputOwners, notes: list[str]) -> Panel:
    columns, drawn = _elements(trace, output)
    total = math.prod(output.shape)
    if len(drawn) < total:
        notes.append(f"{len(drawn)} of the {total:,} elements of the output are drawn.")
    several = math.prod(trace.grid) > 1
    flat = is_flat(trace)
    named = (array for array in trace.arrays[:2] if array.name == output.name)
    guilty = {cell for array in named for cell in marked(trace, array)} if trace.finding else set()
    boxes = []
    for index in drawn:
        owner = output.owners[index - output.first]
        sign, tone = _state(owner)
        if index in guilty:
            tone = f"guilty {tone}"
        label = _element(index, output.shape)
        by = _owner(owner, trace)
        boxes.append(
            PlainBox(
                key=("element", index),
                label=f"{sign}{label}" if flat else f"{sign}{label}".replace(" ", ""),
                tone=tone,
                lines=_owner_lines(owner, trace, several=several),
                told=f"Element {label}: {'wrong' if owner.wrong else 'right'}, {by}.",
            )
        )
    return Panel(
        title=f"{cut(output.name, 30)}{': who wrote each element' if flat else ''}",
        columns=columns,
        boxes=boxes,
    )


def _state(owner: ElementOwner) -> tuple[str, str]:
    if owner.thread is None:
        return ("✗ " if owner.wrong else ""), "unwritten wrong" if owner.wrong else "unwritten"
    return ("✗ ", "wrong") if owner.wrong else ("✓ ", "right")


def _owner(owner: ElementOwner, trace: CaseTrace) -> str:
    if owner.thread is not None and owner.block is not None:
        thread = f"written by thread {called(owner.thread, trace.block)}"
        return f"{thread} of block {called(owner.block, trace.grid)}"
    return "written by no thread" if owner.writer is not Writer.KERNEL else "written by a kernel"


def _owner_lines(owner: ElementOwner, trace: CaseTrace, *, several: bool) -> tuple[str, ...]:
    if owner.thread is None or owner.block is None:
        return ("nobody",) if owner.writer is not Writer.KERNEL else ()
    thread = f"t {_place(owner.thread, trace.block).replace(' ', '')}"
    block = f"b {_place(owner.block, trace.grid).replace(' ', '')}"
    return (thread, block) if several else (thread,)


def _element(index: int, shape: tuple[int, ...]) -> str:
    if len(shape) == 2 and shape[1]:
        return f"{index // shape[1]}, {index % shape[1]}"
    return str(index)


def _elements(trace: CaseTrace, output: OutputOwners) -> tuple[int, list[int]]:
    """The elements that are drawn, row by row, and how many stand in a row."""
    kept = range(output.first, output.first + len(output.owners))
    at = trace.element if trace.element is not None and trace.element in kept else kept.start
    if len(output.shape) == 2 and output.shape[1] > 1:
        rows, columns = output.shape
        across = _window(columns, at % columns, SIDE)
        down = _window(rows, at // columns, SIDE)
        drawn = [r * columns + c for r in down for c in across if r * columns + c in kept]
        if len(drawn) % len(across) == 0:
            return len(across), drawn
    drawn = [kept.start + k for k in _window(len(kept), at - kept.start, MOST)]
    return _row(len(drawn)), drawn
