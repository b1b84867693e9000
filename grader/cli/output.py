"""What a command shows and writes: the verdict on the terminal, records and reports as files."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from grader import report
from grader.cli.links import linked
from grader.errors import GraderFault, UsageError

if TYPE_CHECKING:
    from grader.course import ReportTarget
    from grader.record import Audience, Record


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats in a list separated by commas; ``help`` lists them and ends the program.

    Raises:
        UsageError: one of them is not known, or there is none.
    """
    if text.strip() == "help":
        click.echo(f"Formats, separated by commas:\n{report.listing()}")
        raise click.exceptions.Exit(0)
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in report.FORMATS]
    if unknown or not names:
        raise UsageError(
            f"there is no report format {unknown[0]!r}" if unknown else "no report format is named",
            remedy=f"{_meant(unknown)}Choose from:\n{report.listing()}",
        )
    return names


def for_stdout(out: Path | None, formats: tuple[str, ...]) -> bool:
    """Whether ``--out -`` is given, which takes one format.

    Raises:
        UsageError: there are others.
    """
    if str(out) != "-":
        return False
    if len(formats) != 1:
        raise UsageError(
            "--out - writes one format to standard output",
            remedy="Name it, as in: --format json --out -",
        )
    return True


def _meant(unknown: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(unknown[0].lower(), report.FORMATS, n=1) if unknown else []
    return f"Did you mean {close[0]}? " if close else ""


@dataclass(frozen=True)
class Outputs:
    """The folder of a run and the formats that are wanted."""

    folder: Path
    formats: Sequence[str]
    target: ReportTarget
    """For GitHub: which file of the repository it is about, and who reads it."""
    case: int = 0
    """The counterexample that a program runs; 0 is the first one."""
    hints: int = 2
    """The last step of hints that the terminal shows."""
    named: str = ""
    """The submission as the caller named it, for messages that point into it."""
    to_stdout: bool = False
    """Whether the only format goes to standard output, and no file is written."""

    def prepare(self) -> None:
        """Make the folder, before any work is done; raises `UsageError` if that can't be."""
        if self.to_stdout:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise UsageError(
                f"nothing can be written to {self.folder}: {error.strerror}",
                remedy="Choose another folder with --out DIR.",
            ) from error

    def write(self, record: Record) -> dict[str, Path]:
        """Write every format that is a file; the paths by format."""
        written = {}
        for name in self.formats:
            if self.to_stdout or report.FORMATS[name].printed:
                continue
            path = self.folder / report.FORMATS[name].file
            if name == "html":
                self._write_page(record, path)
            else:
                replace_file(path, self._rendered(record, name, self.target.path))
            written[name] = path
        return written

    def _write_page(self, record: Record, path: Path) -> None:
        """Write the report, unless it is there: it takes as long as all else about a record."""
        from grader.record import encode
        from grader.remembered import RememberedPage

        page = RememberedPage(encode(record), self.target.audience)
        if not page.is_at(path):
            data = self._rendered(record, "html", self.target.path)
            replace_file(path, data)
            page.keep(data)

    def show(self, record: Record, written: dict[str, Path]) -> None:
        """Print what is wanted on standard output, and the paths of what was written."""
        if "text" in self.formats:
            self._print_verdict(record)
        self.announce(record)
        # Where a program reads the output, what is for people is no part of it.
        aside = bool(self._for_programs)
        stream = sys.stderr if aside else sys.stdout
        for name, path in written.items():
            what = "Record" if name == "json" else "Report"
            click.echo(f"{what}: {linked(path, stream)}", err=aside)
        if "text" in self.formats and "json" in written:
            self._point_on(record, written["json"])

    def _print_verdict(self, record: Record) -> None:
        from grader.course import on_runner
        from grader.report.formats.github import fenced
        from grader.report.text import render_text

        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        text = render_text(
            record,
            width=shutil.get_terminal_size().columns,
            colour=colour,
            encoding=sys.stdout.encoding or "ascii",
            audience=self.target.audience,
            hints=self.hints,
        )
        if on_runner():
            # What a submission says must not become a command of the workflow.
            text = fenced(text)
        click.echo(text, color=True if colour else None)

    @property
    def _for_programs(self) -> tuple[str, ...]:
        """What is printed for other programs to read."""
        return tuple(
            name
            for name in self.formats
            if name != "text" and (self.to_stdout or report.FORMATS[name].printed)
        )

    def _rendered(self, record: Record, name: str, path: str) -> bytes:
        return report.render(record, name, path=path, case=self.case, audience=self.target.audience)

    def _point_on(self, record: Record, path: Path) -> None:
        """Say how to see more: the next step of hints, and a case that failed."""
        self._point_to_hints(record, path)
        examples = [each.case for each in record.counterexamples if each.case]
        found = examples or [each.case for each in record.findings if each.case]
        if found and record.is_whole and record.cases is not None:
            again = ["grade", "replay", str(path), "--case", str(found[0])]
            click.echo(f"Run the smallest failing case again: {shlex.join(again)}")
        if examples and record.is_whole:
            program = ["grade", "report", str(path), "--format", "repro"]
            click.echo(f"A Mojo program that shows it: {shlex.join(program)}")

    def _point_to_hints(self, record: Record, path: Path) -> None:
        """Say how to see the next step of hints, where there is one."""
        from grader.guidance import deepest_hint

        if deepest_hint(record) > self.hints:
            # The step behind this one may be empty.
            again = ["grade", "report", str(path), "--hints", str(self.hints + 1)]
            click.echo(f"A hint: {shlex.join(again)}")

    def announce(self, record: Record) -> None:
        """Print what programs read, and tell GitHub's runner, where that is wanted."""
        from grader.course import on_runner, publish
        from grader.report.formats.github import inert

        for name in self._for_programs:
            data = self._rendered(record, name, self.named or self.target.path)
            if on_runner():
                data = inert(data.decode()).encode()
            click.echo(data, nl=False)
        if "github" in self.formats:
            publish(record, self.target)


def readers_copy(record: Record, audience: Audience) -> Record:
    """What this reader may see of a record by now.

    A record that was not made under a rubric file is left as it is.
    """
    from grader.audience import for_audience, restricted

    if audience == "instructor" or not restricted(record):
        return record
    return for_audience(record, audience, datetime.now(UTC))


def for_reader(record: Record, audience: Audience) -> Record:
    """As `readers_copy`, with a word about what is left out."""
    shown = readers_copy(record, audience)
    if shown.withheld is not None and record.withheld is None:
        click.echo(
            "The rubric hides checks: this is the student's copy. "
            "--audience instructor shows and keeps everything.",
            err=True,
        )
    return shown


def compared(record: Record, earlier: Record | None, audience: Audience) -> Record:
    """A record as its reader sees it, with what an earlier one is compared in.

    Of that one the reader gets to know no more than of this one.
    """
    from grader.audience import for_audience, restricted, with_hints
    from grader.progress import with_earlier

    if earlier is None:
        return record
    if audience == "student":
        if restricted(earlier):
            earlier = for_audience(earlier, audience, datetime.now(UTC))
        if record.rubric is not None:
            earlier = with_hints(earlier, record.rubric.hint_steps)
    return with_earlier(record, earlier)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise GraderFault(
            f"{path} could not be written: {error.strerror}",
            remedy="Make room on the disk, or choose another place.",
        ) from error


def open_in_browser(path: Path) -> None:
    """Show a report to whoever is at this machine; a word where that can't be."""
    import webbrowser

    if not webbrowser.open(path.absolute().as_uri()):
        click.echo(f"No browser could be opened for {path}.", err=True)
