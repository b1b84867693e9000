"""How the command ends: the only place that decides its exit code.

0 to 3 are verdicts and wrong calls, and nothing else may look like one: Python itself ends with 1
for whatever nobody caught, which would read as "graded, and not passed". So everything that a
command raises, from its first import to the last write, comes through `conclude`.

Only the standard library is imported here, so that a broken installation ends here as well.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

INTERRUPTED = 130
"""As a shell says of a program that Ctrl-C has ended."""
READER_GONE = 141
"""As a shell says of a program whose reader (``head``) has closed the pipe."""
FAULT = 4
USAGE = 2


class OutputLost(BaseException):
    """Standard output can't be written. No handler on the way takes it for something else."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.error = error


class _Descriptor(io.FileIO):
    """A standard stream that waits where the other end is slow, whatever its mode is."""

    def __init__(self, number: int) -> None:
        super().__init__(number, "w", closefd=False)

    def write(self, data: Any) -> int:
        while (written := super().write(data)) is None:
            select.select([], [self], [])
        return written


class _Output(_Descriptor):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OutputLost(error) from error


class _Progress(_Descriptor):
    """Standard error: whoever read it may have gone, which must not cost a verdict."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def own_streams() -> None:
    """Make the standard streams such that every failure of theirs ends in `conclude`.

    A closed one is as the null device. Left closed, its number would go to the next file that is
    opened, which would then be written to.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdout = _text(_Output(1), sys.stdout)
    sys.stderr = _text(_Progress(2), sys.stderr)


def _text(raw: io.FileIO, before: io.TextIOBase | Any) -> io.TextIOWrapper:
    # Python gives none for a stream that was closed. A sign that the encoding lacks is no
    # reason to end.
    errors = getattr(before, "errors", None) or "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=True,
        write_through=getattr(before, "write_through", False),
    )


def conclude(call: Callable[[], object]) -> int:
    """Call, tell what went wrong if something did, and say with which code the command ends.

    Args:
        call: The command. What it returns is the code if it is a number, else it went well.
    """
    try:
        code = call()
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:
        # The end is near, and a second Ctrl-C must not change what it is.
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return _after(error)
        except BaseException:  # not even that could be told
            return FAULT


def _after(error: BaseException) -> int:
    if isinstance(error, OutputLost):
        if error.error.errno == errno.EPIPE:
            return READER_GONE
        _say(
            f"Fault of the grader: standard output can't be written: {error.error.strerror}.",
            "Make room, or send the output elsewhere. Files that were written are complete.",
        )
        return FAULT
    if isinstance(error, SystemExit) and not error.code:
        return 0
    if _is_interrupt(error):
        _say("Interrupted.")
        return INTERRUPTED
    return _of_commands(error) or _unexpected(error)


def _is_interrupt(error: BaseException) -> bool:
    # click calls it an abort.
    return isinstance(error, KeyboardInterrupt) or (
        type(error).__name__ == "Abort" and isinstance(error.__cause__, KeyboardInterrupt)
    )


def _of_commands(error: BaseException) -> int:
    """The code of an error that was raised on purpose, told; 0 for any other error."""
    try:
        import click

        from grader.errors import ExitCode, GradeError
    except ImportError:
        return 0
    if isinstance(error, click.ClickException):
        error.show()
        return USAGE
    if isinstance(error, GradeError):
        labels = {ExitCode.REFUSED: "Refused", ExitCode.FAULT: "Fault of the grader"}
        _say(f"{labels.get(error.exit_code, 'Error')}: {error.what}", error.remedy)
        return int(error.exit_code)
    return 0


def _unexpected(error: BaseException) -> int:
    """A defect: one sentence, and a file with the details."""
    details = "".join(traceback.format_exception(error))
    said = str(error).strip().partition("\n")[0]
    what = f"Fault of the grader: {type(error).__name__}{': ' if said else ''}{said}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="grade-fault-", suffix=".txt", delete=False, encoding="utf-8",
            errors="backslashreplace",
        ) as file:  # fmt: skip
            file.write(details)
    except OSError:
        _say(what, "This is no verdict. Please report it with these details:", details)
    else:
        _say(what, f"This is no verdict. The details are in {file.name}; please report it.")
    return FAULT


def _say(*lines: str) -> None:
    """Lines on standard error, harmless to a terminal and to GitHub's runner."""
    try:
        from grader.course import on_runner
        from grader.intake.display import for_terminal
        from grader.report.formats.github import inert
    except ImportError:
        for line in lines:
            sys.stderr.write(f"{ascii(line)[1:-1]}\n")
        return
    # On GitHub's runner a line of an error must not be taken for a command.
    shown = inert if on_runner() else str
    for line in lines:
        if line:
            sys.stderr.write(f"{shown(for_terminal(line))}\n")
