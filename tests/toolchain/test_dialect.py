"""Words and patterns: what counts in a source, and what does not."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.toolchain.dialect import Hit, hits, words


def matches(source: str, pattern: str) -> tuple[int, ...]:
    found = hits(words(source), [pattern])
    return found[0].lines if found else ()


@pytest.mark.parametrize(
    ("source", "pattern", "lines"),
    [
        ("from gpu.host import DeviceContext", "^from gpu", (1,)),
        ("from std.gpu import barrier", "^from gpu", ()),
        ("x = 1; from gpu import y", "^from gpu", (1,)),
        ("    fn f(): pass", "^fn", (1,)),
        ("var fn = 3", "^fn", ()),
        ("ctx.enqueue_function[k](1)", "enqueue_function[...](", (1,)),
        ("ctx.enqueue_function[k[1, 2]](1)", "enqueue_function[...](", (1,)),
        ("ctx.enqueue_function[k, k](1)", "enqueue_function[...](", ()),
        ("ctx.enqueue_function[k, dump_asm=True](1)", "enqueue_function[..., ...](", ()),
        ("ctx.enqueue_function[k, a == b](1)", "enqueue_function[..., ...](", (1,)),
        ("ctx.enqueue_function[k[1], k[1]](1)", "enqueue_function[..., ...](", (1,)),
        ("ctx.enqueue_function[\n    k[\n 1, 2\n],\n](1)", "enqueue_function[...](", (1,)),
        ("def f[n: Int](x: Int) raises:", "^def ... raises", (1,)),
        ("def f(\n    x: Int,\n) raises:", "^def ... raises", (1,)),
        ("def f(x: Int):\n    raises", "^def ... raises", ()),
        ("@parameter\nif x: pass", "^@parameter ^if", (1,)),
        ("@parameter\ndef f(): pass", "^@parameter ^if", ()),
        ("fn f(out: Int)", "(out:", (1,)),
        ("fn f(a: Int, out: Int)", ", out:", (1,)),
        ("fn f(output: Int)", "(out:", ()),
        ("OutputTensor[rank=1]", "OutputTensor[rank = ...]", (1,)),
        ("OutputTensor[rank=1, static_spec=_]", "OutputTensor[rank = ...]", ()),
    ],
)
def test_a_pattern_matches_words_whatever_their_spacing(
    source: str, pattern: str, lines: tuple[int, ...]
) -> None:
    assert matches(source, pattern) == lines


@pytest.mark.parametrize(
    "source",
    ["# from gpu import x", '"""\nfrom gpu import x\n"""', 'var s = "from gpu import x"'],
)
def test_comments_and_strings_do_not_count(source: str) -> None:
    assert matches(source, "^from gpu") == ()


def test_an_import_counts_name_by_name() -> None:
    source = "from max.gpu import (\n    barrier,\n    block_dim as bd,\n    thread_idx,\n)\n"
    assert matches(source, "^from max.gpu import barrier") == (1,)
    assert matches(source, "^from max.gpu import block_dim") == (1,)
    assert matches(source, "^from max.gpu import thread_idx") == (1,)
    assert matches(source, "^from max.gpu import bd") == ()


def test_all_lines_of_a_hit_are_named_in_order_and_once_each() -> None:
    source = "fn a(): pass\nfn b(): pass\n\nfn c(): pass\n"
    assert hits(words(source), ["^fn"]) == [Hit("^fn", (1, 2, 4))]


@given(st.text())
def test_any_text_has_words_on_its_own_lines(text: str) -> None:
    last = text.replace("\r\n", "\n").count("\n") + text.count("\r") + 1
    assert all(1 <= word.line <= last for word in words(text))


PIECES = st.sampled_from(
    ["enqueue_function", "[", "]", "(", ")", ",", "from", "import", "a", ".", "\n", ";", "#", '"']
)


@given(st.lists(PIECES, max_size=60).map(" ".join))
def test_no_arrangement_of_signs_is_too_odd(text: str) -> None:
    source = words(text)
    assert len(hits(source, ["enqueue_function[..., ...](", "^from a import a"])) <= 2


@pytest.mark.parametrize(
    "text",
    [
        "enqueue_function[" * 15_000,
        "enqueue_function[a " * 13_000,
        "from " + "a." * 60_000 + "b import " + "c, " * 20_000,
        "(" * 250_000,
        "from a import " + "b, " * 80_000,
        "def " * 60_000,
    ],
)
def test_a_hostile_text_of_the_largest_size_takes_little_time(text: str) -> None:
    from grader.toolchain.detect import detect

    began = time.process_time()
    detect(text)
    assert time.process_time() - began < 5
