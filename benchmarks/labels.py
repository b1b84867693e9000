"""The labelled samples, as tests and benchmarks read them: with their files written out."""

from __future__ import annotations

import atexit
import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path

from grader.choices import DEFAULT_EDITION
from grader.errors import ToolchainFault
from grader.puzzles import DEFAULT
from grader.samples import REWRITTEN, Sample, read_samples, write_samples
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate


@dataclass(frozen=True, kw_only=True)
class Label:
    """A sample and the file that holds it."""

    sample: Sample
    path: Path

    @property
    def name(self) -> str:
        """Folder and file, for a list."""
        return f"{self.path.parent.name}/{self.path.stem}"

    @property
    def edition(self) -> str:
        """What to grade it with.

        It is always given, as a course gives it: a sample with the imports of another edition
        must not be graded with that.
        """
        return self.sample.edition

    @property
    def verdict(self) -> str:
        """What it must get."""
        return self.sample.entry.verdict

    @property
    def score(self) -> int:
        """What it must get, extra credit included."""
        return self.sample.entry.score

    @property
    def must_mention(self) -> tuple[str, ...]:
        """Strings that the report shows."""
        return self.sample.entry.must_mention


@functools.cache
def every_label(puzzle: str = DEFAULT) -> tuple[Label, ...]:
    """Every labelled sample of a puzzle. The files are gone when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="samples-")
    atexit.register(folder.cleanup)
    samples = read_samples(puzzle)
    paths = write_samples(samples, Path(folder.name))
    return tuple(Label(sample=s, path=path) for s, path in zip(samples, paths, strict=True))


def labels_of(edition: str, *, group: str = "assignment", puzzle: str = DEFAULT) -> list[Label]:
    """The labels of one list of a puzzle for one edition."""
    return [
        label
        for label in every_label(puzzle)
        if (label.edition, label.sample.group) == (edition, group)
    ]


def default_labels(puzzle: str = DEFAULT) -> list[Label]:
    """Those of the default edition, the hostile ones last."""
    return [
        label
        for group in ("assignment", "hostile")
        for label in labels_of(DEFAULT_EDITION, group=group, puzzle=puzzle)
    ]


def rewritten_labels(puzzle: str = DEFAULT) -> list[Label]:
    """The second set: kernels rewritten as a whole, labelled before any of them was graded."""
    return labels_of(DEFAULT_EDITION, group=REWRITTEN, puzzle=puzzle)


def missing(edition: str) -> str:
    """Why an edition can't be run here; empty where it can."""
    try:
        locate(editions.find(edition))
    except ToolchainFault as fault:
        return f"{fault.what}. {fault.remedy}"
    return ""


def sample_file(
    name: str,
    *,
    edition: str = DEFAULT_EDITION,
    group: str = "assignment",
    puzzle: str = DEFAULT,
) -> Path:
    """The file of one sample."""
    labels = labels_of(edition, group=group, puzzle=puzzle)
    return next(each.path for each in labels if each.path.stem == name)
