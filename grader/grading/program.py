"""Grade a program: compile its kernels, run them, judge."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec

from grader.device import FindingKind
from grader.grading import editions, plan
from grader.grading.blame import Blame, Trial, blame_packaging, trial_of
from grader.grading.edition_run import Background, EditionRun
from grader.grading.editions import Choice
from grader.grading.given_code import Code, all_handed_out
from grader.grading.state import StepsDone
from grader.intake.program import Function, functions
from grader.lanes.devices import CaseDevice
from grader.lanes.kernel_build import BuiltKernels, FirstLook, LeftOut
from grader.lanes.lane import OtherSignature
from grader.lanes.prepared import chosen_way, compiled_kernels
from grader.lanes.ways import ProgramLane
from grader.lanes.workspace import LaneSetup
from grader.machine import cores
from grader.model.cases import PlannedShape
from grader.model.code import FILE, Real
from grader.model.part import Part
from grader.model.program import ProgramCheck, ProgramSeen, commands_of
from grader.record import ProgramEnd, Reason, Status
from grader.sandbox import Isolation
from grader.toolchain.compiler import HEAD_START, nothing
from grader.toolchain.kernels import LIMITS
from grader.toolchain.packaging import Packaged
from grader.wording.checks import NOT_ON_A_GPU, REFERENCE_TOO

if TYPE_CHECKING:
    from grader.grading.own_program import OwnProgram
    from grader.grading.prober import Prober


_REAL: Final = re.compile(r": ?(?:Float32|Scalar ?\[|SIMD ?\[)")
"""An argument that is a number with a point."""


@dataclass
class ProgramRun(EditionRun):
    """The steps of one run with one edition. Each leaves what it found in ``state``."""

    first_look: Background[Packaged] | None = None
    """What the compiler says of the file as it is, where somebody waits for it."""

    def run(self) -> Choice | None:
        """Everything; the answer is another edition that compiles where this does not.

        Raises:
            DeviceFault: a GPU was asked for, and there is none that works.
        """
        # Not before: a first look does not wait for the puzzle.
        puzzle = self.state.puzzle
        self.setup = replace(self.setup, architecture=puzzle.architecture)
        chosen, self.way = chosen_way(self.state.submission.text, self.setup, puzzle.parts)
        self.on_gpu = not chosen.observes
        known = self.state.toolchain
        self.state.toolchain = known and msgspec.structs.replace(known, lane=self.way.kind)
        with contextlib.ExitStack() as stack:
            # A file that does not compile needs neither: it is done before, or a first look tells.
            # The device takes half a second to start, and the compiler four.
            own = None
            if self._asked and not self.on_gpu:
                own = stack.enter_context(self._own_program())
            device = Background(
                lambda: stack.enter_context(chosen),
                after=HEAD_START if self.first_look is None else None,
            )
            try:
                return self._run(device, stack, own)
            finally:
                device.drop(lambda _: None)

    @cached_property
    def _asked(self) -> tuple[ProgramCheck, ...]:
        """The checks that look at the file as a program."""
        return tuple(each for each in self.state.puzzle.checks if isinstance(each, ProgramCheck))

    def _own_program(self, control: str | None = None) -> OwnProgram:
        """The submission's program, or another text's as a control."""
        from grader.grading.own_program import OwnProgram

        return OwnProgram(
            self.state.submission.text if control is None else control,
            self.state.request.puzzle_name,
            self.setup.toolchain,
            isolation=self.setup.isolation,
            limits=self.setup.within(LIMITS),
            architecture=self.setup.architecture,
        )

    def _builds_beside(self) -> bool:
        """Whether two processes of a submission may run at a time.

        Only where a namespace keeps them apart, and where they do not take each other's time: in a
        class each grading has one core.
        """
        return self.setup.isolation is Isolation.BWRAP and cores() > 1

    def _run(
        self,
        device: Background[CaseDevice],
        stack: contextlib.ExitStack,
        own: OwnProgram | None,
    ) -> Choice | None:
        state = self.state
        with state.stage("compile"):
            unfilled = self._unfilled()
            shapes = [shape for shape in self._plan() if shape.part.name not in unfilled]
            if not shapes:
                state.steps = StepsDone(nothing_filled_in=True)
                if own is not None and not self._as_given:
                    self._run_alone(own, device)
                return None
            drawn: list[tuple[ProgramLane, Prober]] = []

            def while_compiling() -> None:
                # Not before: a file that does not compile ends without it.
                if own is not None and self._builds_beside():
                    own.begin()
                if self.first_look is None and self.meanwhile is not None:
                    self.meanwhile()
                device.result()
                drawn.append(self._ready(stack, shapes))

            look = self.first_look
            if look is not None and self.meanwhile is not None:
                self.meanwhile()
            built = self._build(
                state.submission.text,
                shapes,
                self.setup,
                while_compiling,
                look.within if look is not None else None,
            )
            state.stage_peak = built.packaged.outcome.peak_resident_bytes
            state.diagnostics = built.packaged.diagnostics
            state.taken = built.taken
            state.stage_failed = not built.ok
            if not built.ok:
                other = self._another(shapes, built)
                if other is not None:
                    return other
            blame = self._blame(built, shapes)
            nothing = LeftOut(Reason.NOTHING_FILLED_IN)
            refused = {
                name: self._signature(state.puzzle.part(name), str(why.data["function"]))
                if why.reason is Reason.SIGNATURE
                else why
                for name, why in built.refused.items()
            }
            state.steps = StepsDone(
                packages=True,
                compiles=built.ok,
                failure=blame.data if blame else {},
                other_edition={} if built.ok else editions.explanation(self.choice),
                refused={**dict.fromkeys(unfilled, nothing), **refused},
            )
        if built.kernels:
            with state.stage("run"):
                device.result()
                ready = drawn[0] if drawn else self._ready(stack, shapes)
                self._run_kernels(*ready, built, shapes)
        if own is not None and built.ok:
            with state.stage("program"):
                state.steps = replace(state.steps, program=self._run_program(own, device))
        elif built.ok and self._asked:
            seen = ProgramSeen(end=ProgramEnd.UNSEEN, said=NOT_ON_A_GPU)
            state.steps = replace(state.steps, program=seen)
        return None

    def _run_program(self, own: OwnProgram, device: Background[CaseDevice]) -> ProgramSeen:
        seen = own.run(
            commands_of(self._asked),
            device.result,
            control=self._reference_program_builds,
            endless=self._has_endless_kernel(),
        )
        if self._may_be_our_fault(seen) and not self._reference_program_runs(device):
            return ProgramSeen(end=ProgramEnd.UNSEEN, said=REFERENCE_TOO)
        self.state.diagnostics += own.diagnostics
        self.state.stage_failed = seen.end is not ProgramEnd.RAN
        return seen

    def _has_endless_kernel(self) -> bool:
        results = self.state.steps.results
        return results is not None and any(
            finding.kind is FindingKind.BUDGET_EXCEEDED
            for observation in results.findings.values()
            for finding, _ in observation.findings
        )

    def _may_be_our_fault(self, seen: ProgramSeen) -> bool:
        """Whether the program fails, and no wrong kernel of it explains that."""
        if all(each.judge_program(seen).status is not Status.FAILED for each in self._asked):
            return False
        results = self.state.steps.results
        parts = results.parts.values() if results is not None else ()
        wrong = any(tally.worst for part in parts for tally in part.of_values)
        return seen.end is ProgramEnd.NOT_BUILT or not wrong

    def _reference_program_builds(self) -> Trial | None:
        """The control: what it takes to build the reference answer as a program."""
        with self._own_program(control=self.reference().decode()) as control:
            return control.builds()

    def _reference_program_runs(self, device: Background[CaseDevice]) -> bool:
        """The control: whether the reference answer runs as a program, on this machine."""
        text = self.state.puzzle.reference(self.choice.edition.name, "right")
        if text is None:
            return False
        with self._own_program(control=text) as control:
            seen = control.run(commands_of(self._asked), device.result, control=control.builds)
        return all(each.judge_program(seen).status is not Status.FAILED for each in self._asked)

    def _run_alone(self, own: OwnProgram, device: Background[CaseDevice]) -> None:
        """Run the program where all kernels are as they were given: that may be right in one."""
        alone = [each for each in self._asked if each.stands_alone]
        if not alone:
            return
        seen = self._run_program(own, device)
        if any(each.judge_program(seen).status is Status.PASSED for each in alone):
            nothing = LeftOut(Reason.NOTHING_FILLED_IN)
            self.state.device = device.result().info
            self.state.steps = StepsDone(
                packages=True,
                compiles=True,
                refused=dict.fromkeys((part.name for part in self.state.puzzle.parts), nothing),
                program=seen,
            )

    def _ready(
        self, stack: contextlib.ExitStack, shapes: Sequence[PlannedShape]
    ) -> tuple[ProgramLane, Prober]:
        """A lane without kernels yet, and the cases: drawn while the compiler is at work."""
        lane = stack.enter_context(self.way.open_lane())
        return lane, self._prober(lane, shapes)

    def _prober(self, lane: ProgramLane, shapes: Sequence[PlannedShape]) -> Prober:
        nothing_given = {part.name: Code.NOTHING for part in self.state.puzzle.parts}
        return self.prober(lane, shapes, nothing_given)

    def _run_kernels(
        self,
        lane: ProgramLane,
        prober: Prober,
        built: BuiltKernels[Any],
        shapes: Sequence[PlannedShape],
    ) -> None:
        state = self.state
        state.device = lane.device
        refused = dict(state.steps.refused)
        lane.take(built.kernels)
        file = f"{state.request.puzzle_name}.mojo"
        if not self.prepare(lane, shapes, student_file=file, what="the library of the kernels"):
            return
        for part in {shape.part.name: shape.part for shape in shapes}.values():
            if part.name not in refused and (function := self._without_real(part)):
                refused[part.name] = self._signature(part, function)
        for shape in shapes:
            if shape.part.name in refused:
                continue
            try:
                lane.check(shape)
            except OtherSignature as other:
                refused[shape.part.name] = self._signature(shape.part, str(other))
        there = [shape for shape in shapes if shape.part.name not in refused]
        state.steps = replace(state.steps, refused=refused)
        if not there:
            return
        if len(there) < len(shapes):
            prober = self._prober(lane, there)
        self.run_cases(lane, prober, there)

    def _plan(self) -> tuple[PlannedShape, ...]:
        state = self.state
        return plan.draw(
            state.puzzle,
            seed=state.seed,
            own_kernel={part.name for part in state.puzzle.parts},
            # Each size is an instance of the kernel, so all of them are too many.
            tries=plan.Tries.ALL if state.request.sizes == "all" else plan.Tries.SAMPLE,
        )

    def _unfilled(self) -> set[str]:
        """Parts whose kernels are as the skeleton has them; all, where the file is a skeleton."""
        text, puzzle = self.state.submission.text, self.state.puzzle
        rubric = self.state.request.rubric
        handed_out = all_handed_out(
            puzzle, self.choice.skeletons, rubric.skeleton if rubric else None
        )
        self._as_given = handed_out.nothing_filled_in(text)
        if self._as_given:
            return {part.name for part in puzzle.parts}
        unfilled = {part.name for part in puzzle.parts if handed_out.is_unfilled(text, part)}
        filled = {part.name for part in puzzle.parts} - unfilled
        self._passed_over = handed_out.passed_over(text, puzzle.parts, filled)
        return unfilled

    def _skeleton(self) -> str:
        return self.state.puzzle.reference(self.choice.edition.name, "skeleton") or ""

    def _declared(self, text: str, part: Part, function: str) -> Function | None:
        """The kernel of a file that is meant by a name of the task."""
        there = functions(text)
        there = {name: there[name] for name in there.keys() - self._passed_over}
        return there.get(part.kernels.names_in(there).get(function, function))

    def _without_real(self, part: Part) -> str:
        """The kernel that is given a Float32 and declares none; other types may be as long."""
        for launch in part.kernels.launches:
            if any(isinstance(argument, Real) for argument in launch.arguments):
                own = self._declared(self.state.submission.text, part, launch.function)
                if own is not None and not _REAL.search(own.signature.partition("(")[2]):
                    return launch.function
        return ""

    def _signature(self, part: Part, function: str) -> LeftOut:
        """Why a kernel can't be launched as the task says, with both declarations."""
        launch = next(each for each in part.kernels.launches if each.function == function)
        own = self._declared(self.state.submission.text, part, function)
        expected = self._declared(self._skeleton(), part, function)
        return LeftOut(
            Reason.SIGNATURE,
            {
                "function": function,
                "arguments": ", ".join(map(str, launch.arguments)),
                "parameters": ", ".join(launch.parameters).replace(FILE, ""),
                "declared": own.signature if own else "",
                "expected": expected.signature if expected else "",
            },
        )

    def _build(
        self,
        text: str,
        shapes: Sequence[PlannedShape],
        setup: LaneSetup,
        meanwhile: Callable[[], None] = nothing,
        first_look: FirstLook | None = None,
    ) -> BuiltKernels[Any]:
        return compiled_kernels(
            text,
            shapes,
            setup,
            self.way,
            passed_over=self._passed_over,
            meanwhile=meanwhile,
            first_look=first_look,
        )

    def _another(self, shapes: Sequence[PlannedShape], built: BuiltKernels[Any]) -> Choice | None:
        """The choice of another edition that compiles the file, if there is one."""
        text = self.state.submission.text
        # One of each part: what no shape needs is not compiled.
        few = list({shape.part.name: shape for shape in shapes}.values())
        by_library = self.on_gpu or self.state.puzzle.calls_host
        return editions.another(
            self.choice,
            built.packaged,
            self.state,
            lambda toolchain: (
                self._build(text, few, replace(self.setup, toolchain=toolchain)).packaged
            ),
            gradable=lambda edition: (
                (edition.harness if by_library else edition.kernels) is not None
            ),
        )

    def _blame(self, built: BuiltKernels[Any], shapes: Sequence[PlannedShape]) -> Blame | None:
        """Whose failure it is that the file does not compile; None where it does."""
        packaged = built.packaged
        if packaged.ok:
            return None
        blame = blame_packaging(packaged, lambda: self._reference_compiles(shapes))
        for stopped in built.stopped:
            # It raises where the machine was too busy, or short of memory.
            blame_packaging(stopped, lambda: self._reference_compiles(shapes))
        why = editions.why_it_does_not_package(self.choice)
        self.state.diagnostics = editions.with_explanation(
            self.choice, self.state.diagnostics, f"{self.state.puzzle.name}.mojo"
        )
        return Blame(data=why, diagnostics=blame.diagnostics) if why else blame

    def _reference_compiles(self, shapes: Sequence[PlannedShape]) -> Trial | None:
        """The control: the reference answer with the same sizes; see `grader.grading.blame`."""
        return trial_of(self._build(self.reference().decode(), shapes, self.setup).packaged)
