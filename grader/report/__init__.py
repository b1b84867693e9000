"""Renderings of a record: each format is one function from a record to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType

from grader.audience import as_seen
from grader.record import Audience, Record, encode

Renderer = Callable[[Record, Audience], bytes]


def _json(record: Record, audience: Audience) -> bytes:
    return encode(record)


def _html(record: Record, audience: Audience) -> bytes:
    from grader.report.html import render_html

    return render_html(record, audience).encode("utf-8")


def _text(record: Record, audience: Audience) -> bytes:
    from grader.report.text import render_text

    return render_text(record, audience=audience).encode("utf-8")


def _github(record: Record, audience: Audience) -> bytes:
    from grader.report.formats.summary import render_summary

    return render_summary(record, audience).encode("utf-8")


def _format(name: str) -> Renderer:
    """The renderer ``render_NAME`` of the module of that name, imported when it is used.

    These formats are alike for every reader: it is the record that differs.
    """

    def render_other(record: Record, audience: Audience) -> bytes:
        module = import_module(f"grader.report.formats.{'table' if name == 'csv' else name}")
        rendered = getattr(module, f"render_{name}")(record)
        assert isinstance(rendered, bytes)
        return rendered

    return render_other


FORMATS: Mapping[str, Renderer] = MappingProxyType(
    {
        "html": _html,
        "json": _json,
        "text": _text,
        "github": _github,
        **{
            name: _format(name)
            for name in (
                "classroom",
                "classroom50",
                "gradescope",
                "prairielearn",
                "junit",
                "sarif",
                "exercism",
                "csv",
            )
        },
    }
)
"""Every format by its name. Nothing heavy is imported before one is used."""

FILE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "html": "report.html",
        "json": "record.json",
        "text": "report.txt",
        "github": "summary.md",
        "classroom": "classroom.txt",
        "classroom50": "result.json",
        "gradescope": "results.json",
        "prairielearn": "prairielearn.json",
        "junit": "junit.xml",
        "sarif": "results.sarif",
        "exercism": "exercism.json",
        "csv": "result.csv",
    }
)
"""The name of the file that a format is written to: the one that its reader expects, where
two do not expect the same."""

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "html": "the report for people, one file",
        "json": "the record itself, from which all others can be made again",
        "text": "the verdict on one screen, to the terminal",
        "github": "annotations, job summary and step outputs of a GitHub workflow",
        "classroom": "base64 for GitHub Classroom's autograding reporter",
        "classroom50": "what an autograder of Classroom 50 must write",
        "gradescope": "what a Gradescope autograder must write",
        "prairielearn": "what an external grader of PrairieLearn must write",
        "junit": "JUnit XML, for Jenkins, GitLab and most others",
        "sarif": "SARIF 2.1.0, for code scanning and editors",
        "exercism": "what a test runner of Exercism must write",
        "csv": "a header and one row, for a spreadsheet or a gradebook",
    }
)
"""What each format is for, in a few words."""


def listing() -> str:
    """Every format with its file and what it is for, a line each."""
    return "\n".join(
        f"  {name:<13} {FILE_NAMES[name]:<18} {DESCRIPTIONS[name]}" for name in FORMATS
    )


def render(record: Record, format: str, *, path: str = "", audience: Audience = "student") -> bytes:
    """Render ``record`` as ``format``, a key of `FORMATS`.

    Args:
        record: What to render.
        format: The name of the format.
        path: Of the submission in its repository, for formats that point into files.
        audience: Who reads it. For a student it is made of the student's copy
            (`grader.audience`), whichever record is given.

    Raises:
        UsageError: there is no such format.
    """
    from grader.errors import UsageError

    try:
        renderer = FORMATS[format]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UsageError(
            f"there is no report format {format!r}", remedy=f"Choose one of: {known}."
        ) from None
    record = as_seen(record, audience)
    if format == "sarif" and path:
        from grader.report.formats.sarif import render_sarif

        return render_sarif(record, path)
    return renderer(record, audience)


def preload() -> None:
    """Import and compile what the HTML report needs.

    Worth calling while the compiler runs: a student whose file does not
    compile then waits for the compiler only.
    """
    from grader.report import html, source, text

    html.preload()
    # The lexer compiles its patterns as it meets them, and rich is imported by its first use.
    source.coloured("@a\ndef f[T: A](x: Int) raises -> T:\n    return 'a' + x  # b\n")
    text.preload()
