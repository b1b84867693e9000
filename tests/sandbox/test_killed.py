"""Nothing of a submission outlives the grader, nor whoever was to end it, when one is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from grader.sandbox import Isolation, box
from tests.sandbox.scenario import interpreter, processes_with

SECONDS = 30.0
"""For the last process to be gone, on however busy a machine."""

READY = "open('ready', 'w').close()\n"
DEAF = """
import ctypes, os, resource, signal, time
os.nice(19)  # other tests run beside this one
for number in range(1, 32):
    if number not in (9, 17, 19): signal.signal(number, signal.SIG_IGN)
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)  # told of no parent's death
"""
PAYLOADS = {
    "daemons": f"""{DEAF}
for number in range(20):
    if os.fork() == 0:
        if number % 2: os.setsid()
        else: os.setpgid(0, 0)
        if os.fork() == 0: time.sleep(600)
        os._exit(0)
    os.wait()
{READY}
time.sleep(600)
""",
    # Never the same process twice: whoever stands in a list has ended before a signal reaches it.
    "chains of forks": f"""{DEAF}
for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        while True:
            with __import__("contextlib").suppress(OSError):
                if os.fork(): os._exit(0)
{READY}
time.sleep(600)
""",
    "a fork bomb": f"""{DEAF}
resource.setrlimit(resource.RLIMIT_NPROC, (80, 80))
{READY}
while True:
    try:
        if os.fork() == 0: os.setsid()
    except OSError: time.sleep(0.01)
""",
}
GRADER = """
import sys
from pathlib import Path
from grader.sandbox import Box, Isolation, Limits, Profile, Scratch, python_tree
from tests.sandbox import conftest, scenario
level, who, folder, code, token = sys.argv[1:]
if who == "ordinary user": conftest.drop()
tree = python_tree(scenario.interpreter(everybody=True))
level = Isolation(level)
box = Box(profile=Profile.WORKER, isolation=level, python=tree, scratch=Scratch(Path(folder)))
print("spawning", flush=True)
command = [str(tree.executable), "-I", "-S", "-c", code, token]
process = box.spawn(command, stage="s", limits=Limits(tasks=2000, wall_seconds=300))
print(process.pid, flush=True)
sys.stdin.read()
"""


class Killable(NamedTuple):
    """A grader in a process of its own, and how its submission's processes are found."""

    process: subprocess.Popen[bytes]
    token: str
    folder: Path

    def line(self) -> bytes:
        """The next line that it prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def reaper(self) -> int:
        """The process that it has started, once the submission does what it does."""
        assert self.line() == b"spawning"
        line = self.line()
        if not line:
            pytest.skip("this level does not run here")
        deadline = time.monotonic() + SECONDS
        while not list(self.folder.glob("*/scratch/work/ready")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return int(line)

    def left(self, reaper: int | None = None) -> list[str]:
        """What is left after some time, and still there."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            found = processes_with(self.token)
            if reaper is not None and Path(f"/proc/{reaper}/exe").exists():
                found.append("the reaper")
            if not found:
                # Of processes that come and go a list may hold none.
                time.sleep(0.1)
                found = processes_with(self.token)
            if not found:
                return []
            time.sleep(0.05)
        return found


@pytest.fixture(params=["this user", "ordinary user"])
def who(request: pytest.FixtureRequest) -> str:
    if request.param == "ordinary user" and os.geteuid() != 0:
        pytest.skip("this user is an ordinary user already")
    if interpreter(everybody=True) is None:
        pytest.skip("no interpreter here that every user can reach")
    return str(request.param)


@contextlib.contextmanager
def grader(level: Isolation, who: str, payload: str) -> Iterator[Killable]:
    """One that is told to grade ``payload``."""
    folder = Path(tempfile.mkdtemp(prefix="grade-test-"))
    folder.chmod(0o777)
    token = f"orphan-{time.monotonic_ns()}"
    process = subprocess.Popen(
        [sys.executable, "-c", GRADER, level, who, str(folder), PAYLOADS[payload], token],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        with process:
            yield Killable(process, token, folder)
            process.kill()
    finally:
        process.kill()
        _clean(token)
        shutil.rmtree(folder, ignore_errors=True)


def _clean(token: str) -> None:
    """A test that fails leaves nothing to the others either."""
    for _ in range(200):
        found = False
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError, ProcessLookupError):
                if token.encode() in entry.read_bytes():
                    found = True
                    os.kill(int(entry.parent.name), signal.SIGKILL)
        if not found:
            return


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("level", [Isolation.BWRAP, Isolation.LANDLOCK])
def test_nothing_outlives_a_grader_that_is_killed(level: Isolation, who: str, payload: str) -> None:
    with grader(level, who, payload) as started:
        reaper = started.reaper()
        assert processes_with(started.token)
        started.process.kill()
        started.process.wait()
        assert started.left(reaper) == []


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("level", [Isolation.BWRAP, Isolation.LANDLOCK])
def test_nothing_outlives_a_reaper_that_is_killed(level: Isolation, who: str, payload: str) -> None:
    with grader(level, who, payload) as started:
        os.kill(started.reaper(), signal.SIGKILL)
        assert started.left() == []
        assert started.process.poll() is None


# Not for bubblewrap: in its first milliseconds the child that it makes is bound to nobody yet, and
# stays behind asleep when bubblewrap is killed then, before it runs anything of a submission.
@pytest.mark.parametrize("seconds", [0.01, 0.04])
def test_nothing_outlives_a_grader_that_is_killed_at_once(who: str, seconds: float) -> None:
    with grader(Isolation.LANDLOCK, who, "daemons") as started:
        assert started.line() == b"spawning"
        time.sleep(seconds)
        started.process.kill()
        started.process.wait()
        time.sleep(0.3)  # or it would be looked for before it has begun
        assert started.left() == []


EARLY = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
import reaper
child = reaper.fork(os.getppid())
if child == 0:
    time.sleep(600)
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(reaper.reap(child))
"""


def test_a_death_that_is_told_before_the_reaper_waits_is_not_missed() -> None:
    inside = str(Path(box.__file__).parent / "inside")
    ended = subprocess.run([sys.executable, "-c", EARLY, inside], timeout=30, check=False)
    assert ended.returncode == 128 + signal.SIGKILL
