"""What other programs may use: `import grader`, as docs/puzzles.md has it."""

from __future__ import annotations

import html
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import grader
from grader import api
from grader.errors import UsageError
from grader.grading.state import Request
from grader.puzzles import find
from grader.record import RubricInfo, Visibility
from grader.rubric import starting_file
from tests.report import hostile, records

DOCUMENT = (Path(__file__).parents[1] / "docs/puzzles.md").read_text("utf-8")
TABLE = DOCUMENT.partition("## From Python")[2].partition("```")[0]


def test_the_documentation_has_every_name_and_no_other() -> None:
    cells = [line.split("|")[1] for line in TABLE.splitlines() if line.startswith("| `")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)", cell)}
    assert named == set(grader.__all__)


@pytest.mark.parametrize("name", grader.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(grader, name)
    assert found.__doc__
    assert len(found.__doc__.strip()) > 20


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="solve"):
        grader.solve  # noqa: B018 - the attribute is what is tested


def test_to_import_it_imports_nothing_of_it() -> None:
    code = "import grader, sys; print([m for m in sys.modules if m.startswith('grader.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _puzzle_of_the_document(folder: Path, change: tuple[str, str] = ("", "")) -> Path:
    code = DOCUMENT.partition("```python\n")[2].partition("```")[0].replace(*change)
    (folder / "scale/kernels/26.5").mkdir(parents=True)
    (folder / "scale/kernels/26.5/right.mojo").write_text("# ours\n", "utf-8")
    (folder / "scale/__init__.py").write_text(code, "utf-8")
    return folder


def test_the_puzzle_of_the_documentation_can_be_made(tmp_path: Path) -> None:
    find("map")
    (puzzle,) = grader.load_puzzles(_puzzle_of_the_document(tmp_path))
    assert (puzzle.name, puzzle.max_score) == ("scale", 100)
    assert puzzle.kernels == tmp_path / "scale/kernels"
    assert (puzzle.reference("26.5", "right"), puzzle.reference("26.5", "skeleton")) == (
        "# ours\n",
        None,
    )
    assert puzzle.reference("26.4", "right") is None, "an op is not rewritten"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('shape=("n",), domain', 'shape=("m",), domain'), "extent m"),
        (('parameters={"n": "n"}', 'parameters={"n": "m"}'), "parameter n is m"),
        (("Between(-99, 99)", "Between(99, -99)"), "domain of x"),
        (("expected=expected,", ""), "expected"),
        (("from pathlib import Path", "1 +"), "invalid syntax"),
    ],
)
def test_what_is_wrong_with_a_puzzle_is_named(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        grader.load_puzzles(_puzzle_of_the_document(tmp_path, change))
    assert "scale" in caught.value.what


def test_a_folder_without_puzzles_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no puzzles"):
        grader.load_puzzles(tmp_path)


def _command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "GRADE_PUZZLES": str(folder)}
    command = [sys.executable, "-m", "grader", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def test_the_commands_know_the_puzzles_of_a_folder_that_a_variable_names(tmp_path: Path) -> None:
    folder = _puzzle_of_the_document(tmp_path)
    rubric = _command(folder, "puzzles", "--rubric", "scale")
    assert 'puzzle = "scale"' in rubric.stdout
    assert _command(folder, "puzzles", "--rubric", "conv1d").returncode == 0
    (tmp_path / "empty.mojo").write_text("")
    refused = _command(folder, "submit", str(tmp_path / "empty.mojo"), "--puzzle", "scales")
    assert refused.returncode == 2
    assert "scale" in refused.stderr


def test_a_puzzle_of_the_course_may_not_have_the_name_of_another(tmp_path: Path) -> None:
    folder = _puzzle_of_the_document(tmp_path)
    (folder / "scale").rename(folder / "conv1d")
    refused = _command(folder, "puzzles", "--rubric", "conv1d")
    assert refused.returncode == 2
    assert "another name" in refused.stderr


def test_the_folder_of_a_puzzle_has_its_name(tmp_path: Path) -> None:
    folder = _puzzle_of_the_document(tmp_path)
    (folder / "scale").rename(folder / "double")
    with pytest.raises(UsageError, match="scale"):
        grader.load_puzzles(folder)


def in_a_notebook(record: Any) -> str:
    return record._repr_html_()


def test_a_notebook_shows_the_report() -> None:
    """In a frame, which neither takes styles from the page around it nor gives any."""
    record = records.wrong_values()
    shown = in_a_notebook(record)
    (page,) = re.findall(r'srcdoc="([^"]*)"', shown)
    assert shown.startswith("<iframe sandbox ")
    assert html.unescape(page).encode() == grader.render(record, "html")


def test_what_a_submission_says_does_not_leave_the_frame() -> None:
    made = hostile.poisoned(records.wrong_values(), '"></iframe><script>alert(1)</script>')
    shown = in_a_notebook(made)
    assert shown.count("<") == 2
    assert "<script" not in shown


def test_a_notebook_shows_a_student_nothing_that_is_hidden() -> None:
    made = records.wrong_values()
    hidden = replace(made.checks[-1], visibility=Visibility.HIDDEN, title="Nobody sees this")
    made = replace(made, checks=(*made.checks[:-1], hidden), rubric=RubricInfo(source="x"))
    assert "Nobody sees this" not in in_a_notebook(made)


def test_a_file_says_itself_which_puzzle_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Request] = []

    def graded(request: Request, *arguments: object, **more: object) -> grader.Record:
        asked.append(request)
        return records.passed()

    monkeypatch.setattr(api, "grade_request", graded)
    text = find("map").reference("26.5", "skeleton")
    assert text is not None
    (tmp_path / "x.mojo").write_text(text)
    grader.grade(tmp_path / "x.mojo")
    (tmp_path / "r.toml").write_text(starting_file(find("map")))
    grader.grade(tmp_path / "x.mojo", rubric=tmp_path / "r.toml")
    grader.grade(tmp_path / "x.mojo", puzzle="map")
    assert [each.puzzle_name for each in asked] == ["map"] * 3
    assert [bool(each.puzzle_reason) for each in asked] == [True, False, False]
    (tmp_path / "x.mojo").write_text("def main():\n    pass\n")
    with pytest.raises(UsageError):
        grader.grade(tmp_path / "x.mojo")
