"""What a lane asks of the software device for each variant of a case."""

from __future__ import annotations

import pytest

from grader.grading.lane import SoftwareLane


class Noting:
    """Notes what it is asked."""

    def begin_case(self, **asked):
        self.asked = asked


@pytest.fixture
def lane(monkeypatch):
    monkeypatch.setattr("grader.grading.lane.SoftwareDevice", lambda spawn: Noting())
    return SoftwareLane(reason="")


@pytest.mark.parametrize("variant", range(4))
def test_unwritten_memory_is_poisoned(lane, variant):
    lane.begin_case(variant=variant)
    assert lane._device.asked["poison"] != 0 != lane._device.asked["shared_fill"]


@pytest.mark.parametrize("variant", range(4))
def test_where_the_given_kernel_needs_zeros_shared_memory_alone_holds_them(lane, variant):
    lane.begin_case(variant=variant, shared_zeros=True)
    assert lane._device.asked["shared_fill"] == 0 != lane._device.asked["poison"]


def test_two_variants_differ_in_what_unwritten_memory_holds(lane):
    asked = []
    for variant in range(2):
        lane.begin_case(variant=variant)
        asked.append((lane._device.asked["poison"], lane._device.asked["shared_fill"]))
    assert asked[0][0] != asked[1][0]
    assert asked[0][1] != asked[1][1]
