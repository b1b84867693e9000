"""What happened on the device in one case, within bounds.

A worker can make any number of calls; the log keeps the first of them and says
that it was cut, so that evidence never grows without end.
"""

from __future__ import annotations

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

    def launch(self, launch: Launch) -> None:
        """Keep a launch."""
        if len(self._launches) < MAX_LAUNCHES:
            self._launches.append(launch)
        else:
            self._cut(f"log cut: more than {MAX_LAUNCHES} launches in one case")

    def copy_out(self, address: int, data: bytes, provenance: tuple[Provenance, ...]) -> None:
        """Keep a copy from device to host."""
        self._copied_bytes += len(data)
        self._runs += len(provenance)
        if self._copied_bytes > MAX_COPIED_BYTES or self._runs > MAX_PROVENANCE_RUNS:
            self._cut(f"log cut: more than {MAX_COPIED_BYTES} bytes copied to the host in one case")
        elif len(self._copies) >= MAX_COPIES:
            self._cut(f"log cut: more than {MAX_COPIES} copies to the host in one case")
        else:
            self._copies.append(CopyOut(address=address, data=data, provenance=provenance))

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
            sticky_error=sticky_error,
            peak_bytes=peak_bytes,
        )

    def _cut(self, sentence: str) -> None:
        self._cuts[sentence] = None
