"""The grading worksheet of one assignment in Moodle, filled in.

Source: Moodle, ``mod/assign/feedback/offline/importgradeslib.php`` and ``locallib.php``,
and "Assignment activity", https://docs.moodle.org/en/Offline_grading_worksheet.
What it does:

* needed are the columns ``Identifier``, ``Grade`` and ``Last modified (grade)``, called
  so in English; ``Feedback comments`` is taken where that feedback is switched on;
* a person is known by ``Participant 12`` in the column ``Identifier``, with the number
  that the names of the assignment's download have, blind marking included. It means
  another person in each assignment, so the file fits the one of the download only;
* with no time in ``Last modified (grade)``, a grade that is there already stays, unless
  the teacher ticks that records modified more recently are to be updated as well;
* a grade above the assignment's maximum is passed over without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.cells import table, text
from grader.batch.outputs.gradebooks.moodle import cell, feedback_of
from grader.batch.outputs.standing import mark, number
from grader.record import Record

NAME = "moodle-worksheet.csv"
COLUMNS = (
    "Identifier",
    "Full name",
    "Grade",
    "Maximum grade",
    "Last modified (grade)",
    "Feedback comments",
)


def is_wanted(results: Sequence[StudentResult]) -> bool:
    """Whether anybody has a participant number."""
    return any(result.student.participant for result in results)


def capped(info: RunInfo, results: Sequence[StudentResult]) -> list[StudentResult]:
    """Who is in the file with less than their extra credit."""
    return [
        result
        for result in results
        if result.student.participant
        and (given := mark(result, info)) is not None
        and given.points > info.max_score
    ]


def left_out(info: RunInfo, results: Sequence[StudentResult]) -> list[StudentResult]:
    """Who has a mark but no participant number."""
    return [r for r in results if mark(r, info) is not None and not r.student.participant]


def render(
    info: RunInfo, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> bytes:
    """The file.

    Args:
        info: The run.
        results: Everybody; who has no mark or no participant number is not in the file.
        shown: The record of each that the student may see, in the same order.
    """
    return table(_rows(info, results, shown))


def _rows(
    info: RunInfo, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> Iterator[list[str]]:
    most = Decimal(info.max_score)
    yield list(COLUMNS)
    for result, record in zip(results, shown, strict=True):
        given, student = mark(result, info), result.student
        if given is not None and student.participant:
            yield [
                text(f"Participant {student.participant}"),
                cell(student.name),
                number(min(given.points, most)),
                number(most),
                "",
                cell(feedback_of(record, given.points, most)),
            ]
