"""How a box is set up, and what a caller may rely on."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.errors import SandboxFault, ToolchainFault
from grader.sandbox import (
    Box,
    Isolation,
    LimitHit,
    Limits,
    Profile,
    Scratch,
    Wanted,
    probe,
    python_tree,
)

QUICK = Limits(wall_seconds=15)


@pytest.fixture(scope="module")
def level() -> Isolation:
    try:
        return probe(Wanted.STRICT).level
    except SandboxFault as fault:
        pytest.skip(f"bubblewrap does not run here: {fault.what}")


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    with Scratch() as made:
        yield made


@pytest.fixture
def box(level: Isolation, scratch: Scratch) -> Box:
    return Box(
        profile=Profile.WORKER,
        isolation=level,
        python=python_tree(Path(sys.executable)),
        scratch=scratch,
    )


def python(box: Box, code: str, *arguments: str) -> list[str]:
    return [box.inside(box.python.executable), "-I", "-S", "-c", code, *arguments]


def test_files_of_the_grader_are_there_before_the_first_process(box: Box, scratch: Scratch) -> None:
    path = scratch.install("op/conv1d.mojo", b"source")
    command = python(box, "import sys; print(open(sys.argv[1]).read())", box.inside(path))
    assert box.spawn(command, stage="s", limits=QUICK).wait().stdout == b"source\n"


def test_nothing_can_be_installed_afterwards(box: Box, scratch: Scratch) -> None:
    box.spawn(python(box, "pass"), stage="s", limits=QUICK).wait()
    with pytest.raises(SandboxFault, match="after a submission had run"):
        scratch.install("late", b"")


def test_what_one_process_leaves_the_next_one_finds(box: Box) -> None:
    first = python(box, "open('../cache/op.mojoc', 'w').write('packaged')")
    assert box.spawn(first, stage="packaging", limits=QUICK).wait().exit_code == 0
    second = python(box, "print(open('../cache/op.mojoc').read())")
    assert box.spawn(second, stage="worker", limits=QUICK).wait().stdout == b"packaged\n"


def test_two_submissions_do_not_see_each_other(box: Box, level: Isolation) -> None:
    write = "open('/tmp/mine', 'w'); open('mine', 'w')"
    assert box.spawn(python(box, write), stage="s", limits=QUICK).wait().exit_code == 0
    with Scratch() as other:
        stranger = Box(profile=Profile.WORKER, isolation=level, python=box.python, scratch=other)
        look = "import os; print(os.listdir('.'), os.path.exists('/tmp/mine'))"
        outcome = stranger.spawn(python(stranger, look), stage="s", limits=QUICK).wait()
    assert outcome.stdout == b"[] False\n"


def test_a_passed_descriptor_keeps_its_number_and_works_both_ways(box: Box) -> None:
    import socket

    ours, theirs = socket.socketpair()
    with ours, theirs:
        code = (
            "import socket, sys\n"
            "channel = socket.socket(fileno=int(sys.argv[1]))\n"
            "channel.sendall(channel.recv(5)[::-1])\n"
        )
        process = box.spawn(
            python(box, code, str(theirs.fileno())),
            stage="s",
            limits=QUICK,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        ours.sendall(b"hello")
        ours.settimeout(10)
        assert ours.recv(5) == b"olleh"
        assert process.wait().exit_code == 0
        assert ours.recv(1) == b""


def test_a_mount_can_have_another_name_inside(level: Isolation, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("shown")
    tmp_path.chmod(0o755)
    (tmp_path / "x").chmod(0o644)
    with Scratch() as scratch:
        box = Box(
            profile=Profile.WORKER,
            isolation=level,
            python=python_tree(Path(sys.executable)),
            read_only=[(tmp_path, "/neutral/name")],
            scratch=scratch,
        )
        assert box.inside(tmp_path / "x") == "/neutral/name/x"
        code = (
            "print(open('/neutral/name/x').read())\n"
            "try: open('/neutral/name/x', 'w')\n"
            "except OSError as e: print(type(e).__name__, e.errno)\n"
        )
        outcome = box.spawn(python(box, code), stage="s", limits=QUICK).wait()
    assert outcome.stdout.splitlines()[0] == b"shown"
    assert b"OSError 30" in outcome.stdout or b"PermissionError 13" in outcome.stdout


def test_a_path_that_is_not_shown_has_no_name_inside(box: Box) -> None:
    with pytest.raises(ValueError, match="not visible"):
        box.inside(Path("/etc/passwd"))


def test_a_command_that_does_not_exist_is_our_fault_with_its_reason(box: Box) -> None:
    with pytest.raises(SandboxFault, match=r"starting /nowhere/mojo: No such file"):
        box.spawn(["/nowhere/mojo"], stage="s", limits=QUICK)


def test_a_directory_that_does_not_exist_is_our_fault_too(box: Box) -> None:
    with pytest.raises(SandboxFault, match="working directory"):
        box.spawn(python(box, "pass"), stage="s", limits=QUICK, directory="/nowhere")


def test_a_new_stage_has_a_clock_of_its_own(box: Box) -> None:
    process = box.spawn(
        python(box, "import time; time.sleep(60)"), stage="one", limits=Limits(wall_seconds=0.6)
    )
    time.sleep(0.3)
    process.begin_stage("two", Limits(wall_seconds=0.6))
    outcome = process.wait(10)
    assert (outcome.stage, outcome.limit) == ("two", LimitHit.WALL_CLOCK)
    assert 0.5 < outcome.stage_seconds < outcome.wall_seconds
    assert outcome.wall_seconds > 0.85


def test_waiting_can_time_out_without_harm(box: Box) -> None:
    process = box.spawn(
        python(box, "import time; time.sleep(0.6); print('done')"), stage="s", limits=QUICK
    )
    with pytest.raises(TimeoutError):
        process.wait(0.05)
    assert process.outcome is None
    assert process.wait().stdout == b"done\n"
    assert process.outcome is not None


def test_killing_twice_and_late_is_harmless(box: Box) -> None:
    process = box.spawn(python(box, "print('x')"), stage="s", limits=QUICK)
    assert process.wait().exit_code == 0
    outcome = process.kill()
    assert (outcome.exit_code, outcome.killed) == (0, False)
    assert process.kill() is outcome


def test_the_thread_that_starts_a_process_may_end_first(box: Box) -> None:
    started = []
    code = "import time; time.sleep(0.5); print('alive')"
    thread = threading.Thread(
        target=lambda: started.append(box.spawn(python(box, code), stage="s", limits=QUICK))
    )
    thread.start()
    thread.join()
    assert started[0].wait().stdout == b"alive\n"


def test_many_at_once(box: Box) -> None:
    running = [
        box.spawn(python(box, f"print({number})"), stage="s", limits=QUICK) for number in range(8)
    ]
    assert [int(process.wait().stdout) for process in running] == list(range(8))


def test_no_descriptor_leaks(box: Box) -> None:
    box.spawn(python(box, "pass"), stage="s", limits=QUICK).wait()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        box.spawn(python(box, "pass"), stage="s", limits=QUICK).wait()
        with pytest.raises(SandboxFault):
            box.spawn(["/nowhere"], stage="s", limits=QUICK)
    assert len(os.listdir("/proc/self/fd")) == before


def test_no_zombie_is_left(box: Box) -> None:
    process = box.spawn(python(box, "import time; time.sleep(9)"), stage="s", limits=QUICK)
    process.kill()
    assert not os.path.exists(f"/proc/{process.pid}")


def test_an_interpreter_that_does_not_start_is_a_fault_of_the_toolchain(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/nowhere\n")
    broken.chmod(0o755)
    with pytest.raises(ToolchainFault, match="does not start"):
        python_tree(broken)


def test_an_environment_around_a_home_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    fake = tmp_path / "python"
    facts = {
        "executable": [str(tmp_path / "bin/python")],
        "prefixes": [str(tmp_path)],
        "library": [str(tmp_path)],
        "subdirectory": ["lib/python3"],
        "path": [],
    }
    fake.write_text(f"#!/bin/sh\necho '{json.dumps(facts)}'\n")
    fake.chmod(0o755)
    with pytest.raises(SandboxFault, match="home directory"):
        python_tree(fake)


def test_without_isolation_the_limits_still_hold(scratch: Scratch) -> None:
    box = Box(
        profile=Profile.WORKER,
        isolation=Isolation.NONE,
        python=python_tree(Path(sys.executable)),
        scratch=scratch,
    )
    code = (
        "import os, time\n"
        "if os.fork() == 0: os.setsid()\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(60)"
    )
    outcome = box.spawn(python(box, code), stage="s", limits=Limits(wall_seconds=0.7)).wait(15)
    assert outcome.limit is LimitHit.WALL_CLOCK
    pids = outcome.stdout.split()
    assert len(pids) == 2
    assert not any(os.path.exists(f"/proc/{int(pid)}") for pid in pids)


def test_a_listener_hears_both_outputs_as_they_come(box: Box) -> None:
    heard: list[tuple[int, bytes]] = []
    first = threading.Event()

    def listen(stream: int, chunk: bytes) -> None:
        heard.append((stream, chunk))
        first.set()

    code = (
        "import sys, time; print('out', flush=True); time.sleep(1); print('err', file=sys.stderr)"
    )
    process = box.spawn(python(box, code), stage="test", limits=QUICK, listen=listen)
    with process:
        assert first.wait(10)
        assert process.outcome is None
        outcome = process.wait(20)
    assert heard == [(0, b"out\n"), (1, b"err\n")]
    assert (outcome.stdout, outcome.stderr) == (b"out\n", b"err\n")
