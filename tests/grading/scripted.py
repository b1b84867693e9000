"""Records of scripted programs: all that grades is the real thing, but for the compiler and MAX.

A lane computes outputs in Python, and says what a device would have seen. The plan, the search,
the judging and the record are the product's own.
"""

from __future__ import annotations

import numpy as np
from msgspec.structs import replace

from grader.device import (
    AccessTrace,
    CaseEvidence,
    Compared,
    CopyOut,
    Launch,
    Provenance,
    Writer,
)
from grader.grading import plan
from grader.grading.explain.traces import trace_failures
from grader.grading.given_code import Code
from grader.grading.prober import Prober
from grader.grading.records import verdict_record
from grader.grading.state import Request, RunState, Silent, StepsDone
from grader.grading.verdict import score
from grader.intake import submission_from_bytes
from grader.lanes.lane import Redone
from grader.model.cases import CaseRun
from grader.puzzles.conv1d import PUZZLE
from grader.puzzles.conv1d.bound import reference
from grader.record import DeviceInfo, Ending

CREATED = "2025-11-22T23:58:04+00:00"
BLOCK = 15
"""Threads of a block; one writes each element of an output."""


def right(inputs, sizes, variant):
    """What a right kernel computes."""
    with np.errstate(over="ignore"):
        return reference(inputs, sizes).astype(np.float32)


class Crash(Exception):
    """The scripted program ends without output; its text is what the call says."""


