"""``grade init course``: what is written, and that every step of it runs."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from benchmarks.labels import sample_file
from grader.cli.course import init
from grader.cli.root import root
from grader.course import write_course
from grader.errors import UsageError
from grader.record import load as load_record
from grader.report import render
from tests.action.runs import ACTION, GRADE, ROOT
from tests.action.workflow import Job, load
from tests.course.machines import environment, installer
from tests.report import records

SKELETON = (ROOT / "reference_kernels/conv1d/26.5/skeleton.mojo").read_bytes()
BROKEN = sample_file("block_dim_missing").read_bytes()
FILES = {
    "README.md",
    "student/conv1d.mojo",
    "student/README.md",
    "student/.gitignore",
    "student/.vscode/tasks.json",
    "student/.github/workflows/grade.yml",
    "instructor/README.md",
    "instructor/.gitignore",
    "instructor/roster.csv",
    "instructor/fetch.sh",
    "instructor/.github/workflows/grade-class.yml",
    "lms/gradescope/setup.sh",
    "lms/gradescope/run_autograder",
    "lms/classroom50/autograder.py",
}


class TestFiles:
    def test_all_are_written(self, course: Path) -> None:
        found = {str(p.relative_to(course)) for p in course.rglob("*") if p.is_file()}
        assert found == FILES

    def test_the_skeleton_is_that_of_the_edition(self, course: Path) -> None:
        assert (course / "student/conv1d.mojo").read_bytes() == SKELETON
        workflow = load(course / "student/.github/workflows/grade.yml")
        (step,) = [s for s in workflow["jobs"]["grade"]["steps"] if s.get("id") == "grade"]
        assert step["uses"] == "octo/mojo-grade@v1.2"
        # Not a number: 26.10 is not 26.1.
        assert step["with"]["edition"] == "26.5"

    def test_nothing_is_left_of_the_templates(self, course: Path) -> None:
        for path in course.rglob("*"):
            if path.is_file():
                text = path.read_text()
                assert "@[" not in text
                assert "]@" not in text

    def test_the_task_of_the_editor_finds_what_is_wrong(self, course: Path) -> None:
        tasks = json.loads((course / "student/.vscode/tasks.json").read_text())["tasks"]
        for task in tasks:
            command, *arguments = task["args"]
            own = root.commands[command]
            own.make_parser(click.Context(own)).parse_args(arguments)
        matcher = tasks[0]["problemMatcher"]["pattern"]
        file = "/home/ann/my work/conv1d.mojo"
        said = render(records.does_not_compile(), "gcc", path=file).decode().splitlines()
        found = [match for line in said if (match := re.match(matcher["regexp"], line))]
        assert len(found) == len(said) - 1, "the verdict is no problem of the file"
        error = records.does_not_compile().diagnostics[0]
        shown = {name: found[0][matcher[name]] for name in ("file", "line", "column", "severity")}
        place = {"line": str(error.line), "column": str(error.column)}
        assert shown == {"file": file, "severity": "error", **place}

    def test_what_runs_can_be_run(self, course: Path) -> None:
        for name in ("lms/gradescope/run_autograder", "instructor/fetch.sh"):
            assert os.access(course / name, os.X_OK)

    def test_nothing_is_overwritten(self, course: Path) -> None:
        (course / "student/conv1d.mojo").write_text("mine")
        (course / "README.md").unlink()
        with pytest.raises(UsageError, match="there already"):
            write_course(course, puzzles=["conv1d"], edition="auto", action="a/b@c")
        assert (course / "student/conv1d.mojo").read_text() == "mine"
        assert not (course / "README.md").exists()

    @pytest.mark.parametrize("action", ["", "a/b", "a@b", "a/b@", "a/b@c d", "a/b@c\n", 'a/"@c'])
    def test_what_is_no_action_is_refused(self, tmp_path: Path, action: str) -> None:
        with pytest.raises(UsageError, match="--action"):
            write_course(tmp_path, puzzles=["conv1d"], edition="auto", action=action)
        assert not list(tmp_path.iterdir())

    def test_the_command(self, tmp_path: Path) -> None:
        ended = CliRunner().invoke(init, ["course", str(tmp_path / "c"), "--puzzle", "conv1d"])
        assert ended.exit_code == 0
        assert len(ended.output.splitlines()) == len(FILES) + 1


class TestSeveralPuzzles:
    """Files of several puzzles in one repository: a job for each, and one run over all."""

    @pytest.fixture
    def several(self, tmp_path: Path) -> Path:
        folder = tmp_path / "several"
        words = ["course", str(folder), "--puzzle", "zip", "--puzzle", "guards"]
        ended = CliRunner().invoke(init, [*words, "--action", "octo/mojo-grade@v1.2"])
        assert ended.exit_code == 0, ended.output
        return folder

    def test_files(self, several: Path) -> None:
        found = {str(p.relative_to(several)) for p in several.rglob("*") if p.is_file()}
        own = {"student/zip.mojo", "student/guards.mojo"}
        one_puzzle = {each for each in FILES if each.startswith("lms/")} | {"student/conv1d.mojo"}
        assert found == FILES - one_puzzle | own
        for name in found:
            text = (several / name).read_text()
            assert not [each for each in ("@[", "]@", "@%", "%@") if each in text], name

    def test_each_has_a_job(self, several: Path) -> None:
        job = load(several / "student/.github/workflows/grade.yml")["jobs"]["grade"]
        assert job["strategy"]["matrix"] == {"puzzle": ["zip", "guards"]}
        (step,) = [each for each in job["steps"] if each.get("id") == "grade"]
        assert step["with"]["path"] == "${{ matrix.puzzle }}.mojo"
        assert step["with"]["puzzle"] == "${{ matrix.puzzle }}"

    def test_all_are_graded_together(self, several: Path, tmp_path: Path) -> None:
        """The run is listed only: each file as what it is."""
        server, work = tmp_path / "server", tmp_path / "job"
        for owner, names in (("ada", ("zip", "guards")), ("bob", ("guards",))):
            folder = server / "octo" / owner
            folder.mkdir(parents=True)
            for name in names:
                text = (several / f"student/{name}.mojo").read_text()
                (folder / f"{name}.mojo").write_text(text)
            commit(folder, when="2026-11-01T12:00:00Z")
        roster = "id,name,email,repository\n1,Ada,a@example.invalid,octo/ada\n"
        roster += "2,Bob,b@example.invalid,octo/bob\n3,Cem,c@example.invalid,octo/gone\n"
        lists = tmp_path / "grade"
        lists.write_text(
            f'#!/bin/sh\n[ "$1" != batch ] || exec {GRADE} "$@" --device software --dry-run\n'
        )
        lists.chmod(0o755)
        given = environment(
            tmp_path, SUBMISSIONS_SERVER=f"file://{server}", GRADE_COMMAND=str(lists)
        )
        job = Job(work, given, {"due": ""}, {"SUBMISSIONS_TOKEN": "t", "COURSE_SECRET": "0" * 16})
        job.workspace.mkdir(parents=True)
        for name in ("fetch.sh", "roster.csv"):
            (job.workspace / name).write_bytes((several / "instructor" / name).read_bytes())
            (job.workspace / name).chmod(0o755)
        (job.workspace / "roster.csv").write_text(roster)
        workflow = load(several / "instructor/.github/workflows/grade-class.yml")
        job.run(workflow["jobs"]["grade"]["steps"])
        assert not job.failed, job.log
        listed = job.step("Grade").log
        assert "3 files of 2 puzzles: zip, guards" in listed
        for row in (
            r"1/zip.mojo +as zip",
            r"1/guards.mojo +as guards",
            r"2/guards.mojo +as guards",
        ):
            assert re.search(row, listed), row
        assert re.search(r"cem-3 \(Cem\) +nothing handed in", listed)


def commit(folder: Path, *, when: str) -> None:
    """Everything in a folder, as a commit of a repository there."""
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    who = ["-c", "user.name=s", "-c", "user.email=s@example.invalid"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        [*who, "commit", "--quiet", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True, env={**os.environ, **dates})


class TestStudentsWorkflow:
    def run(self, course: Path, tmp_path: Path, submission: bytes | None) -> Job:
        """The workflow, with the action's own steps in the place of its name."""

        def uses(name: str, given: Mapping[str, str], job: Job) -> Mapping[str, str]:
            if not name.startswith("octo/mojo-grade@"):
                return {}
            defaults = {key: entry.get("default", "") for key, entry in ACTION["inputs"].items()}
            inner = Job(
                tmp_path / "job",
                {"PATH": "/usr/bin:/bin", "MOJO_GRADE": str(GRADE)},
                {**defaults, **given},
            )
            inner.run(ACTION["runs"]["steps"], action=ROOT)
            job.failed = inner.failed
            job.summary += inner.summary
            return {key: inner.value(entry["value"]) for key, entry in ACTION["outputs"].items()}

        job = Job(tmp_path / "job", environment(tmp_path), uses=uses)
        job.workspace.mkdir(parents=True)
        for path in (course / "student").iterdir():
            if path.is_file():
                (job.workspace / path.name).write_bytes(path.read_bytes())
        if submission is None:
            (job.workspace / "conv1d.mojo").unlink()
        else:
            (job.workspace / "conv1d.mojo").write_bytes(submission)
        workflow = load(course / "student/.github/workflows/grade.yml")
        job.run(workflow["jobs"]["grade"]["steps"])
        return job

    def test_the_first_push(self, course: Path, tmp_path: Path) -> None:
        job = self.run(course, tmp_path, SKELETON)
        assert job.failed
        assert "Score: 0 of 100" in job.step("Show the score").log
        assert "nothing was filled in" in job.summary.lower()

    def test_a_push_without_the_file(self, course: Path, tmp_path: Path) -> None:
        job = self.run(course, tmp_path, None)
        assert job.failed
        assert "Not accepted" in job.summary


