"""What is wrong and what to do next: from what a record shows, the whole one or a student's copy.

A report tells one story for each part: the *cause* first, with its place in the file, then what to
do about it. What only follows from the cause is not said again: an access out of bounds explains
that there is no output, a race that values are wrong. General hints are for where nothing
particular is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final, NamedTuple

from grader.device import MAX_THREADS_PER_BLOCK, FindingKind, of_file
from grader.intake.display import one_line
from grader.marks import compiled, untouched
from grader.record import (
    HINT_STEPS,
    Aspect,
    Attribution,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    LaunchPlace,
    ProblemKind,
    ProgramEnd,
    Reason,
    Record,
    Status,
    Verdict,
)
from grader.wording import (
    ALLOWED,
    GO_ON,
    IN_ORDER,
    KERNEL_IS_FINE,
    LAUNCH_IT,
    MEND_FIRST,
    NO_OUTPUT_SAID,
    NOTHING_LAUNCHED,
    SHOWS_IN_VALUES,
    SKIPPED_BARRIER,
)

STEPS: Final = 4
"""How many things to try next are named."""
EXPLAINS_ALL: Final = (
    FindingKind.BAD_LAUNCH,
    FindingKind.MISSING_FUNCTION,
    FindingKind.STACK_OVERFLOW,
    FindingKind.OUT_OF_BOUNDS,
    FindingKind.MISALIGNED,
    FindingKind.TRAP,
    FindingKind.BUDGET_EXCEEDED,
    FindingKind.BARRIER_DIVERGENCE,
    FindingKind.RACE,
    FindingKind.STREAM_RACE,
)
"""Findings that explain whatever else is wrong in their part, the likeliest cause first."""
_ENDS_THE_LAUNCH: Final = frozenset(
    {
        FindingKind.OUT_OF_BOUNDS,
        FindingKind.MISALIGNED,
        FindingKind.TRAP,
        FindingKind.BUDGET_EXCEEDED,
        FindingKind.STACK_OVERFLOW,
    }
)
"""Of these, findings that explain why there is no output, and nothing of wrong values."""
_TELLS_NOTHING: Final = frozenset({ProblemKind.WRONG_VALUES, ProblemKind.FINDING, ProblemKind.OWN})
"""Problems that are no cause of themselves."""
LAUNCH_ARGUMENTS: Final = "launch-arguments"
"""The key of a cause that the launch passes one thing in the place of another."""
COMPILER: Final = "compiler"
"""The key of a cause that the compiler tells."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is wrong with one part, as far as it is certain."""

    key: str
    """Of the finding's kind, of the mistake that explains all cases, of the problem that all failed
    checks have, `LAUNCH_ARGUMENTS` or `COMPILER`."""
    part: str = ""
    sentence: str
    """What is wrong, in one sentence or two."""
    step: str
    """What to think about or to do, the second hint; may be empty."""
    sketch: str = ""
    """The shape of the answer, the third hint; may be empty."""
    line: int | None = None
    column: int | None = None
    """In bytes, from 1."""
    finding: CheckedFinding | None = None
    """The finding that it is."""
    example: Counterexample | None = None
    """The case that shows it."""
    diagnostic: Diagnostic | None = None
    """The message of the compiler that it is."""


def causes(record: Record) -> tuple[Cause, ...]:
    """What is wrong, the compiler's message first, then part by part; at most one each.

    Of a part that is right at the assigned sizes there is none; what goes wrong beyond them costs
    nothing.
    """
    return tuple(_causes(record))


def _causes(record: Record) -> Iterator[Cause]:
    if record.verdict not in (Verdict.PASS, Verdict.FAIL):
        return
    if not compiled(record):
        yield from _of_compiler(record.diagnostics)
    for part, checks in _failed(record).items():
        cause = _of_part(record, part, checks)
        if cause is not None:
            yield cause
    yield from _of_program(record)


def _of_compiler(diagnostics: Iterable[Diagnostic]) -> Iterator[Cause]:
    errors = [each for each in diagnostics if each.severity == "error"]
    # One that names a line can be shown with it.
    first = next((each for each in errors if each.line), errors[0] if errors else None)
    if first is not None:
        yield Cause(
            key=COMPILER,
            sentence=first.message,
            step=first.advice,
            line=first.line,
            column=first.column,
            diagnostic=first,
        )


