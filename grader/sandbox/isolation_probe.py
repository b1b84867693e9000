"""Which isolation this machine reaches: found by running the real configuration once.

The trial run takes 0.1 to 0.2 s, which a student whose file does not compile would wait for each
time. So `probe_once` keeps a *good* answer, bubblewrap, in the user's cache for as long as nothing
that it rests on has changed: the boot, the kernel, the user, the interpreter and the bubblewrap
binary. A worse answer is never kept: what is missing may have been mended. If a remembered sandbox
then fails to start, that is a fault of the grader, and forgotten with `forget`.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from grader import __version__
from grader.choices import Wanted
from grader.errors import SandboxFault
from grader.folders import user_folder
from grader.sandbox import bwrap
from grader.sandbox.box import Box
from grader.sandbox.bwrap import bubblewrap_remedy
from grader.sandbox.policy import Isolation, IsolationReport, Limits, Profile
from grader.sandbox.python_tree import python_tree
from grader.sandbox.scratch import Scratch, ordinary_uid

_SECONDS = 30.0
# Tries what must fail and reports what did not: a configuration that silently
# does nothing must not pass for isolation.
_SELF_TEST = """
import json, os, socket, sys
holes = []
for path in sys.argv[1:]:
    try:
        open(path).close()
        holes.append("it can read " + path)
    except OSError:
        pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    holes.append("it can open network sockets")
except OSError:
    pass
try:
    open("/usr/lib/grade-probe", "w").close()
    holes.append("it can write to the system")
except OSError:
    pass
status = open("/proc/self/status").read()
if int(status.split("CapEff:")[1].split()[0], 16):
    holes.append("it has capabilities")
