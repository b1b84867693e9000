"""Grade many samples of a puzzle, with the kernels of all of them compiled in one go.

Each is graded in a process of its own, as ``grade submit`` does it, but for two things: when the
kernels are to be compiled it waits for the others, and the file's own program is not built, unless
the task is to have it run. That takes a third of the time. Whoever is refused by the compiler is
compiled alone, as ever.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import traceback
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Final
from unittest import mock

from benchmarks.labels import Label
from benchmarks.together import default_setup, refused_copies
from grader.api import grade
from grader.grading.own_program import OwnProgram
from grader.lanes import kernel_build, ways
from grader.lanes.kernel_build import CompiledShapes, ShapeOfCopy
from grader.model.program import ProgramCheck, ProgramSeen
from grader.puzzles import find
from grader.record import ProgramEnd, encode
from grader.sandbox import Limits
from grader.toolchain.compiler import HEAD_START, nothing, text_of
from grader.toolchain.kernels import CompiledKernel, CompiledKernels, SourceCopy, compile_kernels
from grader.toolchain.workspace import Workspace

AT_A_TIME: Final = 12
"""Gradings that wait for each other: each holds a device, of 50 MB."""
_RUNNING: Final = 2
NOT_RUN: Final = "the program is not built in this benchmark"


def grade_gathered(wanted: Iterable[tuple[Label, Path]], *, seed: str | None = None) -> None:
    """Grade samples of one puzzle; the record of each comes into its folder.

    Args:
        wanted: The samples, each with its folder.
        seed: Of their cases; None takes that of the user.
    """
    todo = list(wanted)
    for first in range(0, len(todo), AT_A_TIME):
        _grade_together(todo[first : first + AT_A_TIME], seed)


def _grade_together(todo: Sequence[tuple[Label, Path]], seed: str | None) -> None:
    context = multiprocessing.get_context("fork")
    running = context.Semaphore(_RUNNING)
    children: dict[Connection, ForkProcess] = {}
    for label, folder in todo:
        ours, theirs = context.Pipe()
        process = context.Process(target=_child, args=(label, folder, seed, theirs, running))
        process.start()
        theirs.close()
        children[ours] = process
    waiting: dict[Connection, Sequence[SourceCopy]] = {}
    live = set(children)
    while live:
        for each in wait(live - waiting.keys()):
            assert isinstance(each, Connection)
            try:
                waiting[each] = each.recv()
            except EOFError:
                live.discard(each)
        if waiting and len(waiting) == len(live):
            _answer(waiting)
            waiting = {}
    for process in children.values():
        process.join()


def _answer(waiting: dict[Connection, Sequence[SourceCopy]]) -> None:
    """Send everybody what was compiled; nothing to whom the compiler may refuse."""
    alone = [each for each, those in waiting.items() if not any(copy.kernels for copy in those)]
    # Of a file without a kernel to compile the compiler shall tell why: nothing else asks for it.
    alone = list(waiting) if len(waiting) - len(alone) < 2 else alone
    for each in alone:
        each.send(None)
    waiting = {each: those for each, those in waiting.items() if each not in alone}
    if not waiting:
        return
    setup = default_setup()
    copies = [copy for those in waiting.values() for copy in those]
    owners = [each for each, those in waiting.items() for _ in those]
    with setup.workspace() as workspace:
        compiled = compile_kernels(workspace, copies, limits=setup.limits)
    if compiled.ok:
        place = 0
        for each, those in waiting.items():
            own = compiled.kernels[place : place + len(those)]
            each.send(CompiledKernels(packaged=compiled.packaged, kernels=own))
            place += len(those)
        return
    named = {owners[number] for number in refused_copies(text_of(compiled.packaged.outcome))}
    for each in named:
        each.send(None)
    rest = {each: those for each, those in waiting.items() if each not in named}
    half = len(rest) if named else len(rest) // 2
    for some in (list(rest)[:half], list(rest)[half:]):
        if some:
            _answer({each: rest[each] for each in some})


def _child(
    label: Label, folder: Path, seed: str | None, parent: Connection, running: Semaphore
) -> None:
    """Grade a sample; in a process of its own."""

    def to_ptx(
        workspace: Workspace,
        copies: Sequence[SourceCopy],
        shapes: Sequence[ShapeOfCopy],
        *,
        limits: Limits,
        meanwhile: Callable[[], None] = nothing,
        head_start: float = HEAD_START,
    ) -> CompiledShapes[Sequence[CompiledKernel]]:
        meanwhile()
        running.release()
        parent.send(list(copies))
        compiled = parent.recv()
        running.acquire()
        if compiled is None:
            return kernel_build.to_ptx(workspace, copies, shapes, limits=limits)
        return kernel_build.by_shape(compiled, shapes)

    puzzle = label.sample.puzzle
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(mock.patch.object(ways, "to_ptx", to_ptx))
            if not _is_judged_by_its_program(puzzle):
                stack.enter_context(mock.patch.multiple(OwnProgram, begin=_nothing, run=_not_run))
            stack.enter_context(running)
            record = grade(label.path, puzzle=puzzle, edition=label.edition, seed=seed)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "record.json").write_bytes(encode(record))
    except Exception:  # the others go on
        print(label.name, traceback.format_exc(), flush=True)


def _is_judged_by_its_program(puzzle: str) -> bool:
    """Whether running the file's own program is what some part of the task is about."""
    checks = [each for each in find(puzzle).checks if isinstance(each, ProgramCheck)]
    return any(each.stands_alone for each in checks)


def _nothing(self: OwnProgram) -> None:
    """In the place of `OwnProgram.begin`."""


def _not_run(self: OwnProgram, *arguments: object, **others: object) -> ProgramSeen:
    return ProgramSeen(end=ProgramEnd.UNSEEN, said=NOT_RUN)
