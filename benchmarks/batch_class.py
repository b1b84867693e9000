"""Grade a synthetic class for real and compare each verdict with its label.

    python -m benchmarks.batch_class [--students 300] [--samples NAME ...] [--workers N]

The class is made of the labelled samples, hostile and refused ones among them,
as a download of Canvas. Students beyond the number of samples hand in a sample
again, every second one with a comment of their own: equal programs, which must
cost nothing. Some hand in twice, the earlier file being another sample.

300 students are about 200 programs: three quarters of an hour on two idle cores. ``--samples``
takes only those samples, for a look that takes minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.labels import Label, default_labels
from grader.batch.model import StudentResult
from grader.batch.results import student_results
from grader.batch.store import Store
from grader.record import Verdict

RESULTS = Path(__file__).parent / "results"
SEED = 300


@dataclass(frozen=True, kw_only=True)
class Member:
    """One student of the class."""

    name: str
    number: int
    label: Label
    data: bytes
    earlier: bytes = b""


def make_members(labels: list[Label], students: int) -> list[Member]:
    """Each sample at least once, then again until there are enough students."""
    dice = random.Random(SEED)
    members = []
    for number in range(max(students, len(labels))):
        label = labels[number] if number < len(labels) else dice.choice(labels)
        data = label.sample.content
        if number >= len(labels) and number % 2 and label.verdict != "refused":
            data = b"# Student %d\n" % number + data.removeprefix(b"\xef\xbb\xbf")
        earlier = dice.choice(labels).path.read_bytes() if number % 10 == 3 else b""
        members.append(
            Member(
                name=f"student{'abcdefghij'[number % 10]}{number:04}",
                number=number,
                label=label,
                data=data,
                earlier=earlier,
            )
        )
    return members


def write_archive(path: Path, members: list[Member]) -> None:
    """The class as Canvas gives it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in members:
            late = "_LATE" if member.number % 7 == 0 else ""
            head = f"{member.name}{late}_{1000 + member.number}"
            if member.earlier:
                archive.writestr(f"{head}_{10_000 + member.number}_conv1d.mojo", member.earlier)
            archive.writestr(f"{head}_{50_000 + member.number}_conv1d-1.mojo", member.data)


def problem(member: Member, result: StudentResult) -> str:
    """What differs from the label; empty where nothing does."""
    label = member.label
    if result.refusal is not None:
        return "" if label.verdict == "refused" else f"refused: {result.refusal.what}"
    if result.record is None:
        return "has no record"
    if str(result.record.verdict) != label.verdict:
        return f"{result.record.verdict} instead of {label.verdict}: {result.record.headline}"
    score = result.record.score + result.record.extra_score
    if label.verdict != Verdict.FAULT and score != label.score:
        return f"{score} points instead of {label.score}"
    return ""


def compare(folder: Path, members: list[Member]) -> tuple[list[str], int]:
    """What differs from the labels, and how many gradings were done."""
    by_id = {str(1000 + member.number): member for member in members}
    with Store(folder) as store:
        results = list(student_results(store))
        gradings = store.gradings()
    assert len(results) == len(members)
    problems = []
    for result in results:
        member = by_id[result.student.id]
        if found := problem(member, result):
            problems.append(f"{result.student.key} ({member.label.name}): {found}")
    return problems, gradings


def main() -> None:
    """Make the class, grade it, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--samples", nargs="*", help="names such as right or hostile/sleeps")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--out", type=Path, default=Path("grade-out/benchmark-class"))
    arguments = parser.parse_args()
    labels = [
        label
        for label in default_labels()
        if not arguments.samples
        or label.name in arguments.samples
        or label.path.stem in arguments.samples
    ]
    members = make_members(labels, arguments.students)
    arguments.out.mkdir(parents=True, exist_ok=True)
    archive = arguments.out / "submissions.zip"
    write_archive(archive, members)
    run = arguments.out / "run"
    began = time.perf_counter()
    command = [sys.executable, "-m", "grader", "batch", str(archive), "--out", str(run)]
    command += ["--edition", "26.5", "--device", "software"]
    if arguments.workers:
        command += ["--workers", str(arguments.workers)]
    ended = subprocess.run(command, check=False)
    seconds = time.perf_counter() - began
    problems, gradings = compare(run, members)
    for line in problems:
        print(line)
    found = {
        "students": len(members),
        "samples": len(labels),
        "gradings": gradings,
        "verdicts_equal_to_label": len(members) - len(problems),
        "wall_s": round(seconds, 1),
        "exit_code": ended.returncode,
    }
    print(json.dumps(found, indent=2))
    if not arguments.samples:
        (RESULTS / "batch_class.json").write_text(json.dumps(found, indent=2) + "\n")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
