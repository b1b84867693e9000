"""Grade answers: a record like that of any submission, and nothing is run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final

from msgspec.structs import replace

from grader import __version__
from grader.guidance import next_steps
from grader.intake import Submission
from grader.intake.display import one_line
from grader.quiz.answers import AnswerFile, is_empty, read_answers, shown
from grader.quiz.model import Counts, Question, Quiz, counts_of, find_quiz
from grader.record import (
    Aspect,
    CheckOutcome,
    PuzzleInfo,
    Reason,
    Record,
    Stage,
    StageOutcome,
    Status,
    SubmissionInfo,
    Verdict,
)
from grader.wording.checks import reason_sentence
from grader.wording.quiz import FIRST_ANSWER, answers_right, hint
from grader.wording.verdicts import SKELETON_HEADLINE

_MOST: Final = 64
"""Answers to what is not asked that are looked at."""


def grade_answers(submission: Submission) -> Record:
    """The record of a file with answers.

    Raises:
        SubmissionRefused: it is none.
    """
    began = time.perf_counter()
    given = read_answers(submission)
    quiz, counts = find_quiz(given.quiz), counts_of(given.quiz)
    checks = tuple(_outcomes(quiz, given, counts))
    score, most = sum(each.points for each in checks), sum(each.max_points for each in checks)
    decided = [each for each in checks if each.max_points]
    right = sum(each.status is Status.PASSED for each in decided)
    empty = all(each.reason is Reason.NOTHING_FILLED_IN for each in checks)
    told = SKELETON_HEADLINE if empty else answers_right(right, len(decided))
    record = Record(
        grader_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        submission=SubmissionInfo(
            name=submission.name,
            sha256=submission.sha256,
            size=len(submission.data),
            text=submission.text,
        ),
        puzzle=PuzzleInfo(name=given.quiz, title=quiz.title),
        verdict=Verdict.PASS if score == most else Verdict.FAIL,
        score=score,
        max_score=most,
        headline=told,
        wrong="" if score == most or empty else told,
        checks=checks,
        stages=(
            Stage(name="read", outcome=StageOutcome.DONE, seconds=time.perf_counter() - began),
        ),
    )
    return replace(record, advice=(FIRST_ANSWER,) if empty else next_steps(record))


def _outcomes(quiz: Quiz, given: AnswerFile, counts: Counts) -> Iterator[CheckOutcome]:
    answers = {each.id: given.answers.get(each.id) for each in quiz.questions}
    nothing = all(map(is_empty, answers.values()))
    for question in quiz.questions:
        answer = answers[question.id]
        if nothing:
            yield _outcome(question, Status.NOT_CHECKED, Reason.NOTHING_FILLED_IN)
        elif question.seen is None:
            yield _outcome(question, Status.NOT_CHECKED, Reason.UNKNOWN, said=question.unseen)
        elif is_empty(answer):
            meant = _misspelt(question, quiz, given)
            yield _outcome(question, Status.FAILED, Reason.NO_ANSWER, **meant)
        elif (wrong := question.seen.wrong(answer, counts)) is not None:
            yield _outcome(
                question, Status.FAILED, Reason.WRONG_ANSWER, why=wrong.value, given=shown(answer)
            )
        else:
            yield _outcome(question, Status.PASSED, None)


def _outcome(
    question: Question, status: Status, reason: Reason | None, **data: int | str
) -> CheckOutcome:
    return CheckOutcome(
        id=question.id,
        title=question.title,
        aspect=Aspect.ANSWER,
        status=status,
        points=question.points if status is Status.PASSED else 0,
        max_points=question.points,
        reason=reason,
        data=data,
        sentence=reason_sentence(reason, data),
        hint=hint(question.title, question.hint) if status is Status.FAILED else "",
    )


def _misspelt(question: Question, quiz: Quiz, given: AnswerFile) -> dict[str, int | str]:
    """An answer to what is not asked, whose name is nearest to that of a question."""
    known = {each.id for each in quiz.questions}
    others = [each for each in given.answers if each not in known and given.line(each)]
    near = get_close_matches(question.id, others[:_MOST], n=1)
    return {"name": one_line(near[0], limit=60), "line": given.line(near[0])} if near else {}
