"""A result rests on the code that decides it: a repaired check grades everybody again."""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from grader.batch.plan import Settings
from grader.batch.task import Options, Task, grade_task
from grader.grading import conditions
from grader.record import Verdict
from tests.batch.harness import grade_class, make_class
from tests.test_architecture import MODULES, OURS, ROOT


@pytest.fixture
def package(tmp_path, monkeypatch) -> Path:
    """A copy of the package's sources, which the digests are made of."""
    copy = tmp_path / "grader"
    shutil.copytree(ROOT / "grader", copy, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    monkeypatch.setattr(conditions, "_PACKAGE", copy)
    conditions.digests_of_code.cache_clear()
    yield copy
    conditions.digests_of_code.cache_clear()


def digests() -> tuple[str, str]:
    conditions.digests_of_code.cache_clear()
    return conditions.deciding_code(), conditions.all_code()


@pytest.mark.parametrize(
    ("name", "decides"),
    [
        ("grading/verdict.py", True),
        ("grading/observe.py", True),
        ("puzzles/conv1d/bound.py", True),
        ("worker/script.py", True),
        ("device/driver/memory.c", True),
        ("device/driver/errors.def", True),
        ("toolchain/editions/26.5.toml", True),
        ("marks.py", True),
        ("batch/task.py", True),
        ("watch.py", True),
        ("remembered.py", False),
        ("judge_of_the_future.py", True),
        ("report/html.py", False),
        ("batch/plan.py", False),
        ("cli/batch.py", False),
    ],
)
def test_code_that_decides_is_told_from_code_that_shows(package, name, decides):
    deciding, everything = digests()
    with (package / name).open("a") as file:
        file.write("\n# a check repaired\n")
    assert (digests()[0] != deciding) == decides
    assert digests()[1] != everything


def test_a_file_that_moves_or_goes_is_other_code(package):
    before = digests()
    (package / "grading/verdict.py").rename(package / "grading/verdicts.py")
    moved = digests()
    (package / "grading/verdicts.py").unlink()
    assert len({before, moved, digests()}) == 3


def test_what_no_code_is_changes_nothing(package):
    before = digests()
    (package / "grading/__pycache__").mkdir()
    (package / "grading/__pycache__/verdict.cpython-311.pyc").write_bytes(b"x")
    (package / "_data/templates").mkdir(parents=True)
    (package / "_data/templates/x.py").write_text("x")
    assert digests() == before


def test_everything_that_a_grading_runs_decides():
    """Whatever `grade_task` imports, and what that imports."""
    decides = {path for _, path, deciding in conditions.files() if deciding}
    reached, left = set(), ["grader.batch.task", "grader.worker.script"]
    while left:
        module = left.pop()
        if module not in reached:
            reached.add(module)
            left += OURS[module]
    assert len(reached) > 50
    assert not {module for module in reached if MODULES[module] not in decides}


def test_a_repaired_check_grades_everybody_again_and_a_report_nobody(package, tmp_path, log):
    source = make_class(tmp_path / "c", {"ann.mojo": "score(3)", "bob.mojo": "score(4)"})
    grade_class(source, tmp_path / "run")
    _, listener = grade_class(source, tmp_path / "run")
    assert not listener.plan.jobs
    (package / "report/html.py").write_text("# repaired")
    digests()
    summary, listener = grade_class(source, tmp_path / "run")
    assert not listener.plan.jobs
    assert summary.wrote
    (package / "grading/verdict.py").write_text("# repaired")
    digests()
    _, listener = grade_class(source, tmp_path / "run")
    assert [job.reason for job in listener.plan.jobs] == ["the grader's code changed"] * 2


def test_another_machine_of_the_same_version_and_other_code_does_not_grade(tmp_path):
    options = Options(puzzle="conv1d", edition="26.5", device="software")
    own = Settings(source=tmp_path, folder=tmp_path, options=options).conditions
    assert own.code_digest == conditions.deciding_code()
    record = grade_task(
        Task(
            program="p", name="conv1d.mojo", source=b"x", seed="1", options=options,
            grader_version=own.grader, code_digest="other",
        )
    )  # fmt: skip
    assert record.verdict is Verdict.FAULT
    assert record.fault is not None
    assert "other code" in record.fault.what


@pytest.mark.parametrize("library", conditions._LIBRARIES)
def test_the_version_of_a_library_is_that_of_its_metadata(library):
    assert conditions._version(library) == metadata.version(library)
