"""The settings of a run, made definite before it starts, and the plan: what to grade, and why."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import msgspec

from grader import puzzles
from grader.batch.merge import Changes
from grader.batch.model import Student
from grader.batch.store import KnownResult, StoredAttempt
from grader.batch.task import Options
from grader.errors import UsageError
from grader.grading.conditions import Conditions, conditions_of
from grader.grading.rescore import judged
from grader.intake.display import one_line
from grader.lanes import DeviceChoice
from grader.model.puzzle import Puzzle
from grader.record import Verdict
from grader.rubric import Rubric
from grader.toolchain import edition as editions


class RubricFile(NamedTuple):
    """A rubric and its file's name, safe to display."""

    name: str
    rubric: Rubric


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One call of ``grade batch``."""

    source: Path
    folder: Path
    """The folder of the run."""
    options: Options
    roster: Path | None = None
    title: str = ""
    workers: int | None = None
    """None: as many as the machine carries."""
    regrade: str = ""
    replace_class: bool = False
    """Whether the class becomes what the source holds: others are taken out."""
    scheduler: str = ""
    """Address of a scheduler of dask; empty for this machine's own pool."""
    rubric: Rubric | None = None
    """None: the puzzle's own."""
    rubrics: Mapping[str, RubricFile] = field(default_factory=dict)
    """By puzzle; of a run over several."""

    def of_puzzle(self, name: str) -> Settings:
        """The same for one puzzle, by the rubric that there is for it."""
        file = self.rubrics.get(name)
        return replace(
            self,
            rubric=file.rubric if file else None,
            options=msgspec.structs.replace(
                self.options,
                puzzle=name,
                rubric=file.rubric.source if file else "",
                skeleton=file.rubric.skeleton if file else None,
                rubric_name=file.name if file else "",
            ),
        )

    @property
    def puzzle(self) -> Puzzle:
        """The puzzle as it is marked in this run."""
        return self.rubric.puzzle if self.rubric else puzzles.find(self.options.puzzle)

    @cached_property
    def conditions(self) -> Conditions:
        """What results of this run rest on."""
        options = self.options
        return conditions_of(
            options.puzzle,
            self.rubric,
            skeleton=options.skeleton,
            edition=options.edition,
            device=options.device,
            examples=options.examples,
            timeout=options.timeout,
            isolation=str(options.isolation),
            judged=judged(self.puzzle),
        )


def definite_device(wanted: DeviceChoice, *, scheduler: str) -> DeviceChoice:
    """The kind of device for a whole run: one for all, so that all marks mean the same.

    ``auto`` takes this machine's GPU if its driver works; on a cluster, whose
    machines may differ, the software device.
    """
    if wanted != "auto":
        return wanted
    if scheduler:
        return "software"
    from grader.lanes import gpu

    return "gpu" if gpu.probe().name else "software"


def check_machine(settings: Settings) -> str:
    """See that this machine can grade at all, before a whole class is tried on it.

    Returns:
        What must be known about the isolation where it is not the best one; else empty.

    Raises:
        GraderFault: the toolchain of the edition, or the isolation that was asked for, is missing.
    """
    from grader.sandbox import probe_once
    from grader.toolchain.toolchain import locate

    locate(editions.find(settings.options.edition))
    report = probe_once(settings.options.isolation)
    return report.sentence if report.weakened else ""


ALL = "*"
SCORED_AGAIN = "scored again: the rubric's points changed"
"""The reason of a result that was made from the one before, without grading."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One program to grade."""

    program: str
    sha256: str
    """Digest of the file that is graded for all."""
    name: str
    """Name of that file."""
    students: tuple[str, ...]
    """Keys of the students who handed it in."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a session has to do."""

    jobs: Sequence[Job]
    kept: int = 0
    """Programs whose result stands."""
    scored_again: Sequence[str] = field(default=())
    """Programs whose checks ended as they did, and whose points, pass mark or texts changed."""
    refused: int = 0
    """Students whose latest file was refused."""
    absent: int = 0
    """Students who handed in nothing."""
    equal: int = 0
    """Students whose program somebody before them in the class has, too."""
    changes: Changes | None = None
    """What the source means for the class; None where there was none before."""
    regraded: Sequence[str] = field(default=())
    """Programs that are graded again only because somebody asked for it."""


class NobodyMeant(UsageError):
    """``--regrade`` fits nobody of the class."""


