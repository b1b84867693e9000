"""Runs the steps of an action or a job as GitHub's runner would, but for other people's actions.

Sources: "Metadata syntax", "Workflow syntax" and "Workflow commands" of GitHub's
documentation; ``FileCommandManager.cs`` and ``ActionCommand.cs`` of
https://github.com/actions/runner for the files and the commands of a step.
The few kinds of expression that the files use are understood; any other one is
an error of the test.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_COMPARED = re.compile(r"(\S+)\s*(==|!=)\s*'([^']*)'")
_COMMAND = re.compile(r"::([a-z-]+)(?: (.*?))?::(.*)")
Uses = Callable[[str, Mapping[str, str], "Job"], Mapping[str, str]]


def load(path: Path) -> dict[str, Any]:
    """A YAML 1.2 document, as GitHub reads it: ``on`` is a word."""
    loaded = YAML(typ="safe", pure=True).load(path.read_text("utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@dataclass
class Ended:
    """How one step ended."""

    name: str
    outcome: str
    """success, failure or skipped."""
    log: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    uses: str = ""
    inputs: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Job:
    """A workspace with the variables and files of one job."""

    root: Path
    environment: dict[str, str]
    inputs: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    uses: Uses | None = None
    timeout: float = 300
    """Seconds of one step."""
    ended: list[Ended] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    summary: str = ""
    failed: bool = False

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def temp(self) -> Path:
        return self.root / "temp"

    @property
    def log(self) -> str:
        return "".join(ended.log for ended in self.ended)

    def step(self, name: str) -> Ended:
        return next(ended for ended in self.ended if ended.name == name)

    def run(self, steps: list[dict[str, Any]], *, action: Path | None = None) -> None:
        """All steps in order, as far as their conditions allow."""
        for folder in (self.workspace, self.temp, self.root / "home"):
            folder.mkdir(parents=True, exist_ok=True)
        for number, step in enumerate(steps):
            ended = self._step(step, number, action)
            self.ended.append(ended)
            self.failed = self.failed or ended.outcome == "failure"
            if "id" in step:
                self.outputs[step["id"]] = ended.outputs

    def value(self, text: str) -> str:
        """A text with its expressions filled in."""
        return _EXPRESSION.sub(lambda found: self.expression(found[1]), text)

    def expression(self, text: str) -> str:
        """The value of one name: inputs, secrets, outputs of steps, the branch."""
        first, *rest = text.split(".")
        if first == "inputs" and len(rest) == 1:
            return self.inputs[rest[0]]
        if first == "secrets" and len(rest) == 1:
            return self.secrets.get(rest[0], "")
        if first == "steps" and len(rest) == 3 and rest[1] == "outputs":
            return self.outputs.get(rest[0], {}).get(rest[2], "")
        if text == "github.ref":
            return "refs/heads/main"
        raise AssertionError(f"the harness does not know the expression {text!r}")

    def _due(self, condition: str | None) -> bool:
        if condition is None:
            return not self.failed
        if condition == "always()":
            return True
        found = _COMPARED.fullmatch(condition)
        assert found, f"the harness does not know the condition {condition!r}"
        equal = self.expression(found[1]) == found[3]
        return not self.failed and (equal if found[2] == "==" else not equal)

    def _step(self, step: dict[str, Any], number: int, action: Path | None) -> Ended:
        name = step.get("name", f"step {number}")
        if not self._due(step.get("if")):
            return Ended(name, "skipped")
        given = {key: self.value(str(value)) for key, value in step.get("with", {}).items()}
        if "uses" in step:
            outputs = dict(self.uses(step["uses"], given, self)) if self.uses else {}
            return Ended(name, "success", uses=step["uses"], inputs=given, outputs=outputs)
        return self._shell(name, step, number, action)

    def _shell(self, name: str, step: dict[str, Any], number: int, action: Path | None) -> Ended:
        assert step["shell"] == "bash"
        files = {}
        for kind in ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY"):
            files[kind] = self.root / f"{kind.lower()}-{len(self.ended)}-{number}"
            files[kind].touch()
        environment = {
            **self.environment,
            "HOME": str(self.root / "home"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_REPOSITORY": "octo/conv1d",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": "0" * 40,
            "RUNNER_TEMP": str(self.temp),
            "RUNNER_OS": "Linux",
            **{f"GITHUB_{kind}": str(path) for kind, path in files.items()},
            **({"GITHUB_ACTION_PATH": str(action)} if action else {}),
            **{key: self.value(str(value)) for key, value in step.get("env", {}).items()},
        }
        script = self.root / f"script-{len(self.ended)}.sh"
        script.write_text(self.value(step["run"]))
        began = time.monotonic()
        done = subprocess.run(
            # The runner's own command for `shell: bash`.
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=self.timeout,
            check=False,
        )
        seconds = time.monotonic() - began
        self.environment.update(read_file_command(files["ENV"].read_text("utf-8")))
        for line in files["PATH"].read_text("utf-8").splitlines():
            self.environment["PATH"] = f"{line}{os.pathsep}{self.environment['PATH']}"
        self.summary += files["STEP_SUMMARY"].read_text("utf-8")
        outcome = "failure" if done.returncode else "success"
        outputs = read_file_command(files["OUTPUT"].read_text("utf-8"))
        log = done.stdout.decode("utf-8", "replace")
        return Ended(name, outcome, log, outputs, seconds=seconds)


def read_file_command(text: str) -> dict[str, str]:
    """``name=value`` lines and ``name<<delimiter`` blocks of GITHUB_OUTPUT and GITHUB_ENV."""
    values: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc >= 0 and (equals < 0 or heredoc < equals):
            name, delimiter = line.split("<<", 1)
            block = []
            for inner in lines:
                if inner == delimiter:
                    break
                block.append(inner)
            else:
                raise AssertionError(f"the value of {name} does not end")
            values[name] = "\n".join(block)
        else:
            assert equals > 0, f"not an assignment: {line!r}"
            values[line[:equals]] = line[equals + 1 :]
    return values


def commands(log: str) -> list[tuple[str, dict[str, str], str]]:
    """What the runner obeys in a log: name, properties, message."""
    found, token = [], None
    for line in re.split(r"\r\n|\n|\r", log):
        text = line.strip()
        if token is not None:
            token = None if text == f"::{token}::" else token
            continue
        command = _COMMAND.match(text) if text.startswith("::") else None
        if command is None:
            # The old form is obeyed anywhere in a line.
            assert "##[" not in line, line
            continue
        name, properties, message = command.groups()
        if name == "stop-commands":
            token = message
            continue
        named = dict(part.split("=", 1) for part in (properties or "").split(",") if part)
        found.append((name, named, message))
    return found
