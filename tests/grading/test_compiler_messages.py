"""What a student is told where a file does not compile: from real messages to one sentence."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.grading.explain.advice import with_advice
from grader.puzzles import find
from grader.record import Diagnostic
from grader.references import reference
from grader.toolchain import edition as editions
from grader.toolchain.packaging import parse
from grader.toolchain.slips import closest, explained, lone_bracket, wrong_everywhere

FILE = Path(__file__).with_name("compiler_messages.toml")
MESSAGES = tomllib.loads(FILE.read_text("utf-8"))["message"]


def told(row: dict) -> tuple[str, tuple[Diagnostic, ...]]:
    """The source with its slip, and the messages with what they mean."""
    text = reference(row["puzzle"], row["edition"], "right")
    assert text is not None
    assert row["old"] in text
    text = text.replace(row["old"], row["new"], 1)
    said = parse("\n".join(row["said"]), stage="package", student_file="op/answer.mojo")
    edition = editions.find(row["edition"])
    return text, with_advice(find(row["puzzle"]), said, edition, (), text)


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row['name']}, {row['edition']}")
def test_each_message_is_told_at_its_line_in_one_sentence(row: dict) -> None:
    text, (first, *_) = told(row)
    assert (first.file, first.line, first.advice) == ("answer.mojo", row["line"], row["advice"])
    # It points into the line that was changed, or where the compiler noticed.
    assert first.column is not None
    assert first.column <= len(text.split("\n")[row["line"] - 1]) + 1


MAY_BE_AN_EDITIONS = {
    *("call thread idx", "ellipsis left", "float index", "fn word", "immut write"),
    *("missing block dim", "missing comma", "misspelt method", "misspelt module"),
    *("misspelt named", "no raises", "python len", "return value", "string add", "tab"),
    "type missing",
}
"""Rows whose message may be one of a dialect: a type, a method, a call, a word of the language."""


@pytest.mark.parametrize("row", MESSAGES, ids=lambda row: f"{row['name']}, {row['edition']}")
def test_what_no_edition_takes_is_told_from_what_another_may_take(row: dict) -> None:
    text, said = told(row)
    others = [name for name in editions.names() if name != row["edition"]]
    wrong = row["name"] not in MAY_BE_AN_EDITIONS
    assert wrong_everywhere(said, text, row["puzzle"], others) is wrong


@pytest.mark.parametrize(
    ("text", "message", "certain"),
    [
        ("    acc = total + 1\n", "use of unknown declaration 'total'", True),
        ("    acc = total[i] + 1\n", "use of unknown declaration 'total'", True),
        ("    acc = sum(a)\n", "use of unknown declaration 'sum'", False),
        ("    acc = width[dtype]()\n", "use of unknown declaration 'width'", False),
        ("    acc = math.sqrt(a)\n", "use of unknown declaration 'math'", False),
        ("    constant acc = 3\n", "use of unknown declaration 'constant'", False),
        ("    acc: Tile = a\n", "use of unknown declaration 'Tile'", False),
        # Names that the language itself has changed in this way.
        ("    acc = align_of[a]() + alignof[a]()\n", "use of unknown declaration 'alignof'", False),
        ("    acc = Int(a) + int(b)\n", "use of unknown declaration 'int'", False),
        ("    if a < b\n        pass\n", "expected ':' after 'if' expression", True),
        ("    fn f() unified:\n", "expected ':' in function definition", False),
        ("    acc = f(a b)\n", "expected ')' in call argument list", False),
        ("    acc = f((a)\n", "expected ')' in call argument list", True),
    ],
)  # fmt: skip
def test_a_name_that_may_come_with_the_language_is_not_certain(
    text: str, message: str, certain: bool
) -> None:
    text = f"fn kernel(a: Int):\n{text}"
    said = parse(
        f"op/answer.mojo:2:5: error: {message}", stage="package", student_file="op/answer.mojo"
    )
    assert wrong_everywhere(said, text, "conv1d", ["25.7"]) is certain


def test_an_import_that_is_missing_is_certain_where_each_edition_needs_it() -> None:
    said = parse(
        "op/answer.mojo:2:5: error: use of unknown declaration 'LayoutTensor'",
        stage="package",
        student_file="op/answer.mojo",
    )
    text = "fn kernel():\n    var a = LayoutTensor.b\n"
    assert wrong_everywhere(said, text, "conv1d", ["25.7", "26.1"])
    assert not wrong_everywhere(said, text, "conv1d", ["25.7", "26.7"])


def test_where_the_compiler_noticed_an_unclosed_bracket_is_told_below() -> None:
    row = next(each for each in MESSAGES if each["name"] == "unclosed round")
    _, (first, *_) = told(row)
    assert first.notes[0].line == 124
    assert first.line == 117


def test_a_right_answer_has_no_lone_bracket() -> None:
    for name in ("dot_product", "conv1d", "softmax", "embedding"):
        for edition in editions.names():
            text = reference(name, edition, "right")
            assert text is None or lone_bracket(text) is None


class TestNames:
    CANDIDATES = ("local_i", "global_i", "shared_a", "shared_b", "barrier", "TPB", "block_idx")

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("locla_i", "local_i"),
            ("Barrier", "barrier"),
            ("bariier", "barrier"),
            ("block_ix", "block_idx"),
            ("TBP", "TPB"),
            ("blockidx", "block_idx"),
        ],
    )
    def test_a_slip_of_one_letter_is_understood(self, name: str, meant: str) -> None:
        assert closest(name, self.CANDIDATES) == meant

    @pytest.mark.parametrize(
        "name", ["total", "shared_c", "i", "let", "local_j", "TPX", "loop_i", "shared"]
    )
    def test_what_may_be_another_name_is_not_guessed(self, name: str) -> None:
        assert closest(name, self.CANDIDATES) == ""

    def test_two_that_are_as_near_are_not_guessed(self) -> None:
        assert closest("block_id", ("block_idx", "block_idy")) == ""

    def test_what_an_overload_does_not_take_is_no_slip(self) -> None:
        """The compiler lists every overload, each with what it does not have."""
        edition = editions.find("26.5")
        message = "unexpected keyword argument 'grid_dim'"
        error = Diagnostic(severity="error", message=message, stage="package", line=1)
        (same,) = explained((error,), "grid_dims = 1\n", "conv1d", edition)
        assert same == error


@given(st.text("()[]{}\"'#\n \tdefabc=,:"), st.integers(0, 9))
def test_any_text_is_looked_at(text: str, line: int) -> None:
    edition = editions.find("26.5")
    said = tuple(
        Diagnostic(severity="error", message=message, stage="package", line=line)
        for message in ("unexpected token in expression", "use of unknown declaration 'abd'")
    )
    assert len(explained(said, text, "conv1d", edition)) == 2
