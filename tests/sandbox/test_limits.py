"""Abuse ends in time, for the right reason, and leaves nothing behind."""

from __future__ import annotations

import pytest

from grader.sandbox import LimitHit, Limits
from grader.sandbox.policy import MIB
from tests.sandbox.conftest import Run
from tests.sandbox.scenario import Seen

WALL = 1.0
PATIENT = 20.0
"""Where another limit must strike first, on however busy a machine."""
BUSY = 30.0
"""Seconds that a busy machine may add. Without its limit, each of these would take more."""


def contained(seen: Seen, limit: LimitHit | None, wall: float = PATIENT) -> None:
    """The clauses that hold for every ending."""
    assert seen.outcome.limit is limit, seen.outcome
    assert seen.survivors == []
    assert not seen.scratch_left
    assert seen.outcome.wall_seconds < wall + BUSY


def test_an_endless_loop_ends_at_the_wall_clock(run: Run) -> None:
    seen = run("while True: pass", limits=Limits(wall_seconds=WALL))
    contained(seen, LimitHit.WALL_CLOCK, WALL)
    assert seen.outcome.killed
    assert 0.05 < seen.outcome.cpu_seconds < seen.outcome.wall_seconds
    assert seen.outcome.stage == "test"


def test_ignoring_signals_does_not_help(run: Run) -> None:
    code = (
        "import signal, time\n"
        "for n in range(1, 32):\n"
        "    if n not in (9, 19): signal.signal(n, signal.SIG_IGN)\n"
        "time.sleep(60)"
    )
    contained(run(code, limits=Limits(wall_seconds=WALL)), LimitHit.WALL_CLOCK, WALL)


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
os.wait()
"""


def test_a_daemon_does_not_outlive_its_parent(run: Run) -> None:
    seen = run(DAEMON + "print('left')")
    contained(seen, None)
    assert seen.outcome.exit_code == 0
    assert seen.outcome.stdout == b"left\n"


def test_a_daemon_does_not_outlive_a_kill(run: Run) -> None:
    seen = run(DAEMON + "time.sleep(60)", kill_after=0.4)
    contained(seen, None)
    assert seen.outcome.killed


FORK_BOMB = """
import os, time
while True:
    try:
        if os.fork() == 0: pass
    except OSError: time.sleep(0.01)
