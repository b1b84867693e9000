"""Fixtures for attacks: a place to grade them, and a reason where there is no sandbox."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest

from grader.errors import SandboxFault
from grader.sandbox import Isolation, Wanted, probe
from tests.hostile import grading
from tests.hostile.grading import Graded


@functools.cache
def why_not() -> str:
    """Why bubblewrap does not run here; empty where it does."""
    try:
        report = probe(Wanted.AUTO)
    except SandboxFault as fault:
        return fault.what
    return "" if report.level is Isolation.BWRAP else report.why_not_better


@pytest.fixture
def grade(tmp_path) -> Callable[..., Graded]:
    """`tests.hostile.grading.grade` in a folder of its own."""
    if why := why_not():
        pytest.skip(f"bubblewrap does not run here: {why}")
    return functools.partial(grading.grade, tmp_path)
