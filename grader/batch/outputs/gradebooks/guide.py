"""What the files of the gradebook folder are, how to import them, and who is not in them."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.gradebooks import moodle
from grader.batch.outputs.standing import mark, remedy, why_no_mark
from grader.intake.display import one_line

_TEXT = """\
Gradebooks of {title}

canvas.csv   Canvas: Grades > Import. The column is named after the run. To fill an
             assignment that exists, put its number behind the name in the first line:
             "{title} (1234)". It is the number in the assignment's address.
moodle.csv   Moodle: Grades > Import > CSV file. Identify users by: {by}. Map
             "{title}" to the grade item and "Feedback" to its feedback.
grades.csv   Everybody, with the reason where there is no mark. For a spreadsheet.
grades.json  The same with every check. For a program.

A student without a mark is not in canvas.csv and moodle.csv: both systems take an empty
cell as an order to delete the grade that is there. In grades.csv the cell is empty.
"""


def render(info: RunInfo, results: Sequence[StudentResult]) -> bytes:
    """The text."""
    by = moodle.HEADINGS[moodle.identified_by(results)]
    lines = [_TEXT.format(title=one_line(info.title), by=by.lower())]
    without = [result for result in results if mark(result, info) is None]
    if without:
        lines.append(f"Without a mark: {len(without)}\n")
        lines += [_line(r, f"{why_no_mark(r)} {remedy(r)}".strip()) for r in without]
        lines.append("")
    unknown = moodle.left_out(info, results)
    if unknown:
        lines.append(f"With a mark, but not in moodle.csv for want of an {by}: {len(unknown)}\n")
        lines += [_line(result, "") for result in unknown]
        lines.append("")
    beyond = moodle.capped(info, results)
    if beyond:
        lines.append(
            f"With extra credit beyond what Moodle takes, so cut in moodle.csv: {len(beyond)}\n"
        )
        lines += [_line(result, "") for result in beyond]
        lines.append("")
    return "\n".join(lines).encode("utf-8")


def _line(result: StudentResult, told: str) -> str:
    who = one_line(result.student.name or result.student.key, limit=80)
    return f"  {who}: {one_line(told, limit=400)}" if told else f"  {who}"
