"""What other programs may use of the grader; `grader` hands it on.

A course's own puzzle is a `Puzzle` made of `Part` and `Check`; docs/puzzles.md shows how.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Literal

from grader import report
from grader.book.identify import choose
from grader.choices import DEFAULT_EXAMPLES, DEFAULT_TIMEOUT
from grader.grading.run import grade as grade_request
from grader.grading.state import Request, Silent
from grader.intake import read_submission
from grader.lanes import DeviceChoice
from grader.model.checks import Check
from grader.model.part import Part
from grader.model.puzzle import Puzzle
from grader.puzzles import find, load_puzzles
from grader.quiz import is_quiz
from grader.quiz.grading import grade_answers
from grader.record import Audience, Record
from grader.rubric import load_rubric, puzzle_of

__all__ = ["Check", "Part", "Puzzle", "Record", "grade", "load_puzzles", "render"]


def grade(
    path: str | Path,
    *,
    puzzle: str | Puzzle = "auto",
    device: DeviceChoice = "auto",
    edition: str = "auto",
    rubric: str | Path | None = None,
    examples: int = DEFAULT_EXAMPLES,
    sizes: Literal["auto", "all"] = "auto",
    seed: str | None = None,
    timeout: float = DEFAULT_TIMEOUT,
) -> Record:
    """Grade one file, as ``grade submit`` does.

    Args:
        path: The submission, a Mojo source; or the answers to a quiz, a file that ends in
            ``.toml``: then only the path counts.
        puzzle: The name of a puzzle of the grader, or a course's own; ``auto`` takes the
            rubric's, else the one that the file is of.
        device: ``auto`` takes a GPU whose driver works, else the software device.
        edition: Of the puzzle book; ``auto`` takes the one that the file is written for.
        rubric: A TOML file with other points, sizes and visibilities.
        examples: How many cases to run.
        sizes: ``all``: no sample of the sizes, whatever the file.
        seed: Of the cases; None derives one from the user's secret and the file.
        timeout: Seconds that one stage may take.

    Returns:
        The record. A student's mistakes are in it, and so are faults of the grader, as a record
        without a mark.

    Raises:
        grader.errors.UsageError: there is no such puzzle or edition, or the rubric makes no sense.
        grader.errors.SubmissionRefused: the file can't be taken as a submission, or is another
            puzzle's.
    """
    submission = read_submission(path)
    if is_quiz(submission.name):
        return grade_answers(submission)
    reason = ""
    if puzzle == "auto" and rubric is not None:
        puzzle = puzzle_of(Path(rubric))
    elif puzzle == "auto":
        chosen = choose(submission.text)
        puzzle, reason = chosen.name, chosen.reason
    own = find(puzzle) if isinstance(puzzle, str) else puzzle
    return grade_request(
        Request(
            source=Path(path),
            puzzle_name=own.name,
            puzzle_reason=reason,
            own=own,
            device=device,
            edition=edition,
            examples=examples,
            seed=seed,
            timeout=timeout,
            rubric=load_rubric(Path(rubric), own) if rubric is not None else None,
            sizes=sizes,
        ),
        Silent(),
        submission=submission,
    )


def render(record: Record, format: str, *, audience: Audience = "student") -> bytes:
    """A record in one of the formats that ``grade submit --format help`` lists.

    Args:
        record: What `grade` returned, or a file that ``grade submit`` wrote.
        format: ``html``, ``json``, ``text``, ``junit``, ``gradescope`` and others.
        audience: A student's rendering leaves out what the rubric hides.

    Raises:
        grader.errors.UsageError: there is no such format.
    """
    return report.render(record, format, audience=audience)


def _in_a_notebook(record: Record) -> str:
    """The report in a frame, so that neither its styles nor the notebook's reach the other."""
    page = escape(render(record, "html").decode("utf-8"))
    return (
        f'<iframe sandbox srcdoc="{page}" title="{escape(record.headline)}" '
        'style="width: 100%; height: 40em; border: 0"></iframe>'
    )


# What notebooks ask an object for. A record itself knows nothing of its renderings.
Record._repr_html_ = _in_a_notebook  # type: ignore[attr-defined]
