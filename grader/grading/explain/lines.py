"""The lines of an op's file that findings are about.

A graph compile writes no line tables, so the device can't say where in the file an instruction
comes from. Where there is something to explain, the file is built once more as a program that runs
the cases by itself (`grader.lanes.reproducer`), with line tables. Of what the device sees there,
what is certainly the same as before says where it was.

It explains and never decides: a finding without a line counts as much as one with it, and where the
second build fails, findings stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from grader.caselog import LoggedCase
from grader.device import CaseEvidence, Finding, FindingKind
from grader.errors import GradeError
from grader.grading.results import Results
from grader.lanes.devices import HowToRun
from grader.lanes.op_calls import NotWritten
from grader.lanes.program import ProgramPlace, open_program
from grader.lanes.reproducer import WrittenCase, written
from grader.lanes.source_lines import at_source, same_endless, same_findings
from grader.lanes.workspace import compile_limits
from grader.model.cases import Observation, Problem
from grader.model.code import Op
from grader.record import Attribution
from grader.sandbox import Isolation, Limits
from grader.toolchain.toolchain import Toolchain
from grader.wording.findings import ALLOWED

MOST_CASES = 6
"""Cases that are run again; each takes a second or less."""
BUILD_SECONDS = 120.0
"""The build takes 4 to 15 s, and several times as long on a busy machine."""
RUN_SECONDS = 30.0
LOOP_STEPS = 100_000
"""Instructions of a thread after which a kernel that is known not to end is in the loop that it
stays in: thousands of times what these tasks need."""


def unexplained(results: Results) -> list[Observation]:
    """Observations with findings of an op that have no line, those that are shown first.

    None where there is nothing but what costs nothing: a right file does not wait for it.
    """
    kept = [*results.findings.values(), *(each for each, _ in _worst(results))]
    found = {id(each): each for each in kept if _without_line(each)}
    costly = any(
        whose is Attribution.STUDENT and finding.kind not in ALLOWED
        for each in found.values()
        for finding, whose in each.findings
    )
    return list(found.values())[:MOST_CASES] if costly else []


def _without_line(observation: Observation) -> bool:
    case, evidence = observation.case, observation.run.evidence
    if evidence is None or not isinstance(case.part.code, Op) or case.part.target != "gpu":
        return False
    return any(not each.source for launch in evidence.launches for each in launch.findings)


def _worst(results: Results) -> Iterator[tuple[Observation, Problem]]:
    for part in results.parts.values():
        for tally in part.tallies.values():
            if tally.worst is not None:
                yield tally.worst


def with_lines(
    results: Results,
    text: str,
    module: str,
    toolchain: Toolchain,
    isolation: Isolation,
    *,
    timeout: float,
) -> None:
    """Give the findings that are kept their lines and the names of arrays, where these are certain.

    Args:
        results: Of the run; changed in place.
        text: The submission.
        module: What its file is called, without ``.mojo``.
        toolchain: What compiles it.
        isolation: The level that its processes run under.
        timeout: Seconds that the build may take at most.
    """
    asked = unexplained(results)
    if not asked:
        return
    try:
        told = _told(asked, results.log, text, module, toolchain, isolation, timeout)
    except (GradeError, NotWritten):
        return
    if told:
        _put(results, told)


def _told(
    asked: Sequence[Observation],
    log: Sequence[LoggedCase],
    text: str,
    module: str,
    toolchain: Toolchain,
    isolation: Isolation,
    timeout: float,
) -> dict[int, Finding]:
    """Findings at their lines, by the identity of those without."""
    program = written(
        text,
        toolchain.edition,
        [
            WrittenCase(
                number=place,
                part=observation.case.part,
                sizes=observation.case.shape.sizes,
                inputs=observation.case.inputs,
            )
            for place, observation in enumerate(asked)
        ],
    )
    told: dict[int, Finding] = {}
    opened = open_program(
        program.encode(), module, toolchain, isolation=isolation, device="software"
    )
    with opened as place:
        if not place.build(compile_limits(min(BUILD_SECONDS, timeout))).ok:
            return {}
        for number, observation in enumerate(asked):
            evidence = _run(place, number, observation, log)
            before = observation.run.evidence
            if evidence is None or before is None:
                break  # What does not end costs its time once.
            pairs = (
                same_endless(before.launches, evidence.launches)
                if _is_endless(observation)
                else same_findings(before.launches, evidence.launches)
            )
            for finding, again in pairs:
                line = at_source(again, lambda file: file == place.source, text)
                if line.source_line is not None and line.source_line <= text.count("\n") + 1:
                    told[id(finding)] = _as_before(finding, line)
    return told


def _is_endless(observation: Observation) -> bool:
    return any(each.kind is FindingKind.BUDGET_EXCEEDED for each, _ in observation.findings)


def _run(
    place: ProgramPlace, number: int, observation: Observation, log: Sequence[LoggedCase]
) -> CaseEvidence | None:
    """What the device sees of a case in the program; None where it does not end."""
    part, sizes = observation.case.part, observation.case.shape.sizes
    logged = log[observation.number - 1] if observation.number else None
    how = replace(
        HowToRun.of(part, sizes),
        variant=logged.variant if logged else 0,
        budget=replace(part.budget, thread=LOOP_STEPS) if _is_endless(observation) else part.budget,
    )
    limits = Limits(wall_seconds=RUN_SECONDS)
    ran = place.run([str(number)], limits, lambda stream, chunk: None, how=how)
    return None if ran.outcome.limit is not None else ran.evidence


def _as_before(finding: Finding, line: Finding) -> Finding:
    """A finding of the graph's run with the words and places of the other one."""
    from msgspec.structs import replace as changed

    return changed(
        finding,
        message=line.message,
        source=line.source,
        other_source=line.other_source,
        source_file=line.source_file,
        source_line=line.source_line,
    )


def _put(results: Results, told: Mapping[int, Finding]) -> None:
    """Put findings in the place of those that they explain, wherever they are kept."""
    for key, observation in results.findings.items():
        results.findings[key] = _explained(observation, told)
    for part in results.parts.values():
        for tally in part.tallies.values():
            tally.failing = [_explained(each, told) for each in tally.failing]
            tally.failing_at = {
                number: _explained(each, told) for number, each in tally.failing_at.items()
            }
            if tally.worst is not None:
                observation, problem = tally.worst
                tally.worst = (
                    _explained(observation, told),
                    next(_problems([problem], told)),
                )


def _explained(observation: Observation, told: Mapping[int, Finding]) -> Observation:
    return replace(
        observation,
        findings=tuple((told.get(id(each), each), whose) for each, whose in observation.findings),
        problems=tuple(_problems(observation.problems, told)),
    )


def _problems(problems: Iterable[Problem], told: Mapping[int, Finding]) -> Iterator[Problem]:
    for each in problems:
        finding = told.get(id(each.finding)) if each.finding is not None else None
        yield each if finding is None else _of_finding(each, finding)


def _of_finding(problem: Problem, finding: Finding) -> Problem:
    return replace(problem, finding=finding, data={**problem.data, "said": finding.message})
