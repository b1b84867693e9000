"""Against a judge without protection the hostile samples do what they are meant to do.

Otherwise their failing here would prove nothing. Left out is what would fill a
disk, take the machine's memory or processes, or run until somebody ends it; what
has no naive judge to be aimed at (two ops of one name, injection into a report);
and reading a file at compile time, which this toolchain itself refuses. What
host code can reach is in `tests.hostile.test_reach`. Each takes a graph compile.
"""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks.labels import sample_file
from tests.hostile.naive import ALLCLOSE, NONE_TOO_FAR, judge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("mojo") is None, reason="no Mojo compiler here"),
]

PASS = "THE JUDGE SAYS PASS"
# What shows that it worked: words in what was printed.
BITES = {
    "python_rewrites_numpy": PASS,
    "python_rewrites_frames": PASS,
    "fake_verdict_exit_zero": "Verification passed",
    "fake_verdict_underscore_exit": "pass",
    "reads_passwd": "root:x:0:0",
    "spawns_processes": "uid=",
    "prints_environment": "'PATH'",
    "host_answer_copied": PASS,
    "host_answer_laundered": PASS,
    "host_answer_in_arguments": PASS,
    "answer_cached_by_pointer": PASS,
    "lazy_after_first_call": PASS,
    "nan_wildcard": PASS,
    "relies_on_zeroed_shared_memory": PASS,
    "published_answer_by_memset": PASS,
}
EVERY_RUN = ("python_rewrites_numpy",)
EXITS_WITH_ZERO = {name for name, shows in BITES.items() if shows == PASS} | {
    "fake_verdict_exit_zero",
    "fake_verdict_underscore_exit",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in EVERY_RUN else pytest.mark.exhaustive)
        for name in BITES
    ],
)
def test_without_protection_it_bites(name, tmp_path):
    comparison = NONE_TOO_FAR if name == "nan_wildcard" else ALLCLOSE
    source = sample_file(name, group="hostile")
    ended = judge(source, tmp_path, comparison=comparison)
    assert BITES[name] in ended.stdout + ended.stderr
    assert (ended.returncode == 0) or name not in EXITS_WITH_ZERO


@pytest.mark.exhaustive
def test_the_judge_tells_right_from_wrong(tmp_path):
    right = judge(sample_file("right"), tmp_path / "right")
    assert (right.returncode, PASS in right.stdout) == (0, True), right.stderr
    wrong = judge(sample_file("zeros"), tmp_path / "wrong")
    assert (wrong.returncode, PASS in wrong.stdout) == (1, False)
