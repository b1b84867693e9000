"""action.yml, run: its own steps in order, with the runner's files and a clean environment."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from benchmarks.labels import sample_file
from grader.record import Record, RubricInfo, Status, Visibility
from tests.action.runs import GRADE, ROOT, outputs
from tests.action.workflow import Job, commands
from tests.report import hostile, models, records
from tests.report.page_of_markdown import Rendered

REFERENCES = ROOT / "reference_kernels/conv1d/26.5"
WRONG = sample_file("grid_dim_one")
BROKEN = sample_file("block_dim_missing")
KINDS = ("error", "warning", "notice")


def annotated(job: Job) -> list[tuple[str, dict[str, str], str]]:
    found = commands(job.log)
    assert {name for name, _, _ in found} <= set(KINDS)
    return found


def classroom(job: Job) -> models.Classroom:
    decoded = base64.b64decode(outputs(job)["result"], validate=True)
    return msgspec.json.decode(decoded, type=models.Classroom)


class TestVerdicts:
    def test_right(self, run, grader, artifacts) -> None:
        job = run(grader(records.passed()), {"conv1d.mojo": b"x"})
        assert not job.failed
        found = outputs(job)
        assert (found["score"], found["max-score"]) == ("100", "100")
        assert (found["passed"], found["verdict"]) == ("true", "pass")
        assert {kind for kind, _, _ in annotated(job)} == {"notice"}
        assert "Passed, 100 / 100" in Rendered(job.summary).text
        assert list(artifacts.uploaded) == ["grade-report-conv1d.mojo"]
        assert b"100" in Path(found["report-path"]).read_bytes()
        assert classroom(job).status == "pass"

    def test_wrong(self, run, grader, artifacts) -> None:
        path = "week 3/conv1d.mojo"
        job = run(grader(records.wrong_values()), {path: b"x"}, path=path)
        assert job.failed
        assert job.step("Say how it ended").outcome == "failure"
        assert {p["file"] for kind, p, _ in annotated(job) if kind == "error"} == {path}
        # Red comes last: the report is kept before.
        assert artifacts.uploaded
        assert outputs(job)["passed"] == "false"
        assert any("input_size 30, conv_size 2" in message for _, _, message in annotated(job))
        assert "differs" in job.summary
        assert classroom(job).status == "fail"

    def test_missing_file(self, run) -> None:
        job = run(GRADE)
        assert job.failed
        found = outputs(job)
        assert (found["verdict"], found["score"], found["passed"]) == ("refused", "0", "false")
        errors = [message for kind, _, message in annotated(job) if kind == "error"]
        assert any("conv1d.mojo" in message for message in errors)

    def test_nothing_filled_in(self, run, artifacts) -> None:
        job = run(GRADE, {"conv1d.mojo": (REFERENCES / "skeleton.mojo").read_bytes()})
        assert job.failed
        assert (outputs(job)["verdict"], outputs(job)["score"]) == ("fail", "0")
        assert artifacts.uploaded


class TestForReal:
    """With the compiler, as a student's push runs it."""

    def test_does_not_compile(self, run) -> None:
        job = run(GRADE, {"conv1d.mojo": BROKEN.read_bytes()})
        assert job.failed
        found = outputs(job)
        assert (found["verdict"], found["score"]) == ("fail", "0")
        errors = [entry for entry in annotated(job) if entry[0] == "error"]
        lines = [int(properties["line"]) for _, properties, _ in errors if "line" in properties]
        source = BROKEN.read_text().split("\n")
        assert any("enqueue_function" in source[line - 1] for line in lines)
        assert all(properties["file"] == "conv1d.mojo" for _, properties, _ in errors)

    @pytest.mark.slow
    @pytest.mark.exhaustive
    def test_right(self, run) -> None:
        source = (REFERENCES / "right.mojo").read_bytes()
        job = run(GRADE, {"conv1d.mojo": source}, device="software")
        assert not job.failed, job.log
        assert outputs(job)["score"] == "100"

    @pytest.mark.slow
    @pytest.mark.exhaustive
    def test_wrong(self, run) -> None:
        job = run(GRADE, {"conv1d.mojo": WRONG.read_bytes()}, device="software")
        assert job.failed
        assert outputs(job)["verdict"] == "fail", job.log
        assert "Smallest failing input" in job.summary


