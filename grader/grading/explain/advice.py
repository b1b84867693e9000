"""What compiler messages and findings mean for a student.

What a message means stands in tables, which are data (`grader.toolchain.messages`). A puzzle has
rows of its own, which are looked at first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

import msgspec

from grader.device import Finding, FindingKind, Space
from grader.record import (
    Aspect,
    Attribution,
    CheckedFinding,
    Diagnostic,
    LaunchPlace,
)
from grader.sketches import sketch_of
from grader.toolchain.messages import meaning_of, placed, texts_of, told_once
from grader.toolchain.slips import explained
from grader.wording.findings import (
    ALLOWED,
    GIVEN_KERNEL_LAUNCH,
    IN_ORDER,
    NO_COST,
    SHOWS_IN_VALUES,
    UNWRITTEN_BUFFER,
    explain_finding,
)

if TYPE_CHECKING:
    from grader.model.cases import Observation
    from grader.model.part import Part
    from grader.model.puzzle import Puzzle
    from grader.toolchain.edition import Edition

_OF_A_LAUNCH = re.compile(
    r"argument #\d+ of type|parameter '\w+' has '.*' type, but value has type"
)
"""That something which is passed has another type than what is declared in its place."""


def with_advice(
    puzzle: Puzzle,
    diagnostics: Iterable[Diagnostic],
    edition: Edition,
    launches: Iterable[LaunchPlace] = (),
    text: str = "",
) -> tuple[Diagnostic, ...]:
    """The messages, each with what it means where that is known.

    Where types do not fit, and the names in a launch show why, that is what it means.
    """
    slips = explained(tuple(diagnostics), text, puzzle.name, edition)
    swapped = next((each.misplaced for each in launches if each.misplaced), "")
    lines = text.split("\n")
    said = []
    for each in slips:
        advice = each.advice
        if swapped and any(map(_OF_A_LAUNCH.search, texts_of(each))):
            advice = f"{swapped} {IN_ORDER}"
        elif not advice:
            line = lines[each.line - 1] if each.line and each.line <= len(lines) else ""
            advice = meaning_of(texts_of(each), puzzle.messages, edition, line)
        told = msgspec.structs.replace(each, advice=advice)
        said.append(placed(told, text, f"{puzzle.name}.mojo", edition))
    return told_once(said)


def findings(
    puzzle: Puzzle, observations: Iterable[Observation], *, given: AbstractSet[str] = frozenset()
) -> tuple[CheckedFinding, ...]:
    """The distinct findings with what they mean; the student's own first.

    Several instructions that show the same mistake are one finding with their counts summed.

    Args:
        puzzle: What is graded.
        observations: The cases that show findings.
        given: Names of the parts in which the kernel is the given one: what goes wrong in it is
            the doing of its launch.
    """
    from grader.grading.observe import UNCLEAN, concerned, finding_key

    seen: dict[tuple[object, ...], CheckedFinding] = {}
    shown_by: dict[tuple[object, ...], Observation] = {}
    observations = tuple(observations)
    # One whose line is not known is no other mistake than one of its kind whose line is.
    at_lines = {
        _without_line(observation, finding, whose)
        for observation in observations
        for finding, whose in observation.findings
        if finding.source_line is not None
    }
    for observation in observations:
        case = observation.case
        checks = puzzle.checks_of(case.part)
        for finding, whose in observation.findings:
            if (
                finding.source_line is None
                and _without_line(observation, finding, whose) in at_lines
            ):
                continue
            key = (case.part.name, *finding_key(finding, whose))
            if key not in seen:
                shown_by[key] = observation
                asked = any(finding.kind in check.also_fails_by for check in checks)
                more = [Aspect.CLEAN] if asked or finding.kind in UNCLEAN else []
                by_launch = (
                    whose is Attribution.STUDENT
                    and case.part.name in given
                    and finding.kind in UNCLEAN | SHOWS_IN_VALUES
                )
                own = whose is Attribution.STUDENT and not by_launch
                seen[key] = CheckedFinding(
                    finding=msgspec.structs.replace(
                        finding, message=_named(observation, finding, whose), touched=()
                    ),
                    attribution=whose,
                    part=puzzle.label(case.part),
                    beyond=case.shape.beyond,
                    sizes=dict(case.shape.sizes),
                    explanation=GIVEN_KERNEL_LAUNCH
                    if by_launch
                    else _explain(case.part, finding, whose, costs=asked),
                    sketch=sketch_of(finding) if own else "",
                    case=observation.number,
                    concerns=concerned(checks, case, *more),
                )
            elif shown_by[key] is observation:
                first = seen[key].finding
                total = msgspec.structs.replace(first, count=first.count + finding.count)
                seen[key] = msgspec.structs.replace(seen[key], finding=total)
    return tuple(sorted(seen.values(), key=lambda each: each.attribution is Attribution.SKELETON))


def _named(observation: Observation, finding: Finding, whose: Attribution) -> str:
    """What is said of a finding, with the name of its array where the given code has it."""
    given = observation.case.part.given
    if whose is not Attribution.SKELETON or given is None or not given.array:
        return finding.message
    return finding.message.replace(finding.array, given.array) if finding.array else finding.message


def _without_line(
    observation: Observation, finding: Finding, whose: Attribution
) -> tuple[object, ...]:
    part = observation.case.part.name
    return part, finding.kind, finding.space, finding.access, whose


def _explain(part: Part, finding: Finding, whose: Attribution, *, costs: bool) -> str:
    if whose is Attribution.SKELETON:
        return part.given.defect if part.given is not None else ""
    told = explain_finding(finding)
    if finding.kind is FindingKind.UNINITIALISED_READ and finding.space is Space.GLOBAL:
        return f"{told} {UNWRITTEN_BUFFER}"
    return f"{NO_COST} {told}" if finding.kind in ALLOWED and not costs else told
