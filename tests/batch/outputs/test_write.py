"""The folder of a run: what is in it, what is written again, and what never is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from grader.audience import for_audience
from grader.batch.model import Attempt, StudentResult
from grader.batch.outputs import write_all
from grader.errors import GraderFault
from grader.record import CaseLog, Fault, RubricInfo, SubmissionInfo, Visibility, load
from tests.batch.outputs.classes import INFO, absent, mixed, result, student
from tests.report import records

NOW = datetime(2026, 11, 22, 18, tzinfo=UTC)


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_everything_is_there(tmp_path: Path) -> None:
    written = write_all(tmp_path, INFO, mixed(), now=NOW)
    made = files(tmp_path)
    assert written.index.read_bytes() == made["index.html"]
    assert {f"gradebook/{name}" for name in ("canvas.csv", "moodle.csv", "README.txt")} <= set(made)
    assert {"gradebook/grades.csv", "gradebook/grades.json", "similarity/index.html"} <= set(made)
    reported = [r.student.key for r in mixed() if r.record or r.refusal]
    for key in reported:
        assert f"feedback/{key}/report.html" in made
        assert load(tmp_path / f"reports/{key}/record.json")
    assert len([name for name in made if name.startswith("feedback/")]) == len(reported)


def test_nothing_is_written_twice(tmp_path: Path) -> None:
    write_all(tmp_path, INFO, mixed(), now=NOW)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = write_all(tmp_path, INFO, list(reversed(mixed())), now=NOW)
    assert again.files == 0
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert {path for path in before if before[path] != after[path]} == {tmp_path / "outputs.json"}


def test_one_new_result_changes_what_depends_on_it_only(tmp_path: Path) -> None:
    class_of = list(mixed())
    write_all(tmp_path, INFO, class_of, now=NOW)
    before = files(tmp_path)
    class_of[7] = result("hal", "crashed")
    write_all(tmp_path, INFO, class_of, now=NOW)
    after = files(tmp_path)
    changed = {name for name in after if before.get(name) != after[name]}
    assert {"feedback/hal/report.html", "index.html", "gradebook/grades.csv"} <= changed
    assert not [n for n in changed if n.startswith("feedback/") and "/hal/" not in n]


def test_records_are_taken_one_at_a_time_and_not_kept(tmp_path: Path) -> None:
    """A class larger than the memory can be written: here 20 records of 1 MB each."""
    random = Random(17)

    def class_of() -> Iterator[StudentResult]:
        for n in range(20):
            log = CaseLog(count=1, packed=random.randbytes(1_000_000))
            yield result(f"s{n}", msgspec.structs.replace(records.wrong_values(), cases=log))

    tracemalloc.start()
    try:
        write_all(tmp_path, INFO, class_of(), now=NOW)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(list((tmp_path / "feedback").iterdir())) == 20
    assert peak < 20 * 1_000_000 / 2


@pytest.mark.parametrize("harm", ["cut", "gone", "no list", "broken list"])
def test_what_a_crash_left_is_repaired(tmp_path: Path, harm: str) -> None:
    write_all(tmp_path, INFO, mixed(), now=NOW)
    before = files(tmp_path)
    report = tmp_path / "feedback/ada/report.html"
    if harm == "cut":
        report.write_bytes(report.read_bytes()[:100])
    elif harm == "gone":
        report.unlink()
    else:
        report.write_bytes(b"half")
        listing = tmp_path / "outputs.json"
        listing.unlink() if harm == "no list" else listing.write_bytes(b'{"schema":')
    write_all(tmp_path, INFO, mixed(), now=NOW)
    assert files(tmp_path) == before


def test_afresh_writes_everything(tmp_path: Path) -> None:
    first = write_all(tmp_path, INFO, mixed(), now=NOW)
    assert write_all(tmp_path, INFO, mixed(), now=NOW, afresh=True).files == first.files


def test_who_left_the_class_leaves_no_report(tmp_path: Path) -> None:
    write_all(tmp_path, INFO, mixed(), now=NOW)
    (tmp_path / "feedback/bob/mine.txt").write_text("the instructor's own note")
    write_all(tmp_path, INFO, list(mixed())[2:], now=NOW)
    assert not (tmp_path / "feedback/ada").exists()
    assert [path.name for path in (tmp_path / "feedback/bob").iterdir()] == ["mine.txt"]


def test_a_list_that_was_tampered_with_removes_nothing_elsewhere(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("stays")
    run = tmp_path / "run"
    write_all(run, INFO, [result("ada")], now=NOW)
    listing = run / "outputs.json"
    listing.write_text(
        listing.read_text().replace(
            '"files":{', '"files":{"../outside.txt":{"source":"x","size":5},', 1
        )
    )
    write_all(run, INFO, [result("ada")], now=NOW)
    assert outside.read_text() == "stays"


def test_nothing_half_written_is_left_behind(tmp_path: Path) -> None:
    write_all(tmp_path, INFO, mixed(), now=NOW)
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("key", ["", ".", "..", "a/b", "../a", "a\\b", "a\0"])
def test_a_key_that_leads_elsewhere_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(GraderFault, match="no name of a folder"):
        write_all(tmp_path / "run", INFO, [result(key)], now=NOW)
    assert not (tmp_path / "run").exists()


def test_two_keys_that_one_disk_takes_for_the_same_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GraderFault, match="twice"):
        write_all(tmp_path, INFO, [result("ada"), result("Ada")], now=NOW)


def test_a_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "feedback").write_text("a file is in the way")
    with pytest.raises(GraderFault, match=r"feedback.* could not be written") as caught:
        write_all(tmp_path, INFO, [result("ada")], now=NOW)
    assert "the results themselves are kept" in caught.value.remedy


def test_an_absent_student_gets_no_feedback(tmp_path: Path) -> None:
    write_all(tmp_path, INFO, [absent("gus")], now=NOW)
    assert not (tmp_path / "feedback").exists()


def test_a_refused_archive_is_told_to_the_student(tmp_path: Path) -> None:
    write_all(tmp_path, INFO, mixed(), now=NOW)
    report = (tmp_path / "feedback/fay/report.html").read_text()
    assert "mallory.zip is a bomb" in report
    assert "Hand in one file." in report
    assert "Not accepted" in report


class TestHidden:
    """A hidden check is in nothing that goes to a student, in any form."""

    def class_of(self) -> list[object]:
        made = records.wrong_values()
        hidden = "integers"
        checks = tuple(
            msgspec.structs.replace(
                each,
                title="SECRET title" if each.id == hidden else each.title,
                sentence="SECRET reason" if each.id == hidden else each.sentence,
                visibility=Visibility.HIDDEN if each.id == hidden else Visibility.VISIBLE,
            )
            for each in made.checks
        )
        cases = tuple(
            msgspec.structs.replace(each, explanation="SECRET case", concerns=(hidden,))
            if each.check == hidden
            else each
            for each in made.counterexamples
        )
        made = msgspec.structs.replace(
            made,
            checks=checks,
            counterexamples=cases,
            headline="SECRET headline",
            advice=("SECRET advice",),
            rubric=RubricInfo(title="r", source="SECRET rubric", digest="d"),
        )
        return [result("ada", made), result("bob", made, equal_to="ada")]

    def test_the_copy_hides_it_at_all(self) -> None:
        made = self.class_of()[0].record  # type: ignore[attr-defined]
        assert b"SECRET" in msgspec.json.encode(made)
        assert b"SECRET" not in msgspec.json.encode(for_audience(made, "student", NOW))

    def test_no_student_reads_of_it(self, tmp_path: Path) -> None:
        write_all(tmp_path, INFO, self.class_of(), now=NOW)  # type: ignore[arg-type]
        made = files(tmp_path)
        told = [name for name in made if name.startswith("feedback/")]
        assert len(told) == 2
        for name in (*told, "gradebook/moodle.csv", "gradebook/canvas.csv"):
            assert b"SECRET" not in made[name], name
        assert b"SECRET" in made["reports/ada/report.html"]
        assert b"SECRET" in made["index.html"]


@pytest.mark.parametrize(("hour", "seen"), [(11, False), (12, True)])
def test_what_shows_after_the_due_date_shows_from_then_on(
    tmp_path: Path, hour: int, seen: bool
) -> None:
    made = records.wrong_values()
    late = tuple(
        msgspec.structs.replace(each, title="LATER", visibility=Visibility.AFTER_DUE)
        if each.id == "integers"
        else each
        for each in made.checks
    )
    rubric = RubricInfo(title="r", due="2026-11-22T12:00:00+00:00")
    made = msgspec.structs.replace(made, checks=late, rubric=rubric)
    # Written before the date first: what is kept must not stay after it.
    write_all(tmp_path, INFO, [result("ada", made)], now=datetime(2026, 11, 22, 9, tzinfo=UTC))
    write_all(tmp_path, INFO, [result("ada", made)], now=datetime(2026, 11, 22, hour, tzinfo=UTC))
    report = (tmp_path / "feedback/ada/report.html").read_text()
    assert ("LATER" in report) == seen


def test_a_fault_tells_students_nothing_of_the_machine_that_graded(tmp_path: Path) -> None:
    where = "/srv/prof/week 3/grader"
    fault = Fault(
        kind="ToolchainFault", what=f"no compiler in {where}", remedy=f"Look into {where}.",
        stage="package", detail=f'File "{where}/run.py"',
    )  # fmt: skip
    made = msgspec.structs.replace(records.faulted(), fault=fault)
    write_all(tmp_path, INFO, [result("ada", made)], now=NOW)
    report = (tmp_path / "feedback/ada/report.html").read_text()
    assert "You lose nothing" in report
    assert "Your instructor is told why." in report
    assert "prof" not in report
    for name in ("reports/ada/report.html", "index.html"):
        assert where in (tmp_path / name).read_text()


def test_an_equal_program_shows_nothing_of_the_other_students_file(tmp_path: Path) -> None:
    """Equal programs may differ in their comments, and those are the other student's."""
    graded = records.does_not_compile()
    text = graded.submission.text + "\n# written by Ada at home\n"
    graded = msgspec.structs.replace(
        graded, submission=SubmissionInfo(name="ada_secret.mojo", sha256="aa", text=text)
    )
    own = Attempt(student="bob", number=1, source="b", name="bob.mojo", sha256="bb")
    made = result("bob", graded, who=student("bob"), attempt=own, equal_to="ada")
    write_all(tmp_path, INFO, [result("ada", graded), made], now=NOW)
    report = (tmp_path / "feedback/bob/report.html").read_text()
    assert "bob.mojo" in report
    assert "ada_secret" not in report
    assert "ctx.enqueue_function" not in report


