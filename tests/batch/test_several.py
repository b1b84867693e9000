"""Files of several puzzles: each is graded as what it is, in a class of its own."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from grader.batch.collect import by_puzzle
from grader.batch.collect.by_puzzle import collect_by_puzzle
from grader.batch.collect.roster import RosterStudent
from grader.batch.plan import NobodyMeant, RubricFile
from grader.batch.results import write_outputs
from grader.batch.run import Summary
from grader.batch.several import (
    classes_of,
    is_several,
    rerender_several,
    run_several,
    sorted_by_puzzle,
)
from grader.book import Book, find_book, read_book
from grader.book.digests import SHORT, program_of
from grader.book.shipped import Shipped
from grader.folders import reference_kernel
from grader.puzzles import NAMES, find
from grader.rubric import load_rubric
from grader.samples import read_samples
from tests.batch.harness import (
    Listener,
    grade_class,
    log_lines,
    make_class,
    pool,
    results,
    settings_of,
)
from tests.batch.test_commands import grade

MAP, GUARDS, BLOCKS = "def add_10()", "def add_10_guard()", "def add_10_blocks()"
LACKING = "comptime SIZE = 4\n" + "".join(
    f"\n\ndef {name}():\n    pass\n"
    for name in ("no_conflict_kernel", "two_way_conflict_kernel", "main")
)
"""Has the kernels of a puzzle of the book for which the grader takes no file."""


def work(head: str, score: int) -> str:
    return f"{head}:\n    score({score})\n"


def sorted_files(
    source: Path, *, roster: tuple[RosterStudent, ...] = (), books: dict[str, Book] | None = None
) -> tuple[dict[str, dict[str, str]], dict[str, str], str]:
    """For each puzzle the file that counts of each student; why a file is of none; the notes."""
    books = books or {name: find_book(name) for name in NAMES}
    with collect_by_puzzle(source, books, roster=roster) as found:
        taken: dict[str, dict[str, str]] = {}
        for puzzle in found.puzzles:
            collection = found.collection(puzzle)
            taken[puzzle] = {
                each.attempt.student: each.attempt.source
                for each in collection.attempts
                if each.attempt.counts
            }
            for each in collection.attempts:
                each.load()
        left = {each.source: each.why for each in found.left_out}
        return taken, left, "\n".join(found.notes)


class TestWhatAFileIs:
    @pytest.mark.parametrize(
        "names",
        [
            ("doe/p03.mojo", "doe/p06.mojo"),
            ("doe/a.mojo", "doe/b.mojo"),
            ("doe/p03/p03.mojo", "doe/p06/p06.mojo"),
            ("doe/clone/problems/p03/p03.mojo", "doe/clone/problems/p06/p06.mojo"),
            ("doe_p03.mojo", "doe_p06.mojo"),
            ("p03_doe.mojo", "p06 doe.mojo"),
            ("doe-guards.mojo", "doe-blocks.mojo"),
            ("doe_add_10_guard.mojo", "doe_add_10_blocks.mojo"),
            ("doe_puzzle_3_final.mojo", "doe_puzzle06.mojo"),
            ("p03/doe.mojo", "p06/doe.mojo"),
            ("guards/doe/x.mojo", "blocks/doe/x.mojo"),
            ("p06/doe.mojo", "p03/doe.mojo"),
        ],
    )
    def test_by_what_it_declares_and_whose_by_its_name(
        self, tmp_path: Path, names: tuple[str, str]
    ) -> None:
        guards, blocks = names
        source = make_class(
            tmp_path / "c", {guards: work(GUARDS, 1), blocks: work(BLOCKS, 2), "ann.mojo": MAP}
        )
        taken, left, _ = sorted_files(source)
        assert taken == {"map": {"ann": "ann.mojo"}} | {
            "guards": {"doe": guards}, "blocks": {"doe": blocks}
        }  # fmt: skip
        assert not left

    def test_what_is_named_after_puzzles_alone_is_one_students(self, tmp_path: Path) -> None:
        source = make_class(
            tmp_path / "Jane", {"p03.mojo": work(GUARDS, 1), "blocks.mojo": work(BLOCKS, 2)}
        )
        taken, _, notes = sorted_files(source)
        assert taken == {"guards": {"jane": "p03.mojo"}, "blocks": {"jane": "blocks.mojo"}}
        assert "the work of one student, Jane" in notes

    def test_its_name_or_place_tells_where_the_text_does_not(self, tmp_path: Path) -> None:
        source = make_class(
            tmp_path / "c",
            {
                "ann_p03.mojo": "def oops(",
                "bob/problems/p06/p06.mojo": "def oops(",
                "cem.mojo": "def oops(",
                "dan_p03.mojo": work(BLOCKS, 1),
            },
        )
        taken, left, _ = sorted_files(source)
        assert taken == {
            "guards": {"ann": "ann_p03.mojo"},
            "blocks": {"bob": "bob/problems/p06/p06.mojo", "dan": "dan_p03.mojo"},
        }
        assert left == {"cem.mojo": "The file does not tell which puzzle it is of."}

    def test_what_is_of_no_puzzle_is_listed_with_why(self, tmp_path: Path) -> None:
        source = make_class(
            tmp_path / "c",
            {
                "ann/p03.mojo": work(GUARDS, 1),
                "ann/other.mojo": LACKING,
                "bob/notes.txt": "nothing",
                "cem/p01.mojo": MAP,
                "dora/p30.toml": 'quiz = "p30"',
            },
        )
        (source / "cem" / "what.mojo").write_bytes(b"\xff\xfe\0")
        taken, left, _ = sorted_files(source)
        assert taken == {"map": {"cem": "cem/p01.mojo"}, "guards": {"ann": "ann/p03.mojo"}}
        assert left.keys() == {"ann/other.mojo", "bob/notes.txt", "cem/what.mojo", "dora/p30.toml"}
        assert "quiz" in left["dora/p30.toml"]
        assert "Bank Conflicts" in left["ann/other.mojo"]
        assert "no .mojo file" in left["bob/notes.txt"]
        assert "UTF-16" in left["cem/what.mojo"]

    def test_one_student_cannot_hold_up_the_class(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(by_puzzle, "MAX_READ", 2)
        files = {f"ann/{n}.mojo": f"def made_up_{n}(): pass" for n in range(5)}
        files |= {"ann/p03/p03.mojo": work(GUARDS, 1), "bob/0.mojo": "def made_up_0(): pass"}
        taken, left, notes = sorted_files(make_class(tmp_path / "c", files))
        assert taken == {"guards": {"ann": "ann/p03/p03.mojo"}}
        assert left.keys() == {"ann/0.mojo", "bob/0.mojo"}
        assert "ann: of 6 Mojo files 4 were not looked into" in notes

    @pytest.mark.parametrize("whole", [False, True], ids=["each has one", "the source is one"])
    def test_archives_are_looked_into(self, tmp_path: Path, whole: bool) -> None:
        files = {"p03.mojo": work(GUARDS, 1), "sub/p06.mojo": work(BLOCKS, 2)}
        archive = tmp_path / "c" / "doe.zip"
        archive.parent.mkdir()
        with zipfile.ZipFile(archive, "w") as made:
            for name, text in files.items():
                made.writestr(f"doe/{name}" if whole else name, text)
        taken, left, _ = sorted_files(archive if whole else archive.parent)
        assert {puzzle: list(those) for puzzle, those in taken.items()} == {
            "guards": ["doe"], "blocks": ["doe"]
        }  # fmt: skip
        assert not left

    def test_who_is_late_for_one_puzzle_is_late_for_that(self, tmp_path: Path) -> None:
        source = make_class(
            tmp_path / "c",
            {
                "doejane_LATE_11_101_p03.mojo": work(GUARDS, 1),
                "doejane_11_102_p06.mojo": work(BLOCKS, 1),
                "roebob_12_103_p06.mojo": work(BLOCKS, 2),
            },
        )
        with collect_by_puzzle(source, {name: find_book(name) for name in NAMES}) as found:
            late = {
                puzzle: [each.lateness for each in found.collection(puzzle).students]
                for puzzle in found.puzzles
            }
        assert late == {"guards": ["late", "on time"], "blocks": ["on time", "on time"]}

    def test_the_class_list_says_who_is_who_and_who_is_absent(self, tmp_path: Path) -> None:
        source = make_class(
            tmp_path / "c", {"jane_doe_p03.mojo": work(GUARDS, 1), "roe_p06.mojo": work(BLOCKS, 2)}
        )
        roster = tuple(
            RosterStudent(line=n, name=name, sis_id=str(n))
            for n, name in enumerate(("Jane Doe", "Gus"), 2)
        )
        books = {name: find_book(name) for name in NAMES}
        with collect_by_puzzle(source, books, roster=roster) as found:
            everybody = [
                [(each.key, each.on_roster) for each in found.collection(puzzle).students]
                for puzzle in found.puzzles
            ]
        assert everybody == [[("jane-doe-2", True), ("roe", False), ("gus-3", True)]] * 2


SHIPPED = {
    "problems/p01/p01.mojo": work(MAP, 0),
    "problems/p03/p03.mojo": work(GUARDS, 0),
    "problems/p06/p06.mojo": work(BLOCKS, 0),
    "solutions/p01/p01.mojo": work(MAP, 100),
    "solutions/p03/p03.mojo": work(GUARDS, 100),
    "solutions/p06/p06.mojo": work(BLOCKS, 100),
}


class TestClones:
    """Of the whole book: what it ships is nobody's attempt."""

    @pytest.fixture
    def books(self) -> dict[str, Book]:
        files = {path: [program_of(text)[:SHORT]] for path, text in SHIPPED.items()}
        shipped = Shipped(until="2026-01-01", read={}, topics={}, files=files)
        return {name: read_book(find(name), shipped) for name in ("map", "guards", "blocks")}

    def test_untouched_files_are_no_attempts(self, tmp_path: Path, books: dict[str, Book]) -> None:
        mine = {"problems/p03/p03.mojo": work(GUARDS, 30), "problems/p06/p06.mojo": work(MAP, 4)}
        files = {f"hw-ann/{path}": text for path, text in (SHIPPED | mine).items()}
        files |= {f"hw-bob/{path}": text for path, text in SHIPPED.items()}
        taken, left, notes = sorted_files(make_class(tmp_path / "c", files), books=books)
        assert taken == {"guards": {"hw-ann": "hw-ann/problems/p03/p03.mojo"}}
        assert "Its own place is problems/p01/p01.mojo" in left["hw-ann/problems/p06/p06.mojo"]
        assert "map (2), guards (1), blocks (1)" in notes

    def test_kernels_as_they_were_given_out_are_not_begun(self, tmp_path: Path) -> None:
        """Whatever stands around them: the book may have a version that is not known."""
        given = {name: reference_kernel(name, "26.5", "skeleton.mojo") for name in ("map", "zip")}
        right = reference_kernel("map", "26.5", "right.mojo").read_text()
        files = {
            "ann/problems/p01/p01.mojo": given["map"].read_text() + "\n\ndef more():\n    pass\n",
            "ann/problems/p02/p02.mojo": given["zip"].read_text(),
            "ann/problems/p03/p03.mojo": work(GUARDS, 1),
            "bob/problems/p01/p01.mojo": right + "\n\ndef more():\n    pass\n",
        }
        taken, left, notes = sorted_files(make_class(tmp_path / "c", files))
        assert taken == {
            "map": {"bob": "bob/problems/p01/p01.mojo"},
            "guards": {"ann": "ann/problems/p03/p03.mojo"},
        }
        assert not left
        assert "map (1), zip (1)" in notes

    def test_an_untouched_file_that_is_handed_in_alone_is_one(
        self, tmp_path: Path, books: dict[str, Book]
    ) -> None:
        source = make_class(
            tmp_path / "c", {"doe_p01.mojo": work(MAP, 0), "doe_p03.mojo": work(GUARDS, 100)}
        )
        assert sorted_files(source, books=books)[0] == {
            "map": {"doe": "doe_p01.mojo"}, "guards": {"doe": "doe_p03.mojo"}
        }  # fmt: skip

    def test_a_changed_answer_of_the_book_is_told_and_not_taken(
        self, tmp_path: Path, books: dict[str, Book]
    ) -> None:
        changed = {"solutions/p06/p06.mojo": work(BLOCKS, 99), "problems/p01/p01.mojo": MAP}
        files = {f"ann/{path}": text for path, text in (SHIPPED | changed).items()}
        taken, left, _ = sorted_files(make_class(tmp_path / "c", files), books=books)
        assert taken == {"map": {"ann": "ann/problems/p01/p01.mojo"}}
        assert "problems/p06/p06.mojo" in left["ann/solutions/p06/p06.mojo"]

    def test_a_clone_as_the_source_is_one_students(
        self, tmp_path: Path, books: dict[str, Book]
    ) -> None:
        files = SHIPPED | {"problems/p03/p03.mojo": work(GUARDS, 30)}
        assert sorted_files(make_class(tmp_path / "Jane", files), books=books)[0] == {
            "guards": {"jane": "problems/p03/p03.mojo"}
        }


