"""The class list: lenient where nothing can be misunderstood, else an error with the line."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect.roster import parse_roster
from grader.batch.collect.spelling import plain
from grader.batch.model import Student
from grader.errors import UsageError


def students(text: str | bytes):
    data = text if isinstance(text, bytes) else text.encode()
    return parse_roster(data, shown="roster.csv").students


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
        (b"id,name\n1,J\xf6rg \x81\n", "line 2 is not UTF-8"),
        (b"id,name\n1,J\xf6rg\n2,M\xc3\xbcller\n", "line 2 is not UTF-8"),
        (b"\xef\xbb\xbfid,name\n1,Ann\n2,J\xf6rg\n", "line 3 is not UTF-8"),
        (b"id,name\n1,Micha\xb3 \xa3ukasz\n", "line 2 is not UTF-8"),
        ("sep=;\na;b\n1;2\n", "line 2 names no column"),
        ("sep=;\nid;name\n1;Ann\n\n1;Bob\n", "line 5 repeats the id 1 of line 3"),
        ("id,name\n1,Ann\n1,Bob\n", "but not its name"),
        ("id,name,student id\n1,Ann,7\n1,Ann,8\n", "but not its the institution's number"),
        ("id,student id,name\n1,7,Ann\n2,8,Bob\n1,8,Ann\n", "line 4 repeats the id"),
        ("id,name,late\n1,Ann,yes\n1,Ann,no\n", "but not its lateness"),
        (b"id,name\n1,a\0b\n", "line 2 holds a NUL"),
    ],
)
def test_errors_name_the_line(text, says):
    with pytest.raises(UsageError, match=says) as raised:
        students(text)
    assert raised.value.remedy


BREAKS = [
    "\v",
    "\f",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\xa0",
    "\u3000",
    "\n",
    "\r\n",
]


@pytest.mark.parametrize("inside", BREAKS, ids=ascii)
def test_what_is_no_end_of_a_line_is_in_a_cell(inside):
    found = students(f'id,name\n1,"Ann{inside}Poe"\n2,Bob\n')
    assert [(each.id, each.name) for each in found] == [("1", "Ann Poe"), ("2", "Bob")]


@pytest.mark.parametrize("inside", ["\u200b", "\ufeff", "\u200e", "\u202b", "\xad"], ids=ascii)
def test_what_nobody_sees_is_no_part_of_a_name(inside):
    (found,) = students(f"{inside}id{inside},na{inside}me\n1,An{inside}n\n")
    assert (found.id, found.name) == ("1", "Ann")


MOODLE_DE = (
    "ID,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
    "Bewertung kann geändert werden,Zuletzt geändert (Abgabe)\r\n"
    "Teilnehmer/in657,Jörg Müller,jm@uni.de,Zur Bewertung abgegeben,-,100,Ja,-\r\n"
)
MOODLE_FR = (
    "Identifiant,Nom complet,Numéro d\u2019identification,Adresse de courriel,Statut,Note\n"
    "Participant 657,Jörg Müller,i-9,jm@uni.de,Remis pour évaluation,\n"
)
PEOPLE_DE = "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen\nJörg;Müller;i-9;jm@uni.de;A\n"
PEOPLE_FR = "Prénom;Nom;Adresse e-mail;Groupe\nJörg;Müller;jm@uni.de;A\n"
OFFICE_DE = "Matrikelnummer\tName\tVorname\tE-Mail\ni-9\tMüller\tJörg\tjm@uni.de\n"
CANVAS_FR = (
    "Étudiant;ID;SIS User ID;SIS Login ID;Section;conv1d (77)\n"
    "    Points Possible;;;;;100,00\n"
    '"Müller, Jörg";4711;i-9;jm@uni.de;A;87,50\n'
)
EXPORTS = {
    "German Moodle, worksheet": (MOODLE_DE, ("657", "", "Jörg Müller", "jm@uni.de")),
    "French Moodle, worksheet": (MOODLE_FR, ("657", "i-9", "Jörg Müller", "jm@uni.de")),
    "German Moodle, people": (PEOPLE_DE, ("", "i-9", "Jörg Müller", "jm@uni.de")),
    "French Moodle, people": (PEOPLE_FR, ("", "", "Jörg Müller", "jm@uni.de")),
    "German office": (OFFICE_DE, ("", "i-9", "Jörg Müller", "jm@uni.de")),
    "Spanish Moodle": (
        "Nombre,Apellido(s),Número de ID,Dirección de correo\nJörg,Müller,i-9,jm@uni.de\n",
        ("", "i-9", "Jörg Müller", "jm@uni.de"),
    ),
    "Dutch Moodle": (
        "Identificatie,Volledige naam,E-mailadres\nDeelnemer 657,Jörg Müller,jm@uni.de\n",
        ("657", "", "Jörg Müller", "jm@uni.de"),
    ),
    "Italian Moodle": (
        "Nome,Cognome,Codice identificativo,Indirizzo email\nJörg,Müller,i-9,jm@uni.de\n",
        ("", "i-9", "Jörg Müller", "jm@uni.de"),
    ),
}  # fmt: skip
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(("text", "who"), EXPORTS.values(), ids=EXPORTS)
def test_exports_in_other_languages_as_spreadsheets_save_them(text, who, encoding):
    for variant in (
        text,
        text.replace("\r", "").replace("\n", "\r\n"),
        f"sep={_used(text)}\n{text}",
    ):
        data = codecs_mark(encoding) + variant.encode(encoding)
        roster = parse_roster(data, shown="roster.csv")
        (found,) = roster.students
        assert (found.participant, found.sis_id, found.name, found.email) == who
        assert any("was read" in note for note in roster.notes)
        assert any("Windows-1252" in note for note in roster.notes) == (encoding == "cp1252")


def _used(text: str) -> str:
    return max(",;\t", key=text.partition("\n")[0].count)


def codecs_mark(encoding: str) -> bytes:
    """Of UTF-16 in a known order, half of the time: Excel writes one, others do not."""
    return codecs.BOM_UTF16_BE if encoding == "utf-16-be" else b""


def test_a_french_gradebook_of_canvas():
    (found,) = students(CANVAS_FR)
    assert (found.name, found.canvas_id, found.sis_id) == ("Müller, Jörg", "4711", "i-9")
    assert (found.login, found.section) == ("jm@uni.de", "A")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Name,Vorname\nMüller,Jörg\n", "Jörg Müller"),
        ("Name,First name\nJörg Müller,Jörg\n", "Jörg Müller"),
        ("nom,prénom\nMüller,Jörg\n", "Jörg Müller"),
        ("Name,Last name\nJörg,Müller\n", "Jörg Müller"),
        ("Name,Vorname,Nachname\nmüllerj,Jörg,Müller\n", "Jörg Müller"),
        ("Name,Full name\nx,Jörg Müller\n", "Jörg Müller"),
        ("Nom\nJörg Müller\n", "Jörg Müller"),
    ],
)
def test_what_a_column_called_name_holds(text, name):
    (found,) = students(text)
    assert found.name == name


@pytest.mark.parametrize(
    ("said", "lateness"),
    [
        ("ja", "late"), ("Nein", "on time"), ("WAHR", "late"), ("FALSCH", "on time"),
        ("oui", "late"), ("à l\u2019heure", "on time"), ("2,5", "late"), ("0,0", "on time"),
    ],
)  # fmt: skip
def test_lateness_in_other_languages(said, lateness):
    (found,) = students(f"name;verspätet\nAnn;{said}\n")
    assert found.lateness == lateness


@pytest.mark.parametrize(
    ("said", "days", "words"),
    [
        ("2", 2, "late by 2 days"),
        ("0.5", 0.5, "late by 0.5 days"),
        ("2,5", 2.5, "late by 2.5 days"),
        ("14", 14, "late by 14 days"),
        ("1", 0, "late"),  # a day, or yes
        ("yes", 0, "late"),
        ("0", 0, ""),
        ("no", 0, ""),
        ("", 0, ""),
    ],
)
def test_by_how_many_days_is_kept(said, days, words):
    (found,) = students(f"name;late\nAnn;{said}\n")
    assert found.days_late == days
    student = Student(key="ann", name="Ann", lateness=found.lateness, days_late=found.days_late)
    assert student.late_in_words == words


def test_a_delimiter_in_a_heading_decides_nothing():
    (found,) = students('"Name, wie im Ausweis; vollständig, bitte";ID;E-Mail\nx;7;a@u\n')
    assert (found.id, found.email) == ("7", "a@u")


@pytest.mark.parametrize(
    "lines",
    [
        ["7,Ann Poe,a@u,A", "7,Ann Poe,a@u,A"],
        ["7,Ann Poe,,A", "7,,a@u,B"],
        ["7,Ann Poe,a@u,A", "7,ANN POE,A@U,B"],
        [",Ann Poe,a@u,A", "7,Ann Poe,a@u,B"],
        ["7,Ann Poe,,A", "7,Ann Poe,a@u,A", "7,Ann Poe,a@u,B"],
    ],
)
def test_a_person_who_is_listed_twice_is_one(lines):
    data = "\n".join(["id,name,email,section", *lines, "8,Bob,b@u,A", ""]).encode()
    roster = parse_roster(data, shown="roster.csv")
    ann, bob = roster.students
    assert (ann.id, ann.name, ann.email.lower()) == ("7", "Ann Poe", "a@u")
    assert ann.section in ("A", "A, B")
    assert (ann.line, bob.line) == (2, len(lines) + 2)
    assert len(roster.notes) == len(lines) - 1
    assert roster.notes[0] == "lines 2 and 3 of the roster are of one person, Ann Poe: taken once"


@pytest.mark.parametrize(
    ("column", "value"), [("email", "a@u"), ("sis login id", "al"), ("integration id", "i-1")]
)
def test_what_two_people_have_says_nothing_of_either(column, value):
    roster = parse_roster(
        f"id,name,{column}\n7,Ann,{value}\n8,Bob,{value.upper()}\n9,Cem,c\n".encode(),
        shown="roster.csv",
    )
    field = {"email": "email", "sis login id": "login", "integration id": "integration_id"}[column]
    assert [getattr(each, field) for each in roster.students] == ["", "", "c"]
    (note,) = roster.notes
    assert f"{value} stands in lines 2 (Ann), 3 (Bob) of the roster" in note


CELLS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], include_characters="\v\x85\t"), max_size=12
)


@given(
    st.lists(CELLS, min_size=1, max_size=8),
    st.sampled_from(ENCODINGS[:6]),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
def test_as_many_people_as_lines_whatever_they_are_called(names, encoding, delimiter, end, told):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end)
    writer.writerows([["id", "name"], *enumerate(names)])
    text = (f"sep={delimiter}{end}" if told else "") + buffer.getvalue()
    roster = parse_roster(text.encode(encoding), shown="roster.csv")
    assert [each.id for each in roster.students] == [str(n) for n in range(len(names))]
    assert roster.notes == []
    for student, name in zip(roster.students, names, strict=True):
        assert plain(student.name) == plain(name)


@given(st.one_of(st.binary(max_size=400), st.text(max_size=400).map(str.encode)))
def test_any_bytes_give_students_or_a_clear_error(data):
    headers = (b"", b"id,name,late\n", b"\xff\xfe", b"Student,ID,SIS Login ID,HW (1)\n")
    for content in (header + data for header in headers):
        with contextlib.suppress(UsageError):
            assert parse_roster(content, shown="roster.csv").students
