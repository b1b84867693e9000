"""Everything that a class run writes for people, from its results alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec.structs import replace

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import feedback, similarity
from grader.batch.outputs.clusters import Troubles
from grader.batch.outputs.dashboard import render_dashboard
from grader.batch.outputs.feedback import Small
from grader.batch.outputs.folder import Folder
from grader.batch.outputs.gradebook import ClassMarks
from grader.batch.outputs.gradebooks import render_all
from grader.batch.task import all_code
from grader.errors import GraderFault
from grader.folders import data_directory
from grader.record import Record, encode

_SIMILARITY = "similarity/"


class WrittenOutputs(msgspec.Struct, frozen=True, kw_only=True):
    """What `write_all` did."""

    index: Path
    files: int
    """Written, since they are new or changed."""
    unchanged: int


def write_all(
    folder: Path,
    info: RunInfo,
    results: Iterable[StudentResult],
    *,
    now: datetime | None = None,
    afresh: bool = False,
) -> WrittenOutputs:
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
        results: One for each student, in any order; `Student.key` is unique. They are taken one
            at a time and not kept, so that a class of any size can be written.
        now: The moment, with its offset, by which it is decided whether the checks that show
            after the due date show in the students' reports; None for this moment.
        afresh: Write everything again.

    Raises:
        GraderFault: a file can't be written, or a key is no name of a folder.
    """
    target = Folder(folder, afresh=afresh)
    seen = _Class(target, now or datetime.now(UTC), info)
    for result in results:
        seen.add(result)
    ordered, shown = seen.tables()
    marks = ClassMarks(info=info, results=ordered, shown=shown)
    for name, data in render_all(marks).items():
        target.put(f"gradebook/{name}", data, partial(bytes, data))
    similar = _similarity(folder, target, info, ordered, seen.texts)
    found = seen.troubles.clusters(ordered)
    page = render_dashboard(info, ordered, similar, found).encode("utf-8")
    target.put("index.html", page, lambda: page)
    target.finish()
    return WrittenOutputs(
        index=folder / "index.html", files=target.written, unchanged=target.unchanged
    )


class _Class:
    """Writes what is for one student, a student at a time, and keeps what is said of all."""

    def __init__(self, target: Folder, moment: datetime, info: RunInfo) -> None:
        self._target = target
        self._moment = moment
        self._info = info
        self._keys: set[str] = set()
        self._small = Small()
        self._lines: list[tuple[StudentResult, Record | None]] = []
        self.texts = similarity.Texts()
        self.troubles = Troubles()

    def add(self, result: StudentResult) -> None:
        """One student; the whole record is not kept."""
        key = result.student.key
        self._check(key)
        own = feedback.own_record(self._info, result)
        shown = None if own is None else feedback.for_student(own, self._moment)
        if own is not None and shown is not None:
            self._reports(key, own, shown)
        if result.record is not None:
            self.troubles.add(key, result.record)
            if result.record.submission.text:
                self.texts.add(key, result.record.submission.text)
            result = replace(result, record=self._small.record(result.record))
        self._lines.append((result, None if shown is None else self._small.record(shown)))

    def tables(self) -> tuple[list[StudentResult], list[Record | None]]:
        """Everybody by name, and what each may see, as far as tables need it."""
        self._lines.sort(key=lambda line: _order(line[0]))
        return [result for result, _ in self._lines], [shown for _, shown in self._lines]

    def _check(self, key: str) -> None:
        """The keys become folders: none of them may lead elsewhere, or to another's."""
        if key in {"", ".", ".."} or set(key) & set("/\\\0") or key.casefold() in self._keys:
            raise GraderFault(
                f"the key {key!r} of a student is no name of a folder, or is there twice",
                remedy="This is a defect of the grader; please report it.",
            )
        self._keys.add(key.casefold())

    def _reports(self, key: str, whole: Record, copy: Record) -> None:
        """The instructor's report with its record, and the one to send back."""
        # One after the other: both show the same text, which is coloured once for both.
        source = msgspec.msgpack.encode(whole)
        self._target.put(
            f"reports/{key}/report.html",
            _look() + source,
            partial(feedback.render, whole, "instructor"),
        )
        self._target.put(f"reports/{key}/record.json", source, partial(encode, whole))
        self._target.put(
            f"feedback/{key}/report.html",
            _look() + msgspec.msgpack.encode(copy),
            partial(feedback.render, copy, "student"),
        )


def _order(result: StudentResult) -> tuple[str, str]:
    return result.student.name.casefold(), result.student.key


def _similarity(
    folder: Path,
    target: Folder,
    info: RunInfo,
    results: Sequence[StudentResult],
    texts: similarity.Texts,
) -> similarity.Overview:
    """The similarity pages; nothing is compared where all texts and names are as before."""
    summary = f"{_SIMILARITY}overview.msgpack"
    source = _look() + similarity.source(info, results, texts)
    if target.keep(_SIMILARITY, summary, source):
        try:
            data = (folder / summary).read_bytes()
            return msgspec.msgpack.decode(data, type=similarity.Overview)
        except (OSError, msgspec.DecodeError):
            with suppress(OSError):
                (folder / summary).unlink()
    kept = similarity.load(folder / f"{_SIMILARITY}{similarity.KEPT}", info.puzzle)
    study = similarity.study(info, results, texts, kept)
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


@lru_cache(maxsize=1)
def _look() -> bytes:
    """What a page depends on besides its data: this code and the templates."""
    digest = blake2b(all_code().encode())
    for path in sorted(data_directory("templates").glob("*.*")):
        digest.update(path.read_bytes())
    return digest.digest()
