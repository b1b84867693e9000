"""What a process inside can't do: read, write, connect, inherit, gain."""

from __future__ import annotations

import json
import os
import pwd
import socket
from pathlib import Path

import pytest

from grader.sandbox import Isolation, Limits, Profile
from tests.sandbox.conftest import Run

TRY_TO_READ = """
import sys, os, json
got = {}
for path in sys.argv[2:]:
    try:
        got[path] = os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(40).hex()
        if got[path] == []:
            del got[path]
    except OSError:
        pass
print(json.dumps(got))
"""


def read(run: Run, *paths: object) -> dict[str, object]:
    seen = run(TRY_TO_READ, *map(str, paths))
    assert seen.outcome.exit_code == 0, seen.outcome.stderr
    answer: dict[str, object] = json.loads(seen.outcome.stdout)
    return answer


def test_files_of_the_machine_cannot_be_read(run: Run, tmp_path: Path) -> None:
    secret = tmp_path / "answers.txt"
    secret.write_text("42")
    for path in (*tmp_path.parents[:-2], tmp_path):
        path.chmod(0o755)
    tests = Path(__file__)
    assert read(run, "/etc/passwd", "/etc", secret, tests, tests.parent, "/var/log") == {}


def test_homes_show_nothing_but_the_interpreter(run: Run) -> None:
    names = read(run, "/home", pwd.getpwuid(0).pw_dir)
    assert all(shown in ([".pyenv"], [".local"]) for shown in names.values())


def test_other_processes_cannot_be_looked_at(run: Run) -> None:
    grader = f"/proc/{os.getpid()}"
    assert read(run, f"{grader}/environ", f"{grader}/cmdline", f"{grader}/maps") == {}


def test_the_toolchain_and_the_system_cannot_be_written(run: Run) -> None:
    seen = run(
        """
import os, sys
for directory in ("/", "/usr/lib", "/usr", os.path.dirname(os.__file__), "/proc/sys/kernel"):
    try:
        open(os.path.join(directory, "grade-test"), "w")
        print("wrote to", directory)
    except OSError:
        pass
"""
    )
    assert seen.outcome.stdout == b""


def test_the_scratch_directory_can_be_written_and_is_gone_afterwards(run: Run) -> None:
    seen = run("open('here', 'w').write('x'); import os; print(os.listdir('.'))")
    assert seen.outcome.stdout == b"['here']\n"
    assert not seen.scratch_left


def test_there_is_no_network(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        seen = run(
            f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)",
        )
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert seen.outcome.exit_code == 1
    assert b"PermissionError" in seen.outcome.stderr


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "AF_VSOCK"])
def test_no_socket_of_any_family_can_be_made(run: Run, family: str) -> None:
    seen = run(f"import socket; socket.socket(socket.{family}, socket.SOCK_STREAM)")
    assert b"PermissionError" in seen.outcome.stderr


def test_a_socket_pair_still_works(run: Run) -> None:
    seen = run("import socket; a, b = socket.socketpair(); a.send(b'x'); print(b.recv(1))")
    assert seen.outcome.stdout == b"b'x'\n"


def test_nothing_is_inherited_from_the_environment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADE_SECRET", "s3cret")
    seen = run("import os; print(sorted(os.environ))", environment={"MINE": "1"})
    names = ["HOME", "LANG", "MINE", "PATH", "PYTHONDONTWRITEBYTECODE", "TMPDIR"]
    assert seen.outcome.stdout.decode().strip() == str(names)


def test_no_descriptor_is_open_but_the_standard_ones(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "leak", "w", encoding="ascii") as leak:
        os.set_inheritable(leak.fileno(), True)
        seen = run(
            "import os\n"
            "for fd in range(3, 1000):\n"
            "    try: os.fstat(fd); print(fd)\n"
            "    except OSError: pass\n"
        )
    assert seen.outcome.stdout == b""


def test_it_is_an_ordinary_user_without_capabilities(run: Run) -> None:
    seen = run("print(open('/proc/self/status').read())")
    status = dict(
        line.split(":\t", 1) for line in seen.outcome.stdout.decode().splitlines() if ":\t" in line
    )
    assert int(status["Uid"].split()[0]) > 0
    assert len(set(status["Uid"].split())) == len(set(status["Gid"].split())) == 1
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")} == {0}
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"


@pytest.mark.parametrize(
    "attempt",
    [
        "libc.unshare(0x10000000)",  # CLONE_NEWUSER
        "libc.unshare(0x20000)",  # CLONE_NEWNS
        "libc.ptrace(16, os.getppid(), 0, 0)",  # PTRACE_ATTACH
        "libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0)",
        "libc.chroot(b'.')",
        "libc.syscall(321, 0, 0, 0) if os.uname().machine == 'x86_64' else -1",  # bpf
        "libc.prlimit(os.getppid(), 0, ctypes.c_char_p(bytes(16)), 0)",
    ],
)
def test_dangerous_system_calls_fail(run: Run, attempt: str) -> None:
    seen = run(f"import ctypes, os; libc = ctypes.CDLL(None); print({attempt})")
    assert seen.outcome.stdout == b"-1\n", seen.outcome.stderr


def test_it_cannot_signal_the_grader(run: Run) -> None:
    seen = run(
        "import os, sys, signal\n"
        "for pid in map(int, sys.argv[2:]):\n"
        "    try: os.kill(pid, signal.SIGTERM); print('signalled', pid)\n"
        "    except OSError: pass\n",
        str(os.getpid()),
    )
    assert seen.outcome.stdout == b""


def test_abort_still_works(run: Run) -> None:
    assert run("import os; os.abort()").outcome.signal == 6


def test_the_device_profile_has_nothing_to_write_to(run: Run) -> None:
    if run.level is not Isolation.LANDLOCK:  # type: ignore[attr-defined]
        code = "import os; print([d for d in ('/', '/usr') if os.access(d, os.W_OK)])"
    else:
        code = (
            "import os\n"
            "found = []\n"
            "for d in ('/tmp', '/var/tmp', '/dev/shm'):\n"
            "    try: open(d + '/grade-test', 'w'); found.append(d)\n"
            "    except OSError: pass\n"
            "print(found)"
        )
    seen = run(code, profile=Profile.DEVICE, limits=Limits(wall_seconds=15))
    assert seen.outcome.stdout == b"[]\n"
