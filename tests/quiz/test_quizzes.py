"""Quizzes: what is right follows from what the device counts, and any file has an answer."""

from __future__ import annotations

import contextlib
import tomllib
from fractions import Fraction
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import grader
from benchmarks.quiz_counts import counted
from grader.audience import for_audience
from grader.cli.root import root
from grader.errors import SubmissionRefused, UsageError
from grader.intake import submission_from_bytes
from grader.quiz import NAMES
from grader.quiz.answers import read_answers, starting_answers
from grader.quiz.grading import grade_answers
from grader.quiz.model import MostOf, Question, WhichLines, WhySlower, counts_of, find_quiz
from grader.record import AnswerFault, Reason, Record, Status, Verdict, decode, encode
from grader.report import FORMATS
from grader.wording.quiz import wrong_answer

QUESTIONS = [
    pytest.param(name, question, id=f"{name}-{question.id}")
    for name in NAMES
    for question in find_quiz(name).questions
]


def written(value: object) -> str:
    """A value as TOML has it."""
    if isinstance(value, Fraction):
        return str(float(value))
    if isinstance(value, set):
        return str(sorted(value)).replace("'", '"')
    return f'"{value}"'


def right_answers(name: str) -> dict[str, str]:
    """As TOML has them."""
    counts = counts_of(name)
    return {
        question.id: written(question.seen.expected(counts))
        for question in find_quiz(name).questions
        if question.seen is not None
    }


def graded(name: str, answers: dict[str, str]) -> Record:
    lines = [f'quiz = "{name}"', "[answers]", *(f"{key} = {it}" for key, it in answers.items())]
    return grade_answers(submission_from_bytes(f"{name}.toml", "\n".join(lines).encode()))


def outcome(record: Record, question: str) -> tuple[Status, Reason | None]:
    (found,) = (each for each in record.checks if each.id == question)
    return found.status, found.reason


class TestEachQuiz:
    @pytest.mark.parametrize("name", NAMES)
    def test_has_a_hundred_points_and_no_question_twice(self, name: str) -> None:
        questions = find_quiz(name).questions
        assert sum(each.points for each in questions) == 100
        assert len({each.id for each in questions}) == len(questions)
        assert {each.points > 0 for each in questions if each.seen} == {True}
        assert {each.points for each in questions if not each.seen} == {0}

    @pytest.mark.parametrize(("name", "question"), QUESTIONS)
    def test_what_is_right_is_one_thing(self, name: str, question: Question) -> None:
        """No two kernels share a first place, and a list has something in it and leaves some."""
        counts, seen = counts_of(name), question.seen
        if isinstance(seen, MostOf):
            numbers = [each.count(seen.counter, seen.per) for each in counts.values()]
            assert numbers.count(max(numbers)) == 1
        if isinstance(seen, WhichLines):
            assert seen.expected(counts)
        if isinstance(seen, WhySlower):
            assert 0 < len(seen.expected(counts)) < len(seen.options)

    @pytest.mark.parametrize("name", NAMES)
    def test_is_passed_by_the_right_answers_alone(self, name: str) -> None:
        right = right_answers(name)
        record = graded(name, right)
        assert (record.verdict, record.score, record.max_score) == (Verdict.PASS, 100, 100)
        for question in right:
            one_less = graded(name, {key: it for key, it in right.items() if key != question})
            assert one_less.verdict is Verdict.FAIL
            assert outcome(one_less, question) == (Status.FAILED, Reason.NO_ANSWER)

    @pytest.mark.parametrize("name", NAMES)
    def test_begins_with_a_file_in_which_nothing_is_answered(self, name: str) -> None:
        text = starting_answers(name)
        assert all(len(line) <= 90 for line in text.splitlines())
        assert tomllib.loads(text)["quiz"] == name
        record = grade_answers(submission_from_bytes("x.toml", text.encode()))
        assert {each.reason for each in record.checks} == {Reason.NOTHING_FILLED_IN}
        assert record.verdict is Verdict.FAIL
        asked = [each.id for each in find_quiz(name).questions]
        assert list(tomllib.loads(text)["answers"]) == asked

    @pytest.mark.slow
    @pytest.mark.parametrize("name", NAMES)
    def test_is_graded_by_what_the_device_counts_now(self, name: str) -> None:
        assert {each.name: each for each in counted(name)} == counts_of(name)


def test_what_only_a_gpu_shows_is_not_checked_and_says_why() -> None:
    for name in NAMES:
        for question in find_quiz(name).questions:
            if question.seen is None:
                record = graded(name, {**right_answers(name), question.id: '"long"'})
                (found,) = (each for each in record.checks if each.id == question.id)
                assert (found.status, found.reason) == (Status.NOT_CHECKED, Reason.UNKNOWN)
                assert "device" in found.sentence
                assert record.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("question", "answer", "fault"),
    [
        ("most_requests", '"backwards"', AnswerFault.OTHER),
        ("most_requests", '"backward"', AnswerFault.NOT_A_KERNEL),
        ("most_requests", "3", AnswerFault.NOT_A_KERNEL),
        ("requests_of_a_warp", "767", AnswerFault.OTHER),
        ("requests_of_a_warp", "768.001", AnswerFault.OTHER),
        ("requests_of_a_warp", "nan", AnswerFault.NOT_A_NUMBER),
        ("requests_of_a_warp", '"768"', AnswerFault.NOT_A_NUMBER),
        ("requests_of_a_warp", "true", AnswerFault.NOT_A_NUMBER),
        ("times_the_requests", "8", AnswerFault.OTHER),
        ("lines_by_columns", "[37, 38]", AnswerFault.OTHERS),
        ("lines_by_columns", "[37, 38, 39, 40]", AnswerFault.OTHERS),
        ("lines_by_columns", '["37"]', AnswerFault.NOT_LINES),
        ("lines_by_columns", "{ a = 1 }", AnswerFault.NOT_LINES),
        ("why_walking", '["requests", "divergence"]', AnswerFault.OTHERS),
        ("why_walking", '["slow"]', AnswerFault.NOT_OPTIONS),
        ("why_walking", "[[]]", AnswerFault.NOT_OPTIONS),
    ],
)
def test_a_wrong_answer_is_told_and_never_what_is_right(
    question: str, answer: str, fault: AnswerFault
) -> None:
    right = right_answers("p30")
    record = graded("p30", {**right, question: answer})
    (failed,) = (each for each in record.checks if each.status is Status.FAILED)
    assert (failed.id, failed.reason, failed.data["why"]) == (
        question, Reason.WRONG_ANSWER, fault.value,
    )  # fmt: skip
    assert failed.sentence == wrong_answer(failed.data)
    assert right[question].strip('"') not in failed.sentence.replace(answer.strip('"'), "")
    assert record.score == 100 - failed.max_points
    assert record.headline == "7 of 8 answers are right."


