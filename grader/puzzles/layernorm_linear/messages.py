"""What messages of the compiler mean in this puzzle; `submissions` has a file for each."""

from __future__ import annotations

MESSAGES: tuple[tuple[str, str], ...] = ()
