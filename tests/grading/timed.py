"""The real lane on a worker, a device and a clock that are made up."""

from __future__ import annotations

import contextlib
from itertools import repeat
from types import SimpleNamespace

import msgspec
import numpy as np

from grader.device import (
    CaseEvidence,
    Compared,
    CopyOut,
    Finding,
    FindingKind,
    Provenance,
    Repeated,
    Writer,
)
from grader.lanes.devices import _limits
from grader.lanes.graph import GraphLane
from grader.model.part import BUDGET
from grader.sandbox import Limits
from grader.worker.process import CaseError, Ended
from tests.device.launches import PLAIN
from tests.grading.scripted import right
from tests.grading.test_control import outcome

FULL_LAUNCH = 11.0
"""Seconds that the device takes for a launch that uses up all its instructions."""


class Endless(Exception):
    """The kernel does not end."""


class Hangs(Exception):
    """The host code does not end."""


class Dies(Exception):
    """The process ends."""


class Program:
    """What a submission does, case by case.

    Args:
        answer: From inputs, sizes and the number of the call; raises what is above to end without.
        host: Seconds that host code takes for a case, by the number of the call.
        kernel: The part of a launch's limits that a kernel needs, by sizes and schedule.
        loads: Whether its graphs can be loaded, time after time.
    """

    def __init__(self, answer=None, *, host=None, kernel=None, loads=None):
        self.answer = answer or (lambda inputs, sizes, call: right(inputs, sizes, 0))
        self.host = host or (lambda call: 0.0)
        self.kernel = kernel or (lambda sizes, schedule: 0.0001)
        self.loads = iter(loads) if loads is not None else repeat(True)
        self.calls = 0


class Clock:
    """A clock that goes on where time is spent."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class Device:
    """A device that sees what the worker below did last."""

    observes = True

    def __init__(self):
        self.share, self.schedule = 1.0, 0
        self.shares = []
        self.evidence = None

    def begin_case(self, how):
        self.share, self.schedule = how.share, how.schedule
        self.shares.append(how.share)
        self.evidence = CaseEvidence()

    def end_case(self):
        return self.evidence

    def keep(self, number):
        return None

    def compare(self, one, other, pairs):
        return Compared()

    def repeat(self, *args, **options):
        return Repeated(why="not asked")

    def renew(self):
        return None


class Worker:
    """Runs a program's cases."""

    peak_resident_bytes = 0

    def __init__(self, program, device, clock, shapes):
        self.program, self.device, self.clock = program, device, clock
        self.shapes = {shape.number: dict(shape.sizes) for shape in shapes}

    def run(self, number, payload, lengths, *, seconds):
        program, sizes = self.program, self.shapes[number]
        program.calls += 1
        data = np.frombuffer(payload, np.float32)
        inputs = {
            "input": data[: sizes["input_size"]],
            "kernel": data[sizes["input_size"] :],
        }
        host = program.host(program.calls)
        self.clock.now += min(host, seconds)
        if host > seconds:
            return self._ended("late")
        try:
            output = program.answer(inputs, sizes, program.calls)
        except Endless:
            return self._launch(2.0)
        except Hangs:
            self.clock.now += seconds
            return self._ended("late")
        except Dies:
            return self._ended("died")
        if (failed := self._launch(program.kernel(sizes, self.device.schedule))) is not None:
            return failed
        parts = (output.tobytes(), *(array.tobytes() for array in inputs.values()))
        copies = tuple(
            CopyOut(
                address=0,
                data=part,
                provenance=(Provenance(start=0, stop=len(part), writer=Writer.KERNEL),),
            )
            for part in parts
        )
        self.device.evidence = msgspec.structs.replace(self.device.evidence, copies_out=copies)
        return parts

    def _launch(self, needs):
        """A launch that needs a part of the full limits, within those that hold."""
        assert _limits(BUDGET, self.device.share).thread_budget <= BUDGET.thread
        seconds = FULL_LAUNCH * min(needs, self.device.share)
        self.clock.now += seconds
        over = needs > self.device.share
        found = Finding(kind=FindingKind.BUDGET_EXCEEDED, message="it was stopped", kernel="k")
        launch = msgspec.structs.replace(
            PLAIN,
            grid=(2, 1, 1),
            block=(15, 1, 1),
            instructions=6000,
            seconds=seconds,
            result=702 if over else 0,
            findings=(found,) if over else (),
        )
        self.device.evidence = CaseEvidence(launches=(launch,), device_seconds=seconds)
        return CaseError(case=1, message="CUDA call failed") if over else None

    def _ended(self, why):
        return Ended(why=why, message="it ended", outcome=outcome(code=1))

    def close(self):
        return outcome(code=0)


class Workspace:
    """A workspace that can be made anew."""

    student_file = "op/program.mojo"

    def anew(self, scratch, compiled):
        return self


class Timed(GraphLane):
    """The lane of a program; `clock` is to be the time of its module."""

    def __init__(self, program, shapes=(), *, control=None):
        self.clock = Clock()
        self.program = program
        super().__init__(Workspace(), Device(), compile_limits=Limits())
        self._shapes = shapes
        self._control = control
        self._scratch = contextlib.ExitStack()
        self._start(None, again=False)

    @property
    def shares(self):
        """The part of the limits that each case had."""
        return self._device.shares

    def _start(self, workspace, *, again):
        if not next(self.program.loads):
            return Ended(why="failed", message="no graph", stage="compile", outcome=outcome(code=1))
        self._worker = Worker(self.program, self._device, self.clock, self._shapes)
        self.clock.now += 2 if again else 20
        return 20.0


def module(executor):
    """What stands for the module `time` in the executor."""
    return SimpleNamespace(monotonic=executor.clock.monotonic)
