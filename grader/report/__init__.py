"""Renderings of a record: each format is one function from a record to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from grader.errors import UsageError

if TYPE_CHECKING:
    from grader.record import Audience, Record


@dataclass(frozen=True)
class ReportFormat:
    """A format that records are rendered in. To add one, add one to `FORMATS`."""

    file: str
    """The name of the file that it is written to: the one that its reader expects, where two do
    not expect the same."""
    about: str
    """What it is for, in a few words."""
    renderer: str
    """``module:function``, which takes a record; imported when it is used."""
    for_reader: bool = False
    """Whether the function also takes the audience; to others a reduced record is given."""
    takes_path: bool = False
    """Whether it points into the submission by its path."""
    printed: bool = False
    """Whether commands print it, and write no file of it."""

    def render(self, record: Record, audience: Audience, **more: str) -> bytes:
        """A record, reduced to what the audience may see, in this format."""
        module, _, name = self.renderer.partition(":")
        function: Callable[..., str | bytes] = getattr(import_module(module), name)
        reader = {"audience": audience} if self.for_reader else {}
        rendered = function(record, **reader, **more)
        return rendered.encode("utf-8") if isinstance(rendered, str) else rendered


_FORMATS = "grader.report.formats"
FORMATS: Mapping[str, ReportFormat] = MappingProxyType(
    {
        "html": ReportFormat(
            "report.html",
            "the report for people, one file",
            "grader.report.html:render_html",
            for_reader=True,
        ),
        "json": ReportFormat(
            "record.json",
            "the record itself, from which all others can be made again",
            "grader.record:encode",
        ),
        "text": ReportFormat(
            "report.txt",
            "the verdict on one screen, to the terminal",
            "grader.report.text:render_text",
            for_reader=True,
            printed=True,
        ),
        "github": ReportFormat(
            "summary.md",
            "annotations, job summary and step outputs of a GitHub workflow",
            f"{_FORMATS}.summary:render_summary",
            for_reader=True,
        ),
        "classroom": ReportFormat(
            "classroom.txt",
            "base64 for GitHub Classroom's autograding reporter",
            f"{_FORMATS}.classroom:render_classroom",
        ),
        "classroom50": ReportFormat(
            "result.json",
            "what an autograder of Classroom 50 must write",
            f"{_FORMATS}.classroom50:render_classroom50",
        ),
        "gradescope": ReportFormat(
            "results.json",
            "what a Gradescope autograder must write",
            f"{_FORMATS}.gradescope:render_gradescope",
        ),
        "prairielearn": ReportFormat(
            "prairielearn.json",
            "what an external grader of PrairieLearn must write",
            f"{_FORMATS}.prairielearn:render_prairielearn",
        ),
        "junit": ReportFormat(
            "junit.xml",
            "JUnit XML, for Jenkins, GitLab and most others",
            f"{_FORMATS}.junit:render_junit",
        ),
        "sarif": ReportFormat(
            "results.sarif",
            "SARIF 2.1.0, for code scanning and editors",
            f"{_FORMATS}.sarif:render_sarif",
            takes_path=True,
        ),
        "gcc": ReportFormat(
            "messages.txt",
            "file:line:column: severity: text, to standard output, for editors and scripts",
            f"{_FORMATS}.gcc:render_gcc",
            takes_path=True,
            printed=True,
        ),
        "exercism": ReportFormat(
            "exercism.json",
            "what a test runner of Exercism must write",
            f"{_FORMATS}.exercism:render_exercism",
        ),
        "csv": ReportFormat(
            "result.csv",
            "a header and one row, for a spreadsheet or a gradebook",
            f"{_FORMATS}.spreadsheet:render_csv",
        ),
        "repro": ReportFormat(
            "repro.mojo",
            "a Mojo program that runs the file on the inputs that failed, for grade run or a GPU",
            f"{_FORMATS}.repro:render_repro",
        ),
    }
)
"""Every format by its name. Nothing heavy is imported before one is used."""


def listing() -> str:
    """Every format with its file and what it is for, a line each."""
    return "\n".join(f"  {name:<13} {each.file:<18} {each.about}" for name, each in FORMATS.items())


def render(
    record: Record,
    format: str,
    *,
    path: str = "",
    case: int = 0,
    audience: Audience = "student",
) -> bytes:
    """Render ``record`` as ``format``, a key of `FORMATS`.

    Args:
        record: What to render.
        format: The name of the format.
        path: Of the submission in its repository, for formats that point into files.
        case: Number of the counterexample that a program runs; 0 is the first one.
        audience: Who reads it. For a student it is made of the student's copy
            (`grader.audience`), whichever record is given.

    Raises:
        UsageError: there is no such format.
    """
    from grader.audience import as_seen

    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError(f"there is no report format {format!r}", remedy=f"Choose one of: {known}.")
    more = {"path": path} if path and FORMATS[format].takes_path else {}
    if format == "repro" and case:
        more = {"case": str(case)}
    return FORMATS[format].render(as_seen(record, audience), audience, **more)


def preload() -> None:
    """Import and compile what the HTML report needs.

    Worth calling while the compiler runs: a student whose file does not
    compile then waits for the compiler only.
    """
    from grader.report import html, messages, text

    html.preload()
    # The lexer compiles its patterns as it meets them, and rich is imported by its first use.
    messages.coloured("@a\ndef f[T: A](x: Int) raises -> T:\n    return 'a' + x  # b\n")
    text.preload()
