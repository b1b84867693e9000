"""Nothing that a submission says can steer a terminal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from grader.intake.display import MAX_NAME, for_terminal, one_line, safe_name

ANY_TEXT = st.text(alphabet=st.characters(codec=None, exclude_categories=()))


def test_an_escape_sequence_becomes_visible() -> None:
    assert for_terminal("\x1b[2Jok") == "␛[2Jok"


def test_line_ends_stay_and_tabs_become_spaces() -> None:
    assert for_terminal("a\r\nb\tc\rd") == "a\nb    c␍d"


def test_bidirectional_and_invisible_characters_are_shown_as_such() -> None:
    assert for_terminal("a\u202eb\u200bc\u2066\U000e0041") == "a\ufffdb\ufffdc\ufffd\ufffd"


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    text = "größer 합성곱 свёртка ∑ 🔥 e\u0301"
    assert for_terminal(text) == text


def test_piles_of_combining_marks_are_cut() -> None:
    assert len(for_terminal("a" + "\u0301" * 500)) < 10


def test_a_cut_is_said() -> None:
    assert for_terminal("x" * 30, limit=10) == "x" * 10 + "\n[... 20 more characters]"
    assert one_line("x" * 30, limit=10) == "x" * 9 + "…"


def test_one_line_is_one_line() -> None:
    assert one_line("a\nb\tc") == "a␊b c"


@given(ANY_TEXT)
def test_nothing_hidden_ever_survives(text: str) -> None:
    for shown in (for_terminal(text), one_line(text)):
        hidden = {c for c in shown if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
        assert hidden <= {"\n"}
    assert "\n" not in one_line(text)


@given(ANY_TEXT)
def test_a_name_is_always_safe(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= MAX_NAME
    assert set(safe) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert safe[0] not in "-."
