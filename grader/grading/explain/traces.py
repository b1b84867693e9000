"""What is drawn of a case that failed: the case runs once more, and its accesses are kept.

It explains and never decides. Where the second run is not the same as the first, or can't be had,
there is no drawing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from grader.device import (
    AccessTrace,
    CopyOut,
    Dim3,
    Finding,
    FindingKind,
    Launch,
    Space,
    TracedAccess,
    of_file,
)
from grader.errors import GradeError
from grader.grading.explain.arrays import ArrayNames
from grader.grading.observe import concerned
from grader.grading.results import Results
from grader.guidance import EXPLAINS_ALL
from grader.intake.indexed import indexed_array
from grader.lanes.lane import Lane
from grader.model.cases import CaseRun, Observation
from grader.model.checks import PartResults
from grader.model.puzzle import Puzzle
from grader.record import (
    ArrayUse,
    Aspect,
    Attribution,
    CaseTrace,
    CellUse,
    ElementOwner,
    OutputOwners,
    TracedStep,
)

CELLS: Final = 64
"""Of an array that are kept."""
ELEMENTS: Final = 256
"""Of an output."""
USERS: Final = 8
"""Threads of a cell."""
STEPS: Final = 32
ARRAYS: Final = 2
_DRAWN: Final = frozenset(
    {
        FindingKind.OUT_OF_BOUNDS,
        FindingKind.RACE,
        FindingKind.UNINITIALISED_READ,
        FindingKind.BARRIER_DIVERGENCE,
    }
)
_ORDER: Final = (*EXPLAINS_ALL, FindingKind.UNINITIALISED_READ)
"""What is drawn is what the report tells first: see `grader.guidance`."""


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A case that is to be drawn, and why."""

    observation: Observation
    check: str = ""
    finding: Finding | None = None


def trace_failures(results: Results, lane: Lane, puzzle: Puzzle, text: str) -> None:
    """Run what failed first in each part once more, and keep what is drawn of it.

    Args:
        results: Of the run; changed in place.
        lane: That the cases ran on.
        puzzle: What is graded.
        text: The submission, for the names of arrays.
    """
    wanted = [each for name, part in results.parts.items() for each in _wanted(results, name, part)]
    # What ends its process comes last: a new one takes time.
    for each in sorted(wanted, key=lambda each: each.observation.run.outputs is None):
        found = _trace(each, results, lane, puzzle, text)
        results.traces += [] if found is None else [found]


def _wanted(results: Results, name: str, part: PartResults) -> Iterator[_Wanted]:
    if not part.observed:
        return
    first = _first_finding(results, name)
    wrong = next(
        (
            (id_, tally.worst[0])
            for id_, tally in part.tallies.items()
            if tally in part.of_values and tally.worst is not None and tally.worst[0].wrong
        ),
        None,
    )
    if first is not None:
        finding, observation = first
        explains = finding.kind in EXPLAINS_ALL or wrong is not None
        if finding.kind in _DRAWN and explains:
            yield _Wanted(observation=observation, finding=finding)
    if wrong is not None:
        yield _Wanted(observation=wrong[1], check=wrong[0])


def _first_finding(results: Results, name: str) -> tuple[Finding, Observation] | None:
    """The finding of the student's code in a part that explains most."""
    found = [
        (finding, observation)
        for observation in results.findings.values()
        if observation.case.part.name == name and not observation.case.shape.beyond
        for finding, whose in observation.findings
        if whose is Attribution.STUDENT and finding.kind in _ORDER
    ]
    return min(found, key=lambda each: _ORDER.index(each[0].kind), default=None)


