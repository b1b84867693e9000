"""Did the device compute the answer, or did the host help?

At each shape a reference is run: real numbers that are all different, so that each can be
recognised wherever the host moves it. A case is then compared with it. Where the host did the
same for both (the same copies, memsets and launches, with the inputs exchanged), it had no part
in the answer. Where it did not, the reference is done again on the device alone, with the inputs
of the case (`grader.device.repeat`): right kernels give the right answer for these too, on the
same path, though the host has never seen them.

Nobody is accused before the same inputs gave the same bits again, with a new reference: what
differs from call to call by itself is not the host's help. Nor is a host that only chooses by
the inputs what to run, and does the same for the same numbers in another order; or which runs
for these inputs alone what is right for others too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from grader.device import CaseEvidence
from grader.grading import inputs as arrays
from grader.grading.observe import compare
from grader.lanes.lane import Kept, Lane, Redone
from grader.model.cases import Case, CaseRun, Observation, PlannedShape, Problem
from grader.model.domains import Factor, Values
from grader.model.numbers import FLOATS
from grader.record import Aspect, Chance, Ending, HostUntold, ProblemKind

ROUNDS = 3
"""How often a difference must show again before anybody is accused."""
_CASE, _OTHER, _FIRST_REFERENCE = range(3)
"""Numbers under which cases are kept."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What came of asking whether the host helped in a case."""

    problem: Problem | None = None
    alone: Observation | None = None
    """The case as the device did it without the host, where that proves the problem."""
    unknown: HostUntold | None = None
    """Why it can't be told, where it can't."""
    said: str = ""
    """What the device says of it."""


_NOTHING = Asked()
_NO_OUTPUT = Asked(unknown=HostUntold.NO_OUTPUT)


def _device_says(why: str) -> Asked:
    return Asked(unknown=HostUntold.DEVICE, said=why)


