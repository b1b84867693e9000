"""What this user has graded: an equal program under equal conditions is not graded again.

The records lie in the user's own cache folder, which no sandbox shows. Each entry is named by a
digest of the program and of its conditions, and authenticated, both under the secret that cases
follow from (`grader.grading.seeds`). So somebody who can write into the folder but does
not know the secret can remove records, not make them. Under another secret nothing is remembered.

Only marks are kept: after a fault of the grader there is none, and a refusal costs nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import tempfile
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

import msgspec

from grader.book.digests import program_of
from grader.errors import GradeError
from grader.folders import data_directory, user_folder
from grader.grading import seeds
from grader.grading.conditions import all_code, conditions_of
from grader.grading.equal import record_of_equal_program
from grader.grading.state import Request
from grader.intake import Submission
from grader.record import MAX_RECORD_BYTES, Record, Verdict, decode
from grader.sandbox import Isolation, Wanted, probe_once
from grader.toolchain import store

CACHE_VARIABLE: Final = "GRADE_CACHE"
"""``off``: nothing is remembered, and nothing that was is used."""
MAX_ENTRIES: Final = 600
MAX_BYTES: Final = 64 << 20
"""Of all entries. A record takes 10 to 100 kB of it."""
_MAX_ENTRY: Final = 4 << 20
_MAC: Final = 32


class Remembered:
    """The place in the user's memory for one program, graded as one request says."""

    def __init__(self, request: Request, submission: Submission) -> None:
        self._request = request
        self._submission = submission
        self._folder = _folder() if request.isolation is not Wanted.NONE else None

    def record(self) -> Record | None:
        """The record of an equal program under equal conditions, as of this file.

        None where nothing is remembered that can be used.
        """
        # Most files are new: what their conditions are is not asked before they are graded.
        if self._folder is None or not any(self._folder.glob(f"{self._program}-*")):
            return None
        with contextlib.suppress(OSError, zlib.error, GradeError):
            path = self._place
            if path is not None:
                return self._as_of_now(self._read(path))
        return None

    def prepare(self) -> None:
        """Find out what the conditions are. Worth calling while the compiler runs."""
        with contextlib.suppress(OSError, GradeError):
            _ = self._place

    def keep(self, record: Record) -> None:
        """Remember a record that this request has led to, if it is a mark."""
        if record.verdict not in (Verdict.PASS, Verdict.FAIL) or self._folder is None:
            return
        assert not record.is_preview, "a preview is no mark"
        with contextlib.suppress(OSError, GradeError):
            path = self._place
            packed = zlib.compress(msgspec.json.encode(record), 1)
            if path is None or len(packed) > _MAX_ENTRY:
                return
            _write(path, _mac(path.name, packed) + packed)
            _forget_oldest(self._folder)

    @cached_property
    def _program(self) -> str:
        return program_of(self._submission.text)

    @cached_property
    def _place(self) -> Path | None:
        """The entry's file; None where a record may not be remembered."""
        request = self._request
        level = probe_once(request.isolation).level
        if self._folder is None or level is Isolation.NONE:
            return None
        rubric = request.rubric
        conditions = conditions_of(
            request.puzzle_name,
            rubric,
            skeleton=rubric.skeleton if rubric else None,
            edition=request.edition,
            device=_device(request),
            examples=request.examples,
            timeout=request.timeout,
            isolation=f"{request.isolation}: {level}",
        )
        facts = [
            self._program,
            conditions,
            request.sizes,
            request.seed,
            sorted(_toolchains()) if request.edition == "auto" else [],
        ]
        return self._folder / f"{self._program}-{_digest('entry', msgspec.json.encode(facts))}"

    def _read(self, path: Path) -> Record:
        with path.open("rb") as file:
            data = file.read(_MAX_ENTRY + _MAC + 1)
        mac, packed = data[:_MAC], data[_MAC:]
        if not hmac.compare_digest(mac, _mac(path.name, packed)):
            raise OSError("not written by this user's grader")
        record = decode(zlib.decompressobj().decompress(packed, MAX_RECORD_BYTES))
        os.utime(path)
        return record

    def _as_of_now(self, record: Record) -> Record:
        """The record as it is of this file, which was perhaps told to be of its puzzle."""
        puzzle = msgspec.structs.replace(record.puzzle, reason=self._request.puzzle_reason)
        moved = record_of_equal_program(record, self._submission)
        return msgspec.structs.replace(moved, puzzle=puzzle)


