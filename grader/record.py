"""The record: everything one grading run found out, as one typed JSON document.

Every report is a rendering of a record; nothing is computed after it. A record
embeds the submission's text and the raw bytes of its counterexamples, so that
it can be rendered and replayed without anything else at hand.

Arrays are kept as raw little-endian bytes (base64 in the JSON), because JSON
has no NaN, no infinity and no -0.0 that every reader keeps.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Literal

import msgspec

from grader.device.evidence import Dim3, Finding, Launch
from grader.errors import ExitCode, RecordError

SCHEMA: Literal["mojo-grade/record/1"] = "mojo-grade/record/1"
MAX_RECORD_BYTES = 32 * 1024 * 1024

Audience = Literal["student", "instructor"]
"""Who reads a rendering. What a student's copy leaves out: `grader.audience`."""


class Verdict(StrEnum):
    """How a run ended."""

    PASS = "pass"
    FAIL = "fail"
    REFUSED = "refused"
    FAULT = "fault"


class Status(StrEnum):
    """Outcome of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not-checked"


class Visibility(StrEnum):
    """When a student sees a check; the words of a rubric file."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    AFTER_DUE = "after the due date"


class Attribution(StrEnum):
    """Whose code a finding is about."""

    STUDENT = "student"
    SKELETON = "skeleton"


class StageOutcome(StrEnum):
    """How one stage of a run ended."""

    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """An array, bit for bit."""

    name: str
    dtype: str
    """NumPy's name of the type, little-endian: ``float32``."""
    shape: tuple[int, ...]
    data: bytes


class SubmissionInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed in."""

    name: str
    """As shown to people: sanitised, without directories."""
    sha256: str = ""
    size: int = 0
    """Bytes."""
    text: str = ""
    """The whole source; empty when it was refused."""


class PuzzleInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What it was graded as."""

    name: str
    title: str
    formula: str
    """What the op computes, in one line."""
    domain: str
    """The assigned sizes, in one line."""


class ToolchainInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What compiled it."""

    edition: str
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


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the run."""

    name: str
    """``read``, ``toolchain`` (where one is installed), ``package``, ``compile``, ``run``,
    ``report``."""
    outcome: StageOutcome
    seconds: float
    peak_bytes: int | None = None
    """Most resident memory of the stage's process, where it was measured."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """A note under a compiler message."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the compiler, parsed."""

    severity: Literal["error", "warning"]
    message: str
    stage: Literal["package", "compile", "run"]
    file: str | None = None
    line: int | None = None
    column: int | None = None
    """Both one-based; None where the message names no place in the student's file."""
    notes: tuple[Note, ...] = ()
    advice: str = ""
    """What the message means for this puzzle and what to do, in the student's terms."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the rubric with its outcome."""

    id: str
    title: str
    status: Status
    points: int
    max_points: int
    extra: bool = False
    """Extra credit: not part of the 100."""
    reason: str = ""
    """Why it failed or was not checked; what was shown, where it passed."""
    cases: int = 0
    """How many cases stand behind the outcome."""
    visibility: Visibility = Visibility.VISIBLE
    hint: str = ""
    """What to look at first, where it failed."""


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """One output element that is wrong."""

    index: int
    expected: float | str
    """A number, or ``nan``, ``inf``, ``-inf`` as text."""
    got: float | str
    allowed: float | None = None
    """Largest distance that would have been accepted; None where bits must be equal."""
    block: Dim3 | None = None
    thread: Dim3 | None = None
    """Who wrote it last; None where no kernel did or the device can't tell."""
    writer: str | None = None


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest case found on which a check fails."""

    check: str
    """`Check.id`."""
    title: str
    """What is wrong with it, in a few words: ``wrong values``."""
    sizes: dict[str, int]
    inputs: tuple[Tensor, ...]
    expected: Tensor
    got: Tensor | None
    """None when the run ended without output."""
    mismatches: tuple[Mismatch, ...] = ()
    """All wrong elements, in order of index, cut at 256."""
    mismatch_count: int = 0
    explanation: str = ""
    """What the pattern of the wrong elements suggests, if it is known."""
    error: str = ""
    """What the run said, when it gave no output."""
    case: int = 0
    """Number of the case (`grader.caselog`); 0 where it is not known."""
    concerns: tuple[str, ...] = ()
    """Every check that the case stands for. It is shown to who may see all of them."""
    launches: tuple[Launch, ...] = ()
    """What was launched in it, without the findings, which `Record.findings` has."""


class CheckedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the device with whom it concerns and the case that showed it."""

    finding: Finding
    attribution: Attribution
    sizes: dict[str, int]
    explanation: str = ""
    """What it means and what to do, in the student's terms."""
    case: int = 0
    """Number of that case."""
    concerns: tuple[str, ...] = ()
    """Every check that the case stands for, and the one that the finding fails."""


