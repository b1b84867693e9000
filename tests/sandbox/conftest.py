"""The four worlds that every protection is tested in: two levels, root and an ordinary user."""

from __future__ import annotations

import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

from grader.sandbox import Isolation, Limits
from tests.sandbox import scenario
from tests.sandbox.scenario import Seen

Run = Callable[..., Seen]
_ORDINARY = 54_321
_WORLDS = [
    (level, who)
    for level in (Isolation.BWRAP, Isolation.LANDLOCK)
    for who in ("this user", "ordinary user")
]


def drop() -> None:
    """Become an ordinary user, for good."""
    os.setgroups([])
    os.setresgid(_ORDINARY, _ORDINARY, _ORDINARY)
    os.setresuid(_ORDINARY, _ORDINARY, _ORDINARY)
    os.environ["HOME"] = "/nonexistent"


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[ProcessPoolExecutor]:
    """A process that has dropped from root to an ordinary user."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=drop) as pool:
        yield pool


@functools.cache
def _why_not(level: Isolation) -> str:
    """Why ``level`` can't run here, as this user; empty where it can."""
    if scenario.interpreter(everybody=True) is None and (
        level is Isolation.LANDLOCK and os.geteuid() == 0
    ):
        return "no interpreter here that every user can reach"
    from grader.errors import SandboxFault

    try:
        scenario.run(level, "pass", limits=Limits(wall_seconds=20))
    except SandboxFault as fault:
        return fault.what
    return ""


@pytest.fixture(params=_WORLDS, ids=lambda world: f"{world[0]}, {world[1]}")
def run(request: pytest.FixtureRequest) -> Run:
    """`scenario.run` in one of the four worlds, with tight limits unless told otherwise."""
    level, who = request.param
    if who == "ordinary user":
        if os.geteuid() != 0:
            pytest.skip("this user is an ordinary user already")
        if scenario.interpreter(everybody=True) is None:
            pytest.skip("no interpreter here that every user can reach")
        pool: ProcessPoolExecutor = request.getfixturevalue("ordinary_user")
    elif why := _why_not(level):
        pytest.skip(f"{level} does not run here: {why}")

    def call(code: str, *arguments: str, **options: Any) -> Seen:
        options.setdefault("limits", Limits(wall_seconds=15))
        if who == "ordinary user":
            from grader.errors import SandboxFault

            try:
                return pool.submit(scenario.run, level, code, arguments, **options).result()
            except SandboxFault as fault:
                pytest.skip(f"{level} does not run for an ordinary user here: {fault.what}")
        return scenario.run(level, code, arguments, **options)

    call.level = level  # type: ignore[attr-defined]
    return call
