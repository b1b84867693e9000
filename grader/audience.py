"""The student's copy of a record: what is hidden is not in it, in any form.

`for_audience` makes it, and every rendering for students is one of the copy. docs/rubric.md tells
instructors what their students see.

What is left out is decided by where a thing comes from, never by its text: a case stands for
checks, and it is shown to those who may see all of them. What mixes the cases of all checks
(shapes, launches, counts of cases, the time that they took, the seed that they are drawn from) is
left out whole. What sums up (score, verdict, headline, advice) is made again from what is shown
and from how many points the rest can give, never from how the rest ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from grader.guidance import next_steps
from grader.marks import needed_points, unreachable, untouched
from grader.record import (
    Aspect,
    Audience,
    CaseTrace,
    CheckedFinding,
    CheckOutcome,
    Counterexample,
    Diagnostic,
    Earlier,
    Record,
    Status,
    Verdict,
    Visibility,
    Withheld,
)
from grader.wording.verdicts import (
    ALL_SHOWN_RIGHT,
    HURDLES,
    NOT_ALL_MADE,
    SKELETON_HEADLINE,
    check_fails,
    to_come,
    visible_points,
)

_STAGES = {
    "package": Aspect.PACKAGES,
    "compile": Aspect.COMPILES,
    "program": Aspect.PROGRAM,
}
"""What a check is about that a message of the compiler belongs to, by its stage."""


def for_audience(record: Record, audience: Audience, now: datetime | None = None) -> Record:
    """The record as somebody may see it.

    Args:
        record: A whole record, or a student's copy, which stays as it is.
        audience: An instructor sees everything.
        now: The moment, with its offset; None for a moment before every due date.

    Returns:
        For a student, a record without the static look, without the text of the rubric file,
        with as many steps of hints as the rubric says, and without anything of the hidden checks.
    """
    if audience == "instructor" or record.withheld is not None:
        return record
    hidden = concealed(record, now)
    shown = replace(record, look=())
    if hidden:
        shown = _without(shown, hidden)
    # What shows by now is no longer marked as anything else.
    checks = tuple(replace(each, visibility=Visibility.VISIBLE) for each in shown.checks)
    shown = replace(shown, checks=checks)
    if record.rubric is not None:
        shown = replace(shown, rubric=replace(record.rubric, source="", digest="", skeleton=None))
        shown = with_hints(shown, record.rubric.hint_steps)
    return shown


def as_seen(record: Record, audience: Audience) -> Record:
    """The record that a renderer shows: a guard for callers that pass a whole record.

    A caller knows the time and passes a student's copy; a whole record is reduced to what
    shows before the due date. What was not made under a rubric file is left as it is.
    """
    return for_audience(record, audience) if restricted(record) else record


def _without(record: Record, hidden: frozenset[str]) -> Record:
    """The record without some checks."""
    stands = standing(record, hidden)
    visible = frozenset(each.id for each in record.checks) - hidden
    shown = replace(
        record,
        checks=tuple(replace(each, cases=0) for each in record.checks if each.id not in hidden),
        # Without numbers: they count the cases before, and a hidden check that fails has more.
        counterexamples=tuple(
            replace(each, case=0) for each in record.counterexamples if _shows(each, visible)
        ),
        findings=tuple(replace(each, case=0) for each in record.findings if _shows(each, visible)),
        traces=tuple(replace(each, case=0) for each in record.traces if _shows(each, visible)),
        diagnostics=tuple(
            each for each in record.diagnostics if not _hidden_message(record, each, hidden)
        ),
        wrong="",
        fault=replace(record.fault, detail="") if record.fault is not None else None,
        seed="",
        # Only whether any ran: how many tells how the hidden ones ended.
        cases_run=min(record.cases_run, 1),
        cases=None,
        programs=tuple(each for each in record.programs if each.check in visible),
        shapes=(),
        places=(),
        # A part that has none is not right.
        profiles=(),
        launches=(),
        kernels=(),
        stages=tuple(each for each in record.stages if each.name not in ("run", "program")),
        before=_shown_before(record.before, visible),
        withheld=stands.withheld,
    )
    return _with_summary(record, shown, stands)


def _shown_before(before: Earlier | None, visible: frozenset[str]) -> Earlier | None:
    """The earlier run's visible checks, without causes: they may be those of other checks."""
    if before is None:
        return None
    checks = tuple(each for each in before.checks if each.id in visible)
    return replace(before, checks=checks, causes=())


def _with_summary(record: Record, shown: Record, stands: Standing) -> Record:
    """Score, verdict, headline and advice, from what is left."""
    if shown.verdict not in (Verdict.PASS, Verdict.FAIL):
        return replace(shown, score=0, extra_score=0, max_score=stands.possible, extra_max=0)
    shown = replace(
        shown,
        verdict=stands.verdict,
        score=stands.score,
        max_score=stands.possible,
        extra_score=stands.extra_score,
        extra_max=stands.extra_max,
    )
    # Of a skeleton nothing ran, so that nothing is hidden in what to do first.
    steps = record.advice if untouched(record) else next_steps(shown)
    return replace(shown, headline=headline(shown), advice=steps)


