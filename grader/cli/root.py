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
# not held up by what other commands need. The list of them says what each is for without that;
# of one that is not for people it says nothing.
_COMMANDS = {
    "start": (
        "grader.cli.puzzles",
        "start",
        "Write the skeleton of PUZZLE, the file that is to be filled in.",
    ),
    "submit": (
        "grader.cli.submit",
        "submit",
        "Grade FILE (or - for standard input) and write a report.",
    ),
    "watch": (
        "grader.cli.watch",
        "watch",
        "Grade FILE each time that it is saved, and show what changed.",
    ),
    "run": (
        "grader.cli.run",
        "run",
        "Build FILE, run it with ARGUMENTS, and tell what its kernels do wrong.",
    ),
    "profile": (
        "grader.cli.run",
        "profile",
        "Build FILE, run it with ARGUMENTS, and count what each line of its kernels costs.",
    ),
    "batch": ("grader.cli.batch", "batch", "Grade a class: all submissions in SOURCE."),
    "rerender": (
        "grader.cli.batch_results",
        "rerender",
        "Write dashboard, gradebooks and reports of RUN again; nothing is graded.",
    ),
    "show": (
        "grader.cli.batch_results",
        "show",
        "Show how it ended for STUDENT in RUN: a key, a name, an identifier, an email, or a part.",
    ),
    "diff": (
        "grader.cli.batch_results",
        "diff",
        "Say whose mark differs between RUN1 and RUN2, and why.",
    ),
    "report": (
        "grader.cli.record",
        "report",
        "Render RECORD, a record.json that grade submit wrote, again.",
    ),
    "replay": (
        "grader.cli.record",
        "replay",
        "Run one case of RECORD again and show all that the device sees of it.",
    ),
    "doctor": (
        "grader.cli.installation",
        "doctor",
        "Probe toolchain, device and everything else that grading needs.",
    ),
    "toolchain": (
        "grader.cli.installation",
        "toolchain",
        "Install, list and remove the toolchains of other editions.",
    ),
    "demo": (
        "grader.cli.installation",
        "demo",
        "Run the published example of a puzzle with the right answer.",
    ),
    "puzzles": ("grader.cli.puzzles", "puzzles", "List the puzzles with their domain and rubric."),
    "samples": (
        "grader.cli.course",
        "samples",
        "Write the labelled samples into DIR: right ones, wrong ones, hostile ones.",
    ),
    "init": ("grader.cli.course", "init", "Start a course from templates."),
    "action": (
        "grader.cli.course",
        "action",
        "",
    ),
}


class _Commands(MutableMapping[str, click.Command]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> click.Command:
        module, attribute, _ = _COMMANDS[name]
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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (*_, about) in _COMMANDS.items() if about])


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
