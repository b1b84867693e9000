"""Which puzzle a file is of: found by its names, and never said wrongly."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.book.history import BRANCHES, history_topics
from grader.book.identify import choose, identify, refuse_another
from grader.book.shipped import Topic, read_shipped
from grader.choices import DEFAULT_EDITION
from grader.errors import OtherPuzzle, UsageError
from grader.folders import data_directory
from grader.intake import submission_from_bytes
from grader.puzzles import NAMES, find
from grader.samples import read_samples

TOPICS = read_shipped().topics
PUZZLE = (data_directory("reference_kernels") / "conv1d/26.5/right.mojo").read_text("utf-8")
TELL_NOTHING = {"only_the_launch", "python_solution"}
"""Samples that declare nothing of any puzzle."""
CLONE = Path(os.environ.get("MOJO_GPU_PUZZLES", "/nowhere"))


def source(topic: Topic, functions: Sequence[str]) -> str:
    """A file that declares what one of the topic's does, with bodies of our own."""
    lines = [f"comptime {name} = 1" for name in topic.constants]
    lines += [f"\n\ndef {name}():\n    pass" for name in functions]
    for op, struct in zip(topic.ops, topic.structs, strict=False):
        lines += [f'\n\n@extensibility.register("{op}")\nstruct {struct}:\n    pass']
    if not topic.ops:
        lines += ["\n\ndef main():\n    pass"]
    return "\n".join(lines) + "\n"


def files() -> Iterator[tuple[str, str]]:
    for name, topic in TOPICS.items():
        for functions in topic.functions:
            yield name, source(topic, functions)


FILES = list(files())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "default", [True, pytest.param(False, marks=pytest.mark.exhaustive)], ids=["default", "others"]
)
def test_every_labelled_sample_is_found_as_its_own_puzzle(name: str, default: bool) -> None:
    """And never said to be of another one."""
    for sample in read_samples(name):
        of_default = sample.edition == DEFAULT_EDITION
        if sample.entry.verdict == "refused" or of_default is not default:
            continue
        text = submission_from_bytes("x.mojo", sample.content).text
        refuse_another(text, name)
        if sample.entry.name not in TELL_NOTHING:
            assert identify(text).name == name, sample.name


def test_each_way_to_write_a_puzzle_is_found_as_that_puzzle() -> None:
    assert [identify(text).name for _, text in FILES] == [name for name, _ in FILES]


@pytest.mark.parametrize(("name", "text"), FILES)
def test_the_file_of_another_puzzle_is_named(name: str, text: str) -> None:
    if name == "conv1d":
        refuse_another(text, "conv1d")
        return
    with pytest.raises(OtherPuzzle, match=f"puzzle {TOPICS[name].number}") as raised:
        refuse_another(text, "conv1d")
    assert (raised.value.name, raised.value.title) == (name, TOPICS[name].title)
    assert "puzzle 17 (15 before July 30, 2025), 1D Convolution Op" in raised.value.what


def test_the_evidence_has_its_line() -> None:
    text = source(TOPICS["softmax"], TOPICS["softmax"].functions[0])
    line = 1 + text[: text.index("register(")].count("\n")
    with pytest.raises(OtherPuzzle, match=rf"registers the op softmax \(line {line}\)"):
        refuse_another(text, "conv1d")


@pytest.mark.parametrize(
    "text",
    [
        # Every name of the op is misspelt, or gone: the kernel still says it.
        PUZZLE.replace('"conv1d"', '"softmax"'),
        PUZZLE.replace('"conv1d"', '"conv_1d"').replace("Conv1DCustomOp", "Mine"),
        PUZZLE.replace("conv1d_kernel", "my_kernel").replace('"conv1d"', '"softmax"'),
        # Names of another puzzle beside those of this one.
        PUZZLE + source(TOPICS["map"], ["add_10"]),
        PUZZLE + source(TOPICS["softmax"], TOPICS["softmax"].functions[0]),
        # Not a whole program of another puzzle: a function that only has its name.
        "def add_10():\n    pass\n",
        "def add_10():\n    pass\n\n\ndef main():\n    pass\n",
        "def conv_1d_simple():\n    pass\n\n\ndef main():\n    pass\n",
        # It only speaks of another.
        '"""\n@register("softmax")\n"""\n',
        '# @register("softmax")\n',
        'def f():\n    print("softmax")\n',
        "def main():\n    pass\n",
        "",
        "\n",
        "((((",
    ],
)
def test_nobody_is_accused_of_what_is_not_certain(text: str) -> None:
    refuse_another(text, "conv1d")


