"""Programs that are built once and run by many tests."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.lanes.devices import HowToRun
from grader.lanes.program import ProgramPlace, Ran, open_program
from grader.model.part import Budget
from grader.run.document import SourceFile
from grader.sandbox import Limits, Wanted, probe_once
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate

PROGRAMS = Path(__file__).parent / "programs"
KINDS = (PROGRAMS / "kinds.mojo").read_text("utf-8")
ENDLESS = 20_000
"""Instructions of one thread after which a kernel is called endless."""

RunKinds = Callable[[str], tuple[Ran, SourceFile]]


@contextlib.contextmanager
def built_program(module: str, source: bytes) -> Iterator[ProgramPlace]:
    """A program of edition 26.5, built."""
    with open_program(
        source,
        module,
        locate(editions.find("26.5")),
        isolation=probe_once(Wanted.AUTO).level,
        device="software",
    ) as place:
        built = place.build(Limits(wall_seconds=300))
        assert built.ok, built.output
        yield place


@pytest.fixture(scope="session")
def built_kinds() -> Iterator[ProgramPlace]:
    with built_program("kinds", KINDS.encode()) as place:
        yield place


@pytest.fixture
def run_kinds(built_kinds: ProgramPlace) -> RunKinds:
    """Runs `kinds.mojo` with a flag."""

    def run(flag: str) -> tuple[Ran, SourceFile]:
        ran = built_kinds.run(
            [flag],
            Limits(wall_seconds=120),
            lambda stream, chunk: None,
            how=HowToRun(budget=Budget(thread=ENDLESS)),
        )
        return ran, SourceFile(text=KINDS, module="kinds", compiled_as=built_kinds.source)

    return run
