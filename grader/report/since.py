"""What changed since the last run, as rows for every report."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from grader.guidance import COMPILER
from grader.progress import SinceBefore, progress
from grader.record import EarlierCause, Record, Status
from grader.report.style import STATUS, Badge, cut
from grader.wording.findings import FINDING_PHRASES
from grader.wording.verdicts import (
    CAUSE_OF_COMPILER,
    GONE,
    NEW,
    NO_LONGER_RIGHT,
    NOW_RIGHT,
    since_title,
)

ROWS = 12
TEXT = 400
"""Characters of one row."""


class ChangeRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is different now."""

    badge: Badge
    """For better or for worse, in a word or two."""
    text: str


class SinceView(msgspec.Struct, frozen=True, kw_only=True):
    """All that is different."""

    title: str
    rows: tuple[ChangeRow, ...]


def since_view(record: Record) -> SinceView | None:
    """What changed, or None where there is nothing to compare with."""
    made = progress(record)
    if made is None:
        return None
    title = since_title(made.before, made.after, changed=made.any)
    return SinceView(title=title, rows=tuple(_rows(made, record))[:ROWS])


def _rows(made: SinceBefore, record: Record) -> Iterator[ChangeRow]:
    better, worse = STATUS[Status.PASSED], STATUS[Status.FAILED]
    for badge, word, texts in (
        (better, NOW_RIGHT, [each.title for each in made.now_right]),
        (better, GONE, [_told(each, record) for each in made.gone]),
        (worse, NO_LONGER_RIGHT, [each.title for each in made.no_longer_right]),
        (worse, NEW, [_told(each, record) for each in made.new]),
    ):
        for text in texts:
            yield ChangeRow(badge=Badge(badge.icon, word, badge.tone), text=cut(text, TEXT))


def _told(cause: EarlierCause, record: Record) -> str:
    if cause.sentence:
        phrase = cause.sentence
    elif cause.key == COMPILER:
        phrase = CAUSE_OF_COMPILER
    else:
        phrase = _PHRASES.get(cause.key, cause.key)
    part = next((each.title for each in record.puzzle.parts if each.name == cause.part), "")
    return f"{phrase} (in {part})" if part else phrase


_PHRASES = {kind.value: phrase for kind, phrase in FINDING_PHRASES.items()}
