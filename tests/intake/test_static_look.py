"""What a report points out to the instructor, and what it does not."""

from __future__ import annotations

import pytest
from hypothesis import given

from grader.intake.static_look import MAX_LOOKS, LookKind, look
from tests.intake.test_token_views import PROGRAM, SOURCES


def kinds(text: str, **options: str) -> set[LookKind]:
    return {each.kind for each in look(text, **options)}


def test_a_plain_solution_gives_no_reason_to_look() -> None:
    assert look(PROGRAM) == []


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("from std.ffi import external_call\n", LookKind.EXTERNAL_CALL),
        ("from sys.ffi import DLHandle\n", LookKind.DYNAMIC_LIBRARY),
        ("from std.ffi import OwnedDLHandle\n", LookKind.DYNAMIC_LIBRARY),
        ("from python import Python\n", LookKind.PYTHON),
        ("import std.python\n", LookKind.PYTHON),
        ("import subprocess\n", LookKind.PROCESS),
        ("from std.os import listdir\n", LookKind.FILES),
        ("import a, os\n", LookKind.FILES),
        ("from std.sys import inlined_assembly\n", LookKind.INLINE_ASSEMBLY),
        ("def f():\n    __mlir_op.`x`()\n", LookKind.INLINE_ASSEMBLY),
        ("def f():\n    with open('x') as g: pass\n", LookKind.FILES),
        ("from std.time import perf_counter_ns\n", LookKind.CLOCK),
        ("from linalg.matmul import matmul\n", LookKind.LIBRARY_KERNEL),
        ("# \u202e reversed\n", LookKind.HIDDEN_CHARACTERS),
        ("x = `y`\n", LookKind.UNUSUAL_TEXT),
    ],
)
def test_what_a_puzzle_has_no_use_for_is_pointed_out(source: str, kind: LookKind) -> None:
    assert kind in kinds(source)


@pytest.mark.parametrize(
    "source",
    [
        "# external_call is not used here\n",
        'x = "from python import Python"\n',
        "def f(os: Int):\n    return os.nn\n",
        "def open_file():\n    reopen(1)\n",
        "x.open(1)\n",
        "# Größe ∑ 🔥\n",
    ],
)
def test_words_that_only_look_alike_are_not(source: str) -> None:
    assert look(source) == []


def test_a_second_registered_op_is_pointed_out() -> None:
    second = PROGRAM + '\n@register("mo.add")\nstruct B:\n    pass\n'
    (found,) = look(second)
    assert found.kind is LookKind.OTHER_OP
    assert '"mo.add"' in found.sentence
    assert found.line == second.count("\n") - 2
    assert found.excerpt == '@register("mo.add")'


def test_the_same_op_registered_twice_is_pointed_out() -> None:
    assert kinds(PROGRAM + '\n@register("conv1d")\nstruct B:\n    pass\n') == {LookKind.OTHER_OP}


def test_an_op_under_another_name_is_pointed_out() -> None:
    assert kinds(PROGRAM, op="softmax") == {LookKind.OTHER_OP}
    assert kinds(PROGRAM, op="conv1d") == set()


def test_hiding_behind_a_doubtful_character_does_not_help() -> None:
    hidden = 'x = `y`\nfrom std.ffi import external_call\n@register("a")\n@register("mo.add")\n'
    assert kinds(hidden) == {
        LookKind.UNUSUAL_TEXT,
        LookKind.EXTERNAL_CALL,
        LookKind.DYNAMIC_LIBRARY,
        LookKind.OTHER_OP,
    }


def test_there_are_only_so_many() -> None:
    flood = "".join(f"__mlir_{i}()\n" for i in range(500))
    assert len(look(flood)) == MAX_LOOKS


@given(SOURCES)
def test_any_text_can_be_looked_at_and_shown(text: str) -> None:
    lines = text.replace("\r\n", "\n").split("\n")
    for each in look(text):
        assert 1 <= each.line <= len(lines)
        assert each.sentence.isprintable()
        assert each.excerpt.isprintable() or not each.excerpt
