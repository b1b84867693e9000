"""What the two kinds of sandboxed process may see."""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

_LIBRARIES = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec")
_PROGRAMS = ("/usr/bin",)
_TOP_LEVEL = ("/lib", "/lib32", "/lib64", "/bin")
_GPU_NODES = "nvidia"


class Profile(StrEnum):
    """Who runs in the sandbox."""

    WORKER = "worker"
    """Untrusted code: packaging, graph compile, execution. Has a scratch directory."""
    DEVICE = "device"
    """Trusted code that parses untrusted PTX. Sees its interpreter and packages, writes nothing."""


def system_paths(profile: Profile) -> Iterator[tuple[Path, str | None]]:
    """The system's directories to show read-only, each with its link target where it is a link.

    ``/etc`` is not among them: neither Python nor MAX need it.
    """
    names = [*_LIBRARIES, *_TOP_LEVEL]
    if profile is Profile.WORKER:
        names += _PROGRAMS
    for name in names:
        if profile is Profile.DEVICE and name == "/bin":
            continue
        if os.path.islink(name):
            yield Path(name), os.readlink(name)
        elif os.path.isdir(name):
            yield Path(name), None


def gpu_nodes() -> list[Path]:
    """The device files of NVIDIA's driver on this machine."""
    return sorted(p for p in Path("/dev").glob(f"{_GPU_NODES}*") if not p.is_dir())
