"""``vprintf``: a format string and a buffer of arguments, per lane.

Follows CUDA's ``printf``: integers of 4 or 8 bytes and doubles, each at a
multiple of its size in the buffer; strings by address.
"""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.addresses import BASE_ADDRESS
from grader.device.lanes import Lanes
from grader.device.simt.machine import Machine
from grader.device.simt.regions import LOCAL_WINDOW, SHARED_WINDOW, WINDOW_SIZE
from grader.device.simt.state import PRINT_LIMIT

_SPECIFIER = re.compile(
    r"%([-+ #0]{0,5})(\d{0,9}|\*)(?:\.(\d{0,9}|\*))?(hh|h|ll|l|j|z|t|L|q)?([a-zA-Z%])"
)
_LONGEST = 4096
_WIDEST = 256
_LONG = frozenset({"l", "ll", "j", "z", "t", "q", "L"})


def print_lanes(
    machine: Machine, lanes: Lanes, formats: NDArray[np.uint64], buffers: NDArray[np.uint64]
) -> NDArray[np.uint32]:
    """Print for each lane, in lane order, until the limit. Returns the numbers of arguments."""
    counts = np.zeros(lanes.count, dtype=np.uint32)
    texts: dict[int, str] = {}
    for k in range(lanes.count):
        if machine.printed.full:
            machine.printed.dropped += lanes.count - k
            break
        lane, address = int(lanes.index[k]), int(formats[k])
        if address not in texts:
            texts[address] = read_text(machine, lane, address)
        arguments = _Arguments(machine, lane, int(buffers[k]))
        text = _SPECIFIER.sub(arguments.replace, texts[address])[:PRINT_LIMIT]
        counts[k] = arguments.count
        machine.printed.add(text)
    return counts


def read_text(machine: Machine, lane: int, address: int) -> str:
    """A NUL-terminated string at a generic address, cut at 4096 bytes."""
    raw = read_bytes(machine, lane, address, _LONGEST)
    return raw.partition(b"\0")[0].decode("utf-8", "replace")


def read_bytes(machine: Machine, lane: int, address: int, size: int) -> bytes:
    """Up to ``size`` bytes at a generic address, as far as memory reaches."""
    if LOCAL_WINDOW <= address < LOCAL_WINDOW + WINDOW_SIZE:
        return _stripe(machine.local, lane, address - LOCAL_WINDOW, size)
    if SHARED_WINDOW <= address < SHARED_WINDOW + WINDOW_SIZE:
        return _stripe(machine.shared, lane, address - SHARED_WINDOW, size)
    allocation = machine.memory.find(address)
    if allocation is None:
        return b""
    start = address - BASE_ADDRESS
    return machine.memory.data[1][start : min(start + size, allocation.stop)].tobytes()


def _stripe(region: Any, lane: int, offset: int, size: int) -> bytes:
    base = int(region.base[lane])
    stop = base + min(offset + size, region.stride)
    data: bytes = region.data[1][base + offset : stop].tobytes()
    return data


class _Arguments:
    """Takes arguments out of a lane's buffer, one per conversion."""

    def __init__(self, machine: Machine, lane: int, address: int) -> None:
        self._machine = machine
        self._lane = lane
        self._raw = read_bytes(machine, lane, address, _LONGEST)
        self._place = 0
        self.count = 0

    def _take(self, code: str, size: int) -> Any:
        self._place = -(-self._place // size) * size
        raw = self._raw[self._place : self._place + size].ljust(size, b"\0")
        self._place += size
        self.count += 1
        return struct.unpack(code, raw)[0]

    def replace(self, match: re.Match[str]) -> str:
        flags, width, precision, length, kind = match.groups()
        self._machine.printed.conversions += 1
        if kind == "%":
            return "%"
        if width == "*":
            width = str(self._take("<i", 4))
        if precision == "*":
            precision = str(self._take("<i", 4))
        wide = min(abs(int(width)), _WIDEST) if width else ""
        if width and width.startswith("-"):
            flags += "-"
        head = f"%{flags}{wide}"
        if precision is not None:
            head += f".{min(max(int(precision or 0), 0), _WIDEST)}"
        return self._convert(head, length or "", kind)

    def _convert(self, head: str, length: str, kind: str) -> str:
        if kind in "di":
            return (head + "d") % self._integer(length, signed=True)
        if kind in "uxXo":
            value = self._integer(length, signed=False)
            return (head + ("d" if kind == "u" else kind)) % value
        if kind == "c":
            return str((head.split(".")[0] + "s") % chr(self._take("<I", 4) & 0x7F))
        if kind in "eEfFgG":
            return str((head + kind) % self._take("<d", 8))
        if kind in "aA":
            return float(self._take("<d", 8)).hex()
        if kind == "p":
            return hex(self._take("<Q", 8))
        if kind == "s":
            text = read_text(self._machine, self._lane, self._take("<Q", 8))
            return (head + "s") % text
        return head + kind

    def _integer(self, length: str, *, signed: bool) -> int:
        size = 8 if length in _LONG else 4
        code = {(4, True): "<i", (4, False): "<I", (8, True): "<q", (8, False): "<Q"}
        value: int = self._take(code[size, signed], size)
        return value
