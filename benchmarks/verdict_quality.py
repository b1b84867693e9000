"""Grade every labelled sample and compare the verdicts with the labels.

    python -m benchmarks.verdict_quality [--puzzle NAME ...] [--edition NAME ...] [--jobs 2]
                                         [--only TEXT] [--lacking] [--out FOLDER [--resume]]
    python -m benchmarks.verdict_quality --from-class FOLDER/run [--puzzle NAME ...]

Prints false passes, false fails and other differences, and beside them what the puzzle's own check
(one example, ``rtol=1e-5``; of a program, its ``main``) says about the same files. Each sample is
graded by the command ``grade submit``, as a user would; with ``--from-class`` the records are those
of a class that ``benchmarks.batch_class`` or ``batch_programs`` had graded, and nothing else is.

Of the default edition, or of those that ``--edition`` names. What each sample was given is kept in
``results/verdict_quality.json``, with a digest of the file: one that was changed later counts as
not graded, and ``--lacking`` grades only those. `benchmarks.verdict_tables` makes tables of it.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.labels import Label, every_label, missing
from grader.batch.pool import core_of_its_own
from grader.batch.results import student_results
from grader.batch.store import Store
from grader.choices import DEFAULT_EDITION
from grader.puzzles import DEFAULT, NAMES
from grader.record import Aspect, Record, Status, Verdict, encode, load
from grader.toolchain import edition as editions

RESULTS = Path(__file__).parent / "results"
KEPT = RESULTS / "verdict_quality.json"


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What a sample was given."""

    content: str
    """Digest of its file."""
    verdict: str
    score: int
    missing: tuple[str, ...] = ()
    """Strings that the report must mention and did not."""
    own_check: bool | None = None
    """Whether the puzzle's own check passes it; None where it has none of an example."""

    def is_of(self, label: Label) -> bool:
        """Whether it is of the sample as it is now."""
        return self.content == digest(label)

    def as_labelled(self, label: Label) -> bool:
        """Whether verdict, score and report are as the label says."""
        wanted = (label.verdict, label.score)
        return (self.verdict, self.score) == wanted and not self.missing


Kept = dict[str, dict[str, Given]]
"""By puzzle and name of the sample, ``26.5/right``."""


def digest(label: Label) -> str:
    """Of a sample's file."""
    return hashlib.sha256(label.sample.content).hexdigest()[:12]


def kept() -> Kept:
    """What all samples were given that have been graded."""
    return msgspec.json.decode(KEPT.read_bytes(), type=Kept) if KEPT.exists() else {}


def keep(puzzle: str, labels: Sequence[Label], results: Sequence[Graded]) -> None:
    """Add what samples of a puzzle were given."""
    all_kept = kept()
    of_puzzle = all_kept.setdefault(puzzle, {})
    for label, each in zip(labels, results, strict=True):
        of_puzzle[label.name] = Given(
            content=digest(label),
            verdict=each.verdict,
            score=each.score,
            missing=each.missing,
            own_check=each.own_check,
        )
    KEPT.write_bytes(msgspec.json.format(msgspec.json.encode(all_kept, order="sorted"), indent=1))


@dataclass(frozen=True, kw_only=True)
class Graded:
    """A sample with its label and what the grader said."""

    name: str
    verdict_wanted: str
    score_wanted: int
    verdict: str
    score: int
    missing: tuple[str, ...]
    """Strings that the report must mention and does not."""
    own_check: bool | None
    """Whether the puzzle's own check passes it; None where it has none of an example."""
    seconds: float
    headline: str

    @property
    def as_labelled(self) -> bool:
        """Whether verdict, score and report are as the label says."""
        return (
            self.verdict == self.verdict_wanted
            and self.score == self.score_wanted
            and not self.missing
        )


def own_check(record: Record) -> bool | None:
    """What the book's own comparison says: of a program, its ``main``.

    Of an op, ``assert_allclose(result, expected, rtol=1e-5)`` on the published example.
    """
    if programs := [check for check in record.checks if check.aspect is Aspect.PROGRAM]:
        return all(check.status is Status.PASSED for check in programs)
    outcome = {check.id: check.status for check in record.checks}
    if outcome and "example" not in outcome:
        return None
    if outcome.get("example") is Status.PASSED:
        return True
    for example in record.counterexamples:
        for output in example.outputs if example.check == "example" else ():
            if output.got is not None:
                got = np.frombuffer(output.got.data, dtype=output.got.dtype)
                expected = np.frombuffer(output.expected.data, dtype=output.expected.dtype)
                return bool(np.allclose(got, expected, rtol=1e-5, atol=0))
    return False


def take_from_class(run: Path, labels: list[Label], folder: Path) -> list[Label]:
    """Lay out the records and reports of a class's run as if each had been graded here.

    The answer is whose they are.
    """
    taken = []
    by_program = {hashlib.sha256(label.sample.content).hexdigest(): label for label in labels}
    with Store(run) as store:
        for result in student_results(store):
            label = by_program.get(result.attempt.sha256) if result.attempt else None
            if label is None or result.record is None:
                continue
            place = place_of(label, folder)
            place.mkdir(parents=True, exist_ok=True)
            (place / "record.json").write_bytes(encode(result.record))
            page = run / "feedback" / result.student.key / "report.html"
            shutil.copy(page, place / "report.html")
            taken.append(label)
    return taken


