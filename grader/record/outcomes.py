"""What was found out about a submission: checks, counterexamples, findings, messages."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.device import Dim3, Finding, Launch, Writer
from grader.record.terms import Attribution, Status, Visibility


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """An array, bit for bit."""

    name: str
    dtype: str
    """NumPy's name of the type, little-endian: ``float32``."""
    shape: tuple[int, ...]
    data: bytes


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
    writer: Writer | None = None
    """None where the device can't tell."""


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


class ShapeRun(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled shape of the plan and how its cases went."""

    sizes: dict[str, int]
    part: Literal["assigned", "robust"]
    origin: str
    """Why it is in the plan: ``published example``, ``boundary``, ``random``, ``every
    size``."""
    cases: int
    failures: int


class CaseLog(msgspec.Struct, frozen=True, kw_only=True):
    """Every case of the run with its inputs, packed; `grader.caselog` reads it."""

    count: int
    packed: bytes


class StaticLook(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the source that an instructor may want to look at. Never decides."""

    kind: str
    line: int
    sentence: str


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
