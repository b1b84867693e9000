"""Read a rubric file: strictly, with the line and the key of whatever is wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from grader.errors import UsageError
from grader.intake.display import one_line
from grader.model.checks import Check
from grader.model.domains import Sizes
from grader.model.given import Element
from grader.model.part import Part, Scope
from grader.model.puzzle import Puzzle, RubricItem
from grader.puzzles import NAMES
from grader.record import HINT_STEPS, SkeletonInfo
from grader.rubric import keys, sizes
from grader.rubric.complaints import REMEDY, Complaints, kind, read_document, unknown
from grader.rubric.keys import SKELETON_KEY, read_due, read_skeleton
from grader.rubric.model import Rubric

MAX_BYTES = 64 * 1024
MAX_REGIONS = 16
"""Each adds shapes to the compile."""
TITLE = 200
"""Characters."""

_TOP = (
    "puzzle",
    "title",
    "skeleton",
    "pass_mark",
    "hints",
    "due",
    "time_zone",
    "try",
    "sizes",
    "checks",
)
_TRY = {"all sizes": True, "as usual": False}
_PERCENT = re.compile(r"(\d{1,3}) ?%", re.ASCII)


def load_rubric(path: Path, puzzle: Puzzle) -> Rubric:
    """Read the rubric file of a puzzle.

    Raises:
        UsageError: it can't be read, or something in it makes no sense; the message names
            each such key with its line.
    """
    return parse_rubric(_read(path), puzzle, name=path.name, folder=path.parent)


def puzzle_of(path: Path) -> str:
    """The puzzle that a rubric file says it is for.

    Raises:
        UsageError: it can't be read, or does not say it.
    """
    document, lines = read_document(_text(_read(path), path.name), path.name)
    name = document.get("puzzle")
    if isinstance(name, str) and name in NAMES:
        return name
    if len(NAMES) > 1:
        known = " or ".join(f'"{each}"' for each in NAMES)
        complaints = Complaints(path.name, lines)
        if name is None:
            complaints.add((), f"it does not say which puzzle it is for; write puzzle = {known}")
        else:
            complaints.add(("puzzle",), f"{kind(name)}, but it is {known}")
        complaints.raise_if_any()
    return NAMES[0]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"the rubric {one_line(str(path))} can't be read: {error.strerror or error}",
            remedy="Give the path of a TOML file with --rubric.",
        ) from error


def parse_rubric(
    data: bytes,
    puzzle: Puzzle,
    *,
    name: str = "the rubric",
    folder: Path | None = None,
    skeleton: SkeletonInfo | None = None,
) -> Rubric:
    """Read the text of a rubric file; see `load_rubric`.

    Args:
        data: The file's bytes, UTF-8.
        puzzle: What it is for.
        name: Of the file, for messages.
        folder: Where it lies, for the skeleton that it may name.
        skeleton: That one, where the folder is no longer at hand.
    """
    text = _text(data, name)
    document, lines = read_document(text, name)
    reader = _RubricReader(document, text, puzzle, Complaints(name, lines))
    return reader.rubric(folder, skeleton)


def _text(data: bytes, name: str) -> str:
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"{one_line(name)} has more than {MAX_BYTES >> 10} KiB: that is no rubric",
            remedy=REMEDY,
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{one_line(name)}, line {line}: this is not UTF-8 text", remedy=REMEDY
        ) from None


class _RubricReader:
    """Reads one document into a `Rubric`."""

    def __init__(
        self, document: Mapping[str, object], text: str, puzzle: Puzzle, complaints: Complaints
    ) -> None:
        self._document = document
        self._text = text
        self._own = puzzle
        self._complaints = complaints

    def rubric(self, folder: Path | None, skeleton: SkeletonInfo | None) -> Rubric:
        """The rubric; raises `UsageError` with all complaints.

        First what each key says, then what follows from all of them together.
        """
        document, complaints = self._document, self._complaints
        for key in document:
            if key not in _TOP:
                complaints.add((key,), unknown(key, _TOP, "key"))
        self._for_this_puzzle()
        title = self._title()
        skeleton = self._skeleton(folder, skeleton)
        hints = keys.read_hints(document.get("hints", HINT_STEPS), complaints)
        due = read_due(document, complaints)
        puzzle = replace(self._with_sizes(), try_all=self._try_all())
        entries = keys.read_checks(document.get("checks", {}), self._own, complaints)
        wanted = self._wanted()
        complaints.raise_if_any()
        entries = keys.without_empty(entries, puzzle, complaints)
        visibility = keys.visibilities(entries, puzzle, complaints, due_given=due is not None)
        items = tuple(each.item for each in entries)
        possible = sum(item.points for item in items if not item.extra)
        if not possible:
            complaints.add(("checks",), "no check gives a point, extra credit aside")
        pass_mark = self._pass_mark(wanted, possible)
        complaints.raise_if_any()
        return Rubric(
            puzzle=replace(puzzle, rubric=items, checks=_with_those_of(puzzle.checks, items)),
            title=title,
            pass_mark=pass_mark,
            hints=hints,
            due=due,
            visibility=visibility,
            source=self._text,
            skeleton=skeleton,
            notices=(*self._notices(puzzle), *self._of_the_skeleton(skeleton)),
        )

    def _for_this_puzzle(self) -> None:
        if "puzzle" not in self._document:
            self._complaints.add(
                (), f'it does not say which puzzle it is for; write puzzle = "{self._own.name}"'
            )
        elif self._document["puzzle"] != self._own.name:
            given = kind(self._document["puzzle"])
            self._complaints.add(("puzzle",), f"{given}, but {self._own.name} is being graded")

    def _title(self) -> str:
        title = self._document.get("title", "")
        if not isinstance(title, str):
            self._complaints.add(("title",), f"{kind(title)}, but it is a text in quotes")
            return ""
        if len(title) > TITLE:
            self._complaints.add(("title",), f"it has more than {TITLE} characters")
        return one_line(title, limit=TITLE)

    def _skeleton(self, folder: Path | None, known: SkeletonInfo | None) -> SkeletonInfo | None:
        """The skeleton that the file names: as it is known, else as it lies in the folder."""
        value = self._document.get("skeleton")
        if value is None:
            return None
        if not isinstance(value, str):
            self._complaints.add(
                SKELETON_KEY, f"{kind(value)}, but it is the name of a file in quotes"
            )
            return None
        if known is not None or folder is None:
            return known
        return read_skeleton(value, folder, self._own, self._complaints)

    def _try_all(self) -> bool:
        """Whether every size is tried whatever the file."""
        value = self._document.get("try", "as usual")
        if not isinstance(value, str) or value not in _TRY:
            words = " or ".join(f'"{word}"' for word in _TRY)
            self._complaints.add(("try",), f"{kind(value)}, but it is {words}")
            return False
        return _TRY[value]

    def _with_sizes(self) -> Puzzle:
        """The puzzle with the assigned sizes of the file."""
        if "sizes" not in self._document:
            return self._own
        regions = sizes.read_regions(self._document["sizes"], self._own, self._complaints)
        count = sum(map(len, regions.values()))
        if count > MAX_REGIONS:
            self._complaints.add(("sizes",), f"there are {count} regions; at most {MAX_REGIONS}")
        parts = tuple(
            self._assigned(part, regions[part.name]) if regions.get(part.name) else part
            for part in self._own.parts
        )
        if all(new is old for new, old in zip(parts, self._own.parts, strict=True)):
            return self._own
        kept = {part.name: keys.has_beyond(part) for part in parts}
        beyond = {
            check.id
            for check in self._own.checks
            if check.scope is Scope.ROBUST and not kept[self._own.part(check.part).name]
        }
        return replace(
            self._own,
            parts=parts,
            rubric=tuple(item for item in self._own.rubric if item.id not in beyond),
            checks=tuple(check for check in self._own.checks if check.id not in beyond),
        )

    def _assigned(self, own: Part, regions: tuple[sizes.Region, ...]) -> Part:
        """A part with other assigned sizes."""
        if not all(values for region in regions for values in region.values()):
            return own
        assigned = sizes.within(regions)
        if own.example is not None and not assigned(own.example.sizes):
            told = ", ".join(f"{name} {value}" for name, value in own.example.sizes.items())
            self._complaints.add(("sizes",), f"the published example is missing: {told}")
            return own

        def given_reads(at: Sizes) -> frozenset[Element]:
            # At sizes that only this file assigns, repairing the given kernel is part of the task.
            return frozenset() if assigned(at) and not own.assigned(at) else own.given_reads(at)

        if own.enumerable and all(
            assigned(each) == own.assigned(each) for each in own.domain_points()
        ):
            return own
        boundaries = [dict(each) for each in own.boundaries]
        boundaries += [each for each in sizes.corners(regions) if each not in boundaries]
        return replace(
            own,
            assigned=assigned,
            boundaries=tuple(boundaries),
            domain=sizes.described(regions),
            given=replace(own.given, reads=given_reads) if own.given is not None else None,
        )

    def _wanted(self) -> int | Fraction | None:
        """The pass mark as the file has it: points, or a share of them."""
        value, path = self._document.get("pass_mark"), ("pass_mark",)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 0:
                self._complaints.add(path, "it can't be negative")
            return value
        percent = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
        if percent is None or int(percent[1]) > 100:
            self._complaints.add(
                path, f'{kind(value)}, but it is a number of points, or a share: "80 %"'
            )
            return None
        return Fraction(int(percent[1]), 100)

    def _pass_mark(self, wanted: int | Fraction | None, possible: int) -> int | None:
        """The pass mark in points; a share is rounded up to the next point."""
        if isinstance(wanted, Fraction):
            return math.ceil(wanted * possible)
        if wanted is not None and wanted > possible:
            self._complaints.add(
                ("pass_mark",),
                f"{wanted} of {possible} points (extra credit aside) can't be reached",
            )
        return wanted

    def _of_the_skeleton(self, skeleton: SkeletonInfo | None) -> tuple[str, ...]:
        if skeleton is None or skeleton.codes or not self._own.given:
            return ()
        names = " or ".join(kernel.function for kernel in self._own.given)
        return (f"The skeleton does not define {names}: what one does wrong is the student's.",)

    def _notices(self, puzzle: Puzzle) -> tuple[str, ...]:
        found = []
        for part, own in zip(puzzle.parts, self._own.parts, strict=True):
            if part is own or own.given is None or not own.enumerable:
                continue
            beyond = sum(
                part.assigned(each) and not own.assigned(each) for each in own.domain_points()
            )
            if beyond:
                found.append(
                    f"The rubric assigns {beyond} sizes that the puzzle does not. The kernel that "
                    "students are given need not be right there: tell them that they have to "
                    "change it."
                )
        return tuple(found)


def _with_those_of(checks: tuple[Check, ...], items: Iterable[RubricItem]) -> tuple[Check, ...]:
    """The checks that are made, as the rubric has them, and what only it asks for."""
    changed = {item.id: item.check for item in items}
    own = tuple(changed.pop(check.id, check) for check in checks)
    return (*own, *changed.values())