class TestFault:
    """A fault of the grader: a warning of its own wording, and no red cross."""

    def check(self, job: Job) -> str:
        assert not job.failed
        found = outputs(job)
        assert found["verdict"] == "fault"
        assert (found["score"], found["max-score"], found["passed"]) == ("", "", "")
        ((kind, properties, message),) = annotated(job)
        assert kind == "warning"
        assert properties == {"title": "No mark%3A the grader failed%2C not the submission"}
        assert "No points were taken" in message
        assert "No mark" in job.summary
        result = classroom(job)
        assert (result.status, result.max_score) == ("error", 0)
        return message

    def test_with_a_record(self, run, grader, artifacts) -> None:
        message = self.check(run(grader(records.faulted()), {"conv1d.mojo": b"x"}))
        assert "wgmma.mma_async" in message
        assert artifacts.uploaded

    @pytest.mark.parametrize(("code", "words"), [(-9, "ended by signal 9"), (1, "exit code 1")])
    def test_a_grader_that_dies(self, run, grader, artifacts, code: int, words: str) -> None:
        message = self.check(run(grader(None, code=code), {"conv1d.mojo": b"x"}))
        assert words in message
        assert not artifacts.uploaded

    def test_an_old_report_is_not_taken_for_a_new_one(self, run, grader, artifacts) -> None:
        run(grader(records.passed()), {"conv1d.mojo": b"x"})
        artifacts.uploaded.clear()
        self.check(run(grader(None, code=-11), {"conv1d.mojo": b"x"}))
        assert not artifacts.uploaded

    def test_a_grader_that_can_not_be_installed(self, run, tmp_path, artifacts) -> None:
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
        (tools / "python3").chmod(0o755)
        job = run(None, {"conv1d.mojo": b"x"}, search=f"{tools}:/usr/bin:/bin")
        assert "could not be installed" in self.check(job)
        assert job.step("Install the grader").outcome == "success"
        assert not artifacts.uploaded

    def test_a_grader_that_breaks_before_it_starts(self, run, tmp_path) -> None:
        broken = tmp_path / "grade"
        broken.write_text("#!/bin/sh\nexit 127\n")
        broken.chmod(0o755)
        assert "exit code 127" in self.check(run(broken, {"conv1d.mojo": b"x"}))

    def test_a_workflow_with_a_wrong_input(self, run) -> None:
        for name, value in (("pass_mark", "most"), ("audience", "everyone")):
            job = run(GRADE, {"conv1d.mojo": b"x"}, **{name: value})
            assert "input that it does not know" in self.check(job)
            assert value in job.log

    @pytest.mark.parametrize(("name", "value"), [("edition", "1.0"), ("puzzle", "p99")])
    def test_an_unknown_name_is_told_as_a_mistake_of_the_workflow(
        self, run, name: str, value: str
    ) -> None:
        message = self.check(run(GRADE, {"conv1d.mojo": b"x"}, **{name: value}))
        assert "the workflow calls the grader wrongly" in message.lower()


class TestRubric:
    HIDDEN = "zqHIDDENqz"

    def record(self) -> Record:
        """Right in all that shows, wrong in a check that is hidden from students."""
        made = records.wrong_values()
        checks = tuple(
            msgspec.structs.replace(
                check, title=self.HIDDEN, sentence=self.HIDDEN, visibility=Visibility.HIDDEN
            )
            if check.status is Status.FAILED
            else check
            for check in made.checks
        )
        return msgspec.structs.replace(
            made, checks=checks, headline=self.HIDDEN, advice=(self.HIDDEN,), rubric=RubricInfo()
        )

    def test_a_student_sees_nothing_of_a_hidden_check(self, run, grader, artifacts) -> None:
        job = run(grader(self.record()), {"conv1d.mojo": b"x"})
        found = outputs(job)
        assert not job.failed
        assert (found["verdict"], found["score"], found["max-score"]) == ("pass", "60", "60")
        (report,) = artifacts.uploaded.values()
        seen = [
            job.log,
            job.summary,
            report.read_text(),
            base64.b64decode(found["result"]).decode(),
        ]
        seen.append((report.parent / "record.json").read_text())
        assert not any(self.HIDDEN in text for text in seen)
        assert "40 points more are decided by checks that are not shown" in job.log

    def test_an_instructor_sees_everything(self, run, grader, artifacts) -> None:
        job = run(grader(self.record()), {"conv1d.mojo": b"x"}, audience="instructor")
        assert job.failed
        assert outputs(job)["score"] == "60"
        (report,) = artifacts.uploaded.values()
        for text in (job.log, job.summary, report.read_text()):
            assert self.HIDDEN in text
        assert "hidden from students" in report.read_text()

    def test_a_rubric_with_a_mistake_is_told_with_its_line(self, run) -> None:
        rubric = b'puzzle = "conv1d"\n[checks.integer]\n'
        job = run(GRADE, {"conv1d.mojo": b"x", "course/r.toml": rubric}, rubric="course/r.toml")
        assert "r.toml, line 2: checks.integer" in job.log
        assert not job.failed
        assert outputs(job)["verdict"] == "fault"

    def test_a_rubric_is_used(self, run) -> None:
        """The skeleton, which needs no compile, out of the points of the file."""
        rubric = b'puzzle = "conv1d"\n[checks.integers]\npoints = 75\n'
        skeleton = (REFERENCES / "skeleton.mojo").read_bytes()
        job = run(GRADE, {"conv1d.mojo": skeleton, "r.toml": rubric}, rubric="r.toml")
        assert (outputs(job)["score"], outputs(job)["max-score"]) == ("0", "150")


