"""Everything that a class run writes for people, from its results alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

import msgspec

from grader import __version__
from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import feedback, gradebooks, similarity
from grader.batch.outputs.dashboard import render_dashboard
from grader.batch.outputs.folder import Folder
from grader.errors import GraderFault
from grader.record import Record
from grader.resources import data_directory

Project = Callable[[Record], Record]
"""A record as a student may see it."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """What `write_all` did."""

    index: Path
    files: int
    """Written, since they are new or changed."""
    unchanged: int


def write_all(
    folder: Path,
    info: RunInfo,
    results: Sequence[StudentResult],
    *,
    for_student: Project | None = None,
    afresh: bool = False,
) -> Written:
    """Write the dashboard, the gradebooks, the students' reports and the similarity pages.

    ::

        index.html                        the dashboard, for the instructor
        gradebook/                        canvas.csv moodle.csv grades.csv grades.json README.txt
        feedback/<key>/report.html        for the student: to send back as it is
        similarity/                       pairs that share more than is to be expected

    Each file is replaced in one step, and only where what it is made from has
    changed, so calling this again after one more result is cheap.

    Args:
        folder: The run's folder.
        info: The run.
        results: One for each student, in any order; `Student.key` is unique.
        for_student: What a student may see of a record; all of it where it is not given.
        afresh: Write everything again.

    Raises:
        GraderFault: a file can't be written, or a key is no name of a folder.
    """
    ordered = sorted(results, key=lambda r: (r.student.name.casefold(), r.student.key))
    _check_keys(ordered)
    project = for_student or (lambda record: record)
    own = [feedback.own_record(info, result) for result in ordered]
    shown = [None if record is None else project(record) for record in own]
    target = Folder(folder, afresh=afresh)
    _feedback(target, ordered, shown)
    for name, data in gradebooks.render_all(info, ordered, shown).items():
        target.put(f"gradebook/{name}", data, lambda data=data: data)  # type: ignore[misc]
    similar = _similarity(folder, target, info, ordered)
    page = render_dashboard(info, ordered, similar).encode("utf-8")
    target.put("index.html", page, lambda: page)
    target.finish()
    return Written(index=folder / "index.html", files=target.written, unchanged=target.unchanged)


def _feedback(
    target: Folder, results: Sequence[StudentResult], shown: Sequence[Record | None]
) -> None:
    look = _look()
    for result, record in zip(results, shown, strict=True):
        if record is not None:
            target.put(
                f"feedback/{result.student.key}/report.html",
                look + msgspec.msgpack.encode(record),
                lambda record=record: feedback.render(record),  # type: ignore[misc]
            )


def _similarity(
    folder: Path, target: Folder, info: RunInfo, results: Sequence[StudentResult]
) -> similarity.Overview:
    kept = similarity.load(folder / f"similarity/{similarity.KEPT}", info.puzzle)
    study = similarity.study(info, results, kept)
    data = kept.kept()
    target.put(f"similarity/{similarity.KEPT}", data, lambda: data)
    overview = study.overview
    target.put(
        "similarity/index.html",
        _look() + msgspec.msgpack.encode(overview),
        lambda: similarity.render_overview(overview),
    )
    for name, page in study.pages.items():
        target.put(
            f"similarity/{name}",
            _look() + msgspec.msgpack.encode(page),
            lambda page=page: similarity.render_pair(page),  # type: ignore[misc]
        )
    return overview


def _check_keys(results: Sequence[StudentResult]) -> None:
    """The keys become folders: none of them may lead elsewhere, or to another's."""
    seen: set[str] = set()
    for result in results:
        key = result.student.key
        if key in {"", ".", ".."} or set(key) & set("/\\\0") or key.casefold() in seen:
            raise GraderFault(
                f"the key {key!r} of a student is no name of a folder, or is there twice",
                remedy="This is a defect of the grader; please report it.",
            )
        seen.add(key.casefold())


@lru_cache(maxsize=1)
def _look() -> bytes:
    """What a page depends on besides its data: this version and the templates."""
    digest = blake2b(__version__.encode())
    for path in sorted(data_directory("templates").glob("*.*")):
        digest.update(path.read_bytes())
    return digest.digest()
