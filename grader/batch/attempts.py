"""Reads each attempt of a collection once, and puts the attempts of a student in one order.

The program is found out only of the file that counts, and where the collection had to choose: that
is the costly part, and nothing asks for it of the attempts before. If one of those counts in a
later session, its program is found out then.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from grader.batch.collect import Collection
from grader.batch.model import Attempt, Refusal
from grader.batch.store import Store, StoredAttempt
from grader.book.digests import program_of
from grader.errors import SubmissionRefused
from grader.intake import submission_from_bytes

_AT_A_TIME: Final = 500
Rank = Callable[[StoredAttempt], int]
"""What comes before any time: work, an untouched file, nothing that could be an answer."""


@dataclass
class IngestedAttempts:
    """What came of reading all attempts of a collection."""

    stored: list[StoredAttempt] = field(default_factory=list)
    programs: dict[str, str] = field(default_factory=dict)
    """The program of each file that counts or did once, by the file's digest; else it may be
    empty."""
    new: list[tuple[str, str, bytes]] = field(default_factory=list)
    """Digest, program and bytes of files that are not kept yet, or without their program."""


def ingest(
    collection: Collection, known: Mapping[str, str], store: Store | None = None
) -> IngestedAttempts:
    """Read all attempts through the intake's checks.

    Args:
        collection: What was handed over, still open.
        known: Programs by the digest of files that are kept already.
        store: Keeps new files; without one they are only read.
    """
    found = IngestedAttempts(programs=dict(known))
    for collected in collection.attempts:
        try:
            submission = collected.load()
        except SubmissionRefused as refused:
            refusal = Refusal(
                source=collected.attempt.source, what=refused.what, remedy=refused.remedy
            )
            found.stored.append(StoredAttempt(attempt=collected.attempt, refusal=refusal))
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
        found.stored.append(StoredAttempt(attempt=attempt, refusal=None))
        if store is not None and len(found.new) >= _AT_A_TIME:
            store.add_sources(found.new)
            found.new.clear()
    if store is not None and found.new:
        store.add_sources(found.new)
        found.new.clear()
    return found


def find_programs(
    stored: Iterable[StoredAttempt], programs: Mapping[str, str], store: Store | None
) -> Mapping[str, str]:
    """The program of each file that counts, by the file's digest.

    A file of an earlier session may count only now, since a later one turned out to be somebody
    else's.
    """
    found = dict(programs)
    for each in stored:
        sha256 = each.attempt.sha256
        if store is not None and each.attempt.counts and sha256 and not found[sha256]:
            data = store.source(sha256)
            found[sha256] = program_of(submission_from_bytes(each.attempt.name, data).text)
    return found


class AttemptOrder:
    """Orders all that a student handed in, source by source. The last attempt counts."""

    def __init__(self, origins: Sequence[str], rank: Rank) -> None:
        self._place = {origin: place for place, origin in enumerate(origins)}
        self._rank = rank

    def of(self, key: str, own: Sequence[StoredAttempt]) -> Sequence[StoredAttempt]:
        """The student's attempts, in order and numbered, without sources that another repeats."""
        sources: dict[str, list[StoredAttempt]] = defaultdict(list)
        for each in own:
            sources[each.attempt.origin].append(each)
        groups = sorted(sources.values(), key=self._given)
        latest = 0
        for place, group in enumerate(groups):
            if self._is_later(group[-1], groups[latest][-1]):
                latest = place
        if groups:
            groups.append(groups.pop(latest))
        ordered = [each for group in _without_copies(groups) for each in group]
        return [
            StoredAttempt(
                attempt=_numbered(each.attempt, key, number, len(ordered)), refusal=each.refusal
            )
            for number, each in enumerate(ordered, 1)
        ]

    def _given(self, group: Sequence[StoredAttempt]) -> int:
        return self._place.get(group[0].attempt.origin, -1)

    def _is_later(self, one: StoredAttempt, other: StoredAttempt) -> bool:
        """Whether ``one``, of a later source, counts instead of ``other``: by rank, then time."""
        ranks = self._rank(one), self._rank(other)
        if ranks[0] != ranks[1]:
            return ranks[0] > ranks[1]
        times = one.attempt.handed_in, other.attempt.handed_in
        return not all(times) or times[0] >= times[1]


def _without_copies(groups: Sequence[list[StoredAttempt]]) -> Iterator[list[StoredAttempt]]:
    """A student's sources without those whose files another one has too: it was moved, or grew."""
    contents = [{content_of(each) for each in group} for group in groups]
    last = len(groups) - 1
    for place, group in enumerate(groups):
        copies = (
            contents[place] < other or (contents[place] == other and place < at)
            for at, other in enumerate(contents)
            if at != place
        )
        if place == last or not any(copies):
            yield group


def _numbered(attempt: Attempt, key: str, number: int, count: int) -> Attempt:
    return msgspec.structs.replace(attempt, student=key, number=number, counts=number == count)


def content_of(each: StoredAttempt) -> tuple[str, str]:
    """What identifies the content: a file's digest; a refused one's path and the reason."""
    if each.refusal is not None:
        return each.attempt.source, each.refusal.what
    return each.attempt.sha256, ""


def file_of(each: StoredAttempt) -> tuple[str, str, str]:
    """The path and the content, which together identify a file."""
    return (each.attempt.source, *content_of(each))
