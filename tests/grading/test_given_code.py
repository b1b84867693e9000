"""When a defect is the skeleton's: the given code stands as it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.labels import labels_of
from grader.book import read_book
from grader.book.digests import SHORT, array_reads, given_code, program_of
from grader.book.shipped import GivenCode, Shipped
from grader.grading.given_code import HandedOut, all_handed_out
from grader.puzzles import NAMES, find
from grader.puzzles.conv1d import PART, PUZZLE
from grader.rubric.keys import skeleton_info
from grader.samples import read_samples

FOLDER = Path(__file__).parents[2] / "reference_kernels/conv1d/26.5"
SKELETON = (FOLDER / "skeleton.mojo").read_text()
RIGHT = (FOLDER / "right.mojo").read_text()
WHOLE = (FOLDER / "whole_domain.mojo").read_text()

KERNEL = PART.given


def unchanged(text):
    return all_handed_out(find("conv1d"), ["26.5"]).kernel_unchanged(text, KERNEL)


def test_filling_the_hole_changes_nothing_given():
    assert unchanged(RIGHT)


def test_comments_and_blank_lines_change_nothing():
    assert unchanged(RIGHT.replace("    barrier()\n", "    # wait\n\n    barrier()\n"))


def test_a_repaired_kernel_is_the_students():
    assert not unchanged(WHOLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    barrier()\n", ""),
        ("comptime TPB = 15", "comptime TPB = 16"),
        ("@extensibility.register", "def other():\n    pass\n\n\n@extensibility.register"),
        ("def conv1d_kernel[", "def conv1d_kernel2["),
        (
            "        comptime if target",
            "        def inner():\n            pass\n        comptime if target",
        ),
    ],
)
def test_changed_given_code_is_the_students(old, new):
    assert old in RIGHT
    assert not unchanged(RIGHT.replace(old, new, 1))


# ---- a book of our own: what its versions give differs from our skeletons ----

EARLIER = SKELETON.replace("local_sum", "partial").replace("TPB", "WIDTH")
"""As an earlier version of a book might have it: other names, the same task."""
EARLIER_ANSWER = RIGHT.replace("local_sum", "partial").replace("TPB", "WIDTH")
TASK, ANSWER = find("conv1d").book[0].task, find("conv1d").book[0].answer


def book_that_ships(**files):
    given_in = {"task": TASK, "answer": ANSWER, "other": "problems/p20/op/conv1d.mojo"}
    return read_book(
        find("conv1d"),
        Shipped(
            until="2026-01-01",
            read={},
            topics={},
            files={given_in[key]: [program_of(text)[:SHORT]] for key, text in files.items()},
        ),
        GivenCode(
            until="2026-01-01",
            read={},
            given={
                given_in[key]: [given_code(text, "conv1d_kernel")[:SHORT]]
                for key, text in files.items()
            },
            reads=sorted(array_reads(EARLIER, "conv1d_kernel", "shared_a")),
        ),
    )


@pytest.fixture
def handed_out():
    book = book_that_ships(task=EARLIER, answer=EARLIER_ANSWER, other=EARLIER_ANSWER + "\n1\n")
    return HandedOut(skeletons=(), book=book)


def test_nothing_was_filled_in_where_a_version_of_the_book_is_handed_in(handed_out):
    assert handed_out.nothing_filled_in(EARLIER)
    assert handed_out.nothing_filled_in("# Jane Doe\n\n" + EARLIER.replace("\n", "\r\n"))


@pytest.mark.parametrize("text", [SKELETON, EARLIER_ANSWER, EARLIER_ANSWER + "\n1\n", WHOLE, ""])
def test_whatever_else_was_handed_in_is_somebodys_work(handed_out, text):
    """The book's own answer too: many right answers are word for word the same."""
    assert not handed_out.nothing_filled_in(text)


def test_the_kernel_of_a_version_of_the_book_is_the_given_one(handed_out):
    assert handed_out.kernel_unchanged(EARLIER_ANSWER, KERNEL)
    assert not handed_out.kernel_unchanged(RIGHT, KERNEL)


@pytest.mark.parametrize("text", ["", "def conv1d_kernel2():\n    pass\n", WHOLE])
def test_without_the_given_kernel_nothing_is_given(handed_out, text):
    assert not handed_out.kernel_unchanged(text, KERNEL)


# ---- a course's own skeleton ----

COURSE = SKELETON.replace("local_sum", "total").replace("shared_a", "tile")
"""What a course may hand out: its own names, the task's kernel."""
FILLED = RIGHT.replace("local_sum", "total").replace("shared_a", "tile")
SAME_KERNEL = SKELETON.replace("Conv1DCustomOp", "Homework3")


def of_course(text):
    return all_handed_out(PUZZLE, ["26.5"], skeleton_info(PUZZLE, text))


