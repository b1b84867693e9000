"""The marks of a class in the formats of the systems that keep marks, one format to a module.

A module here is found by being here. To add a gradebook, add a file with a
`grader.batch.outputs.gradebook.Gradebook` in it.
"""

from __future__ import annotations

import importlib
import pkgutil

from grader.batch.outputs.gradebook import ClassMarks, EmptyGrade, Gradebook
from grader.batch.outputs.standing import mark, remedy, why_no_mark
from grader.intake.display import one_line

README = "README.txt"


def find_gradebooks() -> list[Gradebook]:
    """All gradebooks that the modules of this folder define, by the names of their files."""
    found: dict[str, Gradebook] = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Gradebook) and found.setdefault(value.file, value) is not value:
                raise ValueError(f"two gradebooks write the file {value.file}")
    return [found[file] for file in sorted(found)]


def render_all(marks: ClassMarks) -> dict[str, bytes]:
    """Every file of the gradebook folder by its name, with a README that explains them."""
    wanted = [each for each in find_gradebooks() if each.is_wanted(marks)]
    files = {each.file: each.render(marks) for each in wanted}
    return {**files, README: _readme(wanted, marks).encode("utf-8")}


def _readme(gradebooks: list[Gradebook], marks: ClassMarks) -> str:
    """What the files are, how to import them, and who is not in them."""
    lines = [f"Gradebooks of {one_line(marks.info.title)}", ""]
    for gradebook in gradebooks:
        about = gradebook.about(marks).strip().replace("\n", f"\n{'':13}")
        gap = f"\n{'':13}" if len(gradebook.file) > 11 else " " * (13 - len(gradebook.file))
        lines.append(f"{gradebook.file}{gap}{about}")
    deleting = [each.file for each in gradebooks if each.rules.empty_grade is EmptyGrade.DELETES]
    lines += [
        "",
        f"A student without a mark is not in {' or '.join(deleting)}: their readers take an empty",
        "cell as an order to delete the grade that is there. In grades.csv the cell is empty.",
        "",
    ]
    lines += _named(
        "Without a mark",
        {
            result.student.key: f"{why_no_mark(result)} {remedy(result)}".strip()
            for result in marks.results
            if mark(result, marks.info) is None
        },
        marks,
    )
    for gradebook in gradebooks:
        if gradebook.identifier is not None:
            what = f"not in {gradebook.file} for want of {gradebook.identifier(marks).name}"
            missing = {result.student.key: "" for result in gradebook.left_out(marks)}
            lines += _named(f"With a mark, but {what}", missing, marks)
        what = f"With more extra credit than its reader takes, so cut in {gradebook.file}"
        lines += _named(what, {r.student.key: "" for r in gradebook.cut(marks)}, marks)
    return "\n".join(lines)


def _named(what: str, students: dict[str, str], marks: ClassMarks) -> list[str]:
    """A paragraph that names students, each with a sentence or nothing; empty without students."""
    if not students:
        return []
    lines = [f"{what}: {len(students)}\n"]
    for result in marks.results:
        if (sentence := students.get(result.student.key)) is not None:
            who = one_line(result.student.name or result.student.key, limit=80)
            lines.append(f"  {who}: {one_line(sentence, limit=400)}" if sentence else f"  {who}")
    return [*lines, ""]
