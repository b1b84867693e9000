"""What changed since the last run: told where it is certain, and only between runs of one task."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from grader.audience import for_audience, with_hints
from grader.device import Finding, FindingKind
from grader.guidance import COMPILER
from grader.progress import SinceBefore, progress, with_earlier
from grader.record import (
    Attribution,
    CheckedFinding,
    Record,
    RubricInfo,
    Status,
    Verdict,
    Visibility,
    decode,
    encode,
)
from grader.report.html import render_html
from grader.report.since import since_view
from grader.report.text import render_text
from tests.report import hostile, records

replace = msgspec.structs.replace
MISTAKE = "The halo is missing."


def ended(record: Record, statuses: dict[str, Status], sha: str) -> Record:
    """A record in which some checks ended otherwise."""
    checks = tuple(
        replace(
            each,
            status=statuses.get(each.id, each.status),
            points=each.max_points
            if statuses.get(each.id, each.status) is Status.PASSED and not each.extra
            else 0,
        )
        for each in record.checks
    )
    return replace(
        record,
        checks=checks,
        score=sum(each.points for each in checks if not each.extra),
        submission=replace(record.submission, sha256=sha),
    )


def first() -> Record:
    """Whole numbers are wrong, by a mistake that is known."""
    record = ended(records.wrong_values(), {}, "1")
    cases = tuple(
        replace(each, mistake="halo", explanation=MISTAKE) for each in record.counterexamples
    )
    return replace(record, counterexamples=cases)


def second() -> Record:
    """The same, mended."""
    passed = {each.id: Status.PASSED for each in first().checks}
    return replace(
        ended(first(), passed, "2"), verdict=Verdict.PASS, counterexamples=(), findings=()
    )


def racing(record: Record) -> Record:
    """A record with a race, and no longer clean."""
    finding = Finding(kind=FindingKind.RACE, message="a race", kernel="k")
    checked = CheckedFinding(
        finding=finding, attribution=Attribution.STUDENT, sizes={}, concerns=("clean",)
    )
    made = ended(record, {"clean": Status.FAILED}, "3")
    return replace(made, verdict=Verdict.FAIL, findings=(checked,))


def changed(record: Record, old: Record) -> SinceBefore:
    made = progress(with_earlier(record, old))
    assert made is not None
    return made


class TestWhatIsTold:
    def test_points_checks_and_the_mistake_that_is_gone(self) -> None:
        made = changed(second(), first())
        assert (made.before, made.after) == (first().score, 100)
        failed = {each.id for each in first().checks if each.status is not Status.PASSED}
        assert {each.id for each in made.now_right} == failed
        assert [each.sentence for each in made.gone] == [MISTAKE]
        assert (made.no_longer_right, made.new) == ((), ())

    def test_what_came(self) -> None:
        made = changed(racing(second()), second())
        assert [each.id for each in made.no_longer_right] == ["clean"]
        assert [each.key for each in made.new] == [FindingKind.RACE.value]
        assert made.after < made.before

    def test_a_cause_that_another_may_hide_is_not_said_to_be_gone(self) -> None:
        made = changed(racing(ended(first(), {}, "4")), first())
        assert made.gone == ()

    def test_a_file_that_no_longer_compiles_has_mended_nothing(self) -> None:
        broken = replace(
            records.does_not_compile(),
            submission=replace(records.does_not_compile().submission, sha256="5"),
        )
        made = progress(with_earlier(broken, first()))
        assert made is not None
        assert (made.now_right, made.gone) == ((), ())
        assert [each.key for each in made.new] == [COMPILER]

    def test_what_the_compiler_hid_is_not_said_to_be_new(self) -> None:
        made = changed(first(), records.does_not_compile())
        assert [each.key for each in made.gone] == [COMPILER]
        assert made.new == ()

    def test_a_record_keeps_it(self) -> None:
        made = with_earlier(second(), first())
        assert progress(decode(encode(made))) == progress(made)

    def test_terminal_and_page_tell_it(self) -> None:
        made = with_earlier(second(), first())
        title = f"Since last time: {first().score} → 100 points"
        text = render_text(made)
        assert f"\n{title}\n" in text
        assert f"✓ gone: {MISTAKE}" in text
        assert title in render_html(made)
        assert MISTAKE in render_html(made)
        assert "Since last time" not in render_html(second()) + render_text(second())

    @pytest.mark.parametrize(("sha", "title"), [("9", "Since last time: the same 100 points")])
    def test_that_nothing_changed_is_told_too(self, sha: str, title: str) -> None:
        again = replace(second(), submission=replace(second().submission, sha256=sha))
        view = since_view(with_earlier(again, second()))
        assert view is not None
        assert (view.title, view.rows) == (title, ())


class TestWhatIsNotCompared:
    def test_another_puzzle(self) -> None:
        other = replace(first(), puzzle=replace(first().puzzle, name="other"))
        assert progress(with_earlier(second(), other)) is None

    def test_another_rubric(self) -> None:
        one = replace(first(), rubric=RubricInfo(digest="a"))
        two = replace(second(), rubric=RubricInfo(digest="b"))
        assert progress(with_earlier(two, one)) is None
        assert progress(with_earlier(replace(two, rubric=RubricInfo(digest="a")), one)) is not None

    def test_other_points(self) -> None:
        most = first().checks[0]
        other = replace(
            first(), checks=(replace(most, max_points=most.max_points + 1), *first().checks[1:])
        )
        assert progress(with_earlier(second(), other)) is None

    def test_a_fault_changes_nothing_and_hands_on_what_was_before(self) -> None:
        fault = records.faulted()
        fault = replace(fault, puzzle=first().puzzle)
        broken_off = with_earlier(fault, first())
        assert progress(broken_off) is None
        assert "Since last time" not in render_text(broken_off)
        assert changed(second(), broken_off) == changed(second(), first())

    def test_the_same_file_once_more_is_compared_with_what_was_before_it(self) -> None:
        once = with_earlier(second(), first())
        assert changed(second(), once) == progress(once)
        assert progress(with_earlier(second(), second())) is None


class TestHidden:
    """A student's copy tells nothing of a hidden check, before or now."""

    def whole(self, record: Record) -> Record:
        checks = tuple(
            replace(each, visibility=Visibility.HIDDEN) if each.id == "integers" else each
            for each in record.checks
        )
        return replace(record, checks=checks, rubric=RubricInfo(digest="a", source="x"))

    def test_two_copies_differ_in_what_shows(self) -> None:
        old = for_audience(self.whole(first()), "student")
        made = changed(for_audience(self.whole(second()), "student"), old)
        assert "integers" not in {each.id for each in made.now_right}
        hidden = next(each for each in first().checks if each.id == "integers")
        assert made.after == 100 - hidden.max_points

    def test_a_copy_of_a_whole_record_that_was_compared(self) -> None:
        whole = with_earlier(self.whole(second()), self.whole(first()))
        copy = for_audience(whole, "student")
        assert copy.before is not None
        assert "integers" not in {each.id for each in copy.before.checks}
        assert MISTAKE not in encode(copy).decode()
        made = progress(copy)
        assert made is not None
        assert made.after == copy.score

    def test_a_mistake_is_named_only_where_hints_are_allowed(self) -> None:
        made = with_earlier(second(), first())
        assert MISTAKE in encode(with_hints(made, 1)).decode()
        assert MISTAKE not in encode(with_hints(made, 0)).decode()


@given(hostile.records(), hostile.records())
def test_any_two_records_can_be_tried(one: Record, two: Record) -> None:
    made = with_earlier(one, replace(two, puzzle=one.puzzle))
    assert render_text(made)
