"""Every representative record, one after the other."""

from __future__ import annotations

import pytest

from grader.record import Record
from tests.report import records


@pytest.fixture(params=sorted(records.ALL))
def record(request: pytest.FixtureRequest) -> Record:
    return records.ALL[request.param]()
