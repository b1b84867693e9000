"""Keys of a rubric file that are more than one value: the checks, the due date, the skeleton."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from grader.book.digests import array_reads, given_code, given_kernels, program_of
from grader.book.identify import refuse_another
from grader.errors import SubmissionRefused
from grader.intake import read_submission
from grader.intake.display import one_line
from grader.model.code import Kernels
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle, RubricItem
from grader.record import HINT_STEPS, SkeletonInfo, Visibility
from grader.rubric.complaints import Complaints, KeyPath, kind, unknown
from grader.rubric.model import always_visible, built_on, offered

MAX_POINTS = 1_000
"""The most points of one check."""
MOST = 1_000_000
"""The largest limit."""
_KEYS = ("points", "extra", "visibility", "enabled")
"""The keys that every check has; some checks have more."""
_ORDER = (Visibility.VISIBLE, Visibility.AFTER_DUE, Visibility.HIDDEN)
"""From what shows first to what never shows."""


@dataclass(frozen=True, kw_only=True)
class CheckEntry:
    """One check of the puzzle, as the file has it."""

    item: RubricItem
    visibility: Visibility
    visibility_given: bool
    """Whether the file says so itself."""
    mentioned: bool
    """Whether the file has a table for it."""


def read_checks(value: object, puzzle: Puzzle, complaints: Complaints) -> tuple[CheckEntry, ...]:
    """Every check of the puzzle that is left, in the puzzle's order."""
    tables: Mapping[str, object] = {}
    if isinstance(value, dict):
        tables = value
    else:
        complaints.add(("checks",), f"{kind(value)} where tables belong: [checks.NAME]")
    items = _with_offered(puzzle, tables)
    known = [item.id for item in (*puzzle.rubric, *offered(puzzle))]
    for name in tables:
        if name not in known:
            complaints.add(("checks", name), unknown(name, known, "check"))
    read = (_read_check(item, tables.get(item.id), complaints) for item in items)
    return tuple(entry for entry in read if entry is not None)


def _with_offered(puzzle: Puzzle, tables: Mapping[str, object]) -> list[RubricItem]:
    """The puzzle's own checks, and those of a file that it may ask for, behind their part's."""
    items = list(puzzle.rubric)
    for extra in offered(puzzle):
        if extra.id in tables:
            part = puzzle.part(extra.check.part)
            own = {check.id for check in puzzle.checks_of(part)}
            last = max((k for k, item in enumerate(items) if item.id in own), default=-1)
            items.insert(last + 1, extra)
    return items


def _read_check(item: RubricItem, table: object, complaints: Complaints) -> CheckEntry | None:
    """A check as the file has it; None where the file switches it off."""
    path: KeyPath = ("checks", item.id)
    if table is None:
        return CheckEntry(
            item=item, visibility=Visibility.VISIBLE, visibility_given=False, mentioned=False
        )
    if not isinstance(table, dict):
        complaints.add(path, f"{kind(table)} where a table belongs: [checks.{item.id}]")
        return None
    check = item.check
    keys = (*_KEYS, *check.switches, *check.numbers)
    for key in table:
        if key not in keys:
            complaints.add((*path, key), unknown(key, keys, "key"))
    for name in check.switches:
        if name in table:
            switch: dict[str, Any] = {name: true_or_false((*path, name), table[name], complaints)}
            check = replace(check, **switch)
    for name, least in check.numbers.items():
        if name in table:
            most: dict[str, Any] = {name: _number((*path, name), table[name], least, complaints)}
            check = replace(check, **most)
    if check.numbers and not check.settings:
        complaints.add(path, f"it limits nothing; name one of: {', '.join(check.numbers)}")
    points = _points((*path, "points"), table.get("points", item.points), complaints)
    extra = true_or_false((*path, "extra"), table.get("extra", item.extra), complaints)
    visibility = _visibility(
        (*path, "visibility"), table.get("visibility", Visibility.VISIBLE.value), complaints
    )
    enabled = true_or_false((*path, "enabled"), table.get("enabled", True), complaints)
    if always_visible(item.check) and visibility is not Visibility.VISIBLE:
        complaints.add(
            (*path, "visibility"), "it is always visible: nothing else is checked without it"
        )
    if not enabled:
        return None
    return CheckEntry(
        item=replace(item, check=check, points=points, extra=extra),
        visibility=visibility,
        visibility_given="visibility" in table,
        mentioned=True,
    )


def _points(path: KeyPath, value: object, complaints: Complaints) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_POINTS:
        return value
    complaints.add(path, f"{kind(value)}, but points are a whole number from 0 to {MAX_POINTS}")
    return 0


def _number(path: KeyPath, value: object, least: int, complaints: Complaints) -> float:
    """A limit: a number, as it is written."""
    if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= MOST:
        return value
    complaints.add(path, f"{kind(value)}, but it is a number from {least} to {MOST:,}")
    return least