def _trace(
    wanted: _Wanted, results: Results, lane: Lane, puzzle: Puzzle, text: str
) -> CaseTrace | None:
    observation, finding = wanted.observation, wanted.finding
    case = observation.case
    wrong = _first_wrong(observation) if finding is None else None
    if finding is not None:
        at, thread = finding.block, finding.thread
    else:
        at, thread = (wrong.owner.block, wrong.owner.thread) if wrong else (None, None)
    run = _again(observation, results, lane, at or (0, 0, 0))
    launch = _launch_of(run, finding, wrong) if run is not None else None
    if launch is None:
        return None
    trace = launch.trace
    assert trace is not None
    done = _done(trace, text, ArrayNames(case, text))
    own = [each for each in done if each.by.thread == thread]
    if finding is not None:
        own = _up_to(own, finding)
    aspects = () if finding is None else (Aspect.CLEAN,)
    return CaseTrace(
        part=puzzle.label(case.part),
        check=wanted.check,
        finding=None if finding is None else msgspec.structs.replace(finding, touched=()),
        sizes=dict(case.shape.sizes),
        case=observation.number,
        concerns=tuple(
            sorted({*concerned(puzzle.checks_of(case.part), case, *aspects), wanted.check} - {""})
        ),
        kernel=launch.kernel,
        grid=launch.grid,
        block=launch.block,
        at=trace.block,
        thread=thread,
        element=wrong.index if wrong is not None else None,
        # Of a part of the accesses nobody can say who wrote a cell.
        arrays=() if trace.cut else tuple(_arrays(done, own, finding)),
        outputs=tuple(_outputs(observation)),
        steps=() if trace.cut else tuple(each.step for each in own[-STEPS:]),
    )


@dataclass(frozen=True, kw_only=True)
class _Wrong:
    """The first wrong element of a case."""

    index: int
    owner: ElementOwner
    launch: int | None


def _first_wrong(observation: Observation) -> _Wrong | None:
    for place, compared in enumerate(observation.comparisons):
        if not compared.right and observation.run.copies_out:
            index = int(compared.wrong[0])
            copied = observation.run.copies_out[place]
            owner, launch = _owner(copied, index * compared.got.itemsize, wrong=True)
            return _Wrong(index=index, owner=owner, launch=launch)
    return None


def _owner(copied: CopyOut, offset: int, *, wrong: bool) -> tuple[ElementOwner, int | None]:
    place = bisect_right(copied.provenance, offset, key=lambda each: each.start) - 1
    stretch = copied.provenance[place]
    return ElementOwner(wrong, stretch.writer, stretch.block, stretch.thread), stretch.launch


