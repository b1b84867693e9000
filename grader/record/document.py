"""The record as a document: what was graded, with what and where; read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from grader.choices import HINT_STEPS
from grader.decoding import json_as
from grader.errors import ExitCode, RecordError
from grader.record.outcomes import (
    CaseLog,
    CaseTrace,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    Earlier,
    LaunchKind,
    LaunchPlace,
    PlaceCounts,
    ProgramOutput,
    ShapeRun,
    StaticLook,
    Withheld,
)
from grader.record.profiles import PartProfile
from grader.record.terms import LaneKind, StageOutcome, Verdict


class SubmissionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed in."""

    name: str
    """As shown to people: sanitised, without directories."""
    sha256: str = ""
    size: int = 0
    """Bytes."""
    text: str = ""
    """The whole source; empty when it was refused."""


class PartInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is graded on its own: an op of the file."""

    name: str
    title: str
    formula: str
    """What it computes, in one line."""
    domain: str
    """The assigned sizes, in one line."""
    sizes: int = 0
    """How many these are; 0 where there are too many to count."""
    sizes_beyond: int = 0
    """How many more the extra credit for all sizes is about."""


class PuzzleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What it was graded as."""

    name: str
    title: str
    parts: tuple[PartInfo, ...] = ()
    reason: str = ""
    """Why it was graded as this one, where the file had to tell; empty where it was said."""
    taken: dict[str, str] = {}
    """Kernels of the task that the file does not have, and the kernels of the file that were taken
    for them: a program that launches one with another name means that."""


class ToolchainInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What compiled it."""

    edition: str
    lane: LaneKind | None = None
    """How the submission was run; None where it was not, or as the program that it is."""
    edition_reason: str = ""
    max_version: str = ""
    mojo_version: str = ""
    python_version: str = ""


class DeviceInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What ran it."""

    kind: Literal["software", "gpu"]
    name: str
    reason: str
    """Why this device: asked for, or found or not found."""


class IsolationInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What kept it apart from the machine."""

    level: str
    note: str = ""
    """A sentence for the reader when this is less than the best level."""


class SkeletonInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A skeleton that a course hands out in place of the book's, by what it is recognised by.

    Digests, and not its text: they are enough to grade and to replay without the file.
    """

    program: str
    """`grader.book.digests.program_of` it."""
    codes: tuple[str, ...]
    """`grader.book.digests.given_code` of it for each given kernel that it has, and of a program
    `given_kernels` for each part, sorted."""
    reads: tuple[str, ...]
    """`grader.book.digests.array_reads` of it, sorted."""


class RubricInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The rubric file that a run was graded with."""

    title: str = ""
    digest: str = ""
    """Digest of what it says, comments and layout aside; empty in a student's copy."""
    pass_mark: int | None = None
    """Points from which on a submission passes; None for all that are not extra."""
    hints: int | bool = HINT_STEPS
    """How many steps of hints students see; older records say true or false."""
    due: str = ""
    """ISO 8601 with its offset; empty where there is no due date."""
    source: str = ""
    """The file itself; empty in a student's copy."""
    skeleton: SkeletonInfo | None = None
    """The one that the file names; None in a student's copy."""

    @property
    def hint_steps(self) -> int:
        """How many steps of hints students see, 0 to `HINT_STEPS`."""
        if isinstance(self.hints, bool):
            return HINT_STEPS if self.hints else 0
        return min(max(self.hints, 0), HINT_STEPS)


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the run."""

    name: str
    """``read``, ``toolchain`` (where one is installed), ``package``, ``compile``, ``run``,
    ``lines`` (where findings had none), ``program``, ``report``."""
    outcome: StageOutcome
    seconds: float
    peak_bytes: int | None = None
    """Most resident memory of the stage's process, where it was measured."""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no verdict."""

    kind: str
    """The error's class name."""
    what: str
    remedy: str
    stage: str
    detail: str = ""
    """For the operator: the last lines of what the failing process said."""


