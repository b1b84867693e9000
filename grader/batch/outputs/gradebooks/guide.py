"""What the files of the gradebook folder are, how to import them, and who is not in them."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.gradebooks import canvas, moodle, worksheet
from grader.batch.outputs.standing import mark, remedy, why_no_mark
from grader.intake.display import one_line

_TEXT = """\
Gradebooks of {title}

canvas.csv   Canvas: Grades > Import. The column is named after the run{renamed}. To fill an
             assignment that exists, put its number behind the name in the first line:
             "{column} (1234)". It is the number in the assignment's address.
moodle.csv   Moodle: Grades > Import > CSV file. Identify users by: {by}. Map
             "{title}" to the grade item and "Feedback" to its feedback.
{worksheet}grades.csv   Everybody, with the reason where there is no mark. For a spreadsheet.
grades.json  The same with every check. For a program.

A student without a mark is in no file for Canvas or Moodle: they take an empty cell as an
order to delete the grade that is there. In grades.csv the cell is empty.
"""
_RENAMED = """, with another
             spelling: Canvas would take the title itself for something else"""
_WORKSHEET = """\
moodle-worksheet.csv
             For the one assignment in Moodle that the download is of, by the numbers in the
             names of its files: View all submissions > Upload grading worksheet. Feedback
             types of the assignment must include the offline grading worksheet, its maximum
             grade be {most}, and your language in Moodle English. Grades that are there
             already stay unless you tick "Allow updating records".
"""


def render(info: RunInfo, results: Sequence[StudentResult]) -> bytes:
    """The text."""
    by = moodle.HEADINGS[moodle.identified_by(results)]
    sheet = worksheet.is_wanted(results)
    lines = [
        _TEXT.format(
            title=one_line(info.title),
            column=one_line(canvas.column(info.title)),
            renamed=_RENAMED if canvas.column(info.title) != info.title else "",
            by=by.lower(),
            worksheet=_WORKSHEET.format(most=info.max_score) if sheet else "",
        )
    ]
    without = [result for result in results if mark(result, info) is None]
    if without:
        lines.append(f"Without a mark: {len(without)}\n")
        lines += [_line(r, f"{why_no_mark(r)} {remedy(r)}".strip()) for r in without]
        lines.append("")
    lines += _listed(
        f"With a mark, but not in moodle.csv for want of an {by}", moodle.left_out(info, results)
    )
    lines += _listed(
        "With extra credit beyond what Moodle takes, so cut in moodle.csv",
        moodle.capped(info, results),
    )
    if sheet:
        lines += _listed(
            f"With a mark, but not in {worksheet.NAME} for want of a participant number",
            worksheet.left_out(info, results),
        )
        lines += _listed(
            f"With extra credit beyond the maximum grade, so cut in {worksheet.NAME}",
            worksheet.capped(info, results),
        )
    return "\n".join(lines).encode("utf-8")


def _listed(what: str, results: Sequence[StudentResult]) -> list[str]:
    """A paragraph that names them, where there are any."""
    if not results:
        return []
    return [f"{what}: {len(results)}\n", *(_line(result, "") for result in results), ""]


def _line(result: StudentResult, told: str) -> str:
    who = one_line(result.student.name or result.student.key, limit=80)
    return f"  {who}: {one_line(told, limit=400)}" if told else f"  {who}"
