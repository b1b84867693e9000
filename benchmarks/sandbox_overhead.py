"""What the sandbox costs: packaging, and a whole grade, with and without it.

    python -m benchmarks.sandbox_overhead [--rounds 5] [--grades 1]

Prints medians and their ratio. Runs alternate between the two levels, so that a
busy machine slows both alike. A whole grade costs half a minute of a core.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.folders import reference_kernel
from grader.sandbox import Isolation, Scratch
from grader.toolchain import edition
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import locate
from grader.toolchain.workspace import Workspace

LEVELS = (Isolation.NONE, Isolation.BWRAP)


def right_answer() -> Path:
    """The reference answer of the default edition."""
    known = edition.find("auto")
    return reference_kernel("conv1d", known.name, "right.mojo")


def packaging_seconds(level: Isolation) -> float:
    """Seconds for one packaging of the reference answer."""
    toolchain = locate(edition.find("auto"))
    with Scratch() as scratch:
        workspace = Workspace(toolchain, scratch, isolation=level, module="conv1d")
        workspace.install(right_answer().read_bytes())
        began = time.perf_counter()
        packaged = package(workspace)
        seconds = time.perf_counter() - began
    if not packaged.ok:
        raise SystemExit(f"the reference answer does not package: {packaged.output}")
    return seconds


def grade_seconds(level: Isolation) -> float:
    """Seconds for one ``grade submit`` of the reference answer."""
    words = {Isolation.NONE: "none", Isolation.BWRAP: "strict"}
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "grader", "submit", str(right_answer()), "--out", folder]
        began = time.perf_counter()
        subprocess.run(
            [*command, "--device", "software", "--isolation", words[level]],
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - began


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--grades", type=int, default=1)
    options = parser.parse_args()
    for name, measure, rounds in (
        ("packaging", packaging_seconds, options.rounds),
        ("grade submit", grade_seconds, options.grades),
    ):
        seconds: dict[Isolation, list[float]] = {level: [] for level in LEVELS}
        for _ in range(rounds):
            for level in LEVELS:
                seconds[level].append(measure(level))
        if rounds:
            plain, boxed = (statistics.median(seconds[level]) for level in LEVELS)
            print(
                f"{name}: {plain:.2f} s without, {boxed:.2f} s with the sandbox, "
                f"ratio {boxed / plain:.3f} ({rounds} rounds)"
            )


if __name__ == "__main__":
    main()
