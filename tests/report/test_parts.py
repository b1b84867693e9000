"""The pieces that every format is made of: numbers, excerpts, the drawing, the registry."""

from __future__ import annotations

import math
import re
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.errors import UsageError
from grader.record import Record, Status, Tensor, decode
from grader.report import FORMATS, render, style
from grader.report.counterexample import DecodedCase, case_view
from grader.report.drawing import draw
from grader.report.messages import LINE_LIMIT, excerpt
from tests.report import records

floats = st.floats(width=32)


class TestValues:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (20.0, "20"),
            (0.1, "0.1"),
            (-0.0, "-0"),
            (1e-7, "1e-07"),
            (123456.0, "123456"),
            (16777217.0, "16777216"),
            (3.4e38, "3.4e+38"),
            (math.nan, "nan"),
            (-math.inf, "-inf"),
        ],
    )
    def test_float32_is_shown_in_its_shortest_form(self, value: float, text: str) -> None:
        (rounded,) = struct.unpack("f", struct.pack("f", value))
        assert style.shortest(rounded, "float32") == text

    @given(floats)
    def test_what_is_shown_names_the_value_and_no_other(self, value: float) -> None:
        shown = float(style.shortest(value, "float32"))
        assert struct.pack("f", shown) == struct.pack("f", value) or math.isnan(value)

    @pytest.mark.parametrize("dtype", ["int8", "int32", "uint64", "float16", "float64", "bool"])
    def test_every_type_is_decoded_as_numpy_does(self, dtype: str) -> None:
        numpy = pytest.importorskip("numpy")
        array = numpy.array([[0, 1, 1], [1, 0, 1]]).astype(dtype)
        tensor = Tensor(name="t", dtype=dtype, shape=array.shape, data=array.tobytes())
        assert style.decode(tensor, 100) == array.ravel().tolist()

    def test_bfloat16_is_the_upper_half_of_float32(self) -> None:
        data = struct.pack("<3H", 0x3F80, 0xC000, 0x7F80)
        tensor = Tensor(name="t", dtype="bfloat16", shape=(3,), data=data)
        assert style.decode(tensor, 100) == [1.0, -2.0, math.inf]

    @given(
        dtype=st.sampled_from(["float32", "bfloat16", "int64", "complex64", ""]),
        shape=st.lists(st.integers(-3, 2**40), max_size=3),
        data=st.binary(max_size=40),
    )
    def test_a_tensor_that_does_not_fit_its_shape_is_no_error(
        self, dtype: str, shape: list[int], data: bytes
    ) -> None:
        tensor = Tensor(name="t", dtype=dtype, shape=tuple(shape), data=data)
        assert len(style.decode(tensor, 8)) <= 8

    def test_decimal_points_stand_under_each_other(self) -> None:
        assert style.align(["1", "-2.5", "nan", ""]) == ["  1  ", " -2.5", "nan  ", "     "]

    def test_a_column_with_exponents_is_flush_right(self) -> None:
        assert style.align(["1e+30", "2.5", "inf"]) == ["1e+30", "  2.5", "  inf"]


class TestExcerpt:
    SOURCE = "one\n\ttwo é three\n    four\nfive\n"

    def marked(self, line: int, column: int | None) -> str:
        found = excerpt(self.SOURCE, line, column, context=0)
        assert found is not None
        return "".join(("@" if f.caret else "") + f.text for f in found.lines[0].fragments)

    def test_the_column_counts_bytes_as_the_compiler_does(self) -> None:
        assert self.marked(2, 9) == "two é @three"

    def test_shared_indentation_is_dropped(self) -> None:
        assert self.marked(3, 5) == "@four"

    def test_a_column_past_the_end_is_a_mark_at_the_end(self) -> None:
        assert self.marked(1, 40) == "one@ "

    @pytest.mark.parametrize("line", [None, 0, -1, 5, 10**9])
    def test_a_line_that_is_not_there_gives_no_excerpt(self, line: int | None) -> None:
        assert excerpt(self.SOURCE, line) is None

    def test_only_a_line_feed_ends_a_line(self) -> None:
        found = excerpt("a\r\nb\x0cc\u2028d\re\nf", 3, context=2)
        assert found is not None
        assert ["".join(f.text for f in line.fragments) for line in found.lines] == [
            "a",
            "b\x0cc\u2028d\re",
            "f",
        ]

    @settings(deadline=None)
    @given(source=st.text(max_size=300), line=st.integers(-2, 9), column=st.integers(-2, 400))
    def test_any_text_at_any_place(self, source: str, line: int, column: int) -> None:
        found = excerpt(source, line, column)
        lines = source.removesuffix("\n").split("\n")
        assert (found is None) == (not source or not 1 <= line <= len(lines))
        for shown in found.lines if found else ():
            text = "".join(fragment.text for fragment in shown.fragments)
            assert len(text) <= LINE_LIMIT + 2
            assert text.strip("… ") in lines[shown.number - 1]

    def test_a_hostile_source_does_not_hold_up_the_report(self) -> None:
        for source in ("`" * 100_000, '"' * 100_000, "[" * 100_000, "@" * 100_000):
            assert excerpt(source, 1, 50_000) is not None


