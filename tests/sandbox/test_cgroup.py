"""The kernel's own limits, where the grader may set them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from grader.sandbox import Isolation, LimitHit, Limits, SandboxedProcess, cgroup, process
from grader.sandbox.cgroup import ControlGroup, Parent
from grader.sandbox.policy import MIB
from tests.sandbox import scenario

HOLDS_MEMORY = any(parent.memory for parent in cgroup.available())
needs_groups = pytest.mark.skipif(
    not HOLDS_MEMORY, reason="no control group with a memory limit can be made here"
)


def version_2(folder: Path) -> Parent:
    """A stand-in for a delegated part of the version 2 hierarchy."""
    return Parent(
        folder,
        memory=("memory.max",),
        zero=("memory.swap.max",),
        tasks=("pids.max",),
        kills="memory.events",
    )


def system(monkeypatch, tmp_path: Path, *, membership: str, mountinfo: str) -> None:
    """The kernel's files as another machine has them."""
    files = {
        "/proc/self/cgroup": membership,
        "/proc/self/mountinfo": mountinfo.replace("ROOT", str(tmp_path)),
    }
    real = cgroup._lines
    monkeypatch.setattr(
        cgroup,
        "_lines",
        lambda path: files[str(path)].splitlines() if str(path) in files else real(path),
    )


UNIFIED = "30 23 0:26 / ROOT rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"


def test_version_2_makes_groups_beside_its_own_where_children_have_the_controller(
    monkeypatch, tmp_path
):
    own = tmp_path / "user.slice/app.slice/terminal.scope"
    own.mkdir(parents=True)
    (own.parent / "cgroup.subtree_control").write_text("memory pids\n")
    system(
        monkeypatch,
        tmp_path,
        membership="0::/user.slice/app.slice/terminal.scope",
        mountinfo=UNIFIED,
    )
    (found,) = cgroup._candidates()
    assert found == version_2(own.parent)


def test_version_2_without_a_delegated_controller_makes_none(monkeypatch, tmp_path):
    own = tmp_path / "system.slice/runner.service"
    own.mkdir(parents=True)
    (own.parent / "cgroup.subtree_control").write_text("cpu\n")
    system(monkeypatch, tmp_path, membership="0::/system.slice/runner.service", mountinfo=UNIFIED)
    assert list(cgroup._candidates()) == []


def test_version_1_has_a_hierarchy_for_each_controller(monkeypatch, tmp_path):
    system(
        monkeypatch,
        tmp_path,
        membership="8:pids:/\n4:memory:/job_7\n2:cpu,cpuacct:/\n0::/",
        mountinfo="35 31 0:32 / ROOT/memory rw - cgroup cgroup rw,memory\n"
        "39 31 0:36 / ROOT/pids rw - cgroup cgroup rw,pids\n"
        "36 31 0:32 /elsewhere ROOT/other rw - cgroup cgroup rw,cpu",
    )
    assert [parent.directory for parent in cgroup._candidates()] == [
        tmp_path / "pids",
        tmp_path / "memory/job_7",
    ]


@hypothesis.given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_the_kernel_says_is_read_without_a_fault(membership, mountinfo):
    with pytest.MonkeyPatch.context() as patch:
        system(patch, Path("/nonexistent"), membership=membership, mountinfo=mountinfo)
        list(cgroup._candidates())


