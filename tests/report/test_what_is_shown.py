"""What a student is shown, and what is left out: nothing cut, nothing twice, nothing beside it."""

from __future__ import annotations

import struct

import msgspec
import pytest

from grader.record import (
    CaseLog,
    CheckOutcome,
    Counterexample,
    Mismatch,
    OutputCase,
    PartInfo,
    ProblemKind,
    Reason,
    Record,
    Status,
    Tensor,
)
from grader.report.html import render_html
from grader.report.launch import draw_launch
from grader.report.panels import LETTER, SMALL_LETTER
from grader.report.text import render_text
from tests.report import records

ENDS_CUT = ("…", "...")
ROBUST = next(each for each in records.passed().checks if each.extra)


def vector(name: str, numbers: list[float]) -> Tensor:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return Tensor(name=name, dtype="float32", shape=(len(numbers),), data=data)


def case_of(check: str, expected: float, got: float, **more: object) -> Counterexample:
    """A case with one element."""
    wrong = (Mismatch(index=0, expected=expected, got=got),) if expected != got else ()
    output = OutputCase(
        expected=vector("output", [expected]),
        got=vector("output", [got]),
        mismatches=wrong,
        mismatch_count=len(wrong),
    )
    made: dict[str, object] = {
        "check": check,
        "kind": ProblemKind.WRONG_VALUES,
        "title": "wrong values",
        "sizes": {"input_size": 1, "conv_size": 1},
        "inputs": (vector("input", [1.0]), vector("kernel", [2.0])),
        "outputs": (output,),
    }
    return msgspec.convert({**made, **more}, type=Counterexample, from_attributes=True)


def robust(made: Record) -> tuple[CheckOutcome, ...]:
    """The rubric with the extra credit failed."""
    failed = msgspec.structs.replace(
        ROBUST, status=Status.FAILED, points=0, reason=Reason.PROBLEM, sentence="wrong values"
    )
    return tuple(failed if each.extra else each for each in made.checks)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", sorted(records.ALL))
def test_no_line_of_a_terminal_is_cut(name: str, width: int) -> None:
    lines = render_text(records.ALL[name](), width=width).splitlines()
    assert [line for line in lines if line.endswith(ENDS_CUT)] == []


def test_a_long_headline_is_wrapped() -> None:
    told = "The kernel of the second part runs, but " + "some of its cases are wrong, " * 8
    made = msgspec.structs.replace(records.wrong_values(), headline=f"{told}as said.")
    text = " ".join(render_text(made).split())
    assert f"{' '.join(told.split())} as said." in text


def test_a_long_line_of_the_source_goes_on_below_with_its_caret() -> None:
    code = "    ctx.enqueue_function[conv1d](" + ", ".join(f"tensor_{k}" for k in range(12)) + ")"
    made = records.does_not_compile()
    submission = msgspec.structs.replace(made.submission, text=f"{code}\n")
    place = code.index("tensor_9")
    wrong = msgspec.structs.replace(made.diagnostics[0], line=1, column=place + 1)
    made = msgspec.structs.replace(made, submission=submission, diagnostics=(wrong,))
    lines = render_text(made).splitlines()
    at = next(k for k, line in enumerate(lines) if line.rstrip().endswith("^"))
    assert lines[at - 1][lines[at].index("^") :].startswith("tensor_9")
    assert any(line.endswith("nsor_11)") for line in lines)


def extra_only() -> Record:
    made = records.race()
    example = case_of(ROBUST.id, 2.0, 0.0)
    return msgspec.structs.replace(made, checks=robust(made), counterexamples=(example,))


def test_a_case_of_extra_credit_is_not_the_smallest_that_fails() -> None:
    assert "failing input" not in render_text(extra_only())
    assert "The smallest input beyond the task that breaks it" in render_html(extra_only())