def make_plan(
    students: Sequence[Student],
    stored: Iterable[StoredAttempt],
    programs: Mapping[str, str],
    *,
    before: Mapping[str, str],
    known: Mapping[str, KnownResult],
    wanted: Mapping[str, str],
    conditions: Conditions,
    regrade: str = "",
) -> Plan:
    """Decide what is graded.

    Args:
        students: The class.
        stored: All attempts.
        programs: The program of each file, by its digest.
        before: The program that counted for a student in the session before, by key.
        known: Results there are, by program.
        wanted: Programs somebody asked for earlier and that are not done, with why.
        conditions: What results rest on now.
        regrade: A key, name, identifier, address or source of whom to grade again, or a pattern
            of them with ``*`` and ``?``; or empty.

    Raises:
        NobodyMeant: by ``regrade``.
    """
    counting = {each.attempt.student: each for each in stored if each.attempt.counts}
    groups: dict[str, list[tuple[Student, StoredAttempt]]] = {}
    refused = absent = 0
    for student in students:
        own = counting.get(student.key)
        if own is None:
            absent += 1
        elif own.refusal is not None:
            refused += 1
        else:
            groups.setdefault(programs[own.attempt.sha256], []).append((student, own))
    again = _asked_for(regrade, groups) if regrade else set()
    jobs, asked, scored_again = [], [], []
    for program, members in groups.items():
        reason = wanted.get(program, "")
        if not reason and program in again:
            reason = "asked for with --regrade"
            asked.append(program)
        result = known.get(program)
        if result is not None and not reason and _only_marks_differ(result, conditions):
            scored_again.append(program)
            continue
        reason = _why(result, conditions, members, program, before) or (
            reason if result is not None else ""
        )
        if reason:
            jobs.append(_job(program, members, result, reason))
    return Plan(
        jobs=jobs,
        kept=len(groups) - len(jobs) - len(scored_again),
        scored_again=scored_again,
        refused=refused,
        absent=absent,
        equal=sum(len(members) - 1 for members in groups.values()),
        regraded=asked,
    )


def _job(
    program: str,
    members: list[tuple[Student, StoredAttempt]],
    result: KnownResult | None,
    reason: str,
) -> Job:
    # The file that stood for the others keeps doing so, and with it the seed, while it is there.
    chosen = next(
        (own for _, own in members if result and own.attempt.sha256 == result.sha256),
        members[0][1],
    )
    return Job(
        program=program,
        sha256=chosen.attempt.sha256,
        name=chosen.attempt.name,
        students=tuple(student.key for student, _ in members),
        reason=reason,
    )


def _why(
    result: KnownResult | None,
    conditions: Conditions,
    members: Sequence[tuple[Student, StoredAttempt]],
    program: str,
    before: Mapping[str, str],
) -> str:
    if result is None:
        changed = any(before.get(student.key, program) != program for student, _ in members)
        return "the submission changed" if changed else "not graded yet"
    if changes := conditions.changes(result.conditions):
        return "; ".join(changes)
    if result.verdict is Verdict.FAULT:
        return "the grader failed on it last time"
    return ""


def _only_marks_differ(result: KnownResult, conditions: Conditions) -> bool:
    marked = result.verdict in (Verdict.PASS, Verdict.FAIL)
    return marked and conditions.only_marks_differ(result.conditions)


def _asked_for(
    wanted: str, groups: Mapping[str, Sequence[tuple[Student, StoredAttempt]]]
) -> set[str]:
    """The programs of the students who are meant. A name that is somebody's is not a pattern."""
    called = {
        program: {value for member in members for value in _called(*member)}
        for program, members in groups.items()
    }
    plain = wanted.casefold()
    pattern = plain.replace("[", "[[]")  # groups are called so, sets of letters are not wanted
    for fits in (
        lambda value: value == wanted,
        lambda value: value.casefold() == plain,
        lambda value: fnmatch.fnmatchcase(value.casefold(), pattern),
    ):
        if found := {program for program, values in called.items() if any(map(fits, values))}:
            return found
    if wanted == ALL:
        return set()
    raise NobodyMeant(
        f"--regrade {one_line(wanted, limit=80)!r} fits nobody whose file can be graded",
        remedy="Give a key, name, id, email or file as --dry-run without --regrade lists them, or "
        "a pattern such as '*doe*'.",
    )


def _called(student: Student, own: StoredAttempt) -> tuple[str, ...]:
    return student.key, student.name, student.id, student.email, own.attempt.source
