"""What a run is, as it is told to people, and whether what was written of it still holds."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import msgspec

from grader.batch.code import all_code
from grader.batch.model import RunInfo
from grader.batch.results import student_results
from grader.batch.settings import Settings
from grader.batch.store import Store, Stored
from grader.intake.display import one_line


def describe(
    settings: Settings,
    store: Store,
    *,
    finished: str = "",
    workers: int = 0,
) -> RunInfo:
    """The run's description, kept; its beginning and its title are those of its first session."""
    before, sources = store.info(), store.sources()
    info = RunInfo(
        # A folder's name may hold bytes that are no text.
        title=one_line(settings.title or (before.title if before else settings.source.stem)),
        puzzle=settings.options.puzzle,
        edition=settings.options.edition,
        created=before.created if before else now(),
        finished=finished,
        rubric=settings.options.rubric_name,
        workers=workers or (before.workers if before else 1),
        max_score=settings.puzzle.max_score,
        notes=tuple(
            f"{source.name}: {note}" if len(sources) > 1 else note
            for source in sources
            for note in source.notes
        ),
        refusals=tuple(refusal for source in sources for refusal in source.refusals),
    )
    store.set_info(info)
    return msgspec.structs.replace(info, seconds=before.seconds if before else 0.0)


def now() -> str:
    """UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def outdated(store: Store, info: RunInfo) -> bool:
    """Whether what was written for people is not made from what is known now."""
    index = store.folder / "index.html"
    return not index.is_file() or store.meta("outputs") != state(store, info)


def state(store: Store, info: RunInfo) -> str:
    """A digest of all that the outputs are made from, without unpacking a record."""
    described = msgspec.structs.replace(info, finished="", seconds=0.0, workers=0)
    due = store.meta("due")
    passed = bool(due) and datetime.now(UTC) >= datetime.fromisoformat(due)
    facts = [all_code(), store.gradings(), described, passed]
    digest = hashlib.sha256(msgspec.json.encode(facts))
    digest.update(msgspec.json.encode(store.students()))
    for key, attempts in sorted(store.attempts().items()):
        digest.update(msgspec.json.encode([key, [_plain(each) for each in attempts]]))
    return digest.hexdigest()


def _plain(stored: Stored) -> object:
    return [msgspec.to_builtins(stored.attempt), msgspec.to_builtins(stored.refusal)]


def write_outputs(store: Store, info: RunInfo, *, afresh: bool = False) -> None:
    """Dashboard, gradebooks, reports and similarity, from the stored results."""
    from grader.batch.outputs import write_all

    write_all(store.folder, info, student_results(store), afresh=afresh)
