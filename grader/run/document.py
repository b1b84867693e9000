"""What one run of a program found out: the document of ``grade run --json``.

Its findings are those of the device at the lines of the program's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import msgspec

from grader.decoding import json_as
from grader.device import (
    CaseEvidence,
    Finding,
    FindingKind,
    Launch,
    SourcePlace,
    of_file,
)
from grader.grading.given_code import in_library
from grader.intake.indexed import indexed_array
from grader.lanes.source_lines import function_of
from grader.record import (
    DeviceInfo,
    Diagnostic,
    IsolationInfo,
    KernelProfile,
    LaunchKind,
    ToolchainInfo,
)
from grader.wording.findings import ALLOWED


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
    profiles: tuple[KernelProfile, ...] = ()
    """Of ``grade profile``."""
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
    return json_as(data, RunDocument)


MOST_FINDINGS = 200
MOST_KINDS = 500
"""Different launches that are told apart."""

_WARNED_OF = ALLOWED | {FindingKind.INACTIVE_LANE}


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """The program's file, as its author knows it and as the compiler names it."""

    text: str
    module: str
    compiled_as: str

    def spot(self, source: tuple[SourcePlace, ...]) -> SourceSpot | None:
        """The place in the file that an instruction comes from, or whose call it came from."""
        place = of_file(source, lambda file: file == self.compiled_as)
        if place is None or place.line > self.text.count("\n") + 1:
            return None
        array = indexed_array(self.text, place.line, place.column)
        return SourceSpot(line=place.line, column=place.column or None, array=array)

    def line(self, source: tuple[SourcePlace, ...]) -> int | None:
        """The line that an instruction comes from."""
        spot = self.spot(source)
        return spot.line if spot is not None else None

    def function(self, kernel: str) -> str:
        """What the file calls a kernel."""
        return function_of(kernel, self.module, self.text)


def findings_of(evidence: CaseEvidence, file: SourceFile) -> tuple[ProgramFinding, ...]:
    """What the device saw, in the order in which it was first seen.

    One line that does one thing wrong is one finding, however many instructions, threads and
    launches show it.
    """
    found: dict[tuple[object, ...], ProgramFinding] = {}
    seen_in: dict[tuple[object, ...], set[int]] = {}
    for launch, finding in _each(evidence):
        at, other = file.spot(finding.source), file.spot(finding.other_source)
        place = (at, other) if at or other else (finding.ptx_line, finding.ptx_text)
        key = (finding.kind, place, finding.space, finding.access, finding.kernel)
        if key not in found and len(found) >= MOST_FINDINGS:
            continue
        seen_in.setdefault(key, set()).add(launch)
        before = found.get(key)
        if before is not None:
            more = before.times + finding.count
            found[key] = msgspec.structs.replace(before, times=more)
            continue
        allowed = finding.kind in _WARNED_OF
        found[key] = ProgramFinding(
            severity=Severity.WARNING if allowed else Severity.ERROR,
            at=at,
            other=other,
            function=file.function(finding.kernel) if finding.kernel else "",
            times=finding.count,
            launches=0,
            finding=msgspec.structs.replace(finding, touched=()),
        )
    return tuple(
        msgspec.structs.replace(each, launches=len(seen_in[key] - {0}))
        for key, each in found.items()
    )


def _each(evidence: CaseEvidence) -> Iterator[tuple[int, Finding]]:
    for launch in evidence.launches:
        for finding in launch.findings:
            if not in_library(finding):
                yield launch.index, finding
    for finding in evidence.driver_findings:
        yield 0, finding


def launches_of(evidence: CaseEvidence, file: SourceFile) -> tuple[LaunchKind, ...]:
    """The launches, those that are alike as one."""
    kinds: dict[tuple[object, ...], list[Launch]] = {}
    for launch in evidence.launches:
        key = (launch.kernel, launch.configuration)
        if key in kinds or len(kinds) < MOST_KINDS:
            kinds.setdefault(key, []).append(launch)
    return tuple(
        LaunchKind(
            kernel=file.function(alike[0].kernel),
            grid=alike[0].grid,
            block=alike[0].block,
            cluster=alike[0].cluster,
            shared_bytes=alike[0].shared_bytes,
            count=len(alike),
            failed=sum(launch.result != 0 for launch in alike),
            most_instructions=max(launch.instructions for launch in alike),
        )
        for alike in kinds.values()
    )
