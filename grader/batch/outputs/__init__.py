"""Everything that a class run writes for people: dashboard, gradebooks, reports, similarity."""

from __future__ import annotations

from grader.batch.outputs.write import Written, write_all

__all__ = ["Written", "write_all"]
