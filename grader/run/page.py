"""A run as a page: the findings, and the whole program with the lines that they are about."""

from __future__ import annotations

import msgspec

from grader.report.html import environment
from grader.report.messages import LEX_LIMIT as COLOUR_LIMIT
from grader.report.messages import Excerpt, Fragment, SourceLine, coloured, excerpt
from grader.report.profiles import HEADINGS, LEGEND, ProfileView, profile_view
from grader.report.style import Badge, dims_text, grid_text, sentence
from grader.run.document import (
    ProgramFinding,
    RunDocument,
    RunEnding,
    Severity,
    SourceSpot,
)
from grader.run.text import summary
from grader.wording.findings import FINDING_HINTS, FINDING_TITLES

TEMPLATE = "run.html.j2"
MOST_SHOWN = 64 * 1024
"""Characters of one output."""

_ERROR = Badge("✗", "error", "fail")
_WARNING = Badge("!", "warning", "none")


class SpotView(msgspec.Struct, frozen=True, kw_only=True):
    """A place, with its line of the program."""

    label: str
    place: str
    excerpt: Excerpt | None


class ProgramFindingView(msgspec.Struct, frozen=True, kw_only=True):
    """A finding."""

    badge: Badge
    title: str
    message: str
    hint: str
    spots: tuple[SpotView, ...]
    facts: tuple[tuple[str, str], ...]


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that the template prints."""

    file: str
    title: str
    badge: Badge
    headline: str
    diagnostics: tuple[ProgramFindingView, ...]
    findings: tuple[ProgramFindingView, ...]
    profiles: tuple[ProfileView, ...]
    headings: tuple[tuple[str, str], ...]
    """Of the numbers in a profile: a word, and what it means."""
    legend: str
    notes: tuple[str, ...]
    lines: tuple[SourceLine, ...]
    outputs: tuple[tuple[str, str], ...]
    launches: tuple[tuple[str, str, str, str], ...]
    facts: tuple[tuple[str, str], ...]


def render_page(document: RunDocument, text: str) -> str:
    """The page of one run; the same run always gives the same text.

    Args:
        document: The run.
        text: The program.
    """
    return environment().get_template(TEMPLATE).render(page=_page(document, text))


def _page(document: RunDocument, text: str) -> RunPage:
    toolchain, device = document.toolchain, document.device
    return RunPage(
        file=document.file,
        title=f"{document.file}: {_badge(document).word}",
        badge=_badge(document),
        headline=sentence(document.why or summary(document).removeprefix(f"{document.file}: ")),
        diagnostics=tuple(
            ProgramFindingView(
                badge=_ERROR if each.severity == "error" else _WARNING,
                title=each.message,
                message="",
                hint="",
                spots=_spots(text, ("", _spot(each.line, each.column))),
                facts=tuple(("Note", note.message) for note in each.notes),
            )
            for each in document.diagnostics
        ),
        findings=tuple(_finding(each, text) for each in document.findings),
        profiles=tuple(profile_view(each, text.split("\n")) for each in document.profiles),
        headings=HEADINGS,
        legend=LEGEND,
        notes=(*document.advice, *document.not_checked),
        lines=_marked(document, text),
        outputs=tuple(
            (name, said[:MOST_SHOWN])
            for name, said in (
                ("The compiler", document.compiler_output),
                ("Standard output", document.stdout),
                ("Standard error", document.stderr),
            )
            if said.strip()
        ),
        launches=tuple(
            (
                kind.kernel,
                grid_text(kind.grid, kind.cluster),
                dims_text(kind.block),
                f"{kind.count:,}",
            )
            for kind in document.launches
        ),
        facts=_told(
            ("Arguments", " ".join(document.arguments)),
            ("Exit code", str(document.exit_code)),
            ("Mojo", f"{toolchain.mojo_version}, edition {toolchain.edition}"),
            ("Why this edition", toolchain.edition_reason),
            ("Device", device.name),
            ("Isolation", document.isolation.level),
            ("Build", f"{document.build_seconds:.1f} s"),
            ("Run", f"{document.run_seconds:.1f} s"),
        ),
    )


def _told(*facts: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((term, value) for term, value in facts if value)


def _badge(document: RunDocument) -> Badge:
    if document.ending is RunEnding.NOT_BUILT:
        return Badge("✗", "does not compile", "fail")
    if document.ending is RunEnding.STOPPED:
        return Badge("✗", "stopped", "fail")
    if document.ending is RunEnding.NOT_SUPPORTED:
        return Badge("○", "could not be checked", "fault")
    if document.errors:
        word = "1 error" if document.errors == 1 else f"{document.errors} errors"
        return Badge("✗", word, "fail")
    if document.exit_code:
        return Badge("✗", f"exit code {document.exit_code}", "fail")
    if not document.launches or document.not_checked:
        return Badge("○", "ran", "refused")
    return Badge("✓", "nothing found", "pass")


def _finding(found: ProgramFinding, text: str) -> ProgramFindingView:
    finding = found.finding
    facts = _told(
        ("Kernel", found.function),
        ("Array", found.at.array if found.at else ""),
        (
            "Seen",
            f"{found.times:,} times" if found.times > 1 else "",
        ),
        ("Instruction", finding.ptx_text or ""),
        (
            "Code",
            " ← ".join(f"{each.file}:{each.line}" for each in finding.source[:8]),
        ),
    )
    return ProgramFindingView(
        badge=_ERROR if found.severity is Severity.ERROR else _WARNING,
        title=FINDING_TITLES[finding.kind],
        message=sentence(finding.message),
        hint=FINDING_HINTS[finding.kind],
        spots=_spots(
            text,
            ("", found.at),
            ("The other side", found.other if found.other != found.at else None),
        ),
        facts=facts,
    )


def _spot(line: int | None, column: int | None) -> SourceSpot | None:
    return None if line is None else SourceSpot(line=line, column=column)


def _spots(text: str, *spots: tuple[str, SourceSpot | None]) -> tuple[SpotView, ...]:
    return tuple(
        SpotView(
            label=label,
            place=f"line {spot.line}",
            excerpt=excerpt(text, spot.line, spot.column),
        )
        for label, spot in spots
        if spot is not None
    )


def _marked(document: RunDocument, text: str) -> tuple[SourceLine, ...]:
    """The whole program, with the lines that something is about marked."""
    spots = [spot for each in document.findings for spot in (each.at, each.other) if spot]
    about = {spot.line for spot in spots}
    about |= {each.line for each in document.diagnostics if each.line is not None}
    lines = (
        coloured(text)
        if len(text) <= COLOUR_LIMIT
        else tuple((Fragment(line.rstrip("\r")),) for line in text.split("\n"))
    )
    return tuple(
        SourceLine(number=number, fragments=fragments, marked=number in about)
        for number, fragments in enumerate(lines, 1)
    )
