"""Whose file it is, by the names that Canvas and Moodle give."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.batch.collect.people import RecognisedNames, canvas, moodle, recognise, times_uploaded


@pytest.mark.parametrize(
    ("name", "who", "id", "lateness", "number", "file"),
    [
        ("doejane_12345_67890_conv1d.mojo", "doejane", "12345", "on time", 67890, "conv1d.mojo"),
        ("roejim_LATE_12345_67890_c-1.mojo", "roejim", "12345", "late", 67890, "c-1.mojo"),
        ("group_7_12345_67890_conv1d.mojo", "group", "7", "on time", 12345, "67890_conv1d.mojo"),
        ("müllerjörg_1_2_a_b_3_4_c.mojo", "müllerjörg", "1", "on time", 2, "a_b_3_4_c.mojo"),
        ("anon_aB3dE_67890_conv1d.mojo", "anon", "aB3dE", "on time", 67890, "conv1d.mojo"),
        ("LATE_anon_aB3dE_67890_conv1d.mojo", "anon", "aB3dE", "late", 67890, "conv1d.mojo"),
        ("doejane_12345_text.html", "doejane", "12345", "on time", 0, "text.html"),
        ("doejane_LATE_12345_link.html", "doejane", "12345", "late", 0, "link.html"),
    ],
)  # fmt: skip
def test_canvas(name, who, id, lateness, number, file):
    claim = canvas((name,))
    assert (claim.name, claim.id, claim.lateness) == (who, id, lateness)
    assert (claim.number, claim.file) == (number, file)


@pytest.mark.parametrize(
    ("path", "who", "id", "file"),
    [
        ("Jane Doe_657737_assignsubmission_file/conv1d.mojo", "Jane Doe", "657737", "conv1d.mojo"),
        ("Jane Doe_657737_assignsubmission_file_/a/c.mojo", "Jane Doe", "657737", "a/c.mojo"),
        ("Jane Doe_657737_assignsubmission_file_conv1d.mojo", "Jane Doe", "657737", "conv1d.mojo"),
        ("Participant_12_assignsubmission_file_/x.mojo", "Participant", "12", "x.mojo"),
        ("Team Rot_assignsubmission_file/x.mojo", "Team Rot", "", "x.mojo"),
        ("all/Jane Doe_1_assignsubmission_file_/x.mojo", "Jane Doe", "1", "x.mojo"),
        ("Ann_1_assignsubmission_onlinetext_/onlinetext.html", "Ann", "1", "onlinetext.html"),
    ],
)  # fmt: skip
def test_moodle(path, who, id, file):
    claim = moodle(tuple(path.split("/")))
    assert (claim.name, claim.id, claim.file) == (who, id, file)


def test_a_file_name_cannot_make_a_student_somebody_else():
    """What a student chooses comes last, and the leftmost match decides."""
    claim = canvas(("evil_1_2_victim_99_100_conv1d.mojo",))
    assert (claim.name, claim.id) == ("evil", "1")
    claim = moodle(("Evil_1_assignsubmission_file_", "Victim_2_assignsubmission_file_", "x.mojo"))
    assert (claim.name, claim.id) == ("Evil", "1")


def canvas_names(count: int) -> list[tuple[str, ...]]:
    return [(f"student_{number}_9{number}_conv1d.mojo",) for number in range(count)]


def moodle_names(count: int) -> list[tuple[str, ...]]:
    return [(f"Ann_{number}_assignsubmission_file_", "conv1d.mojo") for number in range(count)]


@pytest.mark.parametrize(("system", "made"), [("Canvas", canvas_names), ("Moodle", moodle_names)])
def test_a_system_is_recognised_where_all_or_the_large_majority_fit(system, made):
    stray = [("mine.mojo",)]
    assert recognise(made(1)) == RecognisedNames(system=system)
    assert recognise(made(3) + stray) == RecognisedNames(system=system, strays=True)
    assert recognise(made(2) + stray) == RecognisedNames(system=None, like=system)
    plain = [(f"s{number}.mojo",) for number in range(9)]
    assert recognise(made(26) + plain) == RecognisedNames(system=None, like=system)
    assert recognise(made(3) + plain) == RecognisedNames(system=None, like=system)
    assert recognise(made(2) + plain) == RecognisedNames(system=None), "a chance likeness"
    assert recognise([]) == RecognisedNames(system=None)


def test_what_one_student_hands_in_decides_nothing_for_the_others():
    """A folder counts once, and below it no name is that of another student."""
    fakes = [("eve", f"Victim_{number}_assignsubmission_file_", "x.mojo") for number in range(100)]
    plain = [("ann", "conv1d.mojo"), ("bob", "conv1d.mojo")]
    assert recognise(plain + fakes) == RecognisedNames(system=None)
    found = recognise(moodle_names(5) + fakes)
    assert found == RecognisedNames(system="Moodle", strays=True)
    assert found.claim(fakes[0]) is None
    theirs = [("Ann_1_assignsubmission_file_", f"work{number}.mojo") for number in range(100)]
    assert recognise(theirs + plain) == RecognisedNames(system=None)


def test_times_uploaded():
    assert times_uploaded("conv1d.mojo") == ("conv1d.mojo", 0)
    assert times_uploaded("conv1d-12.mojo") == ("conv1d.mojo", 12)
    assert times_uploaded("conv1d-2.mojo.txt") == ("conv1d.mojo.txt", 2)


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4))
def test_any_name_gives_a_claim_with_a_file_or_none(parts):
    for claim in (canvas(tuple(parts)), moodle(tuple(parts))):
        assert claim is None or (claim.file and claim.name)


@given(
    st.from_regex(r"[a-zäöü]{1,20}", fullmatch=True),
    st.booleans(),
    st.integers(1, 10**9),
    st.integers(1, 10**9),
    st.text(st.characters(blacklist_characters="/", blacklist_categories=["Cs"]), min_size=1),
)
def test_canvas_names_are_read_back(name, late, id, number, file):
    """As Canvas composes them, whatever the student calls the file."""
    claim = canvas((f"{name}{'_LATE' if late else ''}_{id}_{number}_{file}",))
    assert (claim.name, claim.id, claim.number, claim.file) == (name, str(id), number, file)
    assert claim.lateness == ("late" if late else "on time")


_PARTS = st.sampled_from(
    [
        "Ann_1_assignsubmission_file_",
        "a_1_2_c.mojo",
        "eve",
        "x.mojo",
        "_1_2_",
        "_assignsubmission_x",
    ]
)


@given(
    st.lists(st.lists(st.one_of(_PARTS, st.text(max_size=20)), min_size=1, max_size=4), max_size=9)
)
def test_any_names_are_some_systems_or_none(lists):
    paths = [tuple(parts) for parts in lists]
    found = recognise(paths)
    claims = [found.claim(path) for path in paths]
    if found.system is None:
        assert claims == [None] * len(paths)
    else:
        assert any(claims)
        assert all(claims) or found.strays


@given(st.lists(st.lists(_PARTS, min_size=1, max_size=4), min_size=1, max_size=30), st.booleans())
def test_whatever_lies_in_a_folder_changes_nothing_for_a_large_class(below, named):
    made = moodle_names(8) if named else [(f"s{n}", "conv1d.mojo") for n in range(8)]
    theirs = [("eve", *parts) for parts in below]
    assert recognise(made + theirs).system == ("Moodle" if named else None)
