"""What one thread did, told step by step."""

from __future__ import annotations

from msgspec.structs import replace

from grader.device import Space
from grader.record import ArrayUse, CaseTrace, CellUse, TracedStep
from grader.report.steps import SHOWN, story_of
from tests.report import records

SOURCE = """\
def k():
    var local_i = thread_idx.x
    shared[local_i] = a[local_i]
    total += shared[local_i + 1]
"""


def step(access: str, array: str, cell: int, line: int, code: str) -> TracedStep:
    text = SOURCE.split("\n")[line - 1]
    return TracedStep(
        access=access,
        space=Space.SHARED if array == "shared" else Space.GLOBAL,
        array=array,
        cell=cell,
        cells=15,
        line=line,
        column=text.index(code) + code.index("[") + 1,
    )


def trace() -> CaseTrace:
    uses = (*(CellUse(((k, 0, 0),), ()) for k in range(15)), CellUse((), ((14, 0, 0),)))
    return replace(
        records.race().traces[0],
        thread=(14, 0, 0),
        arrays=(ArrayUse(name="shared", space=Space.SHARED, cells=15, first=0, uses=uses),),
        steps=(
            step("read", "a", 14, 3, "a[local_i]"),
            step("write", "shared", 14, 3, "shared[local_i]"),
            step("read", "shared", 15, 4, "shared[local_i + 1]"),
        ),
    )


def test_the_last_step_with_its_arithmetic_and_who_wrote_the_cells() -> None:
    story = story_of(trace(), SOURCE)
    assert story is not None
    assert story.who == "Thread 14 of block 0"
    assert story.values == (("local_i", 14),)
    assert (story.last.line, story.last.verb) == (4, "reads")
    assert (story.last.code, story.last.filled) == ("shared[local_i + 1]", "shared[14 + 1]")
    assert story.last.cell == "cell 15, which is not in it"
    assert story.others == "Threads 0 to 14 wrote cells 0 to 14 of shared."
    assert [each.verb for each in story.steps] == ["reads", "writes", "reads"]


def test_without_a_source_the_cell_alone_is_told() -> None:
    story = story_of(trace(), "")
    assert story is not None
    assert (story.last.code, story.last.filled, story.values) == ("", "", ())
    assert story.last.cell == "cell 15 of shared, which is not in it"


def test_one_cell_and_one_thread_are_told_in_the_singular() -> None:
    one = replace(trace().arrays[0], uses=(CellUse(((0, 0, 0),), ()),), cells=1)
    story = story_of(replace(trace(), arrays=(one,)), SOURCE)
    assert story is not None
    assert story.others == "Thread 0 wrote cell 0 of shared."


def test_two_neighbours_are_told_as_two() -> None:
    two = replace(trace().arrays[0], uses=trace().arrays[0].uses[:2])
    story = story_of(replace(trace(), arrays=(two,)), SOURCE)
    assert story is not None
    assert story.others == "Threads 0 and 1 wrote cells 0 and 1 of shared."


def test_cells_that_other_threads_wrote_are_told_without_naming_them() -> None:
    swapped = replace(
        trace().arrays[0],
        uses=(CellUse(((1, 0, 0),), ()), CellUse((), ()), CellUse(((0, 0, 0),), ())),
    )
    story = story_of(replace(trace(), arrays=(swapped,)), SOURCE)
    assert story is not None
    assert story.others == "Written are cells 0 and 2 of shared."


def test_an_array_that_nothing_wrote_says_so() -> None:
    empty = replace(trace().arrays[0], uses=(CellUse((), ()),))
    story = story_of(replace(trace(), arrays=(empty,)), SOURCE)
    assert story is not None
    assert story.others == "No thread of the block wrote to shared."


def test_many_steps_are_cut_and_counted() -> None:
    steps = trace().steps[:1] * 30
    story = story_of(replace(trace(), steps=steps), SOURCE)
    assert story is not None
    assert (len(story.steps), story.earlier) == (SHOWN, 30 - SHOWN)


def test_nothing_is_told_where_no_thread_is_known() -> None:
    assert story_of(replace(trace(), thread=None), SOURCE) is None
    assert story_of(replace(trace(), steps=()), SOURCE) is None
