"""Edits of a program: other constants, functions without bodies, every line where it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.lexer import plain_lines
from grader.intake.program import (
    Unset,
    architecture,
    as_library,
    body_words,
    constant_words,
    functions,
    with_constants,
    with_extents,
    without_bodies,
)

PROGRAM = '''\
from std.gpu import thread_idx

# comptime SIZE = 1
comptime SIZE = 4  # elements
comptime TPB: Int = (
    8
)
comptime THREADS = (TPB, 1)
alias dtype = DType.float32
comptime HALF = SIZE // 2
comptime ROWS = 3
comptime ROWS = 5


def add[
    size: Int
](
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
) -> None:
    """Adds: `def main(): pass`."""
    comptime SIZE = 99
    var i = thread_idx.x
    output[i] = a[i] + 10


@no_inline
def helper():
    pass


def main() raises:
    print("def add():")
    ctx.enqueue_function[add](out, a)
    ctx.enqueue_function_checked[other, other](out)
'''


def test_a_program_becomes_a_library_by_the_name_of_its_main():
    text = as_library(PROGRAM)
    assert set(functions(text)) == {"add", "helper", "Main"}
    assert text == PROGRAM.replace("def main() raises", "def Main() raises")
    assert as_library(text) == text


def constants(text):
    return [line for line in text.split("\n") if line.startswith(("comptime", "alias"))]


def test_constants_get_other_values_and_every_line_stays():
    text, unset = with_constants(PROGRAM, {"SIZE": 7, "TPB": 16, "dtype": "DType.float64"})
    assert not unset
    assert text.count("\n") == PROGRAM.count("\n")
    assert "comptime SIZE = 7  # elements" in text
    assert "alias dtype = DType.float64" in text
    assert "    comptime SIZE = 99" in text
    assert "(\n    8\n)" not in text
    assert "comptime THREADS = (TPB, 1)" in text


@pytest.mark.parametrize("written", ["1024 * 1024", "1 << 20", "(7 + 1) // 2", "2**10"])
def test_what_is_computed_of_numbers_alone_gets_another_value(written):
    changed, unset = with_constants(f"comptime SIZE = {written}\n", {"SIZE": 64})
    assert (changed, unset) == ("comptime SIZE = 64\n", ())


@pytest.mark.parametrize(
    ("written", "is_set"), [("WARP_SIZE", True), ("TPB", False), ("2 * WARP_SIZE", False)]
)
def test_a_constant_that_is_a_name_of_a_library_gets_another_value(written, is_set):
    """Nothing in the file is computed from what it stands for, but by that name."""
    text = f"from gpu import WARP_SIZE\ncomptime TPB = 8\ncomptime SIZE = {written}\n"
    changed, unset = with_constants(text, {"SIZE": 64})
    assert ("comptime SIZE = 64" in changed) == is_set
    assert [each.why for each in unset] == [] if is_set else [Unset.COMPUTED]
    # Who does not import it may say it.
    own, _ = with_constants(text.replace("from gpu import WARP_SIZE", "comptime WARP_SIZE = 32"),
                            {"SIZE": 64})  # fmt: skip
    assert ("comptime SIZE = 64" in own) == is_set
    assert "comptime WARP_SIZE = 32" in own


@pytest.mark.parametrize(
    ("name", "why", "line"),
    [
        ("WIDTH", Unset.MISSING, 0),
        ("HALF", Unset.COMPUTED, 10),
        ("THREADS", Unset.COMPUTED, 8),
        ("ROWS", Unset.TWICE, 12),
    ],
)
def test_a_constant_that_can_not_be_set_is_told(name, why, line):
    text, (unset,) = with_constants(PROGRAM, {name: 3})
    assert (unset.name, unset.why, unset.line) == (name, why, line)
    assert text == PROGRAM


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("8", "5"),
        ("(8, 1)", "(5, 6)"),
        ("(8,)", "(5,)"),
        ("(8, 1, 1)", "(5, 6, 7)"),
        ("SIZE", "SIZE"),
        ("(SIZE, 1)", "(SIZE, 1)"),
        ("(8, 1, 1, 1)", "(8, 1, 1, 1)"),
    ],
)
def test_constants_that_say_a_block_keep_their_form(written, becomes):
    text = f"comptime BLOCK = {written}\ncomptime other = 8\n"
    assert with_extents(text, {"BLOCK": (5, 6, 7), "GRID": (1, 1, 1)}) == text.replace(
        f"= {written}\n", f"= {becomes}\n", 1
    )


def test_functions_at_the_top_level():
    found = functions(PROGRAM)
    assert list(found) == ["add", "helper", "main"]
    assert found["add"].signature.startswith("def add[size: Int](output: Pointer[")
    assert found["add"].line == 15


def test_a_function_without_its_body_keeps_all_lines_where_they_are():
    text = without_bodies(PROGRAM, ["add", "main"])
    assert text.count("\n") == PROGRAM.count("\n")
    assert "a[i] + 10" not in text
    assert ") -> None: pass" in text
    lines = PROGRAM.split("\n")
    assert text.split("\n")[lines.index("@no_inline")] == "@no_inline"
    assert list(functions(text)) == ["add", "helper", "main"]


def test_placeholders_are_no_words_of_a_body():
    empty = "def f(a: Int):\n    # fill me in\n    pass\n    ...\n    _ = a\n"
    assert body_words(empty, "f") == ()
    assert body_words("def f(a: Int):\n    var b = a + 1\n", "f") == ("b", "=", "a", "+", "1")
    told = 'def f():\n    """Says\n    what."""\n    var b = 1\n'
    assert body_words(told, "f") == ("b", "=", "1")
    assert body_words(empty, "g") is None


@pytest.mark.parametrize(
    "line",
    [
        "i = thread_idx.x + 1",
        "var i = Int(thread_idx.x) + 1",
        "i = UInt(thread_idx.x + 1)",
        "i = rebind[Scalar[dtype]](thread_idx.x) + 1",
        "shared = tb[dtype]().row_major[TPB]().shared().alloc()\n    i = thread_idx.x + 1",
        "var t = stack_allocation[\n        dtype\n    ](row_major[T]())\n    i = thread_idx.x + 1",
        "size = Int(size_dev)\n    i = thread_idx.x + 1",
    ],
)
def test_what_each_edition_writes_in_its_way_is_no_difference(line):
    words = ("i", "=", "thread_idx", ".", "x", "+", "1")
    assert body_words(f"fn f():\n    {line}\n", "f") == words


@pytest.mark.parametrize(
    "line",
    [
        "shared = tb[dtype]().alloc(); output[0] = a[0]",
        "done = copy(stack_allocation[dtype](row_major[TPB]()), output, a)",
        "Int(",
        "rebind[Scalar",
        "output[0] = Int(a[0]) + 10",
    ],
)
def test_what_does_something_counts(line):
    assert body_words(f"fn f():\n    {line}\n", "f")


def test_how_deep_a_line_is_indented_counts():
    inside = "def f():\n    if a:\n        b()\n        c()\n    d()\n"
    outside = "def f():\n    if a:\n        b()\n    c()\n    d()\n"
    assert body_words(inside, "f") != body_words(outside, "f")
    assert body_words(inside.replace("    ", "  "), "f") == body_words(inside, "f")
    wrapped = "def f():\n    if a:\n        b(\n          )\n        c()\n    d()\n"
    assert body_words(wrapped, "f") == body_words(inside, "f")


def test_the_words_of_constants():
    text = "comptime N = 2  # two\ndef f():\n    comptime M = 3\ncomptime K = N\n"
    assert constant_words(text) == {
        "N": ("comptime", "N", "=", "2"),
        "K": ("comptime", "K", "=", "N"),
    }


PIECES = st.lists(
    st.sampled_from(
        [
            "def f(",
            "def g():",
            "\n",
            "    ",
            "pass",
            "comptime N = ",
            "4",
            "(",
            ")",
            "[",
            "]",
            ":",
            '"',
            "'''",
            "#",
            "\r",
            "\\",
            "=",
            "enqueue_function[",
            "alias N = 3\n",
            "@x\n",
            "_ = a",
            "\t",
            "é",
            "`",
        ]
    )
).map("".join)


@given(PIECES | st.text())
def test_any_text_has_an_answer(text):
    lines = plain_lines(text).count("\n")
    changed, unset = with_constants(text, {"N": 12})
    assert changed.count("\n") == lines
    assert ("N = 12" in changed) or unset or "12" in changed
    assert without_bodies(text, ["f", "g"]).count("\n") == lines
    assert body_words(text, "f") is None or "f" in functions(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("    cluster_dim=Dim(4, 1, 1),\n", "sm_90"),
        ("from max.gpu.primitives.cluster import (\n    cluster_sync,\n)\n", "sm_90"),
        ("# cluster_sync()\n", ""),
        ('print("cluster_sync")\n', ""),
        ("barrier()\n", ""),
    ],
)
def test_a_program_with_clusters_asks_for_a_gpu_that_has_them(text, wanted):
    assert architecture(text) == wanted
