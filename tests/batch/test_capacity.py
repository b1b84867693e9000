"""How many gradings a machine carries, by what it says of itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from grader.batch import pool
from grader.machine import available_bytes, cores, memory_bytes, oom_kills

GIB = 1 << 30


def machine(root: Path, files: dict[str, str], *, available: int = 64 * GIB) -> Path:
    files = {"proc/meminfo": f"MemTotal: 1 kB\nMemAvailable: {available // 1024} kB\n", **files}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


def test_cores_bound_a_machine_with_much_memory(tmp_path):
    assert pool.default_workers(root=machine(tmp_path, {})) == 8


def test_memory_bounds_a_machine_with_little(tmp_path):
    assert pool.default_workers(root=machine(tmp_path, {}, available=4 * GIB)) == 2
    assert pool.default_workers(root=machine(tmp_path, {}, available=GIB)) == 1


def test_limits_of_a_container_with_control_groups_2(tmp_path):
    """The group's own path may be the host's; the limits then stand in the mount's root."""
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/docker/0123\n",
            "sys/fs/cgroup/cpu.max": "350000 100000\n",
            "sys/fs/cgroup/memory.max": f"{8 * GIB}\n",
            "sys/fs/cgroup/memory.current": f"{4 * GIB}\n",
            "sys/fs/cgroup/memory.stat": f"anon 1\ninactive_file {GIB}\n",
        },
    )
    assert cores(root=root) == 3
    assert available_bytes(root=root) == 5 * GIB
    assert pool.default_workers(root=root) == 2


def test_limits_of_any_group_above_count(tmp_path):
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "0::/slice/job/step\n",
            "sys/fs/cgroup/slice/job/step/cpu.max": "max 100000\n",
            "sys/fs/cgroup/slice/job/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/slice/memory.max": "max\n",
        },
    )
    assert pool.default_workers(root=root) == 2


def test_limits_of_control_groups_1(tmp_path):
    root = machine(
        tmp_path,
        {
            "proc/self/cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "400000\n",
            "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": f"{6 * GIB}\n",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "0\n",
        },
    )
    assert cores(root=root) == 4
    assert pool.default_workers(root=root) == 3


TREES = {
    "version 2": {
        "proc/self/cgroup": "0::/slice/job\n",
        "sys/fs/cgroup/slice/job/memory.max": "max\n",
        "sys/fs/cgroup/slice/job/memory.events": "low 0\noom 0\noom_kill 1\n",
        "sys/fs/cgroup/slice/memory.max": f"{600 << 20}\n",
        "sys/fs/cgroup/slice/memory.events": "low 0\noom 2\noom_kill 2\noom_group_kill 9\n",
    },
    "version 1": {
        "proc/self/cgroup": "4:memory:/docker/0123\n0::/\n",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": f"{600 << 20}\n",
        "sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    },
}


@pytest.mark.parametrize("tree", TREES)
def test_memory_is_what_this_process_may_use(tree, tmp_path):
    files = {**TREES[tree], "proc/meminfo": f"MemTotal: {64 << 20} kB\n"}
    root = machine(tmp_path, files)
    assert memory_bytes(root=root) == 600 << 20


@pytest.mark.parametrize("tree", TREES)
def test_kills_are_counted_in_the_groups_around_and_on_the_machine(tree, tmp_path):
    root = machine(tmp_path, {**TREES[tree], "proc/vmstat": "oom_kill 7\nother 1\n"})
    assert oom_kills(root=root) == (3, 7)


def test_without_groups_memory_is_the_machines(tmp_path):
    root = machine(tmp_path, {"proc/meminfo": f"MemTotal: {4 << 20} kB\nMemAvailable: 1 kB\n"})
    assert memory_bytes(root=root) == 4 * GIB
    assert oom_kills(root=root) == (0, 0)


def test_memory_and_kills_of_this_machine_can_be_read():
    assert memory_bytes() > 64 << 20
    assert min(oom_kills()) >= 0


def test_this_machine_carries_at_least_one():
    assert pool.default_workers() >= 1
