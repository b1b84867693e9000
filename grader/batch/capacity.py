"""How many gradings this machine carries at a time: by its cores and by its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from grader.machine import available_bytes, cores

WORKER_BYTES: Final = 1_700 << 20
"""Of one grading: a graph compile peaks at 1.2 GB, the grader and the device take the rest."""
RESERVE_BYTES: Final = 512 << 20
"""For the run itself, and whatever else lives on the machine."""
_ROOT: Final = Path("/")


def workers(*, root: Path = _ROOT) -> int:
    """As many as there are cores and memory for; at least one."""
    return max(1, min(cores(root=root), memory_workers(root=root)))


def memory_workers(*, root: Path = _ROOT) -> int:
    """Gradings whose memory fits in what is free."""
    return max(0, available_bytes(root=root) - RESERVE_BYTES) // WORKER_BYTES
