"""Landlock: which files a process may reach, by its own renunciation.

Own code instead of a package from PyPI: it runs inside the interpreter of the
toolchain, where nothing of ours is installed, and the one package of that name
is an alpha from 2023 that knows file access only.
Constants and structures: ``linux/landlock.h``; the ABI grows by version.
"""

from __future__ import annotations

import ctypes
import os
import struct

from kernel import syscall  # type: ignore[import-not-found]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all architectures
_ABI_QUERY = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_MAKE_CHAR, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK = 1 << 6, 1 << 9, 1 << 10, 1 << 11
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_ALL_ABI1 = (1 << 13) - 1
_NET_TCP = 0b11
_SCOPE_ABSTRACT_UNIX_AND_SIGNALS = 0b11
SIGNAL_SCOPE_ABI = 6

_READ = _READ_FILE | _READ_DIR | _EXECUTE
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


def abi() -> int:
    """The kernel's Landlock version; 0 where it has none, or has it switched off."""
    try:
        return int(syscall("landlock_create_ruleset", _CREATE_RULESET, 0, 0, _ABI_QUERY))
    except OSError:
        return 0


def ruleset(readable: list[str], writable: list[str]) -> int:
    """A ruleset that allows reading below ``readable`` and everything harmless below ``writable``.

    Paths that do not exist are left out. Returns the ruleset's descriptor; raises OSError.
    """
    version = abi()
    handled = _handled(version)
    attributes = struct.pack(
        "=QQQ",
        handled,
        _NET_TCP if version >= 4 else 0,
        _SCOPE_ABSTRACT_UNIX_AND_SIGNALS if version >= SIGNAL_SCOPE_ABI else 0,
    )
    size = 8 if version < 4 else 16 if version < SIGNAL_SCOPE_ABI else 24
    descriptor = syscall(
        "landlock_create_ruleset", _CREATE_RULESET, ctypes.c_char_p(attributes), size, 0
    )
    special = _MAKE_CHAR | _MAKE_BLOCK | _MAKE_SOCK | _MAKE_FIFO | _IOCTL_DEV
    for path in readable:
        _allow(descriptor, path, _READ & handled)
    for path in writable:
        _allow(descriptor, path, handled & ~special)
    return int(descriptor)


def restrict(descriptor: int) -> None:
    """Submit to a ruleset, for good. Needs ``no_new_privs``. Raises OSError."""
    syscall("landlock_restrict_self", _RESTRICT_SELF, descriptor, 0)
    os.close(descriptor)


def _handled(version: int) -> int:
    handled = _ALL_ABI1
    if version >= 2:
        handled |= _REFER
    if version >= 3:
        handled |= _TRUNCATE
    if version >= 5:
        handled |= _IOCTL_DEV
    return handled


def _allow(ruleset_fd: int, path: str, access: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{target}"):
            access &= _FILE_ONLY
        rule = struct.pack("=Qi", access, target)
        syscall(
            "landlock_add_rule",
            _ADD_RULE,
            ruleset_fd,
            _RULE_PATH_BENEATH,
            ctypes.c_char_p(rule),
            0,
        )
    finally:
        os.close(target)