class TestFailOn:
    @pytest.mark.parametrize(
        ("fail_on", "name", "red"),
        [
            ("fail", "wrong-values", True),
            ("fail", "faulted", False),
            ("fault", "wrong-values", False),
            ("fault", "faulted", True),
            ("fail,fault", "refused", True),
            ("never", "refused", False),
        ],
    )
    def test_it_says_what_is_red(self, run, grader, fail_on: str, name: str, red: bool) -> None:
        job = run(grader(records.ALL[name]()), {"conv1d.mojo": b"x"}, fail_on=fail_on)
        assert job.failed == red

    def test_a_pass_mark_decides_what_passes(self, run, grader) -> None:
        job = run(grader(records.wrong_values()), {"conv1d.mojo": b"x"}, pass_mark="60")
        assert not job.failed
        found = outputs(job)
        assert (found["passed"], found["verdict"], found["score"]) == ("true", "fail", "60")

    def test_a_fault_is_red_where_that_is_wanted_even_without_a_grader(self, run, tmp_path) -> None:
        broken = tmp_path / "grade"
        broken.write_text("#!/bin/sh\nexit 1\n")
        broken.chmod(0o755)
        job = run(broken, {"conv1d.mojo": b"x"}, fail_on="fault")
        assert job.failed
        assert "not the submission" in job.step("Say how it ended").log


class TestHostile:
    BAIT = (
        "\n::error title=owned::x\n::set-output name=score::100\r::add-path::/tmp\n"
        "##[set-env name=PATH;]/tmp\n::stop-commands::x\n::x::\nscore=100\npassed<<EOF\ntrue\nEOF\n"
    )

    def test_a_record_full_of_commands(self, run, grader) -> None:
        for name in ("wrong-values", "does-not-compile", "faulted", "refused"):
            bad = hostile.poisoned(records.ALL[name](), self.BAIT)
            # What `decode` reads is of this version.
            bad = msgspec.structs.replace(
                bad,
                schema=records.passed().schema,
                device=None,
                shapes=(),
            )
            job = run(grader(bad), {"conv1d.mojo": b"x"})
            assert all(properties.get("title") != "owned" for _, properties, _ in annotated(job))
            assert set(job.step("Grade").outputs) == {
                "verdict",
                "score",
                "max-score",
                "passed",
                "result",
                "report-path",
                "exit",
                "artifact",
            }
            assert outputs(job)["score"] != "100"

    def test_a_file_and_a_name_full_of_commands(self, run) -> None:
        name = "we,ek:3/%0A::error::co nv1d ##[error].mojo"
        source = BROKEN.read_text() + self.BAIT.replace("\r", "\n")
        job = run(GRADE, {name: source.encode()}, path=name)
        found = annotated(job)
        assert outputs(job)["verdict"] == "fail"
        assert all(p["file"] == escaped(name) for kind, p, _ in found if kind == "error")
        assert outputs(job)["score"] == "0"

    def test_inputs_never_reach_a_shell(self, run) -> None:
        job = run(GRADE, path='$(touch owned)`touch owned`";touch owned;#.mojo')
        assert not list(job.root.rglob("owned"))
        assert outputs(job)["verdict"] == "refused"

    def test_an_option_is_no_option(self, run) -> None:
        job = run(GRADE, path="--help")
        assert outputs(job)["verdict"] == "refused"


def escaped(text: str) -> str:
    return text.replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