class RememberedPage:
    """Knows whether an existing report can stay: making it is half the time of showing a record.

    Of each that is written an empty entry is kept, whose name is a digest of the record, of the
    code and the reader that it was made for, and of its bytes. So a report that anybody else has
    written, or changed, is not taken for it.

    Args:
        record: The record as its reader sees it, in JSON.
        how: What else the report depends on.
    """

    def __init__(self, record: bytes, *how: str) -> None:
        self._folder = _folder()
        made_by = [all_code(), *(_sha256(path.read_bytes()) for path in _templates())]
        self._facts = msgspec.json.encode([_sha256(record), how, made_by])

    def is_at(self, path: Path) -> bool:
        """Whether the file holds it."""
        with contextlib.suppress(OSError):
            entry = self._entry(path.read_bytes())
            if entry is not None and entry.exists():
                os.utime(entry)
                return True
        return False

    def keep(self, page: bytes) -> None:
        """Remember how it looks."""
        with contextlib.suppress(OSError):
            if (entry := self._entry(page)) is not None:
                _write(entry, b"")

    def _entry(self, page: bytes) -> Path | None:
        if self._folder is None:
            return None
        return self._folder / f"page-{_digest('page', self._facts + _sha256(page).encode())}"


def _templates() -> list[Path]:
    return sorted(data_directory("templates").glob("report*"))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _folder() -> Path | None:
    """Where the entries lie; None where nothing is to be remembered.

    On a CI runner nothing is: somebody else's workflow may have written the cache that it restores,
    and the marks that it gives count.
    """
    if os.environ.get(CACHE_VARIABLE) == "off" or os.environ.get("CI", "") not in ("", "false"):
        return None
    folder = user_folder("cache")
    return folder / "graded" if folder is not None else None


def _device(request: Request) -> str:
    """Which device it is graded on, definitely."""
    if request.device == "software":
        return "software"
    from grader.lanes import gpu

    name = gpu.probe().name
    return f"gpu {name}" if name or request.device == "gpu" else "software"


def _toolchains() -> Iterator[str]:
    """What other editions are installed: a file that says no edition is tried with these."""
    for manifest in store.place().glob(f"*/{store.MANIFEST}"):
        yield f"{manifest.parent.name} {_sha256(manifest.read_bytes())}"


def _digest(purpose: str, data: bytes) -> str:
    key = hmac.new(seeds.secret(), b"remembered", hashlib.sha256).digest()
    return hmac.new(key, purpose.encode() + b"\0" + data, hashlib.sha256).hexdigest()


def _mac(name: str, packed: bytes) -> bytes:
    # With the name, so that no entry passes for that of another program.
    return bytes.fromhex(_digest("record", name.encode() + b"\0" + packed))


def _write(path: Path, data: bytes) -> None:
    """In one step: two gradings may end at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        try:
            file.write(data)
            file.flush()
            os.replace(file.name, path)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def _forget_oldest(folder: Path) -> None:
    """Keep what was used last, within the bounds; what a killed process left goes with the rest."""
    found = sorted(
        ((status.st_mtime, status.st_size, path) for path, status in _files(folder)), reverse=True
    )
    total = 0
    for number, (_, size, path) in enumerate(found, start=1):
        total += size
        if number > MAX_ENTRIES or total > MAX_BYTES:
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield path, path.stat()
