"""Whether the host did the same in two cases, but for the inputs.

Then it had no part in what the kernels made of them: they got nothing to know one
case from the other by, except for its inputs. Buffers are the same where they were
reserved in the same place of their case's order, whatever their addresses.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator

from grader.device.case import InputPairs
from grader.device.exchange import Exchange
from grader.device.journal import Copied, Filled, Freed, Journal, Launched, Placed, Read, Wrote

_WORD = 8
"""Bytes of an address."""


def difference(first: Journal, second: Journal, pairs: InputPairs) -> str:
    """What the host did otherwise in the second case; empty where it did the same.

    Args:
        first: A case.
        second: Another one.
        pairs: The inputs of the first, each with that of the second.

    Raises:
        NotReplayable: A journal is not complete, or does not begin with the inputs.
    """
    exchange = Exchange(first, pairs)
    Exchange(second, [(own, own) for _, own in pairs])  # it begins with its inputs as well
    told = _told(second, None)
    for number, what in enumerate(_told(first, exchange), start=1):
        other = next(told, None)
        if other != what:
            return f"in step {number}, {what[0]}"
    return "in how many steps there are" if next(told, None) is not None else ""


_What = tuple[object, ...]


def _told(journal: Journal, exchange: Exchange | None) -> Iterator[_What]:
    """Each step, without what differs from one call to the next by chance."""
    places = _BufferNames(journal)
    inputs = exchange.inputs if exchange is not None else {}
    for number, step in enumerate(journal.steps):
        match step:
            case Placed(address, size):
                places.add(address, size)
                yield ("memory is reserved", size)
            case Freed(address):
                places.remove(address)  # Python may give a buffer back at any time
            case Wrote(address, data, True, kept):
                if exchange is not None:
                    data = inputs[number] if number in inputs else exchange.moved(data)
                yield ("a copy to the device", places.name(address), _without(data, kept), kept)
            case Wrote():
                pass  # the module's text tells
            case Filled(address, value, width, count):
                yield ("a memset", places.name(address), value, width, count)
            case Copied(to, of, size):
                yield ("a copy on the device", places.name(to), places.name(of), size)
            case Read(address, size):
                yield ("a copy to the host", places.name(address), size)
            case Launched():
                yield _told_launch(step, places, exchange)


def _without(data: bytes, kept: bytes | None) -> bytes:
    """What the host wrote, without what only came back as the device had made it."""
    if kept is None:
        return data
    return bytes(0 if same else byte for byte, same in zip(data, kept, strict=True))


def _told_launch(step: Launched, places: _BufferNames, exchange: Exchange | None) -> _What:
    arguments: list[object] = []
    for raw in step.arguments:
        data = bytearray(raw)
        for start in range(0, len(data) - _WORD + 1, _WORD):
            value = int.from_bytes(data[start : start + _WORD], "little")
            name = places.name(value)
            if name != value:
                arguments.append((start, name))
                data[start : start + _WORD] = bytes(_WORD)
        arguments.append(exchange.moved(bytes(data)) if exchange is not None else bytes(data))
    how = step.settings
    shape = (how.grid, how.block, how.dynamic_shared_bytes, how.dynamic_shared_limit)
    return (f"the launch of {step.kernel.name}", step.text, *shape, *arguments)


class _BufferNames:
    """Names for the buffers of a case, by the order in which they were reserved."""

    def __init__(self, journal: Journal) -> None:
        self._starts: list[int] = []
        self._known: dict[int, tuple[object, int]] = {}
        self._count = 0
        for allocation, _ in journal.before:
            self._add(allocation.address, allocation.size, ("kept", allocation.address))

    def add(self, address: int, size: int) -> None:
        """A buffer is reserved."""
        self._count += 1
        self._add(address, size, self._count)

    def remove(self, address: int) -> None:
        """A buffer is given back."""
        if self._known.pop(address, None) is not None:
            self._starts.remove(address)

    def name(self, address: int) -> object:
        """Buffer and offset, its end included; the address itself where there is none."""
        place = bisect_right(self._starts, address)
        if place:
            start = self._starts[place - 1]
            label, size = self._known[start]
            if address <= start + size:
                return (label, address - start)
        return address

    def _add(self, address: int, size: int, label: object) -> None:
        insort(self._starts, address)
        self._known[address] = (label, size)
