"""Whose work it is: on a doubtful match nobody's, and the run says what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect import Collection, collect
from grader.batch.collect.people import Claim, Keys, assignment_prefix, student_of
from grader.batch.collect.roster import RosterStudent, parse_roster
from grader.batch.collect.roster_match import NamedWork, match_roster
from tests.batch.harness import grade_class, make_class, results


def canvas(name: str, number: str) -> Claim:
    return Claim(name=name, id=number, numbered_by="Canvas", file="conv1d.mojo")


def moodle(name: str, number: str) -> Claim:
    return Claim(name=name, id=number, numbered_by="Moodle", file="conv1d.mojo")


def folder(name: str) -> Claim:
    return Claim(name=name, file="conv1d.mojo")


def matched(roster: str, *claims: Claim) -> tuple[dict[str, str], list[str]]:
    """The line's name for the name that each file claims, and the notes."""
    works = {
        (each.id, each.name): NamedWork(claim=each, source=f"{each.name}/x") for each in claims
    }
    found = match_roster(parse_roster(roster.encode(), shown="roster.csv").students, works)
    lines = {name: found.lines.get((id, name), []) for id, name in works}
    return {
        name: "+".join(each.name or each.email for each in theirs) for name, theirs in lines.items()
    }, list(found.notes)


