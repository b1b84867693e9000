"""One case of a record, run again: the same inputs, the same verdict, and all that is seen."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from benchmarks.labels import sample_file
from grader.audience import for_audience
from grader.caselog import pack, unpack
from grader.device import Finding, FindingKind
from grader.errors import RecordError, UsageError
from grader.grading.given_code import Code
from grader.grading.replay import _puzzle, _rebuilt, _Replay, cases_of, first_worth_showing
from grader.grading.state import Silent
from grader.record import RubricInfo, decode, encode, load
from grader.report.replay import render_list, render_replayed
from grader.sandbox import Wanted
from tests.audience.test_copy import graded
from tests.cli.test_commands import grade
from tests.grading import scripted
from tests.report import hostile, records


def magnitude(inputs, sizes, variant):
    """Wrong where the answer is negative, which the published example is nowhere."""
    return np.abs(scripted.right(inputs, sizes, variant))


def replayed(record, number, executor):
    """Run a case on a scripted device, as `replay_case` does behind the compile."""
    log = cases_of(record)
    run = _Replay(record, log, number, Silent(), None, Wanted.AUTO, 300)
    run.puzzle, run.code = _puzzle(record), Code.NOTHING
    run.checks = run.puzzle.checks_of(run.puzzle.parts[0])
    return run._observe(executor, run._case())


class TestACase:
    def test_a_failing_case_fails_again_with_the_inputs_of_the_record(self):
        record = decode(encode(graded("", magnitude)))
        number = first_worth_showing(record)
        (kept,) = [each for each in record.counterexamples if each.case == number][:1]
        found = replayed(record, number, scripted.ScriptedLane(magnitude))
        assert [problem.check for problem in found.problems] == ["integers"]
        assert found.recorded == ("integers",)
        assert found.case.inputs == kept.inputs
        assert found.case.outputs[0].got == kept.outputs[0].got
        assert found.case.outputs[0].mismatches == kept.outputs[0].mismatches
        text = render_replayed(found)
        assert f"Case {number} of {record.cases.count}: " in text
        assert "Now:    integers: wrong values" in text
        assert "Record: failed integers" in text
        assert "\n  !=  " in text

    def test_every_case_of_a_right_program_is_right_again(self):
        record = graded("", scripted.right)
        for number in range(1, record.cases.count + 1, 17):
            found = replayed(record, number, scripted.ScriptedLane())
            assert found.problems == ()
            assert found.same_bits or found.order
            assert "Every element is right." in render_replayed(found)

    def test_a_case_that_is_right_alone_says_that_it_depends_on_something(self):
        record = graded("", magnitude)
        number = first_worth_showing(record)
        text = render_replayed(replayed(record, number, scripted.ScriptedLane()))
        assert "Now:    right\nRecord: failed integers\n        The two differ" in text

    def test_what_host_code_computes_is_seen_again(self):
        def make():
            return scripted.ScriptedLane(by_host=True)

        record = graded("", make())
        number = next(each.case for each in record.counterexamples if each.check == "device")
        found = replayed(record, number, make())
        assert "computed with the help of the host" in [p.title for p in found.problems]

    def test_bits_that_depend_on_unwritten_memory_are_told(self):
        def remembers(inputs, sizes, variant):
            return scripted.right(inputs, sizes, variant) + np.float32(variant % 2)

        record = graded("", remembers)
        found = replayed(record, 2, scripted.ScriptedLane(remembers))
        assert found.same_bits is False
        assert "gives other bits" in render_replayed(found)

    def test_without_output_the_reason_is_told(self):
        def crash(inputs, sizes, variant):
            raise scripted.Crash

        record = graded("", crash)
        found = replayed(record, 1, scripted.ScriptedLane(crash))
        assert found.same_bits is None
        assert "no output: the call failed" in render_replayed(found)

    def test_findings_are_shown_whole(self):
        finding = Finding(
            kind=FindingKind.RACE,
            message="thread 1 read what thread 0 wrote",
            kernel="k",
            block=(0, 0, 0),
            thread=(1, 0, 0),
            ptx_line=61,
            ptx_text="ld.shared\x1b[2J",
            count=13,
        )
        executor = scripted.ScriptedLane(findings=lambda sizes: (finding,))
        text = render_replayed(replayed(graded("", scripted.right), 1, executor))
        for words in ("Race between two threads", "block 0, thread 1; 13 times", "PTX line 61"):
            assert words in text
        assert "\x1b" not in text

    def test_the_rubric_of_the_record_tells_which_part_a_case_belongs_to(self):
        record = graded("[[sizes]]\ninput_size = 15\n", scripted.right)
        numbers = {
            case.sizes["input_size"]: number
            for number, case in enumerate(unpack(record.cases), start=1)
        }
        executor = scripted.ScriptedLane()
        assert replayed(record, numbers[15], executor).scope == "assigned"
        assert replayed(record, numbers[30], executor).scope == "robust"

    def test_as_json_it_can_be_read_by_programs(self):
        record = graded("", magnitude)
        found = replayed(record, first_worth_showing(record), scripted.ScriptedLane(magnitude))
        read = msgspec.json.decode(msgspec.json.encode(found))
        assert read["problems"][0]["check"] == "integers"

    def test_the_list_has_every_case(self):
        record = graded("", magnitude)
        lines = render_list(cases_of(record)).splitlines()
        assert len(lines) == record.cases.count + 1
        assert lines[1].split() == ["1", "input_size", "15,", "conv_size", "4", "example"]

    def test_hostile_texts_are_shown_not_obeyed(self):
        record = graded("", magnitude)
        found = replayed(record, first_worth_showing(record), scripted.ScriptedLane(magnitude))
        for bait in hostile.BAIT:
            text = render_replayed(hostile.poisoned(found, bait))
            assert not {"\x1b", "\u202e", "\x9b", "\u2066"} & set(text)


class TestWhatCanNotBeRunAgain:
    def test_a_students_copy(self):
        record = graded('[checks.reals]\nvisibility = "hidden"\n', scripted.right)
        with pytest.raises(UsageError, match="student's copy"):
            cases_of(for_audience(record, "student"))
        shown = graded("hints = false\n", scripted.right)
        with pytest.raises(UsageError, match="student's copy"):
            cases_of(for_audience(shown, "student"))

    def test_a_record_of_what_was_never_run(self):
        with pytest.raises(UsageError, match="nothing was run"):
            cases_of(records.does_not_compile())

    def test_inputs_that_were_not_kept(self):
        record = graded("", scripted.right)
        cases = [replace(each, inputs=None) for each in unpack(record.cases)]
        record = replace(record, cases=pack(cases))
        with pytest.raises(UsageError, match="were not kept"):
            replayed(record, 3, scripted.ScriptedLane())

    @pytest.mark.parametrize(
        "change",
        [
            {"sizes": {"input_size": 31, "conv_size": 4}},
            {"sizes": {"n": 4}},
            {"values": "words"},
            {"inputs": b"123"},
        ],
    )
    def test_a_log_that_does_not_fit_the_puzzle(self, change):
        record = graded("", scripted.right)
        logged = replace(unpack(record.cases)[0], **change)
        with pytest.raises(RecordError, match="does not fit"):
            _rebuilt(_puzzle(record), logged, logged.inputs)

    def test_commands_say_so(self, tmp_path):
        copy = for_audience(graded("hints = false\n", scripted.right), "student")
        (tmp_path / "copy.json").write_bytes(encode(copy))
        whole = replace(graded("", scripted.right), rubric=None)
        (tmp_path / "record.json").write_bytes(encode(whole))
        assert grade("replay", tmp_path / "copy.json").returncode == 2
        ended = grade("replay", tmp_path / "record.json", "--case", "99999")
        assert ended.returncode == 2
        assert "cases 1 to" in ended.stderr
        assert grade("replay", tmp_path / "record.json", "--list").returncode == 0
        damaged = replace(whole, rubric=RubricInfo(source="x = ["))
        (tmp_path / "damaged.json").write_bytes(encode(damaged))
        ended = grade("replay", tmp_path / "damaged.json")
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "file",
    [
        pytest.param(sample_file("backwards", puzzle="map"), id="a program"),
        pytest.param(sample_file("grid_dim_one"), id="an op", marks=pytest.mark.exhaustive),
    ],
)
def test_for_real(file, tmp_path):
    """Graded, then one case of its record on the device again: the same elements are wrong."""
    grade("submit", file, "--out", tmp_path, "--examples", "60", "--device", "software")
    record = load(tmp_path / "record.json")
    kept = record.counterexamples[0]
    ended = grade("replay", tmp_path / "record.json", "--format", "json")
    assert ended.returncode == 1, ended.stderr
    found = msgspec.json.decode(ended.stdout)
    assert found["number"] == kept.case
    assert [each["index"] for each in found["case"]["outputs"][0]["mismatches"]] == [
        each.index for each in kept.outputs[0].mismatches
    ]
    assert found["launches"]
    assert kept.check in [problem["check"] for problem in found["problems"]]
