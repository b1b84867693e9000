"""The store of a run on disk: students, attempts, sources, and each result once it is known.

One SQLite database in the run's folder. Each result is one transaction, so a
run that is killed at any point has every result that it reported, whole, and
nothing of any other. Records and sources are kept compressed and are only
unpacked when somebody asks for them: starting again on a finished run of
thousands reads a few columns.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import msgspec

from grader.batch.database import guarded, open_database
from grader.batch.model import Attempt, Refusal, RunInfo, Source, Student
from grader.decoding import json_as
from grader.grading.conditions import Conditions
from grader.record import Record, Verdict, decode


@dataclass(frozen=True, kw_only=True)
class KnownResult:
    """The columns of a result, without its record."""

    program: str
    sha256: str
    """Digest of the file that was graded for all equal ones."""
    conditions: Conditions
    verdict: Verdict
    score: int
    seconds: float

    def holds(self, conditions: Conditions) -> bool:
        """Whether it is a mark that was made under the same conditions."""
        return self.verdict is not Verdict.FAULT and not conditions.changes(self.conditions)


class _Extra(msgspec.Struct, frozen=True):
    extra_score: int = 0


@dataclass(frozen=True, kw_only=True)
class GradingEntry:
    """What was done for a program: why, how it ended, and how it was made."""

    record: Record
    reason: str
    seconds: float = 0.0
    """0 where nothing was run."""
    crashes: int = 0
    place: str = ""
    """The machine; empty for this one."""
    session_seconds: float = 0.0
    """How long the session had lasted by then."""


@dataclass(frozen=True, kw_only=True)
class StoredAttempt:
    """One attempt as it is kept."""

    attempt: Attempt
    refusal: Refusal | None


class Store:
    """The database of a run. Use as a context manager, from one thread."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self._connection = open_database(folder, create=create)
        self._session = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all or nothing of it is on disk when the block ends."""
        with guarded(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                # After a full disk SQLite may have rolled back by itself.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _rows(self, query: str, *values: object) -> Iterator[tuple[object, ...]]:
        with guarded(self.folder):
            yield from self._connection.execute(query, values)

    # ---- what the run is ----

    def meta(self, name: str) -> str:
        """A named value; empty where there is none."""
        for (value,) in self._rows("SELECT value FROM meta WHERE name = ?", name):
            return str(value)
        return ""

    def set_meta(self, **values: str) -> None:
        """Keep named values."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items())
            )

    def info(self) -> RunInfo | None:
        """The run as it was described last, with the time of all its sessions."""
        text = self.meta("info")
        if not text:
            return None
        info = json_as(text, RunInfo)
        ((seconds,),) = self._rows("SELECT COALESCE(SUM(seconds), 0) FROM sessions")
        assert isinstance(seconds, (int, float))
        return msgspec.structs.replace(info, seconds=float(seconds))

    def set_info(self, info: RunInfo) -> None:
        """Keep the description of the run."""
        self.set_meta(info=msgspec.json.encode(info).decode())

    # ---- the class ----

    def programs(self) -> dict[str, str]:
        """The program of each file that was ever handed in, by the file's digest.

        Empty for a file that never counted.
        """
        return {str(a): str(b) for a, b in self._rows("SELECT sha256, program FROM sources")}

    def sources(self) -> list[Source]:
        """What the class was collected from, in the order in which it was given first."""
        text = self.meta("sources")
        return json_as(text, list[Source]) if text else []

    def set_class(
        self,
        students: Sequence[Student],
        attempts: Iterable[StoredAttempt],
        sources: Sequence[Source],
    ) -> None:
        """The class as it is now, in place of what it was, and what it was collected from."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                ("sources", msgspec.json.encode(sources).decode()),
            )
            connection.execute("DELETE FROM students")
            connection.execute("DELETE FROM attempts")
            connection.executemany(
                "INSERT INTO students VALUES (?, ?, ?)",
                (
                    (student.key, place, msgspec.json.encode(student))
                    for place, student in enumerate(students)
                ),
            )
            connection.executemany(
                "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (
                        each.attempt.student,
                        each.attempt.number,
                        each.attempt.counts,
                        each.attempt.sha256,
                        msgspec.json.encode(each.attempt),
                        None if each.refusal is None else msgspec.json.encode(each.refusal),
                    )
                    for each in attempts
                ),
            )

    def add_sources(self, sources: Iterable[tuple[str, str, bytes]]) -> None:
        """Keep files: digest, program and bytes of each; a program that is not known is empty."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT INTO sources VALUES (?, ?, ?) ON CONFLICT (sha256)"
                " DO UPDATE SET program = excluded.program WHERE program = ''",
                ((sha256, program, zlib.compress(data)) for sha256, program, data in sources),
            )

    def set_programs(self, programs: Mapping[str, str]) -> None:
        """Keep the programs of files that are kept without."""
        missing = [sha256 for sha256, program in self.programs().items() if not program]
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE sources SET program = ? WHERE sha256 = ?",
                ((programs[sha256], sha256) for sha256 in missing if programs.get(sha256)),
            )

    def students(self) -> list[Student]:
        """The class, in its order."""
        rows = self._rows("SELECT student FROM students ORDER BY place")
        return [json_as(_bytes(value), Student) for (value,) in rows]

    def attempts(self) -> dict[str, list[StoredAttempt]]:
        """All attempts by student, each in the order of handing in."""
        found: dict[str, list[StoredAttempt]] = {}
        for student, attempt, refusal in self._rows(
            "SELECT student, attempt, refusal FROM attempts ORDER BY student, number"
        ):
            found.setdefault(str(student), []).append(
                StoredAttempt(
                    attempt=json_as(_bytes(attempt), Attempt),
                    refusal=None if refusal is None else json_as(_bytes(refusal), Refusal),
                )
            )
        return found

    def source(self, sha256: str) -> bytes:
        """The bytes of a file that was handed in."""
        for (packed,) in self._rows("SELECT packed FROM sources WHERE sha256 = ?", sha256):
            return zlib.decompress(_bytes(packed))
        raise KeyError(sha256)

    # ---- results ----

    def known(self) -> dict[str, KnownResult]:
        """What is known of each program, without its record."""
        conditions: dict[str, Conditions] = {}
        found = {}
        for program, sha256, text, verdict, score, seconds in self._rows(
            "SELECT program, sha256, conditions, verdict, score, seconds FROM results"
        ):
            if str(text) not in conditions:
                conditions[str(text)] = json_as(str(text), Conditions)
            assert isinstance(score, int)
            assert isinstance(seconds, float)
            found[str(program)] = KnownResult(
                program=str(program),
                sha256=str(sha256),
                conditions=conditions[str(text)],
                verdict=Verdict(str(verdict)),
                score=score,
                seconds=seconds,
            )
        return found

    def record(self, program: str) -> Record | None:
        """The record of a program."""
        for (packed,) in self._rows("SELECT record FROM results WHERE program = ?", program):
            return decode(zlib.decompress(_bytes(packed)))
        return None

    def extra_score(self, program: str) -> int:
        """The points of extra credit of a program, without the rest of its record."""
        for (packed,) in self._rows("SELECT record FROM results WHERE program = ?", program):
            return json_as(zlib.decompress(_bytes(packed)), _Extra).extra_score
        return 0

    def add_result(
        self, program: str, grading: GradingEntry, *, sha256: str, conditions: Conditions
    ) -> None:
        """Keep one result; on disk when this returns.

        Raises:
            GraderFault: it can't be stored; what was stored before is safe.
        """
        now, conditions_and_outcome = _now(), _columns(conditions, grading.record)
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    program,
                    sha256,
                    *conditions_and_outcome,
                    grading.seconds,
                    now,
                    _packed(grading.record),
                ),
            )
            _tell(connection, program, now, grading)
            connection.execute("DELETE FROM wanted WHERE program = ?", (program,))
            self._lasts(connection, grading)

    def add_failure(self, program: str, grading: GradingEntry) -> None:
        """Note a grading that failed beside a result that holds: that stays, and it is tried again.

        Raises:
            GraderFault: it can't be stored.
        """
        with self.transaction() as connection:
            _tell(connection, program, _now(), grading)
            connection.execute(
                "INSERT OR REPLACE INTO wanted VALUES (?, ?)", (program, grading.reason)
            )
            self._lasts(connection, grading)

    def _lasts(self, connection: sqlite3.Connection, grading: GradingEntry) -> None:
        connection.execute(
            "UPDATE sessions SET seconds = ? WHERE number = ?",
            (grading.session_seconds, self._session),
        )

    def replace_record(
        self, program: str, *, conditions: Conditions, record: Record, reason: str
    ) -> None:
        """Store a record that was made of a result without grading; on disk when this returns.

        When it was graded, from which file and how long that took stays.
        """
        with self.transaction() as connection:
            connection.execute(
                "UPDATE results SET conditions = ?, verdict = ?, score = ?, record = ?"
                " WHERE program = ?",
                (*_columns(conditions, record), _packed(record), program),
            )
            _tell(connection, program, _now(), GradingEntry(record=record, reason=reason))

    def want(self, programs: Iterable[str], reason: str) -> None:
        """Have programs graded again, in this session or the next, until each is done."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO wanted VALUES (?, ?)", ((each, reason) for each in programs)
            )

    def wanted(self) -> dict[str, str]:
        """Programs that are to be graded again, with why."""
        return {str(a): str(b) for a, b in self._rows("SELECT program, reason FROM wanted")}

    # ---- sessions ----

    def begin_session(self, workers: int) -> None:
        """Store that the command runs, with so many workers."""
        now = _now()
        with self.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO sessions (began, workers, seconds) VALUES (?, ?, 0)", (now, workers)
            )
            self._session = cursor.lastrowid or 0

    def gradings(self) -> int:
        """How many results were ever stored; grows with each."""
        ((count,),) = self._rows("SELECT COALESCE(MAX(number), 0) FROM gradings")
        assert isinstance(count, int)
        return count


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _columns(conditions: Conditions, record: Record) -> tuple[str, str, int]:
    """Conditions, verdict and score of a result."""
    return msgspec.json.encode(conditions).decode(), str(record.verdict), record.score


def _packed(record: Record) -> bytes:
    return zlib.compress(msgspec.json.encode(record))


def _tell(connection: sqlite3.Connection, program: str, at: str, grading: GradingEntry) -> None:
    """Add it to the history."""
    record = grading.record
    connection.execute(
        "INSERT INTO gradings (program, at, reason, verdict, score, seconds, crashes, place)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            program,
            at,
            grading.reason,
            str(record.verdict),
            record.score,
            grading.seconds,
            grading.crashes,
            grading.place,
        ),
    )


def _bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    assert isinstance(value, bytes)
    return value
