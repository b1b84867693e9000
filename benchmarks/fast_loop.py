"""How long a student waits who saves and looks, as ratios in one run.

    python -m benchmarks.fast_loop [--repeat 3]

* a second ``grade submit`` of the same file, beside the first one and beside ``grade --version``;
* ``grade watch`` of a kernel puzzle: from a save that does not compile to its error on the screen,
  beside the compiler's own refusal; from a right save to its verdict, beside ``grade submit``;
  from a save that was graded before to its verdict; the watcher's memory at its peak;
* ``grade watch`` of an op: from a save to its preview, beside a bare ``mojo build``, and to its
  verdict, beside ``grade submit``, which has no preview beside it.
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
OP = reference_kernel("conv1d", "26.5", "right.mojo").read_text("utf-8")
PREVIEW = "Above is a preview"
GRADE = (sys.executable, "-m", "grader")
IDLE = "Ctrl-C ends."
THINKS = 2.0
"""Seconds that a student takes at least between a verdict and the next save."""


def timed(*command: str, folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    return time.perf_counter() - began


@contextmanager
def watching(folder: Path, file: str) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    process = subprocess.Popen(
        [*GRADE, "watch", file, "--device", "software"],
        cwd=folder, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process, process.stdout
    finally:
        process.kill()
        process.wait()


def until(said: str, output: IO[str]) -> None:
    while said not in output.readline():
        pass


def saved(file: Path, text: str, output: IO[str], *awaited: str) -> list[float]:
    """Seconds from a save to each thing that is then said."""
    time.sleep(THINKS)
    began, found = time.perf_counter(), []
    file.write_text(text, "utf-8")
    for said in awaited:
        until(said, output)
        found.append(time.perf_counter() - began)
    return found


def peak_mib(process: subprocess.Popen[str]) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def bare_build(folder: Path, text: str) -> float:
    toolchain = locate(edition.find("auto"))
    (folder / "bare.mojo").write_text(text, "utf-8")
    device = ("--target-accelerator", "sm_80")
    began = time.perf_counter()
    subprocess.run(
        # An object, since there may be no linker.
        [str(toolchain.mojo), "build", "--emit", "object", *device, "bare.mojo", "-o", "bare.o"],
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
    found["refusal"], found["mojo build"] = bare_build(folder, BROKEN), bare_build(folder, RIGHT)
    broken = BROKEN.replace("nope", f"nope{number}")
    file = folder / "mine.mojo"
    with watching(folder, file.name) as (process, output):
        until(IDLE, output)
        (found["save to error"],) = saved(file, broken, output, IDLE)
        other = right.replace("0 *", "0 * 1 *")
        (found["save to verdict"],) = saved(file, other, output, IDLE)
        (found["save to verdict, graded before"],) = saved(file, right, output, IDLE)
        found["watcher's peak, MiB"] = peak_mib(process)
    return {**found, **round_of_op(folder)}


def round_of_op(folder: Path) -> dict[str, float]:
    file = folder / "conv1d.mojo"
    # The same program each time: of another one more sizes are compiled.
    os.environ["GRADE_CACHE"] = "off"
    file.write_text(OP, "utf-8")
    submit = timed(*GRADE, "submit", file.name, "--device", "software", folder=folder)
    file.write_text("", "utf-8")
    with watching(folder, file.name) as (_, output):
        until(IDLE, output)
        preview, verdict = saved(file, OP, output, PREVIEW, IDLE)
    del os.environ["GRADE_CACHE"]
    return {"op: submit": submit, "op: save to preview": preview, "op: save to verdict": verdict}


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
        "op: save to preview / mojo build": seconds["op: save to preview"] / seconds["mojo build"],
        "op: save to verdict / submit": seconds["op: save to verdict"] / seconds["op: submit"],
    }
    result = {"seconds": seconds, "ratios": {name: round(each, 3) for name, each in ratios.items()}}
    text = json.dumps(result, indent=2) + "\n"
    sys.stdout.write(text)
    (RESULTS / "fast_loop.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
