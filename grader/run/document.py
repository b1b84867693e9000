"""What one run of a program found out: the document of ``grade run --json``."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

from grader.device import Finding
from grader.record import DeviceInfo, Diagnostic, IsolationInfo, LaunchKind, ToolchainInfo


class RunEnding(StrEnum):
    """How far a program came."""

    RAN = "ran"
    """To its end: the exit code is its own."""
    NOT_BUILT = "not-built"
    """The compiler refused it."""
    STOPPED = "stopped"
    """It was ended at a limit of time, memory, processes, disk or output."""
    NOT_SUPPORTED = "not-supported"
    """It needs what the software device lacks, and failed."""


class Severity(StrEnum):
    """What a finding counts for."""

    ERROR = "error"
    """``--strict`` makes the run fail for it."""
    WARNING = "warning"
    """The manuals allow it, but it is fragile."""


class SourceSpot(msgspec.Struct, frozen=True, kw_only=True):
    """A place in the program's file."""

    line: int
    column: int | None = None
    """In bytes, from 1, as the compiler counts."""
    array: str = ""
    """The array that is indexed there, where the text tells."""


class ProgramFinding(msgspec.Struct, frozen=True, kw_only=True):
    """A finding of the device at its place in the program's file. Equal ones are one."""

    severity: Severity
    at: SourceSpot | None
    """None where the compiler's line tables do not tell it for certain."""
    other: SourceSpot | None
    """Of a race or a barrier, the other side."""
    function: str
    """The kernel, as the file calls it; empty where no kernel is to blame."""
    times: int
    """How often it was seen, over all threads and launches."""
    launches: int
    """In how many launches."""
    finding: Finding
    """As the device tells it, of the first time."""


class RunDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    schema: Literal["mojo-grade/run/1"] = "mojo-grade/run/1"
    version: str
    """Of the grader."""
    file: str
    """As it was named."""
    sha256: str
    arguments: tuple[str, ...]
    ending: RunEnding
    exit_code: int
    """Of ``grade run``."""
    program_exit_code: int | None = None
    """None where it did not run, or a signal ended it."""
    signal: int | None = None
    why: str = ""
    """Where it did not run to its end: a sentence."""
    toolchain: ToolchainInfo
    device: DeviceInfo
    isolation: IsolationInfo
    build_seconds: float
    run_seconds: float = 0.0
    diagnostics: tuple[Diagnostic, ...] = ()
    """Of the compiler."""
    advice: tuple[str, ...] = ()
    """Where it did not build: what in it belongs to another edition, each a sentence or two."""
    compiler_output: str = ""
    """Where it did not build."""
    launches: tuple[LaunchKind, ...] = ()
    findings: tuple[ProgramFinding, ...] = ()
    not_checked: tuple[str, ...] = ()
    """What the device could not do or tell, each a sentence."""
    stdout: str = ""
    """What the program printed; of a flood, the first and the last 64 KiB."""
    stderr: str = ""

    @property
    def errors(self) -> int:
        """How many findings ``--strict`` fails for."""
        return sum(each.severity is Severity.ERROR for each in self.findings)


def encode(document: RunDocument) -> bytes:
    """As JSON."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode(data: bytes) -> RunDocument:
    """Read what `encode` wrote."""
    return msgspec.json.decode(data, type=RunDocument)
