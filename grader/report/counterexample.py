"""A counterexample as a table, one row an element, and its drawing."""

from __future__ import annotations

import math
from collections.abc import Set as AbstractSet

import msgspec

from grader.record import Counterexample, Mismatch, OutputCase, Tensor
from grader.report import style
from grader.report.drawing import Drawing, draw
from grader.report.launch import LaunchDrawing
from grader.report.style import SHORT, Number, ReportLimits, cut
from grader.wording.cases import ENDED_WITHOUT_OUTPUT, wrong_elements
from grader.wording.findings import SHORT_WRITERS

WHOLE_ROWS = 20
"""Arrays up to this length are shown whole."""
WRONG_ROWS = 8
"""Wrong elements shown of longer ones, each with `NEIGHBOURS` on both sides."""
NEIGHBOURS = 2
LISTED = 64
"""Elements of an input that is listed below a table."""
NAME = 40
"""Characters of the name of a tensor."""
DECODED = 65_536
"""Elements of one array that are looked at."""


class ElementRow(msgspec.Struct, frozen=True, kw_only=True):
    """One element, or a gap."""

    index: str
    cells: tuple[str, ...]
    """One text a column, padded so that decimal points stand under each other."""
    wrong: bool = False
    skipped: int = 0
    """Not zero: this row stands for so many elements that are not shown."""


class CaseTable(msgspec.Struct, frozen=True, kw_only=True):
    """The columns after ``index`` and their cells."""

    columns: tuple[str, ...]
    span: int
    """Columns with the index, without the mark."""
    rows: tuple[ElementRow, ...]


class CaseView(msgspec.Struct, frozen=True, kw_only=True):
    """One counterexample, ready to be shown."""

    title: str
    sizes: str
    check_title: str
    summary: str
    """How much is wrong, in one sentence."""
    explanation: str
    error: str
    table: CaseTable
    others: tuple[tuple[str, str], ...]
    """Inputs of which the table does not show every element: name and values."""
    launch: LaunchDrawing | None
    drawing: Drawing | None
    caption: str
    """What the table shows and what was allowed."""


