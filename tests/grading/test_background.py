"""A step that is begun before its turn."""

from __future__ import annotations

import threading
import time

import pytest

from grader.grading.edition_run import Background


def test_it_can_be_begun_without_waiting_for_it():
    began = threading.Event()
    step = Background(began.set, after=None)
    step.begin()
    assert began.wait(60)
    step.drop(lambda _: None)


def test_it_begins_by_itself_after_a_while():
    began = threading.Event()
    step = Background(began.set, after=0.01)
    assert began.wait(60)
    step.result()


def test_who_asks_for_the_result_does_not_wait_for_the_while():
    started = time.monotonic()
    assert Background(lambda: 7, after=60).result() == 7
    assert Background(lambda: 7, after=None).result() == 7
    assert time.monotonic() - started < 50


def test_who_asks_for_the_result_for_a_while_does_not_wait_for_longer():
    over = threading.Event()
    step = Background(lambda: over.wait(60) and 7, after=60)
    assert step.within(0.01) is None
    over.set()
    assert step.within(5) == 7


def test_what_is_dropped_in_time_never_runs():
    ran = []
    step = Background(lambda: ran.append(1), after=60)
    step.drop(ran.append)
    assert ran == []


def test_what_was_begun_and_is_dropped_is_disposed_of_once():
    began, disposed = threading.Event(), []
    step = Background(lambda: began.set() or "bench", after=0)
    assert began.wait(60)
    step.drop(disposed.append)
    step.drop(disposed.append)
    assert disposed == ["bench"]


def test_a_failure_is_raised_where_the_result_is_asked_for():
    def fail():
        raise ValueError("no device")

    step = Background(fail, after=0)
    with pytest.raises(ValueError, match="no device"):
        step.result()
    step.drop(lambda _: pytest.fail("there is nothing to dispose of"))
