"""Limits on what kernels cost: from counts to a verdict, what a rubric asks, and what is said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import grader
from benchmarks.labels import sample_file
from grader.checks import Frugal
from grader.device import MOST_PROFILED, InstructionCounts, SourcePlace, Space
from grader.errors import DeviceFault, UnsupportedByDevice
from grader.grading.equal import record_of_equal_program
from grader.grading.explain.usage import profile_parts
from grader.grading.rescore import judged
from grader.grading.results import Results
from grader.grading.verdict import score
from grader.guidance import causes
from grader.intake import submission_from_bytes
from grader.model.checks import Judgement, PartResults
from grader.model.puzzle import Puzzle, RubricItem
from grader.model.usage import AccessUse, KernelUse, PartUse, measured
from grader.puzzles.conv1d import PUZZLE
from grader.record import (
    Access,
    Reason,
    Record,
    Status,
    Uncounted,
    UsageLimit,
    Verdict,
    Visibility,
)
from grader.references import reference
from grader.report.formats.elements import line_messages
from grader.rubric import Rubric, parse_rubric, starting_file
from grader.wording.usage import over_limit
from tests.grading import scripted


def access(
    line: int, kind: Access = "load", space: Space = Space.GLOBAL, **counts: Any
) -> AccessUse:
    use = AccessUse(
        line=line, access=kind, space=space, requests=2, transfers=8, least=8, bytes=256
    )
    return replace(use, **counts)


USE = PartUse(
    sizes={"n": 64},
    inputs=256,
    outputs=128,
    kernels=[
        KernelUse(
            kernel="add",
            warps=2,
            launches=3,
            accesses=(
                access(7),
                access(8, transfers=12),
                access(8, "store", bytes=128),
                access(9, space=Space.SHARED, transfers=10, least=2),
            ),
            executed={UsageLimit.BARRIERS: {12: 2, 14: 4}, UsageLimit.INSTRUCTIONS: {7: 30}},
        ),
        KernelUse(
            kernel="sum",
            warps=1,
            launches=1,
            accesses=(access(20, "atomic", transfers=10),),
            executed={UsageLimit.BARRIERS: {22: 1}, UsageLimit.ATOMICS: {20: 2}},
        ),
    ],
)


@pytest.mark.parametrize(
    ("limit", "value", "kernel", "line"),
    [
        # The worst access, whatever the others take.
        (UsageLimit.SECTORS, Fraction(12, 8), "add", 8),
        (UsageLimit.WAVEFRONTS, Fraction(5), "add", 9),
        # Two loads of 256 bytes, in three launches, of inputs of 256; atomics are none.
        (UsageLimit.READS, Fraction(6), "add", 7),
        (UsageLimit.WRITES, Fraction(3), "add", 8),
        # Each of two warps comes to three barriers, in three launches; then one to another.
        (UsageLimit.BARRIERS, Fraction(10), "add", 14),
        (UsageLimit.ATOMICS, Fraction(2), "sum", 20),
        (UsageLimit.INSTRUCTIONS, Fraction(45), "add", 7),
        (UsageLimit.SHUFFLES, Fraction(0), "", None),
    ],
)
def test_what_is_measured(
    limit: UsageLimit, value: Fraction, kernel: str, line: int | None
) -> None:
    found = measured(USE, limit)
    assert (found.value, found.kernel, found.line) == (value, kernel, line)


def judge(check: Frugal, **found: Any) -> Judgement:
    return check.judge(replace(PartResults(usage=USE), **found))


class TestTheVerdict:
    def test_a_limit_itself_is_allowed(self) -> None:
        assert judge(Frugal(sectors=1.5, barriers=10)).status is Status.PASSED
        assert judge(Frugal(sectors=1.4999)).status is Status.FAILED
        # Not one bit more, however the number is kept: 1.1 * 10 is more than 11.
        ten = replace(
            USE, kernels=[replace(USE.kernels[1], accesses=(access(1, transfers=11, least=10),))]
        )
        assert judge(Frugal(sectors=1.1), usage=ten).status is Status.PASSED

    def test_the_first_limit_is_told_with_its_line_and_the_others_by_name(self) -> None:
        judged = judge(Frugal(atomics=1, wavefronts=1, sectors=2))
        assert (judged.status, judged.reason) == (Status.FAILED, Reason.OVER_LIMIT)
        assert over_limit(judged.data) == (
            "at line 9 each load takes 5 wavefronts of shared memory, where 1 would do: 5 times "
            "the least, and at most 1 times is asked for (counted at n 64). Too many as well: "
            "atomics of a warp"
        )

    def test_zero_is_a_limit(self) -> None:
        assert judge(Frugal(shuffles=0)).status is Status.PASSED
        assert judge(Frugal(atomics=0)).status is Status.FAILED

    def test_nothing_is_said_of_what_is_not_known(self) -> None:
        check = Frugal(sectors=1)
        for found, reason in (
            ({"observed": False}, Reason.COUNTERS_HIDDEN),
            ({"usage": None}, Reason.NOT_COUNTED),
            ({"usage": Uncounted.NOT_RIGHT}, Reason.NOT_COUNTED),
            # Whoever launches nothing wastes nothing.
            ({"usage": replace(USE, kernels=[])}, Reason.NO_KERNEL),
        ):
            judged = judge(check, **found)
            assert (judged.status, judged.reason) == (Status.NOT_CHECKED, reason)

    def test_on_a_gpu_it_costs_nobody_a_point(self) -> None:
        assert Reason.COUNTERS_HIDDEN.out_of_reach
        assert not Reason.NOT_COUNTED.out_of_reach


@pytest.mark.parametrize("limit", UsageLimit)
def test_every_limit_is_told_by_its_data(limit: UsageLimit) -> None:
    data: dict[str, int | str] = {
        "limit": limit.value, "measured": "9", "most": "2", "at": "n 64", "kernel": "add",
        "access": "load", "takes": "9", "least": "1", "others": "",
    }  # fmt: skip
    assert "in add" in over_limit(data)
    told = over_limit({**data, "line": 7})
    assert "line 7" in told
    assert "{" not in told


def rubric(text: str) -> Rubric:
    return parse_rubric(f'puzzle = "conv1d"\n[checks.usage]\n{text}'.encode(), PUZZLE)


class TestARubric:
    def test_asks_for_what_no_puzzle_has_by_itself(self) -> None:
        assert not any(isinstance(check, Frugal) for check in PUZZLE.checks)
        made = rubric("points = 7\nsectors = 1.5\natomics = 0\n").puzzle
        (item,) = (each for each in made.rubric if isinstance(each.check, Frugal))
        assert (item.points, item.extra) == (7, False)
        assert made.settings == {item.id: {"sectors": 1.5, "atomics": 0}}
        assert made.max_score == PUZZLE.max_score + 7

    def test_without_points_it_is_shown_and_costs_nothing(self) -> None:
        made = rubric("reads = 1")
        assert made.puzzle.max_score == PUZZLE.max_score

    def test_other_limits_are_other_conditions(self) -> None:
        one, other = rubric("reads = 1"), rubric("reads = 2")
        assert one.digest != other.digest
        assert len({judged(each) for each in (PUZZLE, one.puzzle, other.puzzle)}) == 3
        assert judged(rubric("points = 3\nreads = 1").puzzle) == judged(one.puzzle)

    def test_it_tells_of_what_it_is_built_on(self) -> None:
        hidden = rubric('reads = 1\n[checks.device]\nvisibility = "hidden"\n')
        shown = {each.id: hidden.visible(each.id) for each in hidden.puzzle.rubric}
        assert shown["usage"] is shown["device"] is Visibility.HIDDEN


class TestAPuzzle:
    def asking(self, check: Frugal) -> Puzzle:
        item = RubricItem(check=check, points=5)
        return replace(PUZZLE, rubric=(*PUZZLE.rubric, item), checks=(*PUZZLE.checks, check))

    def test_may_ask_by_itself(self) -> None:
        puzzle = self.asking(Frugal(sectors=2))
        shapes, results = scripted.search(Counted(load()), puzzle=puzzle)
        results.profiles += profile_parts(results, Counted(load()), puzzle, shapes, "")
        scored = score(puzzle, scripted.whole(results))
        (check,) = (each for each in scored.checks if each.status is Status.FAILED)
        assert (check.reason, check.max_points) == (Reason.OVER_LIMIT, 5)
        # A course may set other limits then, and need not offer it twice.
        text = starting_file(puzzle)
        assert text.count("[checks.usage]") == 1
        made = parse_rubric(b'puzzle = "conv1d"\n[checks.usage]\nsectors = 9\n', puzzle)
        assert made.puzzle.settings["usage"] == {"sectors": 9}

    def test_has_to_limit_something(self) -> None:
        with pytest.raises(ValueError, match="limits nothing"):
            self.asking(Frugal())


class Counted(scripted.ScriptedLane):
    """A right program whose last case, which is counted, is as it is said."""

    peak_bytes = 0

    def __init__(self, *profile: InstructionCounts, last=scripted.right, fault=None) -> None:
        super().__init__()
        self.profile, self.last_program, self.fault = profile, last, fault

    def run(self, case, *, profiled=False, **how):
        if not profiled:
            return super().run(case, **how)
        if self.fault is not None:
            raise self.fault
        self.program = self.last_program
        ran = super().run(case)
        launches = tuple(
            msgspec.structs.replace(each, profile=self.profile) for each in ran.evidence.launches
        )
        return replace(ran, evidence=msgspec.structs.replace(ran.evidence, launches=launches))


def load(times: int = 1) -> InstructionCounts:
    return InstructionCounts(
        ptx_line=1, opcode="ld.global.f32", source=(SourcePlace("", 30, 1),), executed=times,
        threads=32, space=Space.GLOBAL, requests=1, transfers=32, least=4, bytes=128,
    )  # fmt: skip


def found(lane: Counted, text: str) -> Results:
    made = rubric(text)
    shapes, results = scripted.search(lane, puzzle=made.puzzle)
    results.profiles += profile_parts(results, lane, made.puzzle, shapes, "")
    return results


def outcome(lane: Counted, text: str):
    made = rubric(text)
    scored = score(made.puzzle, scripted.whole(found(lane, text)), made)
    return scored, next(each for each in scored.checks if each.id == "usage")


class TestARun:
    def test_a_right_program_within_the_limits_has_the_points(self) -> None:
        scored, check = outcome(Counted(load()), "points = 5\nsectors = 8\n")
        assert (check.status, check.points, scored.verdict) == (Status.PASSED, 5, Verdict.PASS)
        assert check.sentence == (
            "counted at input_size 30, conv_size 15: 8 sectors of global memory, times the least "
            "(at most 8)"
        )

    def test_beyond_them_it_has_none(self) -> None:
        scored, check = outcome(Counted(load()), "points = 5\nsectors = 7.9\n")
        assert (check.status, check.points, scored.verdict) == (Status.FAILED, 0, Verdict.FAIL)
        assert (check.data["line"], check.data["takes"], check.data["least"]) == (30, "32", "4")

    def test_who_does_less_in_the_last_case_has_no_point(self) -> None:
        def nothing(inputs, sizes, variant):
            return np.zeros_like(scripted.right(inputs, sizes, variant))

        _, check = outcome(Counted(load(), last=nothing), "points = 5\nsectors = 8\n")
        assert (check.status, check.data) == (Status.NOT_CHECKED, {"why": "not-right"})

    def test_a_fault_of_the_device_is_no_lower_mark(self) -> None:
        broken = DeviceFault("it has gone", remedy="Try again.")
        with pytest.raises(DeviceFault):
            found(Counted(fault=broken), "points = 5\nsectors = 8\n")
        _, check = outcome(Counted(fault=broken), "points = 0\nsectors = 8\n")
        assert (check.status, check.data) == (Status.NOT_CHECKED, {"why": "fault"})

    def test_what_is_too_much_to_count_is_for_a_person(self) -> None:
        many = [load()] * MOST_PROFILED
        with pytest.raises(UnsupportedByDevice):
            found(Counted(*many), "points = 5\nsectors = 8\n")
        _, check = outcome(Counted(*many), "sectors = 8\n")
        assert (check.status, check.data) == (Status.NOT_CHECKED, {"why": "too-much"})

    def test_a_wrong_program_is_not_judged(self) -> None:
        lane = Counted(load())
        lane.program = lambda inputs, sizes, variant: scripted.right(inputs, sizes, variant) + 1
        _, check = outcome(lane, "points = 5\nsectors = 1\n")
        assert (check.status, check.reason) == (Status.NOT_CHECKED, Reason.ASSIGNED_FIRST)


LIMITS = """
puzzle = "pooling"
[checks.program]
enabled = false
[checks.usage]
points = 10
reads = 1
wavefronts = 1
"""


@pytest.mark.slow
class TestForReal:
    def graded(self, file: Path, tmp_path: Path) -> Record:
        limits = tmp_path / "rubric.toml"
        limits.write_text(LIMITS)
        return grader.grade(file, rubric=limits, device="software")

    def test_the_reference_answer_is_within_the_limits(self, tmp_path: Path) -> None:
        record = self.graded(sample_file("right", puzzle="pooling"), tmp_path)
        assert (record.verdict, record.checks[-1].status) == (Verdict.PASS, Status.PASSED)

    def test_what_loads_each_element_thrice_is_told_where(self, tmp_path: Path) -> None:
        file = sample_file("without_shared_memory", puzzle="pooling")
        record = self.graded(file, tmp_path)
        (cause,) = causes(record)
        assert record.verdict == "fail"
        assert cause.line is not None
        assert record.submission.text.split("\n")[cause.line - 1].strip() == "total += a[k]"
        # Eight windows of three, but for the first two: 1 + 2 + 6 * 3 = 21 loads of 8 elements.
        assert "is loaded 2.625 times from global memory" in cause.sentence
        assert cause.line in {each.line for each in line_messages(record)}
        moved = record_of_equal_program(
            record, submission_from_bytes("x.mojo", b"# One more.\n" + file.read_bytes())
        )
        assert [each.line for each in causes(moved)] == [cause.line + 1]

    def test_a_bank_conflict_is_told_where(self, tmp_path: Path) -> None:
        text = reference("pooling", "26.5", "right")
        assert text is not None
        for old, new in (
            ("](row_major[TPB]())", "](row_major[TPB * 32]())"),
            ("shared[local_i]", "shared[local_i * 32]"),
            ("shared[local_i - 1]", "shared[(local_i - 1) * 32]"),
            ("shared[local_i - 2]", "shared[(local_i - 2) * 32]"),
        ):
            assert old in text
            text = text.replace(old, new)
        (tmp_path / "pooling.mojo").write_text(text)
        record = self.graded(tmp_path / "pooling.mojo", tmp_path)
        (cause,) = causes(record)
        assert "each store takes 8 wavefronts of shared memory, where 1 would do" in cause.sentence
        assert cause.line is not None
        assert text.split("\n")[cause.line - 1].strip() == "shared[local_i * 32] = a[global_i]"
