"""What a file's own `main` may do to its mark: five points, and nothing else."""

from __future__ import annotations

import pytest

import grader
from grader.puzzles import find
from grader.record import ProgramEnd, Status
from grader.references import reference

pytestmark = pytest.mark.slow

RIGHT = reference("map", "26.5", "right") or ""
MAIN = RIGHT.index("def main")
MAINS = {
    "right": (RIGHT[MAIN:], ProgramEnd.RAN, "the published output"),
    "no-main": ("", None, "has no main"),
    "endless": ("def main() raises:\n    while True:\n        pass\n", ProgramEnd.STOPPED, "10 s"),
    "nothing-but-print": (
        'def main() raises:\n    print("out: [10.0, 11.0, 12.0, 13.0]\\x1b[2J")\n',
        ProgramEnd.NO_LAUNCH,
        "launched no kernel",
    ),
    "does-not-build": ("def main() raises:\n    nobody.knows()\n", None, "line "),
}


ORDINARY = "does-not-build"
"""Our answer with its own `main` is among the samples."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n == ORDINARY else pytest.mark.exhaustive) for n in MAINS],
)
def test_a_main_decides_its_own_check_alone(name, tmp_path):
    text, end, said = MAINS[name]
    file = tmp_path / "answer.mojo"
    file.write_text(RIGHT[:MAIN] + text)
    record = grader.grade(file, puzzle="map", device="software")
    passes = end is ProgramEnd.RAN
    assert (record.fault, record.score) == (None, 100 if passes else 95)
    *others, own = record.checks
    assert own.id == find("map").rubric[-1].id
    assert own.status is (Status.PASSED if passes else Status.FAILED)
    assert said in own.sentence
    assert all(check.status is Status.PASSED for check in others)
    assert [run.end for run in record.programs] == ([] if end is None else [end])
    assert not any("\x1b" in run.text for run in record.programs)
    assert bool([each for each in record.diagnostics if each.severity == "error"]) == (
        name == "does-not-build"
    )
