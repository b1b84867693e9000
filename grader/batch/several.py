"""A run over files of several puzzles: a class of its own for each, and one overview of them all.

::

    OUT/several.json       what was handed over, as far as no class says it
    OUT/files.msgpack      of which puzzle each file is, so that it is found out once
    OUT/<puzzle>/          a class, as `grader.batch.run` makes it
    OUT/index.html         students and puzzles
    OUT/marks.csv          the same for a spreadsheet

Each class goes on where it stopped, by itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from grader import puzzles
from grader.batch.collect import Collection, Roster, read_roster
from grader.batch.collect.by_puzzle import SortedClass, collect_by_puzzle
from grader.batch.collect.puzzle_of_file import KnownFiles
from grader.batch.database import DATABASE, locked
from grader.batch.merge import MergedClass, origin_of
from grader.batch.outputs.overview import (
    HandedOverSource,
    PuzzleResults,
    SeveralInfo,
    UngradedFile,
    puzzle_results,
    write_overview,
)
from grader.batch.outputs.write import write_file
from grader.batch.plan import NobodyMeant, Plan, Settings
from grader.batch.results import now, student_results, write_outputs
from grader.batch.run import Display, MakeBackend, Rerender, Summary, make_folder, run
from grader.batch.run import dry_run as dry_run_of_one
from grader.batch.store import Store
from grader.book import find_book
from grader.book.shipped import read_shipped
from grader.decoding import json_as, msgpack_as
from grader.errors import UsageError
from grader.grading.conditions import all_code
from grader.intake.display import one_line

SEVERAL: Final = "several.json"
_FILES: Final = "files.msgpack"


def is_several(folder: Path) -> bool:
    """Whether a folder is that of a run over several puzzles."""
    return (folder / SEVERAL).is_file()


def puzzle_of_run(folder: Path) -> str:
    """The puzzle of a run over one class; empty where there is none yet."""
    if not (folder / DATABASE).is_file():
        return ""
    with Store(folder) as store:
        info = store.info()
        return info.puzzle if info else ""


def class_folders(folder: Path) -> list[Path]:
    """The classes of a run, in the order of the book; the folder itself where it is one."""
    if not is_several(folder):
        return [folder]
    found = [each.parent for each in folder.glob(f"*/{DATABASE}")]
    return sorted(found, key=lambda each: _order(each.name))


@contextmanager
def sorted_by_puzzle(source: Path, roster: Path | None, folder: Path) -> Iterator[SortedClass]:
    """What was handed over, by puzzle. Attempts can be read until the context ends.

    Args:
        source: A folder or an archive.
        roster: The class list.
        folder: Of the run, which may know some of the files.

    Raises:
        UsageError: the source or the class list make no sense.
    """
    listed = read_roster(roster) if roster else Roster()
    books = {name: find_book(name) for name in puzzles.NAMES}
    with collect_by_puzzle(source, books, roster=listed.students, known=_known(folder)) as found:
        found.notes = [*listed.notes, *found.notes]
        yield found


@dataclasses.dataclass(frozen=True, kw_only=True)
class PuzzleClass:
    """One puzzle of a run, and who handed in what for it."""

    settings: Settings
    collection: Collection

    @property
    def puzzle(self) -> str:
        """Its name."""
        return self.settings.options.puzzle

    @contextmanager
    def collected(self, settings: Settings, programs: Mapping[str, str]) -> Iterator[Collection]:
        """The files of this puzzle; the engine calls this and collects nothing itself."""
        yield self.collection

    def dry_run(self) -> tuple[Collection, MergedClass, Plan]:
        """What would be done. Nothing is written."""
        return dry_run_of_one(self.settings, collect=self.collected)


def classes_of(settings: Settings, found: SortedClass) -> list[PuzzleClass]:
    """The classes that have something to do, each with a folder of its own.

    Args:
        settings: Of the whole run; the puzzle in them is any.
        found: What was handed over.

    Raises:
        NobodyMeant: by ``--regrade``, in any of them.
    """
    names = set(found.puzzles)
    if settings.replace_class and is_several(settings.folder):
        # Of a puzzle for which SOURCE has nothing any more, nobody is left.
        there = {each.name for each in class_folders(settings.folder)}
        names |= there & set(puzzles.NAMES)
    title = _title(settings)
    classes = [
        PuzzleClass(
            settings=dataclasses.replace(
                settings.of_puzzle(name),
                folder=settings.folder / name,
                title=f"{title}: {puzzles.find(name).title}",
            ),
            collection=found.collection(name),
        )
        for name in sorted(names, key=_order)
    ]
    return _regraded(classes) if settings.regrade else classes


def _regraded(classes: Sequence[PuzzleClass]) -> list[PuzzleClass]:
    """The classes; ``--regrade`` is passed on to those in which it names somebody."""
    fitting, nobody = [], None
    for each in classes:
        try:
            each.dry_run()
            fitting.append(each)
        except NobodyMeant as error:
            nobody = error
            settings = dataclasses.replace(each.settings, regrade="")
            fitting.append(dataclasses.replace(each, settings=settings))
    if nobody is not None and not any(each.settings.regrade for each in fitting):
        raise nobody
    return fitting


def run_several(
    settings: Settings,
    found: SortedClass,
    *,
    backend: MakeBackend,
    display: Callable[[PuzzleClass], Display],
    write: Rerender,
) -> list[Summary]:
    """Grade each class, one after the other, and write the overview.

    Args:
        settings: Of the whole run; the puzzle in them is any.
        found: What was handed over.
        backend: See `grader.batch.run.run`.
        display: Makes what hears how a class goes, when its turn comes.
        write: See `grader.batch.run.run`.

    Raises:
        UsageError: as `grader.batch.run.run`.
        GraderFault: the same.
    """
    make_folder(settings.folder)
    with locked(settings.folder):
        classes = classes_of(settings, found)
        before = _read(settings.folder) if is_several(settings.folder) else None
        info = _described(settings, found, before)
        _keep(settings.folder, info)
        _remember(settings.folder, found.known)
        try:
            summaries = [
                run(
                    each.settings,
                    backend=backend,
                    display=display(each),
                    write=write,
                    collect=each.collected,
                )
                for each in classes
            ]
        except KeyboardInterrupt:
            write_overview(settings.folder, info, _results(settings.folder))
            raise
        if any(each.wrote for each in summaries) or info != before:
            info = msgspec.structs.replace(info, finished=now())
            _keep(settings.folder, info)
            write_overview(settings.folder, info, _results(settings.folder))
    return summaries


def rerender_several(folder: Path) -> None:
    """Write everything of every class again, and the overview."""
    with locked(folder):
        for each in class_folders(folder):
            with locked(each), Store(each) as store:
                if (info := store.info()) is not None:
                    write_outputs(store, info, afresh=True)
        write_overview(folder, _read(folder), _results(folder))


def _results(folder: Path) -> list[PuzzleResults]:
    found = []
    for each in class_folders(folder):
        with Store(each) as store:
            # A run that was stopped may have come no further than to the class.
            if (info := store.info()) is not None:
                known = info.puzzle in puzzles.NAMES
                title = puzzles.find(info.puzzle).title if known else info.puzzle
                number = _number(info.puzzle)
                results = student_results(store, own_files=False)
                found.append(puzzle_results(each.name, title, number, info, results))
    return found


def _described(settings: Settings, found: SortedClass, before: SeveralInfo | None) -> SeveralInfo:
    """What is said of the run, with this source in it."""
    refusals = [
        UngradedFile(student="", source=each.source, why=each.what, remedy=each.remedy)
        for each in found.handed_over.refusals
    ]
    left_out = [
        UngradedFile(student=student.name, source=each.source, why=each.why, remedy=each.remedy)
        for each in found.left_out
        for student in each.students
    ]
    source = HandedOverSource(
        name=one_line(settings.source.name),
        notes=tuple(found.notes),
        left_out=(*left_out, *refusals),
    )
    others = before.sources if before and not settings.replace_class else {}
    return SeveralInfo(
        title=_title(settings),
        created=before.created if before else now(),
        finished=before.finished if before else "",
        sources={**others, origin_of(settings.source): source},
    )


class _Remembered(msgspec.Struct):
    code: str
    """Of the grader that found it out."""
    known: KnownFiles


def _known(folder: Path) -> KnownFiles:
    """What was found out about files before, by the same grader; nothing where it can't be read."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        found = msgpack_as((folder / _FILES).read_bytes(), _Remembered)
        if found.code == all_code():
            return found.known
    return KnownFiles()


