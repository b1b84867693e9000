"""A run that is killed at any moment goes on where it stopped: nothing lost, nothing done twice."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from grader.batch.database import DATABASE
from tests.batch.harness import children_of, log_lines, make_class, start

COUNT = 50
MOMENTS = 20


def gradings(folder: Path) -> Counter[str]:
    """How often each program's result was stored."""
    connection = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True)
    try:
        return Counter(row[0] for row in connection.execute("SELECT program FROM gradings"))
    except sqlite3.OperationalError:
        return Counter()  # killed before the tables were there
    finally:
        connection.close()


def test_killed_at_twenty_moments_then_resumed(tmp_path):
    """Each kill -9 may cost the gradings that were running, at most one for each worker."""
    source = make_class(
        tmp_path / "class",
        {f"s{n:02}.mojo": f"fn f{n}(): # sleep 0.2\n    score({n})\n" for n in range(COUNT)},
    )
    folder, log = tmp_path / "run", tmp_path / "log"
    dice = random.Random(20)
    stored: Counter[str] = Counter()
    kills = 0
    for _ in range(MOMENTS):
        process = start(source, folder, log=log)
        try:
            process.communicate(timeout=dice.uniform(0.1, 1.0))
        except subprocess.TimeoutExpired:
            process.kill()
            kills += 1
            process.communicate()
        if (folder / DATABASE).exists():
            now = gradings(folder)
            assert all(now[program] == 1 for program in stored), "a stored result was lost"
            stored = now
    ended = start(source, folder, log=log)
    _, errors = ended.communicate(timeout=60)
    assert ended.returncode == 0, errors.decode()
    assert kills == MOMENTS
    final = gradings(folder)
    assert len(final) == COUNT
    assert set(final.values()) == {1}, "a program was graded twice"
    begun = Counter(line.split()[0] for line in log_lines(log))
    assert sum(begun.values()) <= COUNT + 2 * kills


def test_what_a_killed_run_leaves_running_ends(tmp_path):
    """The grading processes notice that the run has gone."""
    source = make_class(tmp_path / "class", {"a.mojo": "x # sleep 30", "b.mojo": "y # sleep 30"})
    log = tmp_path / "log"
    process = start(source, tmp_path / "run", log=log)
    deadline = time.monotonic() + 20
    while len(log_lines(log)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    children = children_of(process.pid)
    assert len(children) == 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while any(Path(f"/proc/{pid}/cmdline").exists() and _alive(pid) for pid in children):
        assert time.monotonic() < deadline, "a grading outlived its run"
        time.sleep(0.05)


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_interrupted_run_leaves_nothing_and_goes_on(tmp_path, signal_name):
    """Ctrl-C through the command itself; its gradings are real ones, of what packages at once."""
    import signal
    import sys

    source = make_class(tmp_path / "class", {f"s{n}.mojo": f"not mojo {n}" for n in range(6)})
    command = [
        sys.executable,
        "-m",
        "grader",
        "batch",
        str(source),
        "--puzzle",
        "conv1d",
        "--out",
        str(tmp_path / "run"),
    ]
    # Started in the background of a script, the tests inherit an ignored SIGINT and would hand
    # it down.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [*command, "--device", "software", "--workers", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    signal.signal(signal.SIGINT, inherited)
    deadline = time.monotonic() + 30
    while not children_of(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    children = children_of(process.pid)
    process.send_signal(getattr(signal, signal_name))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert "the same command goes on" in errors.decode()
    assert not any(_alive(pid) for pid in children)


def _alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
