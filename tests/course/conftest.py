"""A course as ``grade init course`` writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.course import write_course


@pytest.fixture
def course(tmp_path: Path) -> Path:
    folder = tmp_path / "course"
    write_course(folder, puzzles=["conv1d"], edition="auto", action="octo/mojo-grade@v1.2")
    return folder
