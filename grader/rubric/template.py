"""A complete rubric file to start from: the puzzle's own rubric, written out, with comments."""

from __future__ import annotations

from collections.abc import Iterable

from grader.model.puzzle import Puzzle, RubricItem
from grader.rubric.model import always_visible
from grader.rubric.sizes import decompose, runs_of

_HEAD = """\
# A rubric for {name}: {title}.
# As it stands, it says what the grader does without a rubric file. Change what your course
# marks otherwise, and leave out what it does not: a key that is missing keeps its default.
#
#   grade submit {name}.mojo --rubric THIS-FILE

puzzle = "{name}"

# Shown in the instructor's report.
title = ""

# What students start from, where it is not the book's file: a file beside this one. Handed in as
# it is, it has no points.
# skeleton = "{name}.mojo"

# Points from which on a submission passes, extra credit aside: a number of points, or a share
# ("80 %"). Without it, all {points} are needed.
# pass_mark = "80 %"

# Whether students are told what to try next.
hints = true

# When "after the due date" is. An offset, or a local time and its zone:
# due = 2026-12-01T23:59:00+01:00
# due = 2026-12-01T23:59:00
# time_zone = "Europe/Berlin"

# Which sizes are tried. "as usual": all assigned ones and some beyond; of the given file with a
# plain launch in it, a sample. "all sizes": every one; each takes 0.3 seconds more to compile.
try = "as usual"

# The assigned sizes, which decide the mark: all regions together. A size is a number, a range
# ("1 to 15", both ends included) or a list of these; one that is left out is the whole range.
# The grader can go from {ranges}.
"""

_CHECKS = """
# The checks. For each:
#   points      a whole number; with 0 the check is made and shown, and costs nothing
#   extra       true: extra credit, on top of the points that make the mark
#   visibility  "visible", "hidden" (never in a student's report) or "after the due date"
#   enabled     false: the check is not made
# max_score is the sum of the points that are not extra; it need not be 100.
"""


def starting_file(puzzle: Puzzle) -> str:
    """The puzzle's own rubric as a commented file. Read back, it changes nothing."""
    several = len(puzzle.parts) > 1
    ranges = "; ".join(
        (f"{part.name}: " if several else "")
        + ", ".join(f"{s.name} {s.low} to {s.high}" for s in part.sizes)
        for part in puzzle.parts
    )
    parts = [
        _HEAD.format(name=puzzle.name, title=puzzle.title, points=puzzle.max_score, ranges=ranges)
    ]
    for part in puzzle.parts:
        head = ["[[sizes]]", f'part = "{part.name}"'] if several else ["[[sizes]]"]
        for region in decompose(part):
            lines = [f"{name} = {_written(values)}" for name, values in region.items()]
            parts.append("\n".join([*head, *lines, ""]))
    parts.append(_CHECKS)
    parts += [_check(item) for item in puzzle.rubric]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _written(values: Iterable[int]) -> str:
    runs = [str(low) if low == high else f'"{low} to {high}"' for low, high in runs_of(values)]
    return runs[0] if len(runs) == 1 else f"[{', '.join(runs)}]"


def _check(item: RubricItem) -> str:
    lines = [f"# {item.title}", f"[checks.{item.id}]", f"points = {item.points}"]
    if item.extra:
        lines.append("extra = true")
    if not always_visible(item.check):
        lines.append('visibility = "visible"')
    return "\n".join(lines)
