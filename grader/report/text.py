"""The verdict for a terminal: one screen, whatever the record holds.

Every part of the screen comes in several sizes; the less important parts give
way until everything fits `LINES` lines.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from grader.audience import as_seen
from grader.record import Audience, Record, Verdict
from grader.report import style, terminal
from grader.report.messages import finding_excerpt
from grader.report.sections import check_runs, replay_command
from grader.report.terminal import Paper
from grader.wording import FINDING_TITLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

CHECKS = 40
LOOKS = 10
LINES = 26
"""Lines of a whole report; with the path and the prompt after it, 30 lines are enough."""

Block = list["Text"]
Variants = list[Block]
"""One part of the screen, from its fullest form to its shortest; the last may be empty."""


def render_text(
    record: Record,
    *,
    width: int = 80,
    colour: bool = False,
    encoding: str = "utf-8",
    audience: Audience = "student",
) -> str:
    """The verdict on one screen, ending in a line feed.

    Args:
        record: What to render.
        width: Columns of the terminal; from 40 on.
        colour: Whether to use colours; the text says the same without.
        encoding: Of the stream that it is printed to. Symbols that it lacks
            are replaced by ASCII, other characters by their escapes.
        audience: An instructor also sees hidden checks, what is worth a look and
            how to run a case again.
    """
    record = as_seen(record, audience)
    paper = Paper(max(40, min(width, 120)), encoding)
    blocks = _screen(record, paper)
    if audience == "instructor":
        # Below what fits one screen, so that it takes nothing from it.
        blocks += [block for block in _for_instructor(record, paper) if block]
    return _print(blocks, paper, colour=colour)


def screen(record: Record, width: int) -> str:
    """One screen of a record, shown as it is given: the caller has decided whose copy it is."""
    paper = Paper(width, "utf-8")
    return _print(_screen(record, paper), paper, colour=False)


def _screen(record: Record, paper: Paper) -> list[Block]:
    """All parts, in the forms that fit."""
    parts: list[tuple[int, Variants]] = [
        (9, _headline(record, paper)),
        (7, _next(record, paper)),
        (8, _checks(record, paper)),
    ]
    if record.fault is not None and record.verdict is Verdict.FAULT:
        parts.insert(1, (6, _fault(record, paper)))
    if record.diagnostics:
        parts.append((5, _diagnostic(record, paper)))
    if record.counterexamples:
        parts.append((4, terminal.variants(record, paper)))
    if record.findings:
        parts.append((3, _finding(record, paper)))
    return _fit(parts)


def preload() -> None:
    """Import what the first rendering needs."""
    import rich.console
    import rich.text  # noqa: F401 - for its side effect: the time that it takes


def _fit(parts: Sequence[tuple[int, Variants]]) -> list[Block]:
    """Shorten the least important part first, one step at a time, until all fit."""
    chosen = [0] * len(parts)
    order = sorted(range(len(parts)), key=lambda i: parts[i][0])
    while True:
        blocks = [variants[size] for (_, variants), size in zip(parts, chosen, strict=True)]
        blocks = [block for block in blocks if block]
        if sum(map(len, blocks)) + len(blocks) - 1 <= LINES:
            return blocks
        shorter = [i for i in order if chosen[i] + 1 < len(parts[i][1])]
        if not shorter:
            return blocks
        # Everything takes one step before anything takes two.
        least = min(chosen[i] for i in shorter)
        chosen[next(i for i in shorter if chosen[i] == least)] += 1


def _print(blocks: list[Block], paper: Paper, *, colour: bool) -> str:
    from rich.console import Console

    stream = StringIO()
    console = Console(
        file=stream,
        width=paper.width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        legacy_windows=False,
        _environ={},
    )
    for place, block in enumerate(blocks):
        if place:
            console.print()
        for line in block:
            console.print(line, no_wrap=True, overflow="crop", crop=True, highlight=False)
    return "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))


def _headline(record: Record, paper: Paper) -> Variants:
    badge = style.badge(record)
    title = [(f"{paper.symbol(badge.icon)} {badge.word}", f"bold {paper.colour(badge.tone)}")]
    if record.verdict in (Verdict.PASS, Verdict.FAIL):
        title.append((f"  {record.score} / {record.max_score}", "bold"))
        extra = style.extra_text(record)
        title.append((f"  {extra}" if extra else "", "green"))
    else:
        title.append((f": {style.lead(record)}", paper.colour(badge.tone)))
    first = paper.spread(title, record.submission.name)
    # What is still to come stands at the end of a student's copy, and must not be cut.
    lines = (3, 2) if record.withheld is None else (6, 6)
    return [[first, *paper.wrap(record.headline, indent=2, limit=limit)] for limit in lines]


def _next(record: Record, paper: Paper) -> Variants:
    title = paper.line((style.next_title(record), "bold"))
    steps = style.next_steps(record)
    if not steps:
        return [[]]
    full = [line for step in steps[:3] for line in paper.wrap(step, bullet="-", limit=3)]
    return [
        [title, *full],
        [title, *(line for step in steps[:2] for line in paper.wrap(step, bullet="-", limit=2))],
        [title, *paper.wrap(steps[0], bullet="-", limit=2)],
    ]


def _fault(record: Record, paper: Paper) -> Variants:
    assert record.fault is not None
    what = record.fault.what
    stage = paper.wrap(f"Stage {record.fault.stage}, error {record.fault.kind}.", indent=2, limit=1)
    full = [*paper.wrap(what, indent=2, limit=4), *stage]
    return [full, paper.wrap(what, indent=2, limit=2)]


def _checks(record: Record, paper: Paper) -> Variants:
    """One line a check; runs of checks that were not made for one reason are one line."""
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    rows = check_runs(record.checks[:CHECKS])
    lines = []
    for row in rows:
        points = f"{row.points:>4}/{row.max_points:<4}" if marked else "  "
        # In front, where the end of the line does not cut it: who sees it matters most.
        title = f"({row.note}) {row.title}" if row.note else row.title
        title = f"{title}: {row.reason}" if row.reason else title
        pieces = [(f"  {paper.symbol(row.badge.icon)} ", f"bold {paper.colour(row.badge.tone)}")]
        lines.append(paper.one_line([*pieces, (points, ""), (title, "")]))
    short = lines[:10]
    if len(lines) > len(short):
        short.append(paper.line((f"    {len(lines) - 10} more checks in the report", "")))
    return [lines, short]


def _for_instructor(record: Record, paper: Paper) -> list[Block]:
    """What students do not get: hidden checks are marked above; this is the rest of it."""
    looks: Block = []
    if record.look:
        looks.append(paper.line(("Worth a look in the source", "bold")))
        looks += [
            paper.one_line([(f"  line {each.line}: {each.sentence}", "")])
            for each in record.look[:LOOKS]
        ]
    again = [(each.title, each.case) for each in record.counterexamples]
    again += [(FINDING_TITLES[each.finding.kind], each.case) for each in record.findings]
    known = dict.fromkeys(each for each in again if each[1])
    replays: Block = []
    if known:
        replays.append(paper.line(("Run a case again", "bold")))
        replays += [
            paper.one_line([(f"  {replay_command(case)}", ""), (f"   {title}", "dim")])
            for title, case in list(known)[:LOOKS]
        ]
    return [looks, replays]


def _diagnostic(record: Record, paper: Paper) -> Variants:
    errors = [d for d in record.diagnostics if d.severity == "error"]
    candidates = errors or list(record.diagnostics)
    # One that names a line can be shown with it.
    first = next((each for each in candidates if each.line), candidates[0])
    count = f" (1 of {len(errors)})" if len(errors) > 1 else ""
    what = "Errors in the file" if errors else "Warnings of the compiler"
    title = paper.line((f"{what}{count}", "bold"))
    text = f"{first.severity}: {first.message}"
    message = {limit: paper.wrap(text, indent=2, limit=limit) for limit in (1, 3)}
    code = paper.source(record.submission.text, first.line, first.column)
    return [
        [title, *message[3], *code],
        [title, *message[1], *code],
        [title, *message[1]],
        [],
    ]


def _finding(record: Record, paper: Paper) -> Variants:
    student, skeleton = style.split_findings(record)
    first = (student or skeleton)[0]
    where = "" if student else "In the code you were given (costs nothing): "
    title = FINDING_TITLES[first.finding.kind]
    title = title if student else title[:1].lower() + title[1:]
    head = paper.one_line([(where + title, "bold")])
    message = style.sentence(first.finding.message)
    told = {limit: paper.wrap(message, indent=2, limit=limit) for limit in (1, 2)}
    shown = finding_excerpt(first.finding, record, context=0)
    code = paper.source(record.submission.text, shown.line, None) if shown else []
    return [[head, *told[2], *code], [head, *told[2]], [head, *told[1]], [head], []]
