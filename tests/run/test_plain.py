"""A program without a kernel, and what it can't do to the one who runs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from grader.intake import submission_from_bytes
from grader.lanes.program import ProgramPlace, Ran
from grader.run.running import RunRequest, Shows, run_built
from grader.run.text import MARK
from grader.sandbox import MIB, LimitHit, Limits
from tests.run.conftest import PROGRAMS, built_program

pytestmark = pytest.mark.slow

PLAIN = (PROGRAMS / "plain.mojo").read_bytes()


@pytest.fixture(scope="module")
def plain() -> Iterator[ProgramPlace]:
    with built_program("plain", PLAIN) as place:
        yield place


def run(place: ProgramPlace, *arguments: str, **limits: float) -> tuple[Ran, str]:
    """How it ended, and what was shown of it."""
    shown: list[str] = []
    request = RunRequest(
        shown="plain.mojo",
        program=submission_from_bytes("plain.mojo", PLAIN),
        arguments=arguments,
    )
    given = Limits(**{"wall_seconds": 60, **limits})  # type: ignore[arg-type]
    shows = Shows(said=shown.append, out=shown.append, error=shown.append)
    return run_built(place, request, given, shows), "".join(shown)


def test_a_program_without_a_kernel_runs(plain: ProgramPlace) -> None:
    ran, shown = run(plain, "arguments", "--simple", "two words")
    assert ran.outcome.exit_code == 0
    assert shown.splitlines()[1:] == ["arguments", "--simple", "two words"]
    assert ran.evidence is not None
    assert ran.evidence.launches == ()


def test_its_exit_code_is_kept(plain: ProgramPlace) -> None:
    assert run(plain, "code")[0].outcome.exit_code == 7
    ran, shown = run(plain, "raise")
    assert ran.outcome.exit_code == 1
    assert "not today" in shown


def test_a_forged_finding_is_marked_as_the_program_s(plain: ProgramPlace) -> None:
    _, shown = run(plain, "forge")
    assert "forged" in shown
    assert not any(line.startswith(MARK) for line in shown.splitlines())
    assert "\x1b" not in shown


def test_a_flood_is_stopped(plain: ProgramPlace) -> None:
    ran, _ = run(plain, "flood", output_bytes=MIB)
    assert ran.outcome.limit is LimitHit.OUTPUT


def test_a_program_that_does_not_end_is_stopped(plain: ProgramPlace) -> None:
    ran, _ = run(plain, "endless", wall_seconds=2)
    assert ran.outcome.limit is LimitHit.WALL_CLOCK


def test_memory_is_bounded(plain: ProgramPlace) -> None:
    ran, _ = run(plain, "memory", resident_bytes=512 * MIB)
    assert ran.outcome.limit is LimitHit.MEMORY


def test_files_of_the_machine_are_not_there(plain: ProgramPlace) -> None:
    ran, shown = run(plain, "files")
    assert ran.outcome.exit_code != 0
    assert "root:" not in shown
