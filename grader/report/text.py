"""The verdict for a terminal: one screen, whatever the record holds.

Every part of the screen comes in several sizes; the less important parts give
way until everything fits `LINES` lines.
"""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from grader.audience import as_seen
from grader.guidance import Cause, causes, joined, sketches, telling
from grader.record import (
    Audience,
    CheckedFinding,
    Reason,
    Record,
    Verdict,
)
from grader.report import style, terminal
from grader.report.messages import finding_excerpt, titles_of
from grader.report.sections import check_runs, printed_lines, program_told, replay_command
from grader.report.since import since_view
from grader.report.style import split_findings
from grader.report.terminal import Paper
from grader.wording.findings import FINDING_TITLES
from grader.wording.verdicts import PREVIEW_NOTE, sketch_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from grader.record import ProgramOutput

CHECKS = 40
LOOKS = 10
SKETCHES = 2
CUT = 3
"""Lines of a paragraph, where nothing else is left to leave out: of an absurdly long text."""
PRINTED = 5
"""Lines of the terminal for one line of a program."""
LINES = 34
"""Lines of a whole report. Parts that tell least are left out first; no sentence is cut short
but what is absurdly long."""

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
    hints: int = 2,
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
        hints: The last step of hints that is shown, of those that the record has.
    """
    record = as_seen(record, audience)
    paper = Paper(max(40, min(width, 120)), encoding)
    blocks = _screen(record, paper, hints)
    if audience == "instructor":
        # Below what fits one screen, so that it takes nothing from it.
        blocks += [block for block in _for_instructor(record, paper) if block]
    return _print(blocks, paper, colour=colour)


def screen(record: Record, width: int) -> str:
    """One screen of a record, shown as it is given: the caller has decided whose copy it is."""
    paper = Paper(width, "utf-8")
    return _print(_screen(record, paper, 2), paper, colour=False)


def render_glance(
    record: Record,
    *,
    width: int,
    lines: int,
    colour: bool = False,
    encoding: str = "utf-8",
    hints: int = 2,
) -> str:
    """What somebody wants to know who has just saved: points, what changed, the cause, one step.

    Args:
        record: What to render, as a student sees it.
        width: Columns of the terminal; from 40 on.
        lines: How many there is room for.
        colour: Whether to use colours.
        encoding: Of the stream that it is printed to.
        hints: The last step of hints that is shown.
    """
    record = as_seen(record, "student")
    paper = Paper(max(40, min(width, 120)), encoding)
    known = causes(record)
    parts: list[tuple[int, Variants]] = [(9, _headline(record, paper)), (6, _since(record, paper))]
    if record.fault is not None and record.verdict is Verdict.FAULT:
        parts.append((6, _fault(record, paper)))
    parts += [
        (8 if not place else 4, _cause(each, where, record, paper))
        for place, (each, where) in enumerate(joined(known))
    ]
    if record.diagnostics and not any(each.diagnostic for each in known):
        parts.append((2, _diagnostic(record, paper)))
    examples = _example(record, known, paper)
    parts += [(3, example) for example in examples]
    # That nothing is lost comes first where there is no mark, and then what to do.
    steps = 2 if record.verdict is Verdict.FAULT else 1
    # What to do with a right file is told with its verdict.
    if not record.is_preview or record.verdict is Verdict.FAIL:
        parts.append((7, _next(record, paper, hints, steps)))
    if record.verdict is Verdict.FAIL and not known and not examples:
        parts.append((6, _checks(record, known, paper)))
    return _print(_fit(parts, lines), paper, colour=colour)


def _screen(record: Record, paper: Paper, hints: int) -> list[Block]:
    """All parts, in the forms that fit."""
    parts: list[tuple[int, Variants]] = [(9, _headline(record, paper))]
    if record.fault is not None and record.verdict is Verdict.FAULT:
        parts.append((6, _fault(record, paper)))
    known = causes(record)
    parts += [
        (8 if not place else 4, _cause(each, where, record, paper))
        for place, (each, where) in enumerate(joined(known))
    ]
    if record.diagnostics and not any(each.diagnostic for each in known):
        parts.append((5, _diagnostic(record, paper)))
    parts += [(3, example) for example in _example(record, known, paper)]
    parts.append((7, _next(record, paper, hints)))
    if hints > 2:
        parts += [(9, _sketch(line, text, paper)) for line, text in sketches(record)[:SKETCHES]]
    parts.append((6, _checks(record, known, paper)))
    parts.append((6, _since(record, paper)))
    shown = {id(each.finding) for each in known}
    # What the given code does costs nothing: it stands in the report.
    others = [each for each in split_findings(record)[0] if id(each) not in shown]
    if others:
        parts.append((2, _finding(others[0], record, paper)))
    # What the device saw says more than how the program ended by it.
    if record.programs and not any(each.finding for each in known):
        parts.append((2, _programs(record, paper)))
    return _fit(parts, LINES)


def preload() -> None:
    """Import what the first rendering needs."""
    import rich.console
    import rich.text  # noqa: F401 - for its side effect: the time that it takes


def _fit(parts: Sequence[tuple[int, Variants]], room: int) -> list[Block]:
    """Shorten the least important part first, one step at a time, until all fit."""
    chosen = [0] * len(parts)
    order = sorted(range(len(parts)), key=lambda i: parts[i][0])
    while True:
        blocks = [variants[size] for (_, variants), size in zip(parts, chosen, strict=True)]
        blocks = [block for block in blocks if block]
        if sum(map(len, blocks)) + len(blocks) - 1 <= room:
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
    badge, headline = style.badge(record), record.headline
    title = [(f"{paper.symbol(badge.icon)} {badge.word}", f"bold {paper.colour(badge.tone)}")]
    if record.is_preview:
        headline = f"{record.headline} {PREVIEW_NOTE}"
    elif record.verdict in (Verdict.PASS, Verdict.FAIL):
        title.append((f"  {record.score} / {record.max_score}", "bold"))
        extra = style.extra_text(record)
        title.append((f"  {extra}" if extra else "", "green"))
    else:
        title.append((f": {style.lead(record)}", paper.colour(badge.tone)))
    first = paper.spread(title, record.submission.name)
    told = [first, *paper.wrap(headline, indent=2)]
    return [told, told, told, told, [first, *paper.wrap(headline, indent=2, limit=CUT)]]


def _example(record: Record, known: Sequence[Cause], paper: Paper) -> list[Variants]:
    """The smallest case that fails, where it shows something.

    What is beyond the task is shown only to who has all points.
    """
    extra = {check.id for check in record.checks if check.extra}
    said = {each.sentence for each in known}
    for example in telling(record, known):
        beyond = example.check in extra
        shows = example.mismatch_count or not example.answered
        if shows and (not beyond or record.verdict is Verdict.PASS):
            return [terminal.variants(example, paper, said=said, beyond=beyond)]
    return []


def _next(record: Record, paper: Paper, hints: int, steps: int = 3) -> Variants:
    title = paper.line((style.next_title(record), "bold"))
    known = style.next_steps(record, hints)[:steps]
    if not known:
        return [[]]
    told = [paper.wrap(step, bullet="-") for step in known]
    return [
        *(
            [title, *(line for lines in told[:count] for line in lines)]
            for count in range(len(told), 0, -1)
        ),
        *[[title, *told[0]]] * (4 - len(told)),
        [title, *paper.wrap(known[0], bullet="-", limit=CUT)],
    ]


def _sketch(line: int | None, text: str, paper: Paper) -> Variants:
    title = paper.line((sketch_title(line), "bold"))
    code = [paper.one_line([(f"  {each}", "")]) for each in text.splitlines()]
    # It was asked for: other parts give way.
    return [[title, *code]]


def _since(record: Record, paper: Paper) -> Variants:
    view = since_view(record)
    if view is None:
        return [[]]
    title = paper.line((view.title, "bold"))
    rows = []
    for row in view.rows:
        icon = (f"  {paper.symbol(row.badge.icon)} ", f"bold {paper.colour(row.badge.tone)}")
        rows.append(paper.hanging([icon], f"{row.badge.word}: {row.text}"))
    return [[title, *(line for lines in rows for line in lines)], [title]]


def _fault(record: Record, paper: Paper) -> Variants:
    assert record.fault is not None
    what = record.fault.what
    stage = paper.wrap(f"Stage {record.fault.stage}, error {record.fault.kind}.", indent=2)
    told = paper.wrap(what, indent=2)
    return [[*told, *stage], told, told, told, paper.wrap(what, indent=2, limit=CUT)]


def _checks(record: Record, known: Sequence[Cause], paper: Paper) -> Variants:
    """One row a check; runs of checks that were not made for one reason are one row.

    What a cause has said is not said again, and no reason twice.
    """
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL) and not record.is_preview
    by_compiler = any(each.diagnostic is not None for each in known)
    explained = {each.part for each in known}
    said: set[str] = set()
    blocks: list[Block] = []
    titles: list[Block] = []
    for row in check_runs(record.checks[:CHECKS]):
        points = f"{row.points:>4}/{row.max_points:<4}" if marked else "  "
        # In front, since who sees it matters most.
        title = f"({row.note}) {row.title}" if row.note else row.title
        told = by_compiler and row.cause is Reason.COMPILER
        told = told or (row.cause is Reason.PROBLEM and row.part in explained)
        reason = "" if told or row.short in said else row.short
        said.add(row.short)
        text = f"{title}: {reason}" if reason else title
        lead = [(f"  {paper.symbol(row.badge.icon)} ", f"bold {paper.colour(row.badge.tone)}")]
        blocks.append(paper.hanging([*lead, (points, "")], text))
        titles.append(paper.hanging([*lead, (points, "")], title))
    full = [line for block in blocks for line in block]
    # A reason is left out whole rather than cut off.
    short = [line for block in titles for line in block]
    least = [block[0] for block in titles[:10]]
    if (more := len(titles) - len(least)) > 0:
        noun = "check" if more == 1 else "checks"
        least.append(paper.line((f"    {more} more {noun} in the report", "")))
    return [full, short, least]


def _for_instructor(record: Record, paper: Paper) -> list[Block]:
    """What students do not get: hidden checks are marked above; this is the rest of it."""
    looks: Block = []
    if record.look:
        looks.append(paper.line(("Worth a look in the source", "bold")))
        looks += [
            line
            for each in record.look[:LOOKS]
            for line in paper.wrap(f"line {each.line}: {each.sentence}", indent=2)
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


def _cause(cause: Cause, parts: Sequence[str], record: Record, paper: Paper) -> Variants:
    """What is wrong, with the line that it is in, in a form that editors and CI follow."""
    if cause.diagnostic is not None:
        errors = sum(each.severity == "error" for each in record.diagnostics)
        count = f" (1 of {errors})" if errors > 1 else ""
        what = f"error{count}: {cause.sentence}"
    elif cause.finding is not None:
        what = FINDING_TITLES[cause.finding.finding.kind]
    else:
        what = "What is wrong"
    place = ""
    if cause.line is not None:
        place = f"{record.submission.name}:{cause.line}"
        place += f":{cause.column}: " if cause.column is not None else ": "
        what = what[:1].lower() + what[1:]
    part = titles_of(parts, record)
    head_text = f"{place}{what} (in {part})" if part else f"{place}{what}"
    head = paper.wrap(head_text)
    for line in head:
        line.stylize("bold")
    told = "" if cause.diagnostic is not None else style.sentence(cause.sentence)
    message = paper.wrap(told, indent=2)
    code = paper.source(record.submission.text, cause.line, cause.column)
    least = [*paper.wrap(head_text, limit=CUT), *paper.wrap(told, indent=2, limit=CUT)]
    return [[*head, *message, *code], *[[*head, *message]] * 3, least]


def _diagnostic(record: Record, paper: Paper) -> Variants:
    """What the compiler said that is no cause: warnings, or errors of a part alone."""
    first = next((each for each in record.diagnostics if each.line), record.diagnostics[0])
    what = "Errors in the file" if first.severity == "error" else "Warnings of the compiler"
    title = paper.line((what, "bold"))
    message = paper.wrap(f"{first.severity}: {first.message}", indent=2)
    code = paper.source(record.submission.text, first.line, first.column)
    return [[title, *message, *code], [title, *message], []]


def _programs(record: Record, paper: Paper) -> Variants:
    """What the program printed: of each run the last lines, where its result stands."""
    title = paper.line(("What your program printed", "bold"))

    def shown(runs: Sequence[ProgramOutput], lines: int) -> Block:
        block = [title]
        for run in runs:
            if run.command:
                block.append(paper.one_line([(f"  {run.command}:", "dim")]))
            told = printed_lines(run)[-lines:] or [style.sentence(program_told(run))]
            block += [part for line in told for part in paper.wrap(line, indent=2, limit=PRINTED)]
        return block

    return [shown(record.programs[:4], 2), shown(record.programs[:2], 1), []]


def _finding(first: CheckedFinding, record: Record, paper: Paper) -> Variants:
    """A finding that is no cause, or that costs nothing."""
    head = paper.wrap(FINDING_TITLES[first.finding.kind])
    for line in head:
        line.stylize("bold")
    told = paper.wrap(style.sentence(first.finding.message), indent=2)
    shown = finding_excerpt(first.finding, record, context=0)
    code = paper.source(record.submission.text, shown.line, None) if shown else []
    return [[*head, *told, *code], [*head, *told], []]
