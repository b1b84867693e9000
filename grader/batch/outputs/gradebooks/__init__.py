"""The marks of a class in the formats of the systems that keep marks."""

from __future__ import annotations

from collections.abc import Sequence

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs.gradebooks import canvas, generic, guide, moodle, worksheet
from grader.record import Record


def render_all(
    info: RunInfo, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> dict[str, bytes]:
    """Every file of the gradebook folder by its name.

    Args:
        info: The run.
        results: Everybody.
        shown: For each of them the record as the student may see it, or None.
    """
    numbered = worksheet.is_wanted(results)
    return {
        "canvas.csv": canvas.render(info, results),
        "moodle.csv": moodle.render(info, results, shown),
        **({worksheet.NAME: worksheet.render(info, results, shown)} if numbered else {}),
        "grades.csv": generic.render_csv(info, results),
        "grades.json": generic.render_json(info, results),
        "README.txt": guide.render(info, results),
    }
