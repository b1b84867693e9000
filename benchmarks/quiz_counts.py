"""What the device counts of the kernels of a quiz: ``grader/quiz/QUIZ/counts.json``.

    python -m benchmarks.quiz_counts [QUIZ ...]

Each quiz's program is profiled as by ``grade profile``, and the counts of its kernels are written
down. Answers are graded by them.
"""

from __future__ import annotations

import argparse

import msgspec

from grader.intake import read_submission
from grader.quiz import NAMES, folder_of_quiz
from grader.quiz.model import KernelCounts
from grader.run.document import RunEnding
from grader.run.running import RunRequest, Shows, run


def counted(quiz: str) -> tuple[KernelCounts, ...]:
    """The counts of a quiz's kernels, made now."""

    def nothing(said: str) -> None: ...

    program = read_submission(folder_of_quiz(quiz) / "kernels.mojo")
    request = RunRequest(shown="kernels.mojo", program=program, profile=True)
    found = run(request, Shows(said=nothing, out=nothing, error=nothing))
    if found.ending is not RunEnding.RAN or found.exit_code:
        raise SystemExit(f"the kernels of {quiz} did not run: {found.why}")
    if found.errors:
        raise SystemExit(f"the kernels of {quiz} are not clean")
    shared = [each.shared_bytes for each in found.launches]
    return tuple(
        KernelCounts(profile=msgspec.structs.replace(each, kinds={}, lines=()), shared_bytes=bytes_)
        for each, bytes_ in zip(found.profiles, shared, strict=True)
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quizzes", nargs="*", default=list(NAMES))
    for quiz in parser.parse_args().quizzes:
        found = counted(quiz)
        path = folder_of_quiz(quiz) / "counts.json"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
        print(f"{quiz}: {len(found)} kernels", flush=True)


if __name__ == "__main__":
    main()