"""


def test_a_fork_bomb_is_stopped(run: Run) -> None:
    seen = run(FORK_BOMB, limits=Limits(wall_seconds=PATIENT, tasks=60))
    contained(seen, LimitHit.TASKS)


def test_a_fork_bomb_that_has_taken_every_task_is_stopped(run: Run) -> None:
    # Before the watcher looks again: whoever ends the bomb can't fork any more either.
    seen = run(FORK_BOMB, limits=Limits(wall_seconds=PATIENT, tasks=60), sample_seconds=1.0)
    contained(seen, LimitHit.TASKS)


def test_a_memory_hog_is_stopped(run: Run) -> None:
    code = "keep = []\nwhile True: keep.append(bytearray(b'x') * 10_000_000)"
    seen = run(code, limits=Limits(wall_seconds=PATIENT, resident_bytes=300 * MIB))
    contained(seen, LimitHit.MEMORY)
    assert seen.outcome.peak_resident_bytes > 300 * MIB


def test_the_graders_own_memory_is_not_counted_as_the_childs(run: Run) -> None:
    # A child that has not executed its command yet still has its parent's memory.
    keep = bytearray(b"x") * (400 * MIB)
    seen = run("pass", limits=Limits(wall_seconds=PATIENT))
    assert seen.outcome.peak_resident_bytes < len(keep) // 2


def test_memory_of_many_processes_counts_together(run: Run) -> None:
    code = (
        "import os, time\n"
        "for _ in range(6):\n"
        "    if os.fork() == 0:\n"
        "        keep = bytearray(b'x') * 60_000_000\n"
        "        time.sleep(60)\n"
        "time.sleep(60)"
    )
    seen = run(code, limits=Limits(wall_seconds=PATIENT, resident_bytes=300 * MIB))
    contained(seen, LimitHit.MEMORY)


def test_pages_shared_by_a_fork_count_once(run: Run) -> None:
    code = (
        "import os, time\n"
        "keep = bytearray(b'x') * 100_000_000\n"
        "for _ in range(5):\n"
        "    if os.fork() == 0:\n"
        "        time.sleep(0.5); os._exit(0)\n"
        "time.sleep(0.8)"
    )
    seen = run(code, limits=Limits(wall_seconds=PATIENT, resident_bytes=300 * MIB))
    contained(seen, None)
    assert seen.outcome.exit_code == 0


def test_address_space_can_be_reserved_without_using_it(run: Run) -> None:
    code = "import mmap; m = mmap.mmap(-1, 6 << 30, flags=mmap.MAP_PRIVATE | 0x4000); print(len(m))"
    seen = run(code, limits=Limits(wall_seconds=PATIENT, resident_bytes=300 * MIB))
    assert seen.outcome.stdout == b"6442450944\n"


def test_filling_the_scratch_directory_is_stopped(run: Run) -> None:
    code = (
        "block = b'x' * (1 << 20)\n"
        "i = 0\n"
        "while True:\n"
        "    i += 1\n"
        "    with open(f'junk{i}', 'wb') as f:\n"
        "        for _ in range(8): f.write(block)\n"
        "    if i > 60:\n"
        "        import time; time.sleep(60)\n"
    )
    seen = run(code, limits=Limits(wall_seconds=PATIENT, scratch_bytes=100 * MIB))
    contained(seen, LimitHit.SCRATCH)


def test_a_directory_without_rights_is_no_place_to_hide(run: Run) -> None:
    code = (
        "import os, time\n"
        "os.mkdir('d')\n"
        "with open('d/big', 'wb') as f:\n"
        "    os.chmod('d', 0)\n"
        "    for _ in range(30): f.write(b'x' * (1 << 20))\n"
        "    f.flush()\n"
        "    time.sleep(60)"
    )
    seen = run(code, limits=Limits(wall_seconds=PATIENT, scratch_bytes=20 * MIB))
    contained(seen, LimitHit.SCRATCH)


def test_a_million_small_files_are_stopped(run: Run) -> None:
    code = "i = 0\nwhile True:\n    i += 1\n    open(f'{i}', 'w').close()"
    seen = run(code, limits=Limits(wall_seconds=PATIENT, scratch_bytes=4 * MIB))
    contained(seen, LimitHit.SCRATCH)


def test_one_file_cannot_grow_past_its_limit(run: Run) -> None:
    code = "f = open('big', 'wb')\nfor _ in range(64): f.write(b'x' * (1 << 20))"
    seen = run(code, limits=Limits(wall_seconds=PATIENT, file_bytes=16 * MIB))
    contained(seen, None)
    assert seen.outcome.exit_code == 1
    assert b"File too large" in seen.outcome.stderr


def test_a_deeply_nested_tree_is_removed(run: Run) -> None:
    code = (
        "import os\n"
        "for i in range(1100):\n"  # deeper than Python recurses, longer than a path may be
        "    os.mkdir('d' * 9); os.chdir('d' * 9)\n"
        "open('f', 'w').close()\n"
        "os.chmod('.', 0)\n"
    )
    seen = run(code, limits=Limits(wall_seconds=PATIENT))
    assert not seen.scratch_left


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_of_output_is_stopped(run: Run, stream: str) -> None:
    code = f"import sys\nwhile True: sys.{stream}.write('spam' * 4096)"
    seen = run(code, limits=Limits(wall_seconds=PATIENT, output_bytes=2 * MIB))
    contained(seen, LimitHit.OUTPUT)
    kept = seen.outcome.stdout + seen.outcome.stderr
    assert kept.startswith(b"spam")
    assert b"bytes left out" in kept
    assert kept[-1:] in b"spam"
    assert len(kept) < 200_000 < seen.outcome.output_bytes


def test_exit_codes_and_signals_are_told_apart(run: Run) -> None:
    assert run("raise SystemExit(7)").outcome.exit_code == 7
    seen = run("import ctypes; ctypes.string_at(0)")
    assert (seen.outcome.exit_code, seen.outcome.signal) == (None, 11)
    assert seen.outcome.limit is None
    assert not seen.outcome.killed
