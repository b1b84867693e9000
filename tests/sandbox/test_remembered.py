"""A good answer of the probe is remembered until something that it rests on changes."""

from __future__ import annotations

import pytest

from grader.choices import Wanted
from grader.errors import SandboxFault
from grader.sandbox import isolation_probe
from grader.sandbox.policy import Isolation, IsolationReport


@pytest.fixture
def trials(monkeypatch, tmp_path):
    """Counts trial runs; each gives the level that stands in ``level[0]``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    binary = tmp_path / "bwrap"
    binary.touch()
    monkeypatch.setattr(isolation_probe.bwrap, "bwrap_binary", lambda: binary)
    runs = []
    level = [Isolation.BWRAP]

    def trial(wanted):
        runs.append(wanted)
        return IsolationReport(level=level[0], wanted=wanted, sentence="s")

    monkeypatch.setattr(isolation_probe, "probe", trial)
    return runs, level, binary


def test_the_second_run_needs_no_trial(trials):
    runs, _, _ = trials
    for _ in range(3):
        assert isolation_probe.probe_once(Wanted.AUTO).level is Isolation.BWRAP
    assert len(runs) == 1


def test_a_worse_level_is_tried_anew_each_time(trials):
    runs, level, _ = trials
    level[0] = Isolation.LANDLOCK
    for _ in range(3):
        assert isolation_probe.probe_once(Wanted.AUTO).level is Isolation.LANDLOCK
    assert len(runs) == 3


def test_another_binary_is_tried_anew(trials):
    runs, _, binary = trials
    isolation_probe.probe_once(Wanted.AUTO)
    binary.write_text("new")
    isolation_probe.probe_once(Wanted.AUTO)
    assert len(runs) == 2


@pytest.mark.parametrize("wanted", [Wanted.NONE, Wanted.LANDLOCK])
def test_what_was_asked_for_is_never_overruled_by_memory(trials, wanted):
    runs, level, _ = trials
    isolation_probe.probe_once(Wanted.AUTO)
    level[0] = Isolation.NONE
    assert isolation_probe.probe_once(wanted).level is Isolation.NONE
    assert runs[-1] is wanted


def test_what_is_forgotten_is_tried_again(trials):
    runs, _, _ = trials
    isolation_probe.probe_once(Wanted.AUTO)
    isolation_probe.forget()
    isolation_probe.probe_once(Wanted.AUTO)
    assert len(runs) == 2


def test_a_cache_that_can_not_be_written_costs_a_trial_and_nothing_else(trials, monkeypatch):
    runs, _, _ = trials
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    for _ in range(2):
        isolation_probe.probe_once(Wanted.AUTO)
    assert len(runs) == 2


def test_a_missing_binary_is_the_probes_business(trials, monkeypatch):
    def missing():
        raise SandboxFault("none")

    monkeypatch.setattr(isolation_probe.bwrap, "bwrap_binary", missing)
    runs, level, _ = trials
    level[0] = Isolation.LANDLOCK
    assert isolation_probe.probe_once(Wanted.AUTO).level is Isolation.LANDLOCK
    assert len(runs) == 1
