"""Several threads read the same types for the first time: none of them ends the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

THREADS = """
import sys, threading
from pathlib import Path
sys.setswitchinterval(1e-6)
from grader.errors import GradeError
from grader.record import decode
from grader.toolchain import edition
from grader.toolchain.store import Manifest
from grader.decoding import json_as
begin = threading.Barrier(6)
done = []
def read(number):
    begin.wait()
    ways = [
        lambda: decode(b"{}"),
        lambda: json_as(b"{}", Manifest),
        lambda: edition.find("26.5"),
    ]
    for each in ways[:: 1 if number % 2 else -1]:
        try:
            each()
        except (GradeError, ValueError):
            pass
    done.append(number)
threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
[each.start() for each in threads]
[each.join() for each in threads]
print(sorted(done))
"""


@pytest.mark.parametrize("again", range(3))
def test_a_type_is_read_by_several_threads_at_once(again):
    command = [sys.executable, "-c", THREADS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[0, 1, 2, 3, 4, 5]"
