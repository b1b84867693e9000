"""The class list: lenient where nothing can be misunderstood, else an error with the line."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect.roster import parse_roster
from grader.errors import UsageError


def students(text: str | bytes):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_roster(data, shown="roster.csv")


@pytest.mark.parametrize(
    "text",
    [
        "id,name,email,repository,late\n7,Jane Doe,j@x.org,jane,yes\n",
        "\ufeffid,name,email,repository,late\r\n7,Jane Doe,j@x.org,jane,late\r\n",
        "ID;Name;E-Mail;Repository;Late\n\n7;Jane Doe;j@x.org;jane;2.5\n\n",
        "late\trepository\temail\tfull name\tid\nX\tjane\tj@x.org\tJane Doe\t7\n",
        'id,first name,last name,email,repo,lateness\n"7",Jane,Doe,j@x.org,jane,TRUE\n',
        "id|name|mail|folder|late|grade\n7|Jane Doe|j@x.org|jane|y|\n",
    ],
)
def test_spellings_of_the_same_list(text):
    (student,) = students(text)
    assert (student.id, student.name, student.email) == ("7", "Jane Doe", "j@x.org")
    assert (student.repository, student.lateness) == ("jane", "late")


def test_utf_16_as_excel_writes_it():
    (student,) = students("id\tname\n7\tJörg\n".encode("utf-16"))
    assert student.name == "Jörg"


CANVAS_POINTS = "    Points Possible,,,,,,100,(read only)\n"
CANVAS_JANE = '"Doe, Jane",12345,S1,jdoe,int-1,A,80,80\n'
CANVAS_HEADER = (
    "Student,ID,SIS User ID,SIS Login ID,Integration ID,Section,conv1d (77),Final Score\n"
)


@pytest.mark.parametrize(
    "below",
    [
        "",
        ",,,,,,Manual Posting,\n",
        ",,,,,,Muted,\n",
        ",,,,,,Manual Posting (scores hidden from instructors),\n",
        ",,,,,,Manuelle Veröffentlichung,\n",
    ],
)
def test_canvas_gradebook_as_it_is(below):
    (found,) = students(CANVAS_HEADER + below + CANVAS_POINTS + CANVAS_JANE)
    assert (found.name, found.canvas_id, found.sis_id) == ("Doe, Jane", "12345", "S1")
    assert (found.login, found.integration_id, found.section) == ("jdoe", "int-1", "A")
    assert found.id == ""


def test_canvas_gradebook_with_two_columns_for_names_and_no_sis_user_id():
    found = students(
        "\ufeffLastName;FirstName;ID;SIS Login ID;Section;HW (5)\n;;;;;Manual Posting\n"
        "    Points Possible;;;;;100\nJones;Alice;101;al;Sec;\n"
    )
    assert [(each.name, each.canvas_id, each.login) for each in found] == [
        ("Alice Jones", "101", "al")
    ]


def test_a_line_without_a_person_is_an_error_in_any_other_list():
    with pytest.raises(UsageError, match="line 2 does not say who is meant"):
        students("id,name,grade\n,,Grade hidden\n1,Ann,\n")


def test_moodle_worksheet_as_it_is():
    (student,) = students(
        "Identifier,Full name,ID number,Email address,Grade\nParticipant 657,Jane,i-9,j@x,\n"
    )
    assert (student.participant, student.sis_id) == ("657", "i-9")
    assert (student.number, student.name, student.email) == ("", "Jane", "j@x")


def test_kinds_of_numbers_are_kept_apart():
    (student,) = students(
        "id,number,student id,canvas id,participant,github username\n1,2,3,4,5,ann\n"
    )
    assert (student.id, student.number, student.sis_id) == ("1", "2", "3")
    assert (student.canvas_id, student.participant, student.account) == ("4", "5", "ann")


def test_a_number_of_one_kind_may_be_another_kinds_number_of_somebody_else():
    assert len(students("id,student id,name\n7,8,Ann\n8,7,Bob\n")) == 2


def test_a_name_over_two_lines_keeps_the_count_of_lines():
    with pytest.raises(UsageError, match="line 4 has 'maybe'"):
        students('id,name,late\n1,"Jane\nDoe",no\n2,Jim,maybe\n')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "line 1 names no column"),
        ("a,b\n1,2\n", "line 1 names no column that says who is meant: a, b"),
        ("id,name\n", "lists no students"),
        ("id,id\n1,2\n", "line 1 has two columns 'id'"),
        ("id,name\n1,Ann\n1,Bob\n", "line 3 repeats the id 1 of line 2"),
        ("canvas id,name\n1,Ann\n1,Bob\n", "line 3 repeats the id 1 of line 2"),
        ("id,name\n1,Ann,oops\n", "line 2 has 3 cells, but the header has 2"),
        ("id,name,late\n,,yes\n", "line 2 does not say who is meant"),
        ('id,name\n1,"Ann\n', "line 2 is not CSV"),
        ("id,name,late\n1,Ann,perhaps\n", "line 2 has 'perhaps' in the column late"),
        (b"id,name\n1,J\xf6rg\n", "line 2 is not UTF-8"),
        (b"id,name\n1,a\0b\n", "line 2 holds a NUL"),
    ],
)
def test_errors_name_the_line(text, says):
    with pytest.raises(UsageError, match=says) as raised:
        students(text)
    assert raised.value.remedy


@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_any_bytes_give_students_or_a_clear_error(data):
    headers = (b"", b"id,name,late\n", b"\xff\xfe", b"Student,ID,SIS Login ID,HW (1)\n")
    for content in (header + data for header in headers):
        with contextlib.suppress(UsageError):
            assert parse_roster(content, shown="roster.csv")
