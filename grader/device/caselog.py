"""What happened on the device in one case, within bounds.

A worker can make any number of calls; the log keeps the first of them and says
that it was cut, so that evidence never grows without end.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from grader.device.evidence import (
    CaseEvidence,
    CopyOut,
    Finding,
    FindingKind,
    Launch,
    Provenance,
)

MAX_LAUNCHES = 4096
MAX_COPIES = 4096
MAX_COPIED_BYTES = 64 << 20
MAX_PROVENANCE_RUNS = 1 << 18
MAX_FINDINGS = 256
MAX_LAUNCH_FINDINGS = 8192
MAX_PRINTED = 1 << 20
"""Characters that kernels print, over all launches."""
MAX_SENTENCES = 64
MAX_SENTENCE = 400
"""Characters."""


class CaseLog:
    """Collects the evidence of one case."""

    def __init__(self) -> None:
        self._launches: list[Launch] = []
        self._copies: list[CopyOut] = []
        self._findings: list[Finding] = []
        self._unsupported: dict[str, None] = {}
        self._cuts: dict[str, None] = {}
        self._copied_bytes = 0
        self._runs = 0
        self._launch_findings = 0
        self._printed = 0
        self._broken_protocol = ""

    def launch(self, launch: Launch) -> None:
        """Keep a launch; beyond the bounds, without its findings or its text."""
        if len(self._launches) >= MAX_LAUNCHES:
            self._cut(f"more than {MAX_LAUNCHES} launches")
            return
        self._launch_findings += len(launch.findings)
        self._printed += len(launch.printed)
        if self._launch_findings > MAX_LAUNCH_FINDINGS:
            self._cut(f"more than {MAX_LAUNCH_FINDINGS} findings")
            launch = msgspec.structs.replace(launch, findings=())
        if self._printed > MAX_PRINTED:
            # Printing much is allowed: what is missing is only missing to the reader.
            launch = msgspec.structs.replace(launch, printed="")
        self._launches.append(launch)

    def copy_out(
        self, address: int, data: bytes, provenance: Callable[[], tuple[Provenance, ...]]
    ) -> None:
        """Keep a copy from device to host; who wrote it is asked only if it is kept."""
        self._copied_bytes += len(data)
        if self._copied_bytes > MAX_COPIED_BYTES:
            self._cut(f"more than {MAX_COPIED_BYTES} bytes copied to the host")
            return
        if len(self._copies) >= MAX_COPIES or self._runs >= MAX_PROVENANCE_RUNS:
            self._cut("too many or too scattered copies to the host")
            return
        copy = CopyOut(address=address, data=data, provenance=provenance())
        self._runs += len(copy.provenance)
        self._copies.append(copy)

    def finding(self, kind: FindingKind, message: str, *, address: int, size: int) -> None:
        """Keep a finding that belongs to no launch."""
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(
                Finding(kind=kind, message=message, kernel="", address=address, size=size)
            )

    def unsupported(self, sentence: str) -> None:
        """Say that the device could not do something. Equal sentences are kept once."""
        if len(self._unsupported) < MAX_SENTENCES:
            self._unsupported[sentence[:MAX_SENTENCE]] = None

    def broken_protocol(self, what: str) -> None:
        """Say that the worker sent what is no request, and was cut off."""
        self._broken_protocol = self._broken_protocol or what[:MAX_SENTENCE]

    def evidence(self, *, sticky_error: int, peak_bytes: int) -> CaseEvidence:
        """All of it."""
        cuts = [
            Finding(kind=FindingKind.BUDGET_EXCEEDED, message=sentence, kernel="")
            for sentence in self._cuts
        ]
        return CaseEvidence(
            launches=tuple(self._launches),
            copies_out=tuple(self._copies),
            unsupported=tuple(self._unsupported),
            driver_findings=(*self._findings, *cuts),
            broken_protocol=self._broken_protocol,
            sticky_error=sticky_error,
            peak_bytes=peak_bytes,
        )

    def _cut(self, why: str) -> None:
        self._cuts[f"log cut: {why} in one case"] = None
