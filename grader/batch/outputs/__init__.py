"""Everything that a class run writes for people: dashboard, gradebooks, reports, similarity."""

from __future__ import annotations

from grader.batch.outputs.write import WrittenOutputs, write_all

__all__ = ["WrittenOutputs", "write_all"]
