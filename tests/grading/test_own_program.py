"""The file as a program: what counts, what is only said, and what is nobody's fault."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from grader.checks import Program
from grader.device import CaseEvidence, FindingKind
from grader.errors import ToolchainFault
from grader.grading.blame import Trial
from grader.grading.own_program import OwnProgram, _BothStreams, _end, run_as_asked, run_once
from grader.grading.state import StepsDone
from grader.grading.verdict import score
from grader.lanes.devices import HowToRun
from grader.lanes.program import Built, Ran
from grader.model.program import Command, CommandRun, ProgramCheck, ProgramSeen
from grader.puzzles import find
from grader.puzzles.debugging.first_case import FirstCase
from grader.record import PrintedOutput, ProgramEnd, Reason, Status, Verdict
from grader.sandbox import Isolation, LimitHit, Limits, Outcome
from tests.device.launches import PLAIN

PUZZLE = find("map")
[OWN] = [check for check in PUZZLE.checks if isinstance(check, ProgramCheck)]
[COMMAND] = OWN.commands
RAN = CommandRun(end=ProgramEnd.RAN, kernels=("add_10_Pointer",), wrote=True, launches=1)


def outcome(**fields):
    defaults = {
        "exit_code": 0,
        "signal": None,
        "limit": None,
        "killed": False,
        "stage": "run",
        "stage_seconds": 1.0,
        "wall_seconds": 10.0,
        "cpu_seconds": 9.0,
        "waiting_seconds": 0.0,
        "peak_resident_bytes": 1,
        "stdout": b"",
        "stderr": b"",
        "output_bytes": 0,
    }
    return Outcome(**{**defaults, **fields})


LAUNCHED = CaseEvidence(launches=(msgspec.structs.replace(PLAIN, instructions=9, result=0),))
UNSUPPORTED = CaseEvidence(unsupported=("no cuTensorMap",))


class TestPrinted:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("out: HostBuffer([10.0, 11.0])\n", PrintedOutput.PUBLISHED),
            ("OUT: [10, 11]", PrintedOutput.PUBLISHED),
            ("out: [[10.0], [11.0]]", PrintedOutput.PUBLISHED),
            ("out: [10.0004, 11.0, 28.0]", PrintedOutput.PUBLISHED),
            ("out: [1, 2]\nout: [10, 11]\nexpected: [1, 2]", PrintedOutput.PUBLISHED),
            ("out: [10, 11]\nout: nothing", PrintedOutput.PUBLISHED),
            ("out: [10, 11]\nout: [1, 2]", PrintedOutput.OTHER),
            ("out: [10]", PrintedOutput.OTHER),
            ("out: [10, nan]", PrintedOutput.OTHER),
            ("result: [10, 11]", PrintedOutput.NOTHING),
            ("out:\n[10, 11]", PrintedOutput.NOTHING),
            ("out: [", PrintedOutput.NOTHING),
            ("", PrintedOutput.NOTHING),
        ],
    )
    def test_the_last_list_behind_the_words_counts(self, text, said):
        assert Command(printed=(10, 11)).compare(text) is said

    def test_nothing_is_said_where_the_published_output_is_not_known(self):
        assert Command().compare("out: [1]") is PrintedOutput.NOT_ASKED

    def test_brackets_without_end_take_no_time(self):
        assert Command(printed=(1,)).compare("out: " + "[" * 60_000) is PrintedOutput.NOTHING


class TestEnd:
    @pytest.mark.parametrize(
        ("ended", "evidence", "end"),
        [
            (outcome(), LAUNCHED, ProgramEnd.RAN),
            (outcome(), CaseEvidence(), ProgramEnd.NO_LAUNCH),
            (outcome(exit_code=1), LAUNCHED, ProgramEnd.FAILED),
            (outcome(exit_code=None, signal=11), LAUNCHED, ProgramEnd.FAILED),
            (outcome(exit_code=1), UNSUPPORTED, ProgramEnd.UNSEEN),
            (outcome(), UNSUPPORTED, ProgramEnd.UNSEEN),
            (outcome(limit=LimitHit.WALL_CLOCK), LAUNCHED, ProgramEnd.STOPPED),
            (outcome(limit=LimitHit.WALL_CLOCK, cpu_seconds=0.0), None, ProgramEnd.STOPPED),
            (
                outcome(limit=LimitHit.WALL_CLOCK, cpu_seconds=3.0, waiting_seconds=7.0),
                LAUNCHED,
                ProgramEnd.STOPPED,
            ),
            (outcome(limit=LimitHit.OUTPUT), LAUNCHED, ProgramEnd.STOPPED),
        ],
    )
    def test_what_comes_of_a_run(self, ended, evidence, end):
        assert _end(Ran(outcome=ended, evidence=evidence), evidence or CaseEvidence())[0] is end

    @pytest.mark.parametrize(
        "ended",
        [
            outcome(limit=LimitHit.WALL_CLOCK, cpu_seconds=0.5, waiting_seconds=7.0),
            outcome(exit_code=1, machine_out_of_memory=True),
        ],
    )
    def test_what_the_machine_did_ends_without_a_mark(self, ended):
        with pytest.raises(ToolchainFault, match="machine"):
            _end(Ran(outcome=ended, evidence=LAUNCHED), LAUNCHED)

    def test_of_a_flood_the_ends_are_kept(self):
        printed = _BothStreams()
        for number in range(100_000):
            printed.feed(b"%d\n" % number)
        text = printed.text()
        assert len(text) < 70_000
        assert text.startswith("0\n1\n")
        assert text.endswith("99999\n")
        assert " bytes ..." in text


def steps(seen):
    return StepsDone(packages=True, compiles=True, program=seen)


def of_program(seen):
    """How the check ends, and the whole."""
    scored = score(PUZZLE, steps(seen))
    [check] = [check for check in scored.checks if check.id == OWN.id]
    return check, scored


class TestCheck:
    @pytest.mark.parametrize("text", ["out: [10, 11, 12, 13]", "out: [1]", "", "hello"])
    def test_what_it_prints_decides_nothing(self, text):
        check, _ = of_program(ProgramSeen(runs={COMMAND: replace(RAN, text=text)}))
        assert (check.status, check.points) == (Status.PASSED, 5)

    def test_it_is_said_whether_the_output_is_the_published_one(self):
        right = replace(RAN, text="out: [10, 11, 12, 13]")
        check, _ = of_program(ProgramSeen(runs={COMMAND: right}))
        assert check.sentence == "it ran, and printed the published output"
        check, _ = of_program(ProgramSeen(runs={COMMAND: replace(RAN, text="out: [1]")}))
        assert check.sentence == "it ran; it printed other numbers than the book's program"

    @pytest.mark.parametrize("end", [ProgramEnd.FAILED, ProgramEnd.STOPPED, ProgramEnd.NO_LAUNCH])
    def test_a_run_that_fails_costs_its_points_and_no_others(self, end):
        run = CommandRun(end=end, said="exit code 1")
        check, scored = of_program(ProgramSeen(runs={COMMAND: run}))
        assert (check.status, check.points, check.max_points) == (Status.FAILED, 0, 5)
        assert scored.max_score == 100

    @pytest.mark.parametrize("end", [ProgramEnd.NO_MAIN, ProgramEnd.NOT_BUILT])
    def test_no_program_at_all(self, end):
        check, _ = of_program(ProgramSeen(end=end, said="line 3: no"))
        assert check.status is Status.FAILED
        assert check.reason is Reason.PROGRAM

    @pytest.mark.parametrize(
        "seen",
        [
            ProgramSeen(end=ProgramEnd.UNSEEN, said="the device is gone"),
            ProgramSeen(runs={COMMAND: CommandRun(end=ProgramEnd.UNSEEN, said="no such call")}),
        ],
    )
    def test_what_can_not_be_seen_is_not_checked_and_costs_nothing(self, seen):
        check, scored = of_program(seen)
        assert (check.status, check.reason) == (Status.NOT_CHECKED, Reason.PROGRAM_UNSEEN)
        assert scored.max_score == 95

    def test_a_run_that_failed_outweighs_one_that_was_not_seen(self):
        first, second = Command(arguments=("--a",)), Command(arguments=("--b",))
        runs = {
            first: CommandRun(end=ProgramEnd.UNSEEN),
            second: CommandRun(end=ProgramEnd.FAILED, said="exit code 1"),
        }
        judged = Program(commands=(first, second)).judge_program(ProgramSeen(runs=runs))
        assert judged.status is Status.FAILED
        assert judged.data["command"] == "--b"

    def test_a_file_that_does_not_compile_is_no_program_to_run(self):
        scored = score(
            PUZZLE, StepsDone(packages=True, failure={"end": "said", "said": "line 3: no"})
        )
        assert scored.checks[-1].reason is Reason.NOT_COMPILED
        assert scored.verdict is Verdict.FAIL


class TestFirstCase:
    CHECK = FirstCase(title="First case", kernel="add_10")

    @pytest.mark.parametrize(
        ("run", "end"),
        [
            (RAN, ProgramEnd.RAN),
            (CommandRun(end=ProgramEnd.FAILED, found=(FindingKind.OUT_OF_BOUNDS,)), "not-clean"),
            (CommandRun(end=ProgramEnd.FAILED, said="exit code 1"), ProgramEnd.FAILED),
            (CommandRun(end=ProgramEnd.RAN, kernels=("other",), wrote=True), "no-launch"),
            (CommandRun(end=ProgramEnd.RAN, kernels=("add_10_P",)), ProgramEnd.NOTHING_BACK),
            (CommandRun(end=ProgramEnd.UNSEEN), ProgramEnd.UNSEEN),
            (CommandRun(end=ProgramEnd.NO_LAUNCH), ProgramEnd.NO_LAUNCH),
        ],
    )
    def test_the_kernel_has_to_run_and_its_result_to_come_back(self, run, end):
        assert self.CHECK.end_of(run) == end


def test_a_file_without_main_starts_nothing():
    with OwnProgram(
        "def add_10(): pass\n",
        "map",
        None,
        isolation=Isolation.BWRAP,
        limits=Limits(wall_seconds=1),
    ) as own:
        own.begin()
        seen = own.run([COMMAND], lambda: pytest.fail("no device is needed"), control=never)
    assert seen.end is ProgramEnd.NO_MAIN


def never():
    raise AssertionError("no control is needed")


class TestABuildThatIsStopped:
    """At a limit: whose failure it is, a control decides."""

    def run(self, monkeypatch, control, **facts):
        stopped = Built(
            ok=False,
            diagnostics=(),
            seconds=100.0,
            limits=Limits(wall_seconds=100),
            outcome=outcome(stage_seconds=100.0, wall_seconds=100.0, **facts),
            output="",
        )
        monkeypatch.setattr(OwnProgram, "_build", lambda self: stopped)
        with OwnProgram(
            "def main():\n    pass\n", "map", None,
            isolation=Isolation.BWRAP, limits=Limits(wall_seconds=1),
        ) as own:  # fmt: skip
            return own.run([COMMAND], lambda: pytest.fail("no device is needed"), control=control)

    def test_on_a_busy_machine_there_is_no_mark(self, monkeypatch):
        with pytest.raises(ToolchainFault, match="too busy"):
            self.run(
                monkeypatch,
                lambda: Trial(seconds=40.0, peak_bytes=1),
                limit=LimitHit.WALL_CLOCK, cpu_seconds=30.0, waiting_seconds=60.0,
            )  # fmt: skip

    def test_nor_where_the_reference_does_not_get_through(self, monkeypatch):
        with pytest.raises(ToolchainFault, match="does not get through"):
            self.run(monkeypatch, lambda: None, limit=LimitHit.WALL_CLOCK, cpu_seconds=99.0)

    def test_nor_where_the_machine_has_no_memory_left(self, monkeypatch):
        with pytest.raises(ToolchainFault, match="memory"):
            self.run(monkeypatch, never, machine_out_of_memory=True, exit_code=1)

    def test_one_that_computes_without_end_is_the_students(self, monkeypatch):
        quick = Trial(seconds=12.0, peak_bytes=1)
        seen = self.run(monkeypatch, lambda: quick, limit=LimitHit.WALL_CLOCK, cpu_seconds=99.0)
        assert seen.end is ProgramEnd.NOT_BUILT
        assert "never ends" in seen.said

    def test_of_a_crash_it_can_not_be_told(self, monkeypatch):
        assert self.run(monkeypatch, never, exit_code=1).end is ProgramEnd.UNSEEN


class BusyPlace:
    """A place that has no time for a program at first."""

    source = "/work/map.mojo"

    def __init__(self, *outcomes):
        self.outcomes, self.limits = list(outcomes), []

    def run(self, arguments, limits, listen, *, how):
        self.limits.append(limits.wall_seconds)
        listen(0, b"out: [%d]\n" % len(self.limits))
        return Ran(outcome=self.outcomes.pop(0), evidence=LAUNCHED)


@pytest.mark.parametrize(
    ("exits", "end", "text"),
    [
        ((0, 1), ProgramEnd.RAN, "out: [1]\n"),
        ((1, 0), ProgramEnd.RAN, "out: [2]\n"),
        ((1, 1), ProgramEnd.FAILED, "out: [1]\n"),
    ],
    ids=["the first", "the other", "neither"],
)
def test_a_program_may_take_other_arguments_for_the_same(exits, end, text):
    place = BusyPlace(*(outcome(exit_code=code) for code in exits))
    either = Command(arguments=("--one",), otherwise=("--other",))
    run = run_as_asked(place, either, "map", HowToRun())
    assert (run.end, run.text) == (end, text)
    place = BusyPlace(outcome(exit_code=1))
    assert run_as_asked(place, COMMAND, "map", HowToRun()).end is ProgramEnd.FAILED


WAITED = outcome(limit=LimitHit.WALL_CLOCK, cpu_seconds=0.5, waiting_seconds=7.0)


def test_where_the_machine_gave_it_no_time_it_is_run_once_more_with_patience():
    place = BusyPlace(WAITED, outcome())
    run = run_once(place, COMMAND, "map", HowToRun())
    assert (run.end, run.text) == (ProgramEnd.RAN, "out: [2]\n")
    assert place.limits[1] > place.limits[0]
    place = BusyPlace(WAITED, WAITED)
    with pytest.raises(ToolchainFault, match="too busy"):
        run_once(place, COMMAND, "map", HowToRun())
    assert len(place.limits) == 2
