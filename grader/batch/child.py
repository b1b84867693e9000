"""The process that does one grading: ``python -m grader.batch.child MODULE:FUNCTION``.

It reads one `Task` from standard input and writes one record to what was its
standard output; whatever else is printed goes to standard error. Standard input
then stays open as a lifeline: when it ends, whoever started this has gone, and
so does this process, with everything in its sandboxes.
"""

from __future__ import annotations

import importlib
import os
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import msgspec

from grader.batch.task import Task
from grader.record import Record
from grader.userdirs import keep_nothing_of_hypothesis

GradeFunction = Callable[[Task], Record]
ORPHANED = 75


def main(name: str) -> None:
    """Grade the one task and end."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lifeline = os.fdopen(os.dup(0), "rb", buffering=0)
    task = msgspec.msgpack.decode(_frame(lifeline), type=Task)
    threading.Thread(target=_watch, args=(lifeline,), name="lifeline", daemon=True).start()
    keep_nothing_of_hypothesis()
    record = _function(name)(task)
    answer.write(msgspec.json.encode(record))
    answer.close()


def _function(name: str) -> GradeFunction:
    module, _, attribute = name.partition(":")
    return cast(GradeFunction, getattr(importlib.import_module(module), attribute))


def _frame(stream: BinaryIO) -> bytes:
    (length,) = struct.unpack("<I", _exactly(stream, 4))
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, count: int) -> bytes:
    parts = []
    while count:
        part = stream.read(count)
        if not part:
            _orphaned()
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _watch(lifeline: BinaryIO) -> None:
    while lifeline.read(1):
        pass
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
