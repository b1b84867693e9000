"""What `grade submit` does around a grading: where reports go, and what is said of the cases."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from grader.book import identify
from grader.book.identify import choose
from grader.cli import submit as module
from grader.cli.submit import submit
from grader.errors import OtherPuzzle, SubmissionRefused, UsageError
from grader.grading.records import puzzle_info
from grader.grading.state import Request
from grader.puzzles import find
from grader.record import Record, Verdict, load
from grader.report import FORMATS
from grader.rubric import starting_file
from tests.book.test_identify import TOPICS, source
from tests.report import records

PAIRS = [
    ("a/conv1d.mojo", "b/conv1d.mojo"),
    ("conv1d.mojo", "a/conv1d.mojo"),
    ("a/conv1d.mojo", "a/conv1d.txt"),
    ("a/conv1d.mojo", "a/conv1d"),
    ("a b/conv1d.mojo", "ab/conv1d.mojo"),
    ("a/b/conv1d.mojo", "a-b/conv1d.mojo"),
    ("../x/conv1d.mojo", "x/conv1d.mojo"),
    ("../x/conv1d.mojo", "../y/conv1d.mojo"),
    ("*.mojo", "?.mojo"),
    (".mojo", "..mojo"),
    (f"{'x' * 200}1.mojo", f"{'x' * 200}2.mojo"),
    ("-", "submission.mojo"),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_files_never_overwrite_each_others_reports(
    one: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [module.folder_of(Path(name)) for name in (one, other)]
    assert folders[0] != folders[1]
    for folder in folders:
        assert folder.parts
        assert ".." not in folder.parts
        assert not folder.is_absolute()


@pytest.mark.parametrize("name", ["a/conv1d.mojo", "../x/conv1d.mojo", "a b/c.mojo", "-"])
def test_the_same_file_has_the_same_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert module.folder_of(Path(name)) == module.folder_of(Path(name))
    if not name.startswith("-"):
        assert module.folder_of(Path(name)) == module.folder_of(Path(os.path.abspath(name)))


def test_the_reports_of_two_folders_are_both_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "conv1d.mojo").write_bytes(folder.encode() + b"\0")
        ended = CliRunner().invoke(submit, [f"{folder}/conv1d.mojo"])
        assert isinstance(ended.exception, SubmissionRefused)
    found = list(tmp_path.glob("grade-out/**/record.json"))
    assert len(found) == 2
    assert all(load(path).verdict is Verdict.REFUSED for path in found)


@pytest.mark.parametrize(
    ("asked", "ran", "told"),
    [
        (["--examples", "1"], 51, True),
        (["--examples", "50"], 51, True),
        (["--examples", "51"], 51, False),
        (["--examples", "1"], 0, False),
        ([], 260, False),
    ],
)
def test_more_cases_than_were_asked_for_are_told(
    asked: list[str], ran: int, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grade(*arguments: object, **more: object) -> Record:
        return msgspec.structs.replace(records.passed(), cases_run=ran)

    monkeypatch.setattr("grader.grading.run.grade", grade)
    (tmp_path / "x.mojo").write_text("pass\n")
    call = [str(tmp_path / "x.mojo"), "--puzzle", "conv1d", "--out", str(tmp_path / "out"), *asked]
    ended = CliRunner().invoke(submit, call)
    assert ended.exit_code == 0
    assert ("Note:" in ended.output) is told
    assert (f"{ran} cases were run" in ended.output) is told


def test_a_run_is_compared_with_the_one_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the same file in the same folder, or with the record that is named."""
    file, out = tmp_path / "x.mojo", tmp_path / "out"
    file.write_text("pass\n")

    def run(made: Record, sha: str, *more: str) -> str:
        shown = msgspec.structs.replace(made.submission, name="x.mojo", sha256=sha)
        made = msgspec.structs.replace(made, submission=shown)
        monkeypatch.setattr("grader.grading.run.grade", lambda *a, **k: made)
        call = [str(file), "--puzzle", "conv1d", "--out", str(out), *more]
        return CliRunner().invoke(submit, call).output

    assert "Since last time" not in run(records.wrong_values(), "1")
    before = out / "record.json"
    (tmp_path / "kept.json").write_bytes(before.read_bytes())
    score = records.wrong_values().score
    title = f"Since last time: {score} → 100 points"
    assert title in run(records.passed(), "2")
    assert title in (out / "report.html").read_text("utf-8")
    before.write_text("{")
    assert "Since last time" not in run(records.passed(), "3")
    assert title in run(records.passed(), "4", "--since", str(tmp_path / "kept.json"))


