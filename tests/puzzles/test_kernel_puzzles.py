"""The definitions of all puzzles whose kernels are launched, without compiling anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import sha256

import numpy as np
import pytest

from grader.grading.inputs import drawn
from grader.intake.program import constant_words, functions
from grader.model.code import Kernels
from grader.model.domains import Sizes, Values
from grader.model.expected import ExpectedOutput
from grader.model.part import Arrays, Mistake, Part
from grader.puzzles import NAMES, find
from grader.samples import read_samples
from grader.toolchain import edition as editions

PUZZLES = [puzzle for puzzle in map(find, NAMES) if puzzle.is_program]
PARTS = [
    pytest.param(part, id=f"{puzzle.name}-{part.name}")
    for puzzle in PUZZLES
    for part in puzzle.parts
]
MISTAKES = [
    pytest.param(part, mistake, id=f"{puzzle.name}-{part.name}-{mistake.name}")
    for puzzle in PUZZLES
    for part in puzzle.parts
    for mistake in part.mistakes
]
KINDS = (Values.INTEGERS, Values.REALS, Values.SPECIAL)
BY_NAME = pytest.mark.parametrize("puzzle", PUZZLES, ids=[puzzle.name for puzzle in PUZZLES])


def cases(part: Part, *, seeds: int = 2) -> Iterator[tuple[Sizes, Values, Arrays]]:
    """The example, and drawn inputs at all sizes that are always tried."""
    if part.example is not None:
        yield part.example.sizes, Values.EXAMPLE, part.example.inputs
    for sizes in part.boundaries:
        for seed in range(seeds):
            for values in KINDS:
                random = np.random.default_rng([seed, *sizes.values()])
                yield sizes, values, drawn(part, sizes, values, random)


def accepts(right: ExpectedOutput, values: Values, answer: np.ndarray) -> bool:
    """Whether an answer is a right one: as `grader.grading.observe` decides it."""
    with np.errstate(invalid="ignore", over="ignore"):
        got, value = answer.astype(np.float64), right.value.astype(np.float64)
        whole = values in (Values.INTEGERS, Values.EXAMPLE)
        close = np.abs(got - value) <= np.where(right.exact & whole, 0.0, right.allowed)
    same = (got == value) | (np.isnan(got) & np.isnan(value))
    return bool((close | same | ~right.decided | (right.may_be_nan & np.isnan(got))).all())


def refused_in_float16(part: Part, sizes: Sizes, way: Callable[[Arrays], np.ndarray]) -> int:
    """How often a right way is refused once its answer is rounded to float16, of 20 cases.

    As it is, it has to be accepted in each of them.
    """
    refused = 0
    for seed in range(20):
        random = np.random.default_rng([seed, *sizes.values()])
        values = (Values.INTEGERS, Values.REALS)[seed % 2]
        inputs = drawn(part, sizes, values, random)
        (right,) = part.expected(inputs, sizes).values()
        got = way(inputs)
        assert accepts(right, values, got), (sizes, values)
        with np.errstate(over="ignore"):
            short = got.astype(np.float16).astype(np.float32)
        refused += not accepts(right, values, short)
    return refused


def add_10(inputs: Arrays) -> np.ndarray:
    return each(lambda place: inputs["a"][place] + np.float32(10), inputs["a"].shape)


def add(inputs: Arrays) -> np.ndarray:
    return each(lambda place: inputs["a"][place] + inputs["b"][place], inputs["a"].shape)


def broadcast_add(inputs: Arrays) -> np.ndarray:
    a, b = inputs["a"], inputs["b"]
    return each(lambda place: a[0, place[1]] + b[place[0], 0], (b.size, a.size))


def each(element: Callable[[tuple[int, ...]], np.float32], shape: tuple[int, ...]) -> np.ndarray:
    """An array, element by element in float32, as a kernel computes it."""
    with np.errstate(invalid="ignore", over="ignore"):
        flat = [element(place) for place in np.ndindex(*shape)]
    return np.array(flat, np.float32).reshape(shape)


LOOPS = {
    "map": add_10,
    "zip": add,
    "guards": add_10,
    "map_2d": add_10,
    "broadcast": broadcast_add,
    "blocks": add_10,
    "blocks_2d": add_10,
    "shared_memory": add_10,
}


@pytest.mark.parametrize("name", LOOPS)
def test_the_reference_accepts_what_a_plain_loop_gives(name: str) -> None:
    part = find(name).part("")
    for sizes, values, inputs in cases(part):
        right = part.expected(inputs, sizes)["output"]
        assert accepts(right, values, LOOPS[name](inputs)), (sizes, values)
        assert right.decided.all()


@pytest.mark.parametrize(("part", "mistake"), MISTAKES)
def test_a_mistake_is_no_right_answer(part: Part, mistake: Mistake) -> None:
    """Wherever its numbers are whole and small, and it says that it applies."""
    told = []
    for sizes, values, inputs in cases(part, seeds=2):
        with np.errstate(all="ignore"):
            given = mistake.outputs(inputs, sizes, first=part.outputs[0].name)
        if given is None:
            continue
        expected = part.expected(inputs, sizes)
        assert all(each.size == expected[name].value.size for name, each in given.items())
        told.append(
            not all(
                accepts(expected[name], values, each.reshape(expected[name].value.shape))
                for name, each in given.items()
            )
        )
    assert any(told)
    assert mistake.explanation.endswith(".")
    assert mistake.advice


def _digest(array: np.ndarray) -> str:
    return sha256(array.astype(np.float64).tobytes()).hexdigest()


@pytest.mark.parametrize("part", PARTS)
def test_mistakes_are_told_apart(part: Part) -> None:
    """Each gives outputs of its own in some case, so that the first that fits explains it."""
    assert len(part.mistakes) >= 6
    assert len({mistake.name for mistake in part.mistakes}) == len(part.mistakes)
    seen: dict[str, str] = {}
    for mistake in part.mistakes:
        answers = []
        for sizes, _, inputs in cases(part, seeds=1):
            with np.errstate(all="ignore"):
                given = mistake.outputs(inputs, sizes, first=part.outputs[0].name) or {}
            answers.append({name: _digest(each) for name, each in given.items()})
        other = seen.setdefault(repr(answers), mistake.name)
        assert other == mistake.name


@pytest.mark.parametrize("part", PARTS)
def test_the_sizes_that_are_always_tried_are_not_many(part: Part) -> None:
    """Each is a kernel that is compiled."""
    sizes = {tuple(shape.items()) for shape in part.boundaries}
    assert min(6, part.points) <= len(part.boundaries) == len(sizes) <= 14


@BY_NAME
def test_the_kernels_and_constants_are_those_of_the_files(puzzle) -> None:
    for known in map(editions.find, editions.names()):
        edition = known.name
        for name in ("right", "skeleton"):
            text = puzzle.reference(edition, name)
            if text is None:
                continue
            there = functions(text)
            for part in puzzle.parts:
                assert isinstance(part.code, Kernels)
                for constant in part.code.constants:
                    found = re.findall(rf"^(?:comptime|alias) {constant} = ", text, re.MULTILINE)
                    assert len(found) == 1
                for launch in part.code.launches:
                    kernel = there[part.code.names_in(there)[launch.function]]
                    fit = launch.parameters_for(
                        kernel.parameters, constant_words(text), older=False
                    )
                    assert fit == launch.parameters
                    assert launch.function in there or edition < "26.3"


@BY_NAME
def test_there_are_enough_samples(puzzle) -> None:
    entries = [each.entry for each in read_samples(puzzle.name) if each.edition == "26.5"]
    assert sum(entry.verdict == "fail" and entry.score > 0 for entry in entries) >= 12
    assert sum(entry.verdict == "pass" for entry in entries) >= 6
    [skeleton] = [entry for entry in entries if entry.base == "skeleton" and not entry.edits]
    assert (skeleton.verdict, skeleton.score) == ("fail", 0)


@BY_NAME
def test_every_sample_is_another_file(puzzle) -> None:
    samples = read_samples(puzzle.name)
    assert len({(sample.edition, sample.content) for sample in samples}) == len(samples)
    assert len({(sample.edition, sample.group, sample.name) for sample in samples}) == len(samples)
