"""The narrowest step that makes bubblewrap work on a machine where it does not."""

from __future__ import annotations

import os
from pathlib import Path

from grader.errors import SandboxFault
from grader.sandbox import bwrap

_APPARMOR_SWITCH = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
_DEBIAN_SWITCH = Path("/proc/sys/kernel/unprivileged_userns_clone")
_NAMESPACE_COUNT = Path("/proc/sys/user/max_user_namespaces")
_CONTAINER_MARKS = ("/.dockerenv", "/run/.containerenv")


def bubblewrap_remedy(why: str) -> str:
    """What to do about bubblewrap failing with ``why``; several lines to copy, or empty."""
    try:
        binary = bwrap.binary()
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
