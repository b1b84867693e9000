"""What a place is about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.indexed import indexed_array, loop_around, shared_argument


@pytest.mark.parametrize(
    ("line", "at", "array"),
    [
        ("    output[i] = a[i + 1]", "[i]", "output"),
        ("    output[i] = a[i + 1]", "[i +", "a"),
        ("    shared_sum[0] += a[row, col]", "[0]", "shared_sum"),
        ("    äöü = tile_2[i]", "[i]", "tile_2"),
        ("    x = a.load[width=4](i)", "(i)", "a"),
        ("    x = a.load(i)", "(i)", "a"),
        ("    x = f(i)", "(i)", ""),
        ("    x = f(a)[i]", "[i]", ""),
        ("    barrier()", "barrier", ""),
        ("    x = a[i]", "= a", ""),
    ],
)
def test_the_name_before_the_bracket(line: str, at: str, array: str) -> None:
    column = len(line[: line.index(at)].encode()) + 1
    assert indexed_array(f"# first\n{line}\n", 2, column) == array


def test_a_place_that_is_not_known_is_about_no_array() -> None:
    text = "a[i]\n"
    assert indexed_array(text, 1, 2) == "a"
    for line, column in ((1, 0), (0, 2), (9, 2), (1, 99), (-1, 2), (1, -3)):
        assert indexed_array(text, line, column) == ""


TILES = """\
def kernel(A: LayoutTensor, B: LayoutTensor):
    var tile_a = LayoutTensor[
        dtype, address_space=AddressSpace.SHARED,
    ].stack_allocation()
    var tile_b = LayoutTensor[dtype, address_space=AddressSpace.SHARED].stack_allocation()
    var sums = LayoutTensor[dtype, address_space=AddressSpace.LOCAL].stack_allocation()
    var of_warp = tile_a.tile[32, 32](warp, 0)
    var of_lane = of_warp.tile[16, 8](0, lane)
    copy[threads=8](tile_b.vectorize[1, 4](), B.tile[32, 32](0, 0).vectorize[1, 4]())
    copy_rows[
        threads=8,
    ](tile_a, A)
    var a = op.load(of_lane)
    op.store(sums, op.multiply(a, sums))
    both(tile_a, tile_b)
"""


@pytest.mark.parametrize(
    ("call", "array"),
    [
        ("(tile_b.vec", "tile_b"),
        ("(tile_a, A)", "tile_a"),
        ("(of_lane)", "tile_a"),
        ("(sums, op", ""),
        ("(tile_a, tile_b)", ""),
        ("[threads=8](tile_b", ""),
    ],
)
def test_the_shared_array_that_a_call_is_given(call: str, array: str) -> None:
    before = TILES[: TILES.index(call)]
    column = len(before) - before.rfind("\n")
    assert shared_argument(TILES, before.count("\n") + 1, column) == array


@given(st.text(max_size=60), st.integers(-1, 5), st.integers(-1, 80))
def test_any_text_has_an_answer(text: str, line: int, column: int) -> None:
    assert indexed_array(text, line, column) in {"", *_words(text)}
    assert shared_argument(text, line, column) in {"", *_words(text)}


@given(
    st.lists(
        st.sampled_from(["var a = ", "b.tile", "a.tile[1](", "f(a)", "SHARED", "\n", "(", ")", "b"])
    ).map("".join),
    st.integers(1, 5),
    st.integers(1, 40),
)
def test_any_chain_of_views_ends(text: str, line: int, column: int) -> None:
    assert shared_argument(text, line, column) in {"", *_words(text)}


def _words(text: str) -> set[str]:
    return {text[i:j] for i in range(len(text)) for j in range(i + 1, len(text) + 1)}


LOOPS = """\
def one(a: Int):
    while a > 0:  # loop
        if a > 1:

            work(a)  # in the loop

def nested(a: Int):
    for k in range(9):
        while True:  # the while
            for j in range(3):
# at no depth
                work(j)  # in all three
    work(a)  # behind
def twice():
    while a:
        while b:
            work(a)  # in two
    for k in range(2**60):  # a long one
        work(k)  # in the long one
    comptime for k in range(4):  # unrolled
        work(k)  # in the unrolled one
"""


def number_of(comment: str) -> int:
    (found,) = (n for n, each in enumerate(LOOPS.split("\n"), 1) if each.endswith(f"  # {comment}"))
    return found


@pytest.mark.parametrize(
    ("stopped", "loop"),
    [
        ("in the loop", "loop"),
        ("loop", "loop"),
        ("in all three", "the while"),
        ("in the long one", "a long one"),
        ("in the unrolled one", "unrolled"),
    ],
)
def test_the_loop_that_does_not_end(stopped, loop):
    assert loop_around(LOOPS, number_of(stopped)) == number_of(loop)


@pytest.mark.parametrize("line", [number_of("behind"), number_of("in two"), 0, 999])
def test_where_it_is_not_certain_there_is_no_loop(line):
    assert loop_around(LOOPS, line) is None


@given(st.text(max_size=200), st.integers(-2, 40))
def test_any_text_has_a_loop_or_none(text, line):
    found = loop_around(text, line)
    assert found is None or 0 < found <= line
