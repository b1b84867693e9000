"""Everything that a class run writes for people, from its results alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path

import msgspec

from grader import __version__
from grader.audience import for_audience
from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import feedback, gradebooks, similarity
from grader.batch.outputs.dashboard import render_dashboard
from grader.batch.outputs.folder import Folder
from grader.errors import GraderFault
from grader.record import Record, encode
from grader.resources import data_directory

_SIMILARITY = "similarity/"


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
    now: datetime | None = None,
    afresh: bool = False,
) -> Written:
    """Write the dashboard, the gradebooks, the students' reports and the similarity pages.

    ::

        index.html                        the dashboard, for the instructor
        gradebook/                        canvas.csv moodle.csv grades.csv grades.json README.txt
        reports/<key>/                    report.html and record.json, for the instructor
        feedback/<key>/report.html        for the student: to send back as it is
        similarity/                       pairs that share more than is to be expected

    Each file is replaced in one step, and only where what it is made from has
    changed, so calling this again after one more result is cheap.

    Args:
        folder: The run's folder.
        info: The run.
        results: One for each student, in any order; `Student.key` is unique.
        now: The moment, with its offset, by which it is decided whether the checks that show
            after the due date show in the students' reports; None for this moment.
        afresh: Write everything again.

    Raises:
        GraderFault: a file can't be written, or a key is no name of a folder.
    """
    ordered = sorted(results, key=lambda r: (r.student.name.casefold(), r.student.key))
    _check_keys(ordered)
    moment = now or datetime.now(UTC)
    own = [feedback.own_record(info, result) for result in ordered]
    shown = [None if each is None else for_audience(each, "student", moment) for each in own]
    target = Folder(folder, afresh=afresh)
    _reports(target, ordered, own, shown)
    for name, data in gradebooks.render_all(info, ordered, shown).items():
        target.put(f"gradebook/{name}", data, partial(bytes, data))
    similar = _similarity(folder, target, info, ordered)
    page = render_dashboard(info, ordered, similar).encode("utf-8")
    target.put("index.html", page, lambda: page)
    target.finish()
    return Written(index=folder / "index.html", files=target.written, unchanged=target.unchanged)


def _reports(
    target: Folder,
    results: Sequence[StudentResult],
    own: Sequence[Record | None],
    shown: Sequence[Record | None],
) -> None:
    """For each student the instructor's report with its record, and the one to send back."""
    # One after the other: both show the same text, which is coloured once for both.
    for result, whole, copy in zip(results, own, shown, strict=True):
        if whole is not None and copy is not None:
            key, source = result.student.key, msgspec.msgpack.encode(whole)
            target.put(
                f"reports/{key}/report.html",
                _look() + source,
                partial(feedback.render, whole, "instructor"),
            )
            target.put(f"reports/{key}/record.json", source, partial(encode, whole))
            target.put(
                f"feedback/{key}/report.html",
                _look() + msgspec.msgpack.encode(copy),
                partial(feedback.render, copy, "student"),
            )


def _similarity(
    folder: Path, target: Folder, info: RunInfo, results: Sequence[StudentResult]
) -> similarity.Overview:
    """The similarity pages; nothing is compared where all texts and names are as before."""
    summary = f"{_SIMILARITY}overview.msgpack"
    source = _look() + similarity.source(info, results)
    if target.keep(_SIMILARITY, summary, source):
        try:
            data = (folder / summary).read_bytes()
            return msgspec.msgpack.decode(data, type=similarity.Overview)
        except (OSError, msgspec.DecodeError):
            with suppress(OSError):
                (folder / summary).unlink()
    kept = similarity.load(folder / f"{_SIMILARITY}{similarity.KEPT}", info.puzzle)
    study = similarity.study(info, results, kept)
    overview, features = study.overview, kept.kept()
    target.put(f"{_SIMILARITY}{similarity.KEPT}", features, lambda: features)
    target.put(summary, source, lambda: msgspec.msgpack.encode(overview))
    target.put(
        f"{_SIMILARITY}index.html",
        _look() + msgspec.msgpack.encode(overview),
        lambda: similarity.render_overview(overview),
    )
    for name, page in study.pages.items():
        target.put(
            f"{_SIMILARITY}{name}",
            _look() + msgspec.msgpack.encode(page),
            partial(similarity.render_pair, page),
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
