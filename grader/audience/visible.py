"""Which checks of a record a student does not see, at a given moment."""

from __future__ import annotations

from datetime import datetime

from grader.record import Record, Visibility


def restricted(record: Record) -> bool:
    """Whether the record was made under a rubric file, so that students get a copy of it.

    Without one there is nothing to leave out, and a student may have the record itself.
    """
    return record.rubric is not None or any(
        check.visibility is not Visibility.VISIBLE for check in record.checks
    )


def concealed(record: Record, now: datetime | None) -> frozenset[str]:
    """Ids of the checks that do not show.

    Args:
        record: A whole record.
        now: The moment, with its offset; None for a moment before every due date.
    """
    due = due_date(record)
    passed = now is not None and due is not None and now >= due
    return frozenset(
        check.id
        for check in record.checks
        if check.visibility is Visibility.HIDDEN
        or (check.visibility is Visibility.AFTER_DUE and not passed)
    )


def due_date(record: Record) -> datetime | None:
    """The due date; None where there is none or it can't be read: then nothing shows."""
    text = record.rubric.due if record.rubric is not None else ""
    try:
        due = datetime.fromisoformat(text)
    except ValueError:
        return None
    return due if due.utcoffset() is not None else None
