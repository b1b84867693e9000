"""Every case of a run with its inputs, so that any one of them can be run again.

Cases are numbered from one in the order in which they ran, part by part:

* the first case is the published example, if there is one;
* then come the cases of each shape of the plan, the assigned shapes first: integers, real numbers,
  some with zeros, equal or published numbers, magnitudes mixed, a pattern (none behind one that
  gave no output). Behind the integers comes the same case with blocks and threads in other orders;
* then pairs of equal inputs, which must give equal bits;
* then what Hypothesis drew, with the steps by which it made a failing case smaller, and a few
  plain cases of ones;
* the first right case of a shape is followed by a reference, by which the host's part in others
  is judged (`grader.grading.host_help`); so are cases in which the host seems to have one;
* the last case is the published example again.

The numbers are stable because the inputs are kept, not drawn again: what Hypothesis draws
depends on its version and on how the cases before it ended. A run takes some
6 KiB, packed. A student's copy of a record with hidden checks has no log.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from grader.decoding import msgpack_as
from grader.errors import RecordError
from grader.record import CaseLog

KEPT_BYTES = 1024 * 1024
"""Inputs kept of the cases that passed; those of failing cases are kept beyond it."""
MAX_BYTES = 16 * 1024 * 1024
"""Of inputs kept, and of a log that is unpacked."""


class LoggedCase(msgspec.Struct, frozen=True, array_like=True):
    """One case. Its number is its place in the log, from one."""

    part: str
    """Name of the part that it is a case of."""
    sizes: dict[str, int]
    values: str
    """`grader.model.domains.Values`."""
    variant: int
    """Which bytes unwritten memory held (`grader.lanes.devices`)."""
    failed: tuple[str, ...]
    """The checks that the case failed."""
    output: bool
    """Whether there was output."""
    inputs: bytes | None
    """One input after the other, little-endian; None where they were not kept."""
    schedule: int = 0
    """In which order blocks and threads ran (`grader.device.schedules`)."""


def pack(cases: Sequence[LoggedCase]) -> CaseLog:
    """The log as the record keeps it."""
    kept, total = [], 0
    for case in cases:
        size = len(case.inputs or b"")
        if total + size > (MAX_BYTES // 2 if case.failed else KEPT_BYTES):
            kept.append(msgspec.structs.replace(case, inputs=None))
        else:
            total += size
            kept.append(case)
    return CaseLog(count=len(kept), packed=zlib.compress(msgspec.msgpack.encode(kept), 9))


def unpack(log: CaseLog) -> tuple[LoggedCase, ...]:
    """Read a log.

    Raises:
        RecordError: it is damaged, or unpacks to more than `MAX_BYTES`.
    """
    try:
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(log.packed, MAX_BYTES)
        if not unpacking.eof or unpacking.unused_data:
            raise ValueError("it is cut off, or too large")
        cases = msgpack_as(data, tuple[LoggedCase, ...])
        if len(cases) != log.count:
            raise ValueError(f"it holds {len(cases)} cases and says {log.count}")
    except (zlib.error, msgspec.DecodeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"the log of the cases in this record is damaged: {error}",
            remedy="Grade the submission again; the record's text and seed are enough for that.",
        ) from error
    return cases
