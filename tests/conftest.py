"""Options and markers that hold for all tests."""

from __future__ import annotations

import pytest

EXHAUSTIVE = "left out of the ordinary run to keep it under half an hour; give --exhaustive"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--exhaustive",
        action="store_true",
        help="also grade the samples that vary what others show already (another half hour)",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--exhaustive"):
        return
    for item in items:
        if item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.skip(reason=EXHAUSTIVE))
