"""What was found out about a submission: checks, counterexamples, findings, messages."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.device import Dim3, Finding, Launch, Space, Writer
from grader.record.terms import (
    Aspect,
    Attribution,
    PrintedOutput,
    ProblemKind,
    ProgramEnd,
    Reason,
    Status,
    Visibility,
)


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """An array, bit for bit."""

    name: str
    dtype: str
    """NumPy's name of the type, little-endian: ``float32``."""
    shape: tuple[int, ...]
    data: bytes


class CheckOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the rubric with its outcome."""

    id: str
    title: str
    part: str = ""
    """Name of the part that it is about; empty where it is about the file, or there is one."""
    aspect: Aspect
    beyond: bool = False
    """Whether it is about sizes beyond the task."""
    status: Status
    points: int
    max_points: int
    extra: bool = False
    """Extra credit: not part of the 100."""
    reason: Reason | None = None
    """Why it ended so; None where there is nothing to say."""
    data: dict[str, int | str] = {}
    """What the reason is about: see `Reason`."""
    sentence: str = ""
    """The reason for people: why it failed or was not checked; what was tried, where it passed."""
    cases: int = 0
    """How many cases stand behind the outcome."""
    visibility: Visibility = Visibility.VISIBLE
    hint: str = ""
    """What to look at first, where it failed."""


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """One output element that is wrong."""

    index: int
    expected: int | float | str
    """A number, whole and exact where the output's type is; or ``nan``, ``inf``, ``-inf``."""
    got: int | float | str
    allowed: float | None = None
    """Largest distance that would have been accepted; None where bits must be equal."""
    block: Dim3 | None = None
    thread: Dim3 | None = None
    """Who wrote it last; None where no kernel did or the device can't tell."""
    writer: Writer | None = None
    """None where the device can't tell."""


class OutputCase(msgspec.Struct, frozen=True, kw_only=True):
    """One output of a counterexample."""

    expected: Tensor
    got: Tensor | None
    """None when the run ended without output."""
    mismatches: tuple[Mismatch, ...] = ()
    """All wrong elements, in order of index, cut at 256."""
    mismatch_count: int = 0


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The smallest case found on which a check fails."""

    check: str
    """`CheckOutcome.id`."""
    part: str = ""
    """Name of the part that it is a case of; empty where the puzzle has one."""
    kind: ProblemKind
    title: str
    """What is wrong with it, in a few words: ``wrong values``."""
    sizes: dict[str, int]
    values: str = ""
    """What kind of values it holds (`grader.model.domains.Values`)."""
    published: bool = False
    """Whether it is the published example, which is the same for everybody."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[OutputCase, ...]
    """At least one; all have `got`, or none."""
    mistake: str = ""
    """Name of the well-known mistake that explains this and all other failing cases of its check,
    if one does."""
    explanation: str = ""
    """What it is that went wrong, if it is known."""
    advice: str = ""
    """What to think about, or to do."""
    sketch: str = ""
    """A few lines of an answer in which this can't happen: the third hint."""
    mistake_line: int | None = None
    """The line of the file that the mistake is about; None where that is not certain."""
    error: str = ""
    """What the run said, when it gave no output."""
    line: int | None = None
    """Of the student's file, where the run named it."""
    column: int | None = None
    """In bytes, from 1."""
    finding: Finding | None = None
    """The finding that `error` is the message of, where the device saw why there is no output."""
    case: int = 0
    """Number of the case (`grader.caselog`); 0 where it is not known."""
    concerns: tuple[str, ...] = ()
    """Every check that the case stands for. It is shown to who may see all of them."""
    launches: tuple[Launch, ...] = ()
    """What was launched in it, without the findings, which `Record.findings` has."""

    @property
    def answered(self) -> bool:
        """Whether the run gave outputs."""
        return all(output.got is not None for output in self.outputs)

    @property
    def mismatch_count(self) -> int:
        """Wrong elements of all outputs."""
        return sum(output.mismatch_count for output in self.outputs)

    @property
    def shown(self) -> tuple[OutputCase, ...]:
        """The outputs worth showing: those that are wrong, else the first."""
        wrong = tuple(each for each in self.outputs if each.mismatch_count or each.mismatches)
        return wrong or self.outputs[:1]


class CheckedFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the device with whom it concerns and the case that showed it."""

    finding: Finding
    attribution: Attribution
    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    beyond: bool = False
    """Whether the sizes are beyond the task."""
    sizes: dict[str, int]
    explanation: str = ""
    """What it means and what to do, in the student's terms."""
    sketch: str = ""
    """A few lines of an answer in which this can't happen: the third hint."""
    case: int = 0
    """Number of that case."""
    concerns: tuple[str, ...] = ()
    """Every check that the case stands for, and the one that the finding fails."""


class LaunchPlace(msgspec.Struct, frozen=True, kw_only=True):
    """The one launch of a part's kernel in the student's file; lines are one-based."""

    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    line: int
    grid_line: int
    block_line: int
    """Those of ``grid_dim`` and ``block_dim``."""
    grid: str = ""
    block: str = ""
    """What the file gives them; empty where it does not name them, or at length."""
    grid_value: Dim3 | None = None
    block_value: Dim3 | None = None
    """The same as numbers, where these are certain."""
    task_grid: Dim3 | None = None
    task_block: Dim3 | None = None
    """What the task says; None where it says nothing fixed."""
    task_grid_name: str = ""
    task_block_name: str = ""
    """The file's constants for it."""
    given_kernel: bool
    """Whether the kernel is the given one, so that what goes wrong in it is the launch's doing."""
    misplaced_line: int | None = None
    misplaced: str = ""
    """What it passes in the place of something else, as a sentence; empty where nothing."""


