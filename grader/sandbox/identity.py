"""Which user a sandboxed process runs as.

A sandbox that root starts is still root outside of it: files that only root may
read stay readable where they are bound in. So a grader that runs as root gives
each submission a user id that nobody else has, and drops to it inside.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

# systemd's "unused" range of user ids: no account, container or service has one of these.
_PRIVATE_FIRST, _PRIVATE_COUNT = 0x7000_0000, 0x0F00_0000


def ordinary_uid() -> int | None:
    """A fresh user id to drop to, or None when this process is an ordinary user already.

    Inside a rootless container "root" may be the only id there is; it is an
    ordinary user of the machine then, and None is returned as well.
    """
    if os.geteuid() != 0:
        return None
    first, count = _mapped_range()
    if first <= _PRIVATE_FIRST and first + count > _PRIVATE_FIRST + 1:
        room = min(_PRIVATE_COUNT, first + count - _PRIVATE_FIRST)
        return _PRIVATE_FIRST + secrets.randbelow(room)
    # A container with the usual 65,536 ids: take one from the upper end, below nobody.
    low = max(first, 60_000, 1)
    room = min(first + count, 65_000) - low
    return low + secrets.randbelow(room) if room > 0 else None


def _mapped_range() -> tuple[int, int]:
    """The largest run of user ids that exist in this user namespace: first, count."""
    try:
        lines = Path("/proc/self/uid_map").read_text("utf-8").splitlines()
    except OSError:
        return 0, 65_536
    runs = [(int(first), int(count)) for first, _outside, count in (li.split() for li in lines)]
    return max(runs, key=lambda run: run[1], default=(0, 65_536))


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
