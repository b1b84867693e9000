"""Search a submission for failures, part by part: `grader.grading.part_prober`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from grader.grading.given_code import Code
from grader.grading.part_prober import PartProber
from grader.grading.results import Results
from grader.lanes.lane import Lane
from grader.model.cases import PlannedShape
from grader.model.puzzle import Puzzle


class Prober:
    """Runs the properties of one submission, part by part.

    Args:
        puzzle: What is graded.
        shapes: The compiled plan.
        lane: Runs cases.
        seed: The run's seed.
        examples: How many cases to run, all properties of all parts together.
        codes: What of the submission is the given code, by the name of the part. Where that is
            the whole kernel, sizes beyond the task are only shown, not searched.
        progress: Called with the number of cases run so far.
    """

    def __init__(
        self,
        puzzle: Puzzle,
        shapes: Sequence[PlannedShape],
        lane: Lane,
        *,
        seed: str,
        examples: int,
        codes: Mapping[str, Code],
        progress: Callable[[int, int], None],
    ) -> None:
        self.results = Results()
        run = {shape.part.name for shape in shapes}
        parts = [part for part in puzzle.parts if part.name in run]
        share = -(-examples // len(parts))
        self._parts = [
            PartProber(
                part,
                puzzle.checks_of(part),
                [shape for shape in shapes if shape.part.name == part.name],
                lane,
                results=self.results,
                seed=seed if len(puzzle.parts) == 1 else f"{seed} {part.name}",
                examples=share,
                code=codes.get(part.name, Code.NOTHING),
                progress=_onward(progress, number * share, examples),
            )
            for number, part in enumerate(parts)
        ]

    def draw_ahead(self) -> None:
        """Draw the cases that will be run if nothing fails; not needed before `run`, but useful.

        It takes some 0.5 s of a processor, and one is idle while the graphs compile.
        """
        for part in self._parts:
            part.draw_ahead()

    def run(self) -> Results:
        """Everything, part by part."""
        for part in self._parts:
            part.run()
        return self.results


def _onward(progress: Callable[[int, int], None], before: int, of: int) -> Callable[[int], None]:
    """Tells the cases of a part as those of the run."""
    return lambda done: progress(before + done, of)
