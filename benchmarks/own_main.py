"""What each labelled program's own ``main`` says of it, beside its label.

    python -m benchmarks.own_main [--puzzle NAME ...] [--list]

The book's programs compare their result with the right one and end with an error where it is
another: that is how the book itself grades. Here all samples of a puzzle are built as modules of
one program, since a build takes seconds and one more module a fraction of one, and each ``main``
is run on the software device. Printed is how many wrong answers pass, and how many right ones fail.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
from pathlib import Path

from benchmarks.labels import Label, labels_of
from grader.choices import DEFAULT_EDITION
from grader.grading.own_program import run_once
from grader.lanes.program import ProgramPlace, open_program
from grader.model.program import ProgramCheck, ProgramSeen, commands_of
from grader.puzzles import NAMES, find
from grader.record import ProgramEnd, Status, Verdict
from grader.sandbox import Limits, Wanted, probe_once
from grader.toolchain.edition import find as find_edition
from grader.toolchain.toolchain import locate

RESULTS = Path(__file__).parent / "results"
_LIMITS = Limits(wall_seconds=1800)
_ERROR = re.compile(r"/(s\d+)\.mojo:\d+:\d+: error:")
_MODULE = "all"


def main_of(modules: list[str]) -> str:
    """A program that runs the ``main`` of the module that its last argument names."""
    lines = ["from std.sys import argv", *(f"import {each}" for each in modules), ""]
    lines += ["def main() raises:", "    var chosen = String(argv()[len(argv()) - 1])"]
    for each in modules:
        lines += [f'    if chosen == "{each}":', f"        {each}.main()"]
    return "\n".join([*lines, ""])


def statuses(puzzle_name: str, labels: list[Label]) -> dict[str, dict[str, Status]]:
    """By the name of the sample, how each check of it as a program ends."""
    puzzle = find(puzzle_name)
    checks = [check for check in puzzle.checks if isinstance(check, ProgramCheck)]
    texts = {f"s{number}": label.sample.content for number, label in enumerate(labels)}
    names = {f"s{number}": label.sample.name for number, label in enumerate(labels)}
    edition = find_edition(DEFAULT_EDITION)
    found: dict[str, dict[str, Status]] = {}
    left = dict(texts)
    while left:
        with open_program(
            main_of(list(left)).encode(),
            _MODULE,
            locate(edition),
            isolation=probe_once(Wanted.AUTO).level,
            device="software",
            beside=left,
            architecture=puzzle.architecture,
        ) as place:
            built = place.build(_LIMITS)
            if built.ok:
                for name in left:
                    found[names[name]] = _run(place, name, checks)
                break
            broken = set(_ERROR.findall(built.output)) & set(left)
            if not broken:
                raise SystemExit(f"{puzzle_name} does not build:\n{built.output}")
            for name in broken:
                seen = ProgramSeen(end=ProgramEnd.NOT_BUILT)
                found[names[name]] = {c.id: c.judge_program(seen).status for c in checks}
                del left[name]
    return {label.sample.name: found[label.sample.name] for label in labels}


def _run(place: ProgramPlace, name: str, checks: list[ProgramCheck]) -> dict[str, Status]:
    runs = {}
    for command in commands_of(checks):
        chosen = dataclasses.replace(command, arguments=(*command.arguments, name))
        runs[command] = run_once(place, chosen, name)
    seen = ProgramSeen(runs=runs)
    return {check.id: check.judge_program(seen).status for check in checks}


def compared(labels: list[Label], ended: dict[str, dict[str, Status]]) -> dict[str, object]:
    """What own programs say beside labels, counted."""
    wrong, right = [], []
    for label in labels:
        passes = all(status is Status.PASSED for status in ended[label.sample.name].values())
        if passes and label.verdict != Verdict.PASS:
            wrong.append(label.sample.name)
        if not passes and label.verdict == Verdict.PASS:
            right.append(label.sample.name)
    failing = sum(label.verdict != Verdict.PASS for label in labels)
    return {
        "samples": len(labels),
        "labelled as wrong": failing,
        "own main passes them": len(wrong),
        "labelled as right": len(labels) - failing,
        "own main fails them": len(right),
        "passed": wrong,
        "failed": right,
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    programs = [name for name in NAMES if find(name).is_program]
    parser.add_argument("--puzzle", nargs="*", default=programs, choices=programs)
    parser.add_argument("--list", action="store_true", help="print each sample's checks")
    options = parser.parse_args()
    # Builds take long: a run for some puzzles leaves the results of the others.
    file = RESULTS / "own_main.json"
    report = json.loads(file.read_text())["puzzles"] if file.exists() else {}
    for name in options.puzzle:
        labels = labels_of(DEFAULT_EDITION, puzzle=name)
        ended = statuses(name, labels)
        report[name] = compared(labels, ended)
        print(f"{name}: {json.dumps(report[name])}", flush=True)
        for sample, checks in ended.items() if options.list else ():
            print(f"    {sample}: {' '.join(f'{c}={s}' for c, s in checks.items())}", flush=True)
        numbers = [each for each in report[name] if each not in ("passed", "failed")]
        total = {each: sum(int(str(one[each])) for one in report.values()) for each in numbers}
        RESULTS.mkdir(exist_ok=True)
        file.write_text(json.dumps({"all": total, "puzzles": report}, indent=1) + "\n")
    print(json.dumps(total))


if __name__ == "__main__":
    main()