def test_nothing_is_said_of_a_text_that_can_not_be_taken_apart() -> None:
    text = "var `x` = 1\n" + source(TOPICS["softmax"], TOPICS["softmax"].functions[0])
    refuse_another(text, "conv1d")
    assert identify(text).name == "softmax"


def test_of_a_puzzle_that_the_book_does_not_have_no_names_are_known() -> None:
    refuse_another(PUZZLE, "a_course_of_its_own")


@given(st.text(max_size=400))
def test_any_text_has_an_answer(text: str) -> None:
    assert identify(text).name in {"", *TOPICS}
    refuse_another(text, "conv1d")


class TestChoosing:
    INSTALLED = ("conv1d", "softmax")

    @pytest.mark.parametrize("name", INSTALLED)
    def test_the_file_decides(self, name: str) -> None:
        topic = TOPICS[name]
        choice = choose(source(topic, topic.functions[0]), installed=self.INSTALLED)
        assert choice.name == name
        assert f"the op {topic.ops[0]} (line " in choice.reason

    def test_a_misspelt_op_is_found_by_its_kernel(self) -> None:
        text = PUZZLE.replace('"conv1d"', '"conv_1d"')
        assert choose(text, installed=self.INSTALLED).name == "conv1d"

    @pytest.mark.parametrize("text", ["", "def main():\n    pass\n", "def add_10():\n    pass\n"])
    def test_nothing_is_guessed(self, text: str) -> None:
        with pytest.raises(UsageError) as raised:
            choose(text, installed=self.INSTALLED)
        assert "--puzzle" in raised.value.remedy
        assert "conv1d, softmax" in raised.value.remedy

    def test_an_op_without_any_of_its_code_is_not_believed(self) -> None:
        with pytest.raises(UsageError, match="does not tell"):
            choose(PUZZLE.replace('"conv1d"', '"softmax"'), installed=self.INSTALLED)

    def test_two_puzzles_in_one_file_are_not_chosen_between(self) -> None:
        text = PUZZLE + source(TOPICS["softmax"], TOPICS["softmax"].functions[0])
        with pytest.raises(UsageError, match="does not tell"):
            choose(text, installed=self.INSTALLED)

    def test_a_puzzle_that_the_grader_lacks_is_named(self) -> None:
        text = source(TOPICS["attention"], TOPICS["attention"].functions[0])
        with pytest.raises(OtherPuzzle, match=r"puzzle 19 .*Attention Op") as raised:
            choose(text, installed=self.INSTALLED)
        assert "conv1d, softmax" in raised.value.what

    def test_what_also_shows_one_that_it_has_is_not_refused(self) -> None:
        text = PUZZLE.replace('"conv1d"', '"attention"')
        with pytest.raises(UsageError):
            choose(text, installed=self.INSTALLED)


@pytest.mark.parametrize("name", NAMES)
def test_a_puzzle_of_the_book_has_its_topics_name(name: str) -> None:
    book = find(name).book
    if book:
        assert name in TOPICS
        assert f"/p{TOPICS[name].number:02}/" in book[0].task


@pytest.mark.skipif(
    not CLONE.is_dir() or shutil.which("git") is None,
    reason="MOJO_GPU_PUZZLES names no clone of the book",
)
def test_every_file_of_the_books_history_is_found_as_its_puzzle() -> None:
    """But for tests of a puzzle's op, which declare nothing of it."""
    wrong = []
    for version, name in history_topics(CLONE, BRANCHES):
        if not name or "/test/" in version.path:
            continue
        wrong += [version.path] if identify(version.text).name != name else []
        try:
            refuse_another(version.text, "conv1d")
            accused = ""
        except OtherPuzzle as error:
            accused = error.name
        wrong += [version.path] if accused != ("" if name == "conv1d" else name) else []
    assert not wrong
