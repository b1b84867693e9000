"""Lines of an op's findings: put wherever a finding is kept, only where certain, never deciding."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import msgspec
import numpy as np
import pytest

from grader.device import CaseEvidence, Finding, FindingKind, Launch, SourcePlace, Space
from grader.errors import DeviceFault
from grader.folders import reference_kernel
from grader.grading.explain import advice, lines
from grader.grading.results import Results
from grader.model.cases import Case, CaseRun, Observation, PlannedShape, Problem
from grader.model.checks import PartResults, Tally
from grader.model.domains import Values
from grader.puzzles import find
from grader.record import Attribution, Ending
from grader.sandbox import Isolation, LimitHit
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import Toolchain
from grader.wording.findings import GIVEN_KERNEL_LAUNCH

PUZZLE = find("conv1d")
TEXT = reference_kernel("conv1d", "26.5", "right.mojo").read_text("utf-8")
SUM = next(at for at, line in enumerate(TEXT.split("\n"), 1) if "shared_a[local_i + j]" in line)
COLUMN = TEXT.split("\n")[SUM - 1].index("shared_a[") + len("shared_a[")
FILE = "/in/conv1d.mojo"


def race(*places: SourcePlace, thread: int = 1) -> Finding:
    return Finding(
        kind=FindingKind.RACE, message="thread 1 of block 0 read cell 2 of shared array 1",
        kernel="k", block=(0, 0, 0), thread=(thread, 0, 0), space=Space.SHARED, access="read",
        address=8, cell=2, array="shared array 1", size=4, ptx_line=61,
        ptx_text="ld.shared.b32 %r1, [%r2];", count=3,
        other_block=(0, 0, 0), other_thread=(2, 0, 0), source=places, other_source=places,
    )  # fmt: skip


def evidence(*findings: Finding) -> CaseEvidence:
    launch = Launch(
        index=1, kernel="k", module=1, grid=(2, 1, 1), block=(15, 1, 1), shared_bytes=64,
        instructions=550, seconds=0.1, result=0, findings=findings,
    )  # fmt: skip
    return CaseEvidence(launches=(launch,))


def observed(*findings: Finding, part=PUZZLE.parts[0], sizes=None) -> Observation:
    sizes = sizes or {"input_size": 3, "conv_size": 2}
    shape = PlannedShape(number=0, part=part, sizes=sizes, origin="boundary")
    inputs = {spec.name: np.ones(spec.extents(sizes), spec.numpy) for spec in part.inputs}
    case = Case(shape=shape, values=Values.INTEGERS, inputs=inputs)
    run = CaseRun(case=case, ending=Ending.OUTPUT, evidence=evidence(*findings))
    problems = tuple(Problem.unclean(each) for each in findings)
    return Observation(
        run=run,
        comparisons=(),
        problems=problems,
        findings=tuple((each, Attribution.STUDENT) for each in findings),
    )


def kept(observation: Observation) -> Results:
    tally = Tally()
    tally.count(observation, observation.problems[0])
    return Results(
        parts={"conv1d": PartResults(tallies={"clean": tally})}, findings={("key",): observation}
    )


def located(
    results: Results, monkeypatch, ran: CaseEvidence | None, *, ok: bool = True, limit=None
) -> list:
    """Run `with_lines` with a second build that shows this evidence."""
    asked = []

    class Place:
        source = FILE

        def build(self, limits):
            return SimpleNamespace(ok=ok)

        def run(self, arguments, limits, listen, *, how):
            asked.append(arguments)
            return SimpleNamespace(evidence=ran, outcome=SimpleNamespace(limit=limit))

    @contextlib.contextmanager
    def opened(source, module, toolchain, **more):
        assert source.decode().startswith(TEXT)
        yield Place()

    monkeypatch.setattr(lines, "open_program", opened)
    look(results)
    return asked


def look(results: Results, edition: str = "26.5") -> None:
    toolchain = cast("Toolchain", SimpleNamespace(edition=editions.find(edition)))
    lines.with_lines(results, TEXT, "conv1d", toolchain, Isolation.NONE, timeout=60)


OWN = SourcePlace(FILE, SUM, COLUMN)


def test_a_finding_gets_its_line_wherever_it_is_kept(monkeypatch):
    results = kept(observed(race()))
    assert located(results, monkeypatch, evidence(race(OWN))) == [["0"]]
    tally = results.parts["conv1d"].tallies["clean"]
    said = f"thread 1 of block 0 read cell 2 of shared_a (line {SUM})"
    everywhere = (results.findings[("key",)], tally.worst[0], *tally.all_failing)
    assert len(everywhere) > 3
    for observation in everywhere:
        ((finding, _),) = observation.findings
        assert (finding.message, finding.source_line) == (said, SUM)
        assert finding.source == (SourcePlace("", SUM, COLUMN),)
        assert observation.problems[0].detail == said
    assert (tally.worst[1].detail, tally.worst[1].finding.source_line) == (said, SUM)
    (told,) = advice.findings(PUZZLE, results.findings.values())
    assert told.finding.source_line == SUM


def test_where_two_places_fit_there_is_no_line(monkeypatch):
    results = kept(observed(race()))
    elsewhere = SourcePlace(FILE, SUM - 1, 3)
    located(results, monkeypatch, evidence(race(OWN), race(elsewhere)))
    assert results.findings[("key",)].findings[0][0] == race()


@pytest.mark.parametrize("ran", [None, CaseEvidence(), evidence(race(OWN, thread=2))])
def test_what_the_second_run_does_not_show_has_no_line(monkeypatch, ran):
    results = kept(observed(race()))
    located(results, monkeypatch, ran)
    assert results.findings[("key",)].findings[0][0] == race()


def test_what_does_not_end_is_run_once(monkeypatch):
    results = kept(observed(race()))
    results.findings["other",] = observed(race(thread=3))
    asked = located(results, monkeypatch, evidence(race(OWN)), limit=LimitHit.WALL_CLOCK)
    assert asked == [["0"]]
    assert results.findings[("key",)].findings[0][0] == race()


def test_a_line_behind_the_file_is_not_the_students(monkeypatch):
    results = kept(observed(race()))
    behind = SourcePlace(FILE, TEXT.count("\n") + 9, 5)
    located(results, monkeypatch, evidence(race(behind)))
    assert results.findings[("key",)].findings[0][0] == race()


def test_where_the_second_build_fails_findings_stay(monkeypatch):
    results = kept(observed(race()))
    assert located(results, monkeypatch, evidence(race(OWN)), ok=False) == []
    assert results.findings[("key",)].findings[0][0] == race()

    def broken(*given, **more):
        raise DeviceFault("gone", remedy="")

    monkeypatch.setattr(lines, "open_program", broken)
    look(results)
    look(results, "25.7")
    assert results.findings[("key",)].findings[0][0] == race()


def test_nothing_is_built_where_there_is_nothing_to_explain(monkeypatch):
    cpu = next(part for part in find("softmax").parts if part.target == "cpu")
    for observation in (
        replace(observed(race()), run=replace(observed().run, evidence=None)),
        observed(race(OWN)),
        observed(race(), part=cpu, sizes={"input_size": 128}),
        observed(msgspec.structs.replace(race(), kind=FindingKind.SAME_VALUE_RACE)),
        replace(observed(race()), findings=((race(), Attribution.SKELETON),)),
    ):
        assert lines.unexplained(kept(observation)) == []
    assert lines.unexplained(Results()) == []


def test_a_finding_without_a_line_is_no_other_than_one_of_its_kind_with_it():
    with_line = msgspec.structs.replace(race(OWN), source_line=SUM)
    found = advice.findings(PUZZLE, [observed(with_line), observed(race(thread=3))])
    assert [each.finding.source_line for each in found] == [SUM]


def test_in_a_kernel_as_it_was_given_the_launch_is_at_fault():
    (told,) = advice.findings(PUZZLE, [observed(race())], given={"conv1d"})
    assert told.explanation == GIVEN_KERNEL_LAUNCH
    (told,) = advice.findings(PUZZLE, [observed(race())])
    assert told.explanation != GIVEN_KERNEL_LAUNCH
