"""Text stands out from what is behind it, by light, in the dark and on paper (WCAG AA)."""

from __future__ import annotations

import re

import pytest

from grader.folders import data_directory

TEXT = ("ink", "muted", "pass", "fail", "refused", "fault", "none", "kw", "str", "num", "fn", "bi")
BEHIND = ("paper", "wash", "fail-wash")


def schemes() -> dict[str, dict[str, str]]:
    """The colour variables of each block that sets them."""
    css = (data_directory("templates") / "report.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    found = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6});", block)) for block in blocks]
    return dict(zip(("light", "dark", "print"), found, strict=True))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * char for char in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("text", TEXT)
def test_contrast_is_at_least_4_5(scheme: str, text: str, behind: str) -> None:
    colours = schemes()[scheme]
    low, high = sorted((luminance(colours[text]), luminance(colours[behind])))
    assert (high + 0.05) / (low + 0.05) >= 4.5
