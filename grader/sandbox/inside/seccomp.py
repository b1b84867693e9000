"""A seccomp filter: system calls that no submission needs, and that widen the attack surface.

It denies with an errno instead of killing, so that a library that merely
probes for a feature goes on. New sockets are refused altogether (every channel
a sandboxed process has was opened by the grader), which is also what keeps the
network away where there is no network namespace.

Numbers: ``asm/unistd_64.h`` (x86-64) and ``asm-generic/unistd.h`` (AArch64).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from kernel import PR_SET_SECCOMP, prctl  # type: ignore[import-not-found]

# name: (x86-64, AArch64)
_DENIED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "syslog": (103, 116),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
_SOCKET = (41, 198)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_PRLIMIT64 = (302, 261)
# Ways to signal another process; `tgkill` is how abort() reaches its own.
_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
_TGKILL = (234, 131)
# Ways out of a process group. They do nothing and say that they have: a library that detaches a
# helper goes on.
_GROUPS = {"setpgid": (109, 154), "setsid": (112, 157)}

_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_MODE_FILTER = 2
_NEW_NAMESPACES = 0x7E020000  # CLONE_NEWNS, CGROUP, UTS, IPC, USER, PID, NET

_LOAD, _JEQ, _JGE, _JSET, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENT0 = 0, 4, 16
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def filter_program(
    machine: str, *, sockets: bool, own_signals_only: int | None, one_group: bool
) -> bytes:
    """The classic-BPF program, as the kernel takes it.

    Args:
        machine: ``platform.machine()``.
        sockets: Whether socket(2) is allowed (a real GPU's driver needs it).
        own_signals_only: A process id; signals to any other are denied. None: no such rule.
        one_group: Keep all processes in the process group that they are in.

    Raises:
        LookupError: no numbers are known for this machine.
    """
    column, audit_arch = _ARCHITECTURES[machine]
    code = [
        _op(_LOAD, _OFFSET_ARCH),
        _op(_JEQ, audit_arch, 1, 0),
        _op(_RETURN, _KILL_PROCESS),
        _op(_LOAD, _OFFSET_NUMBER),
    ]
    if machine == "x86_64":  # the x32 numbers would be a second door to the same calls
        code += [_op(_JGE, 0x40000000, 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    denied = [numbers[column] for numbers in _DENIED.values()]
    if own_signals_only is not None:
        denied += [numbers[column] for numbers in _SIGNALS.values()]
    for number in denied:
        code += [_op(_JEQ, number, 0, 1), _op(_RETURN, _ERRNO | errno.EPERM)]
    if one_group:
        for numbers in _GROUPS.values():
            code += [_op(_JEQ, numbers[column], 0, 1), _op(_RETURN, _ERRNO | 0)]
    # ENOSYS makes the C library fall back to clone, whose flags a filter can see.
    code += [_op(_JEQ, _CLONE3[column], 0, 1), _op(_RETURN, _ERRNO | errno.ENOSYS)]
    if not sockets:
        code += [_op(_JEQ, _SOCKET[column], 0, 1), _op(_RETURN, _ERRNO | errno.EACCES)]
    code += _unless_argument(_CLONE[column], _op(_JSET, _NEW_NAMESPACES, 0, 1))
    code += _unless_argument(_PRLIMIT64[column], _op(_JEQ, 0, 1, 0))
    if own_signals_only is not None:
        code += _unless_argument(_TGKILL[column], _op(_JEQ, own_signals_only, 1, 0))
    code.append(_op(_RETURN, _ALLOW))
    return b"".join(code)


def _unless_argument(number: int, test: bytes) -> list[bytes]:
    """Deny call ``number`` when ``test`` of its first argument falls through to the denial."""
    return [
        _op(_JEQ, number, 0, 4),
        _op(_LOAD, _OFFSET_ARGUMENT0),
        test,
        _op(_RETURN, _ERRNO | errno.EPERM),
        _op(_RETURN, _ALLOW),
    ]


def _op(code: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, constant & 0xFFFFFFFF)


def install(*, sockets: bool, own_signals_only: bool, one_group: bool) -> None:
    """Install the filter in this process, for good. Needs ``no_new_privs``. Raises OSError."""
    program = filter_program(
        platform.machine(),
        sockets=sockets,
        own_signals_only=os.getpid() if own_signals_only else None,
        one_group=one_group,
    )
    structure = _Program(len(program) // 8, program)
    prctl(PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(structure))
