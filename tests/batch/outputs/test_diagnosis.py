"""What is wrong, in a sentence; and students with the same trouble together."""

from __future__ import annotations

import msgspec
import pytest

from grader.batch.outputs.diagnosis import LONG, clusters, diagnose, first_sentence, normalised
from grader.device import FindingKind
from grader.grading.explain.mistakes.values import NAMES
from grader.guidance.cause import LAUNCH_ARGUMENTS, LAUNCH_NUMBERS, causes
from grader.record import Reason, Record, Status, Verdict
from grader.wording.diagnoses import DIAGNOSES, NOTHING_FILLED_IN
from tests.batch.outputs.classes import mixed, result
from tests.report import records


def title(record: Record) -> str:
    found = diagnose(record)
    assert found is not None
    return found.title


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "wrong-values",
            "The last outputs of the first block miss the elements that belong to the next block",
        ),
        ("special-values", "Two threads use the same cell of a shared array"),
        ("does-not-compile", "Does not compile: A launch needs both grid_dim and block_dim"),
        ("crashed", "A thread writes past the end of a buffer in global memory"),
        ("race", "The values are right, but: two threads use the same cell of a shared array"),
        ("nothing-filled-in", "Nothing was filled in"),
    ],
)
def test_the_sentence_says_what_the_record_says_best(name: str, told: str) -> None:
    assert title(records.ALL[name]()).startswith(told)


@pytest.mark.parametrize("name", ["passed", "passed-with-extra", "faulted", "refused"])
def test_who_passed_or_has_no_mark_has_no_trouble(name: str) -> None:
    assert diagnose(records.ALL[name]()) is None


def test_who_passed_by_a_pass_mark_has_a_trouble_too() -> None:
    made = records.wrong_values()
    passed = msgspec.structs.replace(made, verdict=Verdict.PASS)
    assert diagnose(passed) == diagnose(made)


def test_the_numbers_of_a_message_do_not_tell_students_apart() -> None:
    one = normalised("line 12: index 31 is out of bounds (15 cells)")
    assert one == normalised("line 98: index 7 is out of bounds (4 cells)")
    assert one != normalised("line 12: index 31 is out of range (15 cells)")
    assert normalised("the process ended (signal 11) after 3 s") == (
        "the process ended (signal 11) after N s"
    )
    assert normalised("float32 and v2 stay") == "float32 and v2 stay"


def test_a_long_type_in_a_message_does_not_tell_students_apart() -> None:
    long = "cannot convert '" + "TileTensor[" * 20 + "' to 'Int'"
    assert normalised(long) == "cannot convert '...' to 'Int'"


def test_the_first_sentence_ends_at_a_full_stop_that_ends_one() -> None:
    assert first_sentence("Use 1.5 of it. Not 2.") == "Use 1.5 of it"
    assert first_sentence("no stop") == "no stop"


def test_the_same_message_is_the_same_trouble_whatever_the_line() -> None:
    made = records.does_not_compile()
    moved = msgspec.structs.replace(
        made,
        diagnostics=tuple(
            msgspec.structs.replace(d, line=(d.line or 0) + 7) for d in made.diagnostics
        ),
    )
    assert diagnose(made) == diagnose(moved)


def test_equal_wrong_answers_to_the_published_example_are_one_trouble() -> None:
    def answers(got: list[float]) -> Record:
        case = records.counterexample([1.0, 2.0, 3.0], [1.0, 1.0], got, check="example")
        made = records.special_values()
        return msgspec.structs.replace(made, counterexamples=(case,), findings=())

    assert diagnose(answers([0.0, 1.0, 2.0])) == diagnose(answers([0.0, 1.0, 2.0]))
    assert diagnose(answers([0.0, 1.0, 2.0])) != diagnose(answers([0.0, 1.0, 9.0]))
    assert title(answers([0.0, 1.0, 2.0])) == (
        "The published example gives 0, 1, 2 where 3, 5, 3 is right"
    )


def ended(kind: FindingKind | None, *, error: str = "no word of it") -> Record:
    """A run without output in which the device saw a finding of a kind."""
    made = records.crashed()
    case, (found,) = made.counterexamples[0], made.findings
    own = msgspec.structs.replace(found.finding, kind=kind) if kind is not None else None
    return msgspec.structs.replace(
        made,
        counterexamples=(msgspec.structs.replace(case, error=error, finding=own),),
        findings=(msgspec.structs.replace(found, finding=own),) if own is not None else (),
    )


