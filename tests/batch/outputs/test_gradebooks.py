"""Gradebooks: everybody's mark arrives at that person, and nobody gets a zero for our fault."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.model import StudentResult
from grader.batch.outputs.gradebooks import (
    canvas,
    generic,
    guide,
    moodle,
    render_all,
    worksheet,
)
from grader.batch.outputs.standing import mark, number
from tests.batch.outputs.classes import INFO, absent, mixed, result, student
from tests.batch.outputs.importers import Canvas, Moodle, Person, Worksheet
from tests.report import records

NAMES = st.one_of(
    st.sampled_from(
        ["Points Possible", "Muted", "=cmd()", "O'Neill, Pat", 'A "B" C\\', "Zoë;=1", ""]
    ),
    st.text(max_size=12),
)
KINDS = st.sampled_from(
    ["passed", "wrong-values", "faulted", "refused", "passed-with-extra", "", "race"]
)


NUMBERS = st.sampled_from(["", "1", "2", "3", "a1"])


@st.composite
def classes(draw: st.DrawFn) -> list[StudentResult]:
    """Students of whom some lack this or that, and whose numbers are others' of another kind."""
    made = []
    taken: dict[str, set[str]] = {"sis_id": set(), "canvas_id": set(), "participant": set()}
    for n in range(draw(st.integers(1, 6))):
        numbers = {kind: draw(NUMBERS) for kind in taken}
        for kind, value in numbers.items():
            numbers[kind] = "" if value in taken[kind] else value
            taken[kind].add(value)
        who = student(
            f"s{n}",
            name=draw(NAMES),
            id=draw(NUMBERS),
            login=draw(st.sampled_from(["", f"login{n}"])),
            email=draw(st.sampled_from(["", f"s{n}@example.edu"])),
            integration_id=draw(st.sampled_from(["", f"i{n}"])),
            on_roster=draw(st.booleans()),
            **numbers,
        )
        kind = draw(KINDS)
        made.append(result(f"s{n}", kind, who=who) if kind else absent(f"s{n}"))
    return made


def people_of(results: Sequence[StudentResult]) -> list[Person]:
    """Their accounts, in the same order, with a grade that somebody entered by hand."""
    return [
        Person(
            name=f"account {n}",
            canvas_id=int(r.student.canvas_id) if r.student.canvas_id.isdigit() else 0,
            sis=r.student.sis_id,
            login=r.student.login or r.student.email,
            participant=r.student.participant,
            grade="by hand",
        )
        for n, r in enumerate(results)
    ]


