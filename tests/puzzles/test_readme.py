"""The README's table of puzzles is what the folders hold; what it says of them is tested for real.

``tests/samples`` grade the right answer and the skeleton of each.
"""

from __future__ import annotations

import re
from pathlib import Path

from grader.book.shipped import read_shipped
from grader.model.code import Op
from grader.model.part import Part
from grader.puzzles import NAMES, find
from grader.references import reference
from grader.samples import read_samples
from grader.toolchain import edition as editions

README = Path(__file__).parents[2] / "README.md"


def span(puzzle: str) -> str:
    """Editions of which there is an answer: ``26.5 to 26.7``."""
    there = [name for name in editions.names() if reference(puzzle, name, "right") is not None]
    first, last = (editions.names().index(each) for each in (there[0], there[-1]))
    assert there == list(editions.names()[first : last + 1]), "editions without a gap"
    return there[0] if len(there) == 1 else f"{there[0]} to {there[-1]}"


def lane(part: Part) -> str:
    """How it is run, in a word that the README explains."""
    if isinstance(part.code, Op):
        return "graph"
    return "host" if part.calls_host else "kernel"


def rows() -> list[str]:
    """The table as it must be."""
    topics = read_shipped().topics
    found = []
    for name in sorted(NAMES, key=lambda name: topics[name].number):
        puzzle = find(name)
        parts = ", ".join(f"`{part.name}`" for part in puzzle.parts)
        lanes = ", ".join(dict.fromkeys(map(lane, puzzle.parts)))
        cells = (
            *(topics[name].number, f"`{name}`", puzzle.title, parts, lanes, span(name)),
            puzzle.not_checked or "-",
        )
        found.append(f"| {' | '.join(map(str, cells))} |")
    return found


def test_the_table_lists_every_puzzle_with_its_parts_and_editions():
    text = README.read_text("utf-8")
    there = [line for line in text.splitlines() if re.match(r"\| \d+ \| `", line)]
    assert there == rows(), "\n".join(["the table must be:", *rows()])


def test_the_right_answer_of_each_has_all_points_and_the_skeleton_none():
    for name in NAMES:
        scores = {
            (sample.entry.name, sample.entry.base): (sample.entry.verdict, sample.entry.score)
            for sample in read_samples(name)
            if not sample.entry.edits
        }
        verdict, score = scores[("right", "right")]
        assert (verdict, score >= 100) == ("pass", True), name
        skeletons = [score for (_, base), score in scores.items() if base == "skeleton"]
        assert ("fail", 0) in skeletons, name
