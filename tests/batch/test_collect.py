"""From what was handed over to students with attempts."""

from __future__ import annotations

import contextlib
import os
import zipfile
from pathlib import Path

import pytest

from grader.batch.collect import RosterStudent, collect
from grader.batch.store import Store
from grader.errors import SubmissionRefused, UsageError
from tests.batch.harness import make_class


def looked_through(source: Path, roster=()):
    """Students by key with the sources of their attempts, the last of which counts; and notes."""
    with collect(source, puzzle="conv1d", roster=roster) as collection:
        attempts: dict[str, list[str]] = {student.key: [] for student in collection.students}
        for collected in collection.attempts:
            attempt = collected.attempt
            attempts[attempt.student].append(attempt.source)
            assert attempt.number == len(attempts[attempt.student])
        counting = [each.attempt.student for each in collection.attempts if each.attempt.counts]
        assert len(counting) == len(set(counting))
        return attempts, collection


def zipped(path: Path, sources: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, text in sources.items():
            made.writestr(zipfile.ZipInfo(name), text)  # without a time
    return path


def test_a_folder_of_files(tmp_path):
    source = make_class(
        tmp_path, {"alice.mojo": "a", "Bob B.mojo": "b", "cem.🔥": "c", "notes.md": "not one"}
    )
    attempts, collection = looked_through(source)
    assert attempts == {"alice": ["alice.mojo"], "bob-b": ["Bob B.mojo"], "cem": ["cem.🔥"]}
    assert collection.notes == ["passed over: notes.md"]


def test_clones_of_a_classroom(tmp_path):
    """The file named after the puzzle is meant; what git keeps and solutions are not the answer."""
    source = make_class(
        tmp_path,
        {
            "conv1d-alice/op/conv1d.mojo": "a",
            "conv1d-alice/op/__init__.mojo": "",
            "conv1d-alice/.git/conv1d.mojo": "not looked into",
            "conv1d-alice/problems/p01/p01.mojo": "another puzzle",
            "conv1d-alice/solutions/conv1d.mojo": "not the student's",
            "conv1d-bob/conv1d.mojo": "b",
            "conv1d-cem/README.md": "did nothing",
        },
    )
    roster = [
        RosterStudent(line=2, name="Alice A.", repository="https://github.com/course/conv1d-alice"),
        RosterStudent(line=3, name="Bob B.", repository="bob"),
        RosterStudent(line=4, name="Dora D.", id="9"),
    ]
    attempts, collection = looked_through(source, roster)
    assert attempts == {
        "alice-a": ["conv1d-alice/op/conv1d.mojo"],
        "bob-b": ["conv1d-bob/conv1d.mojo"],
        "conv1d-cem": ["conv1d-cem/README.md"],
        "dora-d-9": [],
    }
    refused = collection.attempts[-1]
    with pytest.raises(SubmissionRefused, match=r"no \.mojo file among .*: README\.md"):
        refused.load()


def test_canvas_download_with_a_resubmission(tmp_path):
    source = zipped(
        tmp_path / "submissions.zip",
        {
            "doejane_LATE_11_205_conv1d-2.mojo": "latest",
            "doejane_LATE_11_104_conv1d.mojo": "first",
            "roejim_12_300_conv1d.mojo": "b",
            "poesam_13_301_report.pdf": "%PDF",
            "lowann_14_text.html": "<p>typed in</p>",
        },
    )
    roster = [
        RosterStudent(line=2, id="11", name="Doe, Jane", email="jane@x.org"),
        RosterStudent(line=3, name="Jim Roe", lateness="late"),
        RosterStudent(line=4, name="Sam Poe"),
    ]
    attempts, collection = looked_through(source, roster)
    assert collection.form == "a download of Canvas"
    assert attempts["doe-jane-11"] == [
        "doejane_LATE_11_104_conv1d.mojo",
        "doejane_LATE_11_205_conv1d-2.mojo",
    ]
    students = {student.name: student for student in collection.students}
    assert students["Doe, Jane"].email == "jane@x.org"
    assert students["Doe, Jane"].lateness == "late"
    assert students["Jim Roe"].lateness == "late", "the roster's column has the last word"
    assert students["Jim Roe"].id == "12"
    assert students["Sam Poe"].lateness == "on time"
    assert not students["lowann"].on_roster
    assert "not on the roster: lowann" in collection.notes
    assert len(attempts) == 4


def test_moodle_download_packed_and_unpacked_alike(tmp_path):
    sources = {
        "Jane Doe_7_assignsubmission_file_/conv1d.mojo": "a",
        "Jim Roe_8_assignsubmission_file_/work/conv1d.mojo": "b",
    }
    unpacked, _ = looked_through(make_class(tmp_path / "class", sources))
    packed, collection = looked_through(zipped(tmp_path / "class.zip", sources))
    assert unpacked == packed
    assert list(packed) == ["jane-doe-7", "jim-roe-8"]
    assert collection.form == "a download of Moodle"


@pytest.mark.parametrize(
    ("stray", "key"), [("skeleton.mojo", "skeleton"), ("solution/conv1d.mojo", "solution")]
)
@pytest.mark.parametrize("system", ["Canvas", "Moodle"])
def test_a_stray_in_an_unpacked_download_is_a_student_of_its_own(tmp_path, system, stray, key):
    """It does not make strangers of the whole class."""
    sources = {
        "Canvas": ["doejane_1_91_conv1d.mojo", "roejim_LATE_2_92_conv1d.mojo", "poe_3_93_c.mojo"],
        "Moodle": [f"S{n}_{n}_assignsubmission_file_/conv1d.mojo" for n in (1, 2, 3)],
    }[system]
    source = make_class(tmp_path, dict.fromkeys((*sources, stray, "readme.txt"), "a"))
    attempts, collection = looked_through(source)
    assert collection.form == f"a download of {system}"
    assert sorted(student.id for student in collection.students) == ["", "1", "2", "3"]
    assert attempts[key] == [stray]
    assert "passed over: readme.txt" in collection.notes
    assert any(f"not named by {system}: {stray}" in note for note in collection.notes)


@pytest.mark.parametrize("wrapper", ["", "week3/"])
def test_a_stray_in_a_packed_download(tmp_path, wrapper):
    made = [f"{wrapper}S{n}_{n}_assignsubmission_file_/conv1d.mojo" for n in (1, 2, 3)]
    source = zipped(tmp_path / "s.zip", dict.fromkeys((*made, f"{wrapper}skeleton.mojo"), "a"))
    attempts, collection = looked_through(source)
    assert collection.form == "a download of Moodle"
    assert list(attempts) == ["s1-1", "s2-2", "s3-3", "skeleton"]


def test_too_few_names_of_a_system_are_said(tmp_path):
    source = make_class(tmp_path, {"a_1_2_x.mojo": "a", "b_3_4_x.mojo": "b", "ann.mojo": "c"})
    attempts, collection = looked_through(source)
    assert list(attempts) == ["a_1_2_x", "ann", "b_3_4_x"]
    assert "some names look like those of Canvas" in collection.notes[0]


def test_a_folder_around_everything_in_an_archive_is_seen_through(tmp_path):
    flat = zipped(tmp_path / "a.zip", {"class/alice.mojo": "a", "class/bob.mojo": "b"})
    assert list(looked_through(flat)[0]) == ["alice", "bob"]
    one = zipped(tmp_path / "b.zip", {"alice/conv1d.mojo": "a", "alice/readme.txt": "b"})
    assert list(looked_through(one)[0]) == ["alice"]


def test_an_unclear_choice_is_said(tmp_path):
    source = make_class(tmp_path, {"ann/old/conv1d.mojo": "a", "ann/new/conv1d.mojo": "b"})
    os.utime(tmp_path / "ann/old/conv1d.mojo", (1, 1))
    attempts, collection = looked_through(source)
    assert attempts["ann"][-1] == "ann/new/conv1d.mojo"
    assert "of 2 files ann/new/conv1d.mojo is taken as the latest" in collection.notes[0]


def test_the_very_name_of_the_puzzle_is_meant(tmp_path):
    source = make_class(
        tmp_path,
        {
            "ann/op/conv1d.mojo": "a",
            "ann/conv1d-2.mojo": "the student's own second version",
            "ann/conv1d_old.mojo": "b",
            "ann/test_conv1d.mojo": "c",
        },
    )
    os.utime(tmp_path / "ann/op/conv1d.mojo", (1, 1))
    attempts, collection = looked_through(source)
    assert attempts["ann"][-1] == "ann/op/conv1d.mojo"
    assert len(attempts["ann"]) == 3
    (note,) = collection.notes
    assert note.startswith("ann: of 3 files ann/op/conv1d.mojo is taken, for it has the puzzle's")


def test_of_two_folders_the_least_deep_is_taken_and_it_is_said(tmp_path):
    source = make_class(tmp_path, {"ann/conv1d.mojo": "a", "ann/op/conv1d.mojo": "b"})
    attempts, collection = looked_through(source)
    assert attempts["ann"] == ["ann/op/conv1d.mojo", "ann/conv1d.mojo"]
    assert collection.notes == [
        "ann: of 2 files ann/conv1d.mojo is taken, for it is the least deep"
    ]


@pytest.mark.parametrize(
    ("files", "counts", "noted"),
    [
        (["9001_conv1d.mojo", "9002_conv1d_old.mojo"], "9001_conv1d.mojo", True),
        (["9001_conv1d-1.mojo", "9002_conv1d_old.mojo"], "9001_conv1d-1.mojo", True),
        (["9001_Conv1D-1.mojo.txt", "9002_my_conv1d.mojo"], "9001_Conv1D-1.mojo.txt", True),
        (["9002_conv1d.mojo", "9001_conv1d-3.mojo"], "9002_conv1d.mojo", False),
        (["9002_conv1d_b.mojo", "9001_conv1d_a.mojo"], "9002_conv1d_b.mojo", True),
        (["9002_helper.mojo", "9001_main.mojo"], "9002_helper.mojo", True),
        (["9002_helper.mojo", "9001_my_conv1d.mojo"], "9001_my_conv1d.mojo", False),
    ],
)
def test_of_several_files_of_one_attempt_the_name_decides_before_the_number(
    tmp_path, files, counts, noted
):
    """Canvas's numbers say only what was uploaded after what."""
    source = zipped(tmp_path / "s.zip", {f"doejane_1_{name}": name for name in files})
    attempts, collection = looked_through(source)
    assert attempts["doejane-1"][-1] == f"doejane_1_{counts}"
    assert bool(collection.notes) == noted
    assert all("doejane: of 2 files" in note for note in collection.notes)


@pytest.mark.parametrize("folder", ["jane", "jane/work/op"])
@pytest.mark.parametrize("later", ["beside", "inside"])
def test_a_file_beside_the_folder_of_a_student_is_an_attempt_too(tmp_path, folder, later):
    source = make_class(tmp_path, {f"{folder}/conv1d.mojo": "a", "jane.mojo": "b"})
    inside = f"{folder}/conv1d.mojo"
    os.utime(tmp_path / "jane.mojo", (9, 9) if later == "beside" else (1, 1))
    os.utime(tmp_path / inside, (5, 5))
    attempts, collection = looked_through(source)
    order = [inside, "jane.mojo"] if later == "beside" else ["jane.mojo", inside]
    assert attempts == {"jane": order}
    assert collection.notes == [
        f"jane: of 2 files {order[-1]} is taken as the latest, by its time or name alone"
    ]


def test_a_file_alone_is_no_class(tmp_path):
    source = make_class(tmp_path, {"conv1d.mojo": "a"}) / "conv1d.mojo"
    with pytest.raises(UsageError, match="one submission") as raised:
        looked_through(source)
    assert "grade submit" in raised.value.remedy


def test_links_are_refused_by_name_and_never_followed(tmp_path):
    (tmp_path / "secret.mojo").write_text("fn secret(): pass")
    (tmp_path / "elsewhere").mkdir()
    source = make_class(tmp_path / "class", {"ann.mojo": "a", "eve/readme.txt": ""})
    (source / "bob.mojo").symlink_to(tmp_path / "secret.mojo")
    (source / "cem").symlink_to(tmp_path / "elsewhere")
    (source / "eve/conv1d.mojo").symlink_to(tmp_path / "secret.mojo")
    os.mkfifo(source / "dora.mojo")
    with collect(source, puzzle="conv1d") as collection:
        said = {}
        for collected in collection.attempts:
            try:
                collected.load()
            except SubmissionRefused as refused:
                said[collected.attempt.student] = refused.what
    assert said == {
        "bob": "bob.mojo is a symbolic link.",
        "cem": "cem is a symbolic link.",
        "dora": "dora.mojo is a named pipe.",
        "eve": "eve/conv1d.mojo is a symbolic link.",
    }


def test_two_who_could_be_the_same_line_are_matched_with_none(tmp_path):
    source = zipped(
        tmp_path / "s.zip", {"doejane_1_2_conv1d.mojo": "a", "doejane_3_4_conv1d.mojo": "b"}
    )
    _, collection = looked_through(source, [RosterStudent(line=2, name="Doe, Jane")])
    assert [student.on_roster for student in collection.students] == [False, False, True]
    assert sum("neither was matched" in note for note in collection.notes) == 2


def test_names_that_are_alike_as_file_names_get_keys_of_their_own(tmp_path):
    source = make_class(
        tmp_path, {"Ann.mojo": "a", "ann.mojo": "b", "日本.mojo": "c", "CON.mojo": "d"}
    )
    keys = list(looked_through(source)[0])
    assert len(keys) == 4
    assert {"ann", "ann-2"} < set(keys)
    assert sum(key.startswith("student-") for key in keys) == 2


@pytest.mark.parametrize("closed", [True, False])
def test_the_folder_of_a_run_is_no_submission_and_it_is_said(tmp_path, closed):
    """Also of one that is at work or was killed."""
    source = make_class(tmp_path, {"ann.mojo": "a", "run/feedback/ann/conv1d.mojo": "x"})
    with contextlib.ExitStack() as stack:
        stack.enter_context(Store(source / "run", create=True))
        if closed:
            stack.close()
        attempts, collection = looked_through(source)
    assert list(attempts) == ["ann"]
    assert collection.notes == ["run holds the results of a run: it was not looked into"]


@pytest.mark.parametrize("content", [b"", b"x", b"SQLite format 3\0" + bytes(5000), None])
def test_a_file_that_is_called_like_that_of_a_run_hides_nobody(tmp_path, content):
    source = make_class(tmp_path / "class", {"ann.mojo": "a", "bob/conv1d.mojo": "b"})
    if content is None:
        (tmp_path / "run").mkdir()
        with Store(tmp_path / "run", create=True):
            (source / "bob/run.sqlite").symlink_to(tmp_path / "run/run.sqlite")
            attempts, collection = looked_through(source)
    else:
        (source / "bob/run.sqlite").write_bytes(content)
        attempts, collection = looked_through(source)
    assert attempts == {"ann": ["ann.mojo"], "bob": ["bob/conv1d.mojo"]}
    assert collection.notes == []


def test_the_latest_attempts_of_one_student_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("grader.batch.collect.collection.MAX_ATTEMPTS", 3)
    source = make_class(tmp_path, {f"ann/{n}/conv1d.mojo": f"{n}" for n in range(8)})
    for n in range(8):
        os.utime(source / f"ann/{n}/conv1d.mojo", (n + 1, n + 1))
    attempts, collection = looked_through(source)
    assert attempts == {"ann": [f"ann/{n}/conv1d.mojo" for n in (5, 6, 7)]}
    assert [each.attempt.counts for each in collection.attempts] == [False, False, True]
    assert collection.notes[-1] == "ann: of 8 files the latest 3 are kept, 5 are left out"


@pytest.mark.parametrize(
    "files",
    [
        [f"eve/x{n}.txt" for n in range(6)],
        [f"eve/{n}/x.txt" for n in range(3)],
        ["eve/a/b/c/d/e/x.txt"],
        [f"eve/{n}/.keep" for n in range(6)],
    ],
)
def test_too_many_files_of_one_student_cost_that_student_only(tmp_path, monkeypatch, files):
    monkeypatch.setattr("grader.batch.collect.folder.MAX_OF_ONE", 5)
    monkeypatch.setattr("grader.batch.collect.folder.MAX_FILES", 9)
    ordinary = {f"ann/{n}.mojo": "a" for n in range(5)}
    source = make_class(tmp_path, {"eve/conv1d.mojo": "e", **dict.fromkeys(files, ""), **ordinary})
    attempts, collection = looked_through(source)
    assert len(attempts["ann"]) == 5
    assert attempts["eve"] == ["eve/."]
    with pytest.raises(SubmissionRefused, match="eve holds more than 5 files and folders"):
        collection.attempts[-1].load()


def test_too_many_files_of_all_together_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("grader.batch.collect.folder.MAX_FILES", 3)
    source = make_class(tmp_path, {f"s{n // 2}/{n}.mojo": "a" for n in range(4)})
    with pytest.raises(UsageError, match="more than 3 files"):
        looked_through(source)
    (source / "s0/0.mojo").unlink()
    assert len(looked_through(source)[0]) == 2


@pytest.mark.parametrize("name", ["nothing", "empty"])
def test_nothing_to_grade_is_an_error(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as raised:
        looked_through(tmp_path / name)
    assert raised.value.remedy
