"""What a run is asked to do, checked and made definite before anything starts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec

from grader import __version__, puzzles
from grader.batch.task import Conditions, Options, deciding_code
from grader.book.shipped import GIVEN
from grader.errors import GraderFault
from grader.folders import data_directory
from grader.grading.rescore import judged
from grader.lanes import DeviceChoice
from grader.model.puzzle import Puzzle
from grader.rubric import Rubric
from grader.toolchain import edition as editions


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One call of ``grade batch``."""

    source: Path
    folder: Path
    """Of the run."""
    options: Options
    roster: Path | None = None
    title: str = ""
    workers: int | None = None
    """None: as many as the machine carries."""
    regrade: str = ""
    replace_class: bool = False
    """Whether the class is what the source holds, and who is not in it is taken out."""
    scheduler: str = ""
    """Address of a scheduler of dask; empty for this machine's own pool."""
    rubric: Rubric | None = None
    """None: the puzzle's own."""

    @property
    def puzzle(self) -> Puzzle:
        """As it is marked in this run."""
        return self.rubric.puzzle if self.rubric else puzzles.find(self.options.puzzle)

    @cached_property
    def conditions(self) -> Conditions:
        """What results of this run rest on."""
        options = self.options
        edition = editions.find(options.edition)
        return Conditions(
            grader=__version__,
            code_digest=deciding_code(),
            puzzle=options.puzzle,
            puzzle_digest=_digest_of_references(options),
            edition=options.edition if options.edition == "auto" else edition.name,
            toolchain=f"max {edition.max_version}, mojo {edition.mojo_version}",
            device=options.device,
            rubric=self.rubric.digest if self.rubric else "",
            examples=options.examples,
            timeout=options.timeout,
            isolation=str(options.isolation),
            judged=judged(self.puzzle),
        )


def definite_device(wanted: DeviceChoice, *, scheduler: str) -> DeviceChoice:
    """The kind of device for a whole run: one for all, so that all marks mean the same.

    ``auto`` takes this machine's GPU if its driver works; on a cluster, whose
    machines may differ, the software device.
    """
    if wanted != "auto":
        return wanted
    if scheduler:
        return "software"
    from grader.lanes import gpu

    return "gpu" if gpu.probe().name else "software"


def check_machine(settings: Settings) -> str:
    """See that this machine can grade at all, before a whole class is tried on it.

    Returns:
        What must be known about the isolation where it is not the best one; else empty.

    Raises:
        GraderFault: the toolchain of the edition, or the isolation that was asked for, is missing.
    """
    from grader.sandbox import probe_once
    from grader.toolchain.toolchain import locate

    locate(editions.find(settings.options.edition))
    report = probe_once(settings.options.isolation)
    return report.sentence if report.weakened else ""


def _digest_of_references(options: Options) -> str:
    """Of an edition's reference (all, for ``auto``), and what the book and the course give."""
    folder = data_directory("reference_kernels") / options.puzzle
    kernels = folder if options.edition == "auto" else folder / options.edition
    digest = hashlib.sha256(msgspec.json.encode(options.skeleton) if options.skeleton else b"")
    try:
        for path in [*sorted(kernels.rglob("*.mojo")), *folder.glob(GIVEN)]:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    except OSError as error:
        raise GraderFault(
            f"the reference of {options.puzzle} can't be read: {error}",
            remedy="The installation is incomplete; install again with: pip install mojo-grade",
        ) from error
    return digest.hexdigest()
