"""What is said of a quiz: of its answers, and in the file that they stand in."""

from __future__ import annotations

from grader.record import AnswerFault
from grader.wording.cases import Data

_WRONG: dict[AnswerFault, str] = {
    AnswerFault.NOT_A_NUMBER: "the answer is a number, without quotes, and not {given}",
    AnswerFault.NOT_A_KERNEL: "the answer is the name of one of the kernels, and not {given}",
    AnswerFault.NOT_LINES: "the answer is a list of line numbers, such as [7, 9], and not {given}",
    AnswerFault.NOT_OPTIONS: "the answer is a list of the words that the question has, and not "
    "{given}",
    AnswerFault.OTHER: "{given} is not what the device counts",
    AnswerFault.OTHERS: "{given}: some of it is wrong, or something is missing",
}
FIRST_ANSWER = (
    "Answer the questions in the file, then hand it in again. grade profile shows what each line "
    "of the kernels costs."
)


def no_answer(data: Data) -> str:
    """That a question is not answered, and which other name in the file may be meant."""
    if "name" not in data:
        return "it is not answered"
    return f"it is not answered; line {data['line']} answers {data['name']}, which is not asked"


def hint(title: str, text: str) -> str:
    """What to think about, and of which question."""
    return f"{title}: {text}"


def wrong_answer(data: Data) -> str:
    """What is wrong with an answer; never what would be right."""
    return _WRONG[AnswerFault(str(data["why"]))].format(given=data["given"])


def answers_right(right: int, of: int) -> str:
    """How many answers are right."""
    if right == of:
        return f"All {of} answers are right."
    return f"{right} of {of} answers {'is' if right == 1 else 'are'} right."
