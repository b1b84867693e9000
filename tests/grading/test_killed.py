"""A worker that was killed while it ran a case: by the machine, or by the program itself."""

from __future__ import annotations

import signal

import msgspec
import pytest

from grader import doctor
from grader.doctor import Health
from grader.errors import ToolchainFault
from grader.lanes.graph import GraphLane
from grader.sandbox import LimitHit, Limits
from tests.grading.test_control import outcome

KILLED = int(signal.SIGKILL)


class Control:
    def __init__(self, survives):
        self.survives = survives
        self.asked = 0

    def __call__(self, case):
        self.asked += 1
        return self.survives


def check(ending, control):
    executor = GraphLane(None, None, compile_limits=Limits())
    executor._control = control
    for _ in range(2):
        executor._check_killed(None, ending)


@pytest.mark.parametrize("survives", [True, False])
def test_where_the_kernel_counts_no_control_is_needed(survives):
    starved = msgspec.structs.replace(outcome(code=None, signal=KILLED), machine_out_of_memory=True)
    control = Control(survives)
    with pytest.raises(ToolchainFault, match="memory of this machine"):
        check(starved, control)
    assert control.asked == 0


def test_a_kill_that_the_reference_survives_is_the_submissions():
    control = Control(True)
    check(outcome(code=None, signal=KILLED), control)
    assert control.asked == 1


def test_a_kill_that_the_reference_does_not_survive_is_the_machines():
    with pytest.raises(ToolchainFault, match="reference answer"):
        check(outcome(code=None, signal=KILLED), Control(False))


@pytest.mark.parametrize(
    "ending",
    [
        {"code": None, "signal": int(signal.SIGSEGV)},
        {"code": None, "signal": int(signal.SIGABRT)},
        {"code": 1},
        {"code": None, "signal": KILLED, "limit": LimitHit.MEMORY},
        {"code": None, "signal": KILLED, "limit": LimitHit.OUTPUT},
    ],
)
def test_every_other_ending_needs_no_control(ending):
    control = Control(False)
    check(outcome(**ending), control)
    assert control.asked == 0


@pytest.mark.parametrize(
    ("mib", "health"), [(600, Health.BROKEN), (2000, Health.WEAK), (8000, Health.GOOD)]
)
def test_the_doctor_tells_the_memory_that_this_process_may_use(mib, health, monkeypatch):
    monkeypatch.setattr("grader.machine.memory_bytes", lambda: mib << 20)
    monkeypatch.setattr("grader.doctor.DISK_NEEDED", 0)
    answer = doctor._room()
    assert answer.health is health
    assert f"{mib} MiB of memory" in answer.what
