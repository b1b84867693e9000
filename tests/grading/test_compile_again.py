"""A compiler that dies by chance is started once more; one that says why is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest

from grader.grading import plan
from grader.lanes import worker as module
from grader.lanes.graph import GraphLane
from grader.puzzles.conv1d import PUZZLE
from grader.toolchain import edition
from grader.worker.process import Ended
from tests.grading.test_control import outcome


def died():
    return Ended(why="died", message="signal 11", outcome=outcome(code=None, signal=11))


def refused():
    return Ended(why="failed", stage="compile", message="error", outcome=outcome())


@pytest.fixture
def start(monkeypatch):
    """Starts an executor whose workers give scripted answers; its answer and what is left."""

    def run(*answers):
        script = list(answers)

        class ScriptedWorker:
            peak_resident_bytes = 0
            refused: ClassVar = {}

            def __init__(self, *_arguments, **_options):
                pass

            def build(self, _plan):
                return script.pop(0)

            def close(self):
                return outcome()

        monkeypatch.setattr(module, "Worker", ScriptedWorker)
        workspace = SimpleNamespace(
            box=SimpleNamespace(inside=str),
            toolchain=SimpleNamespace(edition=edition.find("auto")),
            artefact="op.mojoc",
            compiled="plan.mef",
            compiled_graphs=lambda: {"plan.mef": b"graphs"},
        )
        lane = SimpleNamespace(renew=lambda: None)
        shapes = plan.draw(PUZZLE, seed="s", own_kernel=())
        return GraphLane(workspace, lane, compile_limits=None).prepare(shapes), script

    return run


def test_a_crash_by_chance_costs_nothing(start):
    answer, _ = start(died(), 15.0)
    assert answer == 15.0


def test_a_second_crash_stands(start):
    answer, left = start(died(), died(), 15.0)
    assert isinstance(answer, Ended)
    assert left == [15.0]


def test_an_error_that_was_said_is_not_tried_again(start):
    answer, left = start(refused(), 15.0)
    assert isinstance(answer, Ended)
    assert left == [15.0]
