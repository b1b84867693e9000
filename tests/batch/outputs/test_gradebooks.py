"""Gradebooks: everybody's mark arrives at that person, and nobody gets a zero for our fault."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.model import RunInfo, StudentResult
from grader.batch.outputs import gradebooks, write_all
from grader.batch.outputs.class_table import mark, number
from grader.batch.outputs.gradebooks import (
    README,
    ClassMarks,
    EmptyGrade,
    Gradebook,
    find_gradebooks,
    render_all,
)
from grader.batch.outputs.gradebooks.canvas import CANVAS
from grader.batch.outputs.gradebooks.generic import COLUMNS, GRADES_CSV, GRADES_JSON
from grader.batch.outputs.gradebooks.moodle import ID_NUMBER, MOODLE, WORKSHEET, identified_by
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


def marks_of(results: Sequence[StudentResult], info: RunInfo = INFO) -> ClassMarks:
    """A class in which students see all of their records."""
    return ClassMarks(info=info, results=results, shown=[r.record for r in results])


def readme(results: Sequence[StudentResult], info: RunInfo = INFO) -> str:
    return render_all(marks_of(results, info))[README].decode()


def moodle_file(results: Sequence[StudentResult]) -> bytes:
    return MOODLE.render(marks_of(results))


class TestCanvas:
    def test_the_columns_stand_in_the_order_that_the_importer_asks_for(self) -> None:
        lines = CANVAS.render(marks_of(mixed())).decode().split("\r\n")
        assert lines[0] == "Student,ID,SIS User ID,SIS Login ID,Section,Puzzle 17"
        assert lines[1].strip() == "Points Possible,,,,,100"
        assert lines[2] == "Ada,,id-ada,ada@example.edu,,100"

    @given(classes())
    def test_every_mark_arrives_and_nothing_else(self, results: list[StudentResult]) -> None:
        people = people_of(results)
        course = Canvas(people)
        course.load(CANVAS.render(marks_of(results)))
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
        lines = CANVAS.render(marks_of([result("a", who=who), result("b")])).decode().split("\r\n")
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
        course.load(CANVAS.render(marks_of(mixed(), info)))
        assert course.filled == named
        told = readme(mixed(), info)
        assert f'"{named} (1234)"' in told
        assert (named != title) == ("Canvas would take the title itself" in told)

    def test_an_institutions_number_is_never_taken_for_canvas_own(self) -> None:
        """SIS number 7 may be one student and Canvas's number 7 another."""
        made = CANVAS.render(marks_of([result("a", who=student("a", sis_id="7"))]))
        assert b"A,,7," in made
        made = CANVAS.render(marks_of([result("a", who=student("a", sis_id="", canvas_id="7"))]))
        assert b"A,7,," in made

    def test_a_number_of_unknown_kind_is_nobodys(self) -> None:
        made = CANVAS.render(marks_of([result("a", who=student("a", id="7", sis_id=""))]))
        assert b"A,,,a@example.edu," in made

    def test_a_name_cannot_set_the_points_possible(self) -> None:
        evil = student("a", name="Points Possible", sis_id="", email="")
        course = Canvas([])
        course.load(CANVAS.render(marks_of([result("a", "wrong-values", who=evil)])))
        assert course.points_possible == {"Puzzle 17": "100"}


class TestMoodle:
    @given(classes())
    def test_every_mark_arrives_and_nothing_else(self, results: list[StudentResult]) -> None:
        by = "login" if identified_by(marks_of(results)) is not ID_NUMBER else "sis"
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
        told = readme(results)
        assert "not in moodle.csv for want of an Email address: 1\n\n  C\n" in told

    def test_a_participant_number_is_no_id_number(self) -> None:
        """In Moodle the ID number 2 is somebody else, whose grade it would become."""
        who = student("a", id="2", sis_id="", participant="2", email="")
        assert rows_of(moodle_file([result("a", who=who)])) == []
        told = readme([result("a", who=who)])
        assert "not in moodle.csv for want of an Email address: 1\n\n  A\n" in told

    def test_extra_credit_does_not_end_the_import(self) -> None:
        row = rows_of(moodle_file([result("a", "passed-with-extra")]))[0]
        assert row["Puzzle 17"] == "100"
        assert "With extra credit: 110 points." in row["Feedback"]
        assert "cut in moodle.csv: 1" in readme([result("a", "passed-with-extra")])

    def test_the_feedback_is_what_the_student_may_see(self) -> None:
        """A hidden check is no part of the record that the student may see."""
        made = records.wrong_values()
        seen = msgspec.structs.replace(made, checks=made.checks[:3], headline="Not yet.")
        marks = ClassMarks(info=INFO, results=[result("a", made)], shown=[seen])
        file = MOODLE.render(marks).decode()
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
        Worksheet(people).load(WORKSHEET.render(marks_of(results)))
        for person, r in zip(people, results, strict=True):
            given_mark = mark(r, INFO)
            if graded or given_mark is None or not r.student.participant:
                assert person.grade == ("by hand" if graded else None)
            else:
                assert person.grade == number(min(given_mark.points, Decimal(100)))

    def test_it_is_there_where_anybody_has_such_a_number(self) -> None:
        plain, numbered = result("a"), result("b", who=student("b", participant="7"))
        assert "moodle-worksheet.csv" not in render_all(marks_of([plain]))
        assert "worksheet" not in readme([plain])
        files = render_all(marks_of([plain, numbered]))
        (row,) = rows_of(files["moodle-worksheet.csv"])
        assert (row["Identifier"], row["Grade"]) == ("Participant 7", "100")
        told = files["README.txt"].decode()
        assert "not in moodle-worksheet.csv for want of a participant number: 1\n\n  A\n" in told

    def test_extra_credit_is_not_passed_over(self) -> None:
        results = [result("a", "passed-with-extra", who=student("a", participant="7"))]
        (row,) = rows_of(WORKSHEET.render(marks_of(results)))
        assert row["Grade"] == "100"
        assert "With extra credit: 110 points." in row["Feedback comments"]
        assert "cut in moodle-worksheet.csv: 1" in readme(results)