class DecodedCase:
    """One output of a counterexample with its inputs, decoded once for every renderer.

    Args:
        example: The counterexample.
        output: Which of its outputs; None for the first that is worth showing.
    """

    def __init__(self, example: Counterexample, output: OutputCase | None = None) -> None:
        self.example = example
        self.output = shown = output or example.shown[0]
        self.expected = style.decode(shown.expected, DECODED)
        self.got = [] if shown.got is None else style.decode(shown.got, DECODED)
        self.wrong: dict[int, Mismatch] = {m.index: m for m in shown.mismatches if m.index >= 0}
        columns = [t for t in example.inputs if _beside(t, shown.expected)]
        self.inputs = [(t, style.decode(t, DECODED)) for t in columns]
        self.others = tuple(t for t in example.inputs if not _beside(t, shown.expected))
        self.length = max([len(self.expected), len(self.got), *(len(v) for _, v in self.inputs)])

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the output."""
        return self.output.expected.shape

    def row_of(self, index: int) -> range:
        """The elements of the row that one is in; of a vector all of them."""
        total = max(1, len(self.expected))
        long = self.shape[-1] if len(self.shape) > 1 and self.shape[-1] > 0 else total
        start = index - index % long
        return range(start, min(start + long, total))

    def indices(self) -> list[int]:
        """What a table shows: everything, or the first wrong elements with their neighbours."""
        if self.length <= WHOLE_ROWS:
            return list(range(self.length))
        wrong = [index for index in sorted(self.wrong) if index < self.length][:WRONG_ROWS]
        if not wrong:
            return list(range(WHOLE_ROWS))
        near = {i + d for i in wrong for d in range(-NEIGHBOURS, NEIGHBOURS + 1)}
        return sorted(i for i in near if 0 <= i < self.length)

    def expected_text(self, index: int) -> str:
        """What the reference gives; empty past the end."""
        if index in self.wrong:
            return _value_text(self.wrong[index].expected, self.output.expected.dtype)
        return _cell(self.expected, index, self.output.expected.dtype)

    def got_text(self, index: int) -> str:
        """What the submission gave; empty past the end or without output."""
        if index in self.wrong:
            return _value_text(self.wrong[index].got, self._got_dtype())
        return _cell(self.got, index, self._got_dtype())

    def input_text(self, column: int, index: int) -> str:
        """An element of the ``column``-th input beside the output; empty past the end."""
        tensor, numbers = self.inputs[column]
        return _cell(numbers, index, tensor.dtype)

    def summary(self) -> str:
        """How many elements are wrong, in one sentence."""
        total = style.size(self.output.expected)
        if self.output.got is None:
            return ENDED_WITHOUT_OUTPUT
        return wrong_elements(max(self.output.mismatch_count, len(self.wrong)), total, self._name)

    @property
    def of(self) -> str:
        """`` of mean``, where there are several outputs."""
        return f" of {self._name}" if self._name else ""

    @property
    def _name(self) -> str:
        """Its name, where there are several outputs."""
        several = len(self.example.outputs) > 1
        return cut(self.output.expected.name, NAME) if several else ""

    def _got_dtype(self) -> str:
        return self.output.got.dtype if self.output.got else self.output.expected.dtype


CHARTED = 3
"""Elements of an output from which on it is drawn."""
CHARTED_TOO = 9
"""The same beside the drawing of a launch, which shows them too."""


def case_view(
    example: Counterexample,
    output: OutputCase,
    check_title: str,
    limits: ReportLimits,
    *,
    said: AbstractSet[str] = frozenset(),
    launch: LaunchDrawing | None = None,
) -> CaseView:
    """Prepare one output of a counterexample for a page; what was ``said`` is left out."""
    case = DecodedCase(example, output)
    listed_inputs = case.others if case.length <= WHOLE_ROWS else example.inputs
    bounded = [m for m in output.mismatches if m.allowed is not None]
    # Past a cut list of mismatches nobody knows which elements are wrong.
    known = max(case.wrong, default=-1) + 1 if output.mismatch_count > len(case.wrong) else None
    total = style.size(output.expected)
    # A chart of what is right, or of two numbers, shows nothing.
    drawing = None
    if case.wrong and total >= (CHARTED_TOO if launch is not None else CHARTED):
        drawing = draw(case.expected[:known], case.got[:known], case.wrong.keys(), total=total)
    return CaseView(
        title=cut(example.title[:1].upper() + example.title[1:], SHORT),
        sizes=cut(case_place(example), SHORT),
        check_title=cut(check_title, SHORT),
        summary=case.summary(),
        explanation="" if example.explanation in said else cut(example.explanation, limits.text),
        error=cut(example.error, limits.text),
        table=_table(case, with_bounds=bool(bounded)),
        others=tuple((_shaped(t), style.listed(t, LISTED)) for t in listed_inputs[:6]),
        launch=launch,
        drawing=drawing,
        caption=_caption(case, exact=bool(case.wrong) and not bounded),
    )


def case_place(example: Counterexample) -> str:
    """``second: n 2, m 3``: the part, where there are several, and the sizes."""
    sizes = style.sizes_text(example.sizes)
    return f"{example.part}: {sizes}" if example.part else sizes


def _caption(case: DecodedCase, *, exact: bool) -> str:
    text = f"Element by element{case.of}"
    if case.length > WHOLE_ROWS:
        shown = min(len(case.wrong), WRONG_ROWS)
        wrong = max(case.output.mismatch_count, len(case.wrong))
        which = f"the first {shown} of {wrong} wrong ones" if shown < wrong else "the wrong ones"
        text = f"{text}, {which} with their neighbours" if shown else "The start"
    return f"{text}; the values must be equal bit for bit." if exact else f"{text}."


def _beside(tensor: Tensor, output: Tensor) -> bool:
    return len(tensor.shape) <= 1 or tensor.shape == output.shape


def _table(case: DecodedCase, *, with_bounds: bool) -> CaseTable:
    indices = case.indices()
    names, columns = [], []
    for number, (tensor, _) in enumerate(case.inputs):
        column = [case.input_text(number, i) for i in indices]
        # A short input may have none of the elements that are shown.
        if any(column):
            names.append(cut(tensor.name, NAME))
            columns.append(column)
    results = ["expected"]
    columns.append([case.expected_text(i) for i in indices])
    if case.got or case.wrong:
        results += ["got", "off by"]
        columns.append([case.got_text(i) for i in indices])
        columns.append([_off_by(case.wrong.get(i)) for i in indices])
        if with_bounds:
            results.append("allowed")
            columns.append([_allowed(case.wrong.get(i)) for i in indices])
    padded = [style.align(column) for column in columns]
    if case.wrong:
        results.append("last written by")
        padded.append([written_by(case.wrong.get(i)) for i in indices])
    rows: list[ElementRow] = []
    for place, index in enumerate(indices):
        skipped = index - (indices[place - 1] + 1 if place else 0)
        if skipped:
            rows.append(ElementRow(index="", cells=(), skipped=skipped))
        cells = tuple(column[place] for column in padded)
        rows.append(
            ElementRow(index=index_text(index, case), cells=cells, wrong=index in case.wrong)
        )
    left = case.length - (indices[-1] + 1 if indices else 0)
    if left:
        rows.append(ElementRow(index="", cells=(), skipped=left))
    return CaseTable(
        columns=(*names, *results),
        span=1 + len(names) + len(results),
        rows=tuple(rows),
    )


def index_text(index: int, case: DecodedCase) -> str:
    """The flat index, or the place in an output of more dimensions."""
    shape = case.output.expected.shape
    if len(shape) < 2 or index >= math.prod(shape):
        return str(index)
    place = []
    for extent in reversed(shape):
        index, rest = divmod(index, extent)
        place.append(str(rest))
    return ", ".join(reversed(place))


def written_by(mismatch: Mismatch | None) -> str:
    """Who wrote an element last, in the student's terms; empty where it is not known."""
    if mismatch is None:
        return ""
    if mismatch.block is not None and mismatch.thread is not None:
        block, thread = style.dims_text(mismatch.block), style.dims_text(mismatch.thread)
        return f"block {block}, thread {thread}"
    return SHORT_WRITERS[mismatch.writer] if mismatch.writer else ""


def _cell(numbers: list[Number], index: int, dtype: str) -> str:
    return style.shortest(numbers[index], dtype) if index < len(numbers) else ""


def _value_text(value: float | str, dtype: str) -> str:
    number = style.number(value)
    # An older record keeps whole numbers as floats.
    if "int" in dtype and math.isfinite(number) and number == int(number):
        number = int(number)
    return style.shortest(number, dtype)


def _off_by(mismatch: Mismatch | None) -> str:
    if mismatch is None:
        return ""
    return style.distance(style.number(mismatch.expected), style.number(mismatch.got))


def _allowed(mismatch: Mismatch | None) -> str:
    if mismatch is None:
        return ""
    return "0" if mismatch.allowed is None else f"{mismatch.allowed:.3g}"


def _shaped(tensor: Tensor) -> str:
    return f"{cut(tensor.name, NAME)} ({' by '.join(map(str, tensor.shape))})"
