"""Read every attempt of a collection once, and keep what was handed in.

The program is found out only of the file that counts, and where the collection had to choose:
that is the costly part, and nothing asks for it of the attempts before. If one of those counts in a
later session, its program is found out then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from grader.batch.collect import Collection
from grader.batch.model import Refusal
from grader.batch.store import Store, Stored
from grader.book.digests import program_of
from grader.errors import SubmissionRefused
from grader.intake import submission_from_bytes

_AT_A_TIME: Final = 500


@dataclass
class Ingested:
    """A collection, read."""

    stored: list[Stored] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    """The program of each file that counts or did once, by the file's digest; else it may be
    empty."""
    new: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Digest, program and bytes of files that are not kept yet, or without their program."""


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
        missing = digest not in found.programs
        if not found.programs.get(digest):
            program = collection.programs.get(digest, "")
            if collected.attempt.counts and not program:
                program = program_of(submission.text)
            found.programs[digest] = program
            missing = missing or bool(program)
        if missing:
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


def find_programs(
    stored: Iterable[Stored], programs: Mapping[str, str], store: Store | None
) -> Mapping[str, str]:
    """Programs by the digests of files, of each that counts.

    One that was handed in earlier may count only now that a later one is somebody else's.
    """
    found = dict(programs)
    for each in stored:
        sha256 = each.attempt.sha256
        if store is not None and each.attempt.counts and sha256 and not found[sha256]:
            data = store.source(sha256)
            found[sha256] = program_of(submission_from_bytes(each.attempt.name, data).text)
    return found
