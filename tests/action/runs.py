"""The action, what stands for the actions of others in it, and what comes out of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.action.workflow import Job, load

ROOT = Path(__file__).parents[2]
ACTION = load(ROOT / "action.yml")
GRADE = Path(sys.executable).with_name("grade")
Grader = Callable[..., Path]


class Artifacts:
    """Stands for the actions of others: what is uploaded has to be there."""

    def __init__(self) -> None:
        self.used: list[str] = []
        self.uploaded: dict[str, Path] = {}

    def __call__(self, uses: str, given: Mapping[str, str], job: Job) -> dict[str, str]:
        self.used.append(uses)
        if uses.startswith("actions/upload-artifact@"):
            path = Path(given["path"])
            assert path.is_file()
            assert given["name"].replace("-", "").replace("_", "").replace(".", "").isalnum()
            self.uploaded[given["name"]] = path
        return {}


def outputs(job: Job) -> dict[str, str]:
    """The outputs of the action itself, by its own mapping."""
    return {name: job.value(entry["value"]) for name, entry in ACTION["outputs"].items()}
