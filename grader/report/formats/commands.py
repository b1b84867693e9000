"""Workflow commands of GitHub's runner, and how to keep a text from being one.

Source: "Workflow commands for GitHub Actions", GitHub's documentation, and
``ActionCommand.cs`` of https://github.com/actions/runner: a line that starts
with ``::`` (after blank space) is a command, and so is one that has ``##[``
anywhere in it.
"""

from __future__ import annotations

import re
import secrets
from typing import Literal

from grader.intake.display import for_terminal, one_line

Kind = Literal["error", "warning", "notice"]
_START = re.compile(r"(?m)((?:^|\r)\s*):(?=:)")


def command(kind: Kind, message: str, **properties: str | int | None) -> str:
    """One annotation: ``::error file=op/answer.mojo,line=3,title=Race::thread 0 of ...``."""
    named = ",".join(
        f"{name}={_property(one_line(str(value), limit=1_000))}"
        for name, value in properties.items()
        if value not in (None, "")
    )
    shown = _data(for_terminal(message).strip()) or "."
    return f"::{kind} {named}::{shown}" if named else f"::{kind}::{shown}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def inert(text: str) -> str:
    """The same text with no line that the runner obeys; readable as before."""
    return _START.sub(r"\1: ", text).replace("##[", "# #[")


def fenced(text: str) -> str:
    """The text between two lines that stop the runner from obeying anything in it.

    The token is fresh and random, so that the text can't end this by itself.
    """
    token = secrets.token_hex(16)
    end = "" if text.endswith("\n") else "\n"
    return f"::stop-commands::{token}\n{text}{end}::{token}::\n"
