"""What puzzles say in the second and in the third step: no answers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from grader.folders import data_directory
from grader.model.part import Mistake, sketched
from grader.puzzles import NAMES, find
from grader.puzzles.shapes import HALO, OWN_ELEMENT, WINDOW


def mistakes_of(name: str) -> list[Mistake]:
    """All that a puzzle knows."""
    return [mistake for part in find(name).parts for mistake in part.mistakes]


class TestSketchesOfMistakes:
    """The shape of an answer, for mistakes that puzzles know."""

    def test_each_fits_a_terminal_and_is_no_answer(self) -> None:
        for name in NAMES:
            found = {each.sketch for each in mistakes_of(name)} - {"", OWN_ELEMENT}
            assert found, name
            for sketch in found:
                assert all(len(line) <= 76 for line in sketch.splitlines())
                assert "..." in sketch or "\n" not in sketch

    def test_most_mistakes_have_one(self) -> None:
        """Not those whose answer has no shape: another operation, another input."""
        for name in NAMES:
            own = [bool(each.sketch) for each in mistakes_of(name)]
            assert sum(own) >= len(own) / 2, name

    def test_puzzles_with_the_same_shape_share_it(self) -> None:
        of_op, of_program = (
            {each.sketch for each in mistakes_of(n)} for n in ("conv1d", "convolution_1d")
        )
        assert {WINDOW, HALO} <= of_op & of_program

    def test_a_sketch_for_a_mistake_that_is_not_there_is_an_error(self) -> None:
        mistake = Mistake(name="one", explanation="", advice="", answer=lambda inputs, sizes: None)
        assert sketched({"x = ...": ["one"]}, mistake)[0].sketch == "x = ..."
        with pytest.raises(ValueError, match="two"):
            sketched({"x = ...": ["two"]}, mistake)


def second_hints(name: str) -> Iterator[str]:
    """What a puzzle says in the second step: what to think about."""
    puzzle = find(name)
    yield puzzle.first_step
    yield from (item.check.next_step for item in puzzle.rubric)
    yield from (mistake.advice for mistake in mistakes_of(name))


TOKEN = re.compile(r"\w+|[^\w\s]")
LENGTH = 5
"""Tokens that are code: an element of a matrix, a product of two, a comparison and its operands."""
CODE = re.compile(r"[\w\])] (<|>|[<>=!]=|[-+*/]?=) [\w(]")
"""A comparison or an assignment, with spaces around it as in code."""


def runs(text: str) -> set[tuple[str, ...]]:
    tokens = TOKEN.findall(text)
    return {tuple(tokens[at : at + LENGTH]) for at in range(len(tokens) - LENGTH + 1)}


def code_of(name: str, which: str) -> set[tuple[str, ...]]:
    """Token runs of a puzzle's reference kernels, without comments."""
    folder = data_directory("reference_kernels") / name
    return {
        run
        for file in folder.glob(f"*/{which}*.mojo")
        for run in runs("\n".join(line.partition("#")[0] for line in file.read_text().splitlines()))
    }


class TestSecondHints:
    """A second hint says what to think about; the shape of the answer is the third."""

    @pytest.mark.parametrize("name", NAMES)
    def test_none_has_code_of_the_answer(self, name: str) -> None:
        answer = code_of(name, "right") - code_of(name, "skeleton")
        assert answer
        assert not [hint for hint in second_hints(name) if runs(hint) & answer]

    @pytest.mark.parametrize("name", NAMES)
    def test_none_compares_or_assigns(self, name: str) -> None:
        assert not [hint for hint in second_hints(name) if CODE.search(hint)]

    def test_code_is_seen(self) -> None:
        answer = code_of("zip", "right") - code_of("zip", "skeleton")
        assert runs("Write output[i] = a[i] + b[i].") & answer
        for told in ("the guard is i < size", "if i >= 0", "x = 1", "total += 1"):
            assert CODE.search(told)
