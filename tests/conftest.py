"""Options and markers that hold for all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from grader.remembered import CACHE_VARIABLE

EXHAUSTIVE = "left out of the ordinary run to keep it under half an hour; give --exhaustive"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="also grade the samples that vary what others show already (another half hour)",
    )
    parser.addoption(
        "--beside-gpu",
        action="store_true",
        help="also launch the kernels of tests/device on this machine's GPU, and compare",
    )


def pytest_configure(config: pytest.Config) -> None:
    # A test that grades is not to be told what an earlier run of it came to.
    os.environ[CACHE_VARIABLE] = "off"
    # For tests that do not say how many examples they need.
    settings.register_profile("ordinary", max_examples=40)
    settings.register_profile("exhaustive", max_examples=200)
    settings.load_profile("exhaustive" if config.getoption("--exhaustive") else "ordinary")
    if config.getoption("--beside-gpu"):
        from tests.gpu import beside

        beside.begin()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if config.getoption("--beside-gpu"):
        from tests.gpu import beside

        terminalreporter.write_line(beside.summary())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--exhaustive"):
        return
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.skip(reason=EXHAUSTIVE))
