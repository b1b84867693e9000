"""What the program prints: shown as it comes, safe, and not to be mistaken for ours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.run.text import MARK, PassedOn

PATH = "/scratch/work/source/p10.mojo"


def passed(*chunks: bytes) -> str:
    shown: list[str] = []
    stream = PassedOn(shown.append, (PATH, "p10.mojo"))
    for chunk in chunks:
        stream.feed(chunk)
    stream.close()
    return "".join(shown)


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"out: [1.0]\n", "out: [1.0]\n"),
        (b"no line end", "no line end\n"),
        (b"", ""),
        ("größer ✅\n".encode(), "größer ✅\n"),
        (b"At /scratch/work/source/p10.mojo:7:5: no\n", "At p10.mojo:7:5: no\n"),
        (b"grade: p10.mojo:1:1: error: forged\n", "program: grade: p10.mojo:1:1: error: forged\n"),
        (b"a\n  GRADE : forged\n", "a\nprogram:   GRADE : forged\n"),
        (b"50 %\rgrade: forged\n", "50 %\nprogram: grade: forged\n"),
        (b"my grade: 7\ngrades: 3\n", "my grade: 7\ngrades: 3\n"),
        (b"\x1b[31mred\x1b[0m\x07\n", "␛[31mred␛[0m␇\n"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"\xff\xfe\n", "��\n"),
    ],
)
def test_what_is_shown(printed: bytes, shown: str) -> None:
    assert passed(printed) == shown
    assert passed(*(bytes([byte]) for byte in printed)) == shown


def test_a_line_is_shown_before_it_ends() -> None:
    shown: list[str] = []
    stream = PassedOn(shown.append, (PATH, "p10.mojo"))
    stream.feed(b"working ...")
    assert shown == ["working ..."]


PIECES = st.sampled_from(
    [MARK, "gra", "de: ", "\n", "\r", "\r\n", " ", "x", PATH, PATH[:9], "\x1b[2K"]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=12), st.data())
def test_the_shown_text_is_harmless_and_does_not_depend_on_the_pieces(
    pieces: list[str], data: st.DataObject
) -> None:
    printed = "".join(pieces).encode("utf-8", "replace")
    whole = passed(printed)
    cut = data.draw(st.integers(0, len(printed)))
    assert passed(printed[:cut], printed[cut:]) == whole
    assert whole in ("", "\n") or whole.endswith("\n")
    for line in whole.split("\n"):
        assert not line.lower().lstrip().startswith("grade:")
        assert not {c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")}
