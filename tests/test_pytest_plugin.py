"""`pytest --grade FILE`: one test for each check of a record."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grader.folders import reference_kernel
from grader.record import Status
from tests.report import records

ROOT = Path(__file__).parents[1]
STUB = """
import grader.api
import tests.report.records as records

def grade(path, **more):
    (config.rootpath / "asked").write_text(repr(more))
    return records.ALL[path.stem]()

def pytest_configure(config):
    globals()["config"] = config
    grader.api.grade = grade
"""


def run(folder: Path, *arguments: str, stub: bool = True) -> tuple[int, str]:
    """Run pytest on files whose names are those of representative records."""
    if stub:
        (folder / "conftest.py").write_text(STUB)
    (folder / "pytest.ini").write_text("[pytest]\n")
    plugins = ["-p", "grader.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-v", "-rs", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def graded(folder: Path, name: str, *more: str) -> tuple[int, str]:
    (folder / f"{name}.mojo").write_text("pass\n")
    return run(folder, "--grade", f"{name}.mojo", *more)


def test_each_check_is_a_test_and_so_is_the_verdict(tmp_path: Path) -> None:
    record = records.wrong_values()
    code, said = graded(tmp_path, "wrong-values")
    assert code == 1
    word = {Status.PASSED: "PASSED", Status.FAILED: "FAILED", Status.NOT_CHECKED: "SKIPPED"}
    for check in record.checks:
        assert f"wrong-values.mojo::{check.id} {word[check.status]}" in said
    assert "wrong-values.mojo::verdict FAILED" in said
    assert "Smallest failing input" in said
    assert record.headline.split(":")[0] in said
    assert "Traceback" not in said
    failed = sum(each.status is Status.FAILED for each in record.checks)
    assert f"{failed + 1} failed" in said


def test_a_pass_passes(tmp_path: Path) -> None:
    """Extra credit that was not earned costs nothing here, either."""
    code, said = graded(tmp_path, "passed")
    assert code == 0
    assert "passed.mojo::verdict PASSED" in said


def test_a_fault_is_no_failed_test(tmp_path: Path) -> None:
    code, said = graded(tmp_path, "faulted")
    assert code == pytest.ExitCode.INTERRUPTED
    assert "The grader failed, not the submission" in said
    assert "FAILED" not in said
    assert "Traceback" not in said


def test_a_file_that_is_refused_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.mojo").write_text("")
    code, said = run(tmp_path, "--grade", "empty.mojo", stub=False)
    assert code == pytest.ExitCode.INTERRUPTED
    assert "is empty" in said
    assert "Traceback" not in said


def test_only_what_is_named_is_collected(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    _, alone = graded(tmp_path, "passed")
    assert "test_own" not in alone
    _, both = graded(tmp_path, "passed", "test_own.py")
    assert "test_own.py::test_own PASSED" in both
    assert "passed.mojo::verdict PASSED" in both
    code, none = run(tmp_path)
    assert code == 0
    assert "passed.mojo" not in none


def test_puzzle_and_rubric_are_handed_on(tmp_path: Path) -> None:
    graded(tmp_path, "passed", "--grade-puzzle", "map", "--grade-rubric", "r.toml")
    assert (tmp_path / "asked").read_text() == "{'puzzle': 'map', 'rubric': 'r.toml'}"


def test_pytest_finds_it_where_the_grader_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"grader.pytest_plugin": "grader.pytest_plugin"}


def test_to_load_it_loads_nothing_of_the_grader() -> None:
    code = "import grader.pytest_plugin, sys; print([m for m in sys.modules if 'grader.' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['grader.pytest_plugin']"


@pytest.mark.slow
def test_a_real_file(tmp_path: Path) -> None:
    """The skeleton as it was given, which is told so without a run."""
    text = reference_kernel("conv1d", "26.5", "skeleton.mojo").read_text()
    (tmp_path / "conv1d.mojo").write_text(text)
    code, said = run(tmp_path, "--grade", "conv1d.mojo", stub=False)
    assert code == 1, said
    assert "conv1d.mojo::verdict FAILED" in said