class CellUse(msgspec.Struct, frozen=True, array_like=True):
    """Which threads of a block used a cell, each once, in the order of their first access."""

    writers: tuple[Dim3, ...]
    readers: tuple[Dim3, ...]


class ArrayUse(msgspec.Struct, frozen=True, kw_only=True):
    """Cells of one array, and who of a block used them."""

    name: str
    """As the file calls it, or what the device does; empty where neither is known."""
    space: Space
    cells: int
    """Of the whole array."""
    first: int
    """The number of the first that is kept; below 0 where something lies before the array."""
    uses: tuple[CellUse, ...]


class ElementOwner(msgspec.Struct, frozen=True, array_like=True):
    """Who wrote an element of an output last."""

    wrong: bool
    writer: Writer
    block: Dim3 | None = None
    thread: Dim3 | None = None


class OutputOwners(msgspec.Struct, frozen=True, kw_only=True):
    """Elements of an output of a case, and who wrote them."""

    name: str
    shape: tuple[int, ...]
    first: int
    """The flat index of the first that is kept."""
    owners: tuple[ElementOwner, ...]


class TracedStep(msgspec.Struct, frozen=True, kw_only=True):
    """One access of the thread that a trace is about."""

    access: str
    """As `Finding.access`."""
    space: Space
    array: str
    """As `ArrayUse.name`."""
    cell: int
    cells: int
    line: int | None = None
    column: int = 0
    """In bytes, from 1; 0 where it is not known."""


class CaseTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What one block did in a case that failed: what a drawing of it needs, bounded in size."""

    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    check: str = ""
    """The check that the case is the counterexample of; empty where it is about a finding."""
    finding: Finding | None = None
    """What went wrong, where that is a finding."""
    sizes: dict[str, int]
    case: int = 0
    """Number of the case."""
    concerns: tuple[str, ...] = ()
    """Every check that the case stands for."""
    kernel: str
    grid: Dim3
    block: Dim3
    """Threads of a block."""
    at: Dim3
    """The block."""
    thread: Dim3 | None = None
    """The one that did what the finding says, or that wrote the first wrong element."""
    element: int | None = None
    """The first wrong element of the outputs, where that is what went wrong."""
    arrays: tuple[ArrayUse, ...] = ()
    """That of the finding, or those that the thread read."""
    outputs: tuple[OutputOwners, ...] = ()
    """The first wrong one, where there is output."""
    steps: tuple[TracedStep, ...] = ()
    """What ``thread`` did, up to the finding."""


class PlaceCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many elements of outputs were compared, by their place in the block.

    Of outputs and blocks of one dimension: element i has place i modulo the block's threads.
    """

    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    tried: tuple[int, ...]
    """For each place."""
    wrong: tuple[int, ...]


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
    stage: Literal["package", "compile", "run", "program"]
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
    cluster: Dim3 | None = None
    """Blocks of a cluster; None where they form none."""
    shared_bytes: int
    count: int
    failed: int = 0
    """How many of them gave an error."""
    most_instructions: int = 0
    """The most instructions of one of these launches, summed over its threads."""


class ShapeRun(msgspec.Struct, frozen=True, kw_only=True):
    """One compiled shape of the plan and how its cases went."""

    part: str = ""
    """Name of the part; empty where the puzzle has one."""
    sizes: dict[str, int]
    scope: Literal["assigned", "robust"]
    origin: str
    """Why it is in the plan: ``published example``, ``boundary``, ``random``, ``every
    size``."""
    cases: int
    failures: int

    @property
    def beyond(self) -> bool:
        """Whether it lies beyond the task."""
        return self.scope != "assigned"


class ProgramOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the submission's own program, for one check."""

    check: str
    """`CheckOutcome.id`."""
    command: str
    """Its arguments; empty where it has none."""
    end: ProgramEnd
    said: str = ""
    """How it ended: an exit code, a signal, a limit, or what could not be seen."""
    launches: int = 0
    seconds: float = 0.0
    printed: PrintedOutput = PrintedOutput.NOT_ASKED
    text: str = ""
    """What it printed, on both streams, safe to display and cut."""


class CaseLog(msgspec.Struct, frozen=True, kw_only=True):
    """Every case of the run with its inputs, packed; `grader.caselog` reads it."""

    count: int
    packed: bytes


class StaticLook(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the source that an instructor may want to look at. Never decides."""

    kind: str
    line: int
    sentence: str


class EarlierCheck(msgspec.Struct, frozen=True, kw_only=True):
    """How a check ended in an earlier run."""

    id: str
    status: Status
    points: int
    max_points: int
    extra: bool = False


class EarlierCause(msgspec.Struct, frozen=True, kw_only=True):
    """What was wrong in an earlier run."""

    key: str
    """Of the finding's kind, of the mistake, or for the compiler's message."""
    part: str = ""
    sentence: str = ""
    """Where the key's name does not say enough."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """What a record is compared with (`grader.progress`): the last one before it with a mark."""

    created: str
    """UTC, ISO 8601."""
    checks: tuple[EarlierCheck, ...]
    causes: tuple[EarlierCause, ...] = ()


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
