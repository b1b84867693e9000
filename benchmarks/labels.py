"""The labelled samples, as tests and benchmarks read them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from grader.toolchain import edition as editions

SUBMISSIONS = Path(__file__).parent.parent / "submissions"
FOLDERS = ("conv1d/26.5", "conv1d/hostile")


@dataclass(frozen=True, kw_only=True)
class Label:
    """What one sample must get."""

    path: Path
    verdict: str
    score: int
    must_mention: tuple[str, ...]
    why: str
    attack: str = ""
    edition: str
    """What to grade it with."""

    @property
    def name(self) -> str:
        """Folder and file, for a list."""
        return f"{self.path.parent.name}/{self.path.stem}"


def read_labels(folder: str) -> list[Label]:
    """The labels of one folder below ``submissions``, in the file's order.

    A folder is named after the edition that its samples are graded with; the hostile ones
    are of the default edition. The edition is always given, as a course gives it: a sample
    with the imports of another one must not be graded with that.
    """
    place = SUBMISSIONS / folder
    edition = place.name if place.name in editions.names() else editions.DEFAULT_EDITION
    tables = tomllib.loads((place / "labels.toml").read_text(encoding="utf-8"))["submission"]
    return [
        Label(
            path=place / table["file"],
            verdict=table["verdict"],
            score=table["score"],
            must_mention=tuple(table["must_mention"]),
            why=table["why"],
            attack=table.get("attack", ""),
            edition=edition,
        )
        for table in tables
    ]


def all_labels() -> list[Label]:
    """Every labelled sample."""
    return [label for folder in FOLDERS for label in read_labels(folder)]
