"""Shows how a run over a class goes: live on a terminal, else as plain lines."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grader.batch.collect import Collection
from grader.batch.collect.by_puzzle import SortedClass
from grader.batch.merge import Changes
from grader.batch.model import Student
from grader.batch.plan import Job, Plan, Settings
from grader.batch.task import GradingOutcome
from grader.intake.display import one_line
from grader.record import Record, Verdict

_STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.REFUSED: "yellow",
    Verdict.FAULT: "magenta",
}
_WORDS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "not passed",
    Verdict.REFUSED: "refused",
    Verdict.FAULT: "no mark",
}
_REASONS_SHOWN = 6
_NAMES_SHOWN = 20


class RunDisplay:
    """Shows a run. Use as a context manager.

    Args:
        stream: Standard error, say.
        live: Rewrite a few lines; by default where the stream is a terminal.
    """

    def __init__(self, stream: TextIO | None = None, *, live: bool | None = None) -> None:
        self._stream = stream or sys.stderr
        dumb = os.environ.get("TERM") == "dumb"
        self._live_wanted = self._stream.isatty() and not dumb if live is None else live
        self._console = Console(file=self._stream, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._running: dict[str, tuple[str, float]] = {}
        self._verdicts: Counter[Verdict] = Counter()
        self._done = self._total = self._workers = 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def planned(self, settings: Settings, collection: Collection, plan: Plan) -> None:
        """What was found and what will be done, with why."""
        self._say(f"{_count(len(collection.students), 'student')} in {collection.form}")
        for line in (*change_lines(plan.changes, shown=_NAMES_SHOWN), *plan_lines(plan)):
            self._say(line)
        for note in collection.notes:
            self._say(f"Note: {note}")
        for refusal in collection.refusals:
            self._say(f"Refused: {refusal.what}")

    def began(self, jobs: Sequence[Job], workers: int) -> None:
        """Start the live part."""
        self._total, self._workers, self._began = len(jobs), workers, time.monotonic()
        self._say(f"Grading {_count(len(jobs), 'program')}, {workers} at a time")
        if self._live_wanted:
            self._live = Live(
                get_renderable=self._panel,
                console=self._console,
                refresh_per_second=4,
                transient=True,
            )
            self._live.start()

    def started(self, job: Job, where: str) -> None:
        """A program is being graded."""
        self._running[job.program] = (_who(job), time.monotonic())

    def finished(self, job: Job, record: Record, outcome: GradingOutcome) -> None:
        """A program is graded."""
        self._running.pop(job.program, None)
        self._done += 1
        self._verdicts[record.verdict] += 1
        score = f"{record.score}/{record.max_score}" if record.verdict is not Verdict.FAULT else ""
        width = len(str(self._total))
        line = Text(f"[{self._done:>{width}}/{self._total}] ")
        line.append(f"{_WORDS[record.verdict]:<10} ", _STYLES[record.verdict])
        line.append(f"{score:>7} {outcome.seconds:6.1f} s  {_who(job)}")
        if record.fault is not None:
            line.append(f": {one_line(record.fault.what)}")
        self._console.print(line)

    def writing(self) -> None:
        """The gradings are over."""
        self._stop()
        self._say("Writing the dashboard, the gradebooks and the reports")

    def _say(self, line: str) -> None:
        self._console.print(Text(one_line(line, limit=2_000)))

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _panel(self) -> RenderableType:
        """Done, running, rate, time left, verdicts so far."""
        elapsed = time.monotonic() - self._began
        rate = self._done / elapsed if elapsed > 0 else 0.0
        left = f", about {_duration((self._total - self._done) / rate)} left" if self._done else ""
        head = Text(
            f"{self._done} of {self._total} graded in {_duration(elapsed)}, "
            f"{60 * rate:.1f} a minute{left}"
        )
        bar = Table.grid()  # a bar alone does not end its line
        bar.add_row(ProgressBar(total=max(1, self._total), completed=self._done, width=60))
        verdicts = Text("  ").join(
            Text(f"{count} {_WORDS[verdict]}", _STYLES[verdict])
            for verdict, count in sorted(self._verdicts.items())
        )
        running = Table.grid(padding=(0, 2))
        now = time.monotonic()
        shown = list(self._running.values())[: max(1, self._console.height - 8)]
        for who, began in shown:
            running.add_row(Text("grading"), Text(who), Text(f"{now - began:.0f} s"))
        return Group(bar, head, verdicts, running)


def note_lines(found: SortedClass) -> list[str]:
    """What is said before files of several puzzles are graded."""
    files, number = len(found.files) - len(found.left_out), len(found.puzzles)
    names = ", ".join(found.puzzles)
    lines = [f"{_count(files, 'file')} of {_count(number, 'puzzle')}: {names}"]
    lines += [f"Note: {note}" for note in found.notes]
    lines += [f"Refused: {one_line(each.what)}" for each in found.handed_over.refusals]
    if found.left_out:
        lines.append(
            f"{_count(len(found.left_out), 'file')} of no puzzle that can be graded: the overview "
            "and --dry-run list them"
        )
    return lines


def sorted_lines(found: SortedClass) -> list[str]:
    """Each file with the puzzle that it goes as, and why."""
    lines = []
    for each in found.files:
        who = ", ".join(student.key for student in each.students)
        goes_as = f"as {each.puzzle}" if each.puzzle else "not graded"
        what = f"{one_line(each.source, limit=60):<40} {goes_as}: {one_line(each.why, limit=300)}"
        lines.append(f"  {one_line(who, limit=60):<30} {what}")
    return [*note_lines(found), *lines]


def change_lines(changes: Changes | None, *, shown: int = 100_000) -> list[str]:
    """Who is new, replaced, unchanged and so on, with so many names of each."""
    if changes is None:
        return []
    lines = [
        f"{what}: {_count(len(students), 'student')} ({_names(students, shown)})"
        for students, what in (
            (changes.new, "New"),
            (changes.replaced, "Replaced, other work counts than before"),
            (changes.unchanged, "Unchanged"),
            (changes.older, "Unchanged, for newer work from another source counts"),
            (changes.kept, "Kept as before, with no work in this source"),
        )
        if students
    ]
    if changes.gone:
        # Nobody is taken out without being named.
        names = _names(changes.gone, len(changes.gone))
        number = _count(len(changes.gone), "student")
        lines.append(f"Gone, by --replace-class: {number} ({names})")
    lines += [f"{_called(one)} is {_called(other)} now" for one, other in changes.joined]
    lines += [
        f"{_called(one)} is new and not the one of that name who was there ({other.key}): give a "
        "class list if they are the same"
        for one, other in changes.namesakes
    ]
    return lines


def plan_lines(plan: Plan) -> list[str]:
    """A plan in a few sentences."""
    lines = []
    if plan.jobs:
        reasons = Counter(job.reason for job in plan.jobs)
        shown = [
            f"{count} {why}" if len(reasons) > 1 else why
            for why, count in reasons.most_common(_REASONS_SHOWN)
        ]
        lines.append(f"{_count(len(plan.jobs), 'program')} to grade: {'; '.join(shown)}")
    else:
        lines.append("Nothing to grade")
    more = (
        (plan.kept, "result", "kept"),
        (len(plan.scored_again), "result", "scored again: the rubric changed, not what is judged"),
        (plan.equal, "student", "with a program equal to another's, which is graded once"),
        (plan.refused, "student", "whose file is refused"),
        (plan.absent, "student", "without any file"),
    )
    lines += [f"{_count(number, noun)} {what}" for number, noun, what in more if number]
    return lines


def _names(students: Sequence[Student], shown: int) -> str:
    more = f" and {len(students) - shown} more" if len(students) > shown else ""
    return ", ".join(one_line(each.name, limit=60) for each in students[:shown]) + more


def _called(student: Student) -> str:
    return f"{one_line(student.name, limit=60)} ({student.key})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _who(job: Job) -> str:
    others = f" and {len(job.students) - 1} more" if len(job.students) > 1 else ""
    return f"{job.students[0]}{others}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
