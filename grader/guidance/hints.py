"""What to do next: hints in steps, the most useful first, from what a record shows.

What the cause of a part says comes first. General hints are for where nothing particular is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from grader.guidance.cause import (
    COMPILER,
    LAUNCH_ARGUMENTS,
    LAUNCH_NUMBERS,
    causes,
    costs,
    failed_of,
)
from grader.marks import compiled, untouched
from grader.record import (
    HINT_STEPS,
    Aspect,
    Attribution,
    Counterexample,
    ProblemKind,
    Reason,
    Record,
    Status,
    Verdict,
)
from grader.wording.cases import GO_ON, NAN_STEP, PLACES_STEP, PROBLEM_STEPS
from grader.wording.findings import SHOWS_IN_VALUES
from grader.wording.verdicts import SMALLEST_BEYOND, at_line, for_extra_credit

STEPS: Final = 4
"""How many things to try next are named."""


class Hint(NamedTuple):
    """A sentence of help."""

    step: int
    """1 tells what is wrong, 2 what to think about. What 3 shows is in `sketches`."""
    text: str


def next_steps(record: Record, upto: int = 2) -> tuple[str, ...]:
    """What to try next, most useful first, each sentence once, at most `STEPS`.

    Args:
        record: A whole record or a student's copy.
        upto: The last step of hints that is told.
    """
    told = (each.text for each in _steps(record) if each.step <= upto and each.text)
    return tuple(dict.fromkeys(told))[:STEPS]


def sketches(record: Record) -> tuple[tuple[int | None, str], ...]:
    """The shape of the answer for each cause that has one: the line that it is about, and its text.

    Empty where nothing is wrong.
    """
    found = ((each.line, each.sketch) for each in causes(record) if each.sketch)
    return tuple(dict.fromkeys(found))


def deepest_hint(record: Record) -> int:
    """The last step of hints that a record has something of; 1 where there is no more."""
    if record.verdict is not Verdict.FAIL or untouched(record):
        return 1
    steps = [each.step for each in _steps(record) if each.text]
    allowed = record.rubric.hint_steps if record.rubric is not None else HINT_STEPS
    return min(HINT_STEPS if sketches(record) else max(steps, default=1), max(allowed, 1))


def _steps(record: Record) -> Iterator[Hint]:
    found = causes(record)
    for cause in found:
        # Messages of the compiler are told below, in its order, where it refused the kernels.
        if cause.step and (cause.diagnostic is None or compiled(record)):
            yield Hint(2, at_line(cause.line, cause.step))
    if not compiled(record):
        for diagnostic in record.diagnostics:
            if diagnostic.severity == "error" and diagnostic.advice:
                # It puts the compiler's words into others: that is what is wrong.
                yield Hint(1, at_line(diagnostic.line, diagnostic.advice))
    extra = {check.id for check in record.checks if check.extra}
    # What a launch with wrong arguments or numbers leads to goes with it.
    told = {cause.part for cause in found if cause.key in (LAUNCH_ARGUMENTS, LAUNCH_NUMBERS)}
    for example in record.counterexamples:
        known = example.mistake or example.part in told
        if not known and example.explanation and example.check not in extra:
            yield Hint(2, _told(example))
    kinds = {cause.key for cause in found}
    # So does what a thread takes that it should not, where another finding or a mistake is known.
    explained = {
        cause.part
        for cause in found
        if cause.finding is not None or (cause.example is not None and cause.example.mistake)
    }
    for each in record.findings:
        any_value = each.finding.kind in SHOWS_IN_VALUES
        if each.part in told or (any_value and each.part in explained):
            continue
        if costs(each) and each.finding.kind.value not in kinds and each.explanation:
            yield Hint(2, at_line(each.finding.source_line, each.explanation))
    yield from _to_fill_in(record)
    yield from _general(record, {c.part for c in found if c.key != COMPILER or compiled(record)})
    yield from _for_extra_credit(record)


def _told(example: Counterexample) -> str:
    """What is known of a case: what went wrong, and what to do about it."""
    return f"{example.explanation} {example.advice}".strip()


def _to_fill_in(record: Record) -> Iterator[Hint]:
    """The parts that are as they were given, where others are not."""
    empty = {check.part for check in record.checks if check.reason is Reason.NOTHING_FILLED_IN}
    names = {part.name for part in record.puzzle.parts}
    for part in record.puzzle.parts:
        if part.name in empty < names:
            yield Hint(1, GO_ON.format(title=part.title))


def _general(record: Record, explained: set[str]) -> Iterator[Hint]:
    """What to look for in the first failed check of each part of which no cause is known."""
    for part, checks in failed_of(record).items():
        if part in explained:
            continue
        example = next((e for e in record.counterexamples if e.check == checks[0].id), None)
        known = _of_example(record, example) if example is not None else ""
        yield Hint(2, known or checks[0].hint)
        # Each question of a quiz is by itself.
        yield from (Hint(2, each.hint) for each in checks[1:] if each.aspect is Aspect.ANSWER)


def _of_example(record: Record, example: Counterexample) -> str:
    """What to look at in a case, by what it shows; empty where it shows nothing particular."""
    if example.kind is not ProblemKind.WRONG_VALUES:
        return PROBLEM_STEPS.get(example.kind, "")
    wrong = (mismatch for output in example.outputs for mismatch in output.mismatches)
    if any(each.got == "nan" != each.expected for each in wrong):
        return NAN_STEP
    # They are there where wrong outputs lie at some places only.
    counts = next((each for each in record.places if each.part == example.part), None)
    if counts is None or not any(counts.wrong):
        return ""
    places = [place for place, wrong in enumerate(counts.wrong) if wrong]
    if len(places) != places[-1] - places[0] + 1 or len(places) == len(counts.wrong):
        return ""
    told = f"places {places[0]} to {places[-1]}" if len(places) > 1 else f"place {places[0]}"
    return PLACES_STEP.format(places=told)


def _for_extra_credit(record: Record) -> Iterator[Hint]:
    if not all(check.extra or check.status is Status.PASSED for check in record.checks):
        return
    for check in record.checks:
        if not check.extra or check.points >= check.max_points:
            continue
        case = next((each for each in record.counterexamples if each.check == check.id), None)
        beyond = [
            each
            for each in record.findings
            if each.attribution is Attribution.STUDENT and check.id in each.concerns
        ]
        if case is not None and case.mistake:
            step = _told(case)
        elif beyond:
            step = beyond[0].explanation
        elif check.reason is Reason.GIVEN_KERNEL:
            # What it says is of the kernel that was given.
            step = check.hint
        elif case is not None:
            step = SMALLEST_BEYOND
        else:
            continue
        if step:
            yield Hint(2, for_extra_credit(step))