class ScriptedLane:
    """Runs a function of inputs, sizes and fill instead of a worker.

    Args:
        program: The answer; raises `Crash` to end without output.
        findings: What the device finds for given sizes.
        accesses: What a trace of any block holds, and the places in the source that it names.
        writer: Who writes the output.
        spoil: Whether the program changes its first input.
        by_host: Whether host code computes it, so that the device alone gives the old answer.
        ordered: What becomes of the answer by the schedule, where that matters.

    ``helps``, ``differs`` and ``alone`` can be overridden: for which inputs the host does
    something of its own, and what the device gives without it. ``answer`` can be, for programs
    that ask for something else.
    """

    def __init__(
        self,
        program=right,
        *,
        findings=None,
        accesses=((), ()),
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
        self.accesses = accesses
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

    def prepare(self, shapes, *, control=None):
        return 0.0

    def run(self, case, *, variant=0, schedule=0, repeatable=False, traced=None, profiled=False):
        self.schedule = schedule
        self.cases_run += 1
        self.last = (case, variant)
        on_gpu = case.part.target == "gpu"
        evidence = CaseEvidence(launches=(self._launch(case, traced),) if on_gpu else ())
        try:
            answer = self.ordered(self.answer(case, variant), schedule)
        except Crash as crash:
            self.crashes += 1
            message = str(crash) or "crash"
            return CaseRun(case=case, ending=Ending.ERROR, message=message, evidence=evidence)
        outputs = _outputs(case, answer)
        after = [np.array(case.inputs[spec.name]) for spec in case.part.inputs]
        if self.spoil:
            after[0] = after[0] + np.float32(1)
        return CaseRun(
            case=case,
            ending=Ending.OUTPUT,
            outputs=outputs,
            inputs_after=tuple(after),
            evidence=evidence,
            copies_out=tuple(map(self._copied, outputs)) if on_gpu else (),
        )

    def answer(self, case, variant):
        """What the program gives: an array, or one for each output."""
        return self.program(case.inputs, dict(case.shape.sizes), variant)

    def _launch(self, case, traced):
        accesses, places = self.accesses
        return Launch(
            index=self.cases_run,
            kernel=f"{case.part.name}_kernel",
            module=1,
            grid=(2, 1, 1),
            block=(BLOCK, 1, 1),
            shared_bytes=0,
            instructions=1 if self.writer is Writer.KERNEL else 0,
            seconds=0.0,
            result=0,
            findings=tuple(self.findings(dict(case.shape.sizes))),
            trace=None
            if traced is None
            else AccessTrace(block=traced, accesses=accesses, places=places),
        )

    def _copied(self, output):
        """A copy to the host of what threads wrote, each an element, or somebody else all of it."""
        size = output.itemsize
        by_threads = self.writer is Writer.KERNEL
        stretches = [
            Provenance(
                start=k * size,
                stop=(k + 1) * size,
                writer=self.writer,
                launch=self.cases_run,
                block=(k // BLOCK, 0, 0),
                thread=(k % BLOCK, 0, 0),
            )
            for k in range(output.size if by_threads else 0)
        ]
        whole = Provenance(start=0, stop=output.nbytes, writer=self.writer)
        provenance = tuple(stretches) or (whole,)
        return CopyOut(address=0, data=output.tobytes(), provenance=provenance)

    def run_renewed(self, case):
        return self.run(case)

    def close(self):
        return None

    def keep(self, number):
        self.kept[number] = self.last

    def compare(self, one, other):
        assert [self.kept[each.number][0] for each in (one, other)] == [one.case, other.case]
        return Compared(self.differs(one.case.inputs, other.case.inputs))

    def differs(self, one, other):
        """What the host does otherwise for the other inputs."""
        return "in what it copies" if self.by_host else ""

    def repeat(self, one, other, *, moved=True):
        answer = self.alone(one.case.inputs, other.case.inputs, dict(one.case.shape.sizes))
        if answer is None:
            answer = self.answer(other.case, self.kept[other.number][1])
        outputs = tuple(output.tobytes() for output in _outputs(other.case, answer))
        return Redone(outputs=outputs, launches=self.launches(one.case, other.case))

    def alone(self, seen, inputs, sizes):
        """What the device gives for inputs where the host saw others; None for the right answer."""
        return self.program(seen, sizes, 0) if self.by_host else None

    def launches(self, seen, case):
        """Launches of the case when it is done again."""
        return ()


def _outputs(case, answer):
    """The outputs of a case, from an array or several, as its part has them."""
    arrays = (answer,) if isinstance(answer, np.ndarray) else answer
    with np.errstate(over="ignore"):
        return tuple(
            np.asarray(array).astype(spec.numpy).reshape(spec.extents(case.shape.sizes))
            for spec, array in zip(case.part.outputs, arrays, strict=True)
        )


def search(
    lane,
    *,
    puzzle=PUZZLE,
    examples=200,
    code=Code.NOTHING,
    sample=None,
    seed="seed",
    edition="26.5",
):
    """Run a lane's cases; the shapes of the plan, and the results.

    Args:
        lane: Runs the cases.
        puzzle: With the changes of a rubric.
        examples: How many cases are drawn.
        code: What of each part is the given code.
        sample: Whether the plan is a sample; None: where the kernel is the given one.
        seed: Of the plan and the cases.
        edition: Whose given kernel it is.
    """
    unchanged = code is Code.UNCHANGED
    tries = plan.Tries.SAMPLE if (unchanged if sample is None else sample) else plan.Tries.USUAL
    names = {part.name for part in puzzle.parts}
    puzzle = puzzle.for_edition(edition)
    shapes = plan.draw(puzzle, seed=seed, own_kernel=() if unchanged else names, tries=tries)
    results = Prober(
        puzzle,
        shapes,
        lane,
        seed=seed,
        examples=examples,
        codes=dict.fromkeys(names, code),
        progress=lambda done, total: None,
    ).run()
    return shapes, results


def grade(lane, *, puzzle=PUZZLE, kernel_unchanged=False, **how):
    """Search and score; the results and the filled-in rubric."""
    code = Code.UNCHANGED if kernel_unchanged else Code.NOTHING
    _, results = search(lane, puzzle=puzzle, code=code, **how)
    return results, score(puzzle, whole(results))


def whole(results, **more):
    """How far a submission got that runs."""
    return StepsDone(packages=True, compiles=True, results=results, **more)


def state(text="x", *, puzzle=PUZZLE, rubric=None, **found):
    """A run that has found out what is given."""
    request = Request(source="-", puzzle_name=puzzle.name, own=puzzle, rubric=rubric)
    return RunState(
        request=request,
        progress=Silent(),
        submission=submission_from_bytes(f"{puzzle.name}.mojo", text.encode()),
        seed="seed",
        **found,
    )


def recorded(text="x", **found):
    """The record of a run that came to a verdict."""
    return replace(verdict_record(state(text, **found)), created=CREATED)


def record_of(lane, text="x", *, puzzle=PUZZLE, found=None, **how):
    """The record of a submission that runs."""
    shapes, results = search(lane, puzzle=puzzle, **how)
    trace_failures(results, lane, puzzle, text)
    found = {"device": lane.device, **(found or {})}
    return recorded(
        text,
        puzzle=puzzle,
        shapes=shapes,
        steps=whole(results),
        cases_run=lane.cases_run,
        **found,
    )
