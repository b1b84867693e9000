"""A student of a class who hands in the file of another puzzle: told so, and no mark."""

from __future__ import annotations

import hashlib

from grader import __version__
from grader.batch.task import Options, Task, grade_task
from grader.grading.conditions import deciding_code
from grader.record import Verdict
from tests.book.test_identify import TOPICS, source


def test_it_is_not_accepted_and_says_why() -> None:
    text = source(TOPICS["softmax"], TOPICS["softmax"].functions[0]).encode()
    record = grade_task(
        Task(
            program="p", name="conv1d.mojo", source=text, seed="1",
            options=Options(puzzle="conv1d", edition="26.5", device="software"),
            grader_version=__version__, code_digest=deciding_code(),
        )
    )  # fmt: skip
    assert (record.verdict, record.puzzle.name) == (Verdict.REFUSED, "conv1d")
    assert record.submission.sha256 == hashlib.sha256(text).hexdigest()
