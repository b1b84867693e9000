"""The YAML of the action and of the course's workflows: valid, safe, and in step with its docs.

GitHub publishes no schema. SchemaStore's are those that editors use; they come
with check-jsonschema. zizmor looks for what makes a workflow exploitable, and
shellcheck at every script and every `run`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from grader.course import write_course
from tests.action.workflow import load

ROOT = Path(__file__).parents[2]
CONFIGURATION = """
rules:
  unpinned-uses:
    config:
      policies:
        # Tags of GitHub's own actions, and of this one, which a course pins as it likes.
        "*": ref-pin
"""


@pytest.fixture(scope="module", params=[("conv1d",), ("map", "zip")], ids=["one", "several"])
def course(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    write_course(folder, puzzles=request.param, edition="26.5", action="octo/mojo-grade@v1")
    return folder


def workflows(course: Path) -> list[Path]:
    found = sorted(course.glob("*/.github/workflows/*.yml"))
    assert len(found) == 2
    return found


def scripts(document: dict) -> list[str]:
    """Every `run` of an action or a workflow."""
    steps = document.get("runs", {}).get("steps", [])
    for job in document.get("jobs", {}).values():
        steps = [*steps, *job["steps"]]
    return [step["run"] for step in steps if "run" in step]


def validate(schema: str, *files: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_is_valid() -> None:
    validate("vendor.github-actions", ROOT / "action.yml")


def test_the_workflows_are_valid_and_have_a_time_limit(course: Path) -> None:
    validate("vendor.github-workflows", *workflows(course))
    validate("custom.github-workflows-require-timeout", *workflows(course))


def test_nothing_in_them_can_be_exploited(course: Path, tmp_path: Path) -> None:
    zizmor = shutil.which("zizmor") or str(Path(sys.executable).with_name("zizmor"))
    configuration = tmp_path / "zizmor.yml"
    configuration.write_text(CONFIGURATION)
    files = [ROOT / "action.yml", *workflows(course)]
    command = [zizmor, "--offline", "--no-progress", "--config", str(configuration)]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_expression_stands_in_a_script(course: Path) -> None:
    for path in (ROOT / "action.yml", *workflows(course)):
        for script in scripts(load(path)):
            assert "${{" not in script


def shellcheck(*scripts: Path) -> None:
    command = [str(Path(sys.executable).with_name("shellcheck")), "--shell=bash"]
    done = subprocess.run(
        [*command, *map(str, scripts)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_scripts_have_no_mistake_that_shellcheck_knows(course: Path, tmp_path: Path) -> None:
    found = [p for p in course.rglob("*") if p.is_file() and p.read_bytes()[:12] == b"#!/usr/bin/e"]
    assert len(found) == (3 if (course / "lms").exists() else 1)
    found += sorted((ROOT / "action").glob("*.sh"))
    for path in (ROOT / "action.yml", *workflows(course)):
        for number, script in enumerate(scripts(load(path))):
            found.append(tmp_path / f"{path.stem}-{number}.sh")
            found[-1].write_text(script)
    shellcheck(*found)


def test_every_expression_names_what_is_there(course: Path) -> None:
    """GitHub takes a misspelt name for an empty text."""
    known = {"github.ref", "secrets.SUBMISSIONS_TOKEN", "secrets.COURSE_SECRET"}
    for path in (ROOT / "action.yml", *workflows(course)):
        document = load(path)
        inputs = document.get("inputs") or (document["on"].get("workflow_dispatch") or {}).get(
            "inputs", {}
        )
        parts = [document["runs"]] if "runs" in document else document["jobs"].values()
        steps = {step["id"] for part in parts for step in part["steps"] if "id" in step}
        text = path.read_text()
        conditions = re.findall(r"(?m)^ *if: (?!always\(\)$)(\S+)", text)
        for name in [*re.findall(r"\$\{\{ *(.*?) *\}\}", text), *conditions]:
            kind, _, rest = name.partition(".")
            if kind == "inputs":
                assert rest in inputs, name
            elif kind == "steps":
                assert rest.split(".")[0] in steps, name
                assert rest.split(".")[1] == "outputs", name
            elif kind == "matrix":
                assert any(rest in part["strategy"]["matrix"] for part in parts), name
            else:
                assert name in known, name


def test_the_interface_of_the_action_is_what_workflows_rely_on() -> None:
    """To take one of these away breaks workflows that are out there."""
    action = load(ROOT / "action.yml")
    assert action["runs"]["using"] == "composite"
    assert set(action["inputs"]) == {
        "path", "puzzle", "edition", "device", "rubric", "pass-mark", "fail-on", "audience",
        "python-version",
    }  # fmt: skip
    assert set(action["outputs"]) == {
        "score", "max-score", "passed", "verdict", "report-path", "result"
    }  # fmt: skip
    assert not any(entry["required"] for entry in action["inputs"].values())


def test_every_script_of_the_action_is_called() -> None:
    called = re.findall(r"action/([a-z]+\.sh)", (ROOT / "action.yml").read_text())
    assert sorted(called) == sorted(path.name for path in (ROOT / "action").glob("*.sh"))


def test_the_documentation_names_every_input_and_output() -> None:
    action, text = load(ROOT / "action.yml"), (ROOT / "docs/github.md").read_text()
    for name in [*action["inputs"], *action["outputs"]]:
        assert f"| `{name}` |" in text, name
    for name, entry in action["inputs"].items():
        row = next(line for line in text.split("\n") if line.startswith(f"| `{name}` |"))
        assert f"`{entry['default']}`" in row or not entry["default"]


def test_the_workflows_in_the_documentation_are_valid(tmp_path: Path) -> None:
    action = load(ROOT / "action.yml")
    files = []
    for page in ("github.md", "lms.md"):
        text = (ROOT / "docs" / page).read_text()
        for number, snippet in enumerate(re.findall(r"(?ms)^```yaml\n(.*?)^```", text)):
            files.append(tmp_path / f"{page}-{number}.yml")
            files[-1].write_text(f"on: push\n{snippet}")
            for job in load(files[-1])["jobs"].values():
                for step in job["steps"]:
                    if "mojo-grade@" in step.get("uses", ""):
                        assert set(step.get("with", {})) <= set(action["inputs"])
    assert len(files) == 3
    validate("vendor.github-workflows", *files)


def test_the_workflow_of_a_student_uses_only_inputs_and_outputs_that_are_there(
    course: Path,
) -> None:
    action = load(ROOT / "action.yml")
    text = (course / "student/.github/workflows/grade.yml").read_text()
    steps = load(course / "student/.github/workflows/grade.yml")["jobs"]["grade"]["steps"]
    step = next(step for step in steps if "mojo-grade@" in step.get("uses", ""))
    assert set(step["with"]) <= set(action["inputs"])
    assert set(re.findall(r"steps\.grade\.outputs\.([a-z-]+)", text)) <= set(action["outputs"])


def test_the_action_installs_no_more_rights_than_it_needs(course: Path) -> None:
    for path in workflows(course):
        assert load(path)["permissions"] == {"contents": "read"}
