"""Grade a rogue worker as a submission is graded: real sandbox, real device, no compiler."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from unittest import mock

from grader.device import library_directory
from grader.grading import plan
from grader.grading.blame import Blame, Trial, blame_compile
from grader.grading.given_code import Code
from grader.grading.prober import Prober
from grader.grading.results import Results
from grader.grading.state import StepsDone
from grader.grading.verdict import Scored, score
from grader.lanes.devices import OnSoftwareDevice, device_spawn
from grader.lanes.graph import GraphLane
from grader.puzzles.conv1d import PUZZLE
from grader.record import Status
from grader.sandbox import Isolation, Limits, Scratch
from grader.toolchain import edition
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace
from grader.worker import process
from grader.worker.process import Ended
from tests.sandbox.scenario import processes_with

ROGUE = Path(__file__).with_name("rogue.py")
SEED = "5eed" * 8
COMPILE = Limits(wall_seconds=6, resident_bytes=512 << 20, scratch_bytes=64 << 20)


@dataclass(frozen=True, kw_only=True)
class Graded:
    """What came of a rogue worker."""

    scored: Scored
    results: Results | None
    failure: str
    """Why it did not get through the compile stage."""
    replacements: int
    seconds: float
    survivors: list[str]

    def status(self, check: str) -> Status:
        """How one check ended."""
        return next(each.status for each in self.scored.checks if each.id == check)

    def reason(self, check: str) -> str:
        """Why."""
        return next(each.sentence for each in self.scored.checks if each.id == check)


def write_worker(folder: Path, attack: str) -> Path:
    """The rogue worker with some of its functions replaced."""
    script = folder / "rogue_worker.py"
    script.write_text(f"{ROGUE.read_text()}\n\n{dedent(attack)}\n\nmain()\n")
    # The sandbox's user is not the one who made them.
    folder.chmod(0o755)
    script.chmod(0o644)
    return script


@contextmanager
def executor(folder: Path, attack: str) -> Iterator[GraphLane]:
    """An executor whose workers are rogues."""
    script = write_worker(folder, attack)
    known = edition.find("auto")
    python = Path(sys.executable)
    toolchain = Toolchain(
        edition=known,
        python=python,
        site_packages=folder,
        root=folder,
        max_version="",
        mojo_version="",
        python_version="",
        distributions=(),
    )
    with Scratch() as scratch:
        workspace = Workspace(
            toolchain,
            scratch,
            isolation=Isolation.BWRAP,
            module="conv1d",
            read_only=(folder, library_directory()),
        )
        workspace.install(b"")
        with (
            # A rogue compiles nothing, so that the limit is that of `COMPILE` alone.
            mock.patch.object(process, "SHAPE_SECONDS", 0.0),
            OnSoftwareDevice(reason="a test", spawn=device_spawn(Isolation.BWRAP)) as device,
            GraphLane(workspace, device, compile_limits=COMPILE, script=script) as running,
        ):
            yield running


def _passes() -> Trial:
    return Trial(seconds=0.1, peak_bytes=1)


def grade(folder: Path, attack: str = "", *, examples: int = 60) -> Graded:
    """Grade a rogue worker whose code is ``rogue.py`` with ``attack`` behind it."""
    began = time.monotonic()
    results, failure = None, ""
    why: Mapping[str, int | str] = {}
    with executor(folder, attack) as running:
        shapes = plan.draw(PUZZLE, seed=SEED, own_kernel={"conv1d"})
        started = running.prepare(shapes)
        if isinstance(started, Ended):
            blame = blame_compile(started, _passes, student_file="op/conv1d.mojo")
            assert isinstance(blame, Blame)
            failure, why = blame.sentence, blame.data
        else:
            results = Prober(
                PUZZLE,
                shapes,
                running,
                seed=SEED,
                examples=examples,
                codes={"conv1d": Code.NOTHING},
                progress=lambda done, total: None,
            ).run()
        replacements = running.replacements
    steps = StepsDone(packages=True, compiles=not failure, results=results, failure=why)
    return Graded(
        scored=score(PUZZLE, steps),
        results=results,
        failure=failure,
        replacements=replacements,
        seconds=time.monotonic() - began,
        survivors=processes_with(str(folder)),
    )
