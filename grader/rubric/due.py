"""The due date of a rubric file: an instant, not a time on somebody's wall."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from grader.rubric.complaints import Complaints, kind, unknown

_FORM = "write due = 2026-12-01T23:59:00+01:00, without quotes"


def read_due(document: Mapping[str, object], complaints: Complaints) -> datetime | None:
    """The due date with its offset, or None where there is none or it is no good."""
    zone = _zone(document, complaints)
    value = document.get("due")
    if value is None:
        if "due" not in document and "time_zone" in document:
            complaints.add(("time_zone",), "it is the time zone of due, which is not there")
        return None
    if not isinstance(value, datetime):
        told = "a date without a time" if isinstance(value, date) else kind(value)
        complaints.add(("due",), f"{told}, but it is a date and a time; {_FORM}")
        return None
    if value.utcoffset() is not None:
        if "time_zone" in document:
            complaints.add(("time_zone",), "due has an offset already; leave one of them out")
        return _in_range(value, complaints)
    if "time_zone" not in document:
        complaints.add(
            ("due",), f'it has no time zone; {_FORM}, or add time_zone = "Europe/Berlin"'
        )
        return None
    return None if zone is None else _placed(value, zone, complaints)


def _in_range(value: datetime, complaints: Complaints) -> datetime | None:
    """Near the ends of the calendar an instant can't be told in other time zones."""
    if 1970 <= value.year <= 9000:
        return value
    complaints.add(("due",), "the year must lie between 1970 and 9000")
    return None


def _placed(value: datetime, zone: ZoneInfo, complaints: Complaints) -> datetime | None:
    """The local time in its zone, unless the clocks skip it or show it twice."""
    if _in_range(value, complaints) is None:
        return None
    offsets = {value.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1)}
    if len(offsets) > 1:
        shown = " or ".join(sorted(_offset(each) for each in offsets if each is not None))
        complaints.add(
            ("due",),
            "the clocks of that zone change then; write the time with its offset instead of "
            f"time_zone: {shown}",
        )
        return None
    (offset,) = offsets
    assert offset is not None
    # A fixed offset: what the record keeps must mean the same wherever it is read.
    return datetime.fromisoformat(f"{value.isoformat()}{_offset(offset)}")


def _offset(delta: timedelta) -> str:
    minutes = round(delta.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _zone(document: Mapping[str, object], complaints: Complaints) -> ZoneInfo | None:
    name = document.get("time_zone")
    if name is None:
        return None
    if not isinstance(name, str):
        complaints.add(("time_zone",), f'{kind(name)}, but it is a name like "Europe/Berlin"')
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = sorted(available_timezones())
        complaints.add(
            ("time_zone",),
            unknown_zone(name, known)
            if known
            else "this machine knows no time zones; write due with an offset, +01:00",
        )
        return None


def unknown_zone(name: str, known: list[str]) -> str:
    """What to say of a zone that is not there; there are too many to list."""
    told = unknown(name, known, "time zone")
    said, _, rest = told.partition("; ")
    return told if rest.startswith("did you mean") else f'{said}; one is "Europe/Berlin"'