def true_or_false(path: KeyPath, value: object, complaints: Complaints) -> bool:
    """A value that must be true or false; True, with a complaint, where it is neither."""
    if isinstance(value, bool):
        return value
    complaints.add(path, f"{kind(value)}, but it is true or false, without quotes")
    return True


def read_hints(value: object, complaints: Complaints) -> int:
    """How many steps of hints there are; older files say true or false, which is all or none."""
    if isinstance(value, bool):
        return HINT_STEPS if value else 0
    if isinstance(value, int) and 0 <= value <= HINT_STEPS:
        return value
    complaints.add(
        ("hints",),
        f"{kind(value)}, but it is a number of steps from 0 (none) to {HINT_STEPS} (all)",
    )
    return HINT_STEPS


def _visibility(path: KeyPath, value: object, complaints: Complaints) -> Visibility:
    known = [each.value for each in Visibility]
    if isinstance(value, str) and value in known:
        return Visibility(value)
    if isinstance(value, str):
        complaints.add(path, unknown(value, known, "visibility"))
    else:
        complaints.add(path, f"{kind(value)}, but it is one of: {', '.join(known)}")
    return Visibility.VISIBLE


def without_empty(
    entries: Sequence[CheckEntry], puzzle: Puzzle, complaints: Complaints
) -> tuple[CheckEntry, ...]:
    """Leave out the check of the sizes beyond the assigned ones where there are none."""
    left = []
    for each in entries:
        check = each.item.check
        part = puzzle.part(check.part) if check.of_cases else None
        if part is None or check.scope is not Scope.ROBUST or has_beyond(part):
            left.append(each)
        elif each.mentioned and each.item.points:
            complaints.add(
                ("checks", each.item.id),
                "every size is an assigned one, so nothing is left for it to check; "
                "write enabled = false",
            )
    return tuple(left)


def has_beyond(part: Part) -> bool:
    """Whether there are sizes beyond the assigned ones; a domain too large to go through has."""
    return not part.enumerable or bool(part.counts()[1])


def visibilities(
    entries: Sequence[CheckEntry], puzzle: Puzzle, complaints: Complaints, *, due_given: bool
) -> dict[str, Visibility]:
    """When each check shows; a check that builds on others never shows before them."""
    shown = {each.item.id: each.visibility for each in entries}
    for each in entries:
        name, path = each.item.id, ("checks", each.item.id, "visibility")
        if each.visibility is Visibility.AFTER_DUE and not due_given:
            complaints.add(path, "there is no due date; write due = 2026-12-01T23:59:00+01:00")
        for other in built_on(each.item.check, puzzle):
            if _ORDER.index(shown.get(other, Visibility.VISIBLE)) <= _ORDER.index(shown[name]):
                continue
            if each.visibility_given:
                complaints.add(
                    path,
                    f"it is made only where {other} is right, so it would give {other} away, "
                    f"which is {shown[other].value}; write the same here",
                )
            shown[name] = shown[other]
    return shown


_FORM = "write due = 2026-12-01T23:59:00+01:00, without quotes"


def read_due(document: Mapping[str, object], complaints: Complaints) -> datetime | None:
    """The due date with its offset; None where it is missing or makes no sense."""
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
    """The date; None near the ends of the calendar, where it can't be told in other time zones."""
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
            unknown(name, known, "time zone", instead='one is "Europe/Berlin"')
            if known
            else "this machine knows no time zones; write due with an offset, +01:00",
        )
        return None


SKELETON_KEY = ("skeleton",)


def skeleton_info(puzzle: Puzzle, text: str) -> SkeletonInfo:
    """The digests by which a skeleton of a puzzle is recognised."""
    codes = {given_code(text, kernel.function) for kernel in puzzle.given} | {
        given_kernels(text, part.code) for part in puzzle.parts if isinstance(part.code, Kernels)
    }
    reads = (array_reads(text, kernel.function, kernel.array) for kernel in puzzle.given)
    return SkeletonInfo(
        program=program_of(text),
        codes=tuple(sorted(codes - {""})),
        reads=tuple(sorted(frozenset().union(*reads))),
    )


def read_skeleton(
    name: str, folder: Path, puzzle: Puzzle, complaints: Complaints
) -> SkeletonInfo | None:
    """The skeleton that a rubric file names; None with a complaint where it can't be one.

    Args:
        name: Its path, seen from the folder.
        folder: Where the rubric file lies.
        puzzle: What it is a skeleton of.
        complaints: Hears what is wrong with it.
    """
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        complaints.add(
            SKELETON_KEY, f"{one_line(name)} does not lie in the folder of the rubric file"
        )
        return None
    try:
        text = read_submission(folder / path).text
        refuse_another(text, puzzle.name)
    except SubmissionRefused as refused:
        complaints.add(SKELETON_KEY, refused.what)
        return None
    return skeleton_info(puzzle, text)