def _as_sentence(check: CheckOutcome) -> str:
    """Why a check failed, by itself."""
    said = one_line(check.sentence)
    return f"{said[:1].upper()}{said[1:]}."


def _of_program(record: Record) -> Iterator[Cause]:
    """What is wrong with the file as a program, where nothing else is: its kernels are right."""
    failed = [check for checks in _failed(record).values() for check in checks]
    if not failed or any(check.aspect is not Aspect.PROGRAM for check in failed):
        return
    ends = [ProgramEnd(str(check.data["end"])) for check in failed if "end" in check.data]
    if ProgramEnd.NOT_BUILT in ends:
        yield from _of_compiler(each for each in record.diagnostics if each.stage == "program")
    elif ends:
        sentence = _as_sentence(failed[0])
        yield Cause(key=ends[0].value, sentence=sentence, step=failed[0].hint)


def _failed(record: Record) -> dict[str, list[CheckOutcome]]:
    """The checks that cost points, by their part."""
    failed: dict[str, list[CheckOutcome]] = {}
    for check in record.checks:
        if check.status is Status.FAILED and not check.extra:
            failed.setdefault(check.part, []).append(check)
    return failed


def _costs(checked: CheckedFinding) -> bool:
    """Whether it is of the student's code, at the assigned sizes."""
    return checked.attribution is Attribution.STUDENT and not checked.beyond


def _of_part(record: Record, part: str, checks: list[CheckOutcome]) -> Cause | None:
    ids = {check.id for check in checks}
    examples = [each for each in record.counterexamples if each.check in ids]
    findings = [each for each in record.findings if _costs(each) and each.part == part]
    known = next((each for each in examples if each.mistake), None)
    launch = next((each for each in record.launched_at if each.part == part), None)
    # Where the kernel is the given one, all that goes wrong is the launch's doing.
    blamed = launch if launch is not None and launch.given_kernel else None
    if blamed is not None and blamed.misplaced:
        return Cause(
            key=LAUNCH_ARGUMENTS,
            part=part,
            sentence=f"{blamed.misplaced} {KERNEL_IS_FINE}",
            step=IN_ORDER,
            line=blamed.misplaced_line,
            example=examples[0] if examples else None,
        )
    for kind in EXPLAINS_ALL:
        for each in findings:
            if each.finding.kind is kind and not (known and kind in _ENDS_THE_LAUNCH):
                cause = _of_finding(part, each, _line_of_launch(kind, launch, examples))
                return _with_the_barrier(cause, findings)
    if _nothing_launched(record, part, examples):
        return Cause(
            key=Reason.NO_KERNEL.value,
            part=part,
            sentence=NOTHING_LAUNCHED,
            step=LAUNCH_IT,
            example=examples[0],
        )
    if known is not None:
        return Cause(
            key=known.mistake,
            part=part,
            sentence=known.explanation,
            step=known.advice,
            line=blamed.line if blamed is not None else None,
            sketch=known.sketch,
            example=known,
        )
    wrong = any(check.aspect is Aspect.VALUES for check in checks)
    clean = {check.id for check in checks if check.aspect is Aspect.CLEAN}
    for each in findings:
        # What a manual allows is a cause only where a rubric takes points for it.
        asked = each.finding.kind not in ALLOWED or clean.intersection(each.concerns)
        if asked and (wrong or each.finding.kind not in SHOWS_IN_VALUES):
            return _of_finding(part, each, blamed.line if blamed is not None else None)
    return _of_problem(part, checks, examples)


def _nothing_launched(record: Record, part: str, examples: list[Counterexample]) -> bool:
    """Whether no kernel was launched, and there are values that one should have written."""
    none_ran = any(
        check.reason is Reason.NO_KERNEL for check in record.checks if check.part == part
    )
    wrong = any(example.kind is ProblemKind.WRONG_VALUES for example in examples)
    return none_ran and wrong and not any(example.launches for example in examples)


def _of_problem(
    part: str, checks: list[CheckOutcome], examples: list[Counterexample]
) -> Cause | None:
    """What all failed checks of a part have in common, where that tells more than wrong values."""
    kinds = {example.kind for example in examples}
    kinds |= {
        ProblemKind(str(check.data["kind"]))
        for check in checks
        if check.reason is Reason.PROBLEM and "kind" in check.data
    }
    if len(kinds) != 1 or kinds <= _TELLS_NOTHING or not examples:
        return None
    (kind,) = kinds
    example = examples[0]
    if kind is ProblemKind.NO_OUTPUT:
        said = one_line(example.error.strip())
        if not said:
            return None
        sentence, step = NO_OUTPUT_SAID.format(said=said), MEND_FIRST
    else:
        sentence, step = _as_sentence(checks[0]), checks[0].hint
    return Cause(key=kind.value, part=part, sentence=sentence, step=step, example=example)