class TestNumbersOfDownloads:
    """A number in a file's name counts against numbers of its own kind only."""

    @pytest.mark.parametrize("column", ["id", "number", "student id", "id number", "identifier"])
    def test_a_running_number_swaps_nobody(self, column):
        found, notes = matched(
            f"{column},name\n1,Alice Jones\n2,Bob Smith\n",
            moodle("Alice Jones", "2"),
            moodle("Bob Smith", "1"),
        )
        assert found == {"Alice Jones": "Alice Jones", "Bob Smith": "Bob Smith"}
        assert notes == []

    def test_an_institutions_number_that_is_anothers_user_id_swaps_nobody(self):
        found, notes = matched(
            'Student,ID,SIS User ID,SIS Login ID,Section\n"Jones, Alice",101,102,al,\n'
            '"Smith, Bob",102,101,bob,\n',
            canvas("jonesalice", "101"),
            canvas("smithbob", "102"),
        )
        assert found == {"jonesalice": "Jones, Alice", "smithbob": "Smith, Bob"}
        assert notes == []

    def test_a_name_beats_the_id_number_of_somebody_else(self):
        found, notes = matched(
            "First name,Last name,ID number,Email address\nJane,Doe,1001,j@u\nBob,Roe,77,b@u\n",
            moodle("Jane Doe", "77"),
            moodle("Bob Roe", "78"),
        )
        assert found == {"Jane Doe": "Jane Doe", "Bob Roe": "Bob Roe"}
        assert notes == []

    def test_a_stranger_with_the_number_of_a_line_gets_none(self):
        found, notes = matched(
            "id,name\n2003,Alice Jones-Miller\n5001,Bob Smith\n",
            moodle("Bob Smith", "2002"),
            moodle("Eve Poe", "2003"),
        )
        assert found == {"Bob Smith": "Bob Smith", "Eve Poe": ""}
        assert notes == ["not on the roster: Eve Poe"]

    def test_a_list_without_names_and_kinds_says_what_to_do(self):
        claims = canvas("jonesalice", "1"), canvas("smithbob", "2")
        found, notes = matched("id,email\n1,a@u\n2,b@u\n", *claims)
        assert set(found.values()) == {""}
        assert "2 of those who were not matched" in notes[0]
        assert "the first jonesalice/x that of line 2 (a@u)" in notes[0]
        assert "call their column 'canvas id'" in notes[0]
        found, notes = matched("canvas id,email\n1,a@u\n2,b@u\n", *claims)
        assert found == {"jonesalice": "a@u", "smithbob": "b@u"}
        assert notes == []

    def test_a_column_is_of_the_kind_that_the_class_shows(self):
        """Everybody whose name is on the list has that number: so it finds the renamed, too."""
        found, notes = matched(
            "id,name\n11,Alice Jones\n12,Bob Smith\n13,Carla Roe\n",
            canvas("jonesalice", "11"),
            canvas("smithbob", "12"),
            canvas("roedoecarla", "13"),
        )
        assert found["roedoecarla"] == "Carla Roe"
        assert notes == []

    def test_but_not_against_another_name(self):
        found, notes = matched(
            "id,name\n1,Alice Jones\n2,Bob Smith\n",
            moodle("Alice Jones", "1"),
            moodle("Zoe Poe", "2"),
        )
        assert found == {"Alice Jones": "Alice Jones", "Zoe Poe": ""}
        assert notes == [
            (
                "Zoe Poe (Zoe Poe/x) has Moodle's participant number of line 3 (Bob Smith) of the "
                "roster, but another name: not matched. Correct the number or the name in that line"
            )
        ]

    def test_what_canvas_calls_a_person_may_change(self):
        found, _ = matched(
            "Student,ID,SIS Login ID\nAlice Jones,11,al\n", canvas("wonderful", "11")
        )
        assert found == {"wonderful": "Alice Jones"}

    def test_a_number_and_a_name_of_two_lines_match_neither(self):
        found, notes = matched(
            "canvas id,name\n1,Alice Jones\n2,Bob Smith\n", canvas("jonesalice", "2")
        )
        assert found == {"jonesalice": ""}
        assert notes == [
            (
                "jonesalice (jonesalice/x) has Canvas's user ID of line 3 (Bob Smith) and the name "
                "of line 2 (Alice Jones) of the roster: matched with neither. Correct these lines"
            )
        ]

    def test_a_namesake_with_another_number_is_somebody_else(self):
        found, notes = matched(
            "canvas id,name\n1,Jane Doe\n", canvas("doejane", "1"), canvas("janedoe", "9")
        )
        assert found == {"doejane": "Jane Doe", "janedoe": ""}
        assert "where Canvas's user ID is 1 and not 9" in notes[0]

    def test_two_of_one_name_are_told_apart_by_number_or_not_at_all(self):
        claim = canvas("doejane", "2")
        found, _ = matched("canvas id,name\n1,Jane Doe\n2,Jane Doe\n", claim)
        assert found == {"doejane": "Jane Doe"}
        found, notes = matched("name,section\nJane Doe,A\nJane Doe,B\n", claim)
        assert found == {"doejane": ""}
        assert "has the name of lines 2 (Jane Doe) and 3 (Jane Doe)" in notes[0]
        assert "Add a column 'canvas id'" in notes[0]

    def test_blind_marking_goes_by_the_worksheets_number(self):
        found, notes = matched(
            "Identifier,Full name\nParticipant 7,Alice Jones\nParticipant 8,Bob Smith\n",
            moodle("Participant", "8"),
        )
        assert found == {"Participant": "Bob Smith"}
        assert notes == []

    def test_the_worksheet_of_another_assignment_swaps_nobody(self):
        found, notes = matched(
            "Identifier,Full name\nParticipant 7,Alice Jones\nParticipant 8,Bob Smith\n",
            moodle("Alice Jones", "8"),
            moodle("Bob Smith", "7"),
        )
        assert found == {"Alice Jones": "Alice Jones", "Bob Smith": "Bob Smith"}
        assert "Use this assignment's grading worksheet" in notes[0]

    def test_anonymous_marking_has_no_numbers_of_people(self):
        claim = Claim(name="anon", id="12", file="conv1d.mojo")
        assert matched("canvas id,name\n12,Alice Jones\n", claim)[0] == {"anon": ""}

    @given(st.permutations(range(4)), st.permutations(range(4)), st.integers(0, 4))
    def test_nobody_gets_the_work_of_somebody_else(self, of_list, of_files, named):
        """Whatever the numbers: a name that is on the list goes to that line or to none."""
        people = [f"{word} Poe" for word in ("Ann", "Bob", "Cem", "Dora")]
        rows = "".join(f"{of_list[n]},{who if n < named else ''},{who}@u\n" for n, who in
                       enumerate(people))  # fmt: skip
        found, _ = matched(
            f"id,name,email\n{rows}",
            *(moodle(who, str(of_files[n])) for n, who in enumerate(people)),
        )
        for n, who in enumerate(people):
            assert found[who] in ("", who if n < named else f"{who}@u")