def grade_several(source: Path, out: Path, **more: Any) -> list[Summary]:
    settings = settings_of(source, out, **more)
    with sorted_by_puzzle(source, settings.roster, out) as found:
        return run_several(
            settings, found, backend=pool, display=lambda _: Listener(), write=write_outputs
        )


def marks(out: Path) -> dict[str, dict[str, str]]:
    text = (out / "marks.csv").read_bytes().decode("utf-8-sig")
    return {row["student"]: row for row in csv.DictReader(io.StringIO(text))}


CLASS = {
    "ann/p01.mojo": work(MAP, 100),
    "ann/p03.mojo": work(GUARDS, 70),
    "ann/odd.mojo": "def oops(",
    "bob_p03.mojo": work(GUARDS, 20),
    "cem/p06.mojo": work(BLOCKS, 40),
}


@pytest.mark.usefixtures("log")
class TestRun:
    def test_a_cell_for_each_mark_and_none_where_nothing_was_handed_in(
        self, tmp_path: Path
    ) -> None:
        source, out = make_class(tmp_path / "<c>", CLASS), tmp_path / "out"
        summaries = grade_several(source, out)
        assert [each.graded for each in summaries] == [1, 2, 1]
        rows = marks(out)
        shown = ("map", "guards", "blocks", "total")
        assert {key: [row[each] for each in shown] for key, row in rows.items()} == {
            "ann": ["100", "70", "", "170"],
            "bob": ["", "20", "", "20"],
            "cem": ["", "", "40", "40"],
        }
        page = (out / "index.html").read_text()
        assert "<h1>&lt;c&gt;</h1>" in page
        links = re.findall(r'href="([^"#]+)"', page)
        assert "guards/reports/bob/report.html" in links
        for link in links:
            assert (out / link).is_file(), link
        assert "ann/odd.mojo" in page
        assert "The file does not tell which puzzle it is of." in page
        # Each class is as a run over one puzzle makes it.
        assert {key: bool(each.record) for key, each in results(out / "guards").items()} == {
            "ann": True, "bob": True, "cem": False
        }  # fmt: skip

    def test_it_goes_on_and_more_is_added(self, tmp_path: Path, log: Path) -> None:
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        grade_several(source, out, title="Week 3")
        page, graded = (out / "index.html").read_bytes(), len(log_lines(log))
        (out / "index.html").touch()
        assert [each.wrote for each in grade_several(source, out)] == [False] * 3
        assert (out / "index.html").read_bytes() == page
        late = make_class(
            tmp_path / "late", {"bob_p03.mojo": work(GUARDS, 90), "dan_p01.mojo": work(MAP, 60)}
        )
        grade_several(late, out)
        assert len(log_lines(log)) == graded + 2
        rows = marks(out)
        assert [rows[key]["total"] for key in ("ann", "bob", "cem", "dan")] == [
            "170", "90", "40", "60"
        ]  # fmt: skip
        page = (out / "index.html").read_bytes()
        assert b"<h1>Week 3</h1>" in page
        assert b"ann/odd.mojo" in page  # of the first source
        rerender_several(out)
        assert (out / "index.html").read_bytes() == page

    def test_replace_class_leaves_what_the_source_holds(self, tmp_path: Path) -> None:
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        grade_several(source, out)
        other = make_class(
            tmp_path / "d", {"bob_p03.mojo": work(GUARDS, 90), "dan_p01.mojo": work(MAP, 60)}
        )
        grade_several(other, out, replace_class=True)
        assert marks(out).keys() == {"bob", "dan"}

    def test_regrade_reaches_the_classes_that_it_fits(self, tmp_path: Path, log: Path) -> None:
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        grade_several(source, out)
        graded = len(log_lines(log))
        assert [each.graded for each in grade_several(source, out, regrade="cem")] == [0, 0, 1]
        assert len(log_lines(log)) == graded + 1
        with pytest.raises(NobodyMeant):
            grade_several(source, out, regrade="nobody at all")

    def test_a_fault_is_no_mark_and_no_zero(self, tmp_path: Path) -> None:
        files = CLASS | {"ann/p03.mojo": f"{GUARDS}:\n    fault\n"}
        out = tmp_path / "out"
        summaries = grade_several(make_class(tmp_path / "c", files), out)
        assert [each.faults for each in summaries] == [0, 1, 0]
        assert (marks(out)["ann"]["guards"], marks(out)["ann"]["total"]) == ("", "100")
        assert "no mark" in (out / "index.html").read_text()

    def test_namesakes_stay_two_in_every_class(self, tmp_path: Path) -> None:
        roster = tmp_path / "roster.csv"
        roster.write_text("name,id,email\nJane Doe,1,a@x.org\nJane Doe,2,b@x.org\n")
        source = make_class(
            tmp_path / "c",
            {"a@x.org/p01.mojo": work(MAP, 10), "b@x.org/p03.mojo": work(GUARDS, 20)},
        )
        out = tmp_path / "out"
        grade_several(source, out, roster=roster)
        assert sorted((row["id"], row["map"], row["guards"]) for row in marks(out).values()) == [
            ("1", "10", ""), ("2", "", "20")
        ]  # fmt: skip