def test_a_courses_skeleton_is_known_as_given():
    handed_out = of_course(COURSE)
    assert handed_out.nothing_filled_in("# Jane Doe\n" + COURSE)
    assert not handed_out.nothing_filled_in(FILLED)
    assert handed_out.kernel_unchanged(FILLED, KERNEL)
    assert not all_handed_out(PUZZLE, ["26.5"]).nothing_filled_in(COURSE)
    assert not all_handed_out(PUZZLE, ["26.5"]).kernel_unchanged(FILLED, KERNEL)


def test_the_books_files_stay_known_beside_it():
    handed_out = of_course(COURSE)
    assert handed_out.nothing_filled_in(SKELETON)
    assert handed_out.kernel_unchanged(RIGHT, KERNEL)


def test_a_sample_of_sizes_stands_for_all_only_with_a_kernel_that_is_known():
    sizes = [size.name for size in PART.sizes]
    assert of_course(SAME_KERNEL).only_launched(
        RIGHT.replace("Conv1DCustomOp", "Homework3"), KERNEL.function, sizes
    )
    assert not of_course(COURSE).only_launched(FILLED, KERNEL.function, sizes)


@pytest.mark.parametrize("text", ["", "((((", "def main():\n    pass\n"])
def test_a_skeleton_without_the_kernel_makes_no_kernel_a_given_one(text):
    handed_out = of_course(text)
    assert not handed_out.kernel_unchanged("", KERNEL)
    assert not handed_out.kernel_unchanged("comptime TPB = 15\n", KERNEL)
    assert not handed_out.kernel_unchanged(WHOLE, KERNEL)


@pytest.mark.parametrize(
    ("old", "new", "unfilled"),
    [
        ("", "", {"process_sliding_window", "collaborative_filter"}),
        # What is compiled for each size is nothing that a student fills in.
        (
            "comptime SIZE = 4",
            "comptime SIZE = 7",
            {"process_sliding_window", "collaborative_filter"},
        ),
        ("comptime ITER = 2", "comptime ITER = 3", {"collaborative_filter"}),
        ("offset - 1\n", "offset\n", {"collaborative_filter"}),
        ("        barrier()\n\n    barrier()", "    barrier()", {"process_sliding_window"}),
    ],
)
def test_a_kernel_may_be_repaired_by_a_constant_that_it_names(old, new, unfilled):
    puzzle = find("debugging")
    skeleton = puzzle.reference("26.5", "skeleton")
    assert skeleton is not None
    assert not old or skeleton.count(old) == 1
    text = skeleton.replace(old, new) if old else skeleton
    handed_out = all_handed_out(puzzle, ["26.5"])
    assert {part.name for part in puzzle.parts if handed_out.is_unfilled(text, part)} == unfilled


@pytest.mark.parametrize(
    ("sample", "unfilled", "passed_over"),
    [
        ("first_two", {"matmul_tiled"}, {"matmul_tiled", "matmul_idiomatic_tiled"}),
        ("idiomatic_beside_the_unfilled", set(), {"matmul_tiled"}),
        ("idiomatic_in_its_place", set(), set()),
    ],
)
def test_what_stands_in_for_a_kernel_fills_its_part(sample, unfilled, passed_over):
    """A kernel that is not meant is none that another one may be taken for."""
    puzzle = find("matrix_multiplication")
    (text,) = (each.content.decode() for each in read_samples(puzzle.name) if each.name == sample)
    handed_out = all_handed_out(puzzle, ["26.5"])
    assert {part.name for part in puzzle.parts if handed_out.is_unfilled(text, part)} == unfilled
    parts = {part.name for part in puzzle.parts}
    assert handed_out.passed_over(text, puzzle.parts, parts - unfilled) == passed_over
    one = handed_out.passed_over(text, puzzle.parts, {"matmul_tiled"} - unfilled)
    assert one >= {"naive_matmul", "single_block_matmul"}


@pytest.mark.parametrize("name", [name for name in NAMES if find(name).is_program])
def test_what_a_program_prints_fills_nothing_in(name):
    puzzle = find(name)
    for label in labels_of("26.5", puzzle=name):
        handed_out = all_handed_out(puzzle, ["26.5"])
        unfilled = {part.name for part in puzzle.parts
                    if handed_out.is_unfilled(label.sample.content.decode(), part)}  # fmt: skip
        if label.sample.name == "unfilled_with_another_main":
            assert not handed_out.nothing_filled_in(label.sample.content.decode())
            assert unfilled == {part.name for part in puzzle.parts}
        elif label.sample.name == "right":
            assert not unfilled


def test_a_courses_own_program_is_unfilled_whatever_its_main_says():
    puzzle = find("map")
    skeleton = puzzle.reference("26.5", "skeleton")
    assert skeleton is not None
    own = skeleton.replace("var i = thread_idx.x", "var mine = thread_idx.x")
    other_main = own.replace("with DeviceContext", "print()\n    with DeviceContext")
    assert other_main != own != skeleton
    (part,) = puzzle.parts
    assert all_handed_out(puzzle, ["26.5"], skeleton_info(puzzle, own)).is_unfilled(
        other_main, part
    )
    assert not all_handed_out(puzzle, ["26.5"]).is_unfilled(other_main, part)
