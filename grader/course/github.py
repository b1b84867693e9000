"""What a command says to GitHub's runner: on standard output and in the files it names.

Source: "Workflow commands for GitHub Actions": what is appended to the files
named by ``GITHUB_STEP_SUMMARY`` and ``GITHUB_OUTPUT`` becomes the job summary
and the step's outputs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from grader.errors import GraderFault
from grader.record import Audience, Record


@dataclass(frozen=True, kw_only=True)
class ReportTarget:
    """Whom a report on GitHub is for, and which file of the repository it annotates."""

    path: str = ""
    """Relative to the repository; empty for the name in the record."""
    audience: Audience = "student"


NO_TARGET = ReportTarget()


def on_runner() -> bool:
    """Whether the output goes to a log in which GitHub's runner looks for commands."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def path_in_repository(file: Path) -> str:
    """The path that an annotation needs; empty for a file that is not in the workspace."""
    workspace = os.environ.get("GITHUB_WORKSPACE") or os.curdir
    try:
        relative = os.path.relpath(os.path.abspath(file), os.path.abspath(workspace))
    except (OSError, ValueError):
        return ""
    return "" if relative == ".." or relative.startswith("../") else relative


def publish(record: Record, target: ReportTarget, *, pass_mark: int | None = None) -> None:
    """Annotate, and append to the summary and the outputs where the runner names files for them.

    Raises:
        GraderFault: a file that the runner names can't be written.
    """
    from grader.audience import as_seen
    from grader.report.formats.github import annotate, step_outputs
    from grader.report.formats.summary import render_summary

    record = as_seen(record, target.audience)
    click.echo("\n".join(annotate(record, target.path or record.submission.name)))
    append("GITHUB_STEP_SUMMARY", render_summary(record, target.audience))
    set_outputs(step_outputs(record, pass_mark=pass_mark))


def set_outputs(outputs: Mapping[str, str]) -> None:
    """Append step outputs, each with a delimiter that no value can hold but by chance."""
    lines = []
    for name, value in outputs.items():
        delimiter = f"grade_{secrets.token_hex(16)}"
        lines.append(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
    append("GITHUB_OUTPUT", "".join(lines))


def append(variable: str, text: str) -> None:
    """Append to the file that an environment variable names, if it does."""
    path = os.environ.get(variable)
    if not path:
        return
    try:
        with open(path, "a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise GraderFault(
            f"the file of {variable}, {path}, could not be written: {error.strerror}",
            remedy="Unset the variable, or point it at a file that can be written.",
        ) from error
