"""The record: everything one grading run found out, as one typed JSON document.

Every report is a rendering of a record; nothing is computed after it. A record
embeds the submission's text and the raw bytes of its counterexamples, so that
it can be rendered and replayed without anything else at hand.

Arrays are kept as raw little-endian bytes (base64 in the JSON), because JSON
has no NaN, no infinity and no -0.0 that every reader keeps.
"""

from __future__ import annotations

from grader.record.document import (
    MAX_RECORD_BYTES,
    SCHEMA,
    DeviceInfo,
    Fault,
    IsolationInfo,
    PartInfo,
    PuzzleInfo,
    Record,
    RubricInfo,
    SkeletonInfo,
    Stage,
    SubmissionInfo,
    ToolchainInfo,
    decode,
    encode,
    load,
)
from grader.record.outcomes import (
    CaseLog,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    LaunchKind,
    LaunchPlace,
    Mismatch,
    Note,
    OutputCase,
    ProgramOutput,
    ShapeRun,
    StaticLook,
    Tensor,
    Withheld,
)
from grader.record.terms import (
    Aspect,
    Attribution,
    Audience,
    LaneKind,
    NotRun,
    PrintedOutput,
    ProblemKind,
    ProgramEnd,
    Reason,
    StageOutcome,
    Status,
    Verdict,
    Visibility,
)

__all__ = [
    "MAX_RECORD_BYTES",
    "SCHEMA",
    "Aspect",
    "Attribution",
    "Audience",
    "CaseLog",
    "CheckOutcome",
    "CheckedFinding",
    "Counterexample",
    "DeviceInfo",
    "Diagnostic",
    "Fault",
    "IsolationInfo",
    "LaneKind",
    "LaunchKind",
    "LaunchPlace",
    "Mismatch",
    "NotRun",
    "Note",
    "OutputCase",
    "PartInfo",
    "PrintedOutput",
    "ProblemKind",
    "ProgramEnd",
    "ProgramOutput",
    "PuzzleInfo",
    "Reason",
    "Record",
    "RubricInfo",
    "ShapeRun",
    "SkeletonInfo",
    "Stage",
    "StageOutcome",
    "StaticLook",
    "Status",
    "SubmissionInfo",
    "Tensor",
    "ToolchainInfo",
    "Verdict",
    "Visibility",
    "Withheld",
    "decode",
    "encode",
    "load",
]
