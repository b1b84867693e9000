"""The verdict on a terminal: one screen, and nothing that the terminal obeys."""

from __future__ import annotations

import re
import unicodedata

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from grader.record import Diagnostic, Record
from grader.report import style
from grader.report.text import LINES, render_text
from tests.report import hostile, records
from tests.report.test_html import largest

OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(params=sorted(records.ALL))
def record(request: pytest.FixtureRequest) -> Record:
    return records.ALL[request.param]()


def screen(made: Record, **options: object) -> list[str]:
    text = render_text(made, **options)  # type: ignore[arg-type]
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def test_the_last_lines_that_a_program_printed_are_shown() -> None:
    lines = screen(records.program_ran())
    start = lines.index("What your program printed")
    assert lines[start + 1 : start + 6] == [
        "  --simple:",
        "  out: HostBuffer([5.0, 8.0, 11.0, 14.0, 5.0, 0.0])",
        "  --block-boundary:",
        "  out: HostBuffer([1.0])",
        "  Unhandled exception: left is not right",
    ]


class TestScreen:
    @pytest.mark.parametrize("width", [40, 80, 100])
    def test_every_verdict_fits(self, record: Record, width: int) -> None:
        lines = screen(record, width=width)
        assert len(lines) <= LINES <= 34
        assert max(map(cell_len, lines)) <= width

    def test_the_largest_record_fits(self) -> None:
        assert len(screen(largest())) <= LINES

    def test_colour_adds_no_line_and_no_letter(self, record: Record) -> None:
        plain = render_text(record)
        coloured = SGR.sub("", render_text(record, colour=True))
        assert "\x1b" not in plain
        assert [line.rstrip() for line in coloured.split("\n")] == plain.split("\n")

    def test_it_is_the_same_every_time(self, record: Record) -> None:
        assert render_text(record) == render_text(record)

    def test_the_environment_does_not_change_it(
        self, record: Record, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = render_text(record, colour=True)
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", "33")
        monkeypatch.setenv("TERM", "dumb")
        assert render_text(record, colour=True) == before


class TestContent:
    def test_verdict_score_and_file_are_the_first_line(self) -> None:
        first = screen(records.wrong_values())[0]
        assert first.startswith("✗ Not passed  60 / 100 ")
        assert first.endswith(" conv1d.mojo")

    def test_differing_numbers_are_marked_without_colour(self) -> None:
        lines = screen(records.wrong_values())
        index = next(line for line in lines if line.startswith("  index"))
        got = next(line for line in lines if line.startswith("  got"))
        marks = next(line for line in lines if line.startswith("  differs"))
        for place in (i for i, char in enumerate(marks) if char == "^"):
            assert got[: place + 1].split()[-1] == "0"
            assert index[: place + 1].split()[-1] == "14"
        assert marks.count("^") == 1

    def test_the_caret_stands_under_the_column(self) -> None:
        lines = screen(records.does_not_compile())
        code = next(i for i, line in enumerate(lines) if "enqueue_function[conv1d]" in line)
        assert lines[code][lines[code + 1].index("^") :].startswith(".enqueue_function")

    @pytest.mark.parametrize(
        ("line", "word"),
        [
            ('\tvar s = "日本é😀"; var n = missing + 1', "missing"),
            ("x" * 300 + " missing", "missing"),
            ("\t\t\tmissing", "missing"),
        ],
    )
    def test_tabs_wide_characters_and_long_lines_move_the_caret(self, line: str, word: str) -> None:
        column = len(line[: line.index(word)].encode()) + 1
        error = Diagnostic(
            severity="error", message="unknown", stage="package", line=1, column=column
        )
        made = records.does_not_compile()
        submission = msgspec.structs.replace(made.submission, text=line + "\n")
        made = msgspec.structs.replace(made, submission=submission, diagnostics=(error,))
        shown = screen(made)
        place = next(i for i, text in enumerate(shown) if word in text)
        before = cell_len(shown[place][: shown[place].index(word)])
        assert shown[place + 1].index("^") == before

    def test_checks_not_made_for_one_reason_are_one_line(self) -> None:
        lines = screen(records.does_not_compile())
        assert "  ○    0/90  6 checks were not made: the file does not package" in lines

    def test_a_fault_shows_no_points(self) -> None:
        text = render_text(records.faulted())
        assert text.startswith("! No mark: the grader failed, not your work")
        assert "/" not in text.replace("wgmma.mma_async", "")

    def test_a_finding_about_the_given_code_stands_in_the_report_alone(self) -> None:
        assert "In the code you were given" not in render_text(records.passed())


class TestEncoding:
    def test_a_stream_without_the_symbols_gets_ascii(self, record: Record) -> None:
        for encoding in ("ascii", "cp437", "latin-1", "no-such-encoding"):
            text = render_text(record, encoding=encoding)
            text.encode("ascii" if encoding == "no-such-encoding" else encoding)
            assert len(text.split("\n")) - 1 <= LINES

    def test_ascii_symbols_still_tell_the_states_apart(self) -> None:
        text = render_text(records.crashed(), encoding="ascii")
        assert text.startswith("x Not passed")
        assert "  +   10/10" in text
        assert "  o    0/10" in text


class TestHostile:
    @settings(max_examples=150, deadline=None)
    @given(
        made=hostile.records(),
        colour=st.booleans(),
        encoding=st.sampled_from(["utf-8", "ascii", "latin-1"]),
    )
    def test_nothing_reaches_the_terminal_that_it_would_obey(
        self, made: Record, colour: bool, encoding: str
    ) -> None:
        text = render_text(made, colour=colour, encoding=encoding)
        text.encode(encoding)
        seen = SGR.sub("", text) if colour else text
        assert not {unicodedata.category(c) for c in seen.replace("\n", "")} & OBEYED
        assert len(seen.split("\n")) - 1 <= LINES
        assert max(map(cell_len, seen.split("\n"))) <= 80


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a race", "A race."),
        ("a thread waits", "A thread waits."),
        ("a was added to itself", "a was added to itself."),
        ("b is a column", "b is a column."),
        ("grid_dim = 1 asks for one block.", "grid_dim = 1 asks for one block."),
        ("size = 3 is none", "size = 3 is none."),
        ("3 of 4 elements are wrong", "3 of 4 elements are wrong."),
        ("shared_a is read", "shared_a is read."),
        ("thread 1 of block 0: it reads", "Thread 1 of block 0: it reads."),
        ("it read cell 1 (line 66)", "It read cell 1 (line 66)."),
        ("one is wrong (it costs nothing.)", "One is wrong (it costs nothing.)"),
    ],
)
def test_a_sentence_begins_with_a_capital_and_code_as_it_is_written(text: str, shown: str) -> None:
    assert style.sentence(text) == shown
