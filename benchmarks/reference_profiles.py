"""What the reference answers cost: ``reference_kernels/PUZZLE/profiles.json``.

    python -m benchmarks.reference_profiles [--records FOLDER] [PUZZLE ...]

Each puzzle's reference answer of the default edition is graded by the command, and the profiles of
its record are written down. Reports on right answers show them beside the submission's own.
With ``--records``, a record that lies in ``FOLDER/PUZZLE/record.json`` is taken in place of that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from grader.choices import DEFAULT_EDITION
from grader.folders import data_directory, reference_kernel
from grader.grading.explain.profiles import REFERENCE
from grader.puzzles import NAMES
from grader.record import PartProfile, Verdict, load


def measured(puzzle: str, folder: Path) -> tuple[PartProfile, ...]:
    """The profiles of a puzzle's reference answer."""
    record = folder / "record.json"
    if not record.exists():
        answer = reference_kernel(puzzle, DEFAULT_EDITION, "right.mojo")
        command = [sys.executable, "-m", "grader", "submit", str(answer), "--puzzle", puzzle]
        command += ["--edition", DEFAULT_EDITION, "--out", str(folder), "--format", "json"]
        subprocess.run(command, check=False, capture_output=True)
    found = load(record)
    if found.verdict is not Verdict.PASS:
        raise SystemExit(f"the reference answer of {puzzle} did not pass: {found.headline}")
    return tuple(
        msgspec.structs.replace(
            each,
            reference=(),
            kernels=tuple(
                # Its lines are those of another file.
                msgspec.structs.replace(kernel, kinds={}, lines=(), wasteful=())
                for kernel in each.kernels
            ),
        )
        for each in found.profiles
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("puzzles", nargs="*", default=list(NAMES))
    parser.add_argument("--records", type=Path)
    arguments = parser.parse_args()
    for puzzle in arguments.puzzles:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.records / puzzle if arguments.records else Path(temporary)
            found = measured(puzzle, folder)
        path = data_directory("reference_kernels") / puzzle / REFERENCE
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        print(f"{puzzle}: {len(found)} of its parts", flush=True)


if __name__ == "__main__":
    main()
