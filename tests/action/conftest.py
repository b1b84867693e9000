"""A run of the action, with a grader that can be told what to find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from grader.record import Record, encode
from tests.action.runs import ACTION, ROOT, Artifacts, Grader
from tests.action.workflow import Job
from tests.scripts import python_script


@pytest.fixture
def artifacts() -> Artifacts:
    return Artifacts()


@pytest.fixture
def run(tmp_path: Path, artifacts: Artifacts) -> Callable[..., Job]:
    """Run the action in a workspace with some files."""

    def start(
        grader: Path | None,
        files: Mapping[str, bytes] | None = None,
        search: str = "/usr/bin:/bin",
        **inputs: str,
    ) -> Job:
        defaults = {name: entry.get("default", "") for name, entry in ACTION["inputs"].items()}
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(defaults)
        environment = {"PATH": search, "LANG": "C.UTF-8"}
        if grader is not None:
            environment["MOJO_GRADE"] = str(grader)
        job = Job(tmp_path, environment, {**defaults, **given}, uses=artifacts)
        for name, data in (files or {}).items():
            place = job.workspace / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        job.run(ACTION["runs"]["steps"], action=ROOT)
        return job

    return start


@pytest.fixture
def grader(tmp_path: Path) -> Grader:
    """A grader whose compiling and running is replaced by a record that is given.

    Everything else is the real thing: its process, its files, what it tells GitHub.
    """

    def make(record: Record | None, *, code: int = 0) -> Path:
        folder = tmp_path / "grader"
        folder.mkdir(exist_ok=True)
        kept = folder / "kept.json"
        kept.unlink(missing_ok=True)
        if record is not None:
            kept.write_bytes(encode(record))
        command = folder / "grade"
        python_script(
            command,
            f"""
import subprocess, sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from grader.cli import main
from grader.course import ReportTarget
from grader.cli.output import Outputs, for_reader
from grader import course
from grader.record import load

def submit(command, check):
    out = Path(command[command.index("--out") + 1])
    if Path({str(kept)!r}).exists():
        audience = command[command.index("--audience") + 1]
        formats = command[command.index("--format") + 1].split(",")
        outputs = Outputs(out, formats, ReportTarget(audience=audience))
        outputs.prepare()
        record = for_reader(load(Path({str(kept)!r})), audience)
        outputs.show(record, outputs.write(record))
        return subprocess.CompletedProcess(command, int(record.exit_code))
    return subprocess.CompletedProcess(command, {code})

class Stand:
    CompletedProcess = subprocess.CompletedProcess
    run = staticmethod(lambda command, **rest: submit(command, **rest)
                       if "submit" in command else subprocess.run(command, **rest))
    SubprocessError = subprocess.SubprocessError

course.subprocess = Stand
main()
""",
        )
        return command

    return make