SCHEMA: Literal["mojo-grade/record/2"] = "mojo-grade/record/2"
OLDER = frozenset({"mojo-grade/record/1"})
"""Versions that were written once."""
MAX_RECORD_BYTES = 32 * 1024 * 1024


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one grading run found out."""

    schema: Literal["mojo-grade/record/2"] = SCHEMA
    grader_version: str
    created: str
    """UTC, ISO 8601."""
    submission: SubmissionInfo
    puzzle: PuzzleInfo
    verdict: Verdict
    score: int
    max_score: int
    extra_score: int = 0
    extra_max: int = 0
    headline: str
    """The verdict in one sentence."""
    wrong: str = ""
    """What went wrong first, in one sentence, as the headline tells it; also where it passes."""
    checks: tuple[CheckOutcome, ...] = ()
    counterexamples: tuple[Counterexample, ...] = ()
    findings: tuple[CheckedFinding, ...] = ()
    traces: tuple[CaseTrace, ...] = ()
    """What is drawn of cases that failed: in each part a finding and wrong values, at most."""
    places: tuple[PlaceCounts, ...] = ()
    """Where the wrong outputs lie over all cases at the assigned sizes, for each part where they
    lie at some places only."""
    profiles: tuple[PartProfile, ...] = ()
    """How the kernels of parts that are right use the GPU."""
    diagnostics: tuple[Diagnostic, ...] = ()
    launched_at: tuple[LaunchPlace, ...] = ()
    """Where the file launches the kernels, as far as that is certain."""
    advice: tuple[str, ...] = ()
    """What to try next, most useful first."""
    fault: Fault | None = None
    toolchain: ToolchainInfo | None = None
    device: DeviceInfo | None = None
    isolation: IsolationInfo | None = None
    seed: str = ""
    examples: int = 0
    """Cases asked for."""
    cases_run: int = 0
    shapes: tuple[ShapeRun, ...] = ()
    stages: tuple[Stage, ...] = ()
    kernels: tuple[str, ...] = ()
    """Names of the kernels that were launched."""
    programs: tuple[ProgramOutput, ...] = ()
    """Runs of the file as a program, where a check asks for them."""
    look: tuple[StaticLook, ...] = ()
    rubric: RubricInfo | None = None
    """None where the puzzle's own was used."""
    launches: tuple[LaunchKind, ...] = ()
    cases: CaseLog | None = None
    before: Earlier | None = None
    """How things stood in the run before, where there was one."""
    withheld: Withheld | None = None
    """Not None: this is a student's copy, and something was left out of it."""

    @property
    def is_preview(self) -> bool:
        """Whether it is no verdict: what a run that decides nothing has found."""
        return self.toolchain is not None and self.toolchain.lane is LaneKind.DIRECT

    @property
    def is_whole(self) -> bool:
        """Whether it is no student's copy: what is needed to run a case again is in it."""
        return self.withheld is None and (self.rubric is None or bool(self.rubric.source))

    @property
    def exit_code(self) -> ExitCode:
        """What ``grade`` exits with for this record."""
        return {
            Verdict.PASS: ExitCode.PASSED,
            Verdict.FAIL: ExitCode.NOT_PASSED,
            Verdict.REFUSED: ExitCode.REFUSED,
            Verdict.FAULT: ExitCode.FAULT,
        }[self.verdict]


def encode(record: Record) -> bytes:
    """The record as an indented JSON document."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2)


def decode(document: bytes) -> Record:
    """Read a record, strictly.

    Raises:
        RecordError: too large, not JSON, of another version, or ill-typed.
    """
    if len(document) > MAX_RECORD_BYTES:
        raise RecordError(
            f"the record is too large: at most {MAX_RECORD_BYTES} bytes are read",
            remedy="Check that this is the record.json of a grading run.",
        )
    try:
        if _schema(document) in OLDER:
            raise RecordError(
                "an earlier version of the grader made this record, and it is not read any more",
                remedy="Grade the submission again: grade submit FILE, or grade batch run "
                "for a class. The student's file is in the record, under submission.text.",
            )
        return json_as(document, Record)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RecordError(
            f"this is not a record that this version reads: {error}",
            remedy=f"A record is a JSON document of schema {SCHEMA!r}; grade submit writes it.",
        ) from error


class _Version(msgspec.Struct):
    schema: str = ""


def _schema(document: bytes) -> str:
    return json_as(document, _Version).schema


def load(path: Path) -> Record:
    """Read a record from a file; raises `RecordError` also when it can't be read."""
    try:
        # A device or a pipe may have no end.
        with path.open("rb") as file:
            document = file.read(MAX_RECORD_BYTES + 1)
    except OSError as error:
        raise RecordError(
            f"{path}: {error.strerror or error}",
            remedy="Give the path of a record.json that grade submit wrote.",
        ) from error
    return decode(document)