def test_a_run_without_output_has_the_trouble_that_the_device_saw() -> None:
    assert title(ended(FindingKind.TRAP)) == "The kernel stops itself"
    # What a run says decides nothing where the device saw it end.
    assert diagnose(ended(FindingKind.TRAP)) == diagnose(ended(FindingKind.TRAP, error="other"))
    assert title(ended(FindingKind.RACE)).startswith("Two threads use the same cell of a buffer")


def test_where_no_finding_ends_a_run_what_it_said_is_the_trouble() -> None:
    assert title(records.ran(records.crash)).startswith("No run gives an output: ")


def test_a_cause_that_tells_one_file_s_numbers_has_a_sentence_for_all() -> None:
    own = {LAUNCH_ARGUMENTS, LAUNCH_NUMBERS, Reason.NO_KERNEL.value}
    assert own < set(DIAGNOSES) < own | set(NAMES)


@pytest.mark.parametrize("name", records.ALL)
def test_the_trouble_is_the_cause_that_the_student_reads_of(name: str) -> None:
    made = records.ALL[name]()
    found, cause = diagnose(made), next(iter(causes(made)), None)
    if cause is not None and found is not None and found.title != NOTHING_FILLED_IN:
        assert found.key.startswith(cause.key)


def test_without_anything_better_the_failed_checks_tell() -> None:
    made = msgspec.structs.replace(records.wrong_values(), counterexamples=())
    failed = [
        f"\N{LEFT DOUBLE QUOTATION MARK}{check.title}\N{RIGHT DOUBLE QUOTATION MARK}"
        for check in made.checks
        if check.status is Status.FAILED
    ]
    assert len(failed) == 2
    headline = made.headline.removesuffix(".")
    assert title(made) == f"{headline} (failed: {', '.join(failed)})"


def test_a_single_failed_check_tells_why() -> None:
    changed = (
        "an input was changed: after the call, the tensor 'input' holds other values than before"
    )
    made = records.ran(spoil=True)
    assert title(made) == f"A{changed[1:]}"
    without = msgspec.structs.replace(made, counterexamples=())
    assert title(without) == f"The values are right, but the code is not clean: {changed}"


def test_a_failed_extra_is_nobodys_trouble() -> None:
    made = records.wrong_values()
    extra = msgspec.structs.replace(made.checks[3], extra=True, status=Status.FAILED)
    case = msgspec.structs.replace(made.counterexamples[0], explanation="Extra only.")
    changed = msgspec.structs.replace(
        made, checks=(*made.checks[:3], extra, *made.checks[4:]), counterexamples=(case,)
    )
    assert "Extra only" not in title(changed)


def test_a_title_is_short_whatever_the_compiler_says() -> None:
    made = records.does_not_compile()
    loud = tuple(
        msgspec.structs.replace(d, message="x" * 9_000, advice="") for d in made.diagnostics
    )
    assert len(title(msgspec.structs.replace(made, diagnostics=loud))) <= LONG


def test_clusters_hold_everybody_with_a_trouble_the_largest_first() -> None:
    found = clusters(mixed())
    assert [len(cluster.members) for cluster in found] == [2, 1, 1, 1]
    assert [m.student.key for m in found[0].members] == ["bob", "cyd"]
    with_trouble = {r.student.key for r in mixed() if r.record and diagnose(r.record)}
    assert {m.student.key for c in found for m in c.members} == with_trouble


def test_the_example_is_the_smallest_case() -> None:
    small = records.counterexample([1.0], [1.0], [0.0])
    small = msgspec.structs.replace(small, explanation="Same. More.")
    large = records.counterexample([1.0] * 30, [1.0], [0.0] * 30)
    large = msgspec.structs.replace(large, explanation="Same. Else.")
    made = records.wrong_values()
    class_of = [
        result("ada", msgspec.structs.replace(made, counterexamples=(large,))),
        result("bob", msgspec.structs.replace(made, counterexamples=(small,))),
    ]
    (found,) = clusters(class_of)
    assert found.example.student.key == "bob"
