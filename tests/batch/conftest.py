"""What the tests of the engine share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stub of a grader notes what it was asked to grade."""
    monkeypatch.setenv("GRADE_TEST_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("GRADE_SECRET", "a secret that is long enough")
    return tmp_path / "log"
