"""How long ``grade submit`` takes for a program, beside a bare ``mojo build`` of the same file.

    python -m benchmarks.program_time [--puzzle dot_product] [--repeat 5] [--harness]

Compared are ratios within one run, because machines and their loads differ. The bare build makes
the program that a student would run: for an ``sm_80``, with an empty compile cache. The grader
compiles the kernels for all sizes of its plan, and runs some 200 cases. A file that does not
compile is compared with the compiler's own refusal. With ``--harness`` a library in a worker
launches the kernels, as on a GPU, but on the software device.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grader.folders import reference_kernel
from grader.record import load
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

RESULTS = Path(__file__).parent / "results"
BY_A_LIBRARY = (
    "from grader.lanes import ways; ways.as_ptx = lambda *_: False\n"
    "from grader.cli import main; main()"
)
"""The command, where kernels are launched by a library; students are given no such choice."""


def build(source: Path) -> float:
    """Seconds of a bare build."""
    toolchain = locate(edition.find("auto"))
    with tempfile.TemporaryDirectory() as name:
        variables = {
            **os.environ,
            **toolchain.environment(),
            toolchain.edition.cache_variable: f"{name}/cache",
        }
        mojo = [str(toolchain.mojo), "build", "--target-accelerator", "sm_80", str(source)]
        began = time.perf_counter()
        subprocess.run(
            [*mojo, "-o", f"{name}/program"], capture_output=True, check=False, env=variables
        )
        return time.perf_counter() - began


def submit(source: Path, puzzle: str, *, by_a_library: bool) -> tuple[float, dict[str, int]]:
    """Seconds of the whole command, and what its record counts."""
    with tempfile.TemporaryDirectory() as name:
        program = ["-c", BY_A_LIBRARY] if by_a_library else ["-m", "grader"]
        command = [sys.executable, *program, "submit", str(source), "--out", name]
        began = time.perf_counter()
        subprocess.run([*command, "--puzzle", puzzle], capture_output=True, check=False)
        seconds = time.perf_counter() - began
        record = load(Path(name) / "record.json")
    peaks = {f"peak of {each.name} (MiB)": (each.peak_bytes or 0) >> 20 for each in record.stages}
    counted = {"shapes": len(record.shapes), "cases": record.cases_run, "score": record.score}
    return seconds, {**counted, **{name: peak for name, peak in peaks.items() if peak}}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", default="dot_product")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--harness", action="store_true", help="launch kernels by a library")
    options = parser.parse_args()
    right = reference_kernel(options.puzzle, "26.5", "right.mojo")
    with tempfile.TemporaryDirectory() as name:
        broken = Path(name) / "broken.mojo"
        broken.write_text(right.read_text().replace("barrier()", "barier()"))
        ratios: dict[str, list[float]] = {"right": [], "broken": []}
        counted: dict[str, int] = {}
        build(right)  # the file cache, for all alike
        for _ in range(options.repeat):
            for kind, source in (("right", right), ("broken", broken)):
                alone = build(source)
                seconds, found = submit(source, options.puzzle, by_a_library=options.harness)
                ratios[kind].append(seconds / alone)
                counted = found if kind == "right" else counted
    report: dict[str, object] = {"puzzle": options.puzzle, **counted}
    for kind, each in ratios.items():
        ordered = sorted(each)
        report[f"{kind}: grade submit / mojo build, median"] = round(ordered[len(each) // 2], 2)
        report[f"{kind}: least and most"] = [round(ordered[0], 2), round(ordered[-1], 2)]
    for key, value in report.items():
        print(f"{value!s:>14}  {key}")
    RESULTS.mkdir(exist_ok=True)
    name = "program_time_harness.json" if options.harness else "program_time.json"
    (RESULTS / name).write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
