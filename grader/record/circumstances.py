"""What was graded, with what and where, and why there is no verdict where there is none."""

from __future__ import annotations

from typing import Literal

import msgspec

from grader.record.terms import LaneKind, StageOutcome


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


class ToolchainInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What compiled it."""

    edition: str
    lane: LaneKind = LaneKind.GRAPH
    """How the submission was run."""
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
    """`grader.book.digests.given_code` of it for each given kernel that it has, sorted."""
    reads: tuple[str, ...]
    """`grader.book.digests.array_reads` of it, sorted."""


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
    skeleton: SkeletonInfo | None = None
    """The one that the file names; None in a student's copy."""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the run."""

    name: str
    """``read``, ``toolchain`` (where one is installed), ``package``, ``compile``, ``run``,
    ``report``."""
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
