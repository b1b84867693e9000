"""How the kernels of a right answer use the GPU: in its record, and in what is shown of it."""

from __future__ import annotations

import pytest

import grader
from benchmarks.labels import sample_file
from grader.audience import for_audience
from grader.grading.equal import record_of_equal_program
from grader.grading.explain.profiles import reference_profiles
from grader.intake import submission_from_bytes
from grader.puzzles import NAMES
from grader.record import Record, decode, encode

RUBRIC = """
puzzle = "axis_sum"
[checks.robust]
visibility = "hidden"
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Of a right answer whose first thread does all: it needs no shared memory."""
    rubric = tmp_path_factory.mktemp("course") / "rubric.toml"
    rubric.write_text(RUBRIC)
    file = sample_file("first_thread_does_all", puzzle="axis_sum")
    return grader.grade(file, rubric=rubric, device="software")


@pytest.mark.slow
class TestARightAnswer:
    def test_its_lines_are_counted(self, record: Record) -> None:
        assert record.verdict == "pass"
        (part,) = record.profiles
        (kernel,) = part.kernels
        assert (kernel.kernel, part.sizes) == ("axis_sum", {"batch": 5, "size": 8})
        assert sum(each.instructions for each in kernel.lines) == kernel.total.instructions
        text = record.submission.text.split("\n")
        read = {text[each.line - 1].strip() for each in kernel.lines if each.line and each.sectors}
        # Five rows of eight elements, and a sum of each.
        assert read == {"total += a[batch, i]", "output[batch, 0] = total"}
        assert (kernel.total.sectors, kernel.total.wavefronts) == (45, 0)

    def test_it_stands_beside_the_reference_answer(self, record: Record) -> None:
        (part,) = record.profiles
        (reference,) = part.reference
        assert reference.total.wavefronts > 0
        page = grader.render(record, "html", audience="instructor").decode()
        assert "How your kernels use the GPU" in page
        assert f"The reference answer takes {reference.total.sectors:,} and" in page
        assert decode(encode(record)) == record

    def test_it_would_tell_of_a_hidden_check(self, record: Record) -> None:
        assert for_audience(record, "student").profiles == ()

    def test_its_lines_are_those_of_an_equal_file(self, record: Record) -> None:
        data = b"# One more line.\n" + record.submission.text.encode()
        moved = record_of_equal_program(record, submission_from_bytes("other.mojo", data))
        for old, new in zip(record.profiles, moved.profiles, strict=True):
            lines = [[each.line for each in x.kernels[0].lines] for x in (old, new)]
            assert lines[1] == [line and line + 1 for line in lines[0]]


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_answers_costs_are_known(name: str) -> None:
    """`python -m benchmarks.reference_profiles` counts them."""
    assert reference_profiles(name)
    assert all(each.kernels and not each.reference for each in reference_profiles(name))
