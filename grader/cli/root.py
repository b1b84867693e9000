"""The command group: which commands there are."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, MutableMapping

import click

from grader import __version__

EXIT_CODES = """\b
Exit codes:
  0  graded, and passed
  1  graded, and not passed
  2  the command was called wrongly
  3  the submission was refused: it can't be read as one
  4  a fault of the grader: there is no mark, and it is not the submission's doing
  130, 141  stopped by Ctrl-C; whoever read the output has closed the pipe
"""

# A command is imported when it is called, so that a submission that does not compile is
# not held up by what other commands need.
_COMMANDS = {
    "submit": ("grader.cli.submit", "submit"),
    "run": ("grader.cli.run", "run"),
    "batch": ("grader.cli.batch", "batch"),
    "rerender": ("grader.cli.batch_results", "rerender"),
    "show": ("grader.cli.batch_results", "show"),
    "diff": ("grader.cli.batch_results", "diff"),
    "report": ("grader.cli.record", "report"),
    "replay": ("grader.cli.record", "replay"),
    "doctor": ("grader.cli.installation", "doctor"),
    "toolchain": ("grader.cli.installation", "toolchain"),
    "demo": ("grader.cli.installation", "demo"),
    "puzzles": ("grader.cli.puzzles", "puzzles"),
    "samples": ("grader.cli.course", "samples"),
    "init": ("grader.cli.course", "init"),
    "action": ("grader.cli.course", "action"),
}


class _Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, attribute = _COMMANDS[name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)

    def __setitem__(self, name: str, command: click.Command) -> None:
        raise TypeError("commands are named in _COMMANDS")

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are named in _COMMANDS")


class _Group(click.Group):
    """Lists its commands in their own order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_Group,
    commands=_Commands(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXIT_CODES,
)
@click.version_option(__version__, prog_name="grade")
def root() -> None:
    """Grade solutions of the Mojo GPU puzzles, with or without a GPU.

    Shell completion: eval "$(_GRADE_COMPLETE=bash_source grade)", likewise zsh
    and fish.
    """
