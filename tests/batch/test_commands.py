"""``grade batch`` and its subcommands as a user types them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest

from tests.batch.harness import (
    ROOT,
    make_class,
)

pytestmark = pytest.mark.usefixtures("log")


def grade(*words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "grader", *map(str, words)],
        capture_output=True, text=True, cwd=ROOT, check=False, timeout=timeout,
    )  # fmt: skip


class TestCommands:
    """As a user types them; the files do not package, so that no graph is compiled."""

    def test_a_class_from_start_to_gradebook(self, tmp_path):
        source = make_class(
            tmp_path / "c", {"ann.mojo": "not mojo", "bob.mojo": "", "cem.mojo": "not  mojo # c"}
        )
        command = (
            "batch",
            source,
            "--puzzle",
            "conv1d",
            "--out",
            tmp_path / "run",
            "--device",
            "software",
        )
        roster = tmp_path / "roster.csv"
        roster.write_text("name\nann\nbob\ncem\nGus Gone\n")
        command += ("--roster", roster)
        listed = grade(*command, "--dry-run")
        assert listed.returncode == 0, listed.stderr
        assert "to grade: not graded yet" in listed.stdout
        assert "as ann, whose program is equal" in listed.stdout
        assert re.search(r"gus-gone +nothing handed in", listed.stdout)
        assert "Nothing was graded or written." in listed.stdout
        ended = grade(*command, "--workers", 1, "--title", "Week 3")
        assert ended.returncode == 0, ended.stderr
        assert "[1/1] not passed" in ended.stderr
        assert (tmp_path / "run" / "index.html").is_file()
        assert (tmp_path / "run" / "feedback" / "cem" / "report.html").is_file()
        assert "Nothing to grade" in grade(*command).stderr
        shown = grade("show", tmp_path / "run", "cem")
        assert "Equal to:    ann" in shown.stdout
        assert f"Report: {tmp_path / 'run/reports/cem/report.html'}" in shown.stdout
        seen = grade("show", tmp_path / "run", "cem", "--audience", "student").stdout
        assert "Equal to" not in seen
        assert f"Report: {tmp_path / 'run/feedback/cem/report.html'}" in seen
        (tmp_path / "run" / "index.html").unlink()
        assert grade("rerender", tmp_path / "run").returncode == 0
        assert "Week 3" in (tmp_path / "run" / "index.html").read_text()
        differs = grade("diff", tmp_path / "run", tmp_path / "run")
        assert "0 marks differ" in differs.stdout

    def test_nothing_that_students_get_tells_where_it_was_graded(self, tmp_path):
        """Refused, equal and wrong files: all that is sent back or imported is searched."""
        source = make_class(
            tmp_path / "c",
            {"ann.mojo": "not mojo", "bob.mojo": "", "cem.mojo": "not  mojo # c", "dan.mojo": ""},
        )
        (source / "eve.mojo").write_bytes(b"\xff\xfe\0")
        (source / "fay.mojo").symlink_to(source / "ann.mojo")
        os.mkfifo(source / "gus.mojo")
        with zipfile.ZipFile(source / "hal.zip", "w") as made:
            made.writestr("conv1d.mojo", "score(1)")
        folder = tmp_path / "run"
        ended = grade(
            "batch",
            source,
            "--puzzle",
            "conv1d",
            "--out",
            folder,
            "--device",
            "software",
            "--workers",
            1,
        )
        assert ended.returncode == 0, ended.stderr
        sent = [*(folder / "feedback").rglob("*.html")]
        assert len(sent) >= 6
        for file in (
            *sent,
            *(folder / "gradebook" / name for name in ("canvas.csv", "moodle.csv")),
        ):
            text = file.read_text()
            for place in (tmp_path, ROOT, sys.prefix, tempfile.gettempdir(), Path.home()):
                assert f"{place}/" not in text, file
        for student in ("ann", "bob"):
            shown = grade("show", folder, student, "--audience", "student").stdout
            # Its last line is for the instructor who asks: where the report lies.
            assert str(tmp_path) not in shown.partition("Report: ")[0]

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (("--roster", "missing.csv"), "can't be read"),
            (("--scheduler", "nonsense://x"), "no scheduler answers"),
        ],
    )
    def test_wrong_calls_end_with_2(self, tmp_path, words, says):
        source = make_class(tmp_path / "c", {"ann.mojo": "not mojo"})
        ended = grade("batch", source, "--puzzle", "conv1d", "--out", tmp_path / "run", *words)
        assert ended.returncode == 2
        assert says in ended.stderr

    def test_a_machine_that_cannot_grade_says_so_before_the_class_is_tried(self, tmp_path):
        source = make_class(tmp_path / "c", {"ann.mojo": "not mojo", "bob.mojo": "nor this"})
        data = {"XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
        ended = subprocess.run(
            [sys.executable, "-m", "grader", "batch", str(source), "--puzzle", "conv1d",
             "--out", str(tmp_path / "run"),
             "--edition", "25.4", "--device", "software"],
            capture_output=True, text=True, cwd=ROOT, check=False, timeout=60,
            env={**os.environ, **data},
        )  # fmt: skip
        assert ended.returncode == 4
        assert "grade toolchain install 25.4" in ended.stderr
        assert "[1/2]" not in ended.stderr

    def test_help_documents_the_exit_codes(self):
        ended = grade("batch", "--help")
        for code in ("0", "2", "4", "130"):
            assert f"\n    {code} " in ended.stdout

    def test_names_that_are_no_text(self, tmp_path):
        folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xe9t\xe9")
        source = make_class(Path(folder), {"ann.mojo": "not mojo"})
        rubric = Path(folder + ".toml")
        rubric.write_text('puzzle = "conv1d"\n')
        command = (
            "batch",
            source,
            "--puzzle",
            "conv1d",
            "--out",
            tmp_path / "run",
            "--device",
            "software",
        )
        ended = grade(*command, "--rubric", rubric)
        assert ended.returncode == 0, ended.stderr
        assert (tmp_path / "run" / "index.html").is_file()
