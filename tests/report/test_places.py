"""Where in the block the wrong outputs lie."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.record import PlaceCounts
from grader.report.html import render_html
from grader.report.panels import WIDTH
from grader.report.places import draw_places
from tests.report import records


def counts(wrong: list[int], tried: list[int]) -> PlaceCounts:
    return PlaceCounts(tried=tuple(tried), wrong=tuple(wrong))


def test_the_sentence_says_where_it_is_wrong_and_where_right() -> None:
    drawing = draw_places(counts([40, 38, 0, 0], [40, 40, 40, 40]))
    assert drawing is not None
    assert drawing.sentence == (
        "Over all cases, outputs are wrong at places 0 and 1 in the block, and right at places 2 "
        "and 3: element i has place i % 4."
    )
    heights = [bar.height for bar in drawing.bars]
    assert heights[0] > heights[1] > heights[2] == heights[3] == 0
    assert drawing.description.startswith("place 0: 40 of 40 wrong; place 1: 38 of 40 wrong;")


def test_nothing_is_drawn_where_it_shows_nothing() -> None:
    assert draw_places(counts([0, 0], [9, 9])) is None
    assert draw_places(counts([3, 1], [9, 9])) is None
    # A place that was never tried is not right.
    assert draw_places(counts([3, 0], [9, 0])) is None
    assert draw_places(counts([], [])) is None


@given(
    st.lists(st.integers(-5, 1 << 60), max_size=90), st.lists(st.integers(-5, 1 << 60), max_size=90)
)
def test_whatever_a_record_says_it_stays_within_its_width(
    wrong: list[int], tried: list[int]
) -> None:
    drawing = draw_places(counts(wrong, tried))
    if drawing is not None:
        assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH + 2 for bar in drawing.bars)
        assert all(0 <= bar.height <= 61 for bar in drawing.bars)


def test_it_stands_with_the_smallest_case() -> None:
    made = records.wrong_values()
    html = render_html(made)
    assert html.count('<figure class="places">') == 1
    assert html.index('<h2 id="case">') < html.index('<figure class="places">')
    assert '<figure class="places">' not in render_html(replace(made, places=()))