def _outputs(observation: Observation) -> Iterator[OutputOwners]:
    """The first wrong output, else the first, with who wrote its elements."""
    if not observation.run.copies_out:
        return
    place = next((k for k, each in enumerate(observation.comparisons) if not each.right), 0)
    compared, copied = observation.comparisons[place], observation.run.copies_out[place]
    wrong = set(compared.wrong.tolist())
    # A little before the first wrong one, so that right ones are seen beside it.
    first = max(0, min(min(wrong, default=0) - ELEMENTS // 4, compared.got.size - ELEMENTS))
    indices = range(first, min(first + ELEMENTS, compared.got.size))
    size = compared.got.itemsize
    yield OutputOwners(
        name=compared.output,
        shape=compared.got.shape,
        first=first,
        owners=tuple(_owner(copied, k * size, wrong=k in wrong)[0] for k in indices),
    )


def _again(observation: Observation, results: Results, lane: Lane, block: Dim3) -> CaseRun | None:
    """The case run once more, where that shows the same; with a trace of the block."""
    if not observation.number or observation.run.evidence is None:
        return None
    logged = results.log[observation.number - 1]
    try:
        run = lane.run(
            observation.case, variant=logged.variant, schedule=logged.schedule, traced=block
        )
    except GradeError:
        return None
    same = run.ending is observation.run.ending and run.bits == observation.run.bits
    return run if same and run.evidence is not None else None


def _launch_of(run: CaseRun, finding: Finding | None, wrong: _Wrong | None) -> Launch | None:
    """The launch that a case is drawn of; None where the finding did not come again."""
    assert run.evidence is not None
    launches = [each for each in run.evidence.launches if each.trace is not None]
    if finding is not None:
        keys = {_key(finding)}
        return next((each for each in launches if keys & set(map(_key, each.findings))), None)
    if wrong is not None and wrong.launch is not None and run.copies_out:
        # Launches are counted over all cases.
        again = {each.launch for copied in run.copies_out for each in copied.provenance}
        launches = [each for each in launches if each.index in again]
    return launches[-1] if launches else None


def _key(finding: Finding) -> tuple[object, ...]:
    return (
        finding.kind,
        finding.block,
        finding.thread,
        finding.access,
        finding.space,
        finding.cell,
        finding.ptx_line,
        finding.other_block,
        finding.other_thread,
    )


@dataclass(frozen=True, kw_only=True)
class _Done:
    """An access, and what the file says of it."""

    by: TracedAccess
    step: TracedStep

    @property
    def array(self) -> tuple[object, ...]:
        """What tells its array from others."""
        return (self.by.space, self.by.array, self.by.cells, self.by.size)


def _done(trace: AccessTrace, text: str, names: ArrayNames) -> list[_Done]:
    places = [of_file(each) for each in trace.places]
    done = []
    for each in trace.accesses:
        place = places[each.place]
        name = each.array
        if each.space is Space.SHARED and place is not None:
            name = indexed_array(text, place.line, place.column) or name
        elif place is None:
            name = names.of(each.space, each.access, each.cells) or name
        step = TracedStep(
            access=each.access,
            space=each.space,
            array=name,
            cell=each.cell,
            cells=each.cells,
            line=place.line if place is not None else None,
            column=place.column if place is not None else 0,
        )
        done.append(_Done(by=each, step=step))
    return done


def _up_to(own: list[_Done], finding: Finding) -> list[_Done]:
    """What a thread did, up to the access that a finding is about."""
    for place, each in enumerate(own):
        if _is_of(each, finding):
            return own[: place + 1]
    return own


def _is_of(done: _Done, finding: Finding) -> bool:
    by = done.by
    same = (by.access, by.space, by.cell) == (finding.access, finding.space, finding.cell)
    return same and done.step.line == finding.source_line


def _arrays(done: list[_Done], own: list[_Done], finding: Finding | None) -> Iterator[ArrayUse]:
    """The array of a finding; else the shared ones that the thread used, else what it read."""
    if finding is not None:
        guilty = [each for each in own if _is_of(each, finding)]
    else:
        shared = [each for each in own if each.by.space is Space.SHARED]
        guilty = shared or [each for each in own if each.by.access == "read"]
    for array in list(dict.fromkeys(each.array for each in guilty))[:ARRAYS]:
        named = [each for each in guilty if each.array == array]
        if array[1]:
            yield _use(
                [each for each in done if each.array == array],
                [each.by.cell for each in named],
                named[-1].step,
            )


def _use(done: list[_Done], marked: list[int], step: TracedStep) -> ArrayUse:
    """Who used the cells of an array: all of them, or those around the marked ones."""
    low, high = min(0, *marked, 0), max(step.cells - 1, *marked)
    middle = marked[-1]
    first = low if high - low < CELLS else max(low, min(middle - CELLS // 2, high - CELLS + 1))
    # What lies far outside of an array is told, not drawn.
    first = max(first, middle - CELLS + 1)
    last = min(high, first + CELLS - 1)
    writers: dict[int, dict[Dim3, None]] = {}
    readers: dict[int, dict[Dim3, None]] = {}
    for each in done:
        if each.by.access != "read":
            writers.setdefault(each.by.cell, {})[each.by.thread] = None
        if each.by.access != "write":
            readers.setdefault(each.by.cell, {})[each.by.thread] = None
    return ArrayUse(
        name=step.array,
        space=step.space,
        cells=step.cells,
        first=first,
        uses=tuple(
            CellUse(tuple(writers.get(k, ()))[:USERS], tuple(readers.get(k, ()))[:USERS])
            for k in range(first, last + 1)
        ),
    )
