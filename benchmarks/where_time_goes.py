"""Processor seconds of each step of grading a program, and of starting the command.

    python -m benchmarks.where_time_goes [--puzzle dot_product] [--repeat 3]

Seconds of a processor, user and system, of all processes of a step: on a machine with other work
to do they say more than the clock. Each is the least of all rounds; the steps take turns, so that
all meet the same load. The steps are those of ``grade submit``, each by itself, in the sandbox and
with an empty compile cache; what one builds beside them is a ``mojo build`` of the same file.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from grader.folders import reference_kernel
from grader.grading import plan
from grader.lanes.kernel_build import build_kernels, to_ptx
from grader.lanes.program import open_program
from grader.lanes.workspace import open_workspace
from grader.puzzles import find
from grader.sandbox import Isolation
from grader.toolchain import edition
from grader.toolchain.kernels import LIMITS
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import locate

RESULTS: Final = Path(__file__).parent / "results"
EMPTY: Final = "def main():\n    pass\n"
GRADE: Final = (sys.executable, "-m", "grader")
STARTS: Final[dict[str, Sequence[str]]] = {
    "python that does nothing": (sys.executable, "-c", "pass"),
    "grade --version": (*GRADE, "--version"),
    "grade submit --help": (*GRADE, "submit", "--help"),
    "grade submit --nope": (*GRADE, "submit", "--nope"),
    "grade toolchain --help": (*GRADE, "toolchain", "--help"),
}


def of_children(*command: str, **variables: str) -> float:
    """Processor seconds of a command that is no sandbox."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env={**os.environ, **variables}, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Steps:
    """The steps of grading one right program."""

    def __init__(self, puzzle: str) -> None:
        self._puzzle = find(puzzle)
        self._source = reference_kernel(puzzle, "26.5", "right.mojo")
        self._text = self._source.read_text("utf-8")
        self._toolchain = locate(edition.find("26.5"))
        parts = {part.name for part in self._puzzle.parts}
        self._shapes = plan.draw(
            self._puzzle, seed="steps", own_kernel=parts, tries=plan.Tries.SAMPLE
        )

    def all(self) -> dict[str, Callable[[], float]]:
        """What to measure, by its name."""
        sizes = len(self._shapes)
        broken = self._text.replace("barrier()", "barier()")
        return {
            **{
                name: lambda command=command: of_children(*command)  # type: ignore[misc]
                for name, command in STARTS.items()
            },
            "bare mojo build of the file": lambda: self._bare(self._text),
            "bare mojo build that is refused": lambda: self._bare(broken),
            "bare mojo build of an empty main": lambda: self._bare(EMPTY),
            "a first look at the file": lambda: self._look(self._text),
            "a first look that refuses": lambda: self._look(broken),
            "kernels as PTX, 1 size": lambda: self._kernels(1),
            f"kernels as PTX, {sizes} sizes": lambda: self._kernels(sizes),
            "the file's own program, with lines": self._own,
        }

    def _bare(self, text: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "program.mojo")
            source.write_text(text, "utf-8")
            variables = {
                **self._toolchain.environment(),
                self._toolchain.edition.cache_variable: f"{folder}/cache",
            }
            words = ("build", "--target-accelerator", "sm_80", str(source))
            return of_children(
                str(self._toolchain.mojo), *words, "-o", f"{folder}/program", **variables
            )

    def _look(self, text: str) -> float:
        place = open_workspace(
            text.encode(), self._puzzle.name, self._toolchain,
            isolation=Isolation.BWRAP, device="software",
        )  # fmt: skip
        with place as workspace:
            return package(workspace, stage="compile").outcome.cpu_seconds

    def _kernels(self, sizes: int) -> float:
        built = build_kernels(
            self._text,
            self._shapes[:sizes],
            lambda: open_workspace(
                None, self._puzzle.name, self._toolchain,
                isolation=Isolation.BWRAP, device="software",
            ),
            to_ptx,
            limits=LIMITS,
        )  # fmt: skip
        assert built.ok, built.packaged.output
        return built.packaged.outcome.cpu_seconds

    def _own(self) -> float:
        place = open_program(
            self._text.encode(), self._puzzle.name, self._toolchain,
            isolation=Isolation.BWRAP, device=None,
        )  # fmt: skip
        with place as program:
            built = program.build(LIMITS)
        assert built.ok, built.output
        return built.outcome.cpu_seconds


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", default="dot_product")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    steps = Steps(options.puzzle).all()
    found: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.repeat):
        for name, step in steps.items():
            found[name].append(step())
    least = {name: round(min(each), 2) for name, each in found.items()}
    bare = least["bare mojo build of the file"]
    for name, seconds in least.items():
        print(f"{seconds:8.2f} s {seconds / bare:6.2f}  {name}")
    report = {"puzzle": options.puzzle, "processor seconds": least}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "where_time_goes.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
