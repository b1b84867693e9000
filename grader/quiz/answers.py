"""The file with answers: how it begins, and what stands in one that was handed in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from grader.errors import SubmissionRefused, UsageError
from grader.intake import Submission
from grader.intake.display import one_line
from grader.quiz import NAMES, SUFFIX, folder_of_quiz
from grader.quiz.model import Counts, MostOf, Question, Quiz, WhySlower, counts_of, find_quiz
from grader.rubric.complaints import KeyPath, kind, read_document

MAX_BYTES = 64 * 1024
_WIDTH = 88
_LIST = 8
"""Elements of a list that are shown."""


@dataclass(frozen=True, kw_only=True)
class AnswerFile:
    """What was handed in."""

    quiz: str
    answers: Mapping[str, object]
    """By the id of the question. Anything that TOML can hold."""
    lines: Mapping[KeyPath, int]

    def line(self, key: str) -> int:
        """The line of an answer; 0 where that is not known."""
        return self.lines.get(("answers", key), 0)


def read_answers(submission: Submission) -> AnswerFile:
    """Read a file with answers.

    Raises:
        SubmissionRefused: it is none, or does not say of which quiz.
    """
    name = submission.name
    if len(submission.data) > MAX_BYTES:
        raise _refused(f"{name} has more than {MAX_BYTES >> 10} KiB: these are no answers")
    try:
        document, lines = read_document(submission.text, name)
    except UsageError as error:
        raise _refused(error.what) from None
    quiz = document.get("quiz")
    if not isinstance(quiz, str) or quiz not in NAMES:
        known = " or ".join(f'"{each}"' for each in NAMES)
        found = f"quiz is {kind(quiz)}" if "quiz" in document else "there is no quiz"
        raise _refused(f"{name} does not say of which quiz it is: {found}; write quiz = {known}")
    answers = document.get("answers", {})
    if not isinstance(answers, dict):
        raise _refused(f"{name}: answers is {kind(answers)}; it is a table, [answers]")
    return AnswerFile(quiz=quiz, answers=answers, lines=lines)


def _refused(what: str) -> SubmissionRefused:
    return SubmissionRefused(
        f"{what}.", remedy="Start from the file that grade start QUIZ writes, and fill it in."
    )


def is_empty(answer: object) -> bool:
    """Whether a question is not answered."""
    return answer is None or answer == [] or (isinstance(answer, str) and not answer.strip())


def shown(answer: object) -> str:
    """An answer for people."""
    if isinstance(answer, list) and answer:
        told = ", ".join(shown(each) for each in answer[:_LIST] if not isinstance(each, list))
        return f"[{told}{', ...' if len(answer) > _LIST else ''}]"
    if isinstance(answer, str):
        return f'"{one_line(answer, limit=40)}"'
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return kind(answer).removeprefix("the number ")
    return kind(answer)


# ---- the file to start from ----


def starting_answers(name: str, kernels: str = "", file: str = "") -> str:
    """The file of a quiz, with its questions and without answers.

    Args:
        name: Of the quiz.
        kernels: What the file with the kernels is called; by default as the quiz.
        file: What it is called itself.
    """
    beside = kernels or f"{name}.mojo", file or f"{name}{SUFFIX}"
    return "\n".join(_lines(find_quiz(name), counts_of(name), *beside)) + "\n"


def kernels_of_quiz(name: str) -> str:
    """The program that the questions are about."""
    return (folder_of_quiz(name) / "kernels.mojo").read_text("utf-8")


def _lines(quiz: Quiz, counts: Counts, kernels: str, file: str) -> Iterator[str]:
    yield from _comment(f"{quiz.title}.")
    yield "#"
    yield from _comment(quiz.about)
    yield "#"
    yield from _comment(
        f"The kernels are in {kernels}. Read them and answer first; then `grade profile {kernels}` "
        f"shows what each of their lines costs. `grade submit {file}` grades this file. Lines are "
        f"those of {kernels} as it was written."
    )
    yield ""
    yield f'quiz = "{quiz.name}"'
    yield ""
    yield "[answers]"
    for number, question in enumerate(quiz.questions, start=1):
        yield ""
        yield from _question(number, question, counts)


def _question(number: int, question: Question, counts: Counts) -> Iterator[str]:
    points = f" ({question.points} points)" if question.points else ""
    yield from _comment(f"{number}. {question.ask}{points}")
    answer = question.answer
    if isinstance(answer, WhySlower):
        for option in answer.options:
            yield from _comment(f'"{option.id}": {option.text}', indent="   ")
    names = ", ".join(f'"{each}"' for each in counts)
    form = f"{answer.form[:-1]}: {names}." if isinstance(answer, MostOf) else answer.form
    yield from _comment(form)
    yield f"{question.id} = {answer.empty}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for line in textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent
    ):
        yield f"# {line}"