class TestSimilarity:
    def test_nothing_is_compared_again_where_no_text_has_changed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_all(tmp_path, INFO, mixed(), now=NOW)
        before = files(tmp_path)
        with monkeypatch.context() as patched:
            patched.delattr("grader.batch.outputs.similarity_pages.study")
            write_all(tmp_path, INFO, mixed(), now=NOW)
        assert files(tmp_path) == before

    @pytest.mark.parametrize("harm", ["overview.msgpack", "index.html", "features.msgpack"])
    def test_what_is_missing_is_made_again(self, tmp_path: Path, harm: str) -> None:
        write_all(tmp_path, INFO, mixed(), now=NOW)
        before = files(tmp_path)
        (tmp_path / "similarity" / harm).unlink()
        write_all(tmp_path, INFO, mixed(), now=NOW)
        assert files(tmp_path) == before

    def test_an_overview_that_cannot_be_read_is_made_again(self, tmp_path: Path) -> None:
        write_all(tmp_path, INFO, mixed(), now=NOW)
        before = files(tmp_path)
        overview = tmp_path / "similarity/overview.msgpack"
        overview.write_bytes(b"\xc1" * overview.stat().st_size)
        write_all(tmp_path, INFO, mixed(), now=NOW)
        assert files(tmp_path) == before
