"""Time of the kernels of two puzzles on the software device, at sizes that a course meets.

    python -m benchmarks.device_kernels

Prints seconds for one launch of our right answers, all checks on: of puzzle 33, the product of two
matrices of 128 by 128 by tensor cores; of puzzle 35, a map of a million elements by each of three
kernels. Each is the least of a few cases, the first of which loads the kernel.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grader.grading.cases import drawn
from grader.lanes.prepared import prepared
from grader.lanes.workspace import LaneSetup
from grader.model.cases import PlannedShape
from grader.model.domains import Values
from grader.puzzles import find
from grader.sandbox import Wanted, probe_once
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate

RESULT = Path(__file__).parent / "results" / "device_kernels.json"
EDITION = "26.5"
MEASURED = {
    "tensor_core_operations": {"tiles": 1},
    "memory_alignment_for_load_store_performance": {"chunks": 131_072},
}
"""The sizes of each puzzle: 128 by 128, and 1,048,576 elements."""
CASES = 3


def launches(puzzle_name: str) -> Iterator[tuple[str, float]]:
    """The kernels of a puzzle's right answer, and the seconds of a launch of each."""
    puzzle = find(puzzle_name)
    text = puzzle.reference(EDITION, "right")
    assert text is not None
    shapes = [
        PlannedShape(number=number, part=part, sizes=MEASURED[puzzle_name], origin="boundary")
        for number, part in enumerate(puzzle.parts)
    ]
    setup = LaneSetup(
        module=puzzle.name,
        toolchain=locate(editions.find(EDITION)),
        isolation=probe_once(Wanted.AUTO).level,
        device="software",
        timeout=300,
    )
    random = np.random.default_rng(0)
    with prepared(text.encode(), setup, shapes) as ready:
        for shape in shapes:
            seconds = []
            for _ in range(CASES):
                run = ready.lane.run(drawn(shape, Values.INTEGERS, random))
                assert run.evidence is not None, run
                (launch,) = run.evidence.launches
                assert launch.result == 0, launch
                assert not launch.findings, launch
                seconds.append(launch.seconds)
            yield shape.part.name, min(seconds)


def main() -> None:
    """Measure and print."""
    report = {name: round(seconds, 3) for puzzle in MEASURED for name, seconds in launches(puzzle)}
    for name, seconds in report.items():
        print(f"{seconds:>8.3f} s  {name}")
    RESULT.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
