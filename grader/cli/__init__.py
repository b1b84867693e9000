"""The command ``grade``. Commands parse and call; the work is done elsewhere."""

from __future__ import annotations

from grader.cli.root import main

__all__ = ["main"]
