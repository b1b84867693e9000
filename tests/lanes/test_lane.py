"""What a lane asks of its device for each case."""

from __future__ import annotations

import os
import threading

import pytest

from grader import machine
from grader.lanes import devices
from grader.lanes.devices import HowToRun, OnGpu, OnSoftwareDevice


class Noting:
    """Notes what it is asked."""

    def begin_case(self, asked):
        self.asked = asked


@pytest.fixture
def lane(monkeypatch):
    monkeypatch.setattr("grader.lanes.devices.SoftwareDevice", lambda spawn: Noting())
    return OnSoftwareDevice(reason="")


@pytest.mark.parametrize("variant", range(4))
def test_unwritten_memory_is_poisoned(lane, variant):
    lane.begin_case(HowToRun(variant=variant))
    assert lane._device.asked.poison != 0 != lane._device.asked.shared_fill


@pytest.mark.parametrize("variant", range(4))
def test_where_the_given_kernel_needs_zeros_shared_memory_alone_holds_them(lane, variant):
    lane.begin_case(HowToRun(variant=variant, shared_zeros=True))
    assert lane._device.asked.shared_fill == 0 != lane._device.asked.poison


def test_two_variants_differ_in_what_unwritten_memory_holds(lane):
    asked = []
    for variant in range(2):
        lane.begin_case(HowToRun(variant=variant))
        asked.append((lane._device.asked.poison, lane._device.asked.shared_fill))
    assert asked[0][0] != asked[1][0]
    assert asked[0][1] != asked[1][1]


@pytest.fixture
def gpus(monkeypatch):
    """Makes lanes of a GPU. None is needed: a turn is known to the grader alone."""
    monkeypatch.setattr(machine, "PREFIX", f"\0mojo-grade-test/{os.getpid()}/")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)
    return lambda: OnGpu(name="a GPU", reason="")


def begins(lane: OnGpu) -> threading.Event:
    """Begins a case in a thread; set when it has its turn."""
    begun = threading.Event()

    def begin() -> None:
        lane.begin_case(HowToRun())
        begun.set()

    threading.Thread(target=begin, daemon=True).start()
    return begun


def follows(second: OnGpu, first: OnGpu) -> None:
    """The second's case begins when the first's, which has begun, ends."""
    begun = begins(second)
    assert not begun.wait(0.1)
    first.end_case()
    assert begun.wait(10)


def test_cases_of_two_gradings_have_a_gpu_in_turns(gpus):
    with gpus() as one, gpus() as other:
        one.begin_case(HowToRun())
        follows(other, one)
        follows(one, other)


def test_a_grading_that_ends_within_a_case_gives_its_turn_back(gpus):
    with gpus() as one:
        one.begin_case(HowToRun())
    with gpus() as other:
        assert begins(other).wait(10)


def test_a_case_waits_no_longer_than_gradings_take(gpus, monkeypatch):
    monkeypatch.setattr(devices, "TURN_SECONDS", 0.01)
    with gpus() as one, gpus() as other:
        one.begin_case(HowToRun())
        assert begins(other).wait(10)


def test_another_gpu_of_the_machine_has_turns_of_its_own(gpus, monkeypatch):
    with gpus() as one:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
        with gpus() as other:
            one.begin_case(HowToRun())
            assert begins(other).wait(10)
            assert other.worker_environment(str) == {"CUDA_VISIBLE_DEVICES": "1,2"}


def test_a_long_name_of_a_gpu_is_leased_like_any(gpus, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-" + 200 * "0")
    with gpus() as one, gpus() as other:
        one.begin_case(HowToRun())
        follows(other, one)
