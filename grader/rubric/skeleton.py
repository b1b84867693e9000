"""A skeleton that a course hands out in place of the book's file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from grader.book.digests import array_reads, given_code, program_of
from grader.book.identify import refuse_another
from grader.errors import SubmissionRefused
from grader.intake import read_submission
from grader.intake.display import one_line
from grader.model.puzzle import Puzzle
from grader.record import SkeletonInfo
from grader.rubric.complaints import Complaints

KEY = ("skeleton",)


def skeleton_info(puzzle: Puzzle, text: str) -> SkeletonInfo:
    """What a skeleton of a puzzle is recognised by."""
    codes = {given_code(text, kernel.function) for kernel in puzzle.given}
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
        complaints.add(KEY, f"{one_line(name)} does not lie in the folder of the rubric file")
        return None
    try:
        text = read_submission(folder / path).text
        refuse_another(text, puzzle.name)
    except SubmissionRefused as refused:
        complaints.add(KEY, refused.what)
        return None
    return skeleton_info(puzzle, text)
