"""The README's commands begin where a newcomer is, and what they name exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from grader.cli.root import root

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
FIRST, SECOND = re.findall(r"^```\n(.*?)\n```", README, re.DOTALL | re.MULTILINE)[0].splitlines()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def steps(line: str) -> list[list[str]]:
    """The commands of one line, each as its words."""
    return [shlex.split(step) for step in line.split("&&")]


def test_the_first_line_begins_where_a_newcomer_is_and_ends_with_a_grade() -> None:
    programs = [words[0] for words in steps(FIRST)]
    assert programs == ["git", "cd", "python3", ".", "pip", "grade"]
    clone, enter, make, activate, install, _grade = steps(FIRST)
    assert clone[-1].rpartition("/")[2] == enter[1]
    assert make[1:] == ["-m", "venv", ".venv"]
    assert activate[1] == ".venv/bin/activate"
    assert install[1:] == ["install", "."]


def test_what_the_first_line_grades_is_there() -> None:
    *_, (_grade, command, file) = steps(FIRST)
    assert command in root.commands
    assert (ROOT / file).is_file()


def test_ci_runs_the_second_line() -> None:
    install, test = steps(SECOND)
    lines = (ROOT / ".ci/run").read_text().splitlines()
    ran = [shlex.split(line) for line in lines if line.startswith(("pip ", "pytest"))]
    assert test in ran
    assert any(words[:2] == install[:2] and words[-1] == install[-1] for words in ran)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    code = re.findall(r"^```.*?^```", text, re.DOTALL | re.MULTILINE) + re.findall(
        r"`[^`\n]+`", text
    )
    named = re.findall(r"(?:^|`|&& )grade ([a-z]+)\b", "\n".join(code), re.MULTILINE)
    assert set(named) <= set(root.commands)
