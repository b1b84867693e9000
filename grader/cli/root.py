"""The command group: which commands there are, and how an error ends the program."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from grader import __version__
from grader.errors import ExitCode, GradeError

EXIT_CODES = """\b
Exit codes:
  0  graded, and passed
  1  graded, and not passed
  2  the command was called wrongly
  3  the submission was refused: it can't be read as one
  4  a fault of the grader: there is no mark, and it is not the submission's doing
"""

# A command is imported when it is called, so that a submission that does not compile is
# not held up by what other commands need.
_COMMANDS = {
    "submit": ("grader.cli.submit", "submit"),
    "batch": ("grader.cli.batch", "batch"),
    "rerender": ("grader.cli.class_run", "rerender"),
    "show": ("grader.cli.class_run", "show"),
    "diff": ("grader.cli.class_run", "diff"),
    "report": ("grader.cli.report", "report"),
    "replay": ("grader.cli.replay", "replay"),
    "doctor": ("grader.cli.doctor", "doctor"),
    "toolchain": ("grader.cli.toolchain", "toolchain"),
    "demo": ("grader.cli.demo", "demo"),
    "puzzles": ("grader.cli.puzzles", "puzzles"),
    "init": ("grader.cli.init", "init"),
    "action": ("grader.cli.action", "action"),
}


class _Group(click.Group):
    """A group that imports a command when it is called, and shows errors as this product does."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except GradeError as error:
            _show(error)
            raise click.exceptions.Exit(int(error.exit_code)) from error


def _show(error: GradeError) -> None:
    """What went wrong, then what to do, on standard error."""
    from grader.course.github import on_runner
    from grader.intake.display import for_terminal
    from grader.report.formats.commands import inert

    # On GitHub's runner a line of an error must not be taken for a command.
    shown = inert if on_runner() else str
    label = {ExitCode.REFUSED: "Refused", ExitCode.FAULT: "Fault of the grader"}
    click.echo(
        f"{label.get(error.exit_code, 'Error')}: {shown(for_terminal(error.what))}", err=True
    )
    if error.remedy:
        click.echo(shown(for_terminal(error.remedy)), err=True)


@click.group(
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="grade")
def _root() -> None:
    """Grade solutions of the Mojo GPU puzzles, with or without a GPU.

    Shell completion: eval "$(_GRADE_COMPLETE=bash_source grade)", likewise zsh
    and fish.
    """


def main() -> NoReturn:
    """Entry point of the command ``grade``."""
    try:
        _root(prog_name="grade")
        code = 0
    except SystemExit as ended:
        if not isinstance(ended.code, int | None):
            raise
        code = ended.code or 0
    # All is written and closed. Taking the interpreter apart object by object would be a
    # twentieth of the time that a file that does not compile takes.
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        sys.exit(code)
    os._exit(code)