def test_who_has_all_points_sees_the_case_of_extra_credit_as_one() -> None:
    made = records.passed()
    example = case_of(ROBUST.id, 2.0, 0.0)
    made = msgspec.structs.replace(made, checks=robust(made), counterexamples=(example,))
    text = render_text(made)
    assert "Beyond the task (extra credit), the smallest failing input" in text


def test_a_case_in_which_nothing_is_marked_is_not_shown() -> None:
    case = case_of("integers", 2.0, 2.0, kind=ProblemKind.INPUT_CHANGED)
    made = msgspec.structs.replace(records.wrong_values(), counterexamples=(case,))
    assert "expected" not in render_text(made)


def test_what_the_given_code_does_stands_in_the_report_alone() -> None:
    made = records.race()
    assert "code you were given" not in render_text(made)
    assert "In the code you were given" in render_html(made)


def matrix(name: str, numbers: list[float], shape: tuple[int, int]) -> Tensor:
    data = struct.pack(f"<{len(numbers)}f", *numbers)
    return Tensor(name=name, dtype="float32", shape=shape, data=data)


def test_a_matrix_is_shown_by_row_and_column() -> None:
    expected = [float(k) for k in range(12)]
    got = [*expected[:9], -1.0, *expected[10:]]
    case = Counterexample(
        check="integers",
        kind=ProblemKind.WRONG_VALUES,
        title="wrong values",
        sizes={"rows": 3, "columns": 4},
        inputs=(matrix("a", expected, (3, 4)), matrix("b", [5.0, 6.0, 7.0, 8.0], (2, 2))),
        outputs=(
            OutputCase(
                expected=matrix("output", expected, (3, 4)),
                got=matrix("output", got, (3, 4)),
                mismatches=(Mismatch(index=9, expected=9.0, got=-1.0),),
                mismatch_count=1,
            ),
        ),
    )
    made = msgspec.structs.replace(records.wrong_values(), counterexamples=(case,), traces=())
    lines = render_text(made).splitlines()
    (title,) = (line for line in lines if "Smallest failing input" in line)
    assert title.endswith("(row 2 of 3)")
    shown = {line.split()[0]: line.split()[1:] for line in lines if line.startswith("  ")}
    assert shown["column"] == ["0", "1", "2", "3"]
    assert shown["expected"] == ["8", "9", "10", "11"]
    assert shown["got"] == ["8", "-1", "10", "11"]
    assert shown["b"] == ["5,", "6", "|", "7,", "8"]


def no_output() -> Record:
    """All checks of values failed alike, and the run named a line."""
    made = records.wrong_values()
    case = case_of(
        "integers",
        1.0,
        0.0,
        kind=ProblemKind.NO_OUTPUT,
        title="no output: the call failed",
        outputs=(OutputCase(expected=vector("output", [1.0]), got=None),),
        error="ValueError: no dimension may be zero.",
        line=3,
        column=9,
    )
    data: dict[str, int | str] = {
        "kind": ProblemKind.NO_OUTPUT.value,
        "title": case.title,
        "detail": "",
    }
    checks = tuple(
        msgspec.structs.replace(each, reason=Reason.PROBLEM, data=data, sentence=case.title)
        if each.status is Status.FAILED
        else each
        for each in made.checks
    )
    return msgspec.structs.replace(
        made, checks=checks, findings=(), counterexamples=(case,), traces=(), places=()
    )


def test_what_a_run_said_is_told_once_and_at_its_line() -> None:
    text = " ".join(render_text(no_output()).split())
    assert ":3:9: what is wrong" in text
    assert text.count("no dimension may be zero") == 1
    assert "expected" not in text


def test_no_reason_of_the_rubric_stands_beside_its_cause_or_twice() -> None:
    assert "the call failed" not in render_text(no_output())


def test_advice_of_the_toolchain_on_debugging_is_no_output_of_the_program() -> None:
    made = records.program_ran()
    (first, *rest) = made.programs
    printed = f"{first.text}To get more accurate error information, set MODULAR_DEBUG=x.\n"
    first = msgspec.structs.replace(first, text=printed)
    made = msgspec.structs.replace(made, programs=(first, *rest))
    assert "MODULAR_DEBUG" not in render_text(made) + render_html(made)


