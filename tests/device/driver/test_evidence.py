"""The evidence of one case is bounded, and says where it was cut."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from grader.device import evidence as bounds
from grader.device.evidence import (
    CaseEvidence,
    EvidenceLog,
    Finding,
    FindingKind,
    Launch,
    Provenance,
    Writer,
)
from tests.device.launches import PLAIN


def launch(*, findings: int = 0, printed: str = "", result: int = 0) -> Launch:
    finding = Finding(kind=FindingKind.RACE, message="a race", kernel="k")
    return msgspec.structs.replace(
        PLAIN, result=result, findings=(finding,) * findings, printed=printed
    )


def evidence(log: EvidenceLog) -> CaseEvidence:
    return log.evidence(sticky_error=0, peak_bytes=0)


def runs(count: int) -> tuple[Provenance, ...]:
    return tuple(Provenance(start=i, stop=i + 1, writer=Writer.KERNEL) for i in range(count))


def test_launches_are_kept_up_to_a_bound_and_that_is_no_finding() -> None:
    log = EvidenceLog()
    for _ in range(bounds.MAX_LAUNCHES):
        log.launch(launch())
    assert evidence(log).left_out == ()
    log.launch(launch())
    assert len(evidence(log).launches) == bounds.MAX_LAUNCHES
    assert len(evidence(log).left_out) == 1
    assert evidence(log).driver_findings == ()


@pytest.mark.parametrize("tells", [{"findings": 1}, {"result": 700}])
def test_a_late_launch_that_tells_something_is_kept(tells: dict[str, Any]) -> None:
    """Thousands of harmless launches do not hide the one that races or fails."""
    log = EvidenceLog()
    for _ in range(bounds.MAX_LAUNCHES + 10):
        log.launch(launch())
    log.launch(launch(**tells))
    last = evidence(log).launches[-1]
    assert len(last.findings) == tells.get("findings", 0)
    assert last.result == tells.get("result", 0)


def test_a_launch_beyond_the_bound_of_findings_is_kept_without_them() -> None:
    log = EvidenceLog()
    log.launch(launch(findings=bounds.MAX_LAUNCH_FINDINGS))
    log.launch(launch(findings=1))
    assert [len(kept.findings) for kept in evidence(log).launches] == [8192, 0]
    assert len(evidence(log).left_out) == 1


def test_printing_much_is_no_finding() -> None:
    log = EvidenceLog()
    log.launch(launch(printed="x" * bounds.MAX_PRINTED))
    log.launch(launch(printed="y"))
    assert [len(kept.printed) for kept in evidence(log).launches] == [bounds.MAX_PRINTED, 0]
    assert evidence(log).left_out == ()


def test_copies_are_kept_up_to_a_number() -> None:
    log = EvidenceLog()
    for number in range(bounds.MAX_COPIES + 1):
        log.copy_out(number, b"", tuple)
    kept = evidence(log).copies_out
    assert len(kept) == bounds.MAX_COPIES
    assert kept[-1].address == bounds.MAX_COPIES, "the last copies bring the outputs"
    assert len(evidence(log).left_out) == 1


def test_scattered_copies_are_kept_up_to_a_number_of_runs() -> None:
    log = EvidenceLog()
    for _ in range(2):
        log.copy_out(0, b"x", lambda: runs(bounds.MAX_PROVENANCE_RUNS))
    assert len(evidence(log).copies_out) == 1
    assert len(evidence(log).left_out) == 1


def test_who_wrote_a_copy_that_is_not_kept_is_never_asked() -> None:
    def asked() -> tuple[Provenance, ...]:
        raise AssertionError("asked for provenance")

    log = EvidenceLog()
    log.copy_out(0, bytes(bounds.MAX_COPIED_BYTES + 1), asked)
    assert evidence(log).copies_out == ()


def test_findings_and_sentences_of_the_driver_are_bounded() -> None:
    log = EvidenceLog()
    for number in range(1000):
        log.finding(FindingKind.OUT_OF_BOUNDS, f"{number}", address=0, size=0)
        log.unsupported(f"{number}" + "x" * 1000)
    assert len(evidence(log).driver_findings) == bounds.MAX_FINDINGS
    assert len(evidence(log).unsupported) == bounds.MAX_SENTENCES
    assert max(map(len, evidence(log).unsupported)) == bounds.MAX_SENTENCE
