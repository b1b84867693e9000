"""A launch with too few arguments is seen where it is certain, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.labels import every_label
from grader.folders import data_directory
from grader.intake.launches import Misplaced, launched, only_launch, short_launch
from grader.intake.program import functions

ANSWERS = sorted(data_directory("reference_kernels").glob("*/*/right.mojo"))
KERNEL = "fn k[n: Int](a: T[x, y], b: T, c: T):\n    pass\n\n"


def launch(call: str, kernel: str = KERNEL) -> str:
    return f"{kernel}fn execute():\n    {call}\n"


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("ctx.enqueue_function[k[5]](a, b, grid_dim=(2, 1), block_dim=5)", 2),
        ("ctx.enqueue_function[k[5], k[5]](a, grid_dim=2, block_dim=5)", 1),
        ("ctx.enqueue_function_checked[k, k](\n        f(a, b),\n        b,\n    )", 2),
        ("ctx.enqueue_function[k](grid_dim=1, block_dim=1)", 0),
        ("alias q = k[5]\n    ctx.enqueue_function[q](a, b, grid_dim=1)", 2),
        ("comptime q = k[5]\n    ctx.enqueue_function[q](f(x=1), grid_dim=1)", 1),
    ],
)
def test_too_few_arguments(call: str, given: int) -> None:
    found = short_launch(launch(call))
    assert found is not None
    assert (found.kernel, found.given, found.takes) == ("k", given, ("a", "b", "c"))
    assert (found.line, found.defined) == (6 if "q = " in call else 5, 1)
    assert f"{given or 'no'} argument" in found.sentence
    assert "line 1: a, b, c." in found.sentence


NAMED = "fn k[n: Int, m: Int, t: DType = f32](out: T[x], input: T, taps: T):\n    pass\n\n"


@pytest.mark.parametrize(
    ("call", "misplaced"),
    [
        ("ctx.enqueue_function[k[n, m]](out, input, taps, grid_dim=1)", []),
        ("ctx.enqueue_function[k[n, m, t]](out_t, input_t, taps_t, grid_dim=1)", []),
        ("ctx.enqueue_function[k[m, n]](out, input, taps, grid_dim=1)", ["m n", "n m"]),
        ("ctx.enqueue_function[k[m, m]](out, input, taps, grid_dim=1)", ["m n"]),
        ("comptime q = k[m, n]\n    ctx.enqueue_function[q](out, input, taps)", ["m n", "n m"]),
        ("ctx.enqueue_function[k[n, m]](input_t, out_t, taps_t)", ["input_t out", "out_t input"]),
        # What has another name, or is computed, may be anything.
        ("ctx.enqueue_function[k[5, f(n)]](a, b, c, grid_dim=1)", []),
        ("ctx.enqueue_function[k[m=m, n=n]](out, input, taps, grid_dim=1)", []),
    ],
)
def test_what_is_passed_in_the_place_of_something_else(call: str, misplaced: list[str]) -> None:
    site = only_launch(launch(call, NAMED), "k")
    assert site is not None
    assert [f"{each.passed} {each.declared}" for each in site.misplaced] == misplaced
    assert all(each.line in (5, 6) for each in site.misplaced)


def test_a_launch_has_the_lines_of_its_arguments() -> None:
    site = only_launch(
        launch("ctx.enqueue_function[k](\n        b,\n        grid_dim=1,\n        block_dim=2)"),
        "k",
    )
    assert site is not None
    assert (site.line, site.grid_line, site.block_line, site.defined) == (5, 7, 8, 1)
    assert (site.grid, site.block) == ("1", "2")
    assert (site.grid_value, site.block_value) == ((1, 1, 1), (2, 1, 1))


@pytest.mark.parametrize(
    ("block", "value"),
    [
        ("0", (0, 1, 1)),
        ("(3, 4)", (3, 4, 1)),
        ("T", (15, 1, 1)),
        ("(T, 2)", (15, 2, 1)),
        ("P", (15, 3, 1)),
        ("2 * T", None),
        ("n", None),
        ("TWICE", None),
    ],
)
def test_a_block_is_a_number_where_the_file_says_so(
    block: str, value: tuple[int, int, int] | None
) -> None:
    constants = "comptime T = 15\ncomptime P = (T, 3)\ncomptime TWICE = 1\ncomptime TWICE = 2\n"
    call = f"ctx.enqueue_function[k](a, b, grid_dim=1, block_dim={block})"
    site = only_launch(constants + launch(call), "k")
    assert site is not None
    assert (site.block, site.block_value) == (block, value)


def test_of_several_launches_that_of_the_kernel_is_read() -> None:
    two = KERNEL + NAMED.replace("fn k", "fn other")
    text = launch("ctx.enqueue_function[k](a)\n    ctx.enqueue_function[other[m, n]](a, b)", two)
    assert only_launch(text) is None
    site = only_launch(text, "other")
    assert site is not None
    assert site.misplaced == (Misplaced("m", "n", 9), Misplaced("n", "m", 9))
    assert only_launch(text, "nobody") is None


@pytest.mark.parametrize(
    "text",
    [
        launch("ctx.enqueue_function[k](a, b, c, grid_dim=1)"),
        launch("ctx.enqueue_function[k](a, b, c, d, grid_dim=1)"),
        launch("ctx.enqueue_function[k](*all, grid_dim=1)"),
        launch("ctx.enqueue_function[k](a)\n    ctx.enqueue_function[k](a, b, c)"),
        launch("var f = ctx.compile_function[k]()\n    ctx.enqueue_function(f, a)"),
        launch("ctx.enqueue_function(k, a)"),
        launch("ctx.enqueue_function[other](a)"),
        launch("ctx.enqueue_function[k](a)", KERNEL + KERNEL),
        launch("ctx.enqueue_function[k](a)", "fn k(a: T, b: T = 1):\n    pass\n\n"),
        launch("ctx.enqueue_function[k](a)", "fn k(a: T, *b: T):\n    pass\n\n"),
        launch("alias q = f(k)\n    ctx.enqueue_function[q](a)"),
        launch("alias k = other\n    ctx.enqueue_function[k](a)"),
        launch("# ctx.enqueue_function[k](a)"),
        launch("ctx.enqueue_function[k](a"),
        "",
    ],
)
def test_in_doubt_there_is_no_answer(text: str) -> None:
    assert short_launch(text) is None


@pytest.mark.parametrize(
    "text",
    [
        launch("ctx.enqueue_function[k](a)\n    ctx.enqueue_function[k](a, b, c)"),
        launch("ctx.enqueue_function[other](a)"),
        launch("ctx.enqueue_function[k](a)\n    ctx.enqueue_function[other](a)"),
        launch("ctx.enqueue_function(k, a)"),
        launch("ctx.enqueue_function[k](a)", KERNEL + KERNEL),
        launch("ctx.enqueue_function[k](a"),
        "",
    ],
)
def test_in_doubt_there_is_no_launch(text: str) -> None:
    assert only_launch(text, "k") is None


def test_of_all_samples_only_those_that_leave_an_argument_out() -> None:
    found = set()
    for label in every_label():
        if short_launch(label.sample.content.decode("utf-8", "replace")) is not None:
            found.add(label.sample.name)
    assert found == {"argument_missing"}


TWO = "def k[n: Int](a: T):\n    pass\n\n\ndef other(a: T):\n    pass\n\n\n"
LAUNCHED = {
    # As editions from 25.6 to 26.7 have it, and as people write it.
    "by its name": ("ctx.enqueue_function[k[5]](a, grid_dim=1)", "k"),
    "twice": ("ctx.enqueue_function_checked[k[5], k[5]](a, grid_dim=1)", "k"),
    "by another function": ("ctx.enqueue_function_experimental[k[5]](a, grid_dim=1)", "k"),
    "over lines": ("ctx.enqueue_function[\n        k[5]\n    ](a)", "k"),
    "under another name": ("comptime kernel = k[5]\n    ctx.enqueue_function[kernel](a)", "k"),
    "the older word": ("alias kernel = k[5]\n    ctx.enqueue_function[kernel, kernel](a)", "k"),
    "a name of a name": (
        "comptime of = k\n    comptime kernel = of[5]\n    ctx.enqueue_function[kernel](a)",
        "k",
    ),
    "one name in each branch": (
        (
            "if one:\n        comptime kernel = k[5]\n        ctx.enqueue_function[kernel](a)\n"
            "    else:\n        comptime kernel = other\n        ctx.enqueue_function[kernel](a)"
        ),
        "k other",
    ),
    "compiled before": (
        "var f = ctx.compile_function[k[5]]()\n    ctx.enqueue_function(f, a)",
        "k",
    ),
    "compiled before, twice": (
        "f = ctx.compile_function_checked[k[5], k[5]]()\n    ctx.enqueue_function_checked(f, a)",
        "k",
    ),
    "compiled before, under another name": (
        (
            "alias kernel = k[5]\n    var f = ctx.compile_function[kernel, kernel]()\n"
            "    ctx.enqueue_function(f, a)"
        ),
        "k",
    ),
    "compiled in the launch": ("ctx.enqueue_function(ctx.compile_function[k[5]](), a)", "k"),
    "in order, each once": (
        (
            "ctx.enqueue_function[other](a)\n    ctx.enqueue_function[k[1]](a)\n"
            "    ctx.enqueue_function[other](a)"
        ),
        "other k",
    ),
    "defined nowhere": ("ctx.enqueue_function[mine](a)", ""),
    "a name of itself": ("comptime kernel = kernel\n    ctx.enqueue_function[kernel](a)", ""),
    "a name with nothing": ("comptime kernel =\n    ctx.enqueue_function[kernel](a)", ""),
    "a function's name, given anew": ("comptime k = other\n    ctx.enqueue_function[k](a)", ""),
    "in a comment": ("# ctx.enqueue_function[k](a)", ""),
    "in a text": ('print("ctx.enqueue_function[k](a)")', ""),
}


@pytest.mark.parametrize("form", LAUNCHED)
def test_what_a_program_launches(form: str) -> None:
    call, names = LAUNCHED[form]
    assert launched(launch(call, TWO)) == tuple(names.split())


_PIECES = ["enqueue_function", "compile_function", "[", "]", "(", ")", ",", "=", "k", "fn ", ":"]
_PIECES += ["alias ", "comptime ", "*", "\n", "    ", '"', "#", "a", ".", "\\"]


@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join))
def test_any_text_has_an_answer(text: str) -> None:
    found = short_launch(launch("ctx.enqueue_function[k](a)") + text)
    assert found is None or found.given < len(found.takes)
    short_launch(text)
    launched(launch("ctx.enqueue_function[k](a)") + text)


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_no_launch_of_a_right_answer_passes_anything_in_the_place_of_another(path: Path) -> None:
    """One type stands for several parameters of a kernel there, and is in its own place too."""
    text = path.read_text("utf-8")
    for kernel in functions(text):
        site = only_launch(text, kernel)
        assert site is None or site.misplaced == ()
