"""The scripts for Gradescope and Classroom 50 that ``grade init course`` writes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.action.runs import GRADE, ROOT
from tests.course.machines import environment, exit_code, installer, stub
from tests.report import models

SKELETON = (ROOT / "reference_kernels/conv1d/26.5/skeleton.mojo").read_bytes()


class TestGradescope:
    def run(self, course: Path, tmp_path: Path, command: Path) -> tuple[int, Path]:
        root = tmp_path / "autograder"
        (root / "submission").mkdir(parents=True)
        (root / "submission/conv1d.mojo").write_bytes(SKELETON)
        variables = environment(tmp_path, AUTOGRADER_ROOT=str(root), GRADE_COMMAND=str(command))
        code = exit_code([course / "lms/gradescope/run_autograder"], root, variables)
        return code, root / "results/results.json"

    def test_a_result(self, course: Path, tmp_path: Path) -> None:
        code, results = self.run(course, tmp_path, GRADE)
        assert code == 0
        document = msgspec.json.decode(results.read_bytes(), type=models.Gradescope)
        assert sum(test.score for test in document.tests) == 0
        assert not list(results.parent.glob(".*"))

    def test_the_image_gets_the_grader_of_the_action(self, course: Path, tmp_path: Path) -> None:
        tools = installer(tmp_path / "tools")
        place = tmp_path / "image"
        subprocess.run(
            ["bash", str(course / "lms/gradescope/setup.sh")],
            env=environment(tmp_path, PATH=f"{tools}:/usr/bin:/bin", GRADE_ENVIRONMENT=str(place)),
            check=True,
            capture_output=True,
            timeout=120,
        )
        assert (place / "bin/grade").exists()
        *packages, grader = (tools / "asked").read_text().splitlines()
        assert [line.split()[:2] for line in packages] == [
            ["apt-get", "update"],
            ["apt-get", "install"],
        ]
        assert grader == "-m pip install git+https://github.com/octo/mojo-grade@v1.2"

    def test_a_rubric_beside_the_script_counts_and_gradescope_hides_tests_itself(
        self, course: Path, tmp_path: Path
    ) -> None:
        source = tmp_path / "autograder/source"
        source.mkdir(parents=True)
        (source / "rubric.toml").write_text(
            'puzzle = "conv1d"\n[checks.reals]\npoints = 40\nvisibility = "hidden"\n'
        )
        code, results = self.run(course, tmp_path, GRADE)
        assert code == 0
        document = msgspec.json.decode(results.read_bytes(), type=models.Gradescope)
        hidden = {test.tags[0]: test.visibility for test in document.tests}
        assert (hidden["reals"], hidden["integers"]) == ("hidden", "visible")
        assert sum(test.max_score for test in document.tests) == 125
        assert "Real numbers" not in document.output

    def test_a_fault_ends_as_an_error_and_enters_no_score(
        self, course: Path, tmp_path: Path
    ) -> None:
        code, results = self.run(course, tmp_path, stub(tmp_path / "stub", "faulted"))
        assert code == 4
        document = json.loads(results.read_bytes())
        assert "score" not in document
        assert "tests" not in document


class TestClassroom50:
    def run(self, course: Path, tmp_path: Path, command: Path) -> tuple[int, Path]:
        checkout = tmp_path / "checkout"
        checkout.mkdir()
        (checkout / "conv1d.mojo").write_bytes(SKELETON)
        # A student's own file must not pass for a result.
        (checkout / "result.json").write_text('{"score": 100}')
        variables = environment(
            tmp_path,
            GRADE_COMMAND=str(command),
            CLASSROOM="gpu",
            ASSIGNMENT="conv1d",
            SUBMISSION_TAG="submit/x",
            COMMIT_URL="https://example.invalid/c",
            RELEASE_URL="https://example.invalid/r",
        )
        script = course / "lms/classroom50/autograder.py"
        return exit_code([sys.executable, script], checkout, variables), checkout / "result.json"

    def test_a_result(self, course: Path, tmp_path: Path) -> None:
        code, result = self.run(course, tmp_path, GRADE)
        assert code == 0
        document = msgspec.json.decode(result.read_bytes(), type=models.Classroom50)
        assert (document.classroom, document.score, document.max_score) == ("gpu", 0, 100)

    def test_a_fault_is_an_error_of_the_runner_and_leaves_no_result(
        self, course: Path, tmp_path: Path
    ) -> None:
        code, result = self.run(course, tmp_path, stub(tmp_path / "stub", "faulted"))
        assert code == 4
        assert not result.exists()
