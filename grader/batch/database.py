"""The database of a run as a file: its tables, how it is opened, and the lock on its folder."""

from __future__ import annotations

import fcntl
import os
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from grader.errors import GraderFault, UsageError
from grader.intake.display import one_line

LOCK: Final = "run.lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a run.

    Raises:
        UsageError: another run holds it; the message says which.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(
            f"nothing can be written to {folder}: {error.strerror}",
            remedy="Choose another folder with --out RUN.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 400).decode("utf-8", "replace").strip()
            raise UsageError(
                f"another grade batch is at work in {folder}"
                + (f": {one_line(holder)}" if holder else ""),
                remedy="Wait until it has ended, or give this one a folder of its own with --out.",
            ) from error
        now = datetime.now(UTC).isoformat(timespec="seconds")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}, {now}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


DATABASE: Final = "run.sqlite"
VERSION: Final = 1
_HEADER: Final = b"SQLite format 3\0"
_MARK: Final = b"CREATE TABLE gradings ("
"""Stands among the first pages of a run's database, or of its log while it is young."""
_LOOKED_AT: Final = 64 * 1024

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- The class as it was collected last. Rewritten as a whole when a session starts.
CREATE TABLE students (
    key TEXT PRIMARY KEY, place INTEGER NOT NULL, student BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE attempts (
    student TEXT NOT NULL, number INTEGER NOT NULL, counts INTEGER NOT NULL,
    sha256 TEXT NOT NULL, attempt BLOB NOT NULL, refusal BLOB,
    PRIMARY KEY (student, number)
) WITHOUT ROWID;

-- Every file that was ever handed in, by its digest, and the program that it holds: empty where
-- the file never counted.
CREATE TABLE sources (
    sha256 TEXT PRIMARY KEY, program TEXT NOT NULL, packed BLOB NOT NULL
);

-- The last result of each program, under what conditions, for which of the equal files.
CREATE TABLE results (
    program TEXT PRIMARY KEY, sha256 TEXT NOT NULL, conditions TEXT NOT NULL,
    verdict TEXT NOT NULL, score INTEGER NOT NULL, seconds REAL NOT NULL,
    at TEXT NOT NULL, record BLOB NOT NULL
);

-- Programs that somebody wants graded again although nothing changed, until that is done.
CREATE TABLE wanted (program TEXT PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;

-- A line for each grading that was done, and for each result that was scored again: what it was
-- for and how it ended. Only ever added to.
CREATE TABLE gradings (
    number INTEGER PRIMARY KEY AUTOINCREMENT, program TEXT NOT NULL, at TEXT NOT NULL,
    reason TEXT NOT NULL, verdict TEXT NOT NULL, score INTEGER NOT NULL, seconds REAL NOT NULL,
    crashes INTEGER NOT NULL, place TEXT NOT NULL
);

-- Each time that the command ran here; `seconds` grows with each result, so a killed one counts.
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, began TEXT NOT NULL,
    workers INTEGER NOT NULL, seconds REAL NOT NULL
);
"""


def open_database(folder: Path, *, create: bool) -> sqlite3.Connection:
    """The database of a run.

    Raises:
        UsageError: there is none, or it is none of this version's.
    """
    path = folder / DATABASE
    if not create and not path.is_file():
        raise UsageError(
            f"{folder} is not the folder of a run: it holds no {DATABASE}",
            remedy="Give the folder that grade batch wrote to.",
        )
    with guarded(folder):
        connection = sqlite3.connect(path, isolation_level=None, timeout=30.0)
        try:
            _prepare(connection, folder)
        except BaseException:
            connection.close()
            raise
    return connection


def holds_a_run(folder: Path) -> bool:
    """Whether a folder has the database of a run, by its first bytes.

    It may be anybody's file of that name: SQLite is not asked to open it.
    """
    start = _start_of(folder / DATABASE)
    if not start.startswith(_HEADER):
        return False
    # The tables of a run that was killed early are in the log only.
    return _MARK in start or _MARK in _start_of(folder / f"{DATABASE}-wal")


def _start_of(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(descriptor, "rb") as file:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return file.read(_LOOKED_AT) if regular else b""


def _prepare(connection: sqlite3.Connection, folder: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # In WAL mode only FULL syncs at each commit: a result that was reported as done must
    # survive a power cut. It costs a few milliseconds beside the seconds of a grading.
    connection.execute("PRAGMA synchronous = FULL")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        connection.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise UsageError(
            f"the run in {folder} was made by another version of the grader "
            f"(format {version}; this one has {VERSION})",
            remedy="Use the grader that made it, or start a new run with --out.",
        )


@contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Turn SQLite's errors into faults that say what to do now."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "")
        if code == "SQLITE_FULL" or code.startswith("SQLITE_IOERR"):
            raise GraderFault(
                f"nothing more can be stored in {folder}: {error} ({code})",
                remedy="Make room on the disk, then run the same command again: every result up "
                "to here is kept, and the run goes on where it stopped.",
            ) from error
        if code in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
            raise GraderFault(
                f"the database of the run in {folder} is damaged: {error}",
                remedy=f"Restore {DATABASE} from a backup, or start a new run with --out.",
            ) from error
        raise GraderFault(
            f"the database of the run in {folder} can't be used: {error} ({code})",
            remedy="Check that the folder can be written to and is on a local disk.",
        ) from error
