"""Parse what the Mojo compiler prints into file, line, column and message.

The text comes from a compiler that read an untrusted file, so it is data:
every line is bounded, every pattern is linear, and what does not look like a
message is left out. Messages about the library's own sources are placed in the
student's file where one of their notes, or the "Imported from" line above
them, names it.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from grader.record import Diagnostic, Note

MAX_LINE = 4000
MAX_MESSAGE = 600
MAX_DIAGNOSTICS = 50
MAX_NOTES = 12

_MESSAGE = re.compile(
    r"^(?P<file>[^\s:][^:\n]{0,400}):(?P<line>\d{1,7})(?::(?P<column>\d{1,7}))?: "
    r"(?P<severity>error|warning|note|remark): (?P<text>.*)$"
)
_PLACELESS = re.compile(r"^(?:\S{1,200}: )?(?P<severity>error): (?P<text>.+)$")
_IMPORTED = re.compile(r"^(?:Imported|Included) from (?P<file>[^\s:]{1,400}):(?P<line>\d{1,7}):")
_NOISE = ("Failed to initialize Crashpad", "failed to parse the provided Mojo source module")
_CONSTRAINT = re.compile(r"constraint failed: (?P<text>.+)$")


def parse(
    output: str, *, stage: Literal["package", "compile", "run"], student_file: str
) -> tuple[Diagnostic, ...]:
    """All errors and warnings in the compiler's output, in order.

    Args:
        output: What the compiler printed.
        stage: Where in the run this happened.
        student_file: Path suffix by which the compiler names the student's
            file, e.g. ``op/conv1d.mojo``. Reported as its last component.
    """
    found: list[Diagnostic] = []
    imported: int | None = None
    for raw in output.splitlines():
        line = raw[:MAX_LINE]
        if any(noise in line for noise in _NOISE):
            continue
        if match := _IMPORTED.match(line):
            imported = int(match["line"]) if _is_student(match["file"], student_file) else imported
            continue
        if match := _MESSAGE.match(line):
            _add(found, match, stage, student_file, imported)
            if match["severity"] != "note":
                imported = None
        elif match := _PLACELESS.match(line):
            found.append(Diagnostic(severity="error", message=_cut(match["text"]), stage=stage))
        if len(found) >= MAX_DIAGNOSTICS:
            break
    return tuple(_placed(diagnostic) for diagnostic in found)


def _add(
    found: list[Diagnostic],
    match: re.Match[str],
    stage: Literal["package", "compile", "run"],
    student_file: str,
    imported: int | None,
) -> None:
    mine = _is_student(match["file"], student_file)
    file = student_file.rpartition("/")[2] if mine else match["file"]
    column = int(match["column"]) if match["column"] else None
    if match["severity"] in ("note", "remark"):
        if found and len(found[-1].notes) < MAX_NOTES:
            note = Note(
                message=_cut(match["text"]),
                file=file if mine else None,
                line=int(match["line"]) if mine else None,
                column=column if mine else None,
            )
            found[-1] = msgspec.structs.replace(found[-1], notes=(*found[-1].notes, note))
        return
    text = match["text"]
    if constraint := _CONSTRAINT.search(text):
        text = constraint["text"]
    place = (file, int(match["line"]), column) if mine else (None, imported, None)
    if place[0] is None and imported is not None:
        place = (student_file.rpartition("/")[2], imported, None)
    found.append(
        Diagnostic(
            severity="error" if match["severity"] == "error" else "warning",
            message=_cut(text),
            stage=stage,
            file=place[0],
            line=place[1],
            column=place[2],
        )
    )


def _placed(diagnostic: Diagnostic) -> Diagnostic:
    """Give a message about the library the place in the student's file that led there."""
    if diagnostic.line is not None:
        return diagnostic
    for note in reversed(diagnostic.notes):
        if note.line is not None:
            return msgspec.structs.replace(
                diagnostic, file=note.file, line=note.line, column=note.column
            )
    return diagnostic


def _is_student(file: str, student_file: str) -> bool:
    return file == student_file or file.endswith("/" + student_file)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
