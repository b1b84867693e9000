"""Paths that can be clicked, in terminals that can show such (OSC 8).

A terminal can't be asked. So it is those that are known to have it, by the variables that they set:
some others would show the escape as rubbish.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import quote

_PROGRAMS: Final = frozenset({"iTerm.app", "WezTerm", "ghostty", "vscode"})
_TERMS: Final = frozenset({"alacritty", "foot", "wezterm", "xterm-ghostty", "xterm-kitty"})
_SET: Final = ("KITTY_WINDOW_ID", "KONSOLE_VERSION", "WT_SESSION")
_VTE: Final = 5000
"""The version of GNOME's terminal, and others of its kind, from which on it has them."""


def linked(path: Path, stream: TextIO) -> str:
    """A path for people; on a terminal that has links, as one."""
    shown = str(path)
    if not stream.isatty() or not has_links(os.environ):
        return shown
    # The link names the machine: over a remote shell, the path is not on the terminal's machine.
    target = f"file://{socket.gethostname()}{quote(os.path.abspath(path))}"
    return f"\x1b]8;;{target}\x1b\\{shown}\x1b]8;;\x1b\\"


def has_links(environment: Mapping[str, str]) -> bool:
    """Whether a terminal with these variables shows links."""
    term = environment.get("TERM", "")
    # What runs in these inherits the variables of the terminal around them.
    if term in ("", "dumb", "linux") or term.startswith(("screen", "tmux")):
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        term in _TERMS
        or environment.get("TERM_PROGRAM") in _PROGRAMS
        or any(environment.get(name) for name in _SET)
        or (vte.isascii() and vte.isdigit() and int(vte) >= _VTE)
    )
