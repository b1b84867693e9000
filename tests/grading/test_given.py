"""When a defect is the skeleton's: the given code stands as it was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.grading.given import kernel_unchanged

FOLDER = Path(__file__).parents[2] / "reference_kernels/conv1d/26.5"
SKELETON = (FOLDER / "skeleton.mojo").read_text()
RIGHT = (FOLDER / "right.mojo").read_text()
WHOLE = (FOLDER / "whole_domain.mojo").read_text()


def unchanged(text):
    return kernel_unchanged(text, [SKELETON], "conv1d_kernel")


def test_filling_the_hole_changes_nothing_given():
    assert unchanged(RIGHT)


def test_comments_and_blank_lines_change_nothing():
    assert unchanged(RIGHT.replace("    barrier()\n", "    # wait\n\n    barrier()\n"))


def test_a_repaired_kernel_is_the_students():
    assert not unchanged(WHOLE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    barrier()\n", ""),
        ("comptime TPB = 15", "comptime TPB = 16"),
        ("@extensibility.register", "def other():\n    pass\n\n\n@extensibility.register"),
        ("def conv1d_kernel[", "def conv1d_kernel2["),
        (
            "        comptime if target",
            "        def inner():\n            pass\n        comptime if target",
        ),
    ],
)
def test_changed_given_code_is_the_students(old, new):
    assert old in RIGHT
    assert not unchanged(RIGHT.replace(old, new, 1))