def call(*words: object, timeout: float = 120) -> tuple[int, str]:
    """The exit code of ``grade``, and all that it said."""
    ended = grade(*words, timeout=timeout)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.usefixtures("log")
class TestCommand:
    def test_dry_run_says_which_file_goes_as_what_and_why(self, tmp_path: Path) -> None:
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        code, output = call("batch", source, "--out", out, "--device", "software", "--dry-run")
        assert code == 0, output
        assert re.search(r"ann/p03.mojo +as guards: the file defines add_10_guard", output)
        assert re.search(r"ann/odd.mojo +not graded: The file does not tell", output)
        assert output.count("to grade: not graded yet") == 7
        assert not out.exists()

    def test_each_puzzle_has_its_rubric(self, tmp_path: Path) -> None:
        rubric, again = tmp_path / "r.toml", tmp_path / "again.toml"
        for each in (rubric, again):
            each.write_text('puzzle = "guards"\n')
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        code, output = call("batch", source, "--out", out, "--rubric", rubric, "--dry-run")
        assert code == 0, output
        code, output = call(
            "batch", source, "--out", out, "--rubric", rubric, "--rubric", again, "--dry-run"
        )
        assert code == 2
        assert "r.toml and again.toml are both rubrics of guards" in output
        code, output = call(
            "batch", source, "--out", out, "--rubric", rubric, "--puzzle", "guards", "--dry-run",
            "--device", "software",
        )  # fmt: skip
        assert code == 0, output

    def test_the_others_keep_their_own(self, tmp_path: Path) -> None:
        rubric = tmp_path / "r.toml"
        rubric.write_text('puzzle = "guards"\n[checks.program]\nenabled = false\n')
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        file = RubricFile("r.toml", load_rubric(rubric, find("guards")))
        settings = settings_of(source, out, rubrics={"guards": file})
        with sorted_by_puzzle(source, None, out) as found:
            classes = {each.puzzle: each.settings for each in classes_of(settings, found)}
        assert classes.keys() == {"map", "guards", "blocks"}
        assert {name for name, each in classes.items() if each.rubric} == {"guards"}
        assert [each.options.rubric_name for each in classes.values()] == ["", "r.toml", ""]
        assert classes["guards"].puzzle is not find("guards")
        assert classes["map"].puzzle is find("map")

    def test_what_is_of_one_puzzle_is_one_class(self, tmp_path: Path) -> None:
        source = make_class(tmp_path / "c", {"ann.mojo": work(GUARDS, 1), "bob.mojo": "def x("})
        code, output = call(
            "batch", source, "--out", tmp_path / "o", "--device", "software", "--dry-run"
        )
        assert code == 0, output
        assert re.search(r"bob +bob.mojo +to grade", output)

    def test_a_folder_goes_on_as_what_it_is(self, tmp_path: Path) -> None:
        source, several = make_class(tmp_path / "c", CLASS), tmp_path / "several"
        grade_several(source, several)
        assert is_several(several)
        code, output = call("batch", source, "--out", several, "--puzzle", "map", "--dry-run")
        assert code == 2
        assert "a run over several puzzles" in output
        only = make_class(tmp_path / "d", {"eve.mojo": work(MAP, 1)})
        _, output = call("batch", only, "--out", several, "--device", "software", "--dry-run")
        assert "1 file of 1 puzzle: map" in output
        assert "Kept as before" in output

    def test_a_run_over_one_puzzle_says_that_it_stays_one(self, tmp_path: Path) -> None:
        source = make_class(tmp_path / "c", {"ann.mojo": "score(1)"})
        grade_class(source, tmp_path / "out")
        (source / "bob_p03.mojo").write_text(work(GUARDS, 1))
        code, output = call(
            "batch", source, "--out", tmp_path / "out", "--device", "software", "--dry-run"
        )
        assert code == 0, output
        assert "a run over the puzzle conv1d, and every file is graded as that" in output
        assert re.search(r"bob_p03 +bob_p03.mojo +to grade", output)

    def test_nothing_tells(self, tmp_path: Path) -> None:
        source = make_class(tmp_path / "c", {"ann.mojo": "def x("})
        code, output = call("batch", source, "--out", tmp_path / "o", "--dry-run")
        assert code == 2
        assert "ann.mojo: The file does not tell" in output
        assert "--puzzle" in output

    def test_show_and_diff_go_through_all_classes(self, tmp_path: Path) -> None:
        source, out = make_class(tmp_path / "c", CLASS), tmp_path / "out"
        grade_several(source, out)
        code, output = call("show", out, "ann")
        assert code == 0, output
        assert re.findall(r"(?m)^(\w+):$", output) == ["map", "guards"]
        assert call("show", out, "nobody")[0] == 2
        assert "0 marks differ." in call("diff", out, out)[1]