def test_the_kernels_limit_lies_above_the_watchers(tmp_path):
    parent = version_2(tmp_path)
    group = ControlGroup(Limits(), [parent])
    (made,) = tmp_path.glob("mojo-grade-*")
    for name in (*parent.memory, *parent.zero, *parent.tasks):
        (made / name).write_text("")
    limits = Limits(resident_bytes=1024 * MIB, scratch_bytes=512 * MIB, tasks=100)
    group.limit(limits)
    assert int((made / "memory.max").read_text()) > 1536 * MIB
    assert (made / "memory.swap.max").read_text() == "0"
    assert int((made / "pids.max").read_text()) == 100 + cgroup.SPARE_TASKS
    assert not group.ran_out_of_memory
    (made / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.ran_out_of_memory


def test_where_no_group_can_be_made_the_command_stays_as_it_is():
    group = ControlGroup(Limits(), [])
    assert group.command("/usr/bin/bwrap", ["bwrap", "--args", "3"]) == (
        "/usr/bin/bwrap",
        ["bwrap", "--args", "3"],
    )
    assert not group.ran_out_of_memory
    group.remove()


def test_a_group_that_can_not_be_joined_does_not_stop_the_command(tmp_path):
    group = ControlGroup(Limits(), [version_2(tmp_path)])
    (made,) = tmp_path.glob("mojo-grade-*")
    (made / "cgroup.procs").mkdir()
    executable, words = group.command("/bin/echo", ["echo", "a b", "--", "$x"])
    ended = subprocess.run(words, executable=executable, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("a b -- $x\n", "")


@needs_groups
def test_memory_that_is_taken_between_two_samples_is_a_limit_that_was_hit(monkeypatch):
    # Only the kernel is left to see it.
    monkeypatch.setattr(SandboxedProcess, "_memory_confirmed", lambda _: False)
    seen = scenario.run(
        Isolation.BWRAP,
        "keep = []\nwhile True: keep.append(bytearray(b'x') * 10_000_000)",
        limits=Limits(wall_seconds=60, resident_bytes=200 * MIB, scratch_bytes=16 * MIB),
    )
    assert seen.outcome.limit is LimitHit.MEMORY
    assert 200 * MIB <= seen.outcome.peak_resident_bytes < 500 * MIB
    assert seen.survivors == []


@needs_groups
def test_no_group_is_left_behind():
    # Other workers of a parallel run make groups meanwhile.
    names = f"mojo-grade-{os.getpid()}-*"

    def ours():
        return {path for p in cgroup.available() for path in p.directory.glob(names)}

    before = ours()
    scenario.run(Isolation.BWRAP, "print('done')", limits=Limits(wall_seconds=60))
    assert ours() <= before


FULL_2 = {"memory.events": "low 0\nmax 3\noom 1\noom_kill 1\n"}
FULL_1 = {
    "memory.limit_in_bytes": "1073741824\n",
    "memory.max_usage_in_bytes": "1073741824\n",
    "memory.oom_control": "under_oom 0\noom_kill 1\n",
}
VERSION_1 = {"memory": ("memory.limit_in_bytes",), "kills": "memory.oom_control"}


@pytest.mark.parametrize(
    ("version", "files", "full"),
    [
        (2, FULL_2, True),
        (2, FULL_2 | {"memory.events": "low 0\nmax 0\noom 0\noom_kill 1\n"}, False),
        (2, FULL_2 | {"memory.events": ""}, False),
        (1, FULL_1, True),
        (1, FULL_1 | {"memory.max_usage_in_bytes": "1073700000\n"}, True),
        (1, FULL_1 | {"memory.max_usage_in_bytes": "600000000\n"}, False),
        (1, FULL_1 | {"memory.max_usage_in_bytes": ""}, False),
    ],
)
def test_a_kill_is_told_from_one_for_a_group_around(version, files, full, tmp_path):
    parent = version_2(tmp_path) if version == 2 else Parent(tmp_path, **VERSION_1)
    group = ControlGroup(Limits(), [parent])
    (made,) = tmp_path.glob("mojo-grade-*")
    for name, text in files.items():
        (made / name).write_text(text)
    assert group.reached_its_limit is full
    assert group.counts_kills


@pytest.fixture
def small_group_around(monkeypatch):
    """A group of 150 MB in which those of the sandboxes are made."""
    parent = next((each for each in cgroup.available() if each.memory), None)
    if parent is None:
        pytest.skip("no control group with a memory limit can be made here")
    around = parent.directory / f"test-of-mojo-grade-{os.getpid()}"
    around.mkdir()
    try:
        if (around / "cgroup.subtree_control").exists():
            (around / "cgroup.subtree_control").write_text("+memory +pids")
        for name in parent.memory[:1]:
            (around / name).write_text(str(150 * MIB))
        inside = msgspec.structs.replace(parent, directory=around)
        monkeypatch.setattr(cgroup, "available", lambda: (inside,))
        yield
    finally:
        around.rmdir()


GROWS = "keep = []\nwhile True: keep.append(bytearray(b'x') * 10_000_000)"
GROWS_SLOWLY = GROWS.replace("while", "import time\nwhile") + "; time.sleep(0.03)"
CHILD_GROWS = f"""
import subprocess, sys
sys.exit(subprocess.run([sys.executable, "-I", "-S", "-c", {GROWS!r}]).returncode != 0)
"""


@pytest.mark.parametrize("code", [GROWS, CHILD_GROWS], ids=["itself", "a child"])
def test_memory_of_a_group_around_is_not_the_submissions(code, small_group_around):
    limits = Limits(wall_seconds=60, resident_bytes=1024 * MIB, scratch_bytes=16 * MIB)
    seen = scenario.run(Isolation.BWRAP, code, limits=limits)
    assert seen.outcome.machine_out_of_memory
    assert seen.outcome.limit is None
    assert seen.survivors == []


def test_its_own_limit_is_the_submissions_in_a_small_group_too(small_group_around):
    limits = Limits(wall_seconds=60, resident_bytes=60 * MIB, scratch_bytes=16 * MIB)
    # Slowly enough to be seen at its own limit, before it fills the group around.
    seen = scenario.run(Isolation.BWRAP, GROWS_SLOWLY, limits=limits)
    assert not seen.outcome.machine_out_of_memory
    assert seen.outcome.limit is LimitHit.MEMORY


KILLED = "import os; os.kill(os.getpid(), 9)"
FAILS = "raise SystemExit(1)"


@pytest.mark.parametrize(
    ("code", "around", "everywhere", "starved"),
    [
        (KILLED, 1, 0, True),
        (KILLED, 0, 1, True),
        (KILLED, 0, 0, False),
        (FAILS, 1, 0, True),
        (FAILS, 0, 1, False),
        ("", 1, 1, False),
    ],
)
def test_without_a_group_of_its_own_the_kernels_counts_decide(
    code, around, everywhere, starved, monkeypatch
):
    """A signal alone says nothing: a submission can send it to itself."""
    counts = iter([(5, 7), (5 + around, 7 + everywhere)])
    monkeypatch.setattr(process, "oom_kills", lambda: next(counts))
    monkeypatch.setattr(cgroup, "available", tuple)
    outcome = scenario.run(Isolation.BWRAP, code, limits=Limits(wall_seconds=60)).outcome
    assert outcome.machine_out_of_memory is starved
    assert outcome.limit is None
