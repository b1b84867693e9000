"""The command ``grade``. Commands parse and call; the work is done elsewhere."""

from __future__ import annotations

import os
from typing import NoReturn

from grader.cli import ending
from grader.folders import keep_nothing_of_hypothesis

__all__ = ["main"]


def main() -> NoReturn:
    """Entry point of the command ``grade``."""
    ending.own_streams()
    keep_nothing_of_hypothesis()
    code = ending.conclude(_command)
    # All is written and closed. Taking the interpreter apart object by object would be a
    # twentieth of the time that a file that does not compile takes.
    os._exit(code)


def _command() -> object:
    from grader.cli.root import root

    return root.main(prog_name="grade", standalone_mode=False)
