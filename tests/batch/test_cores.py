"""Gradings at the same time have a core each, whoever started them."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from grader import machine
from grader.batch.pool import core_of_its_own

SAY_CORES = "import os; print(*os.sched_getaffinity(0))"


def cores_of_a_child() -> set[int]:
    said = subprocess.run(
        [sys.executable, "-c", SAY_CORES], capture_output=True, text=True, check=True
    ).stdout
    return {int(word) for word in said.split()}


@pytest.fixture(autouse=True)
def names_of_our_own(monkeypatch):
    """Gradings that run beside the tests keep their cores."""
    monkeypatch.setattr(machine, "PREFIX", f"\0mojo-grade-test/{os.getpid()}/")


@pytest.fixture
def all_cores(monkeypatch):
    """Whatever the machine's own limits: nothing is rationed."""
    monkeypatch.setattr(machine, "cores", lambda: len(os.sched_getaffinity(0)))
    return os.sched_getaffinity(0)


def held_at_a_time(number: int) -> list[int | None]:
    """What so many threads get that hold theirs until all have asked."""
    found: list[int | None] = []
    everybody = threading.Barrier(number)

    def one() -> None:
        with core_of_its_own() as core:
            found.append(core)
            everybody.wait(10)

    threads = [threading.Thread(target=one) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_process_that_is_started_has_the_one_core(all_cores):
    with core_of_its_own() as core:
        assert cores_of_a_child() == {core}
    assert cores_of_a_child() == all_cores


def test_each_gets_another_one_until_none_is_left(all_cores):
    found = held_at_a_time(len(all_cores) + 1)
    assert found.count(None) == 1
    assert {core for core in found if core is not None} == all_cores


def test_a_core_is_free_again_when_a_grading_has_ended(all_cores):
    for _ in range(2 * len(all_cores)):
        with core_of_its_own() as core:
            assert core in all_cores


def test_other_processes_count_and_one_that_is_killed_counts_no_more(all_cores):
    script = (
        "import sys, time\n"
        "from grader import machine\n"
        "from grader.batch import pool\n"
        "machine.PREFIX = chr(0) + sys.argv[1]\n"
        "pool.machine.cores = lambda: 2 ** 20\n"
        "with pool.core_of_its_own():\n"
        "    print('has one', flush=True)\n"
        "    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, machine.PREFIX.removeprefix("\0")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "has one\n"
        assert held_at_a_time(len(all_cores)).count(None) == 1
        other.kill()
    assert set(held_at_a_time(len(all_cores))) == all_cores


def test_where_time_is_rationed_nothing_is_bound(monkeypatch):
    """A container with a limit sees all cores of its machine, as the others there do."""
    monkeypatch.setattr(machine, "cores", lambda: len(os.sched_getaffinity(0)) - 1)
    with core_of_its_own() as core:
        assert core is None
        assert cores_of_a_child() == os.sched_getaffinity(0)


def test_a_machine_without_sockets_to_give_binds_nothing(all_cores, monkeypatch):
    def none_left(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(machine.socket, "socket", none_left)
    with core_of_its_own() as core:
        assert core is None
    began = time.monotonic()
    assert not machine.Lease("gpu/0").wait(30)
    assert time.monotonic() - began < 25


def test_a_core_that_was_taken_from_the_process_is_not_bound(all_cores, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EINVAL, "no such core any more")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with core_of_its_own() as core:
        assert core is None
