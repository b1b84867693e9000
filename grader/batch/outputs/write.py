"""Everything that a class run writes for people, from its results alone.

The files of the run's folder are replaced in one step, and only where they changed. A list of what
was written (``outputs.json``) says for each file what it was made from and how long it is. A file
that was made from the same, and still has that length, is left alone without being made again; one
that nothing asks for any more is removed. Without the list, everything is written again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache, partial
from hashlib import blake2b
from pathlib import Path

import msgspec
from msgspec.structs import replace

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import feedback, similarity_pages
from grader.batch.outputs.dashboard import render_dashboard
from grader.batch.outputs.diagnosis import Troubles
from grader.batch.outputs.feedback import RecordTrimmer
from grader.batch.outputs.gradebooks import ClassMarks, render_all
from grader.decoding import json_as, msgpack_as
from grader.errors import GraderFault
from grader.folders import data_directory
from grader.grading.conditions import all_code
from grader.record import Record, encode

LIST = "outputs.json"
_SCHEMA = 1


class _Entry(msgspec.Struct, frozen=True):
    source: str
    size: int


class _Listing(msgspec.Struct, kw_only=True):
    schema: int
    files: dict[str, _Entry]


class OutputFolder:
    """Files below one folder, by their relative paths with forward slashes.

    Args:
        root: The folder; made where it is missing.
        afresh: Write everything, whatever the list says.
    """

    def __init__(self, root: Path, *, afresh: bool = False) -> None:
        self._root = root
        self._before = {} if afresh else _read(root / LIST)
        self._now: dict[str, _Entry] = {}
        self.written = 0
        self.unchanged = 0

    def put(self, path: str, source: bytes, make: Callable[[], bytes]) -> None:
        """Have the file ``path`` hold what ``make`` gives.

        Args:
            path: Relative, with forward slashes.
            source: Everything that the content depends on.
            make: Called only where the source is another one than last time.

        Raises:
            GraderFault: it can't be written.
        """
        digest = blake2b(source, digest_size=16).hexdigest()
        before = self._before.get(path)
        if before is not None and before.source == digest and self._size(path) == before.size:
            self._now[path] = before
            self.unchanged += 1
            return
        data = make()
        write_file(self._root / path, data)
        self._now[path] = _Entry(digest, len(data))
        self.written += 1

    def keep(self, below: str, path: str, source: bytes) -> bool:
        """Keep everything below a folder that was made together, where nothing has changed.

        Args:
            below: Begins the paths, with its slash.
            path: One of them, whose source is that of all.
            source: Everything that they depend on.

        Returns:
            Whether all is there and was made from this; if not, nothing is kept.
        """
        one = self._before.get(path)
        if one is None or one.source != blake2b(source, digest_size=16).hexdigest():
            return False
        together = {name: e for name, e in self._before.items() if name.startswith(below)}
        if any(self._size(name) != entry.size for name, entry in together.items()):
            return False
        self._now.update(together)
        self.unchanged += len(together)
        return True

    def finish(self) -> None:
        """Remove what was written earlier and is not wanted now, and keep the list."""
        for path in self._before.keys() - self._now.keys():
            target = self._root / path
            if not target.resolve().is_relative_to(self._root.resolve()):
                continue
            with suppress(OSError):
                target.unlink()
                target.parent.rmdir()  # only where it is empty now
        listing = _Listing(schema=_SCHEMA, files=dict(sorted(self._now.items())))
        write_file(self._root / LIST, msgspec.json.encode(listing))

    def _size(self, path: str) -> int:
        try:
            return (self._root / path).stat().st_size
        except OSError:
            return -1


def write_file(path: Path, data: bytes) -> None:
    """Write a file in one step, so that nobody ever reads half of it.

    Raises:
        GraderFault: it can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise GraderFault(
            f"{path} could not be written: {error.strerror or error}",
            remedy="Make room on the disk, or write to another folder with --out DIR; "
            "the results themselves are kept.",
        ) from error


def _read(path: Path) -> dict[str, _Entry]:
    """The list of an earlier time; nothing where there is none that can be read."""
    with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
        listing = json_as(path.read_bytes(), _Listing)
        if listing.schema == _SCHEMA:
            return listing.files
    return {}


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
    target = OutputFolder(folder, afresh=afresh)
    seen = _StudentOutputs(target, now or datetime.now(UTC), info)
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


class _StudentOutputs:
    """Writes each student's files, one student at a time, and keeps what pages about all need."""

    def __init__(self, target: OutputFolder, moment: datetime, info: RunInfo) -> None:
        self._target = target
        self._moment = moment
        self._info = info
        self._keys: set[str] = set()
        self._small = RecordTrimmer()
        self._lines: list[tuple[StudentResult, Record | None]] = []
        self.texts = similarity_pages.Texts()
        self.troubles = Troubles()

    def add(self, result: StudentResult) -> None:
        """Write one student's files; the whole record is not kept."""
        key = result.student.key
        self._check(key)
        own = feedback.record_of_student(self._info, result)
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
        """Everybody's result, sorted by name, and what each student may see; without details."""
        self._lines.sort(key=lambda line: _order(line[0]))
        return [result for result, _ in self._lines], [shown for _, shown in self._lines]

    def _check(self, key: str) -> None:
        """See that a key, which names a folder, leads neither elsewhere nor to another student."""
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
            page_code() + source,
            partial(feedback.render, whole, "instructor"),
        )
        self._target.put(f"reports/{key}/record.json", source, partial(encode, whole))
        self._target.put(
            f"feedback/{key}/report.html",
            page_code() + msgspec.msgpack.encode(copy),
            partial(feedback.render, copy, "student"),
        )


def _order(result: StudentResult) -> tuple[str, str]:
    return result.student.name.casefold(), result.student.key


def _similarity(
    folder: Path,
    target: OutputFolder,
    info: RunInfo,
    results: Sequence[StudentResult],
    texts: similarity_pages.Texts,
) -> similarity_pages.Overview:
    """The similarity pages; nothing is compared where all texts and names are as before."""
    summary = f"{_SIMILARITY}overview.msgpack"
    source = page_code() + similarity_pages.source(info, results, texts)
    if target.keep(_SIMILARITY, summary, source):
        try:
            data = (folder / summary).read_bytes()
            return msgpack_as(data, similarity_pages.Overview)
        except (OSError, msgspec.DecodeError):
            with suppress(OSError):
                (folder / summary).unlink()
    kept = similarity_pages.load(folder / f"{_SIMILARITY}{similarity_pages.KEPT}", info.puzzle)
    study = similarity_pages.study(info, results, texts, kept)
    overview, features = study.overview, kept.kept()
    target.put(f"{_SIMILARITY}{similarity_pages.KEPT}", features, lambda: features)
    target.put(summary, source, lambda: msgspec.msgpack.encode(overview))
    target.put(
        f"{_SIMILARITY}index.html",
        page_code() + msgspec.msgpack.encode(overview),
        lambda: similarity_pages.render_overview(overview),
    )
    for name, page in study.pages.items():
        target.put(
            f"{_SIMILARITY}{name}",
            page_code() + msgspec.msgpack.encode(page),
            partial(similarity_pages.render_pair, page),
        )
    return overview


@lru_cache(maxsize=1)
def page_code() -> bytes:
    """What a page depends on besides its data: this code and the templates."""
    digest = blake2b(all_code().encode())
    for path in sorted(data_directory("templates").glob("*.*")):
        digest.update(path.read_bytes())
    return digest.digest()