TEN = {
    **dict.fromkeys(("map", "zip", "guards"), "right"),
    **dict.fromkeys(("blocks", "shared_memory", "softmax"), "skeleton"),
    "conv1d": "unfilled",
    **dict.fromkeys(("pooling", "dot_product", "axis_sum"), "does_not_compile"),
}
"""Puzzles, and a sample of each. Few of them take the time of a whole grading."""


@pytest.mark.slow
def test_files_of_ten_puzzles_are_graded_as_what_they_are(tmp_path: Path) -> None:
    """For real: of one student, with the marks that the samples are labelled with."""
    samples = {
        name: next(
            each for each in read_samples(name) if (each.name, each.edition) == (wanted, "26.5")
        )
        for name, wanted in TEN.items()
    }
    source = make_class(
        tmp_path / "c",
        {f"doe_{name}.mojo": each.content.decode() for name, each in samples.items()},
    )
    out = tmp_path / "out"
    code, output = call(
        "batch", source, "--out", out, "--device", "software", "--workers", 1, timeout=900
    )
    assert code == 0, output
    row = marks(out)["doe"]
    labelled = {name: each.entry.score for name, each in samples.items()}
    assert {name: row[name] for name in TEN} == {name: str(n) for name, n in labelled.items()}
    assert row["total"] == str(sum(labelled.values()))
