"""How long a student waits who saves and looks, as ratios in one run.

    python -m benchmarks.fast_loop [--repeat 3]

* a second ``grade submit`` of the same file, beside the first one and beside ``grade --version``;
* ``grade watch`` of a kernel puzzle: from a save that does not compile to its error on the screen,
  beside the compiler's own refusal; from a right save to its verdict, beside ``grade submit``;
  from a save that was graded before to its verdict; the watcher's memory at its peak.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO

from grader.folders import reference_kernel
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

RESULTS = Path(__file__).parent / "results"
RIGHT = reference_kernel("map", "26.5", "right.mojo").read_text("utf-8")
BROKEN = RIGHT.replace("= a[unsafe_offset=i] + 10", "= a[unsafe_offset=i] + nope")
GRADE = (sys.executable, "-m", "grader")
IDLE = "Ctrl-C ends."


def timed(*command: str, folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return time.perf_counter() - began


@contextmanager
def watching(folder: Path) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    process = subprocess.Popen(
        [*GRADE, "watch", "mine.mojo", "--device", "software"],
        cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.kill()
        process.wait()


def until_idle(output: IO[str]) -> None:
    while IDLE not in output.readline():
        pass


def saved(folder: Path, text: str, output: IO[str]) -> float:
    """Seconds from a save to its verdict."""
    began = time.perf_counter()
    (folder / "mine.mojo").write_text(text, "utf-8")
    until_idle(output)
    return time.perf_counter() - began


def peak_mib(process: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def bare_refusal(folder: Path) -> float:
    toolchain = locate(edition.find("auto"))
    (folder / "bare.mojo").write_text(BROKEN, "utf-8")
    began = time.perf_counter()
    subprocess.run(
        [str(toolchain.mojo), "build", "bare.mojo", "-o", "bare"],
        cwd=folder, env={**os.environ, **toolchain.environment()}, capture_output=True, check=False,
    )  # fmt: skip
    return time.perf_counter() - began


def one_round(folder: Path, number: int) -> dict[str, float]:
    # Other programs in each round: what was graded before would be shown at once.
    right = RIGHT.replace("+ 10\n", f"+ 10 + 0 * {number}\n", 1)
    submit = (*GRADE, "submit", "mine.mojo", "--device", "software")
    (folder / "mine.mojo").write_text(right, "utf-8")
    found = {"submit": timed(*submit, folder=folder), "again": timed(*submit, folder=folder)}
    found["version"] = timed(*GRADE, "--version", folder=folder)
    found["refusal"] = bare_refusal(folder)
    broken = BROKEN.replace("nope", f"nope{number}")
    with watching(folder) as (process, output):
        until_idle(output)
        found["save to error"] = saved(folder, broken, output)
        found["save to verdict"] = saved(folder, right.replace("0 *", "0 * 1 *"), output)
        found["save to verdict, graded before"] = saved(folder, right, output)
        found["watcher's peak, MiB"] = peak_mib(process)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    repeat = parser.parse_args().repeat
    os.environ.pop("GRADE_CACHE", None)
    os.environ.pop("CI", None)
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o711)
    os.environ["XDG_CACHE_HOME"] = str(folder / "cache")
    try:
        rounds = [one_round(folder, number) for number in range(1, repeat + 1)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = {name: round(median(each[name] for each in rounds), 2) for name in rounds[0]}
    ratios = {
        "again / submit": seconds["again"] / seconds["submit"],
        "again / version": seconds["again"] / seconds["version"],
        "save to error / refusal": seconds["save to error"] / seconds["refusal"],
        "save to verdict / submit": seconds["save to verdict"] / seconds["submit"],
    }
    result = {"seconds": seconds, "ratios": {name: round(each, 3) for name, each in ratios.items()}}
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    (RESULTS / "fast_loop.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