class TestGeneric:
    def test_everybody_is_in_it(self) -> None:
        rows = rows_of(GRADES_CSV.render(marks_of(mixed())))
        assert [row["student"] for row in rows] == [r.student.key for r in mixed()]
        assert tuple(rows[0]) == COLUMNS

    def test_who_has_no_mark_has_an_empty_cell_and_a_reason(self) -> None:
        rows = {row["student"]: row for row in rows_of(GRADES_CSV.render(marks_of(mixed())))}
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
        document = json.loads(GRADES_JSON.render(marks_of(mixed())))
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
        of_json = json.loads(GRADES_JSON.render(marks_of(results)))["students"]
        for row, other in zip(rows_of(GRADES_CSV.render(marks_of(results))), of_json, strict=True):
            assert row["student"] == other["student"]
            assert (float(row["grade"]) if row["grade"] else None) == other["grade"]


def test_the_guide_names_who_has_no_mark_and_why() -> None:
    told = readme(mixed())
    assert "Without a mark: 5" in told
    assert "  Gus: Nothing was handed in." in told
    assert "  Fay: Not graded: mallory.zip is a bomb. Hand in one file." in told


def test_an_empty_class_still_gives_files_with_headers() -> None:
    files = render_all(marks_of([]))
    assert files["canvas.csv"].startswith(b"Student,ID,")
    assert files["moodle.csv"].startswith(b"Email address,")


NEW_GRADEBOOK = """
from grader.batch.outputs.gradebooks import (
    EmptyGrade, Gradebook, Identifier, ReaderRules, table
)

LMS = Gradebook(
    file="lms.csv",
    rules=ReaderRules(empty_grade=EmptyGrade.DELETES, largest=0, escapes="~"),
    write=lambda marks, lines: table([[line.identifier, line.grade] for line in lines]),
    about=lambda marks: "An LMS of tomorrow.",
    identifier=lambda marks: Identifier(
        article="a", name="login", of=lambda student: student.login
    ),
)
"""


def test_a_gradebook_is_one_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written, who is in it, what is cut and what is said follow from its data."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "lms.py").write_text(NEW_GRADEBOOK, "utf-8")
    monkeypatch.setattr(gradebooks, "__path__", [*gradebooks.__path__, str(folder)])
    sys.modules.pop(f"{gradebooks.__name__}.lms", None)
    some = [
        result("a", "passed-with-extra", who=student("a", login="a~1")),
        result("b"),
        absent("c"),
    ]
    write_all(tmp_path / "run", INFO, some)
    assert (tmp_path / "run/gradebook/lms.csv").read_bytes() == b"a/1,100\r\n"
    told = (tmp_path / "run/gradebook/README.txt").read_text("utf-8")
    assert "lms.csv      An LMS of tomorrow.\n" in told
    assert "not in lms.csv for want of a login: 1\n\n  B\n" in told
    assert "cut in lms.csv: 1\n\n  A\n" in told


@pytest.mark.parametrize("gradebook", find_gradebooks(), ids=lambda each: each.file)
def test_an_empty_cell_never_deletes_a_grade(gradebook: Gradebook) -> None:
    lines = gradebook.lines(marks_of(mixed()))
    if gradebook.rules.empty_grade is EmptyGrade.NO_MARK:
        assert len(lines) == len(mixed())
    else:
        assert [line for line in lines if not line.grade] == []
