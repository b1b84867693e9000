"""What a rubric file may say, and what is said of one that makes no sense."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.grading import plan
from grader.grading.rescore import judged
from grader.model.part import Scope
from grader.puzzles.conv1d import PART, PUZZLE
from grader.record import Visibility
from grader.rubric import load_rubric, parse_rubric, starting_file

START = 'puzzle = "conv1d"\n'


def read(text, name="course.toml"):
    return parse_rubric((START + text).encode(), PUZZLE, name=name)


def complaints(text, *, start=START):
    with pytest.raises(UsageError) as caught:
        parse_rubric((start + text).encode(), PUZZLE, name="course.toml")
    assert caught.value.remedy
    return caught.value.what.split("\n")


def item(rubric, name):
    return next(each for each in rubric.puzzle.rubric if each.id == name)


class TestWhatItSays:
    def test_nothing_said_is_the_puzzles_own_rubric(self):
        rubric = read("")
        assert rubric.puzzle.rubric == PUZZLE.rubric
        assert (rubric.pass_mark, rubric.hints, rubric.due) == (None, 3, None)
        assert all(rubric.visible(each.id) is Visibility.VISIBLE for each in PUZZLE.rubric)

    def test_points_extra_credit_and_what_is_switched_off(self):
        rubric = read(
            "[checks.integers]\npoints = 60\n[checks.robust]\npoints = 3\n"
            "[checks.clean]\nextra = true\n[checks.device]\nenabled = false\n"
        )
        assert item(rubric, "integers").points == 60
        assert item(rubric, "robust").points == 3
        assert item(rubric, "clean").extra
        assert "device" not in [each.id for each in rubric.puzzle.rubric]
        assert rubric.puzzle.max_score == 10 + 15 + 20 + 60 + 15

    @pytest.mark.parametrize(
        ("written", "steps"), [*((str(each), each) for each in range(4)), ("true", 3), ("false", 0)]
    )
    def test_how_many_steps_of_hints_there_are(self, written, steps):
        """Files of before say true or false."""
        rubric = read(f"hints = {written}\n")
        assert type(rubric.hints) is int
        assert (rubric.hints, rubric.info().hint_steps) == (steps, steps)

    def test_a_course_may_be_strict(self):
        strict = read("[checks.clean]\nstrict = true\n").puzzle
        assert [check.id for check in strict.checks if check.also_fails_by] == ["clean"]
        assert judged(strict) != judged(PUZZLE)
        usual = read("[checks.clean]\nstrict = false\npoints = 7\n").puzzle
        assert judged(usual) == judged(PUZZLE)

    def test_a_check_may_cost_nothing(self):
        assert item(read("[checks.clean]\npoints = 0\n"), "clean").points == 0

    @pytest.mark.parametrize(
        ("written", "points"), [("80", 80), ('"80 %"', 80), ('"1%"', 1), ("0", 0), ('"100 %"', 100)]
    )
    def test_the_pass_mark_in_points_or_as_a_share(self, written, points):
        assert read(f"pass_mark = {written}\n").pass_mark == points

    def test_a_share_is_rounded_up(self):
        assert read('pass_mark = "50 %"\n[checks.clean]\npoints = 6\n').pass_mark == 51

    @pytest.mark.parametrize(
        "written",
        [
            "due = 2026-12-01T23:59:00+01:00",
            'due = 2026-12-01T23:59:00\ntime_zone = "Europe/Berlin"',
            "due = 2026-12-01T22:59:00Z",
        ],
    )
    def test_the_due_date_is_an_instant(self, written):
        rubric = read(written)
        assert rubric.due == datetime(2026, 12, 1, 22, 59, tzinfo=UTC)
        assert datetime.fromisoformat(rubric.info().due) == rubric.due

    def test_visibility(self):
        rubric = read(
            "due = 2026-12-01T22:59:00Z\n"
            '[checks.reals]\nvisibility = "after the due date"\n'
            '[checks.device]\nvisibility = "hidden"\n'
        )
        assert rubric.visible("reals") is Visibility.AFTER_DUE
        assert rubric.visible("device") is Visibility.HIDDEN
        assert rubric.visible("integers") is Visibility.VISIBLE

    def test_what_is_built_on_a_hidden_check_is_hidden_with_it(self):
        """Robust is made only where the values are right: shown, it would tell of them."""
        assert read('[checks.integers]\nvisibility = "hidden"\n').visible("robust") is (
            Visibility.HIDDEN
        )

    def test_a_byte_order_mark_is_no_key(self):
        assert parse_rubric(b"\xef\xbb\xbf" + START.encode(), PUZZLE).puzzle.name == "conv1d"

    def test_the_digest_is_of_what_is_said(self):
        plain = read("hints = true\n[checks.clean]\npoints = 5\n")
        assert plain.digest == read("# the same\n").digest
        assert plain.digest != read("hints = false\n").digest
        assert plain.digest != read("[checks.clean]\npoints = 6\n").digest
        assert plain.digest != read('[checks.clean]\nvisibility = "hidden"\n').digest
        assert plain.digest != read("[[sizes]]\ninput_size = 15\n").digest

    def test_a_course_may_ask_for_all_sizes(self):
        assert read('try = "all sizes"\n').puzzle.try_all
        assert not read('try = "as usual"\n').puzzle.try_all
        assert not read("").puzzle.try_all
        assert read('try = "all sizes"\n').digest != read("").digest

    @pytest.mark.parametrize("written", ["true", '"all"', "58", '["all sizes"]'])
    def test_what_else_is_written_there_is_a_mistake(self, written):
        (said,) = complaints(f"try = {written}\n")
        assert "try: " in said
        assert '"all sizes" or "as usual"' in said

    def test_from_a_file(self, tmp_path):
        (tmp_path / "r.toml").write_text(START)
        assert load_rubric(tmp_path / "r.toml", PUZZLE).source == START


class TestSizes:
    def test_the_assigned_sizes_are_all_parts_together(self):
        rubric = read(
            '[[sizes]]\ninput_size = [15, 30]\nconv_size = [1, "3 to 5"]\n'
            "[[sizes]]\ninput_size = 7\nconv_size = 1\n"
        )
        assigned = [p for p in PART.domain_points() if rubric.puzzle.parts[0].assigned(p)]
        assert len(assigned) == 2 * 4 + 1
        assert rubric.puzzle.parts[0].domain == (
            "input_size 15 or 30 with conv_size 1 or 3 to 5; input_size 7 with conv_size 1"
        )

    def test_a_size_that_is_left_out_is_the_whole_range(self):
        rubric = read("[[sizes]]\ninput_size = 15\n")
        assert sum(map(rubric.puzzle.parts[0].assigned, PART.domain_points())) == 15

    def test_the_ends_of_every_part_are_in_the_plan(self):
        rubric = read('[[sizes]]\ninput_size = "9 to 22"\nconv_size = "2 to 6"\n')
        shapes = plan.draw(rubric.puzzle, seed="s", own_kernel={"conv1d"})
        planned = {tuple(shape.sizes.values()): shape.scope for shape in shapes}
        for corner in ((9, 2), (9, 6), (22, 2), (22, 6)):
            assert planned[corner] is Scope.ASSIGNED
        assert planned[30, 15] is Scope.ROBUST

    def test_where_every_size_is_assigned_nothing_is_left_for_robust(self):
        rubric = read("[[sizes]]\n")
        assert "robust" not in [each.id for each in rubric.puzzle.rubric]
        (told,) = complaints("[checks.robust]\npoints = 9\n[[sizes]]\n")
        assert "line 2: checks.robust" in told

    def test_the_given_kernels_defect_is_the_task_where_the_course_assigns_it(self):
        """Not: it costs nothing. And the instructor is told what that asks for."""
        at = {"input_size": 16, "conv_size": 3}
        assert PART.given_reads(at)
        rubric = read('[[sizes]]\ninput_size = "15 to 16"\n')
        (part,) = rubric.puzzle.parts
        assert not part.given_reads(at)
        assert part.given_reads({"input_size": 14, "conv_size": 3})
        assert rubric.notices
        assert not read("[[sizes]]\ninput_size = 15\n").notices


class TestWhatMakesNoSense:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("titel = 1\n", 'line 2: titel: there is no key "titel"; did you mean title?'),
            (
                "\nhints = 'no'\n",
                'line 3: hints: the text "no", but it is a number of steps from 0',
            ),
            (
                "hints = 4\n",
                "line 2: hints: the number 4, but it is a number of steps from 0 (none)",
            ),
            ("hints = -1\n", "line 2: hints: the number -1, but"),
            ("hints = 1.5\n", "line 2: hints: the number 1.5, but"),
            ("title = 3\n", "line 2: title: the number 3, but"),
            ("checks = 3\n", "line 2: checks: the number 3 where tables belong"),
            ("[checks]\nreals = 3\n", "line 3: checks.reals: the number 3 where a table belongs"),
            (
                "[checks.real]\n",
                'line 2: checks.real: there is no check "real"; did you mean reals',
            ),
            ("[checks.zzz]\n", "there are: packages, compiles, example"),
            ("[checks.reals]\nPoints = 3\n", "line 3: checks.reals.Points: there is no key"),
            ("[checks.reals]\n\npoints = 1.5\n", "line 4: checks.reals.points: the number 1.5"),
            ("[checks.reals]\npoints = true\n", "checks.reals.points: true, but points are"),
            ("[checks.reals]\npoints = -1\n", "checks.reals.points: the number -1"),
            ("[checks.reals]\npoints = 1001\n", "checks.reals.points: the number 1001"),
            ("[checks.reals]\nvisibility = 1\n", "it is one of: visible, hidden, after the due"),
            ("[checks.reals]\nvisibility = 'hiden'\n", "did you mean hidden?"),
            ("[checks.reals]\nstrict = true\n", 'there is no key "strict"'),
            ("[checks.clean]\nstrict = 1\n", "true or false"),
            ("[checks.reals]\nvisibility = 'after the due date'\n", "there is no due date"),
            ("[checks.packages]\nvisibility = 'hidden'\n", "it is always visible"),
            ("pass_mark = 101\n", "line 2: pass_mark: 101 of 100 points"),
            ("pass_mark = -1\n", "it can't be negative"),
            ("pass_mark = '80'\n", 'a share: "80 %"'),
            ("pass_mark = '101 %'\n", "pass_mark: the text"),
            ("pass_mark = 0.8\n", "pass_mark: the number 0.8"),
            ("due = '2026-12-01'\n", "without quotes"),
            ("due = 2026-12-01\n", "due: a date without a time"),
            ("due = 2026-12-01T23:59:00\n", "it has no time zone"),
            ("due = 0001-01-01T00:00:00+10:00\n", "the year must lie between"),
            ("time_zone = 'UTC'\n", "due, which is not there"),
            ("due = 2026-12-01T23:59:00\ntime_zone = 'Europe/Berln'\n", "Europe/Berlin?"),
            ("due = 2026-12-01T23:59:00\ntime_zone = '../etc'\n", "there is no time zone"),
            ("due = 2026-12-01T23:59:00\ntime_zone = 1\n", "time_zone: the number 1"),
            ("due = 2026-12-01T23:59:00Z\ntime_zone = 'UTC'\n", "due has an offset already"),
            ("due = 2026-10-25T02:30:00\ntime_zone = 'Europe/Berlin'\n", "+01:00 or +02:00"),
            ("due = 2026-03-29T02:30:00\ntime_zone = 'Europe/Berlin'\n", "clocks of that zone"),
            ("sizes = 3\n", "line 2: sizes: write each region of the sizes as a table"),
            ("sizes = []\n", "no sizes are left"),
            ("[[sizes]]\ninput = 15\n", "line 3: sizes[1].input: there is no size"),
            ("[[sizes]]\ninput_size = [15,\n31]\n", "line 4: sizes[1].input_size[2]: 31 leaves"),
            ("[[sizes]]\ninput_size = 0\n", "0 leaves what the puzzle can do, 1 to 30"),
            ("[[sizes]]\ninput_size = '5 to 1'\n", "5 to 1 holds nothing"),
            ("[[sizes]]\ninput_size = '1-15'\n", 'write a number, "1 to 15", or a list'),
            ("[[sizes]]\ninput_size = true\n", "true is no size"),
            ("[[sizes]]\ninput_size = []\n", "the list is empty"),
            ("[[sizes]]\ninput_size = 30\n", "the published example is missing: input_size 15"),
            ("[[sizes]]\n" * 17, "at most 16"),
            (
                "[checks.integers]\nvisibility = 'hidden'\n[checks.robust]\nvisibility = 'visible'",
                "line 5: checks.robust.visibility: it is made only where integers is right",
            ),
            ("a = 1\na = 2\n", "line 3: Cannot overwrite a value: this is not valid TOML"),
            ("a = [", "line 2: "),
            ("a = " + "[" * 3000, "nested too deeply"),
            ("a = " + "9" * 5000, "course.toml, line 2: "),
        ],
    )
    def test_is_said_with_the_line_and_the_key(self, text, told):
        said = complaints(text)
        assert any(told in line for line in said), said
        assert all(line.startswith("course.toml") for line in said)

    def test_no_points_at_all(self):
        text = "".join(f"[checks.{each.id}]\npoints = 0\n" for each in PUZZLE.rubric)
        assert "no check gives a point" in complaints(text)[0]

    def test_everything_at_once_in_the_order_of_the_file(self):
        said = complaints(
            'hints = 4\npass_mark = "110 %"\n[checks.reals]\npoint = 1\n[checks.real]\nx = 1\n'
        )
        assert [line.split(":")[0] for line in said] == [
            "course.toml, line 2",
            "course.toml, line 3",
            "course.toml, line 5",
            "course.toml, line 6",
        ]

    def test_a_rubric_for_another_puzzle(self):
        assert 'line 1: puzzle: the text "softmax"' in complaints("", start='puzzle = "softmax"')[0]
        assert 'write puzzle = "conv1d"' in complaints("", start="")[0]

    def test_bytes_that_are_no_text(self):
        with pytest.raises(UsageError, match=r"line 2: this is not UTF-8"):
            parse_rubric(START.encode() + b"\xff", PUZZLE)

    def test_a_file_that_is_too_large_or_not_there(self, tmp_path):
        with pytest.raises(UsageError, match="64 KiB"):
            parse_rubric(b"#" * 70_000, PUZZLE)
        for path in (tmp_path / "none.toml", tmp_path):
            with pytest.raises(UsageError, match="can't be read"):
                load_rubric(path, PUZZLE)


KEYS = st.sampled_from(
    (
        *("puzzle", "title", "pass_mark", "hints", "due", "time_zone", "sizes", "checks", "x"),
        *("checks.reals", "checks.reals.points", "points", "visibility", "extra", "input_size"),
        r'"\u001b[2J"',
    )
)
VALUES = st.sampled_from(
    (
        *("1", "-1", "1e400", "nan", "true", "[]", "{}", "[15, {}]", "[{}]", "[[1]]", "9" * 30),
        *('"conv1d"', '"hidden"', '"80 %"', '"1 to 15"', '"after the due date"', r'"\u0000"'),
        *("2026-12-01", "2026-12-01T00:00:00Z", "0001-01-01T00:00:00+23:59", "07:32:00"),
        "{input_size = 15}",
    )
)
LINES = st.one_of(
    st.tuples(KEYS, VALUES).map(lambda each: f"{each[0]} = {each[1]}"),
    KEYS.map(lambda key: f"[{key}]"),
    KEYS.map(lambda key: f"[[{key}]]"),
    st.text(max_size=20),
)


def read_or_refused(data):
    """Sound and complete, or a `UsageError` that a terminal can show."""
    try:
        rubric = parse_rubric(data, PUZZLE)
    except UsageError as error:
        told = error
    else:
        assert rubric.puzzle.max_score > 0
        assert len(rubric.digest) == 64
        return
    assert told.what
    assert told.remedy
    assert "\x1b" not in told.what


@given(st.lists(LINES, max_size=8).map("\n".join), st.booleans())
def test_any_text_is_a_rubric_or_a_clear_error(text, start):
    """Never a traceback; and a message never holds what a terminal would obey."""
    read_or_refused(((START if start else "") + text).encode("utf-8", "replace"))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_rubric_or_a_clear_error(data):
    read_or_refused(START.encode() + data)


def test_the_example_of_the_page_says_what_the_page_says_of_it():
    page = (Path(__file__).parents[2] / "docs/rubric.md").read_text()
    example = page.partition("```toml\n")[2].partition("```")[0]
    rubric = parse_rubric(example.encode(), PUZZLE)
    assert (rubric.puzzle.max_score, rubric.pass_mark) == (95, 86)
    visible = [each for each in rubric.puzzle.rubric if not each.extra and each.id != "reals"]
    assert sum(each.points for each in visible) == 80


def test_the_starting_file_is_the_puzzles_own_rubric():
    text = starting_file(PUZZLE)
    rubric = parse_rubric(text.encode(), PUZZLE)
    assert rubric.digest == read("").digest
    assert rubric.puzzle == PUZZLE
    # Complete: every key that there is stands in it.
    for key in ("pass_mark", "hints", "due", "time_zone", "points", "extra", "visibility"):
        assert f"{key} " in text
