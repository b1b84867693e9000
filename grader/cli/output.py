"""Where a run's record and reports go: files in a folder, and the terminal."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from grader import report
from grader.errors import GraderFault, UsageError
from grader.record import Record


def parse_formats(text: str) -> tuple[str, ...]:
    """The formats in a list separated by commas; raises `UsageError` for an unknown one."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    unknown = [name for name in names if name not in report.FORMATS]
    if unknown or not names:
        raise UsageError(
            f"there is no report format {unknown[0]!r}" if unknown else "no report format is named",
            remedy=f"Choose from: {', '.join(report.FORMATS)}.",
        )
    return names


@dataclass(frozen=True)
class Outputs:
    """The folder of a run and the formats that are wanted."""

    folder: Path
    formats: Sequence[str]

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
            path = self.folder / report.FILE_NAMES[name]
            _replace(path, report.render(record, name))
            written[name] = path
        return written

    def show(self, record: Record, written: dict[str, Path]) -> None:
        """Print the verdict, if wanted, and the paths of what was written."""
        if "text" in self.formats:
            from grader.report.text import render_text

            colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            encoding = sys.stdout.encoding or "ascii"
            width = shutil.get_terminal_size().columns
            text = render_text(record, width=width, colour=colour, encoding=encoding)
            click.echo(text, color=True if colour else None)
        for name, path in written.items():
            click.echo(f"{'Record' if name == 'json' else 'Report'}: {path}")


def _replace(path: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(data)
        os.chmod(file.name, 0o644)
        os.replace(file.name, path)
    except OSError as error:
        raise GraderFault(
            f"{path} could not be written: {error.strerror}",
            remedy="Make room on the disk or choose another folder with --out DIR.",
        ) from error
