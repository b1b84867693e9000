"""Other inputs in the place of a case's own, wherever the host moved them.

Inputs are known by where they come: the worker copies them to the device before
anything else in a case. Host code may also move them: read them back, and hand
single values on in the arguments of a launch, or in a copy with something around
them. Where a value of the one input always stands for the same value of the
other, such values are exchanged too, also as float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device.case import InputPairs
from grader.device.journal import Journal, Wrote


class NotReplayable(Exception):
    """The case can't be done again; the message says why."""


class Exchange:
    """Exchanges the inputs of a case for others.

    Args:
        journal: The case.
        pairs: Its inputs, in the order in which they were copied, with the others.
        moved: Whether to exchange them also where the host moved them.

    Attributes:
        inputs: The others, by the number of the step that copied the case's own.

    Raises:
        NotReplayable: The journal is not complete, or the case did not begin with copies of
            its inputs.
    """

    def __init__(self, journal: Journal, pairs: InputPairs, *, moved: bool = True) -> None:
        if journal.overflown:
            raise NotReplayable(journal.overflown)
        self.inputs = {
            number: to
            for number, (_, to) in zip(_copies_of_inputs(journal, pairs), pairs, strict=True)
        }
        known = pairs if moved else ()
        old, new = _words([own for own, _ in known]), _words([to for _, to in known])
        # Zeros and the smallest numbers look like counts and sizes: nobody can tell.
        normal = old & np.uint32(0x7F800000) != 0
        old, new = old[normal], new[normal]
        self._words = _ValueTable(old, new)
        self._wide = _ValueTable(_as_float64(old), _as_float64(new))

    def moved(self, data: bytes) -> bytes:
        """What the host would have handed on, had it got the other inputs."""
        result = np.frombuffer(data, dtype=np.uint8).copy()
        for table, width in ((self._words, 4), (self._wide, 8)):
            whole = len(data) // width * width
            old: NDArray[np.unsignedinteger[Any]] = np.frombuffer(data[:whole], dtype=f"<u{width}")
            table.exchange(old, result[:whole].view(old.dtype))
        return result.tobytes()


class _ValueTable:
    """Values, each with the one that takes its place."""

    def __init__(
        self, old: NDArray[np.unsignedinteger[Any]], new: NDArray[np.unsignedinteger[Any]]
    ) -> None:
        pairs = np.unique(np.stack([old, new], axis=1), axis=0)
        values, counts = np.unique(pairs[:, 0], return_counts=True)
        certain = np.isin(pairs[:, 0], values[counts == 1])
        self._old, self._new = pairs[certain, 0].copy(), pairs[certain, 1].copy()

    def exchange(
        self, old: NDArray[np.unsignedinteger[Any]], result: NDArray[np.unsignedinteger[Any]]
    ) -> None:
        """Put the new values into ``result`` where ``old`` holds known ones."""
        if not len(self._old) or not len(old):
            return
        places = np.minimum(np.searchsorted(self._old, old), len(self._old) - 1)
        known = self._old[places] == old
        result[known] = self._new[places[known]]


def _copies_of_inputs(journal: Journal, pairs: InputPairs) -> list[int]:
    copies = [
        (number, step.data)
        for number, step in enumerate(journal.steps)
        if isinstance(step, Wrote) and step.by_host
    ][: len(pairs)]
    if [data for _, data in copies] != [own for own, _ in pairs]:
        raise NotReplayable("the call does not begin with copies of its inputs to the device")
    return [number for number, _ in copies]


def _words(arrays: Sequence[bytes]) -> NDArray[np.uint32]:
    data = b"".join(arrays)
    return np.array(memoryview(data[: len(data) // 4 * 4]).cast("I"), dtype=np.uint32)


def _as_float64(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    with np.errstate(invalid="ignore"):
        return words.view(np.float32).astype(np.float64).view(np.uint64)
