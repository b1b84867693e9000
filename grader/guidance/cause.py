"""What is wrong: the cause in each part, with its place in the file, from what a record shows.

What only follows from a cause is not said again: an access out of bounds explains that there is no
output, a race that values are wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from grader.device import FindingKind, of_file
from grader.guidance.launch import wrong_numbers
from grader.intake.display import one_line
from grader.marks import compiled
from grader.record import (
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
    UsageLimit,
    Verdict,
)
from grader.wording.cases import (
    LAUNCH_IT,
    MEND_FIRST,
    NO_OUTPUT_SAID,
    NOTHING_LAUNCHED,
    PROBLEM_STEPS,
)
from grader.wording.findings import (
    ALLOWED,
    IN_ORDER,
    KERNEL_IS_FINE,
    SHOWS_IN_VALUES,
    SKIPPED_BARRIER,
)
from grader.wording.launches import NUMBERS_STEP
from grader.wording.usage import USAGE_STEPS

EXPLAINS_ALL: Final = (
    FindingKind.BAD_LAUNCH,
    FindingKind.MISSING_FUNCTION,
    FindingKind.STACK_OVERFLOW,
    FindingKind.OUT_OF_BOUNDS,
    FindingKind.MISALIGNED,
    FindingKind.TRAP,
    FindingKind.BUDGET_EXCEEDED,
    FindingKind.MBARRIER_MISUSE,
    FindingKind.MBARRIER_STATE,
    FindingKind.MBARRIER_REUSE,
    FindingKind.BARRIER_DIVERGENCE,
    FindingKind.INCOMPLETE_WARP,
    FindingKind.UNFINISHED_COPY,
    FindingKind.RACE,
    FindingKind.ABSENT_BLOCK,
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
LAUNCH_NUMBERS: Final = "launch-numbers"
"""The key of a cause that its grid or block is not the task's."""
OVER_LIMIT: Final = Reason.OVER_LIMIT.value
"""How the key of a cause begins that kernels cost too much; the limit follows."""
COMPILER: Final = "compiler"
"""The key of a cause that the compiler tells."""


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What is wrong with one part, as far as it is certain."""

    key: str
    """Of the finding's kind, of the mistake that explains all cases, of the problem that all failed
    checks have, of the limit that is exceeded (`OVER_LIMIT`), `LAUNCH_ARGUMENTS`, `LAUNCH_NUMBERS`
    or `COMPILER`."""
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
    for part, checks in failed_of(record).items():
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
    failed = [check for checks in failed_of(record).values() for check in checks]
    if not failed or any(check.aspect is not Aspect.PROGRAM for check in failed):
        return
    ends = [ProgramEnd(str(check.data["end"])) for check in failed if "end" in check.data]
    if ProgramEnd.NOT_BUILT in ends:
        yield from _of_compiler(each for each in record.diagnostics if each.stage == "program")
    elif ends:
        sentence = _as_sentence(failed[0])
        yield Cause(key=ends[0].value, sentence=sentence, step=failed[0].hint)


def failed_of(record: Record) -> dict[str, list[CheckOutcome]]:
    """The checks that cost points, by their part."""
    failed: dict[str, list[CheckOutcome]] = {}
    for check in record.checks:
        if check.status is Status.FAILED and not check.extra:
            failed.setdefault(check.part, []).append(check)
    return failed


def costs(checked: CheckedFinding) -> bool:
    """Whether it is of the student's code, at the assigned sizes."""
    return checked.attribution is Attribution.STUDENT and not checked.beyond