class TestDrawing:
    def numbers(self, path: str) -> list[float]:
        return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", path)]

    @given(st.lists(st.tuples(st.floats(), st.floats()), min_size=1, max_size=400))
    def test_everything_is_drawn_inside_of_the_plot(self, pairs: list[tuple[float, float]]) -> None:
        expected, got = [a for a, _ in pairs], [b for _, b in pairs]
        wrong = {i for i, (a, b) in enumerate(pairs) if a != b}
        drawing = draw(expected, got, wrong)
        assert drawing is not None
        heights = re.findall(r"M[\d.]+ (-?[\d.]+)", drawing.expected + drawing.wrong)
        assert all(0 <= float(height) <= 100 for height in heights)
        assert "nan" not in drawing.expected + drawing.right + drawing.wrong + drawing.gaps
        ticks = [*drawing.rows, *drawing.rails, *drawing.columns]
        assert all(0 <= tick.at <= 100 for tick in ticks)
        assert len(drawing.columns) <= 10
        assert len(drawing.rows) <= 7

    def test_each_element_is_drawn_once(self) -> None:
        drawing = draw([1.0, 2.0, 3.0], [1.0, 5.0, 3.0], {1})
        assert drawing is not None
        assert drawing.right.count("M") == 2
        assert drawing.wrong.count("M") == drawing.gaps.count("M") == 1
        assert drawing.expected.count("M") == 3

    def test_values_off_the_scale_have_rails_of_their_own(self) -> None:
        drawing = draw([1.0, 2.0, 3.0], [math.nan, 1e30, -math.inf], {0, 1, 2})
        assert drawing is not None
        assert [rail.label for rail in drawing.rails] == [
            "above the scale, or inf",
            "below the scale, or -inf",
            "NaN",
        ]
        heights = [float(h) for h in re.findall(r"M\S+ (\S+)h", drawing.wrong)]
        assert heights[1] < heights[2] < heights[0]

    def test_one_huge_value_does_not_flatten_the_others(self) -> None:
        drawing = draw([0.0, 10.0], [0.0, 1e30], {1})
        assert drawing is not None
        first, second = (float(h) for h in re.findall(r"M\S+ (\S+)h", drawing.expected))
        assert first - second > 50

    def test_nothing_to_draw_is_no_drawing(self) -> None:
        assert draw([], [], set()) is None


class TestCounterexample:
    def test_long_arrays_show_the_wrong_elements_with_their_neighbours(self) -> None:
        case = DecodedCase(records.wrong_values().counterexamples[0])
        assert case.indices() == [12, 13, 14, 15, 16]

    def test_the_caption_says_which_elements_are_shown(self) -> None:
        numbers = [1.0] * 60
        got = [2.0 if i % 4 == 0 else 1.0 for i in range(60)]
        example = records.counterexample(numbers, [1.0], got)
        view = case_view(example, example.outputs[0], "c", style.LIMITS[0])
        assert view.caption == (
            "Element by element, the first 8 of 15 wrong ones with their neighbours; "
            "the values must be equal bit for bit."
        )
        assert sum(row.wrong for row in view.table.rows) == 8
        assert sum(row.skipped for row in view.table.rows) == 60 - 31
        assert dict(view.others)["input (60)"].count("1") == 60

    def test_an_input_longer_than_the_output_is_shown_whole(self) -> None:
        example = records.counterexample([1.0], [2.0, 3.0, 4.0], [7.0])
        rows = case_view(example, example.outputs[0], "c", style.LIMITS[0]).table.rows
        assert [row.cells[1].strip() for row in rows] == ["2", "3", "4"]
        assert rows[0].wrong

    def test_a_cut_list_of_mismatches_draws_only_what_is_known(self) -> None:
        numbers = [1.0] * 900
        example = records.counterexample(numbers, [1.0], [2.0] * 900)
        view = case_view(example, example.outputs[0], "c", style.LIMITS[0])
        assert view.summary == "All 900 elements are wrong."
        assert view.drawing is not None
        assert view.drawing.right == ""


class TestNextSteps:
    @pytest.mark.parametrize("name", sorted(records.ALL))
    def test_there_is_always_a_next_step(self, name: str) -> None:
        assert all(style.next_steps(records.ALL[name]()))

    def test_a_fault_first_says_that_nothing_is_lost(self) -> None:
        assert style.next_steps(records.faulted())[0].startswith("You lose nothing")

    def test_a_fail_without_advice_names_the_first_failed_check(self) -> None:
        made = replace(records.wrong_values(), advice=(), counterexamples=())
        assert style.next_steps(made) == [
            "Look at the first check that failed: Exact on integers over the assigned sizes."
        ]
        assert made.checks[3].status is Status.FAILED


class TestFormats:
    @pytest.mark.parametrize("name", sorted(FORMATS))
    def test_every_format_renders_every_record(self, name: str) -> None:
        for make in records.ALL.values():
            assert render(make(), name).decode("utf-8")

    def test_json_is_the_record_itself(self, record: Record) -> None:
        assert decode(render(record, "json")) == record

    def test_an_unknown_format_is_named_with_the_known_ones(self) -> None:
        with pytest.raises(UsageError) as caught:
            render(records.passed(), "pdf")
        assert "pdf" in caught.value.what
        assert "html" in caught.value.remedy
