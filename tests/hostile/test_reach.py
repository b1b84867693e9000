"""What host code can reach: each attack bites without isolation, and does nothing with it.

The payload is Python where a submission's would be Mojo: to the machine both are
the same native process.
"""

from __future__ import annotations

import socket
import subprocess
import time

import pytest

from grader.sandbox import Isolation, Limits, Scratch
from tests.hostile.conftest import why_not
from tests.sandbox import scenario

# Each prints BITTEN where it works; {} are filled in by the test that owns what is attacked.
ATTACKS = {
    "read a file of the grader": "print('BITTEN' if 'secret' in open(sys.argv[2]).read() else '')",
    "write into a folder of the machine": "open(sys.argv[3] + '/marker', 'w'); print('BITTEN')",
    "swap a file in the cache of another submission": (
        "open(sys.argv[4] + '/cache/plan.mef', 'w').write('mine'); print('BITTEN')"
    ),
    "read the secret from the grader's environment": (
        "print('BITTEN' if b'SECRET-OF-THE-GRADER' in "
        "open('/proc/' + sys.argv[5] + '/environ', 'rb').read() else '')"
    ),
    "read the secret from its own environment": (
        "print('BITTEN' if 'GRADE_SECRET' in os.environ else '')"
    ),
    "open the grader's memory": (
        "os.open('/proc/' + sys.argv[5] + '/mem', os.O_RDWR); print('BITTEN')"
    ),
    "connect to a server of this machine": (
        "s = socket.create_connection(('127.0.0.1', int(sys.argv[6])), 3); print('BITTEN')"
    ),
    "start a program": "print('BITTEN' if os.system('exit 7') >> 8 == 7 else '')",
}
STILL_POSSIBLE = {"start a program"}
"""Harmless inside: the program is in the same sandbox."""
NEVER_BITES = {"read the secret from its own environment"}
"""The grader hands its environment to nobody, at any level."""


@pytest.fixture
def targets(tmp_path, monkeypatch):
    """What the attacks are aimed at: arguments for the payload."""
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    monkeypatch.setenv("GRADE_SECRET", "SECRET-OF-THE-GRADER")
    holder = subprocess.Popen(["/bin/sleep", "60"])
    with Scratch() as other, socket.create_server(("127.0.0.1", 0)) as server:
        yield [
            str(secret),
            str(tmp_path),
            str(other.path),
            str(holder.pid),
            str(server.getsockname()[1]),
        ]
        assert list((other.path / "cache").iterdir()) == [] or tmp_path.joinpath("bitten").exists()
    holder.kill()
    holder.wait()


def attack(level, name, targets):
    code = f"import os, socket, sys\n{ATTACKS[name]}"
    return scenario.run(level, code, targets, limits=Limits(wall_seconds=15))


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - NEVER_BITES))
def test_without_isolation_it_bites(name, targets, tmp_path):
    (tmp_path / "bitten").touch()
    seen = attack(Isolation.NONE, name, targets)
    assert b"BITTEN" in seen.outcome.stdout, seen.outcome.stderr.decode()


@pytest.mark.parametrize("name", sorted(set(ATTACKS) - STILL_POSSIBLE))
def test_in_the_sandbox_it_does_nothing(name, targets, tmp_path):
    if why := why_not():
        pytest.skip(f"bubblewrap does not run here: {why}")
    seen = attack(Isolation.BWRAP, name, targets)
    assert b"BITTEN" not in seen.outcome.stdout
    assert not (tmp_path / "marker").exists()
    assert seen.survivors == []
    assert not seen.scratch_left


DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1)
        try:
            open(sys.argv[2] + '/daemon-was-here', 'w')
        finally:
            os._exit(0)
os._exit(0)
"""


def test_a_daemon_bites_when_it_is_just_started(tmp_path):
    """Not through the sandbox at level none: its reaper ends daemons at every level."""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", DAEMON, "x", str(tmp_path)], check=True)
    deadline = time.monotonic() + 10
    while not (tmp_path / "daemon-was-here").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (tmp_path / "daemon-was-here").exists()


@pytest.mark.parametrize("level", [Isolation.BWRAP, Isolation.NONE])
def test_a_daemon_leaves_nothing_running_and_writes_nothing(level, tmp_path):
    if level is Isolation.BWRAP and (why := why_not()):
        pytest.skip(f"bubblewrap does not run here: {why}")
    seen = scenario.run(level, DAEMON, [str(tmp_path)], limits=Limits(wall_seconds=15))
    time.sleep(1.5)
    assert seen.survivors == []
    assert not (tmp_path / "daemon-was-here").exists()