def rows_of(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def moodle_file(results: Sequence[StudentResult]) -> bytes:
    return moodle.render(INFO, results, [r.record for r in results])


class TestCanvas:
    def test_the_columns_stand_in_the_order_that_the_importer_asks_for(self) -> None:
        lines = canvas.render(INFO, mixed()).decode().split("\r\n")
        assert lines[0] == "Student,ID,SIS User ID,SIS Login ID,Section,Puzzle 17"
        assert lines[1].strip() == "Points Possible,,,,,100"
        assert lines[2] == "Ada,,id-ada,ada@example.edu,,100"

    @given(classes())
    def test_every_mark_arrives_and_nothing_else(self, results: list[StudentResult]) -> None:
        people = people_of(results)
        course = Canvas(people)
        course.load(canvas.render(INFO, results))
        assert course.points_possible == {"Puzzle 17": "100"}
        for person, r in zip(people, results, strict=True):
            given_mark = mark(r, INFO)
            known = person.canvas_id or person.sis or person.login
            expected = number(given_mark.points) if given_mark and known else "by hand"
            assert person.grade == expected

    def test_each_number_stands_in_the_column_of_its_kind(self) -> None:
        who = student(
            "a", id="7", sis_id="7", canvas_id="101", login="al", integration_id="i-1", section="S"
        )
        lines = canvas.render(INFO, [result("a", who=who), result("b")]).decode().split("\r\n")
        assert lines[0] == ("Student,ID,SIS User ID,SIS Login ID,Integration ID,Section,Puzzle 17")
        assert lines[1:4] == [
            "    Points Possible,,,,,,100",
            "A,101,7,al,i-1,S,100",
            "B,,id-b,b@example.edu,,,100",
        ]

    @pytest.mark.parametrize(
        ("title", "named"),
        [
            ("conv1d", "conv1d"),
            ("GPU programming (2026)", "GPU programming [2026]"),
            ("GPUs (2026) ", "GPUs [2026] "),
            ("Week (3) (0012)", "Week (3) [0012]"),
            ("Week 3 (conv1d)", "Week 3 (conv1d)"),
            ("(7)", "[7]"),
            ("Final Score of conv1d", "Final-Score of conv1d"),
            ("Current Grade (2026)", "Current-Grade [2026]"),
        ],
    )
    def test_no_title_is_the_number_of_another_assignment(self, title: str, named: str) -> None:
        info = msgspec.structs.replace(INFO, title=title)
        others = {2026: "Essay", 12: "Exam", 7: "Talk", 3: "Poster"}
        course = Canvas(people=[Person(name="Ann")], assignments=others)
        course.load(canvas.render(info, mixed()))
        assert course.filled == named
        told = guide.render(info, mixed()).decode()
        assert f'"{named} (1234)"' in told
        assert (named != title) == ("Canvas would take the title itself" in told)

    def test_an_institutions_number_is_never_taken_for_canvas_own(self) -> None:
        """SIS number 7 may be one student and Canvas's number 7 another."""
        made = canvas.render(INFO, [result("a", who=student("a", sis_id="7"))])
        assert b"A,,7," in made
        made = canvas.render(INFO, [result("a", who=student("a", sis_id="", canvas_id="7"))])
        assert b"A,7,," in made

    def test_a_number_of_unknown_kind_is_nobodys(self) -> None:
        made = canvas.render(INFO, [result("a", who=student("a", id="7", sis_id=""))])
        assert b"A,,,a@example.edu," in made

    def test_a_name_cannot_set_the_points_possible(self) -> None:
        evil = student("a", name="Points Possible", sis_id="", email="")
        course = Canvas([])
        course.load(canvas.render(INFO, [result("a", "wrong-values", who=evil)]))
        assert course.points_possible == {"Puzzle 17": "100"}


class TestMoodle:
    @given(classes())
    def test_every_mark_arrives_and_nothing_else(self, results: list[StudentResult]) -> None:
        by = "login" if moodle.identified_by(results) == "email" else "sis"
        people = [
            Person(
                name=r.student.name, sis=r.student.sis_id, login=r.student.email, grade="by hand"
            )
            for r in results
        ]
        Moodle(people, by).load(moodle_file(results))
        for person, r in zip(people, results, strict=True):
            given_mark = mark(r, INFO)
            if given_mark is None or not getattr(person, by):
                assert person.grade == "by hand"
            else:
                assert person.grade == number(min(given_mark.points, Decimal(100)))

    def test_who_cannot_be_found_is_named(self) -> None:
        results = [result("a"), result("b"), result("c", who=student("c", email="", sis_id=""))]
        assert b"C" not in moodle_file(results).split(b"\r\n", 1)[1]
        told = guide.render(INFO, results).decode()
        assert "not in moodle.csv for want of an Email address: 1\n\n  C\n" in told

    def test_a_participant_number_is_no_id_number(self) -> None:
        """In Moodle the ID number 2 is somebody else, whose grade it would become."""
        who = student("a", id="2", sis_id="", participant="2", email="")
        assert rows_of(moodle_file([result("a", who=who)])) == []
        told = guide.render(INFO, [result("a", who=who)]).decode()
        assert "not in moodle.csv for want of an Email address: 1\n\n  A\n" in told

    def test_extra_credit_does_not_end_the_import(self) -> None:
        row = rows_of(moodle_file([result("a", "passed-with-extra")]))[0]
        assert row["Puzzle 17"] == "100"
        assert "With extra credit: 110 points." in row["Feedback"]
        assert (
            "cut in moodle.csv: 1"
            in guide.render(INFO, [result("a", "passed-with-extra")]).decode()
        )

    def test_the_feedback_is_what_the_student_may_see(self) -> None:
        """A hidden check is no part of the record that the student may see."""
        made = records.wrong_values()
        seen = msgspec.structs.replace(made, checks=made.checks[:3], headline="Not yet.")
        file = moodle.render(INFO, [result("a", made)], [seen]).decode()
        assert "Not yet." in file
        assert made.checks[3].title not in file

    @given(st.text(alphabet='\\"a', max_size=8))
    def test_no_backslash_escapes_a_quote(self, name: str) -> None:
        """PHP's fgetcsv takes a backslash before a quote for an escape."""
        assert b"\\" not in moodle_file([result("a", who=student("a", name=name))])


class TestWorksheet:
    @given(classes(), st.booleans())
    def test_every_mark_arrives_and_nothing_else(
        self, results: list[StudentResult], graded: bool
    ) -> None:
        people = people_of(results)
        for person in people:
            person.grade = "by hand" if graded else None
        Worksheet(people).load(worksheet.render(INFO, results, [r.record for r in results]))
        for person, r in zip(people, results, strict=True):
            given_mark = mark(r, INFO)
            if graded or given_mark is None or not r.student.participant:
                assert person.grade == ("by hand" if graded else None)
            else:
                assert person.grade == number(min(given_mark.points, Decimal(100)))

    def test_it_is_there_where_anybody_has_such_a_number(self) -> None:
        plain, numbered = result("a"), result("b", who=student("b", participant="7"))
        assert "moodle-worksheet.csv" not in render_all(INFO, [plain], [plain.record])
        assert "worksheet" not in guide.render(INFO, [plain]).decode()
        files = render_all(INFO, [plain, numbered], [plain.record, numbered.record])
        (row,) = rows_of(files["moodle-worksheet.csv"])
        assert (row["Identifier"], row["Grade"]) == ("Participant 7", "100")
        told = files["README.txt"].decode()
        assert "not in moodle-worksheet.csv for want of a participant number: 1\n\n  A\n" in told

    def test_extra_credit_is_not_passed_over(self) -> None:
        results = [result("a", "passed-with-extra", who=student("a", participant="7"))]
        (row,) = rows_of(worksheet.render(INFO, results, [r.record for r in results]))
        assert row["Grade"] == "100"
        assert "With extra credit: 110 points." in row["Feedback comments"]
        assert "cut in moodle-worksheet.csv: 1" in guide.render(INFO, results).decode()


class TestGeneric:
    def test_everybody_is_in_it(self) -> None:
        rows = rows_of(generic.render_csv(INFO, mixed()))
        assert [row["student"] for row in rows] == [r.student.key for r in mixed()]
        assert tuple(rows[0]) == generic.COLUMNS

    def test_who_has_no_mark_has_an_empty_cell_and_a_reason(self) -> None:
        rows = {row["student"]: row for row in rows_of(generic.render_csv(INFO, mixed()))}
        for key, status in {
            "dan": "no mark",
            "eve": "not accepted",
            "fay": "not accepted",
            "gus": "nothing handed in",
            "hal": "not graded yet",
        }.items():
            assert rows[key]["grade"] == ""
            assert rows[key]["score"] == ""
            assert rows[key]["status"] == status
            assert rows[key]["note"]
        assert rows["lou"]["grade"] == "0"
        assert rows["ivy"]["grade"] == "110"
        assert rows["bob"]["lateness"] == "late"

    def test_json_has_numbers_and_nulls(self) -> None:
        document = json.loads(generic.render_json(INFO, mixed()))
        grades = {row["student"]: row["grade"] for row in document["students"]}
        assert grades["ada"] == 100
        assert grades["lou"] == 0
        assert [key for key, grade in grades.items() if grade is None] == [
            *("dan", "eve", "fay", "gus", "hal")
        ]
        assert document["run"]["puzzle"] == "conv1d"
        assert document["students"][0]["checks"][0]["id"] == "packages"

    @given(classes())
    def test_csv_and_json_agree(self, results: list[StudentResult]) -> None:
        of_json = json.loads(generic.render_json(INFO, results))["students"]
        for row, other in zip(rows_of(generic.render_csv(INFO, results)), of_json, strict=True):
            assert row["student"] == other["student"]
            assert (float(row["grade"]) if row["grade"] else None) == other["grade"]


def test_the_guide_names_who_has_no_mark_and_why() -> None:
    told = guide.render(INFO, mixed()).decode()
    assert "Without a mark: 5" in told
    assert "  Gus: Nothing was handed in." in told
    assert "  Fay: Not graded: mallory.zip is a bomb. Hand in one file." in told


def test_an_empty_class_still_gives_files_with_headers() -> None:
    files = render_all(INFO, [], [])
    assert files["canvas.csv"].startswith(b"Student,ID,")
    assert files["moodle.csv"].startswith(b"Email address,")
