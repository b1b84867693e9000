"""A lane that computes outputs in Python: the search and the verdict without MAX."""

from __future__ import annotations

import numpy as np

from grader.device import CaseEvidence, Compared, CopyOut, Launch, Provenance, Writer
from grader.grading import plan
from grader.grading.given_code import Code
from grader.grading.prober import Prober
from grader.grading.state import StepsDone
from grader.grading.verdict import score
from grader.lanes.lane import Redone
from grader.model.cases import CaseRun
from grader.puzzles.conv1d import PUZZLE
from grader.puzzles.conv1d.bound import reference
from grader.record import DeviceInfo, Ending


def right(inputs, sizes, variant):
    """What a right kernel computes."""
    with np.errstate(over="ignore"):
        return reference(inputs, sizes).astype(np.float32)


class Crash(Exception):
    """The scripted program ends without output."""


class ScriptedLane:
    """Runs a function of inputs, sizes and fill instead of a worker.

    Args:
        program: The answer; raises `Crash` to end without output.
        findings: What the device finds for given sizes.
        writer: Who writes the output.
        spoil: Whether the program changes its first input.
        by_host: Whether host code computes it, so that the device alone gives the old answer.
        ordered: What becomes of the answer by the schedule, where that matters.

    ``helps``, ``differs`` and ``alone`` can be overridden: for which inputs the host does
    something of its own, and what the device gives without it.
    """

    def __init__(
        self,
        program=right,
        *,
        findings=None,
        writer=Writer.KERNEL,
        spoil=False,
        by_host=False,
        ordered=None,
    ):
        self.ordered = ordered or (lambda answer, schedule: answer)
        self.schedule = 0
        self.program = program
        self.by_host = by_host
        self.findings = findings or (lambda sizes: ())
        self.writer = writer
        self.spoil = spoil
        self.cases_run = 0
        self.crashes = 0
        self.is_slow = False
        self.observes = True
        self.device = DeviceInfo(kind="software", name="scripted", reason="a test")
        self.replacements = 0
        self.last = None
        self.kept = {}

    def run(self, case, *, variant=0, schedule=0, repeatable=False, traced=None):
        self.schedule = schedule
        self.cases_run += 1
        self.last = (case, variant)
        sizes = dict(case.shape.sizes)
        launch = Launch(
            index=self.cases_run,
            kernel="conv1d_kernel",
            module=1,
            grid=(2, 1, 1),
            block=(15, 1, 1),
            shared_bytes=0,
            instructions=1 if self.writer is Writer.KERNEL else 0,
            seconds=0.0,
            result=0,
            findings=tuple(self.findings(sizes)),
        )
        evidence = CaseEvidence(launches=(launch,))
        try:
            output = self.ordered(self.program(case.inputs, sizes, variant), schedule)
        except Crash:
            self.crashes += 1
            return CaseRun(case=case, ending=Ending.ERROR, message="crash", evidence=evidence)
        data = output.tobytes()
        copy = CopyOut(
            address=0,
            data=data,
            provenance=(Provenance(start=0, stop=len(data), writer=self.writer),),
        )
        after = [np.array(array) for array in case.inputs.values()]
        if self.spoil:
            after[0] = after[0] + np.float32(1)
        return CaseRun(
            case=case,
            ending=Ending.OUTPUT,
            outputs=(output,),
            inputs_after=tuple(after),
            evidence=evidence,
            copies_out=(copy,),
        )

    def keep(self, number):
        self.kept[number] = self.last

    def compare(self, one, other):
        assert [self.kept[each.number][0] for each in (one, other)] == [one.case, other.case]
        return Compared(self.differs(one.case.inputs, other.case.inputs))

    def differs(self, one, other):
        """What the host does otherwise for the other inputs."""
        return "in what it copies" if self.by_host else ""

    def repeat(self, one, other, *, moved=True):
        output = self.alone(one.case.inputs, other.case.inputs, dict(one.case.shape.sizes))
        if output is None:
            output = self.program(
                other.case.inputs, dict(one.case.shape.sizes), self.kept[other.number][1]
            )
        return Redone(outputs=(output.tobytes(),), launches=self.launches(one.case, other.case))

    def alone(self, seen, inputs, sizes):
        """What the device gives for inputs where the host saw others; None for the right answer."""
        return self.program(seen, sizes, 0) if self.by_host else None

    def launches(self, seen, case):
        """Launches of the case when it is done again."""
        return ()


def grade(
    executor,
    *,
    examples=200,
    kernel_unchanged=False,
    sample=None,
    seed="seed",
    edition="26.5",
    puzzle=PUZZLE,
):
    """Search and score; the results and the filled-in rubric.

    Args:
        sample: Whether the plan is a sample; None: where the kernel is the given one.
        edition: Whose given kernel it is.
        puzzle: With the changes of a rubric.
    """
    sample = kernel_unchanged if sample is None else sample
    tries = plan.Tries.SAMPLE if sample else plan.Tries.USUAL
    shapes = plan.draw(
        puzzle.for_edition(edition),
        seed=seed,
        own_kernel=() if kernel_unchanged else {"conv1d"},
        tries=tries,
    )
    prober = Prober(
        puzzle.for_edition(edition),
        shapes,
        executor,
        seed=seed,
        examples=examples,
        codes={"conv1d": Code.UNCHANGED if kernel_unchanged else Code.NOTHING},
        progress=lambda done, total: None,
    )
    results = prober.run()
    steps = StepsDone(packages=True, compiles=True, results=results)
    return results, score(puzzle, steps)
