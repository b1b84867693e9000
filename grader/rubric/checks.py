"""The part of a rubric file that is about single checks: ``[checks.NAME]``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle, RubricItem
from grader.record import Visibility
from grader.rubric.complaints import Complaints, kind, unknown
from grader.rubric.model import always_visible, built_on
from grader.rubric.positions import Path

MAX_POINTS = 1_000
"""For one check."""
_KEYS = ("points", "extra", "visibility", "enabled")
_ORDER = (Visibility.VISIBLE, Visibility.AFTER_DUE, Visibility.HIDDEN)
"""From what shows first to what never shows."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """One check of the puzzle, as the file has it."""

    item: RubricItem
    visibility: Visibility
    visibility_given: bool
    """Whether the file says so itself."""
    mentioned: bool
    """Whether the file has a table for it."""


def read_checks(value: object, puzzle: Puzzle, complaints: Complaints) -> tuple[Terms, ...]:
    """Every check of the puzzle that is left, in the puzzle's order."""
    tables: Mapping[str, object] = {}
    if isinstance(value, dict):
        tables = value
    else:
        complaints.add(("checks",), f"{kind(value)} where tables belong: [checks.NAME]")
    known = [item.id for item in puzzle.rubric]
    for name in tables:
        if name not in known:
            complaints.add(("checks", name), unknown(name, known, "check"))
    read = (_read_check(item, tables.get(item.id), complaints) for item in puzzle.rubric)
    return tuple(terms for terms in read if terms is not None)


def _read_check(item: RubricItem, table: object, complaints: Complaints) -> Terms | None:
    """None where the file switches the check off."""
    path: Path = ("checks", item.id)
    if table is None:
        return Terms(
            item=item, visibility=Visibility.VISIBLE, visibility_given=False, mentioned=False
        )
    if not isinstance(table, dict):
        complaints.add(path, f"{kind(table)} where a table belongs: [checks.{item.id}]")
        return None
    for key in table:
        if key not in _KEYS:
            complaints.add((*path, key), unknown(key, _KEYS, "key"))
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
    return Terms(
        item=replace(item, points=points, extra=extra),
        visibility=visibility,
        visibility_given="visibility" in table,
        mentioned=True,
    )


def _points(path: Path, value: object, complaints: Complaints) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_POINTS:
        return value
    complaints.add(path, f"{kind(value)}, but points are a whole number from 0 to {MAX_POINTS}")
    return 0


def true_or_false(path: Path, value: object, complaints: Complaints) -> bool:
    """A switch."""
    if isinstance(value, bool):
        return value
    complaints.add(path, f"{kind(value)}, but it is true or false, without quotes")
    return True


def _visibility(path: Path, value: object, complaints: Complaints) -> Visibility:
    known = [each.value for each in Visibility]
    if isinstance(value, str) and value in known:
        return Visibility(value)
    if isinstance(value, str):
        complaints.add(path, unknown(value, known, "visibility"))
    else:
        complaints.add(path, f"{kind(value)}, but it is one of: {', '.join(known)}")
    return Visibility.VISIBLE


def without_empty(
    terms: Sequence[Terms], puzzle: Puzzle, complaints: Complaints
) -> tuple[Terms, ...]:
    """Leave out the check of the sizes beyond the assigned ones where there are none."""
    left = []
    for each in terms:
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
    terms: Sequence[Terms], puzzle: Puzzle, complaints: Complaints, *, due_given: bool
) -> dict[str, Visibility]:
    """When each check shows; one that is built on others never before them."""
    shown = {each.item.id: each.visibility for each in terms}
    for each in terms:
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
