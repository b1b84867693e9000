"""A record of an equal program becomes a student's own: places move with the tokens."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

import grader
from grader.book.digests import program_of
from grader.device import Space
from grader.errors import GraderFault
from grader.folders import reference_kernel
from grader.grading.equal import record_of_equal_program
from grader.intake import submission_from_bytes
from grader.intake.token_views import equal_programs
from grader.record import CaseTrace, Diagnostic, LaunchPlace, Note, TracedStep
from tests.report import records

TEXT = "fn main():\n    var a = 1\n    launch(a, b)\n"
LONGER = "# by me\n\nfn main():\n    # first\n    var  a = 1\n    launch(a,\n        b)\n"


def record_of(text: str, **more):
    base = records.passed()
    submission = msgspec.structs.replace(
        base.submission, text=text, sha256=submission_from_bytes("x", text.encode()).sha256
    )
    return msgspec.structs.replace(base, submission=submission, **more)


def test_every_place_that_a_message_names_moves():
    record = record_of(
        TEXT,
        headline="It does not compile: line 3: no launch",
        advice=("Line 3: give it sizes. There are 3 of them on line 99.",),
        diagnostics=(
            Diagnostic(
                severity="error", message="no launch", stage="package", line=3, column=15,
                notes=(Note(message="declared here", line=2, column=9),),
            ),
        ),
    )  # fmt: skip
    own = record_of_equal_program(record, submission_from_bytes("mine.mojo", LONGER.encode()))
    assert (own.diagnostics[0].line, own.diagnostics[0].column) == (7, 9)
    assert (own.diagnostics[0].notes[0].line, own.diagnostics[0].notes[0].column) == (5, 10)
    assert own.headline == "It does not compile: line 7: no launch"
    assert own.advice == ("Line 7: give it sizes. There are 3 of them on line 99.",)
    assert (own.submission.name, own.submission.text) == ("mine.mojo", LONGER)
    assert (own.score, own.verdict, own.seed) == (record.score, record.verdict, record.seed)


def test_the_launch_and_what_a_thread_did_move_too():
    step = TracedStep(
        access="write", space=Space.GLOBAL, array="a", cell=0, cells=3, line=2, column=9
    )
    trace = CaseTrace(
        sizes={"n": 3}, kernel="k", grid=(1, 1, 1), block=(3, 1, 1), at=(0, 0, 0), steps=(step,)
    )  # fmt: skip
    launch = LaunchPlace(
        line=3, grid_line=3, block_line=3, given_kernel=True, misplaced_line=3, misplaced="b"
    )
    record = record_of(
        TEXT, traces=(trace,), launched_at=(launch, replace(launch, misplaced_line=None))
    )
    own = record_of_equal_program(record, submission_from_bytes("mine.mojo", LONGER.encode()))
    (moved,) = own.traces[0].steps
    assert (moved.line, moved.column) == (5, 10)
    one, other = own.launched_at
    assert (one.line, one.grid_line, one.block_line, one.misplaced_line) == (6, 6, 6, 6)
    assert (other.line, other.misplaced_line) == (6, None)


def test_the_lines_of_a_case_move_too():
    examples = records.wrong_values().counterexamples
    assert examples
    named = replace(examples[0], line=2, column=9, mistake_line=3)
    none = replace(examples[0], line=None, column=None, mistake_line=None)
    record = record_of(TEXT, counterexamples=(named, none))
    own = record_of_equal_program(record, submission_from_bytes("mine.mojo", LONGER.encode()))
    one, other = own.counterexamples
    assert (one.line, one.column, one.mistake_line) == (5, 10, 6)
    assert (other.line, other.column, other.mistake_line) == (None, None, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("find", "put"),
    [
        ("barrier()", "pass"),  # a race, with two lines
        ("shared[local_i]", "shard[local_i]"),  # a message of the compiler
    ],
)
def test_the_record_is_what_grading_the_other_file_gives(tmp_path, find, put):
    """Of one program in two layouts, in every sentence."""
    text = reference_kernel("dot_product", "26.5", "right.mojo").read_text("utf-8")
    assert find in text
    mine = text.replace(find, put)
    theirs = "# by me\n\n" + mine.replace("\n    ", "\n\n    ")
    records = []
    for name, content in (("mine", mine), ("theirs", theirs)):
        (tmp_path / f"{name}.mojo").write_text(content, "utf-8")
        records.append(
            grader.grade(
                tmp_path / f"{name}.mojo",
                puzzle="dot_product", edition="26.5", seed="one", examples=10, device="software",
            )
        )  # fmt: skip
    of_mine, of_theirs = records
    made = record_of_equal_program(of_mine, submission_from_bytes("x.mojo", theirs.encode()))
    assert said(made) == said(of_theirs) != said(of_mine)


def said(record):
    """All that a record says, but for names, times and what it was made of."""
    return {
        **{name: getattr(record, name) for name in ("headline", "wrong", "advice", "look")},
        "reason": record.puzzle.reason,
        "checks": [(each.sentence, each.data) for each in record.checks],
        "findings": [
            (f.finding.message, f.finding.source_line, f.finding.source, f.finding.other_source)
            for f in record.findings
        ],
        "diagnostics": [
            (d.message, d.line, d.column, [(n.message, n.line) for n in d.notes])
            for d in record.diagnostics
        ],
        "counterexamples": [
            (c.title, c.error, c.explanation, c.finding and c.finding.message)
            for c in record.counterexamples
        ],
    }


def test_the_same_bytes_keep_the_record_but_for_the_name():
    record = record_of(TEXT)
    own = record_of_equal_program(record, submission_from_bytes("mine.mojo", TEXT.encode()))
    assert msgspec.structs.replace(own, submission=record.submission) == record
    assert own.submission.name == "mine.mojo"


def test_another_program_is_never_taken():
    with pytest.raises(GraderFault, match="not equal"):
        record_of_equal_program(
            record_of(TEXT), submission_from_bytes("x.mojo", b"fn main():\n    pass\n")
        )


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_digest_is_shared_exactly_by_equal_programs(one, other):
    for text in (other, one + " # a comment", one.replace(" ", "  ")):
        assert (program_of(one) == program_of(text)) == equal_programs(one, text)


@given(st.integers(1, 12), st.one_of(st.none(), st.integers(1, 40)))
def test_any_place_moves_to_one_that_exists(line, column):
    diagnostic = Diagnostic(
        severity="error", message="m", stage="package", line=line, column=column
    )  # fmt: skip
    own = record_of_equal_program(
        record_of(TEXT, diagnostics=(diagnostic,)), submission_from_bytes("x", LONGER.encode())
    )
    (moved,) = own.diagnostics
    assert 1 <= moved.line <= LONGER.count("\n")
    assert (moved.column is None) == (column is None)
