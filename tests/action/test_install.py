"""How the action comes by a grader, and what it keeps for the next job."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from shlex import quote

import pytest

from tests.action.runs import ACTION, GRADE, ROOT, outputs
from tests.action.workflow import Job
from tests.scripts import PYTHON


class TestInstall:
    """With a pip that notes what it was asked for, and an environment that is there."""

    @pytest.fixture
    def tools(self, tmp_path: Path) -> Path:
        tools = tmp_path / "tools"
        tools.mkdir()
        (tools / "python3").write_text(
            f"""#!/bin/sh
if [ "$1" = -m ]; then
  mkdir -p "$3/bin"
  ln -sf {quote(str(tools))}/pip "$3/bin/python"
  ln -sf {quote(str(GRADE))} "$3/bin/grade"
else
  exec {PYTHON} "$@"
fi
"""
        )
        (tools / "pip").write_text(
            f"""#!/bin/sh
{{ printf '%s\\t' "$@"; echo; }} >> {quote(str(tmp_path))}/asked
case "$*" in
  *" $FAILS "*) exit 1 ;;
  *" wheel "*) mkdir -p "$7" ;;
esac
"""
        )
        for tool in tools.iterdir():
            tool.chmod(0o755)
        return tools

    def asked(self, tmp_path: Path) -> list[list[str]]:
        """The words behind ``-m pip --disable-pip-version-check``."""
        lines = [line.split("\t")[3:-1] for line in (tmp_path / "asked").read_text().splitlines()]
        (tmp_path / "asked").unlink()
        return lines

    def test_this_checkout_with_its_toolchain_and_the_wheels_are_kept(
        self, run, tools, tmp_path
    ) -> None:
        wheels = str(tmp_path / "temp/mojo-grade-wheels")
        job = run(None, search=f"{tools}:/usr/bin:/bin")
        assert outputs(job)["verdict"] == "refused"
        first, second = self.asked(tmp_path)
        assert first == ["wheel", "--quiet", "--wheel-dir", wheels, str(ROOT)]
        assert second[:2] == ["install", "--quiet"]
        assert "--no-index" in second
        cache = next(ended for ended in job.ended if ended.uses.startswith("actions/cache@"))
        assert cache.inputs["path"] == wheels
        assert cache.inputs["key"].startswith("mojo-grade-Linux-3.")
        # The next job, with what the cache has kept.
        run(None, search=f"{tools}:/usr/bin:/bin")
        assert [words[0] for words in self.asked(tmp_path)] == ["install"]

    @pytest.mark.parametrize("fails", ["wheel", "install"])
    def test_half_an_installation_is_neither_run_nor_kept(
        self, run, tools, tmp_path, fails: str
    ) -> None:
        pip = tools / "pip"
        pip.write_text(pip.read_text().replace("$FAILS", fails))
        job = run(None, search=f"{tools}:/usr/bin:/bin")
        assert not job.failed
        assert outputs(job)["verdict"] == "fault"
        assert not (tmp_path / "temp/mojo-grade-wheels").exists()

    def test_the_key_changes_with_what_is_installed(self, tmp_path) -> None:
        copy = tmp_path / "copy"
        for name in ("grader", "templates", "reference_kernels", "action"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "hatch_build.py"):
            shutil.copy(ROOT / name, copy / name)
        find = [s for s in ACTION["runs"]["steps"] if s.get("id") == "find"]
        keys = []
        for text in ("", "# changed"):
            with (copy / "grader/errors.py").open("a") as file:
                file.write(text)
            job = Job(tmp_path, {"PATH": "/usr/bin:/bin"})
            job.run(find, action=copy)
            keys.append(job.outputs["find"]["key"])
        job = Job(tmp_path, {"PATH": "/usr/bin:/bin"})
        job.run(find, action=ROOT)
        assert keys[0] == job.outputs["find"]["key"] != keys[1]

    def test_a_grader_that_is_there_is_taken_as_it_is(self, run, artifacts) -> None:
        job = run(GRADE)
        assert job.step("Install the grader").outcome == "skipped"
        assert not [used for used in artifacts.used if used.startswith("actions/cache@")]

    def test_python_is_the_machines_own_where_that_is_wanted(self, run, artifacts) -> None:
        run(GRADE, python_version="")
        assert not [used for used in artifacts.used if used.startswith("actions/setup-python@")]


def test_bash_has_what_the_scripts_need() -> None:
    assert shutil.which("bash")
    assert os.access(GRADE, os.X_OK)