def _remember(folder: Path, known: KnownFiles) -> None:
    write_file(folder / _FILES, msgspec.msgpack.encode(_Remembered(all_code(), known)))


def _title(settings: Settings) -> str:
    """The title that is given now, or else that of the run before."""
    before = _read(settings.folder).title if is_several(settings.folder) else ""
    # A folder's name may hold bytes that are no text.
    return one_line(settings.title or before or settings.source.stem)


def _keep(folder: Path, info: SeveralInfo) -> None:
    write_file(folder / SEVERAL, msgspec.json.format(msgspec.json.encode(info)))


def _read(folder: Path) -> SeveralInfo:
    try:
        return json_as((folder / SEVERAL).read_bytes(), SeveralInfo)
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(
            f"{folder / SEVERAL} can't be read: {one_line(str(error))}",
            remedy="Remove that file and give the same command again: all results are kept in "
            "the folders of the puzzles.",
        ) from error


def _order(puzzle: str) -> tuple[bool, int, str]:
    """As the book has them; what is not in it comes last."""
    return (not _number(puzzle), _number(puzzle), puzzle)


def _number(puzzle: str) -> int:
    """Of the puzzle in the book; 0 where it is not in it."""
    topic = read_shipped().topics.get(puzzle)
    return topic.number if topic else 0