def _line_of_launch(
    kind: FindingKind, launch: LaunchPlace | None, examples: Sequence[Counterexample]
) -> int | None:
    """The line of the launch, where a finding is its doing; None where it is the kernel's."""
    if launch is None:
        return None
    if kind is FindingKind.BAD_LAUNCH:
        blocks = [each.block for example in examples for each in example.launches]
        too_many = any(prod(each) > MAX_THREADS_PER_BLOCK or 0 in each for each in blocks)
        return launch.block_line if too_many else launch.line
    return launch.line if launch.given_kernel else None


def _with_the_barrier(cause: Cause, findings: Sequence[CheckedFinding]) -> Cause:
    """A race beside a barrier that not all threads come to: that is why it orders nothing."""
    skipped = (
        each.finding.source_line
        for each in findings
        if each.finding.kind is FindingKind.EXITED_BEFORE_BARRIER
    )
    line = next((line for line in skipped if line), None)
    if cause.key != FindingKind.RACE.value or line is None:
        return cause
    return replace(cause, step=SKIPPED_BARRIER.format(line=line))


def _of_finding(part: str, checked: CheckedFinding, line: int | None = None) -> Cause:
    """The cause that a finding is; ``line`` is that of what did it, where that stands elsewhere."""
    finding = checked.finding
    place = of_file(finding.source)
    own = line is None
    column = 0
    if own and place is not None and place.line == finding.source_line:
        column = place.column
    return Cause(
        key=finding.kind.value,
        part=part,
        sentence=finding.message,
        step=checked.explanation,
        # The shape of the answer is that of the line of the finding.
        sketch=checked.sketch if own else "",
        line=finding.source_line if own else line,
        column=column or None,
        finding=checked,
    )


def telling(record: Record, known: Sequence[Cause]) -> tuple[Counterexample, ...]:
    """The cases that are worth showing, that of a cause first.

    Where a finding or the compiler's message is the cause, numbers that are right say nothing, and
    missing ones neither.
    """
    by_finding = {each.part for each in known if each.finding is not None}
    compiler = any(each.diagnostic is not None for each in known)
    shown = [each.example for each in known if each.example is not None]
    for example in record.counterexamples:
        silent = not example.answered or not example.mismatch_count
        told = silent and (example.part in by_finding or compiler)
        if not told and not any(each is example for each in shown):
            shown.append(example)
    return tuple(shown)


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
            yield Hint(2, _at_line(cause.line, cause.step))
    if not compiled(record):
        for diagnostic in record.diagnostics:
            if diagnostic.severity == "error" and diagnostic.advice:
                # It puts the compiler's words into others: that is what is wrong.
                yield Hint(1, _at_line(diagnostic.line, diagnostic.advice))
    extra = {check.id for check in record.checks if check.extra}
    for example in record.counterexamples:
        if not example.mistake and example.explanation and example.check not in extra:
            yield Hint(2, _told(example))
    kinds = {cause.key for cause in found}
    # What a launch with wrong arguments leads to goes with it.
    told = {cause.part for cause in found if cause.key == LAUNCH_ARGUMENTS}
    # So does, with another finding, what a thread takes that it should not.
    explained = {cause.part for cause in found if cause.finding is not None}
    for each in record.findings:
        any_value = each.finding.kind in SHOWS_IN_VALUES
        if each.part in told or (any_value and each.part in explained):
            continue
        if _costs(each) and each.finding.kind.value not in kinds and each.explanation:
            yield Hint(2, _at_line(each.finding.source_line, each.explanation))
    yield from _to_fill_in(record)
    yield from _general(record, {c.part for c in found if c.key != COMPILER or compiled(record)})
    yield from _for_extra_credit(record)


def _at_line(line: int | None, step: str) -> str:
    return f"Line {line}: {step}" if line else step


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
    for part, checks in _failed(record).items():
        if part in explained:
            continue
        yield Hint(2, checks[0].hint)


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
            step = "Look at the smallest input beyond the task that breaks it."
        else:
            continue
        if step:
            yield Hint(2, f"All points are yours. For extra credit: {step}")
