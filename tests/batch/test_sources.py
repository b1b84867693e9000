"""A class of several sources: each adds and replaces, and nobody disappears."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.batch.display import change_lines
from grader.batch.merge import Changes
from grader.batch.model import RunInfo, StudentResult
from grader.batch.plan import Settings
from grader.batch.pool import Event
from grader.batch.results import write_outputs
from grader.batch.run import dry_run, run
from grader.batch.store import Store
from grader.batch.task import GradingOutcome, Task
from grader.book import read_book
from grader.book.digests import SHORT, program_of
from grader.book.shipped import Shipped
from grader.puzzles import find
from tests.batch.harness import Listener, make_class, results, settings_of, write_index
from tests.batch.stub import grade

pytestmark = pytest.mark.usefixtures("log")


class InProcess:
    """Grades at once, with the stub."""

    workers = 1

    def __init__(self) -> None:
        self._done: list[Event] = []

    def submit(self, task: Task) -> None:
        record = msgspec.json.encode(grade(task))
        self._done.append(GradingOutcome(program=task.program, record=record, seconds=1.0))

    def next_event(self, timeout: float) -> Event | None:
        return self._done.pop(0)

    def close(self) -> None:
        """Nothing runs."""


@contextlib.contextmanager
def at_once(settings: Settings) -> Iterator[InProcess]:
    yield InProcess()


def give(source: Path, folder: Path, *, write: Any = write_index, **more: Any) -> Listener:
    """One call of grade batch; all that was told."""
    listener = Listener()
    run(settings_of(source, folder, **more), backend=at_once, display=listener, write=write)
    return listener


def names_of(changes: Changes | None) -> dict[str, list[str]]:
    """Who is what, where anybody is."""
    assert changes is not None
    kinds = ("new", "replaced", "unchanged", "older", "kept", "gone")
    found = {kind: [each.name for each in getattr(changes, kind)] for kind in kinds}
    return {kind: sorted(names) for kind, names in found.items() if names}


def told(source: Path, folder: Path, **more: Any) -> dict[str, list[str]]:
    """The same as a dry run and as a run tell it."""
    _, _, plan = dry_run(settings_of(source, folder, **more))
    changes = give(source, folder, **more).plan.changes
    assert changes == plan.changes
    return names_of(changes)


def scores(folder: Path) -> dict[str, int | None]:
    return {
        each.student.name: each.record.score if each.record else None
        for each in results(folder).values()
    }


def by_name(folder: Path) -> dict[str, StudentResult]:
    return {each.student.name: each for each in results(folder).values()}


def zipped(path: Path, members: dict[str, str], *, day: int = 1) -> Path:
    """An archive whose files were written on a day of January 2026."""
    with zipfile.ZipFile(path, "w") as made:
        for name, text in members.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 1, day, 12, 0, 0)), text)
    return path


def canvas(names: dict[str, str], *, late: str = "", first: int = 1) -> dict[str, str]:
    """As Canvas names files: the same number for the same name."""
    return {
        f"{name}{late}_{sum(map(ord, name))}_{first + at}_conv1d.mojo": text
        for at, (name, text) in enumerate(names.items())
    }


def moodle(names: dict[str, str], *, late: str = "", first: int = 1) -> dict[str, str]:
    return {
        f"{name}_{sum(map(ord, name))}_assignsubmission_file/conv1d.mojo": text
        for name, text in names.items()
    }


def clones(names: dict[str, str], *, late: str = "", first: int = 1) -> dict[str, str]:
    return {f"{name}/op/conv1d.mojo": text for name, text in names.items()}


FORMS = [canvas, moodle, clones]
FOUR = {name: f"score({at})" for at, name in enumerate(("ann", "bob", "cem", "dora"), 10)}
THREE = {"dora": "score(90)", "eve": "score(50)", "fay": "score(60)"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("first_is_folder", [True, False])
def test_four_students_and_then_an_archive_of_three(tmp_path, form, first_is_folder):
    if first_is_folder:
        first = make_class(tmp_path / "week3", form(FOUR))
        for path in first.rglob("*.mojo"):
            os.utime(path, (1.7e9, 1.7e9))
    else:
        first = zipped(tmp_path / "week3.zip", form(FOUR), day=1)
    run_folder = tmp_path / "run"
    give(first, run_folder)
    late = zipped(tmp_path / "late.zip", form(THREE, late="_LATE", first=50), day=9)
    assert told(late, run_folder) == {
        "new": ["eve", "fay"],
        "replaced": ["dora"],
        "kept": ["ann", "bob", "cem"],
    }
    everybody = {"ann": 10, "bob": 11, "cem": 12, "dora": 90, "eve": 50, "fay": 60}
    assert scores(run_folder) == everybody
    # Either source again changes nothing, and nothing is graded.
    for source, kept in ((first, ["eve", "fay"]), (late, ["ann", "bob", "cem"])):
        listener = give(source, run_folder)
        assert not listener.plan.jobs
        assert names_of(listener.plan.changes)["kept"] == kept
        assert scores(run_folder) == everybody
    assert by_name(run_folder)["dora"].attempts == 2
    if form is canvas:
        assert by_name(run_folder)["dora"].student.lateness == "late"
        assert by_name(run_folder)["ann"].student.lateness == "on time"


@pytest.mark.parametrize("form", [canvas, moodle])
def test_everything_that_is_written_holds_the_whole_class(tmp_path, form):
    run_folder = tmp_path / "run"
    roster = tmp_path / "roster.csv"
    listed = "".join(f"{who},{who}@x.org\n" for who in {*FOUR, *THREE})
    roster.write_text(f"name,email\n{listed}")
    for source in (
        zipped(tmp_path / "a.zip", form(FOUR)),
        zipped(tmp_path / "b.zip", form(THREE, first=50), day=9),
    ):
        give(source, run_folder, write=write_outputs, roster=roster)
    keys = results(run_folder).keys()
    assert len(keys) == 6
    for below in ("feedback", "reports"):
        assert {each.name for each in (run_folder / below).iterdir() if each.is_dir()} == keys
    own = f"gradebook/{form.__name__}.csv"
    for name in (own, "gradebook/grades.csv", "gradebook/grades.json", "index.html"):
        text = (run_folder / name).read_text("utf-8-sig")
        assert not [who for who in {*FOUR, *THREE} if who not in text], name
    with (run_folder / "gradebook/grades.csv").open(encoding="utf-8-sig") as file:
        marks = {row["name"]: int(row["score"]) for row in csv.DictReader(file)}
    assert marks == scores(run_folder)


def test_who_is_not_there_goes_only_where_it_is_asked_for(tmp_path):
    run_folder = tmp_path / "run"
    give(zipped(tmp_path / "a.zip", clones(FOUR)), run_folder)
    late = zipped(tmp_path / "b.zip", clones(THREE), day=9)
    before = (run_folder / "run.sqlite").read_bytes()
    _, _, plan = dry_run(settings_of(late, run_folder, replace_class=True))
    assert names_of(plan.changes) == {
        "gone": ["ann", "bob", "cem"], "new": ["eve", "fay"], "replaced": ["dora"],
    }  # fmt: skip
    (gone,) = [line for line in change_lines(plan.changes, shown=1) if "--replace-class" in line]
    assert all(name in gone for name in ("ann", "bob", "cem")), "nobody goes without a name"
    assert (run_folder / "run.sqlite").read_bytes() == before

    class Stops(Listener):
        def planned(self, *told: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            settings_of(late, run_folder, replace_class=True),
            backend=at_once, display=Stops(), write=write_index,
        )  # fmt: skip
    assert scores(run_folder).keys() == FOUR.keys(), "it is told before it is done"
    give(late, run_folder, replace_class=True)
    assert scores(run_folder) == {"dora": 90, "eve": 50, "fay": 60}
    with Store(run_folder) as store:
        assert [each.name for each in store.sources()] == ["b.zip"]


@pytest.mark.parametrize("form", FORMS)
def test_a_source_that_was_moved_doubles_nobody(tmp_path, form):
    first = zipped(tmp_path / "a.zip", form(FOUR))
    give(first, tmp_path / "run")
    moved = Path(shutil.move(first, tmp_path / "elsewhere.zip"))
    listener = give(moved, tmp_path / "run")
    assert names_of(listener.plan.changes) == {"unchanged": sorted(FOUR)}
    assert not listener.plan.jobs
    assert {each.attempts for each in results(tmp_path / "run").values()} == {1}
    with Store(tmp_path / "run") as store:
        assert [each.name for each in store.sources()] == ["elsewhere.zip"]


def test_another_archive_at_the_same_place_takes_nobody_away(tmp_path):
    """Canvas calls every download submissions.zip."""
    give(zipped(tmp_path / "submissions.zip", canvas(FOUR)), tmp_path / "run")
    again = zipped(tmp_path / "submissions.zip", canvas(THREE, first=50), day=9)
    assert told(again, tmp_path / "run")["kept"] == ["ann", "bob", "cem"]
    assert scores(tmp_path / "run") == {
        "ann": 10, "bob": 11, "cem": 12, "dora": 90, "eve": 50, "fay": 60,
    }  # fmt: skip


def test_a_source_replaces_what_it_brought_before(tmp_path):
    source = make_class(tmp_path / "c", {**clones(FOUR), "ann.mojo": "score(77)"})
    os.utime(source / "ann/op/conv1d.mojo", (1, 1))
    give(source, tmp_path / "run")
    assert scores(tmp_path / "run")["ann"] == 77
    (source / "ann.mojo").unlink()
    (source / "bob/op/conv1d.mojo").write_text("score(88)")
    assert told(source, tmp_path / "run") == {
        "replaced": ["ann", "bob"], "unchanged": ["cem", "dora"],
    }  # fmt: skip
    assert (scores(tmp_path / "run")["ann"], scores(tmp_path / "run")["bob"]) == (10, 88)


@pytest.mark.parametrize("emptied", [True, False])
def test_whose_file_is_gone_keeps_the_mark_and_it_is_said(tmp_path, emptied):
    source = make_class(tmp_path / "c", clones(FOUR))
    give(source, tmp_path / "run")
    if emptied:
        shutil.rmtree(source / "ann/op")
    else:
        shutil.rmtree(source / "ann")
    assert told(source, tmp_path / "run")["kept"] == ["ann"]
    assert scores(tmp_path / "run")["ann"] == 10


@pytest.mark.parametrize(
    ("first", "second", "counts", "kind"),
    [
        ((1, "score(1)"), (9, "score(2)"), 2, "replaced"),
        ((9, "score(1)"), (1, "score(2)"), 1, "older"),
        ((5, "score(1)"), (5, "score(2)"), 2, "replaced"),
        ((1, "score(1)"), (9, "score(1)"), 1, "unchanged"),
    ],
)
def test_which_of_two_sources_counts_is_a_matter_of_time(tmp_path, first, second, counts, kind):
    for name, (day, text) in (("a", first), ("b", second)):
        zipped(tmp_path / f"{name}.zip", clones({"ann": text, "bob": "score(0)"}), day=day)
    give(tmp_path / "a.zip", tmp_path / "run")
    assert "ann" in told(tmp_path / "b.zip", tmp_path / "run")[kind]
    assert scores(tmp_path / "run")["ann"] == counts
    give(tmp_path / "a.zip", tmp_path / "run")
    assert scores(tmp_path / "run")["ann"] == counts, "whatever is given last"


@pytest.mark.parametrize(
    "useless", [{"ann/essay.pdf": "x"}, {"ann/notes.txt": "x", "ann/b.py": ""}]
)
def test_what_can_be_no_answer_hides_no_work(tmp_path, useless):
    give(zipped(tmp_path / "a.zip", clones(FOUR)), tmp_path / "run")
    late = zipped(tmp_path / "b.zip", {**useless, **clones({"eve": "score(1)"})}, day=9)
    assert told(late, tmp_path / "run")["older"] == ["ann"]
    assert scores(tmp_path / "run")["ann"] == 10


def test_the_given_file_hides_no_work(tmp_path, monkeypatch):
    task, place = "def conv1d_kernel():\n    pass\n", find("conv1d").book[0].task
    shipped = Shipped(
        until="2026-01-01", read={}, topics={}, files={place: [program_of(task)[:SHORT]]}
    )
    book = read_book(find("conv1d"), shipped)
    for module in ("run", "collect.collection"):
        monkeypatch.setattr(f"grader.batch.{module}.find_book", lambda puzzle: book)
    give(zipped(tmp_path / "a.zip", clones(FOUR)), tmp_path / "run")
    late = zipped(tmp_path / "b.zip", clones({"ann": task, "eve": task}), day=9)
    assert told(late, tmp_path / "run") == {
        "new": ["eve"], "older": ["ann"], "kept": ["bob", "cem", "dora"],
    }  # fmt: skip
    assert scores(tmp_path / "run")["ann"] == 10


class TestWhoIsWho:
    def test_namesakes_whose_numbers_differ_are_two_people(self, tmp_path):
        for name, number, score in (("a", 7, 1), ("b", 8, 2)):
            members = {
                f"Kim Lee_{number}_assignsubmission_file/conv1d.mojo": f"score({score})",
                f"Zoe_{number}0_assignsubmission_file/conv1d.mojo": "score(3)",
            }
            zipped(tmp_path / f"{name}.zip", members, day=score)
        give(tmp_path / "a.zip", tmp_path / "run")
        changes = give(tmp_path / "b.zip", tmp_path / "run").plan.changes
        assert names_of(changes) == {"new": ["Kim Lee", "Zoe"], "kept": ["Kim Lee", "Zoe"]}
        assert (
            len([line for line in change_lines(changes) if "not the one of that name" in line]) == 2
        )
        ended = results(tmp_path / "run").values()
        assert sorted((each.student.participant, each.record.score) for each in ended) == [
            ("7", 1), ("70", 3), ("8", 2), ("80", 3),
        ]  # fmt: skip

    def test_whose_marking_is_blind_is_known_by_the_number_alone(self, tmp_path):
        for name, numbers in (("a", "123"), ("b", "345")):
            members = {
                f"Participant_{n}_assignsubmission_file/conv1d.mojo": f"score({n}{name == 'b':d})"
                for n in numbers
            }
            zipped(tmp_path / f"{name}.zip", members, day=1 + (name == "b"))
            canvas_names = {
                f"anon_{n}_{n}0_conv1d.mojo": f"score({n}{name == 'b':d})" for n in numbers
            }
            zipped(tmp_path / f"{name}-canvas.zip", canvas_names, day=1 + (name == "b"))
        for kind in ("", "-canvas"):
            for name in "ab":
                give(tmp_path / f"{name}{kind}.zip", tmp_path / f"run{kind}")
            ended = results(tmp_path / f"run{kind}").values()
            assert sorted(each.record.score for each in ended) == [10, 20, 31, 41, 51]

    def test_the_same_key_of_another_download_is_nobodys(self, tmp_path):
        """A key counts namesakes in the order in which it finds them."""
        both = {"Kim_7_1_conv1d.mojo": "score(7)", "Kim_8_2_conv1d.mojo": "score(8)"}
        give(zipped(tmp_path / "a.zip", both), tmp_path / "run")
        give(
            zipped(tmp_path / "b.zip", {"Kim_8_9_conv1d.mojo": "score(80)"}, day=9),
            tmp_path / "run",
        )
        ended = results(tmp_path / "run").values()
        assert sorted((each.student.canvas_id, each.record.score) for each in ended) == [
            ("7", 7), ("8", 80),
        ]  # fmt: skip

    @pytest.mark.parametrize("moved", [True, False])
    @pytest.mark.parametrize("listed_before", [True, False])
    def test_a_class_list_says_later_whose_a_folder_is(self, tmp_path, moved, listed_before):
        source = zipped(tmp_path / "a.zip", clones({"jd7": "score(7)", "bob": "score(8)"}))
        roster = tmp_path / "roster.csv"
        if listed_before:
            roster.write_text("name,student id\nJane Doe,1\nbob,2\n")
        give(source, tmp_path / "run", roster=roster if listed_before else None)
        assert scores(tmp_path / "run")["jd7"] == 7
        roster.write_text("name,student id,github username\nJane Doe,1,jd7\nbob,2,\n")
        if moved:
            source = Path(shutil.move(source, tmp_path / "b.zip"))
        give(source, tmp_path / "run", roster=roster)
        assert scores(tmp_path / "run") == {"Jane Doe": 7, "bob": 8}

    def test_also_with_a_source_that_is_somebody_elses(self, tmp_path):
        give(zipped(tmp_path / "a.zip", clones({"jd7": "score(7)"})), tmp_path / "run")
        (tmp_path / "roster.csv").write_text("name,github username\nJane Doe,jd7\nEve,\n")
        late = zipped(tmp_path / "b.zip", clones({"Eve": "score(9)"}))
        give(late, tmp_path / "run", roster=tmp_path / "roster.csv")
        assert scores(tmp_path / "run") == {"Jane Doe": 7, "Eve": 9}

    @pytest.mark.parametrize("given", ["the same source", "another source", "moved"])
    @pytest.mark.parametrize("column", ["student id", "email", "login"])
    def test_a_corrected_class_list_moves_numbers_and_no_work(self, tmp_path, given, column):
        roster, run_folder = tmp_path / "roster.csv", tmp_path / "run"
        roster.write_text(f"name,{column}\nAnn Lee,x5@x\nBob Roy,x6@x\n")
        first = zipped(tmp_path / "a.zip", clones({"Ann Lee": "score(1)", "Bob Roy": "score(2)"}))
        give(first, run_folder, roster=roster)
        roster.write_text(f"name,{column}\nAnn Lee,x6@x\nBob Roy,x5@x\nEve,x7@x\n")
        if given == "moved":
            first = Path(shutil.move(first, tmp_path / "c.zip"))
        if given == "another source":
            first = zipped(tmp_path / "b.zip", clones({"Eve": "score(3)"}))
        give(first, run_folder, roster=roster)
        field = {"student id": "sis_id", "login": "repository"}.get(column, column)
        ended = results(run_folder).values()
        found = {
            (each.student.name, getattr(each.student, field)): each.record and each.record.score
            for each in ended
        }
        eve = 3 if given == "another source" else None
        assert found == {("Ann Lee", "x6@x"): 1, ("Bob Roy", "x5@x"): 2, ("Eve", "x7@x"): eve}

    @pytest.mark.parametrize("number", ["1", ""])
    def test_who_is_called_otherwise_now_is_known_by_the_number(self, tmp_path, number):
        roster = tmp_path / "roster.csv"
        roster.write_text(f"name,student id\nAnn Lee,{number}\nZoe,2\n")
        give(
            zipped(tmp_path / "a.zip", clones({"Ann Lee": "score(1)", "Zoe": "score(2)"})),
            tmp_path / "run", roster=roster,
        )  # fmt: skip
        roster.write_text("name,student id\nAnn Roy,1\nZoe,2\n")
        give(
            zipped(tmp_path / "b.zip", clones({"Zoe": "score(3)"}), day=9),
            tmp_path / "run", roster=roster,
        )  # fmt: skip
        same = {"Ann Roy": 1} if number else {"Ann Roy": None, "Ann Lee": 1}
        assert scores(tmp_path / "run") == same | {"Zoe": 3}

    def test_a_team_is_neither_lost_nor_doubled(self, tmp_path):
        (tmp_path / "roster.csv").write_text(
            "name,repository\nAnn,team-1\nBob,team-1\nCem,team-2\nDora,team-2\n"
        )
        roster = {"roster": tmp_path / "roster.csv"}
        both = {"team-1": "score(1)", "team-2": "score(2)"}
        give(zipped(tmp_path / "a.zip", clones(both)), tmp_path / "run", **roster)
        late = zipped(tmp_path / "b.zip", clones({"team-2": "score(3)"}), day=9)
        assert told(late, tmp_path / "run", **roster) == {
            "replaced": ["Cem", "Dora"], "kept": ["Ann", "Bob"],
        }  # fmt: skip
        assert scores(tmp_path / "run") == {"Ann": 1, "Bob": 1, "Cem": 3, "Dora": 3}

    def test_what_the_class_list_said_stays_where_it_is_not_given_again(self, tmp_path):
        (tmp_path / "roster.csv").write_text(
            "name,student id,email\nAnn,1,a@x.org\nZoe,2,z@x.org\n"
        )
        first = zipped(tmp_path / "a.zip", clones({"Ann": "score(1)"}))
        give(first, tmp_path / "run", roster=tmp_path / "roster.csv")
        give(zipped(tmp_path / "b.zip", clones({"Ann": "score(2)"}), day=9), tmp_path / "run")
        found = {name: each.student for name, each in by_name(tmp_path / "run").items()}
        assert (found["Ann"].sis_id, found["Ann"].email, found["Ann"].on_roster) == (
            "1", "a@x.org", True,
        )  # fmt: skip
        assert found["Zoe"].sis_id == "2"


@pytest.mark.parametrize("late", ["2", "yes"])
def test_late_is_who_the_class_list_says(tmp_path, late):
    give(zipped(tmp_path / "a.zip", clones(FOUR)), tmp_path / "run")
    (tmp_path / "roster.csv").write_text(f"name,late\nann,{late}\nbob,no\nzoe,yes\n")
    source = zipped(tmp_path / "b.zip", clones({"eve": "score(1)"}), day=9)
    give(source, tmp_path / "run", roster=tmp_path / "roster.csv")
    found = {name: each.student for name, each in by_name(tmp_path / "run").items()}
    assert (found["ann"].lateness, found["bob"].lateness) == ("late", "on time")
    assert found["ann"].days_late == (2 if late == "2" else 0)
    assert found["zoe"].lateness == "unknown", "nothing was handed in"


def as_of_an_earlier_version(folder: Path) -> None:
    """As runs were stored before they knew their sources."""
    with contextlib.closing(sqlite3.connect(folder / "run.sqlite")) as database, database:
        database.execute("DELETE FROM meta WHERE name = 'sources'")
        rows = database.execute("SELECT student, number, attempt FROM attempts").fetchall()
        for student, number, attempt in rows:
            known = json.loads(attempt)
            for name in ("origin", "lateness", "days_late", "is_answer"):
                del known[name]
            database.execute(
                "UPDATE attempts SET attempt = ? WHERE student = ? AND number = ?",
                (json.dumps(known).encode(), student, number),
            )


@pytest.mark.parametrize("form", FORMS)
def test_a_run_of_an_earlier_version_goes_on(tmp_path, form):
    first = zipped(tmp_path / "a.zip", form(FOUR))
    give(first, tmp_path / "run")
    as_of_an_earlier_version(tmp_path / "run")
    late = zipped(tmp_path / "b.zip", form(THREE, first=50), day=9)
    give(late, tmp_path / "run")
    everybody = {"ann": 10, "bob": 11, "cem": 12, "dora": 90, "eve": 50, "fay": 60}
    assert scores(tmp_path / "run") == everybody
    assert not give(first, tmp_path / "run").plan.jobs
    assert scores(tmp_path / "run") == everybody
    as_of_an_earlier_version(tmp_path / "run")
    zipped(first, form({**FOUR, "ann": "score(99)"}), day=2)
    give(first, tmp_path / "run")
    assert scores(tmp_path / "run") == everybody | {"ann": 99}


def test_one_that_was_stopped_goes_on_with_everybody(tmp_path):
    give(zipped(tmp_path / "a.zip", clones(FOUR)), tmp_path / "run")
    late = zipped(tmp_path / "b.zip", clones(THREE), day=9)

    def interrupted(settings: Settings) -> contextlib.AbstractContextManager[InProcess]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(
            settings_of(late, tmp_path / "run"),
            backend=interrupted, display=Listener(), write=write_index,
        )  # fmt: skip
    listener = give(late, tmp_path / "run")
    assert len(listener.plan.jobs) == 3
    assert sorted(scores(tmp_path / "run")) == ["ann", "bob", "cem", "dora", "eve", "fay"]


def test_regrade_means_everybody_of_the_run(tmp_path):
    give(zipped(tmp_path / "a.zip", clones(FOUR)), tmp_path / "run")
    late = zipped(tmp_path / "b.zip", clones(THREE), day=9)
    give(late, tmp_path / "run")
    (job,) = give(late, tmp_path / "run", regrade="ann").plan.jobs
    assert job.students == ("ann",)
    assert len(give(late, tmp_path / "run", regrade="*").plan.jobs) == 6


def test_what_was_noted_of_each_source_stays(tmp_path):
    for name, who in (("a", "ann"), ("b", "bob")):
        files = {f"{who}/conv1d.mojo": "score(1)", f"{who}/conv1d_old.mojo": "score(2)"}
        zipped(tmp_path / f"{name}.zip", {**files, **clones({"zoe": "score(3)"})})
    infos: list[RunInfo] = []
    for name in ("a", "b", "a"):
        give(tmp_path / f"{name}.zip", tmp_path / "run", write=lambda _, info: infos.append(info))
    with Store(tmp_path / "run") as store:
        notes = store.info().notes
    assert [note for note in notes if note.startswith("a.zip: ann: of 2 files")]
    assert [note for note in notes if note.startswith("b.zip: bob: of 2 files")]


PEOPLE = st.sampled_from(["ann", "bob", "cem", "ナガタ", "ナカタ", "Hương", "Hường"])
SOURCE = st.tuples(
    st.sampled_from("abc"),
    st.dictionaries(PEOPLE, st.integers(0, 3), min_size=1),
    st.integers(1, 28),
    st.sampled_from(FORMS),
)


@settings(max_examples=25, deadline=None)
@given(sources=st.lists(SOURCE, min_size=1, max_size=5))
def test_nobody_vanishes_whatever_is_given(sources):
    """And nobody gets what somebody else handed in."""
    with tempfile.TemporaryDirectory() as folder:
        base, there = Path(folder), set()
        for name, people, day, form in sources:
            # A file says whose it is.
            texts = {who: f"score({score}) # {who}\n{who!r}" for who, score in people.items()}
            source = zipped(base / f"{name}.zip", form(texts), day=day)
            listener = give(source, base / "run")
            there |= set(people)
            ended = list(results(base / "run").values())
            shown = [each.student.name for each in ended]
            assert set(shown) == there
            for each in ended:
                assert f"# {each.student.name}\n" in each.record.submission.text
            assert len({each.student.key for each in ended}) == len(ended)
            if changes := listener.plan.changes:
                said = [who for kind in names_of(changes).values() for who in kind]
                assert sorted(said) == sorted(shown), "everybody is in one place of the plan"
            assert not give(source, base / "run").plan.jobs
