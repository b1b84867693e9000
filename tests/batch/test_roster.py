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
        "late\trepository\temail\tfull name\tstudent id\nX\tjane\tj@x.org\tJane Doe\t7\n",
        'id,first name,last name,email,repo,lateness\n"7",Jane,Doe,j@x.org,jane,TRUE\n',
        "id|name|mail|github|late|grade\n7|Jane Doe|j@x.org|jane|y|\n",
    ],
)
def test_spellings_of_the_same_list(text):
    (student,) = students(text)
    assert (student.id, student.name, student.email) == ("7", "Jane Doe", "j@x.org")
    assert (student.repository, student.lateness) == ("jane", "late")


def test_utf_16_as_excel_writes_it():
    (student,) = students("id\tname\n7\tJörg\n".encode("utf-16"))
    assert student.name == "Jörg"


def test_canvas_gradebook_as_it_is():
    found = students(
        "Student,ID,SIS User ID,SIS Login ID,Section,conv1d (77)\n"
        '    Points Possible,,,,,100\n"Doe, Jane",12345,S1,jdoe,A,\n'
    )
    assert [(each.name, each.id, each.repository) for each in found] == [
        ("Doe, Jane", "12345", "jdoe")
    ]


def test_moodle_worksheet_as_it_is():
    (student,) = students("Identifier,Full name,Email address,Grade\nParticipant 657,Jane,j@x,\n")
    assert (student.id, student.name, student.email) == ("657", "Jane", "j@x")


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
    for content in (data, b"id,name,late\n" + data, b"\xff\xfe" + data):
        with contextlib.suppress(UsageError):
            assert parse_roster(content, shown="roster.csv")
