"""A student's copy has nothing of a hidden check in it, whatever it is made into."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from grader.audience import concealed, for_audience
from grader.guidance import next_steps
from grader.puzzles.conv1d import PUZZLE
from grader.record import (
    CheckOutcome,
    Reason,
    RubricInfo,
    ShapeRun,
    Status,
    Verdict,
    Visibility,
    decode,
    encode,
)
from grader.report import FORMATS, render
from grader.report.formats.github import annotate, step_outputs
from grader.report.formats.summary import render_summary
from grader.report.html import render_html
from grader.report.text import render_text
from grader.rubric import parse_rubric
from tests.audience import secrets
from tests.grading import scripted
from tests.report import records

BEFORE = datetime(2026, 12, 1, 22, 58, 59, tzinfo=UTC)
AFTER = datetime(2026, 12, 1, 22, 59, tzinfo=UTC)


def everything(record):
    """All that can be made of a record, as text."""
    for name in FORMATS:
        data = render(record, name, path="a/conv1d.mojo")
        yield data.decode()
        if name == "classroom":
            yield base64.b64decode(data).decode()
    for width in (40, 120):
        yield render_text(record, width=width)
    for audience in ("student", "instructor"):
        yield render_summary(record, audience)
    yield "\n".join(annotate(record, "conv1d.mojo"))
    outputs = step_outputs(record)
    yield repr(outputs)
    yield base64.b64decode(outputs["result"]).decode()


def arrays(value):
    """All raw bytes in a record."""
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from arrays(each)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from arrays(getattr(value, name))


class TestNothingSurvives:
    @settings(max_examples=60, deadline=None)
    @given(secrets.marked())
    def test_in_any_rendering(self, record):
        copy = for_audience(record, "student", BEFORE)
        for text in everything(copy):
            assert secrets.MARK not in text
            assert str(secrets.NUMBER) not in text
            assert "9876" not in text
        assert not any(secrets.BYTES in data for data in arrays(copy))

    @given(secrets.marked())
    def test_the_marks_are_there_to_be_found(self, record):
        assert secrets.MARK in encode(record).decode()
        assert secrets.MARK in encode(for_audience(record, "instructor", BEFORE)).decode()

    @given(secrets.marked())
    def test_a_copy_of_a_copy_is_the_copy_also_after_the_due_date(self, record):
        copy = for_audience(record, "student", BEFORE)
        assert for_audience(decode(encode(copy)), "student", AFTER) == copy
        assert for_audience(copy, "instructor", AFTER) == copy

    @given(secrets.marked())
    def test_what_shows_is_kept(self, record):
        copy = for_audience(record, "student", BEFORE)
        shown = [c for c in record.checks if c.visibility is Visibility.VISIBLE]
        assert [c.title for c in copy.checks] == [c.title for c in shown]
        assert copy.submission == record.submission
        ids = {c.id for c in shown}
        kept = [c for c in record.counterexamples if {c.check, *c.concerns} <= ids]
        assert len(copy.counterexamples) == len(kept)


@st.composite
def variations(draw):
    """A record, and the same with other outcomes of its hidden checks."""
    record = replace(draw(secrets.marked()), verdict=Verdict.FAIL, fault=None, advice=())
    hidden = concealed(record, BEFORE)
    shown = {check.id for check in record.checks} - hidden

    def other(check: CheckOutcome) -> CheckOutcome:
        if check.id not in hidden:
            return check
        status = draw(st.sampled_from(Status))
        points = check.max_points if status is Status.PASSED else 0
        return replace(check, status=status, points=points, sentence="another", cases=99)

    checks = tuple(map(other, record.checks))
    base = [check for check in checks if not check.extra]
    score = sum(check.points for check in base)
    changed = replace(
        record,
        checks=checks,
        score=score,
        verdict=Verdict.PASS if score == record.max_score else Verdict.FAIL,
        extra_score=draw(st.integers(0, 9)),
        headline="another",
        wrong="another",
        advice=("another",),
        cases_run=draw(st.integers(1, 400)),
        shapes=(ShapeRun(sizes={"n": 1}, scope="robust", origin="random", cases=1, failures=1),),
        # The search of a hidden check that fails runs more cases before the next check's.
        counterexamples=tuple(
            replace(each, case=draw(st.integers(0, 400)))
            for each in record.counterexamples
            if {each.check, *each.concerns} <= shown or draw(st.booleans())
        ),
        findings=tuple(
            replace(each, case=draw(st.integers(0, 400)))
            for each in record.findings
            if set(each.concerns) <= shown or draw(st.booleans())
        ),
        stages=tuple(
            replace(each, seconds=draw(st.floats(0, 60))) if each.name == "run" else each
            for each in record.stages
        ),
    )
    return record, changed


@given(variations())
def test_how_the_hidden_checks_ended_does_not_change_the_copy(pair):
    """Stronger than that no text is left: nothing can be worked out from the copy."""
    one, other = (for_audience(record, "student", BEFORE) for record in pair)
    assert one == other


def graded(rubric_text, program):
    """The record of a run with a scripted device."""
    rubric = parse_rubric(f'puzzle = "conv1d"\n{rubric_text}'.encode(), PUZZLE)
    lane = scripted.ScriptedLane(program) if callable(program) else program
    return scripted.record_of(lane, found={"rubric": rubric})


def wrong_on_reals(inputs, sizes, variant):
    answer = scripted.right(inputs, sizes, variant)
    whole = all((array == array.round()).all() for array in inputs.values())
    return answer if whole else answer + 1


class TestOfARun:
    HIDDEN = '[checks.reals]\nvisibility = "hidden"\n'

    def test_the_copy_of_a_wrong_program_is_that_of_a_right_one(self):
        right, wrong = (graded(self.HIDDEN, each) for each in (scripted.right, wrong_on_reals))
        assert (right.verdict, wrong.verdict) == (Verdict.PASS, Verdict.FAIL)
        assert wrong.counterexamples
        copies = [for_audience(each, "student", BEFORE) for each in (right, wrong)]
        assert copies[0] == copies[1]
        assert [c.id for c in copies[0].checks][-2:] == ["clean", "device"]

    def test_a_case_of_a_hidden_check_does_not_show_for_another_one(self):
        """An input that only cases of real numbers change: the check says so, without its case."""

        class SpoilsReals(scripted.ScriptedLane):
            def run(self, case, **options):
                self.spoil = case.values in ("reals", "special") and case.shape.scope == "assigned"
                return super().run(case, **options)

        record = graded(self.HIDDEN, SpoilsReals())
        (example,) = record.counterexamples
        assert (example.check, example.concerns) == ("clean", ("clean", "reals"))
        copy = for_audience(record, "student", BEFORE)
        assert copy.counterexamples == ()
        (failed,) = [check for check in copy.checks if check.status is Status.FAILED]
        assert failed.id == "clean"

    def test_the_instructor_sees_what_is_hidden_and_the_number_of_the_case(self):
        record = graded(self.HIDDEN, wrong_on_reals)
        assert for_audience(record, "instructor", BEFORE) is record
        (example,) = record.counterexamples
        assert (example.check, example.concerns) == ("reals", ("reals",))
        # What is drawn was run once more.
        assert record.cases.count == record.cases_run - len(record.traces)


def with_checks(*checks, **rubric):
    """A record with some checks: (id, points got, points, visibility)."""
    whole = {check.id: check for check in records.passed().checks}
    made = tuple(
        replace(
            whole[name],
            title=f"Title of {name}",
            status=Status.PASSED if got == most else Status.FAILED,
            points=got,
            max_points=most,
            visibility=visibility,
        )
        for name, got, most, visibility in checks
    )
    base = [check for check in made if not check.extra]
    score, most = sum(c.points for c in base), sum(c.max_points for c in base)
    return replace(
        records.passed(),
        checks=made,
        score=score,
        max_score=most,
        verdict=Verdict.PASS if score == most else Verdict.FAIL,
        findings=(),
        advice=(),
        rubric=RubricInfo(**{"due": secrets.DUE, **rubric}),
    )


VISIBLE, HIDDEN, LATER = Visibility.VISIBLE, Visibility.HIDDEN, Visibility.AFTER_DUE


class TestWhatAStudentIsTold:
    def test_everything_is_right_so_far(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 0, 60, LATER))
        copy = for_audience(record, "student", BEFORE)
        assert (copy.verdict, copy.score, copy.max_score) == (Verdict.PASS, 40, 40)
        assert copy.headline == (
            "Everything that is shown is right. 40 of 40 visible points. "
            "60 points more will be checked after 1 December 2026, 23:59 (UTC+01:00)."
        )
        page = render(copy, "html").decode()
        assert "Right so far" in page
        assert "Passed" not in page
        assert "all points are yours" not in page

    def test_after_the_due_date_it_shows_and_the_verdict_is_final(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 0, 60, LATER))
        copy = for_audience(record, "student", AFTER)
        assert (copy.verdict, copy.score, copy.max_score) == (Verdict.FAIL, 40, 100)
        assert copy.withheld is None
        assert all(check.visibility is VISIBLE for check in copy.checks)

    def test_without_a_moment_nothing_is_due_yet(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 60, 60, LATER))
        assert for_audience(record, "student").max_score == 40

    @pytest.mark.parametrize("due", ["", "soon", "2026-12-01T23:59:00"])
    def test_a_due_date_that_can_not_be_read_is_not_over(self, due):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 60, 60, LATER), due=due)
        late = AFTER + timedelta(days=999)
        assert for_audience(record, "student", late).max_score == 40

    def test_points_that_never_show_are_told_to_be_there(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 60, 60, HIDDEN))
        told = for_audience(record, "student", AFTER).headline
        assert "60 points more are decided by checks that are not shown." in told

    def test_something_visible_is_wrong(self):
        record = with_checks(
            ("packages", 40, 40, VISIBLE), ("clean", 0, 10, VISIBLE), ("reals", 50, 50, LATER),
            pass_mark=60,
        )  # fmt: skip
        copy = for_audience(record, "student", BEFORE)
        assert copy.verdict is Verdict.FAIL
        assert not copy.withheld.final
        assert copy.headline.startswith('This check fails: "Title of clean". 40 of 50 visible')
        assert "Not right yet" in render(copy, "text").decode()

    def test_what_passes_anyway_has_passed(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("reals", 0, 60, LATER), pass_mark=40)
        copy = for_audience(record, "student", BEFORE)
        assert copy.withheld.final
        assert copy.headline.endswith("It passes, whatever comes of that.")
        assert "Passed" in render(copy, "html").decode()

    def test_who_passes_with_points_missing_is_not_told_that_all_are_there(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("clean", 0, 20, VISIBLE), pass_mark=40)
        record = replace(record, verdict=Verdict.PASS)
        text = render(for_audience(record, "student", BEFORE), "text").decode()
        assert "Passed  40 / 60" in text
        assert "all points are yours" not in text
        assert "Look at the first check that failed: Title of clean." in text

    def test_what_can_not_pass_any_more_has_not_passed(self):
        record = with_checks(
            ("packages", 40, 40, VISIBLE), ("clean", 0, 20, VISIBLE), ("reals", 40, 40, LATER)
        )
        copy = for_audience(record, "student", BEFORE)
        assert copy.withheld.final
        assert copy.headline.endswith("It does not pass, whatever comes of that.")
        assert "Not passed" in render(copy, "html").decode()

    def test_hidden_extra_credit_leaves_the_mark_as_it_is(self):
        record = with_checks(("packages", 40, 40, VISIBLE), ("robust", 9, 9, HIDDEN))
        copy = for_audience(record, "student", BEFORE)
        assert (copy.verdict, copy.score, copy.max_score) == (Verdict.PASS, 40, 40)
        assert copy.withheld.final
        assert "Extra credit of up to 9 points is not shown." in copy.headline

    def test_extra_credit_that_shows_does_not_tell_whether_all_else_is_right(self):
        """In the whole record it counts on top of all points only, hidden ones too."""
        checks = ("packages", 40, 40, VISIBLE), ("robust", 9, 9, VISIBLE)
        for got in (0, 60):
            record = with_checks(*checks, ("reals", got, 60, HIDDEN))
            assert for_audience(record, "student", BEFORE).extra_score == 9

    def test_a_file_that_does_not_compile_and_a_skeleton_say_so(self):
        record = with_checks(("packages", 0, 40, VISIBLE), ("reals", 0, 60, HIDDEN))
        assert for_audience(record, "student").headline.startswith("The file does not compile. 0")
        nothing = tuple(
            replace(check, status=Status.NOT_CHECKED, reason=Reason.NOTHING_FILLED_IN)
            for check in record.checks
        )
        record = replace(record, checks=nothing, advice=("Launch it.",))
        copy = for_audience(record, "student")
        assert copy.headline.startswith("Nothing was filled in")
        assert copy.advice == ("Launch it.",)

    def test_advice_comes_from_what_shows(self):
        record = graded('[checks.robust]\nvisibility = "hidden"\n', wrong_on_reals)
        copy = for_audience(record, "student", BEFORE)
        assert PUZZLE.checks[4].next_step in copy.advice

    def test_no_hints(self):
        record = graded("hints = false\n", wrong_on_reals)
        copy = for_audience(record, "student", BEFORE)
        assert record.advice
        assert copy.advice == ()
        text = render(copy, "text").decode()
        assert PUZZLE.checks[4].next_step not in text
        assert "Look at the first check that failed: Real numbers" in text
        assert copy.counterexamples
        assert copy.seed == record.seed


HINTS = {1: "FIRST STEP", 2: "SECOND STEP", 3: "THIRD STEP"}


def with_all_hints(record, steps):
    """A record whose rubric allows so many steps, with each step's mark wherever it may stand."""
    first, second, third = HINTS.values()
    record = replace(
        record,
        rubric=RubricInfo(hints=steps, source="x"),
        advice=(second,),
        checks=tuple(replace(each, hint=second) for each in record.checks),
        counterexamples=tuple(
            replace(each, mistake=first, explanation=first, advice=second, sketch=third)
            for each in record.counterexamples
        ),
        findings=tuple(replace(each, explanation=second, sketch=third) for each in record.findings),
        diagnostics=tuple(replace(each, advice=first) for each in record.diagnostics),
    )
    return replace(record, advice=next_steps(record))