class TestClones:
    def test_a_longer_account_is_not_its_end(self):
        found, notes = matched(
            "name,github_username\nAnn,ann\nMary,\nBob,bob\nCem,cem\n",
            *map(folder, ["hw1-mary-ann", "hw1-bob", "hw1-cem"]),
        )
        assert found == {"hw1-mary-ann": "", "hw1-bob": "Bob", "hw1-cem": "Cem"}
        assert notes == [
            (
                "hw1-mary-ann (hw1-mary-ann/x) ends like the account of line 2 (Ann) of the "
                "roster, but may be somebody else's: not matched. If it is theirs, put its name "
                "into the column 'repository' of that line"
            )
        ]

    @pytest.mark.parametrize("others", [[], ["hw1-beth-ann"], ["hw1-mary-beth"]])
    def test_nor_in_a_small_class(self, others):
        found, notes = matched(
            "name,github_username\nAnn,ann\nMary,\n", *map(folder, ["hw1-mary-ann", *others])
        )
        assert set(found.values()) == {""}
        assert "hw1-mary-ann (hw1-mary-ann/x) ends like the account of line 2" in notes[0]

    @pytest.mark.parametrize("others", [[], ["hw1-bob"], ["hw1-ann", "hw1-bob"]])
    def test_of_two_accounts_the_longer_is_meant(self, others):
        found, notes = matched(
            "name,github_username\nAnn,ann\nMary,mary-ann\nBob,Bob\n",
            *map(folder, ["hw1-mary-ann", *others]),
        )
        assert found["hw1-mary-ann"] == "Mary"
        assert all(found[other] == other[4:].capitalize() for other in others)
        assert notes == []

    def test_an_assignment_may_have_dashes(self):
        found, _ = matched(
            "name,github_username\nAnn,ann\nMary,mary-ann\n",
            *map(folder, ["gpu-week-3-ann", "gpu-week-3-mary-ann", "gpu-week-3-zed"]),
        )
        assert found == {
            "gpu-week-3-ann": "Ann", "gpu-week-3-mary-ann": "Mary", "gpu-week-3-zed": "",
        }  # fmt: skip

    def test_accounts_that_differ_by_a_dash_are_two(self):
        found, _ = matched(
            "name,github_username\nMary Ann,mary-ann\nMaryann,maryann\n",
            *map(folder, ["hw1-maryann", "hw1-mary-ann"]),
        )
        assert found == {"hw1-maryann": "Maryann", "hw1-mary-ann": "Mary Ann"}

    def test_a_team_shares_its_repository(self):
        found, notes = matched(
            "name,github_username,student_repository_name\n"
            "Ann,ann,hw1-team-x\nBob,bob,hw1-team-x\nCem,cem,hw1-team-y\n",
            *map(folder, ["hw1-team-x", "hw1-team-y"]),
        )
        assert found == {"hw1-team-x": "Ann+Bob", "hw1-team-y": "Cem"}
        assert notes == [
            (
                "hw1-team-x (hw1-team-x/x) is the repository of lines 2 (Ann) and 3 (Bob) of the "
                "roster: each of them has its result"
            )
        ]

    def test_who_could_be_several_is_told_with_their_lines(self):
        found, notes = matched(
            "name,email,github_username\nAnn Lee,a@u,x\nBob,ann@u,y\nCem,c@u,annlee\n",
            *map(folder, ["ann", "annlee"]),
        )
        assert found == {"ann": "Bob", "annlee": ""}
        assert notes == [
            (
                "annlee (annlee/x) could be any of lines 2 (Ann Lee) and 4 (Cem) of the roster: "
                "not matched. Put its name into the column 'repository' of the right one"
            )
        ]

    def test_two_works_of_one_line_are_both_named(self):
        found, notes = matched("name,email\nAnn Lee,ann@u\n", folder("ann"), folder("Ann Lee"))
        assert set(found.values()) == {""}
        assert "(ann/x) could be line 2 (Ann Lee) of the roster" in notes[0]
        assert "so could another (Ann Lee/x): neither was matched" in notes[0]

    @given(st.lists(st.text("ab-", max_size=8), max_size=6), st.sets(st.text("ab-", min_size=1)))
    def test_any_names_give_a_prefix_of_some_or_none(self, folders, accounts):
        prefix = assignment_prefix(folders, accounts)
        assert prefix == "" or any(
            name.startswith(prefix) and name.removeprefix(prefix) in accounts for name in folders
        )


