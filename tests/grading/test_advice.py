"""Advice in the words of the edition that is graded with."""

from __future__ import annotations

import re

import pytest

from grader.grading.explain.advice import with_advice
from grader.puzzles import NAMES, find
from grader.puzzles.conv1d import PUZZLE
from grader.record import Diagnostic, LaunchPlace
from grader.references import reference
from grader.toolchain import edition as editions
from grader.toolchain.dialect import hits, words
from grader.toolchain.messages import meanings


def error(message: str) -> Diagnostic:
    return Diagnostic(severity="error", message=message, stage="package")


def advice(message: str, edition: str) -> str:
    (diagnostic,) = with_advice(PUZZLE, [error(message)], editions.find(edition))
    return diagnostic.advice


@pytest.mark.parametrize(
    ("name", "puzzle"),
    [
        (name, puzzle)
        for name in editions.names()
        for puzzle in NAMES
        if reference(puzzle, name, "right") is not None
    ],
)
def test_an_edition_writes_launch_and_registration_as_its_reference_answer_does(
    name: str, puzzle: str
) -> None:
    edition = editions.find(name)
    source = words(reference(puzzle, name, "right") or "")
    launch = re.sub(r"\bkernel\b", "...", edition.launch) + "("
    if all(part.calls_host for part in find(puzzle).parts):
        return  # it has a library launch its kernels
    if find(puzzle).is_program:
        assert hits(source, [launch.partition(".")[2]]), launch
        return
    assert hits(source, [launch]), launch
    assert hits(source, [f"{edition.register}("])


@pytest.mark.parametrize("name", editions.names())
def test_an_unfilled_skeleton_is_told_how_its_own_edition_launches(name: str) -> None:
    edition = editions.find(name)
    assert f"{edition.launch}(" in edition.worded(PUZZLE.first_step)


@pytest.mark.parametrize(
    ("message", "edition", "says"),
    [
        ("Current compilation target does not support operation: barrier", "25.3", "gpu_ctx.enq"),
        (
            "Could not find a mojo kernel registered for conv1d with function mogg.execute",
            "25.4",
            "in @compiler.register(",
        ),
        ("no kernel registered for 'conv1d'", "26.5", "in @extensibility.register("),
        ("'main()' is not supported within packages", "26.5", "another puzzle's file"),
        ("no matching method in call to 'enqueue_function'", "26.2", "[kernel, kernel](the"),
        ("'X' value has no attribute 'enqueue_function_checked'", "26.1", "gpu_ctx.enqueue_func"),
        ("'X' value has no attribute 'get_device_context'", "26.5", "used as it is"),
        ("'X' value has no attribute 'enqueue_function'", "25.7", "enqueue_function_checked[kern"),
    ],
)
def test_a_message_is_explained_in_the_names_of_the_edition(
    message: str, edition: str, says: str
) -> None:
    assert says in advice(message, edition)


@pytest.mark.parametrize("name", editions.names())
def test_no_advice_writes_a_name_that_the_edition_does_not_have(name: str) -> None:
    """Names of the API stand in an edition's file, so that no sentence can be of another one."""
    edition = editions.find(name)
    own = [advice for _, advice in PUZZLE.messages]
    for sentence in (*(row.advice for row in meanings()), *own):
        assert "{" not in edition.worded(sentence)
        for api in ("ctx", "enqueue_function", "extensibility", "compiler.register"):
            assert not re.search(rf"\b{api}\b", sentence), sentence


@pytest.mark.parametrize(
    ("message", "about"),
    [
        (
            "argument #2 of type 'TileTensor[...]' does not match the declared function argument",
            True,
        ),
        ("parameter 'ConvLayout' has 'TensorLayout' type, but value has type 'Int'", True),
        ("use of unknown declaration 'x'", False),
    ],
)
def test_types_that_do_not_fit_are_explained_by_what_the_launch_exchanges(
    message: str, about: bool
) -> None:
    place = LaunchPlace(
        line=9,
        grid_line=9,
        block_line=9,
        given_kernel=False,
        misplaced_line=8,
        misplaced="The launch passes kernel_tensor where conv1d_kernel takes input.",
    )
    edition = editions.find("26.5")
    (plain,) = with_advice(PUZZLE, [error(message)], edition)
    (told,) = with_advice(PUZZLE, [error(message)], edition, [place])
    assert (place.misplaced in told.advice) == about
    assert about or told == plain
