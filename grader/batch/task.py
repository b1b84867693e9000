"""One task of a run: a program to grade, how it is graded, and what its result rests on."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from grader import __version__, puzzles
from grader.errors import GraderFault, SubmissionRefused
from grader.grading.state import DEFAULT_EXAMPLES, DEFAULT_TIMEOUT, Request, RunState, Silent
from grader.intake import submission_from_bytes
from grader.intake.display import safe_name
from grader.lanes import DeviceChoice
from grader.record import Record, SkeletonInfo
from grader.sandbox import Wanted

if TYPE_CHECKING:
    from grader.rubric import Rubric


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How all submissions of a run are graded."""

    puzzle: str
    edition: str
    """Name of an edition, or ``auto``."""
    device: DeviceChoice
    """Never ``auto``: all submissions of a run are graded on the same kind of device."""
    examples: int = DEFAULT_EXAMPLES
    timeout: float = DEFAULT_TIMEOUT
    isolation: Wanted = Wanted.AUTO
    rubric: str = ""
    """Text of the rubric file; empty for the puzzle's own."""
    rubric_name: str = ""
    skeleton: SkeletonInfo | None = None
    """The one that the rubric file names."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One program to grade."""

    program: str
    """`grader.book.digests.program_of` the source."""
    name: str
    """The file's name, for the record."""
    source: bytes
    seed: str
    options: Options
    grader_version: str
    """The run's version; a machine that has another may not grade for it."""
    code_digest: str
    """The same between two versions: `grader.batch.task.deciding_code`."""


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a result rests on besides the program. A result under other conditions is made again."""

    grader: str
    puzzle: str
    puzzle_digest: str
    """Digest of the reference and the skeleton that came with it."""
    edition: str
    toolchain: str
    device: str
    rubric: str
    """Digest; empty for the puzzle's own."""
    examples: int
    timeout: float
    isolation: str
    code_digest: str = ""
    """`grader.batch.task.deciding_code`; runs of earlier versions lack it."""
    judged: str = ""
    """`grader.grading.rescore.judged` of the rubric; runs of earlier versions lack it."""

    def only_marks_differ(self, before: Conditions) -> bool:
        """Whether all that changed is what the rubric makes of how the checks ended."""
        same = msgspec.structs.replace(before, rubric=self.rubric) == self
        return same and before.rubric != self.rubric and bool(self.judged)

    def changes(self, before: Conditions) -> list[str]:
        """What is different from an earlier result's conditions, for people."""
        names = {
            "grader": "the grader's version",
            "code_digest": "the grader's code",
            "puzzle": "the puzzle",
            "puzzle_digest": "the puzzle's reference",
            "edition": "the edition",
            "toolchain": "the toolchain",
            "device": "the device",
            "rubric": "the rubric",
            "examples": "the number of cases",
            "timeout": "the time limit",
            "isolation": "the isolation",
        }
        found: list[str] = []
        for field, name in names.items():
            old, new = getattr(before, field), getattr(self, field)
            if field == "code_digest" and found:
                continue  # another version is other code, too
            if old != new:
                shown = "" if "digest" in field or field == "rubric" else f" ({old} → {new})"
                found.append(f"{name} changed{shown}")
        return found


class GradingOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one grading ended."""

    program: str
    record: bytes = b""
    """A `grader.record.Record` as JSON; empty where there is none."""
    seconds: float = 0.0
    crash: str = ""
    """What ended the grading process before it had a record; empty where it had one."""
    said: str = ""
    """The last that a process said which left no record; for the operator."""
    crashes: int = 0
    """How many processes ended without a record before."""
    where: str = ""
    """The machine that did it, where that is another one."""


_PACKAGE: Final = Path(__file__).resolve().parents[1]
_KINDS: Final = frozenset({".py", ".c", ".h", ".def", ".toml", ".json"})
# What shows results and decides none, by folder; anything new counts until it stands here.
_SHOWS: Final = frozenset({"audience.py", "batch", "cli", "course.py", "doctor.py", "report"})
_DECIDES_ALL_THE_SAME: Final = frozenset({"batch/task.py"})
# These choose the cases, and compute what is right.
_LIBRARIES: Final = ("hypothesis", "ml_dtypes", "numpy")


@lru_cache(maxsize=1)
def deciding_code() -> str:
    """A digest of the code that decides how a program is graded."""
    return _digest_of_code(decides=True)


@lru_cache(maxsize=1)
def all_code() -> str:
    """A digest of the whole grader."""
    return _digest_of_code(decides=False)


def files(*, decides: bool) -> Iterator[tuple[str, Path]]:
    """Source files of the grader, all or those that decide, by their path in the package."""
    for path in sorted(_PACKAGE.rglob("*")):
        parts = path.relative_to(_PACKAGE).parts
        name = "/".join(parts)
        if path.suffix not in _KINDS or "_data" in parts:
            continue
        if not decides or parts[0] not in _SHOWS or name in _DECIDES_ALL_THE_SAME:
            yield name, path


def _digest_of_code(*, decides: bool) -> str:
    digest = hashlib.sha256(__version__.encode())
    for library in _LIBRARIES:
        digest.update(f"\0{library} {metadata.version(library)}".encode())
    for name, path in files(decides=decides):
        content = hashlib.sha256(path.read_bytes()).digest()
        digest.update(b"\0" + name.encode() + b"\0" + content)
    return digest.hexdigest()


def grade_task(task: Task) -> Record:
    """Grade a task. Whatever goes wrong on our side is a fault in the record that is returned."""
    if task.grader_version != __version__:
        fault = GraderFault(
            f"this machine has grader {__version__}, the run has {task.grader_version}",
            remedy="Install the same version on all machines.",
        )
        return fault_of(task, fault)
    if task.code_digest != deciding_code():
        fault = GraderFault(
            f"this machine's grader {__version__} is of other code than the run's",
            remedy="Install the same on all machines. If it was changed during the run, start the "
            "run again.",
        )
        return fault_of(task, fault)
    from grader.grading.run import grade

    with tempfile.TemporaryDirectory(prefix="task-") as folder:
        file = Path(folder) / safe_name(task.name)
        file.write_bytes(task.source)
        try:
            return grade(_request(task, file), Silent())
        except SubmissionRefused as refused:
            from grader.grading.records import refusal

            request = _request(task, file)
            return refusal(
                file,
                refused,
                puzzle=request.puzzle,
                rubric=request.rubric,
                sha256=hashlib.sha256(task.source).hexdigest(),
            )
        except Exception as error:
            # The file was read and the options were checked before: it is not the student's.
            return fault_of(task, error)


def fault_of(task: Task, error: Exception) -> Record:
    """The record of a task that could not be graded, with the reason as its fault."""
    from grader.grading.records import fault_record

    state = RunState(
        request=_request(task, Path(safe_name(task.name))),
        progress=Silent(),
        submission=submission_from_bytes(task.name, task.source),
        seed=task.seed,
        stage_name="batch",
    )
    return fault_record(state, error)


def _request(task: Task, file: Path) -> Request:
    options = task.options
    return Request(
        source=file,
        puzzle_name=options.puzzle,
        device=options.device,
        edition=options.edition,
        examples=options.examples,
        seed=task.seed,
        timeout=options.timeout,
        isolation=options.isolation,
        rubric=_rubric(options),
    )


def _rubric(options: Options) -> Rubric | None:
    if not options.rubric:
        return None
    from grader.rubric import parse_rubric

    puzzle = puzzles.find(options.puzzle)
    return parse_rubric(
        options.rubric.encode(), puzzle, name=options.rubric_name, skeleton=options.skeleton
    )
