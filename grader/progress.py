"""What changed since the last run of the same student on the same puzzle.

A record keeps how things stood before (`Earlier`), so that every rendering can tell. Nothing is
claimed that is not certain: what is wrong may hide what else is wrong. So a cause is *gone* only
where a check passes that had failed with it, and *new* only where the run before could see it.
A run without a mark changes nothing: it hands on what it was given.
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec.structs import replace

from grader.device import FindingKind
from grader.guidance import COMPILER, Cause, causes
from grader.marks import compiled
from grader.record import (
    Attribution,
    CheckOutcome,
    Earlier,
    EarlierCause,
    EarlierCheck,
    Record,
    Status,
    Verdict,
)

_PLAIN = frozenset({COMPILER, *(kind.value for kind in FindingKind)})
"""Keys of causes whose names say enough; the others are told by their sentences."""


@dataclass(frozen=True, kw_only=True)
class SinceBefore:
    """What is different now."""

    before: int
    """Points, extra credit aside."""
    after: int
    now_right: tuple[CheckOutcome, ...]
    no_longer_right: tuple[CheckOutcome, ...]
    gone: tuple[EarlierCause, ...]
    new: tuple[EarlierCause, ...]

    @property
    def any(self) -> bool:
        """Whether anything is different."""
        changed = self.now_right or self.no_longer_right or self.gone or self.new
        return bool(changed) or self.before != self.after


def with_earlier(record: Record, old: Record) -> Record:
    """A record with what is compared with an earlier one, where the two can be compared.

    Both must be for the same reader: what the one leaves out, the other must not tell.
    """
    before = _standing(old)
    if _is_marked(old) and old.submission.sha256 == record.submission.sha256:
        # The same file once more: what it is compared with stays the same.
        before = old.before
    if before is None or not _comparable(record, old, before):
        return record
    return replace(record, before=before)


def progress(record: Record) -> SinceBefore | None:
    """What is different from what the record is compared with; None where there is nothing."""
    before = record.before
    if before is None or not _is_marked(record):
        return None
    then = {each.id: each for each in before.checks}
    now_right, no_longer = [], []
    for check in record.checks:
        was = then.get(check.id)
        if was is None or was.status is check.status:
            continue
        if check.status is Status.PASSED:
            now_right.append(check)
        elif check.status is Status.FAILED and was.status is Status.PASSED:
            no_longer.append(check)
    now = tuple(map(_kept, causes(record)))
    mended = {each.part for each in now_right if then[each.id].status is Status.FAILED}
    could_see = all(each.key != COMPILER for each in before.causes)
    known = {(each.key, each.part) for each in before.causes}
    return SinceBefore(
        before=sum(each.points for each in before.checks if not each.extra),
        after=record.score,
        now_right=tuple(now_right),
        no_longer_right=tuple(no_longer),
        gone=tuple(each for each in before.causes if _is_gone(each, record, now, mended)),
        new=tuple(each for each in now if could_see and (each.key, each.part) not in known),
    )


def _is_marked(record: Record) -> bool:
    return record.verdict in (Verdict.PASS, Verdict.FAIL)


def _standing(record: Record) -> Earlier | None:
    """How things stand after a run; after one without a mark, as they stood before it."""
    if not _is_marked(record):
        return record.before
    return Earlier(
        created=record.created,
        checks=tuple(
            EarlierCheck(
                id=each.id,
                status=each.status,
                points=each.points,
                max_points=each.max_points,
                extra=each.extra,
            )
            for each in record.checks
        ),
        causes=tuple(map(_kept, causes(record))),
    )


def _kept(cause: Cause) -> EarlierCause:
    sentence = "" if cause.key in _PLAIN else cause.sentence
    return EarlierCause(key=cause.key, part=cause.part, sentence=sentence)


def _comparable(record: Record, old: Record, before: Earlier) -> bool:
    """Whether the two are of one task, with the same points for the same checks."""
    if (record.puzzle.name, record.puzzle.parts) != (old.puzzle.name, old.puzzle.parts):
        return False
    digests = {each.rubric.digest for each in (record, old) if each.rubric is not None}
    if len(digests - {""}) > 1:
        return False
    if not _is_marked(record):
        return True
    table = [(each.id, each.max_points) for each in record.checks if not each.extra]
    return table == [(each.id, each.max_points) for each in before.checks if not each.extra]


def _is_gone(
    cause: EarlierCause, record: Record, now: tuple[EarlierCause, ...], mended: set[str]
) -> bool:
    if cause.key == COMPILER:
        return compiled(record)
    still = {(each.key, each.part) for each in now} | {
        (each.finding.kind.value, each.part)
        for each in record.findings
        if each.attribution is Attribution.STUDENT
    }
    return cause.part in mended and (cause.key, cause.part) not in still