class TestHints:
    @pytest.mark.parametrize("steps", range(4))
    @pytest.mark.parametrize("name", ["does-not-compile", "wrong-values", "crashed", "race"])
    def test_a_copy_has_the_steps_of_the_rubric_and_none_behind_them(self, name, steps):
        record = with_all_hints(records.ALL[name](), steps)
        copy = for_audience(record, "student", BEFORE)
        whole = encode(replace(record, rubric=None)).decode()
        for step, mark in HINTS.items():
            assert (mark in encode(copy).decode()) == (step <= steps and mark in whole)
        for format in FORMATS:
            text = render(record, format, audience="student").decode("utf-8", "replace")
            assert not [mark for step, mark in HINTS.items() if step > steps and mark in text]
        assert (copy.verdict, copy.score) == (record.verdict, record.score)
        lines = [(each.line, each.message) for each in copy.diagnostics]
        assert lines == [(each.line, each.message) for each in record.diagnostics]
        places = [each.finding for each in copy.findings]
        assert places == [each.finding for each in record.findings]

    @pytest.mark.parametrize("name", ["wrong-values", "race"])
    def test_the_report_has_what_the_rubric_allows(self, name):
        for steps, folds in ((3, 2), (2, 1), (1, 0), (0, 0)):
            text = render_html(with_all_hints(records.ALL[name](), steps))
            assert text.count('<details class="hint">') == folds
            assert (HINTS[3] in text) == (steps == 3)

    @pytest.mark.parametrize(("kept", "steps"), [("true", 3), ("false", 0), ("2", 2)])
    def test_a_record_of_before_says_true_or_false(self, kept, steps):
        record = replace(records.wrong_values(), rubric=RubricInfo(hints=1, source="x"))
        text = encode(record).replace(b'"hints": 1', b'"hints": ' + kept.encode())
        assert decode(text).rubric.hint_steps == steps


class TestWithoutARubric:
    @pytest.mark.parametrize("name", sorted(records.ALL))
    def test_only_the_static_look_is_for_the_instructor(self, name):
        record = records.ALL[name]()
        assert for_audience(record, "student", BEFORE) == replace(record, look=())
