"""What ``grade watch`` does: looks at a file, has each save graded, shows what changed."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self, TextIO

from grader.cli.how import How
from grader.cli.links import linked
from grader.cli.output import Outputs, compared, readers_copy
from grader.cli.submit import earlier_record, when
from grader.errors import SubmissionRefused, UsageError
from grader.intake import Submission
from grader.intake.display import for_terminal
from grader.record import Record
from grader.report.text import render_glance
from grader.watch import INTERVAL, AwaitedGrading, FileGone, Save, SavedFile, StartedAhead

_LEAST_LINES = 12
_BEFORE_THE_NEXT = 3.0
"""Seconds of a grading after which the process of the next one may take a processor to start."""


class Screen:
    """What stands on the terminal: the last verdict, and below it a line on what is going on.

    Into a file or a log everything is written once, one below the other.
    """

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream, self._name = stream, for_terminal(name)
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ
        self._shown: tuple[Record, int, tuple[str, ...]] | None = None
        self._status = ""
        self._size = shutil.get_terminal_size()

    def show(self, record: Record, hints: int, below: tuple[str, ...]) -> None:
        """Put a record in the place of the one before it."""
        self._shown = (record, hints, below)
        self._draw()

    def status(self, said: str, seconds: float | None = None) -> None:
        """What is going on: a line that is rewritten where it can be."""
        if self._live and (size := shutil.get_terminal_size()) != self._size:
            self._size = size
            self._draw()
        line = f"{said} {seconds:.0f} s" if self._live and seconds is not None else said
        if line == self._status:
            return
        self._status = line
        self._write(f"\r\x1b[2K{line[: self._size.columns - 1]}" if self._live else f"{line}\n")

    def close(self) -> None:
        """Leave the terminal to whoever comes next."""
        if self._live:
            self._write("\r\x1b[2K")

    def _draw(self) -> None:
        if self._shown is None:
            return
        record, hints, below = self._shown
        columns, rows = self._size
        text = render_glance(
            record,
            width=columns,
            # With a blank line between the three, and the status.
            lines=max(_LEAST_LINES, rows - len(below) - 3) if self._live else 60,
            colour=self._colour,
            encoding=self._stream.encoding or "ascii",
            hints=hints,
        )
        self._status = ""
        start = "\x1b[H\x1b[2J" if self._live else ""
        self._write(f"{start}{text}\n" + "".join(f"{line}\n" for line in below) + "\n")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Watching:
    """The loop: look at the file, begin and drop gradings, show what they come to."""

    def __init__(self, file: Path, how: How, outputs: Outputs, screen: Screen) -> None:
        self._file, self._how, self._outputs, self._screen = file, how, outputs, screen
        self._saved = SavedFile(file)
        self._ahead = StartedAhead()
        self._grading: AwaitedGrading | None = None
        self._dropped: list[AwaitedGrading] = []
        self._previewed = False
        self._earlier = earlier_record(None, outputs.folder, file)
        self._any_shown = False
        self._doing = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with _undisturbed():
            self._drop()
            self._ahead.close()
            self._screen.close()
            for each in self._dropped:
                each.wait()

    def run(self) -> None:
        """Until somebody ends it."""
        while True:
            save = self._saved.look()
            if save is not None:
                self._drop()
                self._begin(save)
            if (grading := self._grading) is not None:
                if (record := grading.record()) is not None:
                    self._drop()
                    self._conclude(record, graded_before=grading.graded_before)
                elif not self._previewed and (preview := grading.preview()) is not None:
                    self._show_preview(preview)
            running = self._grading
            seconds = time.monotonic() - running.began if running is not None else None
            if seconds is None or seconds > _BEFORE_THE_NEXT:
                self._ahead.start()
            self._screen.status(self._doing, seconds)
            time.sleep(INTERVAL)

    def _begin(self, save: Save) -> None:
        name, now = for_terminal(self._file.name), f"{datetime.now().astimezone():%H:%M:%S}"
        match save:
            case FileGone():
                self._doing = f"{name} is not there. It is graded when it is back. Ctrl-C ends."
            case SubmissionRefused():
                self._conclude(self._how.refusal(self._file, save))
            case Submission():
                above = " Above is an older save." if self._any_shown else ""
                self._doing = f"{name} saved at {now}.{above} Grading …"
                self._previewed = False
                try:
                    request = self._how.request(self._file, save)
                except (SubmissionRefused, UsageError) as error:
                    refused = SubmissionRefused(error.what, remedy=error.remedy)
                    self._conclude(self._how.refusal(self._file, refused))
                else:
                    self._grading = AwaitedGrading(request, save, self._ahead)

    def _show_preview(self, record: Record) -> None:
        """Show it, and nothing else: it is written nowhere, and no verdict is compared with it."""
        self._previewed = self._any_shown = True
        self._doing = f"Above is a preview of {for_terminal(self._file.name)}. Grading …"
        self._screen.show(readers_copy(record, "student"), self._outputs.hints, ())

    def _conclude(self, record: Record, *, graded_before: bool = False) -> None:
        shown = compared(readers_copy(record, "student"), self._earlier, "student")
        self._earlier = shown
        written = self._outputs.write(shown)
        below = [f"Report: {linked(written['html'], sys.stdout)}"]
        if shown.isolation is not None and shown.isolation.note:
            below.append(f"Note: {shown.isolation.note}")
        rubric = self._how.rubric
        below += [f"Note: {each}" for each in (rubric.notices if rubric is not None else ())]
        before = f"As graded before, on {when(shown)}. " if graded_before else ""
        self._doing = f"{before}Watching {for_terminal(self._file.name)}. Ctrl-C ends."
        self._any_shown = True
        self._screen.show(shown, self._outputs.hints, tuple(below))

    def _drop(self) -> None:
        if self._grading is not None:
            self._grading.drop()
            self._dropped = [each for each in self._dropped if not each.ended] + [self._grading]
            self._grading = None


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Whoever presses Ctrl-C twice leaves no more behind than who presses it once."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
