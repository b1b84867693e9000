"""Read every attempt of a collection once, and keep what was handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from grader.batch.collect import Collection
from grader.batch.model import Refusal
from grader.batch.programs import program_of
from grader.batch.store import Store, Stored
from grader.errors import SubmissionRefused

_AT_A_TIME: Final = 500


@dataclass
class Ingested:
    """A collection, read."""

    stored: list[Stored] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    """The program of each file, by the file's digest."""
    new: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Digest, program and bytes of files that are not kept yet."""


def ingest(
    collection: Collection, known: Mapping[str, str], store: Store | None = None
) -> Ingested:
    """Read all attempts through the intake's checks.

    Args:
        collection: What was handed over, still open.
        known: Programs by the digest of files that are kept already.
        store: Keeps new files; without one they are only read.
    """
    found = Ingested(programs=dict(known))
    for collected in collection.attempts:
        try:
            submission = collected.load()
        except SubmissionRefused as refused:
            refusal = Refusal(
                source=collected.attempt.source, what=refused.what, remedy=refused.remedy
            )
            found.stored.append(Stored(attempt=collected.attempt, refusal=refusal))
            continue
        digest = submission.sha256
        if digest not in found.programs:
            found.programs[digest] = program_of(submission.text)
            found.new.append((digest, found.programs[digest], submission.data))
        attempt = msgspec.structs.replace(collected.attempt, sha256=digest)
        found.stored.append(Stored(attempt=attempt, refusal=None))
        if store is not None and len(found.new) >= _AT_A_TIME:
            store.add_sources(found.new)
            found.new.clear()
    if store is not None and found.new:
        store.add_sources(found.new)
        found.new.clear()
    return found