def _of_part(record: Record, part: str, checks: list[CheckOutcome]) -> Cause | None:
    ids = {check.id for check in checks}
    examples = [each for each in record.counterexamples if each.check in ids]
    findings = [each for each in record.findings if costs(each) and each.part == part]
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
    helped = next((each for each in examples if each.kind is ProblemKind.HOST_HELPS), None)
    if helped is not None:
        check = next(each for each in checks if each.id == helped.check)
        return Cause(
            key=ProblemKind.HOST_HELPS.value,
            part=part,
            sentence=_as_sentence(check),
            step=check.hint,
            example=helped,
        )
    numbers = wrong_numbers(launch, examples[0]) if launch is not None and examples else None
    if numbers is not None:
        return Cause(
            key=LAUNCH_NUMBERS,
            part=part,
            sentence=numbers.sentence,
            step=NUMBERS_STEP,
            line=numbers.line,
            example=examples[0],
        )
    for kind in EXPLAINS_ALL:
        for each in findings:
            if each.finding.kind is kind and not (known and kind in _ENDS_THE_LAUNCH):
                cause = _of_finding(part, each, _line_of_launch(kind, launch))
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
            # What a given kernel has is not what is wrong.
            line=blamed.line if blamed is not None else known.mistake_line,
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
    return _of_usage(part, checks) or _of_problem(part, checks, examples)


def _of_usage(part: str, checks: Sequence[CheckOutcome]) -> Cause | None:
    """That a kernel costs more than is asked for, where nothing else is wrong."""
    data = checks[0].data
    if any(check.reason is not Reason.OVER_LIMIT for check in checks) or "limit" not in data:
        return None
    line = data.get("line")
    return Cause(
        key=f"{OVER_LIMIT}-{data['limit']}",
        part=part,
        sentence=_as_sentence(checks[0]),
        step=USAGE_STEPS[UsageLimit(str(data["limit"]))],
        line=line if isinstance(line, int) else None,
    )


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
        return Cause(
            key=kind.value,
            part=part,
            sentence=NO_OUTPUT_SAID.format(said=said),
            step=example.advice or MEND_FIRST,
            line=example.line,
            column=example.column,
            example=example,
        )
    sentence, step = _as_sentence(checks[0]), PROBLEM_STEPS.get(kind, checks[0].hint)
    return Cause(key=kind.value, part=part, sentence=sentence, step=step, example=example)


def _line_of_launch(kind: FindingKind, launch: LaunchPlace | None) -> int | None:
    """The line of the launch, where a finding is its doing; None where it is the kernel's."""
    if launch is None:
        return None
    refused = kind is FindingKind.BAD_LAUNCH
    return launch.line if refused or launch.given_kernel else None


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


def joined(known: Sequence[Cause]) -> list[tuple[Cause, tuple[str, ...]]]:
    """Causes with the parts that they are of: the same mistake in several is one."""
    found: dict[tuple[object, ...], tuple[Cause, list[str]]] = {}
    for each in known:
        # Where a finding or a message is the cause, it has a place of its own.
        own = id(each) if each.finding is not None or each.diagnostic is not None else None
        key = (each.key, each.sentence, own)
        found.setdefault(key, (each, []))[1].append(each.part)
    return [(first, tuple(parts)) for first, parts in found.values()]


def telling(record: Record, known: Sequence[Cause]) -> tuple[Counterexample, ...]:
    """The cases that are worth showing, that of a cause first, and extra credit's last.

    Where a finding, the compiler's message or what a run said is the cause, numbers that are right
    say nothing, and missing ones neither.
    """
    by_finding = {
        each.part
        for each in known
        if each.finding is not None or each.key == ProblemKind.NO_OUTPUT.value
    }
    compiler = any(each.diagnostic is not None for each in known)
    shown = [
        each.example
        for each in known
        if each.example is not None and each.key != ProblemKind.NO_OUTPUT.value
    ]
    for example in record.counterexamples:
        silent = not example.answered or not example.mismatch_count
        told = silent and (example.part in by_finding or compiler)
        if not told and not any(each is example for each in shown):
            shown.append(example)
    extra = {check.id for check in record.checks if check.extra}
    return tuple(sorted(shown, key=lambda each: each.check in extra))
