"""Text of a submission, made safe to show: no control sequence survives.

The first step for every renderer, before the escaping of its own format.
Nothing is dropped without a trace: what can't be shown becomes a visible sign,
so that a reader sees that something was there.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
# Control, format (bidirectional overrides, zero-width signs, tags), surrogate,
# private use, unassigned, line and paragraph separators.
_HIDDEN_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENDLESS_MARKS: Final = re.compile(
    r"(?s)(?<!\A)([\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]{4})"
    r"[\u0300-\u036f\u1ab0-\u1aff\u20d0-\u20ff]+"
)
_UNSAFE_IN_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")
MAX_NAME: Final = 80


class _Shown(dict[int, str]):
    """`str.translate` asks it once for each character that it has not seen."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Zs":
            shown = " "  # the wide and the unbreakable ones too
        elif category not in _HIDDEN_CATEGORIES:
            shown = character
        elif code < 0x20:
            shown = chr(0x2400 + code)  # the control pictures: ESC becomes one sign
        else:
            shown = _REPLACEMENT
        if len(self) < 10_000:
            self[code] = shown
        return shown


_LINES = _Shown({ord("\n"): "\n", ord("\t"): "    "})
_LINE = _Shown({ord("\t"): " "})


def for_terminal(text: str, *, limit: int = 20_000) -> str:
    """``text`` without control, escape or bidirectional characters; line ends are kept.

    Args:
        limit: The most characters to return; a cut is marked.
    """
    text = text.replace("\r\n", "\n")
    shown = _ENDLESS_MARKS.sub(r"\1", text[:limit].translate(_LINES))
    left_out = len(text) - limit
    return f"{shown}\n[... {left_out} more characters]" if left_out > 0 else shown


def one_line(text: str, *, limit: int = 200) -> str:
    """`for_terminal` in a single line: line ends become visible signs, a cut an ellipsis."""
    shown = _ENDLESS_MARKS.sub(r"\1", text[:limit].translate(_LINE))
    return shown[: limit - 1] + "…" if len(text) > limit else shown


def safe_name(name: str) -> str:
    """A name to show for what was handed in: ``[A-Za-z0-9_.-]``, not starting with ``-`` or ``.``.

    Everything else becomes an underscore. It may not be unique and is never a path.
    """
    cleaned = _UNSAFE_IN_NAME.sub("_", name[: 4 * MAX_NAME])[:MAX_NAME]
    if cleaned[:1] in {"-", "."}:
        cleaned = "_" + cleaned[1:]
    return cleaned or "submission"
