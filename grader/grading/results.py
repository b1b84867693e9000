"""What a search has found out: cases, launches and findings, counted and kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from grader.caselog import LoggedCase
from grader.device import Launch, schedules
from grader.grading.observe import MADE_BY_KERNELS, finding_key
from grader.model.cases import Observation
from grader.model.checks import Check, PartResults, Tally, simplicity
from grader.model.part import Scope
from grader.record import CaseTrace, Ending, LaunchKind, PartProfile

MOST_PLACES = 64
"""Threads of a block whose places are counted."""


@dataclass
class Results:
    """All that the search found out."""

    parts: dict[str, PartResults] = field(default_factory=dict)
    """By the name of the part."""
    findings: dict[tuple[object, ...], Observation] = field(default_factory=dict)
    """For each distinct finding the simplest case of it."""
    by_shape: dict[int, list[int]] = field(default_factory=dict)
    """Cases and failures for each shape of the plan."""
    log: list[LoggedCase] = field(default_factory=list)
    """Every case, in the order in which they ran."""
    by_place: dict[tuple[str, int], NDArray[np.int64]] = field(default_factory=dict)
    """By the name of the part and the threads of a block: for each place in it, how many elements
    of outputs were compared and how many were wrong."""
    traces: list[CaseTrace] = field(default_factory=list)
    """What is drawn of cases that failed."""
    profiles: list[PartProfile] = field(default_factory=list)

    @property
    def launches(self) -> tuple[LaunchKind, ...]:
        """Launches that are alike, counted."""
        return tuple(kind for part in self.parts.values() for kind in part.launches.values())

    @property
    def kernels(self) -> tuple[str, ...]:
        """Names of the kernels that were launched."""
        return tuple(sorted({kind.kernel for kind in self.launches}))

    def tally(self, check: str) -> Tally | None:
        """The tally of a check by its id, where it has one."""
        for part in self.parts.values():
            if check in part.tallies:
                return part.tallies[check]
        return None

    def logged(
        self,
        observation: Observation,
        checks: Iterable[Check],
        variant: int,
        schedule: int = schedules.PLAIN,
    ) -> Observation:
        """Keep the case; the observation with its number."""
        case = observation.case
        failed = {check.id for check in checks if check.problem_of(observation) is not None}
        logged = LoggedCase(
            part=case.part.name,
            sizes=dict(case.shape.sizes),
            values=case.values.value,
            variant=variant,
            failed=tuple(sorted(failed)),
            output=observation.run.ending is Ending.OUTPUT,
            inputs=case.payload,
            schedule=schedule,
        )
        self.log.append(logged)
        return replace(observation, number=len(self.log))

    def count(self, observation: Observation) -> None:
        """Count a case towards its shape and its part."""
        run = observation.run
        part = self.parts[run.case.part.name]
        counts = self.by_shape.setdefault(run.case.shape.number, [0, 0])
        counts[0] += 1
        counts[1] += bool(observation.problems)
        launches = run.evidence.launches if run.evidence is not None else ()
        for launch in launches:
            _count_launch(part, launch)
        if run.case.shape.scope is Scope.ASSIGNED:
            part.assigned += 1
            part.completed += run.ending is Ending.OUTPUT
            part.launched += run.ending is Ending.OUTPUT and (
                not part.observed or _by_a_kernel(observation)
            )
            self._count_places(observation, launches)

    def _count_places(self, observation: Observation, launches: Sequence[Launch]) -> None:
        """Count the elements of outputs of one dimension by their place in the block."""
        blocks = {launch.block for launch in launches}
        threads, *others = blocks.pop() if len(blocks) == 1 else (0, 0, 0)
        if others != [1, 1] or not 1 < threads <= MOST_PLACES:
            return
        for compared in observation.comparisons:
            if compared.got.ndim == 1 and compared.got.size > 1:
                key = observation.case.part.name, threads
                counts = self.by_place.setdefault(key, np.zeros((2, threads), dtype=np.int64))
                for row, indices in enumerate((np.arange(compared.got.size), compared.wrong)):
                    counts[row] += np.bincount(indices % threads, minlength=threads)

    def telling_places(self) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Parts whose outputs are wrong at some places of the block and right at others.

        Where blocks had several sizes, the size that shows most.
        """
        for name in self.parts:
            counted = [counts for (part, _), counts in self.by_place.items() if part == name]
            found = max(counted, key=lambda counts: int(counts[1].sum()), default=None)
            if found is not None and found[1].any() and (found[0][found[1] == 0] > 0).any():
                yield name, found

    def keep_findings(self, observation: Observation) -> None:
        """Keep one observation for each distinct finding, the simplest."""
        for finding, whose in observation.findings:
            key = finding_key(finding, whose)
            kept = self.findings.get(key)
            if kept is None or _rank(observation) < _rank(kept):
                self.findings[key] = observation


def _by_a_kernel(observation: Observation) -> bool:
    """Whether a kernel ran and made something of an output.

    A kernel that is still empty has nothing that could be clean, even where zeros are right.
    """
    run = observation.run
    launches = run.evidence.launches if run.evidence is not None else ()
    if not any(launch.instructions for launch in launches):
        return False
    writers = {each.writer for copy in run.copies_out for each in copy.provenance}
    return bool(writers & MADE_BY_KERNELS)


def _count_launch(part: PartResults, launch: Launch) -> None:
    key = (launch.kernel, launch.configuration)
    known = part.launches.get(key)
    part.launches[key] = LaunchKind(
        kernel=launch.kernel,
        grid=launch.grid,
        block=launch.block,
        cluster=launch.cluster,
        shared_bytes=launch.shared_bytes,
        count=(known.count if known else 0) + 1,
        failed=(known.failed if known else 0) + bool(launch.result),
        most_instructions=max(known.most_instructions if known else 0, launch.instructions),
    )


def _rank(observation: Observation) -> tuple[object, ...]:
    """What to show a finding by: first the assigned sizes, then the simplest case."""
    case = observation.case
    return (case.shape.scope is Scope.ROBUST, *simplicity(observation))
