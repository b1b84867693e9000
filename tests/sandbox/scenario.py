"""Run a Python payload in a sandbox and hand back what can be seen from outside.

Importable by name, because for the tests as an ordinary user it runs in
another process, which has given up root.
"""

from __future__ import annotations

import os
import resource  # noqa: F401 - os.wait4 imports it late, out of reach of the ordinary user
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from grader.sandbox import Box, Isolation, Limits, Outcome, Profile, Scratch, process, python_tree


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a payload did."""

    outcome: Outcome
    survivors: list[str]
    """Command lines of processes of the payload that are still there."""
    scratch_left: bool
    seconds: float


def interpreter(*, everybody: bool) -> Path | None:
    """An interpreter for the payload; ``everybody``: that any user can reach."""
    for candidate in (Path(sys.executable), Path("/usr/bin/python3")):
        tree = python_tree(candidate) if os.path.exists(candidate) else None
        if tree and (not everybody or all(map(_open_to_all, tree.roots))):
            return candidate
    return None


def _open_to_all(path: Path) -> bool:
    return all(p.stat().st_mode & 0o001 for p in path.parents) and bool(path.stat().st_mode & 0o004)


def run(
    level: Isolation,
    code: str,
    arguments: Sequence[str] = (),
    *,
    limits: Limits,
    environment: Mapping[str, str] | None = None,
    profile: Profile = Profile.WORKER,
    kill_after: float | None = None,
    sample_seconds: float | None = None,
) -> Seen:
    """Run ``code`` at ``level`` until it ends, or is ended; its watcher may look more seldom."""
    everybody = level is not Isolation.BWRAP or os.geteuid() != 0
    python = interpreter(everybody=everybody)
    assert python is not None
    token = f"payload-{os.getpid()}-{time.monotonic_ns()}"
    started = time.monotonic()
    with Scratch() as scratch, pytest.MonkeyPatch.context() as patch:
        if sample_seconds is not None:
            patch.setattr(process, "_FAST", sample_seconds)
            patch.setattr(process, "_SLOW", sample_seconds)
        box = Box(
            profile=profile,
            isolation=level,
            python=python_tree(python),
            scratch=scratch if profile is Profile.WORKER else None,
        )
        spawned = box.spawn(
            [str(box.python.executable), "-I", "-S", "-c", code, token, *arguments],
            stage="test",
            limits=limits,
            environment=environment,
        )
        if kill_after is not None:
            time.sleep(kill_after)
            outcome = spawned.kill()
        else:
            outcome = spawned.wait(limits.wall_seconds + 20)
    return Seen(
        outcome=outcome,
        survivors=processes_with(token),
        scratch_left=scratch.path.parent.exists(),
        seconds=time.monotonic() - started,
    )


def processes_with(token: str) -> list[str]:
    """The command lines, machine-wide, that hold ``token``, but for the grader's own."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                line = Path("/proc", entry.name, "cmdline").read_bytes()
            except OSError:
                continue
            if token.encode() in line and b"grader.sandbox" not in line:
                found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
    return found
