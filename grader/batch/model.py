"""Plain values about a class: students, their attempts, and how each attempt ended.

These are plain values. `grader.batch.collect` makes attempts, `grader.batch.store`
keeps them with their outcomes, and everything that is written for people
(`grader.batch.outputs`) is made from `StudentResult`s alone.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.record import Record

Lateness = Literal["on time", "late", "unknown"]


class Student(msgspec.Struct, frozen=True, kw_only=True):
    """One person (or team) of the class."""

    key: str
    """Names the student in this run, in paths and in the database: safe as a file name, unique."""
    name: str
    """As shown to people; one line, not escaped."""
    id: str = ""
    """The identifier to show: the institution's or the LMS's; empty where it is not known."""
    sis_id: str = ""
    """The institution's own and nothing else: Canvas's SIS user ID, Moodle's ID number."""
    canvas_id: str = ""
    """Canvas's own number of the person."""
    participant: str = ""
    """Moodle's number of the person within this assignment."""
    login: str = ""
    """Canvas's SIS login ID, where the class list has it."""
    integration_id: str = ""
    section: str = ""
    email: str = ""
    repository: str = ""
    lateness: Lateness = "unknown"
    days_late: float = 0.0
    """As the class list says; 0 where it does not."""
    on_roster: bool = False

    @property
    def late_in_words(self) -> str:
        """``late``, by how many days where that is known; empty for everybody else."""
        if self.lateness != "late":
            return ""
        if not self.days_late:
            return "late"
        return f"late by {self.days_late:g} {'day' if self.days_late == 1 else 'days'}"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One file of one student, as it was handed in."""

    student: str
    """`Student.key`."""
    number: int
    """One-based, in the order of handing in; the latest counts."""
    source: str
    """Where it came from, for people: a path inside the folder or archive."""
    origin: str = ""
    """Which folder or archive that is, with its path; empty in runs of earlier versions."""
    name: str
    """File name, sanitised."""
    sha256: str = ""
    """Digest of the bytes; empty where they could not be read."""
    handed_in: str = ""
    """UTC, ISO 8601, where it is known (an archive's or file's time)."""
    counts: bool = True
    """Whether it is the student's latest, whose mark counts."""
    is_answer: bool = True
    """False where it only stands for files none of which can be an answer."""
    lateness: Lateness = "unknown"
    days_late: float = 0.0


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why an attempt, or an archive member, was not graded."""

    source: str
    what: str
    remedy: str


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A folder or archive that was handed over, with what was said when it was read last."""

    origin: str
    """See `Attempt.origin`."""
    name: str
    """As shown to people."""
    notes: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class StudentResult(msgspec.Struct, frozen=True, kw_only=True):
    """How the attempt that counts ended for one student."""

    student: Student
    attempt: Attempt | None
    """None: nothing was handed in."""
    record: Record | None
    """None where nothing was handed in, where it was refused, or where it is not graded yet."""
    refusal: Refusal | None = None
    attempts: int = 0
    """How many were handed in."""
    equal_to: str = ""
    """`Student.key` of the student whose equal program was graded for both; or empty."""
    seconds: float = 0.0
    """What grading it cost; 0 where an equal program's result was taken."""


class RunInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One run over a class."""

    title: str
    puzzle: str
    edition: str
    created: str
    """UTC, ISO 8601."""
    finished: str = ""
    rubric: str = ""
    """Name of the rubric file, or empty for the puzzle's own."""
    workers: int = 1
    seconds: float = 0.0
    """Wall clock, over all sessions of the run."""
    max_score: int = 100
    notes: tuple[str, ...] = ()
    """What an instructor should know of how the class was collected, a sentence each."""
    refusals: tuple[Refusal, ...] = ()
    """What was refused and could not be said to be anybody's."""
