"""What `grade profile` counts, beside NVIDIA's profiler on a real GPU.

    python -m benchmarks.profile_beside_ncu [--counted FOLDER] [FILE ...]

Each program is profiled by the command on the software device, and built and run under ``ncu``,
which needs a GPU, its driver, Nsight Compute and a C compiler. The counts of each kind of launch
are compared: requests and sectors of global memory, requests and wavefronts of shared memory.
Instructions and branches are shown only: the device counts PTX, and ``ncu`` what the assembler
makes of it.

With ``--counted``, what ``ncu --csv --page raw`` printed on another machine is read from
``FOLDER/PROGRAM.csv``; ``--metrics`` prints the counters to ask for.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grader.choices import DEFAULT_EDITION
from grader.lanes import gpu
from grader.record import KernelProfile
from grader.run.document import RunEnding, decode
from grader.toolchain import edition
from grader.toolchain.toolchain import locate

RESULTS = Path(__file__).parent / "results" / "profile_beside_ncu.json"
PROGRAMS = (Path(__file__).parent.parent / "tests" / "run" / "programs" / "patterns.mojo",)
_PASSES = "l1tex__t_{}_pipe_lsu_mem_global_op_{}.sum"
_ACCESSES = ("ld", "st", "atom", "red")
COUNTERS: dict[str, tuple[str, ...]] = {
    "global_requests": tuple(_PASSES.format("requests", each) for each in _ACCESSES),
    "sectors": ("memory_l2_theoretical_sectors_global",),
    "least_sectors": ("memory_l2_theoretical_sectors_global_ideal",),
    "shared_requests": ("smsp__sass_inst_executed_op_shared.sum",),
    "wavefronts": ("memory_l1_wavefronts_shared",),
    "least_wavefronts": ("memory_l1_wavefronts_shared_ideal",),
}
"""What is compared, by its name in a profile: the counters of ``ncu`` that it is the sum of."""
SHOWN = {
    "instructions": "smsp__inst_executed.sum",
    "diverged": "smsp__sass_branch_targets_threads_divergent.sum",
}
"""What is not compared."""
_NAME = "device__attribute_display_name"


@dataclass(frozen=True, kw_only=True)
class KernelCompared:
    """A kind of launch here and there."""

    program: str
    kernel: str
    grid: tuple[int, ...]
    block: tuple[int, ...]
    here: dict[str, int]
    there: dict[str, int]

    @property
    def differing(self) -> tuple[str, ...]:
        """What was counted otherwise, of what is compared."""
        return tuple(name for name in COUNTERS if self.here[name] != self.there[name])


def rows_of(text: str) -> Iterator[dict[str, str]]:
    """The launches in what ``ncu --csv --page raw`` prints: a row of units stands before them."""
    begin = text.find('"ID"')
    for row in csv.DictReader(io.StringIO(text[begin:] if begin >= 0 else "")):
        if row["ID"]:
            yield row


def dims(text: str) -> tuple[int, ...]:
    """A size, as ``ncu`` writes it: ``(4, 1, 1)``."""
    return tuple(int(each) for each in text.strip("()").split(","))


def first_of_each(rows: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Of launches that are alike the first, as a profile has them."""
    found: dict[tuple[str, str, str], Mapping[str, str]] = {}
    for row in rows:
        found.setdefault((row["Kernel Name"], row["Grid Size"], row["Block Size"]), row)
    return list(found.values())


def count(row: Mapping[str, str], counter: str) -> int:
    """A counter of a launch; -1 where this GPU has none of that name."""
    try:
        return round(float(row.get(counter, "").replace(",", "")))
    except ValueError:
        return -1


def compare(
    program: str, profiles: Sequence[KernelProfile], rows: Sequence[Mapping[str, str]]
) -> Iterator[KernelCompared]:
    """Each kind of launch; both sides have them in the order in which they began.

    Raises:
        SystemExit: the launches are not the same ones.
    """
    rows = first_of_each(rows)
    here = [(tuple(each.grid), tuple(each.block)) for each in profiles]
    there = [(dims(each["Grid Size"]), dims(each["Block Size"])) for each in rows]
    if here != there:
        raise SystemExit(f"{program}: the launches differ: {here} here, {there} on the GPU")
    for profile, row in zip(profiles, rows, strict=True):
        yield KernelCompared(
            program=program,
            kernel=profile.kernel,
            grid=tuple(profile.grid),
            block=tuple(profile.block),
            here={name: getattr(profile.total, name) for name in (*COUNTERS, *SHOWN)},
            there={
                name: sum(count(row, each) for each in those) for name, those in COUNTERS.items()
            }
            | {name: count(row, counter) for name, counter in SHOWN.items()},
        )


def metrics() -> str:
    """What ``ncu`` is asked for."""
    counters = (each for those in COUNTERS.values() for each in those)
    return ",".join((*counters, *SHOWN.values(), _NAME))


def profiled(program: Path) -> tuple[KernelProfile, ...]:
    """What the command counts."""
    command = [sys.executable, "-m", "grader", "profile", "--json", str(program)]
    document = decode(subprocess.run(command, check=True, capture_output=True).stdout)
    if document.ending is not RunEnding.RAN:
        raise SystemExit(f"{program.name} did not run here: {document.why}")
    return document.profiles


def counted(program: Path, folder: Path) -> str:
    """What ``ncu`` prints of a program."""
    toolchain = locate(edition.find(DEFAULT_EDITION))
    built = folder / program.stem
    subprocess.run(
        [str(toolchain.mojo), "build", str(program), "-o", str(built)],
        check=True,
        env={**os.environ, **toolchain.environment()},
    )
    command = ["ncu", "--csv", "--page", "raw", "--metrics", metrics(), str(built)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"ncu did not run {program.name}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=PROGRAMS)
    parser.add_argument("--counted", type=Path, help="folder of what ncu printed elsewhere")
    parser.add_argument("--metrics", action="store_true", help="print the counters, and end")
    arguments = parser.parse_args()
    if arguments.metrics:
        print(metrics())
        return
    if not arguments.counted and not gpu.probe().name:
        raise SystemExit(f"no GPU: {gpu.probe().why}")
    if not arguments.counted and not shutil.which("ncu"):
        raise SystemExit("no ncu: it is part of NVIDIA Nsight Compute, and must be in the PATH")
    results = []
    for program in arguments.files:
        if arguments.counted:
            printed = (arguments.counted / f"{program.stem}.csv").read_text()
        else:
            with tempfile.TemporaryDirectory() as folder:
                printed = counted(program, Path(folder))
        rows = list(rows_of(printed))
        for each in compare(program.name, profiled(program), rows):
            results.append(each)
            told = ", ".join(f"{n} {each.here[n]}/{each.there[n]}" for n in each.here)
            print(f"{'DIFF' if each.differing else 'same'} {each.kernel}: {told}", flush=True)
    differing = sum(bool(each.differing) for each in results)
    print(f"{len(results)} kinds of launches, {differing} differ (here/GPU)")
    name = rows[0].get(_NAME, "") if rows else ""
    report = {"gpu": name, "differ": differing, "launches": [*map(asdict, results)]}
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
