"""A compiler that dies by chance is started once more; one that says why is not.

But where it refuses sizes that the task assigns together with others, the assigned ones are tried
alone: nobody loses the points of the task by what a size beyond it needs.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import pytest

from grader.checks import Robust
from grader.grading import plan
from grader.grading.edition_run import EditionRun
from grader.lanes import worker as module
from grader.lanes.graph import GraphLane
from grader.model.checks import PartResults
from grader.puzzles.conv1d import PUZZLE
from grader.record import Reason, Status
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

    def run(*answers, prepare=lambda lane: lane.prepare(SHAPES)):
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
        device = SimpleNamespace(renew=lambda: renewed.append(len(script)))
        lane = GraphLane(workspace, device, compile_limits=None)
        return prepare(lane), script

    renewed = []
    run.renewed = renewed
    return run


SHAPES = plan.draw(PUZZLE, seed="s", own_kernel={"conv1d"})
FEWER = plan.assigned_only(SHAPES)


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


def test_sizes_of_the_task_have_a_plan_of_their_own():
    assert any(shape.beyond for shape in SHAPES)
    assert not any(shape.beyond for shape in FEWER)
    assert [shape.number for shape in FEWER] == list(range(len(FEWER)))
    assert plan.assigned_only(FEWER) == ()


def prepared(instead):
    """The shapes that a run makes ready, where it may try fewer."""
    run = EditionRun(SimpleNamespace(stage_peak=None), None, None, None)
    return lambda lane: run.prepare(lane, SHAPES, instead=instead, student_file="x", what="it")


def test_where_the_compiler_refuses_all_together_those_of_the_task_are_tried(start):
    answer, left = start(refused(), 15.0, prepare=prepared(FEWER))
    assert answer is FEWER
    assert left == []
    assert start.renewed == [2, 1], "before each worker begins"


def test_where_all_compile_none_is_left_out(start):
    answer, left = start(15.0, refused(), prepare=prepared(FEWER))
    assert answer is SHAPES
    assert len(left) == 1


def test_a_limit_is_not_run_into_twice(start, monkeypatch):
    blamed = SimpleNamespace(data={}, diagnostics=())
    monkeypatch.setattr("grader.grading.edition_run.blame_compile", lambda *_, **__: blamed)
    monkeypatch.setattr(EditionRun, "control", lambda *_: SimpleNamespace(loads=None))
    monkeypatch.setattr(EditionRun, "fail", lambda *_: None)
    late = Ended(why="limit", message="", outcome=outcome())
    answer, left = start(late, 15.0, prepare=prepared(FEWER))
    assert answer == ()
    assert left == [15.0]


def test_nobody_has_the_extra_credit_for_sizes_that_do_not_compile():
    judged = Robust().judge(PartResults(beyond_compiles=False))
    assert (judged.status, judged.reason) == (Status.NOT_CHECKED, Reason.BEYOND_NOT_COMPILED)
