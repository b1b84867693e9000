"""Grade a class: collect, see what is to be done, do it, keep each result, write it all up."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from grader import __version__
from grader.batch.attempts import IngestedAttempts, find_programs, ingest
from grader.batch.collect import Collection, Roster, read_roster
from grader.batch.collect import collect as collect_source
from grader.batch.database import DATABASE, locked
from grader.batch.merge import (
    MergedClass,
    StudentsWithWork,
    from_source,
    merge,
    origin_of,
    replace_class,
)
from grader.batch.model import RunInfo, Source
from grader.batch.plan import SCORED_AGAIN, Job, Plan, Settings, make_plan
from grader.batch.pool import Backend, GradingStarted, work_off
from grader.batch.results import describe, now, outdated, state
from grader.batch.store import GradingEntry, Store, StoredAttempt
from grader.batch.task import GradingOutcome, Task, record_in
from grader.book import Book, find_book
from grader.errors import UsageError
from grader.grading import seeds
from grader.grading.rescore import score_again
from grader.intake.display import one_line
from grader.record import Record, Verdict

MakeBackend = Callable[[Settings], contextlib.AbstractContextManager[Backend]]
Rerender = Callable[[Store, RunInfo], None]
Collect = Callable[[Settings, Mapping[str, str]], contextlib.AbstractContextManager[Collection]]
"""Looks through what was handed over. The programs of files that it has seen before are given, by
the files' digests."""
_NOBODY: Final = StudentsWithWork(students=(), attempts={})


class Display(Protocol):
    """Hears how a run goes."""

    def planned(self, settings: Settings, collection: Collection, plan: Plan) -> None:
        """What will be done, before anything is."""

    def began(self, jobs: Sequence[Job], workers: int) -> None:
        """The gradings begin."""

    def started(self, job: Job, where: str) -> None:
        """Somebody works on it."""

    def finished(self, job: Job, record: Record, outcome: GradingOutcome) -> None:
        """It is graded, and stored."""

    def writing(self) -> None:
        """The dashboard and all else is written now."""


@dataclass
class Summary:
    """How a session ended."""

    plan: Plan
    graded: int = 0
    faults: int = 0
    """Students for whom there is no mark through our fault, this session or before."""
    not_regraded: int = 0
    """Programs that could not be graded again through our fault: they keep their marks."""
    wrote: bool = False
    """Whether outputs were written; they are left alone where nothing changed."""
    notes: Sequence[str] = field(default=())


@contextlib.contextmanager
def collected(settings: Settings, programs: Mapping[str, str]) -> Iterator[Collection]:
    """What the source holds, where all of it is of one puzzle."""
    roster = read_roster(settings.roster) if settings.roster else Roster()
    with collect_source(
        settings.source,
        puzzle=settings.options.puzzle,
        roster=roster.students,
        programs=programs,
        book=_book(settings),
    ) as collection:
        yield dataclasses.replace(collection, notes=[*roster.notes, *collection.notes])


def dry_run(
    settings: Settings, *, collect: Collect = collected
) -> tuple[Collection, MergedClass, Plan]:
    """What a run would do. Nothing is written."""
    with contextlib.ExitStack() as stack:
        store = None
        if (settings.folder / DATABASE).is_file():
            store = stack.enter_context(Store(settings.folder))
        programs = store.programs() if store else {}
        collection = stack.enter_context(collect(settings, programs))
        everybody = _merged(settings, collection, ingest(collection, programs), store)
        return collection, everybody, _planned(settings, everybody, store)


def run(
    settings: Settings,
    *,
    backend: MakeBackend,
    display: Display,
    write: Rerender,
    collect: Collect = collected,
) -> Summary:
    """Grade a class, or what is left of it.

    Args:
        backend: Makes what does the gradings, once it is known that there are any.
        write: Writes everything for people from the stored results.
        collect: Looks through the source.

    Raises:
        UsageError: the source, the roster or the folder make no sense.
        GraderFault: results can't be stored any more. What was stored is safe.
    """
    began = time.monotonic()
    make_folder(settings.folder)
    with (
        locked(settings.folder),
        Store(settings.folder, create=True) as store,
        collect(settings, store.programs()) as collection,
    ):
        ingested = ingest(collection, store.programs(), store)
        everybody = _merged(settings, collection, ingested, store)
        plan = _planned(settings, everybody, store)
        display.planned(settings, collection, plan)
        store.want(plan.regraded, "asked for with --regrade")
        store.set_programs(everybody.programs)
        store.set_class(
            everybody.students, everybody.stored, _sources(settings, collection, everybody, store)
        )
        due = settings.rubric.due if settings.rubric else None
        store.set_meta(due=due.isoformat() if due else "")
        summary = Summary(plan=plan, notes=collection.notes)
        _score_again(settings, store, plan.scored_again)
        if plan.jobs:
            with backend(settings) as graders:
                describe(settings, store, workers=graders.workers)
                store.begin_session(graders.workers)
                display.began(plan.jobs, graders.workers)
                _grade(settings, store, summary, graders, display, began)
        summary.faults = _count_faults(store, everybody)
        before = store.info()
        # Going over a finished run does not finish it anew.
        finished = (before.finished if before else "") or now()
        info = describe(settings, store, finished=finished)
        if outdated(store, info):
            display.writing()
            write(store, info)
            store.set_meta(outputs=state(store, info))
            summary.wrote = True
    return summary


