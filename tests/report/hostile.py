"""Records in which every text is hostile."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.record import Record
from tests.report.records import ALL

BAIT = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "\"' onmouseover='alert(1)' x=\"",
    "</style></title></svg></pre><h1>100 / 100</h1>",
    "{{ 7 * 7 }}{% raw %}{# #}",
    "]]><!--",
    "&lt;b&gt;&amp;",
    "javascript:alert(1)",
    "https://example.invalid/x.png",
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "\u202egnorw\u202c \u2066x\u2069",
    "a\u200bb\ufeffc\u00ad\u2028d\u2029e",
    "\ud800\udfff\ufffe\U000e0041",
    "\x00\x01\x7f\x85\r\n\r\t\x0b\x0c",
    "[bold red]markup[/] :smile:",
    "日本語の説明" * 40,
    "e" + "\u0301" * 50,
    "x" * 10_000,
    "\n" * 200,
    "",
)
"""What a submission could try to smuggle into a report."""

texts = st.one_of(
    st.sampled_from(BAIT),
    st.text(max_size=40),
    st.lists(st.sampled_from(BAIT), min_size=2, max_size=3).map("".join),
)


def poisoned(value: Any, text: str) -> Any:
    """A copy of a record, or of a part of one, with ``text`` for every text in it."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, tuple):
        return tuple(poisoned(item, text) for item in value)
    if isinstance(value, dict):
        return {f"{text}{i}": item for i, item in enumerate(value.values())}
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return type(value)(**{name: poisoned(item, text) for name, item in fields.items()})
    return value


def _representative() -> st.SearchStrategy[Record]:
    # No text is in the log of the cases, which fills most of a record.
    return st.sampled_from([replace(make(), cases=None) for make in ALL.values()])


def records() -> st.SearchStrategy[Record]:
    """A representative record with one hostile text everywhere in it."""
    # Making them is a search of Hypothesis too, which may not begin inside of a test: deferred, it
    # is done just before.
    return st.builds(poisoned, st.deferred(_representative), texts)
