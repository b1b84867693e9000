"""Make the record of a run: of one that came to a verdict or broke off, and of a refused file."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from msgspec.structs import replace

from grader import __version__, caselog
from grader.errors import GraderFault, OtherPuzzle, SubmissionRefused
from grader.grading.explain import advice
from grader.grading.state import RunState
from grader.grading.verdict import headline, score
from grader.guidance import next_steps
from grader.intake.display import for_terminal, one_line
from grader.intake.launches import only_launch
from grader.intake.static_look import look
from grader.model.code import Op
from grader.model.program import ProgramCheck
from grader.record import (
    Aspect,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Fault,
    LaunchPlace,
    PartInfo,
    PlaceCounts,
    ProgramOutput,
    PuzzleInfo,
    Record,
    ShapeRun,
    StaticLook,
    Status,
    SubmissionInfo,
    Verdict,
)
from grader.toolchain.messages import meaning_of
from grader.wording.findings import misplaced_arguments
from grader.wording.verdicts import DEFECT, FAULT_HEADLINE, REPORT_DEFECT

if TYPE_CHECKING:
    from grader.grading.results import Results
    from grader.model.checks import Tally
    from grader.model.part import Part
    from grader.model.program import ProgramSeen
    from grader.model.puzzle import Puzzle
    from grader.rubric import Rubric
    from grader.toolchain.edition import Edition


DETAIL_LINES = 40
MAX_LAUNCHES = 64
_MOST_SHOWN = 40
"""Characters of an expression that are told in a sentence."""
"""Kinds of launches that the record keeps; a program can make each one different."""
MAX_PRINTED = 4000
"""Characters that the record keeps of what a run of the program printed."""


def verdict_record(state: RunState) -> Record:
    """The record of a run that came to a verdict."""
    puzzle = state.puzzle
    scored = score(puzzle, state.steps, state.request.rubric)
    results = state.steps.results
    tallies = {
        check.id: results.tally(check.id) if results else None
        for check in scored.checks
        if check.status is Status.FAILED
    }
    failed = {name: tally for name, tally in tallies.items() if tally is not None}
    told = headline(puzzle, scored, state.steps)
    examples = tuple(
        _counterexamples(puzzle, scored.checks, failed, state.submission.text, state.edition)
    )
    found: tuple[CheckedFinding, ...] = ()
    given: set[str] = set()
    if results:
        given = {name for name, part in results.parts.items() if part.kernel_unchanged}
        found = advice.findings(puzzle, results.findings.values(), given=given)
    edition = state.edition
    launched_at = tuple(_launched_at(puzzle, state.submission.text, given))
    diagnostics = advice.with_advice(
        puzzle, state.diagnostics, edition, launched_at, state.submission.text
    )
    record = _build(
        state,
        verdict=scored.verdict,
        score=scored.score,
        max_score=scored.max_score,
        extra_score=scored.extra_score,
        extra_max=scored.extra_max,
        headline=told.sentence,
        wrong=told.wrong,
        checks=scored.checks,
        counterexamples=examples,
        findings=found,
        traces=tuple(results.traces) if results else (),
        profiles=tuple(results.profiles) if results else (),
        places=_places(puzzle, results) if results else (),
        diagnostics=diagnostics,
        launched_at=launched_at,
        shapes=_shape_runs(state),
        kernels=results.kernels if results else (),
        launches=results.launches[:MAX_LAUNCHES] if results else (),
        cases=caselog.pack(results.log) if results else None,
        programs=tuple(_programs(puzzle, state.steps.program)),
    )
    unfilled = (edition.worded(puzzle.first_step),) if state.steps.nothing_filled_in else None
    return replace(record, advice=unfilled or next_steps(record))


def _counterexamples(
    puzzle: Puzzle,
    checks: Sequence[CheckOutcome],
    failed: Mapping[str, Tally],
    text: str,
    edition: Edition,
) -> Iterator[Counterexample]:
    """The simplest failing case of each check that has one."""
    for check in checks:
        tally = failed.get(check.id)
        if tally is None or tally.worst is None:
            continue
        # Imported when it is needed: most submissions of a class are right, or do not compile.
        from grader.grading.explain.counterexample import build

        together = _explained_together(check, checks, failed)
        example = build(
            puzzle,
            check.id,
            *tally.worst,
            failing=[each for seen in together for each in seen.all_failing],
            passing=[each for seen in together for each in seen.all_passing],
            source=text,
        )
        if example.error and not (example.explanation or example.finding):
            known = meaning_of([example.error], puzzle.messages, edition)
            example = replace(example, advice=known)
        yield example


def _explained_together(
    check: CheckOutcome, checks: Iterable[CheckOutcome], failed: Mapping[str, Tally]
) -> list[Tally]:
    """The tallies of a check and of those with plainer values, which one mistake must explain.

    One case, as the published example is, may be explained by many.
    """
    own = failed[check.id]
    if check.aspect is not Aspect.VALUES:
        return [own]
    others = (
        failed[each.id]
        for each in checks
        if (each.aspect, each.part, each.beyond) == (check.aspect, check.part, check.beyond)
        and each.id != check.id
        and each.id in failed
    )
    return [own, *(each for each in others if not each.fractional)]


def _launched_at(puzzle: Puzzle, text: str, given: AbstractSet[str]) -> Iterator[LaunchPlace]:
    """The launches of the ops' kernels; of other kernels the launch is the grader's."""
    for part in puzzle.parts:
        if not isinstance(part.code, Op):
            continue
        site = only_launch(text, part.given.function if part.given is not None else "")
        if site is None:
            continue
        pairs = [(each.passed, each.declared) for each in site.misplaced]
        yield LaunchPlace(
            part=puzzle.label(part),
            line=site.line,
            grid_line=site.grid_line,
            block_line=site.block_line,
            grid=site.grid if len(site.grid) <= _MOST_SHOWN else "",
            block=site.block if len(site.block) <= _MOST_SHOWN else "",
            grid_value=site.grid_value,
            block_value=site.block_value,
            task_grid=part.code.grid,
            task_block=part.code.block,
            task_grid_name=part.code.grid_constant,
            task_block_name=part.code.block_constant,
            given_kernel=part.name in given,
            misplaced_line=site.misplaced[0].line if pairs else None,
            misplaced=misplaced_arguments(site.kernel, pairs) if pairs else "",
        )


def _places(puzzle: Puzzle, results: Results) -> tuple[PlaceCounts, ...]:
    return tuple(
        PlaceCounts(
            part=puzzle.label(puzzle.part(name)),
            tried=tuple(tried.tolist()),
            wrong=tuple(wrong.tolist()),
        )
        for name, (tried, wrong) in results.telling_places()
    )


def _programs(puzzle: Puzzle, seen: ProgramSeen | None) -> Iterator[ProgramOutput]:
    """The runs of the submission's own program, check by check."""
    for check in puzzle.checks:
        if not isinstance(check, ProgramCheck) or seen is None:
            continue
        for command in check.commands:
            if (run := seen.runs.get(command)) is not None:
                yield ProgramOutput(
                    check=check.id,
                    command=one_line(command.text),
                    end=check.end_of(run),
                    said=check.said_of(run),
                    launches=run.launches,
                    seconds=run.seconds,
                    printed=command.compare(run.text),
                    text=_both_ends(run.text, MAX_PRINTED),
                )


