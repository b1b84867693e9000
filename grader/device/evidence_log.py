"""What happened on the device in one case, within bounds.

A worker can make any number of calls. The log keeps what is most informative and says what it left
out, so that evidence stays bounded.
"""

from __future__ import annotations

from collections import deque
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


class EvidenceLog:
    """Collects the evidence of one case."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """Time that the device took for the case's calls so far."""
        self._launches: list[Launch] = []
        self._copies: deque[CopyOut] = deque()
        self._findings: dict[tuple[FindingKind, str], Finding] = {}
        self._unchecked: dict[str, None] = {}
        self._unsupported: dict[str, None] = {}
        self._left_out: dict[str, None] = {}
        self._copied_bytes = 0
        self._runs = 0
        self._launch_findings = 0
        self._printed = 0
        self._broken_protocol = ""

    def launch(self, launch: Launch) -> None:
        """Keep a launch. Beyond the bounds, keep only some of what failed or has findings."""
        tells = bool(launch.findings or launch.result)
        if len(self._launches) >= MAX_LAUNCHES and not tells:
            self._leave_out(f"launches after the first {MAX_LAUNCHES}")
            return
        self._launch_findings += len(launch.findings)
        self._printed += len(launch.printed)
        if self._launch_findings > MAX_LAUNCH_FINDINGS:
            self._leave_out(f"findings after the first {MAX_LAUNCH_FINDINGS}")
            if len(self._launches) >= MAX_LAUNCHES:
                return
            launch = msgspec.structs.replace(launch, findings=())
        if self._printed > MAX_PRINTED:
            # Printing a lot is allowed, and no check needs the text: it is not listed as left out.
            launch = msgspec.structs.replace(launch, printed="")
        self._launches.append(launch)

    def copy_out(
        self, address: int, data: bytes, provenance: Callable[[], tuple[Provenance, ...]]
    ) -> None:
        """Keep a copy from device to host. The last ones stay, since they bring the outputs.

        ``provenance`` is called only if the copy is kept.
        """
        if len(data) > MAX_COPIED_BYTES:
            self._leave_out(f"a copy to the host of {len(data):,} bytes")
            return
        copy = CopyOut(address=address, data=data, provenance=provenance())
        self._copies.append(copy)
        self._copied_bytes += len(copy.data)
        self._runs += len(copy.provenance)
        while (
            len(self._copies) > MAX_COPIES
            or self._copied_bytes > MAX_COPIED_BYTES
            or self._runs > MAX_PROVENANCE_RUNS
        ):
            dropped = self._copies.popleft()
            self._copied_bytes -= len(dropped.data)
            self._runs -= len(dropped.provenance)
            self._leave_out("copies to the host before the last ones")

    def finding(
        self, kind: FindingKind, message: str, *, address: int, size: int, kernel: str = ""
    ) -> None:
        """Keep a finding that belongs to no launch. Equal ones are one with a count."""
        found = self._findings.get((kind, message))
        if found is not None:
            again = msgspec.structs.replace(found, count=found.count + 1)
            self._findings[kind, message] = again
        elif len(self._findings) < MAX_FINDINGS:
            self._findings[kind, message] = Finding(
                kind=kind, message=message, kernel=kernel, address=address, size=size
            )

    def unchecked(self, sentence: str) -> None:
        """Note something that could not be determined. Equal sentences are kept once."""
        if len(self._unchecked) < MAX_SENTENCES:
            self._unchecked[sentence[:MAX_SENTENCE]] = None

    def unsupported(self, sentence: str) -> None:
        """Note something that the device could not do. Equal sentences are kept once."""
        if len(self._unsupported) < MAX_SENTENCES:
            self._unsupported[sentence[:MAX_SENTENCE]] = None

    def broken_protocol(self, what: str) -> None:
        """Note that the worker sent something that is not a request, and was disconnected."""
        self._broken_protocol = self._broken_protocol or what[:MAX_SENTENCE]

    def evidence(self, *, sticky_error: int, peak_bytes: int) -> CaseEvidence:
        """The evidence of the case."""
        return CaseEvidence(
            launches=tuple(self._launches),
            copies_out=tuple(self._copies),
            left_out=tuple(self._left_out),
            device_seconds=self.seconds,
            unsupported=tuple(self._unsupported),
            driver_findings=tuple(self._findings.values()),
            unchecked=tuple(self._unchecked),
            broken_protocol=self._broken_protocol,
            sticky_error=sticky_error,
            peak_bytes=peak_bytes,
        )

    def _leave_out(self, what: str) -> None:
        self._left_out[what] = None
