"""Text in GitHub's Markdown: shown as it is, whatever it holds.

Every ASCII sign that Markdown or HTML could read becomes a numeric character
reference. CommonMark (0.31, section 2.5) gives references no meaning as
structure, so what comes out is text: no emphasis, link, image, table cell, tag,
mention or reference to an issue.
"""

from __future__ import annotations

import html
import re

from grader.intake.display import for_terminal, one_line

_SIGNS = re.compile(r"[^\w\s]|_", re.ASCII)
_PLAIN = frozenset(",;('\"?/%")
"""Signs that mean nothing in a line of text, also at its start."""
ZERO_WIDTH_SPACE = "&#8203;"


def inline(text: str, *, limit: int = 300) -> str:
    """A text for the middle of a line, a heading or the cell of a table."""
    return _SIGNS.sub(_reference, one_line(text, limit=limit).strip())


def _reference(found: re.Match[str]) -> str:
    sign = found[0]
    if sign in _PLAIN or not sign.isascii():
        return sign
    # GitHub looks for mentions in what Markdown has made, where a reference is a sign again.
    after = ZERO_WIDTH_SPACE if sign == "@" else ""
    return f"&#{ord(sign)};{after}"


def block(text: str, *, limit: int = 4_000) -> str:
    """Lines in a fixed-width font.

    HTML, not a fence: a fence ends where the text has one. The first line stands
    behind the tag, and blank lines are kept; only ``</pre>`` ends it (CommonMark,
    section 4.6, kind 1), which can't be in an escaped text.
    """
    return f"<pre>{html.escape(for_terminal(text, limit=limit), quote=False)}</pre>"
