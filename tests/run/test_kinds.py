"""A kernel for each thing that the device finds: told at its line, for real."""

from __future__ import annotations

import re

import pytest

from grader.device import FindingKind
from grader.run.document import ProgramFinding, Severity, findings_of, launches_of
from grader.wording.findings import ALLOWED
from tests.run.conftest import KINDS, RunKinds

pytestmark = pytest.mark.slow


def line_of(comment: str) -> int | None:
    """The line that ends with a comment."""
    for number, line in enumerate(KINDS.split("\n"), 1):
        if re.search(rf"  # {comment}$", line):
            return number
    return None


def found(run_kinds: RunKinds, flag: str) -> tuple[ProgramFinding, ...]:
    ran, file = run_kinds(flag)
    assert ran.evidence is not None
    assert ran.evidence.unsupported == ()
    return findings_of(ran.evidence, file)


@pytest.mark.parametrize(
    ("flag", "kind", "array", "times"),
    [
        ("bounds", FindingKind.OUT_OF_BOUNDS, "a", 1),
        ("unwritten", FindingKind.UNINITIALISED_READ, "cache", 1),
        ("race", FindingKind.RACE, "cache", 64),
        ("divergence", FindingKind.BARRIER_DIVERGENCE, "", 1),
        ("leaves", FindingKind.EXITED_BEFORE_BARRIER, "", 60),
        ("same", FindingKind.SAME_VALUE_RACE, "output", 63),
        ("lanes", FindingKind.INACTIVE_LANE, "", 16),
        ("trap", FindingKind.TRAP, "", 58),
        ("misaligned", FindingKind.MISALIGNED, "odd", 64),
        ("stack", FindingKind.STACK_OVERFLOW, "", 1),
        ("missing", FindingKind.MISSING_FUNCTION, "", 1),
    ],
)
def test_a_finding_names_its_lines(
    run_kinds: RunKinds, flag: str, kind: FindingKind, array: str, times: int
) -> None:
    (finding,) = found(run_kinds, flag)
    assert finding.finding.kind is kind
    assert finding.at is not None
    assert finding.at.line == line_of(flag)
    assert finding.at.array == array
    other = line_of(flag) if flag == "same" else line_of(f"{flag}, other")
    assert (finding.other.line if finding.other else None) == other
    assert finding.function == flag
    assert (finding.times, finding.launches) == (times, 1)
    warned = kind in ALLOWED | {FindingKind.INACTIVE_LANE}
    assert finding.severity is (Severity.WARNING if warned else Severity.ERROR)


def test_what_the_library_does_with_memory_of_its_own_is_not_told(run_kinds: RunKinds) -> None:
    assert not found(run_kinds, "library")


def test_a_function_of_the_file_is_named_and_not_its_caller(run_kinds: RunKinds) -> None:
    findings = found(run_kinds, "helper")
    assert {each.finding.kind for each in findings} == {FindingKind.RACE}
    assert {each.at.line for each in findings if each.at} == {line_of("helper")}
    assert {each.function for each in findings} == {"helper"}


def test_a_loop_that_does_not_end_is_told_at_its_line(run_kinds: RunKinds) -> None:
    (finding,) = found(run_kinds, "endless")
    assert finding.finding.kind is FindingKind.BUDGET_EXCEEDED
    assert finding.at is not None
    lines = KINDS.split("\n")
    loop = lines[finding.at.line - 1] + lines[finding.at.line - 2]
    assert "# endless" in loop


def test_a_launch_that_is_refused_has_no_line(run_kinds: RunKinds) -> None:
    ran, file = run_kinds("launch")
    assert ran.outcome.exit_code == 1
    assert ran.evidence is not None
    (finding,) = findings_of(ran.evidence, file)
    assert finding.finding.kind is FindingKind.BAD_LAUNCH
    assert (finding.at, finding.other, finding.function) == (None, None, "race")


def test_two_contexts_that_do_not_wait_are_told(run_kinds: RunKinds) -> None:
    (finding,) = found(run_kinds, "streams")
    assert finding.finding.kind is FindingKind.STREAM_RACE
    assert finding.at is None


def test_what_a_kernel_prints_is_standard_output(run_kinds: RunKinds) -> None:
    ran, _ = run_kinds("talks")
    assert ran.outcome.stdout.splitlines()[:2] == [b"thread 0", b"thread 1"]


def test_launches_have_the_names_of_the_file(run_kinds: RunKinds) -> None:
    ran, file = run_kinds("leaves")
    assert ran.evidence is not None
    (launch,) = launches_of(ran.evidence, file)
    assert (launch.kernel, launch.grid, launch.block) == ("leaves", (1, 1, 1), (64, 1, 1))
    assert (launch.count, launch.failed) == (1, 0)


def test_an_exit_code_is_the_program_s_own(run_kinds: RunKinds) -> None:
    ran, _ = run_kinds("nothing of the kind")
    assert ran.outcome.exit_code == 1
    assert b"no such flag: nothing of the kind" in ran.outcome.stdout + ran.outcome.stderr
    assert run_kinds("leaves")[0].outcome.exit_code == 0