class TestInstructorsWorkflow:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Path:
        """Repositories of students: two commits, no file, a link, and one that is not there."""
        server = tmp_path / "server"
        self.repository(server / "octo/ada", SKELETON, when="2026-11-01T12:00:00Z")
        self.repository(server / "octo/ada", b"late", when="2026-12-24T12:00:00Z")
        self.repository(server / "octo/bob", None, when="2026-11-01T12:00:00Z")
        self.repository(server / "octo/eve", "/etc/passwd", when="2026-11-01T12:00:00Z")
        return server

    def repository(self, folder: Path, submission: bytes | str | None, *, when: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "conv1d.mojo"
        if isinstance(submission, str):
            file.symlink_to(submission)
        elif submission is not None:
            file.write_bytes(submission)
        commit(folder, when=when)

    def run(
        self,
        course: Path,
        tmp_path: Path,
        server: Path,
        *,
        command: Path | None = None,
        search: str = "",
    ) -> Job:
        roster = (
            "id,name,email,repository\n"
            '001,"Lovelace, Ada",ada@example.invalid,octo/ada\n'
            "002,=cmd(),bob@example.invalid,octo/bob\n"
            "003,Eve,eve@example.invalid,octo/eve\n"
            "004,Zoe,zoe@example.invalid,octo/gone\n"
            "../x,Mallory,m@example.invalid,octo/ada\n"
            "005,Oscar,o@example.invalid,../../etc\n"
        )
        job = Job(
            tmp_path / "job",
            environment(
                tmp_path,
                SUBMISSIONS_SERVER=f"file://{server}",
                **({"GRADE_COMMAND": str(command)} if command else {}),
                **({"PATH": search} if search else {}),
            ),
            {"due": "2026-12-01T00:00:00Z"},
            {"SUBMISSIONS_TOKEN": "t0k3n", "COURSE_SECRET": "0123456789abcdef"},
        )
        job.workspace.mkdir(parents=True)
        for path in (course / "instructor").iterdir():
            if path.is_file():
                (job.workspace / path.name).write_bytes(path.read_bytes())
                (job.workspace / path.name).chmod(path.stat().st_mode)
        (job.workspace / "roster.csv").write_text(roster)
        workflow = load(course / "instructor/.github/workflows/grade-class.yml")
        job.run(workflow["jobs"]["grade"]["steps"])
        return job

    def test_every_step(self, course: Path, tmp_path: Path, server: Path) -> None:
        job = self.run(course, tmp_path, server, command=GRADE)
        assert not job.failed, job.log
        fetched = job.step("Fetch the submissions").log
        assert "fetched: 001" in fetched
        assert "no file: 002" in fetched
        assert "::warning title=Not graded::not fetched: 004 (octo/gone)" in fetched
        assert "'../x' has no plain id" in fetched
        assert "'005' has no plain id and owner/name" in fetched
        # The last commit before the due date, not the latest.
        assert (job.workspace / "work/001/conv1d.mojo").read_bytes() == SKELETON
        # A link is a text to git, and is not followed.
        assert (job.workspace / "work/003/conv1d.mojo").read_bytes() == b"/etc/passwd"
        assert not list((job.workspace / "work").rglob(".git"))
        assert (job.workspace / "out/index.html").is_file()
        graded = self.rows(job, "grades.csv", "id")
        assert set(graded) == {"001", "002", "003", "004", "005", "../x"}
        assert graded["001"]["name"] == "Lovelace, Ada"
        assert (graded["001"]["status"], graded["001"]["grade"]) == ("not passed", "0")
        assert graded["002"]["name"] == "'=cmd()"
        for nobody in ("002", "004", "005", "../x"):
            assert (graded[nobody]["status"], graded[nobody]["grade"]) == ("nothing handed in", "")
        assert set(self.rows(job, "canvas.csv", "SIS User ID")) == {"", "001", "003"}
        assert set(self.rows(job, "moodle.csv", "Full name")) == {"Lovelace, Ada", "Eve"}
        report = job.workspace / "out" / graded["001"]["report"]
        assert "Nothing was filled in" in report.read_text()
        assert load_record(job.workspace / f"out/reports/{graded['001']['student']}/record.json")
        assert "t0k3n" not in job.log

    def test_the_grader_of_the_action_is_installed(
        self, course: Path, tmp_path: Path, server: Path
    ) -> None:
        tools = installer(tmp_path / "tools")
        job = self.run(course, tmp_path, server, search=f"{tools}:/usr/bin:/bin")
        assert not job.failed, job.log
        assert (tools / "asked").read_text() == (
            "-m pip install --quiet git+https://github.com/octo/mojo-grade@v1.2\n"
        )
        assert job.environment["GRADE_COMMAND"].startswith(str(job.temp))
        assert (job.workspace / "out/gradebook/grades.csv").is_file()

    def test_the_token_is_in_one_step_only(self, course: Path) -> None:
        workflow = load(course / "instructor/.github/workflows/grade-class.yml")
        steps = workflow["jobs"]["grade"]["steps"]
        assert [s["name"] for s in steps if "SUBMISSIONS_TOKEN" in str(s)] == [
            "Fetch the submissions"
        ]
        assert "SUBMISSIONS_TOKEN" not in str({k: v for k, v in workflow.items() if k != "jobs"})

    def test_a_fault_is_red_and_what_there_is_is_kept(
        self, course: Path, tmp_path: Path, server: Path
    ) -> None:
        command = tmp_path / "grade"
        command.write_text('#!/bin/sh\n[ "$1" != batch ] || exit 4\n')
        command.chmod(0o755)
        job = self.run(course, tmp_path, server, command=command)
        assert job.failed
        assert job.step("Grade").outcome == "failure"
        assert job.step("Keep the results").outcome == "success"

    def rows(self, job: Job, gradebook: str, key: str) -> dict[str, dict[str, str]]:
        path = job.workspace / "out/gradebook" / gradebook
        with path.open(newline="", encoding="utf-8-sig") as file:
            return {row[key]: row for row in csv.DictReader(file)}