def _shows(case: Counterexample | CheckedFinding | CaseTrace, shown: frozenset[str]) -> bool:
    """Whether all checks that a case stands for show."""
    own = {case.check} if isinstance(case, Counterexample) else set[str]()
    return bool(case.concerns) and own | set(case.concerns) <= shown


def _hidden_message(record: Record, diagnostic: Diagnostic, hidden: frozenset[str]) -> bool:
    aspect = _STAGES.get(diagnostic.stage)
    shown = {check.aspect for check in record.checks if check.id not in hidden}
    return aspect not in shown


def with_hints(record: Record, steps: int) -> Record:
    """The record with so many steps of hints, 0 to `HINT_STEPS`, and nothing of the others."""
    if steps < 3:
        record = replace(
            record,
            counterexamples=tuple(replace(each, sketch="") for each in record.counterexamples),
            findings=tuple(replace(each, sketch="") for each in record.findings),
        )
    if steps < 2:
        record = replace(
            record,
            checks=tuple(replace(each, hint="") for each in record.checks),
            counterexamples=tuple(replace(each, advice="") for each in record.counterexamples),
            findings=tuple(replace(each, explanation="") for each in record.findings),
        )
    if steps < 1:
        record = replace(
            record,
            counterexamples=tuple(
                replace(each, mistake="", explanation="") for each in record.counterexamples
            ),
            diagnostics=tuple(replace(each, advice="") for each in record.diagnostics),
            before=_without_sentences(record.before),
        )
    # What to hand in instead is no hint.
    if steps < 2 and record.verdict in (Verdict.PASS, Verdict.FAIL):
        record = replace(record, advice=next_steps(record, steps) if steps else ())
    return record


def _without_sentences(before: Earlier | None) -> Earlier | None:
    if before is None:
        return None
    return replace(before, causes=tuple(each for each in before.causes if not each.sentence))


def restricted(record: Record) -> bool:
    """Whether the record was made under a rubric file, so that students get a copy of it.

    Without one there is nothing to leave out, and a student may have the record itself.
    """
    return record.rubric is not None or any(
        check.visibility is not Visibility.VISIBLE for check in record.checks
    )


def concealed(record: Record, now: datetime | None) -> frozenset[str]:
    """Ids of the checks that do not show.

    Args:
        record: A whole record.
        now: The moment, with its offset; None for a moment before every due date.
    """
    due = due_date(record)
    passed = now is not None and due is not None and now >= due
    return frozenset(
        check.id
        for check in record.checks
        if check.visibility is Visibility.HIDDEN
        or (check.visibility is Visibility.AFTER_DUE and not passed)
    )


def due_date(record: Record) -> datetime | None:
    """The due date; None where there is none or it can't be read: then nothing shows."""
    text = record.rubric.due if record.rubric is not None else ""
    try:
        due = datetime.fromisoformat(text)
    except ValueError:
        return None
    return due if due.utcoffset() is not None else None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The mark as far as the student sees it."""

    verdict: Verdict
    """Where it is not final: whether everything that shows is right."""
    score: int
    possible: int
    extra_score: int
    extra_max: int
    withheld: Withheld


def standing(record: Record, hidden: frozenset[str]) -> Standing:
    """Where the submission of a whole record stands without the hidden checks."""
    marked = record.verdict in (Verdict.PASS, Verdict.FAIL)
    away = unreachable(record.checks) if marked else frozenset()
    counted = [check for place, check in enumerate(record.checks) if place not in away]
    shown = [check for check in counted if check.id not in hidden]
    others = [check for check in counted if check.id in hidden]
    score = sum(check.points for check in shown if not check.extra)
    possible = _possible(shown)
    out_of_reach = sum(record.checks[place].max_points for place in away)
    pass_mark = record.rubric.pass_mark if record.rubric is not None else None
    needed = needed_points(pass_mark, possible + _possible(others), out_of_reach)
    passes, fails = score >= needed, score + _possible(others) < needed
    later = [check for check in others if check.visibility is Visibility.AFTER_DUE]
    due = due_date(record)
    complete = score == possible
    return Standing(
        verdict=Verdict.PASS if passes or (complete and not fails) else Verdict.FAIL,
        score=score,
        possible=possible,
        extra_score=sum(check.points for check in shown if check.extra) if complete else 0,
        extra_max=sum(check.max_points for check in shown if check.extra),
        withheld=Withheld(
            later=_possible(later),
            never=_possible(others) - _possible(later),
            extra=sum(check.max_points for check in others if check.extra),
            until=due.isoformat() if later and due is not None else "",
            final=passes or fails or not marked,
        ),
    )


def _possible(checks: list[CheckOutcome]) -> int:
    return sum(check.max_points for check in checks if not check.extra)


def headline(record: Record) -> str:
    """The verdict of a copy in one or two sentences, with what is still to come."""
    points = visible_points(record.score, record.max_score)
    later = to_come(record.verdict, record.withheld)
    return " ".join(part for part in (_first(record), points, later) if part)


def _first(record: Record) -> str:
    """How the checks that are shown ended, in a sentence."""
    if untouched(record):
        return SKELETON_HEADLINE
    failed = [c for c in record.checks if c.status is Status.FAILED and not c.extra]
    if failed:
        return HURDLES.get(failed[0].aspect) or check_fails(failed[0].title)
    return NOT_ALL_MADE if record.score < record.max_score else ALL_SHOWN_RIGHT
