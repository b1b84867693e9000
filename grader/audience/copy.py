"""The student's copy of a record: what is hidden is not in it, in any form.

What is left out is decided by where a thing comes from, never by its text: a
case stands for checks, and it is shown to who may see all of them. What mixes
the cases of all checks (shapes, launches, counts of cases, the time that they
took, the seed that they are drawn from) is left out whole. What is said in
summary (score, verdict, headline, advice) is made again from what is shown.
"""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from grader.audience.standing import Standing, standing
from grader.audience.visible import concealed, restricted
from grader.audience.words import advice, headline
from grader.marks import untouched
from grader.record import (
    Aspect,
    Audience,
    CheckedFinding,
    Counterexample,
    Diagnostic,
    Record,
    Verdict,
    Visibility,
)

_STAGES = {"package": Aspect.PACKAGES, "compile": Aspect.COMPILES}
"""What a check is about that a message of the compiler belongs to, by its stage."""


def for_audience(record: Record, audience: Audience, now: datetime | None = None) -> Record:
    """The record as somebody may see it.

    Args:
        record: A whole record, or a student's copy, which stays as it is.
        audience: An instructor sees everything.
        now: The moment, with its offset; None for a moment before every due date.

    Returns:
        For a student, a record without the static look, without the text of the rubric file,
        without hints where the rubric says so, and without anything of the hidden checks.
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
        if not record.rubric.hints:
            shown = _without_hints(shown)
    return shown


def as_seen(record: Record, audience: Audience) -> Record:
    """What a renderer makes its output of: the last guard behind whoever calls it.

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
        diagnostics=tuple(
            each for each in record.diagnostics if not _hidden_message(record, each, hidden)
        ),
        wrong="",
        fault=replace(record.fault, detail="") if record.fault is not None else None,
        seed="",
        # Only whether any ran: how many tells how the hidden ones ended.
        cases_run=min(record.cases_run, 1),
        cases=None,
        shapes=(),
        launches=(),
        kernels=(),
        stages=tuple(each for each in record.stages if each.name != "run"),
        withheld=stands.withheld,
    )
    return _said_again(record, shown, stands)


def _said_again(record: Record, shown: Record, stands: Standing) -> Record:
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
    steps = record.advice if untouched(record) else advice(shown)
    return replace(shown, headline=headline(shown), advice=steps)


def _shows(case: Counterexample | CheckedFinding, shown: frozenset[str]) -> bool:
    """Whether all that a case stands for shows; an older record does not say what that is."""
    own = {case.check} if isinstance(case, Counterexample) else set[str]()
    return bool(case.concerns) and own | set(case.concerns) <= shown


def _hidden_message(record: Record, diagnostic: Diagnostic, hidden: frozenset[str]) -> bool:
    aspect = _STAGES.get(diagnostic.stage)
    shown = {check.aspect for check in record.checks if check.id not in hidden}
    return aspect not in shown


def _without_hints(record: Record) -> Record:
    """The record with what happened, and without what to do about it."""
    refused = record.verdict in (Verdict.REFUSED, Verdict.FAULT)
    return replace(
        record,
        # What to hand in instead is no hint.
        advice=record.advice if refused else (),
        checks=tuple(replace(each, hint="") for each in record.checks),
        counterexamples=tuple(replace(each, explanation="") for each in record.counterexamples),
        findings=tuple(replace(each, explanation="") for each in record.findings),
        diagnostics=tuple(replace(each, advice="") for each in record.diagnostics),
    )
