"""The process that does one grading: ``python -m grader.batch.child MODULE:FUNCTION``.

Its standard input is a socket: one `Task` comes in, one record goes out (`grader.framing`).
The socket is a lifeline as well: when its other end closes, whoever started this process has gone,
and this process ends, with everything in its sandboxes.
"""

from __future__ import annotations

import importlib
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, cast

import msgspec

from grader.batch.task import Task
from grader.framing import MAX_HEADER, FramedChannel, PeerGone
from grader.record import MAX_RECORD_BYTES, Record
from grader.userdirs import keep_nothing_of_hypothesis

GradeFunction = Callable[[Task], Record]
ORPHANED: Final = 75
MAX_ANSWER: Final = MAX_RECORD_BYTES + MAX_HEADER
_SECONDS: Final = 300.0
"""How long the other end may take to send the task, and to read the record."""


class TaskComes(msgspec.Struct, frozen=True, tag_field="kind", tag="task"):
    """To this process. The payload is a `Task` in MessagePack."""


class RecordComes(
    msgspec.Struct, frozen=True, tag_field="kind", tag="record", forbid_unknown_fields=True
):
    """From this process. The payload is a `grader.record.Record` in JSON."""


ANSWERS: msgspec.json.Decoder[RecordComes] = msgspec.json.Decoder(RecordComes)


def main(name: str) -> None:
    """Grade the one task, send its record, and return."""
    lifeline = os.dup(0)
    # What this process starts must not hold the socket open.
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.close(nowhere)
    channel = FramedChannel(lifeline, msgspec.json.Decoder(TaskComes))
    try:
        _, packed = channel.receive(deadline=time.monotonic() + _SECONDS)
    except PeerGone:
        _orphaned()
    task = msgspec.msgpack.decode(packed, type=Task)
    threading.Thread(target=_watch, args=(lifeline,), name="lifeline", daemon=True).start()
    keep_nothing_of_hypothesis()
    record = msgspec.json.encode(_function(name)(task))
    channel.send(RecordComes(), record, deadline=time.monotonic() + _SECONDS)


def _function(name: str) -> GradeFunction:
    module, _, attribute = name.partition(":")
    return cast(GradeFunction, getattr(importlib.import_module(module), attribute))


def _watch(lifeline: int) -> None:
    """Nothing more is sent to this process: what wakes this up is the end."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    poll.poll()
    _orphaned()


def _orphaned() -> NoReturn:
    """Whoever started this has gone: leave nothing behind."""
    # The sandboxes end with this process: bubblewrap and the launcher ask the kernel for it.
    folder = os.environ.get("TMPDIR", "")
    if os.path.basename(folder).startswith("grade-task-"):
        from grader.sandbox.scratch import remove_tree

        remove_tree(Path(folder))
    os._exit(ORPHANED)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stderr.flush()
    # Nothing is left to do, and no thread or exit handler may hold up the answer's end.
    os._exit(0)
