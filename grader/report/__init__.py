"""Renderings of a record: each format is one function from a record to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from grader.record import Record, encode


def _html(record: Record) -> bytes:
    from grader.report.html import render_html

    return render_html(record).encode("utf-8")


def _text(record: Record) -> bytes:
    from grader.report.text import render_text

    return render_text(record).encode("utf-8")


FORMATS: Mapping[str, Callable[[Record], bytes]] = MappingProxyType(
    {"html": _html, "json": encode, "text": _text}
)
"""Every format by its name. Nothing heavy is imported before one is used."""

FILE_NAMES: Mapping[str, str] = MappingProxyType(
    {"html": "report.html", "json": "record.json", "text": "report.txt"}
)
"""The name of the file that a format is written to."""


def render(record: Record, format: str) -> bytes:
    """Render ``record`` as ``format``, a key of `FORMATS`.

    Raises:
        UsageError: there is no such format.
    """
    from grader.errors import UsageError

    try:
        renderer = FORMATS[format]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UsageError(
            f"there is no report format {format!r}", remedy=f"Choose one of: {known}."
        ) from None
    return renderer(record)


def preload() -> None:
    """Import and compile what the HTML report needs.

    Worth calling while the compiler runs: a student whose file does not
    compile then waits for the compiler only.
    """
    from grader.report import html, source, text

    html.preload()
    # The lexer compiles its patterns as it meets them, and rich is imported by its first use.
    source.coloured("@a\ndef f[T: A](x: Int) raises -> T:\n    return 'a' + x  # b\n")
    text.preload()
