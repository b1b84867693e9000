"""Text stands out from a marked part, by light and in the dark (WCAG AA)."""

from __future__ import annotations

import re

import pytest

from grader.folders import data_directory
from tests.report.test_contrast import luminance, schemes

MARKS = re.findall(
    r"mark\.(\w+) \{ background: (#[0-9a-f]{6});",
    (data_directory("templates") / "similarity.css").read_text(),
)


def test_every_mark_has_a_colour_by_light_and_in_the_dark() -> None:
    assert [name for name, _ in MARKS] == ["code", "comment"] * 2


@pytest.mark.parametrize(
    ("place", "scheme"), [(0, "light"), (1, "light"), (2, "dark"), (3, "dark")]
)
def test_contrast_is_at_least_4_5(place: int, scheme: str) -> None:
    low, high = sorted((luminance(schemes()[scheme]["ink"]), luminance(MARKS[place][1])))
    assert (high + 0.05) / (low + 0.05) >= 4.5
