"""The evidence of one case is bounded, and says where it was cut."""

from __future__ import annotations

from grader.device import caselog
from grader.device.caselog import CaseLog
from grader.device.evidence import (
    CaseEvidence,
    Finding,
    FindingKind,
    Launch,
    Provenance,
    Writer,
)


def launch(*, findings: int = 0, printed: str = "") -> Launch:
    finding = Finding(kind=FindingKind.RACE, message="a race", kernel="k")
    return Launch(
        index=1,
        kernel="k",
        module=1,
        grid=(1, 1, 1),
        block=(1, 1, 1),
        shared_bytes=0,
        instructions=1,
        seconds=0.0,
        result=0,
        findings=(finding,) * findings,
        printed=printed,
    )


def evidence(log: CaseLog) -> CaseEvidence:
    return log.evidence(sticky_error=0, peak_bytes=0)


def cuts(log: CaseLog) -> list[str]:
    return [
        f.message
        for f in evidence(log).driver_findings
        if f.kind is FindingKind.BUDGET_EXCEEDED and f.message.startswith("log cut: ")
    ]


def runs(count: int) -> tuple[Provenance, ...]:
    return tuple(Provenance(start=i, stop=i + 1, writer=Writer.KERNEL) for i in range(count))


def test_launches_are_kept_up_to_a_bound() -> None:
    log = CaseLog()
    for _ in range(caselog.MAX_LAUNCHES):
        log.launch(launch())
    assert cuts(log) == []
    log.launch(launch())
    assert len(evidence(log).launches) == caselog.MAX_LAUNCHES
    assert len(cuts(log)) == 1


def test_a_launch_beyond_the_bound_of_findings_is_kept_without_them() -> None:
    log = CaseLog()
    log.launch(launch(findings=caselog.MAX_LAUNCH_FINDINGS))
    log.launch(launch(findings=1))
    assert [len(kept.findings) for kept in evidence(log).launches] == [8192, 0]
    assert len(cuts(log)) == 1


def test_printing_much_is_no_finding() -> None:
    log = CaseLog()
    log.launch(launch(printed="x" * caselog.MAX_PRINTED))
    log.launch(launch(printed="y"))
    assert [len(kept.printed) for kept in evidence(log).launches] == [caselog.MAX_PRINTED, 0]
    assert cuts(log) == []


def test_copies_are_kept_up_to_a_number() -> None:
    log = CaseLog()
    for _ in range(caselog.MAX_COPIES + 1):
        log.copy_out(0, b"", tuple)
    assert len(evidence(log).copies_out) == caselog.MAX_COPIES
    assert len(cuts(log)) == 1


def test_scattered_copies_are_kept_up_to_a_number_of_runs() -> None:
    log = CaseLog()
    for _ in range(2):
        log.copy_out(0, b"x", lambda: runs(caselog.MAX_PROVENANCE_RUNS))
    assert len(evidence(log).copies_out) == 1
    assert len(cuts(log)) == 1


def test_who_wrote_a_copy_that_is_not_kept_is_never_asked() -> None:
    def asked() -> tuple[Provenance, ...]:
        raise AssertionError("asked for provenance")

    log = CaseLog()
    log.copy_out(0, bytes(caselog.MAX_COPIED_BYTES + 1), asked)
    assert evidence(log).copies_out == ()


def test_findings_and_sentences_of_the_driver_are_bounded() -> None:
    log = CaseLog()
    for number in range(1000):
        log.finding(FindingKind.OUT_OF_BOUNDS, f"{number}", address=0, size=0)
        log.unsupported(f"{number}" + "x" * 1000)
    assert len(evidence(log).driver_findings) == caselog.MAX_FINDINGS
    assert len(evidence(log).unsupported) == caselog.MAX_SENTENCES
    assert max(map(len, evidence(log).unsupported)) == caselog.MAX_SENTENCE
