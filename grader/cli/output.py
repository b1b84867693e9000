"""What a command shows and writes: progress on the terminal, records and reports as files.

On a terminal the running stage's line is rewritten a few times a second; into a file or a log each
stage is one line, written when it ends.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TextIO

import click

from grader import report
from grader.course import NO_TARGET, ReportTarget, on_runner, publish
from grader.errors import GraderFault, UsageError
from grader.intake.display import for_terminal
from grader.record import Audience, Record, StageOutcome

_DOING = {
    "read": "Reading",
    "toolchain": "Installing the toolchain",
    "package": "Packaging with Mojo",
    "compile": "Compiling",
    "run": "Running cases",
    "lines": "Finding the lines",
    "program": "Running the program",
    "report": "Writing the report",
}
_TAKES = {"compile": " (5 to 50 s)"}
"""What is added to a stage while it runs."""
_MARK = {StageOutcome.DONE: "ok", StageOutcome.FAILED: "failed"}
_INTERVAL = 0.2


class TerminalProgress:
    """A listener to a run that writes to a stream. Use as a context manager.

    Args:
        stream: Where to write.
        discreet: Say neither how many cases ran nor how long they took: more do where one
            fails, which somebody from whom checks are hidden may not learn.
    """

    def __init__(self, stream: TextIO, *, discreet: bool = False) -> None:
        self._stream = stream
        self._discreet = discreet
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._stage: str | None = None
        self._stage_began = self._began
        self._detail = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        if self._live:
            self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        with self._lock:
            self._clear()
            self._stage = None

    def stage_began(self, name: str) -> None:
        """Show what is going on."""
        with self._lock:
            self._stage, self._stage_began, self._detail = name, time.monotonic(), ""
            self._draw()

    def stage_ended(self, name: str, outcome: StageOutcome, seconds: float) -> None:
        """Leave one line for the stage."""
        with self._lock:
            self._clear()
            detail = f", {self._detail}" if self._detail else ""
            what = _DOING.get(name, name)
            took = "" if self._discreet and name == "run" else f" {seconds:5.1f} s{detail}"
            self._write(f"{what:<22} {_MARK[outcome]:<7}{took}".rstrip() + "\n")
            self._stage = None

    def cases(self, done: int, total: int) -> None:
        """Show how many cases have run."""
        if not self._discreet:
            self._detail = f"{done} cases"

    def notice(self, sentence: str) -> None:
        """A line of its own."""
        with self._lock:
            self._clear()
            self._write(f"Note: {for_terminal(sentence)}\n")

    def done(self) -> None:
        """The whole time, on a line of its own, and a blank one before the verdict."""
        with self._lock:
            self._clear()
            self._write(f"{'Done':<22} {'':<7} {time.monotonic() - self._began:5.1f} s\n\n")

    def _tick(self) -> None:
        while not self._stop.wait(_INTERVAL):
            with self._lock:
                self._draw()

    def _draw(self) -> None:
        if not self._live or self._stage is None:
            return
        detail = f"  {self._detail}" if self._detail else ""
        seconds = time.monotonic() - self._stage_began
        doing = f"{_DOING.get(self._stage, self._stage)}{_TAKES.get(self._stage, '')}"
        self._write(f"\r\x1b[2K{doing} … {seconds:.0f} s{detail}")

    def _clear(self) -> None:
        if self._live:
            self._write("\r\x1b[2K")

    def _write(self, text: str) -> None:
        # Whoever read this may have gone; that must not cost a verdict.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


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


def _meant(unknown: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(unknown[0].lower(), report.FORMATS, n=1) if unknown else []
    return f"Did you mean {close[0]}? " if close else ""


@dataclass(frozen=True)
class Outputs:
    """The folder of a run and the formats that are wanted."""

    folder: Path
    formats: Sequence[str]
    target: ReportTarget = NO_TARGET
    """For GitHub: which file of the repository it is about, and who reads it."""
    case: int = 0
    """The counterexample that a program runs; 0 is the first one."""
    hints: int = 2
    """The last step of hints that the terminal shows."""

    def prepare(self) -> None:
        """Make the folder, before any work is done; raises `UsageError` if that can't be."""
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
        """Write every format but the terminal's; the paths by format."""
        written = {}
        for name in self.formats:
            if name == "text":
                continue
            path = self.folder / report.FORMATS[name].file
            data = report.render(
                record,
                name,
                path=self.target.path,
                case=self.case,
                audience=self.target.audience,
            )
            replace_file(path, data)
            written[name] = path
        return written

    def show(self, record: Record, written: dict[str, Path]) -> None:
        """Print the verdict, if wanted, and the paths of what was written."""
        if "text" in self.formats:
            from grader.report.formats.github import fenced
            from grader.report.text import render_text

            colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            encoding = sys.stdout.encoding or "ascii"
            width = shutil.get_terminal_size().columns
            text = render_text(
                record,
                width=width,
                colour=colour,
                encoding=encoding,
                audience=self.target.audience,
                hints=self.hints,
            )
            if on_runner():
                # What a submission says must not become a command of the workflow.
                text = fenced(text)
            click.echo(text, color=True if colour else None)
        self.announce(record)
        for name, path in written.items():
            click.echo(f"{'Record' if name == 'json' else 'Report'}: {path}")
        if "text" in self.formats and "json" in written:
            self._point_to_hints(record, written["json"])
        case = next((each.case for each in record.counterexamples if each.case), 0)
        shown = "text" in self.formats and "json" in written
        if shown and case and record.is_whole and record.cases is not None:
            again = ["grade", "replay", str(written["json"]), "--case", str(case)]
            click.echo(f"Run the smallest failing case again: {shlex.join(again)}")

    def _point_to_hints(self, record: Record, path: Path) -> None:
        """Say how to see the next step of hints, where there is one."""
        from grader.guidance import deepest_hint

        if deepest_hint(record) > self.hints:
            # The step behind this one may be empty.
            again = ["grade", "report", str(path), "--hints", str(self.hints + 1)]
            click.echo(f"A hint: {shlex.join(again)}")

    def announce(self, record: Record) -> None:
        """Tell GitHub's runner, where that is wanted."""
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
