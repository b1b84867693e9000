"""What compiler messages and findings mean for a student.

The table of messages was measured: each line is what MAX 26.5 prints for one
mistake in the launch or the signature of an op (``submissions/`` holds a file
for each). A puzzle has messages of its own, which are looked at first. What the
editions write differently stands in braces and comes from their files
(`grader.toolchain.edition.Edition.worded`).
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

_MESSAGES: tuple[tuple[str, str], ...] = (
    (
        r"missing required (keyword-only )?argument: '(grid_dim|block_dim)'",
        "A launch needs both grid_dim and block_dim.",
    ),
    (
        r"parameter 'Ts' has 'AnyType' type",
        "Write the launch as this edition does: {launch}(...).",
    ),
    (
        r"value passed to 'f' cannot be converted",
        "The kernel goes into the square brackets, not among the arguments: {launch}(...).",
    ),
    (
        r"'main\(\)' is not supported within packages|defining 'main' within a package",
        "The file of an op has no main: take it out. A whole program is another puzzle's file.",
    ),
    (
        r"no matching method in call to 'enqueue_function'",
        (
            "Compare the launch with {launch}(the tensors, grid_dim=..., block_dim=...); the "
            "notes below the message name what does not fit."
        ),
    ),
    (
        r"has no attribute 'get_device_context'",
        (
            "That name belongs to another edition of the book. In this one the context is used as "
            "it is."
        ),
    ),
    (
        r"has no attribute 'enqueue_function\w*'",
        "That name belongs to another edition of the book. In this one a launch is {launch}(...).",
    ),
    (
        (
            r"unable to locate module '(compiler|tensor_builder|runtime|tensor|gpu)'|"
            r"does not contain 'DeviceContextPtr'|'static_spec'|expected argument name"
        ),
        (
            "This line is written for another edition of the book. Start from the skeleton of the "
            "edition that your course uses."
        ),
    ),
    (
        r"cannot call function that may raise",
        "The function that calls it must be declared `raises`.",
    ),
    (
        r"'self' argument must have type 'Self'",
        "execute must be a @staticmethod.",
    ),
    (
        r"argument #\d+ of type .* (is not encodable|does not match the declared)",
        (
            "An argument of the launch does not have the type that the kernel declares. The number "
            "that the compiler gives is not reliable: compare all with the kernel's signature, in "
            "order."
        ),
    ),
    (
        r"[Ww]rong number of arguments to enqueue",
        "Compare the arguments of the launch with the kernel's signature: their number differs.",
    ),
    (
        r"do(es)? not conform to (trait )?'?DevicePassable",
        "Sizes are compile-time parameters of the kernel; only the tensors are arguments.",
    ),
    (
        r"target does not support operation: barrier",
        "The kernel is called like a function on the host. Enqueue it: {launch}(...).",
    ),
    (
        r"no kernel registered for '\w+'|Could not find a mojo kernel registered for \w+",
        "The graph asks for an op of that name. Check the string in {register}(...).",
    ),
    (
        r"kernel '\w+' has no execute function",
        "The method of the struct must be called execute.",
    ),
    (
        r"use of unknown declaration 'let'",
        "Write var in place of let.",
    ),
    (
        r"expected ':' ",
        "The line of a def, an if, an else, a for or a while ends with a colon.",
    ),
    (
        r"body must not be empty",
        "The lines that belong to it begin four spaces further right.",
    ),
    (
        r"indentation must not mix tabs and spaces|indentation uses inconsistent whitespace",
        "There is a tab at the beginning of this line: write four spaces in its place.",
    ),
    (
        r"expected '[])}]' in call argument list",
        "Between two arguments there is a comma.",
    ),
    (
        r"'=' must be followed by an expression",
        "What is to be stored is missing behind the =.",
    ),
    (
        r"unterminated string",
        "The quotation mark is not closed in this line.",
    ),
    (
        r"from 'Float64' to 'U?Int'|cannot implicitly convert 'Float64' value to 'U?Int'",
        "A whole number is needed here. / gives a Float64; // divides whole numbers.",
    ),
    (
        r"cannot implicitly convert 'StringLiteral",
        "Text in quotes is no number.",
    ),
    (
        r"cannot implicitly convert .* value to 'None' in return value",
        "The function is not declared to return anything. A kernel stores its result in output.",
    ),
    (
        r"no matching function in call to 'len'",
        "This has no len(). A kernel is given the size as a number: compare with that.",
    ),
    (
        r"cannot be converted from '(Tile|Layout)Tensor\[.*' to '(Float32|SIMD|Scalar)",
        "This is the whole tensor. For one element, write its index in square brackets.",
    ),
    (
        r"cannot be converted from '(Int' to 'UInt|UInt' to 'Int)'",
        "One of the two numbers is an Int and the other a UInt. Convert one: Int(...).",
    ),
    (
        r"'Int' does not implement the '__call__' method",
        "thread_idx.x, block_idx.x and block_dim.x are numbers: no brackets behind them.",
    ),
    (
        r"no matching method in call to '__setitem__'",
        (
            "A tensor takes an index for each axis: output[row, col] of a matrix, output[i] of a "
            "vector. And a tensor that is declared with mut=False can't be written."
        ),
    ),
    (
        r"no matching method in call to '__getitem__'",
        (
            "A pointer takes one offset: row * size + col of a matrix that lies row by row. A "
            "tensor takes an index for each axis."
        ),
    ),
    (
        r"'fn' has been removed",
        "This edition writes def in place of fn.",
    ),
    (
        r"use of unknown declaration",
        "This name is not defined here: check its spelling and the imports.",
    ),
)
_TABLE = tuple((re.compile(pattern), advice) for pattern, advice in _MESSAGES)


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
    return tuple(
        msgspec.structs.replace(each, advice=f"{swapped} {IN_ORDER}")
        if swapped and any(_OF_A_LAUNCH.search(text) for text in _texts(each))
        else each
        for each in _with_advice(puzzle, slips, edition)
    )


def _texts(diagnostic: Diagnostic) -> list[str]:
    # Notes are more specific than the message that they stand under.
    texts = [note.message for note in diagnostic.notes] + [diagnostic.message]
    return [text[:4000] for text in texts]


def _with_advice(
    puzzle: Puzzle, diagnostics: Iterable[Diagnostic], edition: Edition
) -> tuple[Diagnostic, ...]:
    own = tuple((re.compile(pattern), advice) for pattern, advice in puzzle.messages)
    return tuple(
        msgspec.structs.replace(
            diagnostic, advice=diagnostic.advice or _advice(own, diagnostic, edition)
        )
        for diagnostic in diagnostics
    )


def _advice(
    own: tuple[tuple[re.Pattern[str], str], ...], diagnostic: Diagnostic, edition: Edition
) -> str:
    texts = _texts(diagnostic)
    for pattern, advice in (*own, *_TABLE):
        if any(pattern.search(text) for text in texts):
            return edition.worded(advice)
    return ""


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
                    finding=msgspec.structs.replace(finding, touched=()),
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