@pytest.mark.parametrize("answer", ["walking", " walking ", "8.5", "8.49", "8.51"])
def test_answers_in_other_words_are_right(answer: str) -> None:
    question = "times_the_requests" if answer[0] == "8" else "most_requests"
    told = answer if answer[0] == "8" else f'"{answer}"'
    assert outcome(graded("p30", {question: told}), question) == (Status.PASSED, None)


def test_a_misspelt_question_is_named_where_it_is_missing() -> None:
    record = graded("p30", {"most_request": '"walking"', "sectors_backwards": "4"})
    (found,) = (each for each in record.checks if each.id == "most_requests")
    assert found.sentence == "it is not answered; line 3 answers most_request, which is not asked"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("quiz = ", "line 1"),
        ("[answers]\n", "there is no quiz; write quiz ="),
        ('quiz = "p3"', 'quiz is the text "p3"'),
        ("quiz = 30", "quiz is the number 30"),
        ('quiz = "p30"\nanswers = 3', "answers is the number 3"),
        ('quiz = "p30"\n[answers]\na = ' + "[" * 5000, "nested too deeply"),
        ('quiz = "p30"\n[answers]\na = ' + "9" * 5000, "line"),
        ('quiz = "p30"\n#' + "x" * 70_000, "more than 64 KiB"),
        ("def main():\n    pass\n", "line 1"),
    ],
)
def test_what_is_no_file_of_answers_is_refused(text: str, told: str) -> None:
    with pytest.raises(SubmissionRefused) as refused:
        read_answers(submission_from_bytes("a.toml", text.encode()))
    assert told in refused.value.what
    assert "grade start" in refused.value.remedy


VALUES = st.recursive(
    st.one_of(
        st.booleans().map(lambda it: str(it).lower()),
        st.integers(-(2**70), 2**70).map(str),
        st.floats().map(lambda it: repr(it).replace("e+", "e")),
        st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=12).map(
            lambda it: f'"{it}"'
        ),
        st.sampled_from(['"walking"', "2026-11-27", "07:32:00", "37", "768", '"<b>&"']),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
        inner.map(lambda it: f"{{ a = {it} }}"),
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([each.id for each in find_quiz("p30").questions]), VALUES))
def test_any_answers_have_a_record(answers: dict[str, str]) -> None:
    record = graded("p30", answers)
    assert record.verdict in (Verdict.PASS, Verdict.FAIL)
    assert 0 <= record.score <= record.max_score == 100
    assert decode(encode(record)) == record
    assert all(each.sentence or each.status is Status.PASSED for each in record.checks)


@given(st.binary(max_size=200))
def test_any_bytes_are_graded_or_refused(data: bytes) -> None:
    for whole in (data, b'quiz = "p30"\n[answers]\n' + data):
        with contextlib.suppress(SubmissionRefused):
            grade_answers(submission_from_bytes("a.toml", whole))


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_made_of_it(name: str) -> None:
    record = graded("p30", {"most_requests": '"<script>"', "sectors_backwards": "4"})
    assert grader.render(for_audience(record, "student"), name)


class TestOnTheCommandLine:
    def test_from_the_first_file_to_the_last(self, tmp_path: Path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        started = CliRunner().invoke(root, ["start", "p32"])
        assert started.exit_code == 0, started.output
        assert "grade profile p32.mojo" in started.output
        again = CliRunner().invoke(root, ["start", "p32"])
        assert isinstance(again.exception, UsageError)
        text = (tmp_path / "p32.toml").read_text()
        for key, it in right_answers("p32").items():
            for empty in ('""', "[]"):
                text = text.replace(f"\n{key} = {empty}\n", f"\n{key} = {it}\n")
        (tmp_path / "p32.toml").write_text(text)
        handed_in = CliRunner().invoke(root, ["submit", "p32.toml"])
        assert handed_in.exit_code == 0, handed_in.output
        assert "Passed  100 / 100" in handed_in.output
        assert (tmp_path / "grade-out" / "p32" / "report.html").exists()
        assert grader.grade("p32.toml").score == 100

    def test_no_puzzle_goes_with_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.toml").write_text('quiz = "p30"\n')
        out = ["--out", str(tmp_path)]
        refused = CliRunner().invoke(
            root, ["submit", str(tmp_path / "a.toml"), "--puzzle", "pooling", *out]
        )
        assert isinstance(refused.exception, UsageError)
        assert "answers to a quiz" in refused.exception.what

    def test_it_is_not_watched(self) -> None:
        watched = CliRunner().invoke(root, ["watch", "p30.toml"])
        assert isinstance(watched.exception, UsageError)
        assert "grade submit p30.toml" in watched.exception.remedy