open("written", "w").close()
print(json.dumps(holes))
"""

SENTENCES = {
    Isolation.BWRAP: "Submissions run in a bubblewrap sandbox: no network, no files of yours.",
    Isolation.LANDLOCK: (
        "WEAKER ISOLATION: submissions are held by Landlock and seccomp rules, not by bubblewrap."
        " Files and network are out of reach, but they share this machine's process table."
    ),
    Isolation.NONE: (
        "NO ISOLATION: submissions run as ordinary programs of this user and can read, change"
        " and send whatever this user can. Grade only files that you trust."
    ),
}


@functools.lru_cache(maxsize=8)
def probe(wanted: Wanted = Wanted.AUTO) -> IsolationReport:
    """Find the level for ``wanted``; the answer is kept for the life of the process.

    Raises:
        SandboxFault: the level asked for can't be reached; ``auto`` never falls to ``none``.
    """
    if wanted is Wanted.NONE:
        _check_interpreter(dropping=False)
        return _report(Isolation.NONE, wanted, "It was asked for with --isolation none.", "")
    asked = wanted is Wanted.LANDLOCK
    why = "It was asked for with --isolation landlock." if asked else _failure(Isolation.BWRAP)
    if not why:
        return _report(Isolation.BWRAP, wanted, "", "")
    _check_interpreter(dropping=ordinary_uid() is not None)
    remedy = "" if asked else bubblewrap_remedy(why)
    if wanted is Wanted.STRICT:
        raise SandboxFault(f"bubblewrap does not run here: {why}", remedy=remedy)
    fallback = _failure(Isolation.LANDLOCK)
    if fallback:
        raise SandboxFault(
            f"Nothing here can isolate a submission. bubblewrap: {why} Landlock: {fallback}",
            remedy=remedy or "Grade on Linux 5.13 or later with Landlock, or in a virtual machine.",
        )
    return _report(Isolation.LANDLOCK, wanted, why, remedy)


def _check_interpreter(*, dropping: bool) -> None:
    """See that the interpreter can be read; where it can't, only that is reported.

    Args:
        dropping: Whether another user than this one has to read it, who has no rights of its own.
    """
    for path in (os.path.realpath(sys.executable), sys.prefix, sys.base_prefix, os.__file__):
        if not _readable(path, dropping=dropping):
            who = "the user that submissions run as" if dropping else f"user {os.geteuid()}"
            raise SandboxFault(
                f"the Python interpreter can't be read by {who}: {path}",
                remedy="Install the grader with an interpreter that every user may read, such as "
                "the system's, in a folder that is not private; or grade as the user who owns it.",
            )


def _readable(path: str, *, dropping: bool) -> bool:
    try:
        mode = os.stat(path).st_mode
        needed = os.R_OK | (os.X_OK if mode & 0o111 else 0)
        return mode & needed == needed if dropping else os.access(path, needed)
    except OSError:
        return False


def _failure(level: Isolation) -> str:
    """Why ``level`` does not work here; empty where it does."""
    try:
        with Scratch() as scratch, tempfile.NamedTemporaryFile(prefix="grade-canary-") as canary:
            # Anybody on the machine may read it; a sandboxed process must not.
            os.fchmod(canary.fileno(), 0o644)
            box = Box(
                profile=Profile.WORKER,
                isolation=level,
                python=python_tree(Path(sys.executable)),
                scratch=scratch,
            )
            command = [str(box.python.executable), "-I", "-S", "-c", _SELF_TEST]
            with box.spawn(
                [*command, "/etc/passwd", canary.name],
                stage="probe",
                limits=Limits(wall_seconds=_SECONDS),
            ) as process:
                outcome = process.wait()
    except SandboxFault as error:
        return error.what
    except OSError as error:
        return f"the trial run could not be prepared: {error}."
    try:
        holes = json.loads(outcome.stdout)
    except ValueError:
        last = outcome.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        return f"the trial run failed: {' '.join(last) or outcome.exit_code}."
    return f"the trial run was not isolated: {', '.join(holes)}." if holes else ""


def _report(level: Isolation, wanted: Wanted, why: str, remedy: str) -> IsolationReport:
    return IsolationReport(
        level=level,
        wanted=wanted,
        sentence=SENTENCES[level],
        why_not_better=why,
        remedy=remedy,
        details=_details(),
    )


def _details() -> dict[str, str]:
    facts = {
        "kernel": platform.release(),
        "machine": platform.machine(),
        "user": "root" if os.geteuid() == 0 else "ordinary",
        "landlock abi": str(_landlock_abi()),
    }
    try:
        binary = bwrap.bwrap_binary()
        facts["bubblewrap"] = str(binary)
        answer = subprocess.run(
            [binary, "--version"], capture_output=True, timeout=10, check=True, env={}
        )
        facts["bubblewrap version"] = answer.stdout.decode("ascii", "replace").split()[-1]
    except (SandboxFault, OSError, subprocess.SubprocessError, IndexError) as error:
        facts.setdefault("bubblewrap", f"unusable: {error}")
    return facts


def _landlock_abi() -> int:
    """landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION); negative where missing."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return int(libc.syscall(ctypes.c_long(444), None, ctypes.c_long(0), ctypes.c_long(1)))


_BOOT = Path("/proc/sys/kernel/random/boot_id")


def probe_once(wanted: Wanted) -> IsolationReport:
    """As `probe`, but a good answer from earlier in this boot is taken without a trial.

    Raises:
        SandboxFault: as `probe`.
    """
    if wanted not in (Wanted.AUTO, Wanted.STRICT):
        return probe(wanted)
    mark = _mark()
    if mark is not None and mark.exists():
        return IsolationReport(
            level=Isolation.BWRAP, wanted=wanted, sentence=SENTENCES[Isolation.BWRAP]
        )
    report = probe(wanted)
    if mark is not None and report.level is Isolation.BWRAP:
        with contextlib.suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            mark.touch(mode=0o600)
    return report


def forget() -> None:
    """The next `probe_once` tries again."""
    mark = _mark()
    if mark is not None:
        with contextlib.suppress(OSError):
            mark.unlink(missing_ok=True)


def _mark() -> Path | None:
    """A file whose existence is the memory; its name holds all that the answer rests on."""
    folder = user_folder("cache")
    if folder is None:
        return None
    try:
        binary = bwrap.bwrap_binary()
        status = binary.stat()
        facts = [
            _BOOT.read_text(),
            os.uname().release,
            str((os.getuid(), os.geteuid())),
            str((binary, status.st_mtime_ns, status.st_size)),
            sys.executable,
            __version__,
        ]
    except (OSError, SandboxFault):
        return None
    name = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:32]
    return folder / f"bubblewrap-works-{name}"
