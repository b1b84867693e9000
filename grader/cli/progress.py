"""Progress of a grading on the terminal.

On a terminal the running stage's line is rewritten a few times a second; into a file or a log each
stage is one line, written when it ends.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import Self, TextIO

from grader.intake.display import for_terminal
from grader.record import StageOutcome

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