def make_folder(folder: Path) -> None:
    """Make the folder of a run; raises `UsageError` where that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"{folder} can't be made: {error.strerror}",
            remedy="Choose another folder with --out RUN.",
        ) from error


def _book(settings: Settings) -> Book:
    """What students of this class start from: the book's files, and what their course hands out."""
    book, skeleton = find_book(settings.options.puzzle), settings.options.skeleton
    return book.handing_out(skeleton.program) if skeleton else book


def _merged(
    settings: Settings, collection: Collection, ingested: IngestedAttempts, store: Store | None
) -> MergedClass:
    """The class with the source in it, and the program of each file that counts."""
    before = (
        StudentsWithWork(students=store.students(), attempts=store.attempts()) if store else _NOBODY
    )
    origin = origin_of(settings.source)
    source = from_source(collection.students, ingested.stored, origin)
    if settings.replace_class:
        everybody = replace_class(before, source, origin)
    else:
        book, programs = _book(settings), ingested.programs

        def rank(each: StoredAttempt) -> int:
            untouched = book.is_untouched(programs.get(each.attempt.sha256, ""))
            return each.attempt.is_answer + (each.attempt.is_answer and not untouched)

        known = [each.origin for each in store.sources()] if store else []
        origins = list(dict.fromkeys([*known, origin]))
        everybody = merge(before, source, origin=origin, origins=origins, rank=rank)
    found = find_programs(everybody.stored, ingested.programs, store)
    return dataclasses.replace(everybody, programs=found)


def _sources(
    settings: Settings, collection: Collection, everybody: MergedClass, store: Store
) -> list[Source]:
    """What the class is collected from; a source of which nothing is left is dropped."""
    source = Source(
        origin=origin_of(settings.source),
        name=one_line(settings.source.name),
        notes=tuple(collection.notes),
        refusals=tuple(collection.refusals),
    )
    known = {each.origin: each for each in store.sources()} | {source.origin: source}
    left = {each.attempt.origin for each in everybody.stored} | {source.origin}
    return [each for origin, each in known.items() if origin in left]


def _planned(settings: Settings, everybody: MergedClass, store: Store | None) -> Plan:
    before: dict[str, str] = {}
    if store:
        programs = store.programs()
        before = {
            key: programs[each.attempt.sha256]
            for key, attempts in store.attempts().items()
            for each in attempts
            if each.attempt.counts and each.attempt.sha256
        }
    plan = make_plan(
        everybody.students,
        everybody.stored,
        everybody.programs,
        before=before,
        known=store.known() if store else {},
        wanted=store.wanted() if store else {},
        conditions=settings.conditions,
        regrade=settings.regrade,
    )
    return dataclasses.replace(plan, changes=everybody.changes)


def _grade(
    settings: Settings,
    store: Store,
    summary: Summary,
    graders: Backend,
    display: Display,
    began: float,
) -> None:
    jobs = {job.program: job for job in summary.plan.jobs}
    before = store.known()
    for event in work_off(graders, _tasks(settings, store, summary.plan.jobs)):
        job = jobs[event.program]
        if isinstance(event, GradingStarted):
            display.started(job, event.where)
            continue
        record = _record_of(settings, store, job, event)
        grading = GradingEntry(
            record=record,
            reason=job.reason,
            seconds=event.seconds,
            crashes=event.crashes,
            place=event.where,
            session_seconds=time.monotonic() - began,
        )
        known = before.get(job.program)
        if record.verdict is Verdict.FAULT and known and known.holds(settings.conditions):
            store.add_failure(job.program, grading)
            summary.not_regraded += 1
        else:
            store.add_result(
                job.program, grading, sha256=job.sha256, conditions=settings.conditions
            )
        summary.graded += 1
        display.finished(job, record, event)


def _score_again(settings: Settings, store: Store, programs: Sequence[str]) -> None:
    for program in programs:
        record = store.record(program)
        assert record is not None
        store.replace_record(
            program,
            conditions=settings.conditions,
            record=score_again(record, settings.puzzle, settings.rubric),
            reason=SCORED_AGAIN,
        )


def _tasks(settings: Settings, store: Store, jobs: Sequence[Job]) -> Iterator[Task]:
    key = seeds.secret()
    for job in jobs:
        yield Task(
            program=job.program,
            name=job.name,
            source=store.source(job.sha256),
            # One seed for all equal files: that of the file which stands for them.
            seed=seeds.derive(
                key=key, puzzle=settings.options.puzzle, submission_sha256=job.sha256
            ),
            options=settings.options,
            grader_version=__version__,
            code_digest=settings.conditions.code_digest,
        )


def _record_of(settings: Settings, store: Store, job: Job, outcome: GradingOutcome) -> Record:
    """The record of an outcome: the one that came, if it is about this file; else a fault."""

    def task() -> Task:
        return Task(
            program=job.program,
            name=job.name,
            source=store.source(job.sha256),
            seed="",
            options=settings.options,
            grader_version=__version__,
            code_digest=settings.conditions.code_digest,
        )

    return record_in(
        outcome,
        sha256=job.sha256,
        task=task,
        remedy="Run grade batch on the folder again: what ended like this is tried again.",
    )


def _count_faults(store: Store, everybody: MergedClass) -> int:
    faults = {p for p, known in store.known().items() if known.verdict is Verdict.FAULT}
    return sum(
        each.attempt.counts
        and each.refusal is None
        and everybody.programs[each.attempt.sha256] in faults
        for each in everybody.stored
    )