class LaunchKind(msgspec.Struct, frozen=True, kw_only=True):
    """Launches of a run that are alike."""

    kernel: str
    grid: Dim3
    block: Dim3
    shared_bytes: int
    count: int
    failed: int = 0
    """How many of them gave an error."""
    most_instructions: int = 0
    """Of one launch, summed over its threads."""


class CaseLog(msgspec.Struct, frozen=True, kw_only=True):
    """Every case of the run with its inputs, packed; `grader.caselog` reads it."""

    count: int
    packed: bytes


class ShapeRun(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled shape of the plan and how its cases went."""

    sizes: dict[str, int]
    part: Literal["assigned", "robust"]
    origin: str
    """Why it is in the plan: ``published example``, ``boundary``, ``random``."""
    cases: int
    failures: int


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no verdict."""

    kind: str
    """The error's class name."""
    what: str
    remedy: str
    stage: str
    detail: str = ""
    """For the operator: the last lines of what the failing process said."""


class StaticLook(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the source that an instructor may want to look at. Never decides."""

    kind: str
    line: int
    sentence: str


class RubricInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The rubric file that a run was graded with."""

    title: str = ""
    digest: str = ""
    """Of what it says, comments and layout aside; empty in a student's copy."""
    pass_mark: int | None = None
    """Points from which on a submission passes; None for all that are not extra."""
    hints: bool = True
    due: str = ""
    """ISO 8601 with its offset; empty where there is no due date."""
    source: str = ""
    """The file itself; empty in a student's copy."""


class Withheld(msgspec.Struct, frozen=True, kw_only=True):
    """What a student's copy of a record leaves out, as far as the student is told."""

    later: int = 0
    """Points, extra credit aside, of the checks that show after the due date."""
    never: int = 0
    """Points, extra credit aside, of the checks that never show."""
    extra: int = 0
    """Extra credit of both."""
    until: str = ""
    """The due date, ISO 8601 with its offset."""
    final: bool = False
    """Whether the verdict stands, whatever comes of what is left out."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One grading run."""

    schema: Literal["mojo-grade/record/1"] = SCHEMA
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
    checks: tuple[Check, ...] = ()
    counterexamples: tuple[Counterexample, ...] = ()
    findings: tuple[CheckedFinding, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
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
    look: tuple[StaticLook, ...] = ()
    rubric: RubricInfo | None = None
    """None where the puzzle's own was used."""
    launches: tuple[LaunchKind, ...] = ()
    cases: CaseLog | None = None
    withheld: Withheld | None = None
    """Not None: this is a student's copy, and something was left out of it."""

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
            f"the record has {len(document)} bytes; at most {MAX_RECORD_BYTES} are read",
            remedy="Check that this is the record.json of a grading run.",
        )
    try:
        return msgspec.json.decode(document, type=Record)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RecordError(
            f"this is not a record that this version reads: {error}",
            remedy=f"A record is a JSON document of schema {SCHEMA!r}; grade submit writes it.",
        ) from error


def load(path: Path) -> Record:
    """Read a record from a file; raises `RecordError` also when it can't be read."""
    try:
        document = path.read_bytes()
    except OSError as error:
        raise RecordError(
            f"{path}: {error.strerror or error}",
            remedy="Give the path of a record.json that grade submit wrote.",
        ) from error
    return decode(document)
