"""Students with the same trouble, put together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from grader.batch.model import StudentResult
from grader.batch.outputs.diagnosis import Diagnosis, diagnose


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """All whose records tell of the same trouble."""

    diagnosis: Diagnosis
    members: tuple[StudentResult, ...]
    example: StudentResult
    """The one whose smallest counterexample is the smallest: the quickest to understand."""


def clusters(results: Sequence[StudentResult]) -> list[Cluster]:
    """The clusters, the largest first; in the order of ``results`` within each."""
    members: dict[str, list[StudentResult]] = {}
    told: dict[str, Diagnosis] = {}
    for result in results:
        found = diagnose(result.record) if result.record is not None else None
        if found is not None:
            told.setdefault(found.key, found)
            members.setdefault(found.key, []).append(result)
    made = [
        Cluster(
            diagnosis=told[key],
            members=tuple(who),
            example=min(who, key=lambda r: (_case_size(r), r.student.key)),
        )
        for key, who in members.items()
    ]
    return sorted(made, key=lambda c: (-len(c.members), c.diagnosis.title, c.diagnosis.key))


def _case_size(result: StudentResult) -> int:
    cases = result.record.counterexamples if result.record is not None else ()
    return sum(len(tensor.data) for tensor in cases[0].inputs) if cases else 0
