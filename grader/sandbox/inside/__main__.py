"""Read the configuration from a descriptor, give everything up, and become the command.

Called as ``python -I -S inside CONFIG_FD``. The configuration is a JSON object
written by ``grader.sandbox.box``. Progress goes to a status descriptor that closes itself at the
exec, in frames of ``grader.framing``: ``ready`` with the process group just before it, or
``failed`` with the step and why.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import kernel  # type: ignore[import-not-found]
import landlock  # type: ignore[import-not-found]
import reaper  # type: ignore[import-not-found]
import seccomp  # type: ignore[import-not-found]

_RLIMITS = {
    "tasks": resource.RLIMIT_NPROC,
    "file_bytes": resource.RLIMIT_FSIZE,
    "open_files": resource.RLIMIT_NOFILE,
    "address_space_bytes": resource.RLIMIT_AS,
    "core": resource.RLIMIT_CORE,
}


def main() -> int:
    """Become the command, or start and reap it; the exit status where that is over."""
    config_fd = int(sys.argv[1])
    with open(config_fd, "rb") as file:
        config = json.load(file)
    status = config["status_fd"]
    os.set_inheritable(status, False)
    _close_others([0, 1, 2, status, *config["pass_fds"]])
    step = "starting"
    reaper_pid = None
    try:
        if config["reap"]:
            reaper_pid = os.getpid()
            child = reaper.fork(config["grader_pid"])
            if child:
                _close_others([0])
                return int(reaper.reap(child))
        steps = _steps(config, reaper_pid)
        while (pair := next(steps, None)) is not None:
            step, action = pair
            action()
        step = "starting " + config["command"][0]
        _say(status, {"kind": "ready", "group": os.getpgrp()})
        os.execve(config["command"][0], config["command"], config["environment"])
    except OSError as error:
        _fail(status, step, error.strerror or str(error))
    except (LookupError, ValueError, MemoryError) as error:
        _fail(status, step, repr(error))
    return 125


def _steps(
    config: dict[str, Any], reaper_pid: int | None
) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is given up, in an order that leaves each step allowed: pairs of name and action."""
    rules = config["landlock"]
    restricted = rules is not None
    if restricted and not landlock.abi():
        raise OSError(0, "this kernel has no Landlock")
    ruleset = -1
    yield "being the first to go when memory is short", _volunteer
    if restricted:
        ruleset = landlock.ruleset([*rules["readable"], "/proc/self"], rules["writable"])
    if config["uid"] is not None:
        yield "dropping from root", lambda: kernel.become(config["uid"], config["uid"])
    if reaper_pid is not None:  # after the change of user, which would undo it
        yield "ending with its reaper", lambda: reaper.end_with(reaper_pid, signal.SIGKILL)
    yield "setting limits", lambda: _limit(config["limits"])
    yield "giving up new privileges", lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    yield "entering the working directory", lambda: os.chdir(config["directory"])
    if restricted:
        yield "restricting file access", lambda: landlock.restrict(ruleset)
    if config["seccomp"]:
        deaf = restricted and landlock.abi() < landlock.SIGNAL_SCOPE_ABI
        yield (
            "filtering system calls",
            lambda: seccomp.install(
                sockets=config["sockets"],
                own_signals_only=deaf,
                one_group=reaper_pid is not None,
            ),
        )


def _volunteer() -> None:
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"1000")
    except OSError:
        pass  # a courtesy to the machine, not a protection


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        kind = _RLIMITS[name]
        _soft, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


def _close_others(keep: list[int]) -> None:
    start = 0
    for descriptor in sorted(set(keep)):
        # An empty range would make CPython close everything from there on.
        if start < descriptor:
            os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, max(start + 1, 1 << 20))


def _fail(status: int, step: str, message: str) -> None:
    # What the configuration brought may be of any length, and hold bytes that are no text.
    step, message = (
        part[:1000].encode("utf-8", "replace").decode("utf-8") for part in (step, message)
    )
    _say(status, {"kind": "failed", "step": step, "message": message})


def _say(status: int, message: dict[str, object]) -> None:
    """Write one frame; a pipe takes so little of it at once."""
    header = json.dumps(message).encode()
    os.write(status, struct.pack("<II", 4 + len(header), len(header)) + header)


if __name__ == "__main__":
    sys.exit(main())