WORDS = st.text("ab1-, ", max_size=5)
CLAIMS = st.builds(
    Claim,
    name=WORDS,
    id=st.sampled_from(["", "1", "2"]),
    numbered_by=st.sampled_from([None, "Canvas", "Moodle"]),
    file=st.just("x"),
)
LINES = st.builds(
    RosterStudent,
    line=st.just(0),
    **dict.fromkeys(("name", "account", "repository", "email"), WORDS),
    **{field: st.sampled_from(["", "1", "2"]) for field in ("id", "number", "canvas_id", "sis_id")},
)


@given(st.lists(LINES, max_size=4), st.lists(CLAIMS, max_size=4))
def test_whatever_names_say_no_line_is_given_to_two(lines, claims):
    roster = [msgspec.structs.replace(each, line=n) for n, each in enumerate(lines, 2)]
    works = {(each.id, each.name): NamedWork(claim=each, source="x") for each in claims}
    found = match_roster(roster, works)
    given_out = [line.line for theirs in found.lines.values() for line in theirs]
    assert len(given_out) == len(set(given_out))
    assert [line.line for line in found.roster] == [line.line for line in roster]
    assert not roster or bool(found.notes) >= (len(found.lines) < len(works))


def collected(source: Path, roster: str) -> Collection:
    lines = parse_roster(roster.encode(), shown="roster.csv").students
    with collect(source, puzzle="conv1d", roster=lines) as collection:
        return collection


def test_a_teams_program_is_graded_once_and_every_member_has_the_result(tmp_path, log):
    source = make_class(
        tmp_path / "class",
        {"hw1-x/conv1d.mojo": "one\n# score=70\n", "hw1-cem/conv1d.mojo": "two\n# score=40\n"},
    )
    roster = tmp_path / "roster.csv"
    roster.write_text("name,repository\nAnn,hw1-x\nBob,hw1-x\nCem,hw1-cem\nDora,\n")
    _, listener = grade_class(source, tmp_path / "run", roster=roster)
    assert len(listener.finished_jobs) == 2
    scores = {
        key: each.record.score if each.record else None
        for key, each in results(tmp_path / "run").items()
    }
    assert scores == {"ann": 70, "bob": 70, "cem": 40, "dora": None}


def test_a_student_has_each_number_at_its_place(tmp_path):
    source = make_class(
        tmp_path, {"jonesalice_101_9001_conv1d.mojo": "a", "smithbob_102_9002_conv1d.mojo": "b"}
    )
    collection = collected(
        source,
        "Student,ID,SIS User ID,SIS Login ID,Integration ID,Section\n"
        '"Jones, Alice",101,S55,alice,i-1,A\n"Smith, Bob",102,101,bob,i-2,B\n'
        '"Roe, Zoe",103,S7,zoe,i-3,A\n',
    )
    told = [
        (each.canvas_id, each.sis_id, each.login, each.integration_id, each.section)
        for each in collection.students
    ]
    assert told == [
        ("101", "S55", "alice", "i-1", "A"),
        ("102", "101", "bob", "i-2", "B"),
        ("103", "S7", "zoe", "i-3", "A"),
    ]


@pytest.mark.parametrize(
    ("roster", "sis_id", "participant"),
    [
        ("id,name\nS1,Ann Poe\n", "S1", "7"),
        ("id number,name\nS1,Ann Poe\n", "S1", "7"),
        ("number,name\n1,Ann Poe\n", "", "7"),
        ("id,name\n7,Ann Poe\n", "", "7"),
        ("Identifier,Full name\nParticipant 7,Ann Poe\n", "", "7"),
    ],
)
def test_only_the_institutions_number_is_the_institutions(tmp_path, roster, sis_id, participant):
    source = make_class(tmp_path, {"Ann Poe_7_assignsubmission_file/conv1d.mojo": "a"})
    (student,) = collected(source, roster).students
    assert (student.sis_id, student.participant) == (sis_id, participant)
    assert student.canvas_id == ""


def test_keys_tell_namesakes_apart():
    keys = Keys()
    claims = [canvas("doe", "1"), canvas("doe", "2"), folder("Doe"), folder("doe")]
    made = [student_of(claim, None, keys).key for claim in claims]
    assert made == ["doe-1", "doe-2", "doe", "doe-3"]
