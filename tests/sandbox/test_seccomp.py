"""The filter program, run by an interpreter of classic BPF, for both processors."""

from __future__ import annotations

import errno
import importlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import grader.sandbox

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL = 0x7FFF0000, 0x80000000


@pytest.fixture(scope="module")
def seccomp() -> Iterator[ModuleType]:
    """The launcher's module, which is imported by its bare name there."""
    inside = str(Path(grader.sandbox.__path__[0]) / "inside")
    sys.path.insert(0, inside)
    yield importlib.import_module("seccomp")
    sys.path.remove(inside)
    for name in ("seccomp", "kernel"):
        sys.modules.pop(name, None)


def verdict(program: bytes, *, arch: int, number: int, argument: int = 0) -> int:
    """What the kernel would do: linux/filter.h, the instructions that the program uses."""
    data = struct.pack("<IIQQ", number, arch, 0, argument)
    accumulator = position = 0
    while True:
        code, if_true, if_false, constant = struct.unpack_from("=HBBI", program, position * 8)
        position += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == 0x06:
            return int(constant)
        else:
            test = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: bool(accumulator & constant),
            }[code]
            position += if_true if test else if_false


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_what_is_denied_on_each_processor(seccomp: ModuleType, machine: str) -> None:
    column, arch = list(ARCHITECTURES).index(machine), ARCHITECTURES[machine]
    program = seccomp.filter_program(machine, sockets=False, own_signals_only=77, one_group=True)
    denied = 0x50000 | errno.EPERM

    def of(number: int, argument: int = 0) -> int:
        return verdict(program, arch=arch, number=number, argument=argument)

    for numbers in (*seccomp._DENIED.values(), *seccomp._SIGNALS.values()):
        assert of(numbers[column]) == denied
    for numbers in seccomp._GROUPS.values():
        assert of(numbers[column]) == 0x50000  # nothing is done, and 0 returned
    assert of(seccomp._SOCKET[column]) == 0x50000 | errno.EACCES
    assert of(seccomp._CLONE3[column]) == 0x50000 | errno.ENOSYS
    assert of(seccomp._CLONE[column], 0x10000000) == denied
    assert of(seccomp._CLONE[column], 0x003D0F00) == ALLOW  # what pthread_create asks for
    assert of(seccomp._PRLIMIT64[column], 0) == ALLOW
    assert of(seccomp._PRLIMIT64[column], 1) == denied
    assert of(seccomp._TGKILL[column], 77) == ALLOW
    assert of(seccomp._TGKILL[column], 78) == denied
    for number in (0, 1, 63, 64, 500):
        if all(number != numbers[column] for numbers in seccomp._DENIED.values()):
            assert of(number) == ALLOW or number in {n[column] for n in seccomp._SIGNALS.values()}


def test_the_other_doors_to_the_kernel_are_shut(seccomp: ModuleType) -> None:
    program = seccomp.filter_program(
        "x86_64", sockets=False, own_signals_only=None, one_group=False
    )
    assert verdict(program, arch=0x40000003, number=1) == KILL  # 32-bit
    x32 = verdict(program, arch=ARCHITECTURES["x86_64"], number=0x40000000 | 41)
    assert x32 == 0x50000 | errno.ENOSYS


def test_a_gpu_driver_may_have_sockets_and_signals(seccomp: ModuleType) -> None:
    program = seccomp.filter_program("x86_64", sockets=True, own_signals_only=None, one_group=False)
    for number in (41, 62, *(numbers[0] for numbers in seccomp._GROUPS.values())):
        assert verdict(program, arch=ARCHITECTURES["x86_64"], number=number) == ALLOW


def test_an_unknown_processor_is_refused(seccomp: ModuleType) -> None:
    with pytest.raises(LookupError):
        seccomp.filter_program("riscv64", sockets=False, own_signals_only=None, one_group=False)