def place_of(label: Label, folder: Path) -> Path:
    """Where the record of a sample lies."""
    return folder / label.path.parent.name / label.path.stem


def mentions(folder: Path, record: Record) -> str:
    """All that the reports of a run say, in lower case."""
    page = folder / "report.html"
    texts = [record.headline, *record.advice, page.read_text() if page.exists() else ""]
    texts += [check.sentence for check in record.checks]
    texts += [each.finding.message + each.explanation for each in record.findings]
    texts += [each.explanation + each.error + each.title for each in record.counterexamples]
    for diagnostic in record.diagnostics:
        texts += [diagnostic.message, diagnostic.advice, *(n.message for n in diagnostic.notes)]
    return "\n".join(texts).lower()


def grade_one(label: Label, folder: Path, *, resume: bool = False) -> Graded:
    """Grade a sample with the command, into a folder; or read what lies there already.

    On a core of its own, as in a class, since others are graded beside it.
    """
    if resume and (folder / "record.json").exists():
        return compare(label, folder, seconds=0.0)
    began = time.perf_counter()
    with core_of_its_own():
        submit(label, folder, "--format", "html,json")
    return compare(label, folder, seconds=time.perf_counter() - began)


def submit(label: Label, folder: Path, *options: str) -> None:
    """Grade a sample with the command, which leaves its record in a folder."""
    command = [sys.executable, "-m", "grader", "submit", str(label.path), "--out", str(folder)]
    command += ["--puzzle", label.sample.puzzle, "--edition", label.edition, *options]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if not (folder / "record.json").exists():
        raise SystemExit(f"{label.name} left no record:\n{process.stderr}")


def compare(label: Label, folder: Path, *, seconds: float) -> Graded:
    """The record in a folder beside its label."""
    record = load(folder / "record.json")
    text = mentions(folder, record)
    return Graded(
        name=label.name,
        verdict_wanted=label.verdict,
        score_wanted=label.score,
        verdict=record.verdict.value,
        score=record.score + record.extra_score,
        missing=tuple(word for word in label.must_mention if word.lower() not in text),
        own_check=own_check(record),
        seconds=round(seconds, 1),
        headline=record.fault.what if record.fault else record.headline,
    )


def grade_all(
    labels: list[Label],
    folder: Path,
    *,
    jobs: int,
    tell: Callable[[Graded], None],
    resume: bool = False,
) -> list[Graded]:
    """Grade samples, several at a time."""

    def one(label: Label) -> Graded:
        graded = grade_one(label, place_of(label, folder), resume=resume)
        tell(graded)
        return graded

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, labels))


def summary(results: list[Graded]) -> dict[str, int]:
    """Counts of what went right and wrong."""
    passed = Verdict.PASS.value

    def count(condition: Callable[[Graded], bool]) -> int:
        return sum(1 for each in results if condition(each))

    return {
        "samples": len(results),
        "as labelled": count(lambda each: each.as_labelled),
        "false passes": count(lambda e: e.verdict == passed and e.verdict_wanted != passed),
        "false fails": count(lambda e: e.verdict != passed and e.verdict_wanted == passed),
        "other scores": count(lambda e: e.score != e.score_wanted),
        "own check: false passes": count(
            lambda e: e.own_check is True and e.verdict_wanted != passed
        ),
        "own check: false fails": count(
            lambda e: e.own_check is False and e.verdict_wanted == passed
        ),
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", nargs="+", default=[DEFAULT], choices=NAMES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="samples whose name contains this")
    parser.add_argument("--edition", nargs="+", default=[DEFAULT_EDITION], choices=editions.names())
    parser.add_argument("--lacking", action="store_true", help="those not graded as they are")
    parser.add_argument("--out", type=Path, help="keep the records and reports here")
    parser.add_argument("--resume", action="store_true", help="keep the records in --out")
    parser.add_argument("--from-class", type=Path, help="the folder of a class that was graded")
    arguments = parser.parse_args()
    for name in (lacking := {each for each in arguments.edition if missing(each)}):
        print(f"{name}: not run: {missing(name)}")
    for puzzle in arguments.puzzle:
        known = kept().get(puzzle, {}) if arguments.lacking else {}
        labels = [
            label
            for label in every_label(puzzle)
            if label.edition in arguments.edition
            and label.edition not in lacking
            and arguments.only in label.name
            and not (label.name in known and known[label.name].is_of(label))
        ]
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.out / puzzle if arguments.out else Path(temporary)
            if arguments.from_class:
                labels = take_from_class(arguments.from_class, labels, folder)
            results = grade_all(
                labels,
                folder,
                jobs=arguments.jobs,
                tell=_tell,
                resume=arguments.resume or arguments.from_class is not None,
            )
        keep(puzzle, labels, results)
        print(puzzle)
        for name, number in summary(results).items():
            print(f"{number:6}  {name}")


def _tell(graded: Graded) -> None:
    mark = "ok  " if graded.as_labelled else "DIFF"
    print(
        f"{mark} {graded.name:<50} {graded.verdict:>7} {graded.score:>3} "
        f"(label {graded.verdict_wanted} {graded.score_wanted}) {graded.seconds:5.1f} s "
        f"{graded.headline[:60]} {list(graded.missing) or ''}",
        flush=True,
    )


if __name__ == "__main__":
    main()