def test_a_mistake_in_two_parts_is_told_once() -> None:
    made = records.wrong_values()
    parts = tuple(
        PartInfo(name=name, title=f"the kernel {name}", formula="", domain="") for name in "ab"
    )
    examples = tuple(
        msgspec.structs.replace(
            made.counterexamples[0],
            check=f"integers-{name}",
            part=name,
            mistake="flipped",
            explanation="The taps are in reverse.",
        )
        for name in "ab"
    )
    (check,) = (each for each in made.checks if each.id == "integers")
    checks = tuple(
        msgspec.structs.replace(check, id=f"integers-{name}", part=name) for name in "ab"
    )
    made = msgspec.structs.replace(
        made,
        puzzle=msgspec.structs.replace(made.puzzle, parts=parts),
        checks=checks,
        counterexamples=examples,
    )
    text = render_text(made)
    assert text.count("The taps are in reverse.") == 1
    assert "in the kernel a and the kernel b" in " ".join(text.split())
    assert render_html(made).count("<p>The taps are in reverse.</p>") == 1


def test_a_long_rubric_gives_way_before_the_numbers_do() -> None:
    made = records.wrong_values()
    more = tuple(
        msgspec.structs.replace(made.checks[0], id=f"more-{k}", title=f"Check {k}")
        for k in range(24)
    )
    text = render_text(msgspec.structs.replace(made, checks=(*made.checks, *more)))
    assert "Smallest failing input" in text
    assert "more checks in the report" in text


def test_an_error_that_no_table_knows_still_has_a_next_step() -> None:
    made = msgspec.structs.replace(records.graph_does_not_compile(), advice=(), diagnostics=())
    text = render_text(made)
    assert "Look at the first check that failed" not in text
    assert "Go back to what compiled last" in text


def test_a_report_says_how_to_run_its_case() -> None:
    made = records.wrong_values()
    (first, *rest) = made.counterexamples
    log = CaseLog(count=9, packed=b"")
    made = msgspec.structs.replace(
        made,
        counterexamples=(msgspec.structs.replace(first, case=7), *rest),
        cases=log,
    )
    page = render_html(made)
    assert "grade replay record.json --case 7" in page
    assert "grade report record.json --format repro" in page


def test_names_that_the_compiler_made_are_the_instructor_s() -> None:
    mangled = "op_conv1d_conv1d_kernel_Tens6A6A6A6AcB6A6A_06673d10a66a6b81"
    made = msgspec.structs.replace(records.wrong_values(), kernels=(mangled,))
    assert mangled not in render_html(made)
    assert "conv1d_kernel" in render_html(made)
    assert mangled in render_html(made, "instructor")


def test_the_file_is_shown_where_no_line_of_it_is_known_folded() -> None:
    made = records.wrong_values()
    page = render_html(made)
    listed = page[page.index('<h2 id="listing">') :]
    assert listed.index("<details>") < listed.index("conv1d_kernel")


@pytest.mark.parametrize("name", ["race", "wrong-values"])
def test_what_is_written_in_a_box_stays_inside(name: str) -> None:
    made = records.ALL[name]()
    drawings = [draw_launch(each, "conv1d.mojo", made.submission.text) for each in made.traces]
    assert drawings
    for drawing in filter(None, drawings):
        for box in drawing.boxes:
            assert len(box.label) * LETTER <= box.width
            assert all(len(line) * SMALL_LETTER <= box.width - 2 for line in box.lines)


def test_a_kernel_that_was_taken_for_another_is_named() -> None:
    made = records.program_ran()
    assert "graded as" not in render_html(made)
    puzzle = msgspec.structs.replace(made.puzzle, taken={"add_10": "mine"})
    page = render_html(msgspec.structs.replace(made, puzzle=puzzle))
    assert "graded as add_10, which the file does not have" in page
