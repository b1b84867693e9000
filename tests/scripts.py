"""Scripts that stand in for commands, wherever the interpreter lies."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

PYTHON = shlex.quote(sys.executable)
"""The interpreter, as a word of a shell."""


def python_script(path: Path, code: str) -> None:
    """Write a command in Python.

    A line that begins with ``#!`` takes no path with blanks, nor one of more than 127 bytes; so a
    shell starts the interpreter, by a line that to Python is a string. pip does the same.
    """
    path.write_text(f"#!/bin/sh\n'''exec' {PYTHON} \"$0\" \"$@\"\n' '''\n{code}")
    path.chmod(0o755)