class TestWhichPuzzle:
    """The file of another puzzle is told so at once, and has no mark."""

    SOFTMAX = source(TOPICS["softmax"], TOPICS["softmax"].functions[0])

    @pytest.fixture
    def two(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A grader that has two puzzles, so that a file has to tell which it is of."""
        names = ("conv1d", "attention")
        monkeypatch.setattr("grader.cli.options.NAMES", names)
        monkeypatch.setattr(identify, "choose", lambda text: choose(text, installed=names))

    @staticmethod
    def submitted(text: str, folder: Path, *arguments: str) -> tuple[Record, BaseException | None]:
        file, out = folder / "mine.mojo", folder / "out"
        file.write_text(text)
        call = [str(file), "--out", str(out), "--format", ",".join(FORMATS), *arguments]
        ended = CliRunner().invoke(submit, call)
        return load(out / "record.json"), ended.exception

    def test_another_puzzles_file_is_refused_before_anything_is_compiled(
        self, tmp_path: Path
    ) -> None:
        record, error = self.submitted(self.SOFTMAX, tmp_path, "--puzzle", "conv1d")
        assert isinstance(error, OtherPuzzle)
        assert error.name == "softmax"
        assert (record.verdict, record.puzzle.name) == (Verdict.REFUSED, "conv1d")
        assert "puzzle 18" in record.headline
        assert not record.stages

    @pytest.mark.usefixtures("two")
    def test_a_puzzle_that_the_grader_lacks_is_named_in_every_format(self, tmp_path: Path) -> None:
        record, error = self.submitted(self.SOFTMAX, tmp_path)
        assert isinstance(error, OtherPuzzle)
        assert (record.puzzle.name, record.max_score) == ("softmax", 0)

    @pytest.mark.usefixtures("two")
    def test_a_file_that_can_not_be_read_shows_no_puzzle(self, tmp_path: Path) -> None:
        record, error = self.submitted("", tmp_path)
        assert isinstance(error, SubmissionRefused)
        assert (record.verdict, record.puzzle.name) == (Verdict.REFUSED, "")

    @pytest.mark.usefixtures("two")
    def test_nothing_is_guessed(self, tmp_path: Path) -> None:
        (tmp_path / "x.mojo").write_text("def main():\n    pass\n")
        ended = CliRunner().invoke(submit, [str(tmp_path / "x.mojo"), "--out", str(tmp_path)])
        assert isinstance(ended.exception, UsageError)
        assert "--puzzle" in ended.exception.remedy

    @pytest.mark.usefixtures("two")
    def test_the_record_says_why_it_is_this_puzzle(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[Request] = []

        def grade(request: Request, *arguments: object, **more: object) -> Record:
            asked.append(request)
            return records.passed()

        monkeypatch.setattr("grader.grading.run.grade", grade)
        topic = TOPICS["conv1d"]
        self.submitted(source(topic, topic.functions[0]), tmp_path)
        assert asked[0].puzzle_name == "conv1d"
        shown = puzzle_info(asked[0].puzzle, asked[0].puzzle_reason)
        assert "registers the op conv1d" in shown.reason

    @pytest.mark.usefixtures("two")
    def test_a_rubric_says_which_puzzle_was_set(self, tmp_path: Path) -> None:
        rubric = tmp_path / "rubric.toml"
        rubric.write_text(starting_file(find("conv1d")))
        record, error = self.submitted(self.SOFTMAX, tmp_path, "--rubric", str(rubric))
        assert isinstance(error, OtherPuzzle)
        assert record.puzzle.name == "conv1d"
        assert record.rubric is not None
