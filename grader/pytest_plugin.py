"""``pytest --grade FILE``: one test for each check, so that whatever runs pytest shows them.

A check that fails is a failed test, whatever the rubric's pass mark; one that was not made, and
extra credit that was not earned, are skipped. The last test is the verdict. Where there is no mark
(a file that is refused, a fault of the grader), the collection ends in an error, and no test has
failed.

The file is graded when its tests are collected: which checks there are to see, the record says.
pytest loads this module wherever the grader is installed, so it imports nothing until it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from grader.record import Record
    from grader.report.formats.elements import ReportedTest

_FILES = pytest.StashKey[frozenset[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which files, and how."""
    group = parser.getgroup("mojo-grade", "solutions of the Mojo GPU puzzles")
    group.addoption(
        "--grade",
        action="append",
        default=[],
        metavar="FILE",
        help="grade this file: one test for each check; may be given again",
    )
    group.addoption(
        "--grade-puzzle",
        default="auto",
        metavar="NAME",
        help="the puzzle that was set; auto takes the rubric's, else the one that the file is of",
    )
    group.addoption("--grade-rubric", metavar="FILE", help="TOML file with other points and sizes")


def pytest_configure(config: pytest.Config) -> None:
    """Collect the files; nothing else, where nobody names anything else."""
    named = config.getoption("--grade")
    config.stash[_FILES] = frozenset(Path(each).resolve() for each in named)
    if named:
        others = config.args if config.args_source is pytest.Config.ArgsSource.ARGS else []
        config.args = [*others, *named]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The tests of a file that is to be graded."""
    if file_path.resolve() in parent.config.stash[_FILES]:
        return GradedFile.from_parent(parent, path=file_path)
    return None


class GradedFile(pytest.File):
    """A submission."""

    def collect(self) -> Iterator[pytest.Item]:
        """Grade it."""
        from grader.audience import as_seen
        from grader.errors import GradeError
        from grader.record import Verdict
        from grader.report.formats import elements

        config = self.config
        try:
            record = _graded(
                self.path, config.getoption("--grade-puzzle"), config.getoption("--grade-rubric")
            )
        except GradeError as error:
            raise self.CollectError(f"{error.what}\n{error.remedy}".rstrip()) from error
        if record.verdict is Verdict.FAULT:
            raise self.CollectError(elements.fault_text(record))
        record = as_seen(record, "student")
        for check in elements.reported_tests(record):
            yield _CheckItem.from_parent(self, name=check.id, check=check, record=record)
        yield _VerdictItem.from_parent(self, name="verdict", record=record)


def _graded(path: Path, puzzle: str, rubric: str | None) -> Record:
    import grader

    return grader.grade(path, puzzle=puzzle, rubric=rubric)


class _NotRight(Exception):
    """What a failed test shows in place of a traceback."""


class _GradedItem(pytest.Item):
    def __init__(self, *, record: Record, **more: Any) -> None:
        super().__init__(**more)
        self.record = record

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _NotRight):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)


class _CheckItem(_GradedItem):
    """One check."""

    def __init__(self, *, check: ReportedTest, **more: Any) -> None:
        super().__init__(**more)
        self.check = check

    def runtest(self) -> None:
        from grader.record import Status
        from grader.report.formats import elements

        said = elements.reason_text(self.check)
        if self.check.status is Status.NOT_CHECKED:
            pytest.skip(said)
        if self.check.status is Status.FAILED:
            if self.check.extra:
                pytest.skip(f"Extra credit: {said}")
            case = elements.case_text(self.record, self.check.id)
            raise _NotRight("\n".join(each for each in (self.check.name, said, case) if each))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.path.name}: {self.check.name}"


class _VerdictItem(_GradedItem):
    """All in all. Checks that were not made leave no test that has failed, and no points."""

    def runtest(self) -> None:
        from grader.record import Verdict
        from grader.report.formats import elements

        if self.record.verdict is not Verdict.PASS:
            raise _NotRight(elements.screen_text(self.record))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.path.name}: the verdict"