class Host:
    """Asks of cases whether the host helped.

    Args:
        lane: Runs cases.
        random: Draws the references.
        run: Runs a case as a repeatable one, and observes it.
        observe: Makes an observation of a run that happened elsewhere.
    """

    def __init__(
        self,
        lane: Lane,
        random: np.random.Generator,
        run: Callable[[Case], Observation],
        observe: Callable[[CaseRun], Observation],
    ) -> None:
        self._lane = lane
        self._random = random
        self._run = run
        self._observe = observe
        self._references: dict[int, Kept] = {}
        self._worker = 0

    def ask(self, last: Observation) -> Asked:
        """Whether the host helped in the last case, which was run as a repeatable one.

        Nothing is asked of a case that is wrong anyway.
        """
        if not last.right or not last.run.copies_out:
            return _NOTHING
        case = self._keep(_CASE, last.case)
        known = self._reference(last.case.shape)
        if known is None:
            return _NOTHING  # the shape fails by its reference
        alike = self._lane.compare(known, case)
        if alike.why:
            return _device_says(alike.why)
        return self._suspect(last, known, case) if alike.difference else _NOTHING

    def _suspect(self, last: Observation, known: Kept, case: Kept) -> Asked:
        """The host did something else than for the reference: is that why the answer is right?"""
        found = self._alone(last, known, case)
        if found.alone is None:
            return found
        if found.alone.right:
            settled = self._another_way(case)
        else:
            settled = self._wrong_again(last, case)
        if settled is not None:
            return settled
        return _NOTHING if self._only_chooses(last.case) else found

    def _wrong_again(self, last: Observation, case: Kept) -> Asked | None:
        """The kernels are wrong without the host: each time? Else the answer to what was asked."""
        for _ in range(ROUNDS):
            self._references.pop(case.case.shape.number)
            known = self._reference(case.case.shape)
            second = self._run(case.case)
            if known is None or second.run.outputs is None:
                return _NO_OUTPUT
            if not _same_bits(last.run, second.run):
                return _not_reproducible(Chance.CALLS)
            found = self._alone(second, known, self._keep(_CASE, case.case))
            if found.alone is None or found.alone.right:
                return found if found != _NOTHING else Asked(unknown=HostUntold.CHANGES)
        return None

    def _another_way(self, case: Kept) -> Asked | None:
        """Ask whether the host also treats other cases like this one differently, on every call.

        New ones, which the program has not seen either. Every other call, or every third, may go
        another way by itself.
        """
        for distance in range(1, ROUNDS + 1):
            other = self._kin(case.case)
            if other is None:
                return _NOTHING
            self._references.pop(case.case.shape.number)
            known = self._reference(case.case.shape)
            for _ in range(distance - 1):
                self._run(reference(case.case.shape, self._random))
            run = self._run(other)
            if known is None or run.run.outputs is None:
                return _NO_OUTPUT
            kept = self._keep(_CASE, other)
            alike = self._lane.compare(known, kept)
            if alike.why:
                return _device_says(alike.why)
            if not alike.difference:
                return self._singled_out(case.case)
            found = self._alone(run, known, kept)
            if found.alone is None:
                return found
        return None

    def _singled_out(self, case: Case) -> Asked | None:
        """Others of the kind go the reference's way: does this case get its answer from the host?

        It does where it goes its own way each time, and the same copies and launches are wrong
        for all others of the kind.
        """
        for distance in range(1, ROUNDS + 1):
            kept = self._run_after(case, distance)
            if isinstance(kept, Asked):
                return kept
            for other in self._kins(case):
                for moved in (True, False):
                    done = self._lane.repeat(kept, Kept(number=_CASE, case=other), moved=moved)
                    if done.why:
                        return _device_says(done.why)
                    if self._is_answer(other, done):
                        return _NOTHING
        return None

    def _run_after(self, case: Case, distance: int) -> Kept | Asked:
        """Run a case so many calls after a new reference; the answer where it goes its way."""
        self._references.pop(case.shape.number)
        known = self._reference(case.shape)
        for _ in range(distance - 1):
            self._run(reference(case.shape, self._random))
        if known is None or self._run(case).run.outputs is None:
            return _NO_OUTPUT
        kept = self._keep(_CASE, case)
        alike = self._lane.compare(known, kept)
        if alike.why:
            return _device_says(alike.why)
        return kept if alike.difference else _NOTHING

    def _is_answer(self, case: Case, done: Redone) -> bool:
        """Whether what the device did again is the answer to a case."""
        if done.outputs is None:
            return False
        return all(each.right for each in compare(case, done.arrays(case)))

    def _alone(self, last: Observation, known: Kept, case: Kept) -> Asked:
        """Do the case again as the host did it, and as it did the reference.

        With an observation where the two differ.
        """
        told = self._lane.repeat(case, case)
        if told.why:
            return _device_says(told.why)
        if told.bits != last.run.bits:
            return _not_reproducible(Chance.CLOCK)
        ways = []
        # Host code may have moved the inputs, or have told the kernels what they are.
        for moved in (True, False):
            untold = self._lane.repeat(known, case, moved=moved)
            if untold.why:
                return _device_says(untold.why)
            if untold.bits == told.bits and _paths(untold) == _paths(told):
                return _NOTHING
            ways.append(self._observe(_as_run(last.run, untold)))
        right = [each for each in ways if each.right]
        alone = replace((right or ways)[0], number=last.number)
        told_apart = Problem(
            kind=ProblemKind.HOST_HELPS, aspect=Aspect.ORIGIN, data={"right": int(alone.right)}
        )
        return Asked(problem=told_apart, alone=alone)

    def _only_chooses(self, case: Case) -> bool:
        """Whether all that the host makes of the inputs is a choice of what to run.

        Then it does the same for another case of the kind, which has another answer.
        """
        if not self._run(case).right:
            return False
        kept = self._keep(_CASE, case)
        other = self._kin(case)
        if other is None:
            # Nothing but zeros. What it runs for these must be right for any numbers.
            other = reference(case.shape, self._random)
            known = Kept(number=_CASE, case=other)
            return self._is_answer(other, self._lane.repeat(kept, known))
        if not self._run(other).right:
            return False
        alike = self._lane.compare(kept, self._keep(_OTHER, other))
        return not (alike.difference or alike.why)

    def _kin(self, case: Case) -> Case | None:
        """A case of the same kind with another answer; None where there is none."""
        return next(self._kins(case), None)

    def _kins(self, case: Case) -> Iterator[Case]:
        """Cases of the same kind with other answers.

        The same numbers in another order, and twice the numbers, or more. Those of the published
        example are integers like others: what goes wrong with them is not the example.
        """
        values = Values.INTEGERS if case.values is Values.EXAMPLE else case.values
        part, sizes = case.part, case.shape.sizes
        answer = part.expected(case.inputs, sizes)
        mixed = {
            name: self._random.permutation(array.ravel()).reshape(array.shape)
            for name, array in case.inputs.items()
        }
        factor = 2 ** int(self._random.integers(1, 5))
        with np.errstate(over="ignore", invalid="ignore"):
            larger = {
                # Larger whole numbers might not fit, and flags are no numbers.
                spec.name: np.multiply(case.inputs[spec.name], factor, dtype=spec.numpy)
                if spec.dtype in FLOATS
                else case.inputs[spec.name]
                for spec in part.inputs
            }
        for made in (mixed, larger):
            inputs = arrays.within(part, sizes, made, instead=case.inputs)
            other = part.expected(inputs, sizes)
            if not all(
                np.array_equal(answer[name].value, other[name].value, equal_nan=True)
                for name in answer
            ):
                yield replace(case, values=values, inputs=inputs)

    def _reference(self, shape: PlannedShape) -> Kept | None:
        """The reference at a shape, run and kept; None where it gives no output."""
        if self._worker != self._lane.replacements:
            # What was kept is gone with the worker.
            self._worker = self._lane.replacements
            self._references.clear()
        number = shape.number
        if number not in self._references:
            found = reference(shape, self._random)
            if self._run(found).run.outputs is None:
                return None
            self._references[number] = self._keep(_FIRST_REFERENCE + number, found)
        return self._references[number]

    def _keep(self, number: int, case: Case) -> Kept:
        self._lane.keep(number)
        return Kept(number=number, case=case)


