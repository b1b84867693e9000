"""What one thread of a traced case did, step by step, with its index arithmetic.

The cells are what the device saw. How an index came about is read from the source, and told only
where it gives the cell that was seen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from grader.device import Space
from grader.intake.arithmetic import certain_values, sources_of, with_numbers
from grader.intake.indexed import indexed_element
from grader.record import ArrayUse, CaseTrace, TracedStep
from grader.report.panels import called
from grader.report.style import cut

SHOWN = 12
"""Steps of one thread that are told: the last ones."""
NAMES = 6
"""Names in the source whose values are told."""
_VERBS = {"read": "reads", "write": "writes", "atomic": "updates"}


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One access."""

    line: int | None
    verb: str
    code: str
    """The element as the source names it; empty where that is not known."""
    filled: str
    """The same with numbers in the place of names; empty where these are not certain."""
    cell: str


class StoryView(msgspec.Struct, frozen=True, kw_only=True):
    """What one thread did."""

    who: str
    values: tuple[tuple[str, int], ...]
    """Names in the source, and what they are in this thread."""
    last: StepView
    """What it did in the end."""
    others: str
    """Who wrote the cells of the array."""
    steps: tuple[StepView, ...]
    """All, where there were several."""
    earlier: int
    """Steps before these."""


def story_of(trace: CaseTrace, source: str) -> StoryView | None:
    """What the thread did that a trace is about; None where that is not known."""
    if trace.thread is None or not trace.steps:
        return None
    shown = trace.steps[-SHOWN:]
    line = trace.steps[-1].line or 0
    values = certain_values(source, line, _indices(trace))
    views = [_step(step, source, values) for step in shown]
    told = "\n".join([views[-1].code, *sources_of(source, line, views[-1].code)])
    named = [
        (name, value)
        for name, value in values.items()
        if "." not in name and re.search(rf"\b{name}\b", told)
    ]
    return StoryView(
        who=f"Thread {called(trace.thread, trace.block)} of block {called(trace.at, trace.grid)}",
        values=tuple(named[:NAMES]),
        last=views[-1],
        others=" ".join(_who_wrote(each, trace) for each in trace.arrays[:1]),
        steps=tuple(views) if len(views) > 1 else (),
        earlier=len(trace.steps) - len(shown),
    )


def _indices(trace: CaseTrace) -> dict[str, int]:
    """``thread_idx.x`` and the like."""
    assert trace.thread is not None
    dims = (
        ("thread_idx", trace.thread),
        ("block_idx", trace.at),
        ("block_dim", trace.block),
        ("grid_dim", trace.grid),
    )
    return {
        f"{name}.{axis}": value
        for name, each in dims
        for axis, value in zip("xyz", each, strict=True)
    }


def _step(step: TracedStep, source: str, values: Mapping[str, int]) -> StepView:
    code = indexed_element(source, step.line or 0, step.column)
    name, _, index = code.partition("[")
    index = index.removesuffix("]")
    filled = with_numbers(index, values, step.cell, step.cells) if index else ""
    array = cut(step.array, 60) or "a buffer"
    outside = "" if 0 <= step.cell < step.cells else ", which is not in it"
    return StepView(
        line=step.line,
        verb=_VERBS.get(step.access, "uses"),
        code=code,
        filled=f"{name}[{filled}]" if filled not in ("", index) else "",
        cell=f"cell {step.cell}{'' if code else f' of {array}'}{outside}",
    )


def _who_wrote(array: ArrayUse, trace: CaseTrace) -> str:
    """Which cells of an array in shared memory the block wrote."""
    if array.space is not Space.SHARED:
        return ""
    name = cut(array.name, 60) or "the array"
    written = {array.first + k: use.writers for k, use in enumerate(array.uses) if use.writers}
    if not written:
        return f"No thread of the block wrote to {name}."
    own = all(who == ((cell, 0, 0),) for cell, who in written.items())
    cells = ranges(sorted(written))
    if own and trace.block[1] * trace.block[2] == 1:
        return f"{counted('Thread', cells)} wrote {counted('cell', cells)} of {name}."
    be = "is" if len(written) == 1 else "are"
    return f"Written {be} {counted('cell', cells)} of {name}."


def counted(word: str, spans: Sequence[tuple[int, int]]) -> str:
    """``cell 3``, ``cells 0 to 7``, ``cells 0 to 3 and 5``."""
    texts = [
        text
        for a, b in spans[:6]
        for text in ([str(k) for k in range(a, b + 1)] if b - a < 2 else [f"{a} to {b}"])
    ]
    more = " and more" if len(spans) > 6 else ""
    single = len(spans) == 1 and spans[0][0] == spans[0][1]
    text = f"{', '.join(texts[:-1])} and {texts[-1]}" if len(texts) > 1 else texts[0]
    return f"{word if single else word + 's'} {text}{more}"


def ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as spans without gaps: the first and the last of each."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