def _both_ends(text: str, limit: int) -> str:
    """A text without its middle, where it is long: results are printed last."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters ...]\n{text[-half:]}"


def fault_record(state: RunState, error: Exception) -> Record:
    """The record of a run that broke off: no mark, and whose fault it was."""
    if isinstance(error, GraderFault):
        what, remedy = error.what, error.remedy
    else:
        what = DEFECT.format(error=error)
        remedy = REPORT_DEFECT
    detail = "".join(traceback.format_exception(error)).splitlines()[-DETAIL_LINES:]
    return _build(
        state,
        verdict=Verdict.FAULT,
        score=0,
        max_score=state.request.puzzle.max_score,
        headline=FAULT_HEADLINE,
        diagnostics=state.diagnostics,
        fault=Fault(
            kind=type(error).__name__,
            what=what,
            remedy=remedy,
            stage=state.stage_name,
            detail="\n".join(detail),
        ),
    )


def _build(state: RunState, **outcome: Any) -> Record:
    puzzle, rubric = state.request.puzzle, state.request.rubric
    return Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(
            name=state.submission.name,
            sha256=state.submission.sha256,
            size=len(state.submission.data),
            text=state.submission.text,
        ),
        puzzle=puzzle_info(puzzle, state.request.puzzle_reason, state.taken),
        toolchain=state.toolchain,
        device=state.device,
        isolation=state.isolation,
        seed=state.seed,
        rubric=rubric.info() if rubric else None,
        examples=state.request.examples,
        cases_run=state.cases_run,
        stages=tuple(state.stages),
        look=tuple(
            StaticLook(kind=str(each.kind), line=each.line, sentence=each.sentence)
            for each in look(state.submission.text)
        ),
        **outcome,
    )


def _shape_runs(state: RunState) -> tuple[ShapeRun, ...]:
    counts = state.steps.results.by_shape if state.steps.results else {}
    return tuple(
        ShapeRun(
            part=state.puzzle.label(shape.part),
            sizes=dict(shape.sizes),
            scope=shape.scope.value,
            origin=shape.origin,
            cases=counts.get(shape.number, [0, 0])[0],
            failures=counts.get(shape.number, [0, 0])[1],
        )
        for shape in state.shapes
    )


def puzzle_info(
    puzzle: Puzzle, reason: str = "", taken: Mapping[str, str] | None = None
) -> PuzzleInfo:
    """What the record says of the puzzle, why it is this one, and which kernel is which."""
    return PuzzleInfo(
        name=puzzle.name,
        title=puzzle.title,
        parts=tuple(_part_info(part) for part in puzzle.parts),
        reason=reason,
        taken=dict(taken or {}),
    )


def _part_info(part: Part) -> PartInfo:
    sizes, sizes_beyond = part.counts()
    return PartInfo(
        name=part.name,
        title=part.title,
        formula=part.formula,
        domain=part.domain,
        sizes=sizes,
        sizes_beyond=sizes_beyond,
    )


def refusal(
    source: Path | Literal["-"],
    error: SubmissionRefused,
    *,
    puzzle: Puzzle | None = None,
    rubric: Rubric | None = None,
    sha256: str = "",
) -> Record:
    """A record that says what was wrong with the file and what to hand in instead.

    Args:
        source: What was handed in.
        error: Why it is refused.
        puzzle: The puzzle that was set; None where that is not known.
        rubric: What it would have been marked with.
        sha256: Of the file, where it could be read.
    """
    what = error.what
    name = "standard input" if source == "-" else source.name
    if source != "-" and len(source.parts) > 1:
        # Students read it: where the file lies on the grading machine is not theirs to know.
        what = what.replace(one_line(str(source)), one_line(name))
    return Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(name=for_terminal(name), sha256=sha256),
        puzzle=puzzle_info(puzzle) if puzzle else _shown_by(error),
        verdict=Verdict.REFUSED,
        score=0,
        max_score=puzzle.max_score if puzzle else 0,
        headline=what,
        advice=(error.remedy,) if error.remedy else (),
        rubric=rubric.info() if rubric else None,
    )


def _shown_by(error: SubmissionRefused) -> PuzzleInfo:
    """The puzzle that a file shows itself to be of; without a name where it shows none."""
    name, title = (error.name, error.title) if isinstance(error, OtherPuzzle) else ("", "")
    return PuzzleInfo(name=name, title=title)
