"""A program that does not compile is refused by a first look at the file as it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from grader.book.shipped import read_shipped
from grader.folders import reference_kernel
from grader.grading.run import grade
from grader.grading.state import Request, Silent
from grader.puzzles import NAMES, find

RIGHT = reference_kernel("map", "26.5", "right.mojo")
UNKNOWN = "use of unknown declaration 'unknown'"
MAIN = "def main() raises:\n"


def test_the_book_tells_programs_from_ops_as_the_puzzles_do():
    topics = read_shipped().topics
    assert {name: not topics[name].ops for name in NAMES} == {
        name: find(name).is_program for name in NAMES
    }


def graded(text: str, folder):
    file = folder / "answer.mojo"
    file.write_text(text)
    request = Request(source=file, puzzle_name="map", examples=1)
    return grade(request, Silent(), meanwhile=lambda: None)


@pytest.mark.slow
def test_what_it_says_is_of_the_students_own_file(tmp_path):
    text = RIGHT.read_text().replace("+ 10", "+ unknown").replace(MAIN, MAIN + "    unknown()\n")
    record = graded(text, tmp_path)
    lines = text.split("\n")
    # On a busy machine the compile of the kernels may be over before it, which does not read main.
    assert {
        (each.message, each.file, lines[(each.line or 0) - 1].count("unknown"))
        for each in record.diagnostics
    } == {(UNKNOWN, "map.mojo", 1)}
    assert record.score == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        MAIN + "    unknown()\n",
        pytest.param("def helper():\n    unknown()\n\n\n" + MAIN, marks=pytest.mark.exhaustive),
    ],
)
def test_a_mistake_outside_of_the_kernel_costs_it_nothing(where, tmp_path):
    record = graded(RIGHT.read_text().replace(MAIN, where), tmp_path)
    assert record.cases_run > 0
    assert record.score >= 90


@pytest.mark.slow
def test_a_refusal_does_not_wait_for_what_runs_cases(tmp_path):
    file = tmp_path / "answer.mojo"
    file.write_text(RIGHT.read_text().replace("+ 10", "+ unknown"))
    call = f"""
import json, os, sys
from grader.cli import ending, main
from grader.sandbox import Box
started = []
def spawn(self, command, **how):
    started.append(command[1:])
    return start(self, command, **how)
start, Box.spawn = Box.spawn, spawn
def tell(code):
    print("STARTED", json.dumps(started))
    print("LOADED", json.dumps(sorted(sys.modules)))
    sys.stdout.flush()
    real(code)
real, os._exit = os._exit, tell
sys.argv = ["grade", "submit", {str(file)!r}, "--puzzle", "map", "--out", {str(tmp_path)!r}]
main()
"""
    command = [sys.executable, "-c", call]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert UNKNOWN in said
    said, _, loaded = said.partition("LOADED ")
    started = json.loads(said.partition("STARTED ")[2])
    assert started[0][0] == "precompile"
    # Its own program is not built, which would be another compiler.
    assert not [command for command in started if "object" in command]
    loaded = json.loads(loaded)
    assert "grader.lanes.kernel" in loaded
    assert not {"hypothesis", "grader.grading.prober"} & set(loaded)
