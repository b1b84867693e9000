"""The processes below one process, and those of a user, with what they use: read from /proc."""

from __future__ import annotations

import os
import signal

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of processes uses at one moment."""

    processes: dict[int, float]
    """Process id and CPU seconds, of each."""
    tasks: int
    resident_bytes: int


def descendants(root: int) -> list[int]:
    """All processes below ``root``, without itself and those that end meanwhile."""
    found: list[int] = []
    queue = [root]
    while queue:
        pid = queue.pop()
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                    children = [int(word) for word in file.read().split()]
                found += children
                queue += children
        except OSError:
            continue
    return found


def usage(root: int) -> Usage:
    """What the processes below ``root`` use. Memory that they share is counted for each."""
    cpu: dict[int, float] = {}
    tasks = resident = 0
    for pid in descendants(root):
        try:
            with open(f"/proc/{pid}/stat", "rb") as file:
                # The name (in brackets) may hold anything; the fields start after its end.
                fields = file.read().rpartition(b")")[2].split()
            # Fields 14, 15, 20 and 24 of proc(5), counted from field 3.
            cpu[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
            tasks += int(fields[17])
            resident += int(fields[21]) * _PAGE
        except (OSError, IndexError, ValueError):
            continue
    return Usage(processes=cpu, tasks=tasks, resident_bytes=resident)


def proportional_bytes(root: int) -> int:
    """Resident memory with each shared page counted once. Slow (walks page tables): to confirm."""
    total = 0
    for pid in descendants(root):
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
                for line in file:
                    if line.startswith(b"Pss:"):
                        total += int(line.split()[1]) * 1024
                        break
        except (OSError, IndexError, ValueError):
            continue
    return total


def waiting_seconds(root: int) -> float | None:
    """How long the tasks below ``root`` were ready to run and got no processor, since they began.

    Of ``/proc/PID/task/TID/schedstat``, its second number. None where the kernel does not count.
    """
    total = 0
    counted = False
    for pid in descendants(root):
        try:
            for task in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{task}/schedstat", "rb") as file:
                    total += int(file.read().split()[1])
                    counted = True
        except (OSError, IndexError, ValueError):
            continue
    return total / 1e9 if counted else None


def kill_all(root: int) -> None:
    """SIGKILL to everything below ``root``, once."""
    for pid in descendants(root):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def tasks_of_user(uid: int) -> int:
    """How many threads a user has now, machine-wide."""
    count = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == uid:
                    count += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                continue
    return count