def reference(shape: PlannedShape, random: np.random.Generator) -> Case:
    """A case of a shape in which all values differ, and none is a number that people use.

    What is no factor of floating-point numbers comes from its own domain.
    """
    part, sizes = shape.part, shape.sizes
    inputs = dict(arrays.drawn(part, sizes, Values.REALS, random))
    free = [
        spec for spec in part.inputs if spec.dtype in FLOATS and isinstance(spec.domain, Factor)
    ]
    if not free:
        return Case(shape=shape, values=Values.REALS, inputs=inputs)
    counts = [spec.count(sizes) for spec in free]
    magnitudes, whole = arrays.as_written(part, sizes), sum(counts)
    values = np.zeros(0, np.float32)
    while len(values) < whole:
        more = np.exp(random.uniform(*magnitudes, whole)).astype(np.float32)
        values = np.unique(np.concatenate([values, more]))
    values = random.permutation(values)[:whole]
    values *= random.choice([-1, 1], whole).astype(np.float32)
    parts = np.split(values, np.cumsum(counts)[:-1])
    for spec, flat in zip(free, parts, strict=True):
        inputs[spec.name] = flat.astype(spec.numpy).reshape(spec.extents(sizes))
    return Case(shape=shape, values=Values.REALS, inputs=inputs)


def _as_run(run: CaseRun, alone: Redone) -> CaseRun:
    """A case as the device did it alone."""
    evidence = CaseEvidence(launches=alone.launches)
    if alone.outputs is None or run.outputs is None:
        return replace(
            run, ending=Ending.ERROR, outputs=None, message="a kernel fails", evidence=evidence
        )
    return replace(run, outputs=alone.arrays(run.case), evidence=evidence, copies_out=())


def _not_reproducible(on: Chance) -> Asked:
    told = Problem(kind=ProblemKind.NOT_REPRODUCIBLE, aspect=Aspect.CLEAN, data={"on": on.value})
    return Asked(problem=told, unknown=HostUntold.CHANGES)


def _paths(repeated: Redone) -> list[tuple[object, ...]]:
    return [(each.kernel, each.grid, each.block, each.path) for each in repeated.launches]


def _same_bits(one: CaseRun, other: CaseRun) -> bool:
    return one.bits is not None and one.bits == other.bits
