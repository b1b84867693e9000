"""What the reports say is wrong, beside the cause and the line that the labels give.

    python -m benchmarks.causes [--puzzle NAME ...] [--jobs 2] [--records FOLDER] [--list]
                                [--rewritten] [--gathered [--seed TEXT]]

Of each wrong sample of the default edition that has a label ``cause``: whether the first cause of
its report is that one, another, or none; and of those with a finding or a message of the compiler,
whether the line is the right one, another, or none. A label ``cause = "none"`` says that nothing
certain can be said; to name anything there is wrong.

With ``--records`` the records lie in ``FOLDER/<puzzle>`` as ``benchmarks.verdict_quality --out``
leaves them, and what is not there is graded into it. ``--list`` prints what is not as labelled.
``--rewritten`` takes the second set in place of the first: kernels that are written anew, not
edited, with labels that no model of a mistake was made after. ``--gathered`` grades programs in a
third of the time, without their own ``main``: see `benchmarks.gathered`. With ``--seed`` they have
other cases, which should change nothing.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.gathered import grade_gathered
from benchmarks.labels import Label, default_labels, rewritten_labels
from benchmarks.verdict_quality import RESULTS, grade_one, place_of
from grader.device import of_file
from grader.guidance import Cause, causes
from grader.puzzles import NAMES, find
from grader.record import Record, load
from grader.samples import NOTHING_CERTAIN

Told = Literal["right", "none", "wrong"]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a report says first, beside its label."""

    name: str
    wanted: str
    said: str
    """The key of the first cause, or `NOTHING_CERTAIN`."""
    sentence: str
    cause: Told
    line: Told | None
    """None where the label names no line."""
    lines_said: tuple[int, ...]


def compare(label: Label, record: Record) -> Compared:
    """The first cause of a record beside the label of its sample."""
    entry = label.sample.entry
    assert entry.cause is not None
    found = causes(record)
    first = found[0] if found else None
    said = first.key if first is not None else NOTHING_CERTAIN
    named = lines_of(first) if first is not None else ()
    return Compared(
        name=label.name,
        wanted=entry.cause,
        said=said,
        sentence=first.sentence if first is not None else "",
        cause="right" if said == entry.cause else "none" if said == NOTHING_CERTAIN else "wrong",
        line=_line(label, named) if entry.line else None,
        lines_said=named,
    )


def lines_of(cause: Cause) -> tuple[int, ...]:
    """The lines that a cause names: of a race, both sides."""
    lines = [cause.line or 0]
    if cause.finding is not None:
        other = of_file(cause.finding.finding.other_source)
        lines.append(other.line if other is not None else 0)
    return tuple(line for line in lines if line)


def _line(label: Label, named: tuple[int, ...]) -> Told:
    if not named:
        return "none"
    text = label.sample.content.decode().splitlines()
    held = (line for line in named if line <= len(text))
    return "right" if any(label.sample.entry.line in text[line - 1] for line in held) else "wrong"


def table(compared: dict[str, list[Compared]]) -> str:
    """By puzzle and in all: how many causes and lines are right, not said, and wrong."""
    rows: list[tuple[str, ...]] = [
        ("puzzle", "wrong samples", "cause", "none", "wrong", "lines", "none", "wrong")
    ]
    everything = [each for those in compared.values() for each in those]
    for puzzle, those in [*compared.items(), ("all", everything)]:
        cause = Counter(each.cause for each in those)
        line = Counter(each.line for each in those if each.line)
        counts = [len(those), *(cause[told] for told in ("right", "none", "wrong"))]
        counts += [line[told] for told in ("right", "none", "wrong")]
        rows.append((puzzle, *map(str, counts)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--puzzle", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--records", type=Path, help="where the records of all puzzles lie")
    parser.add_argument("--list", action="store_true", help="print what is not as labelled")
    parser.add_argument("--rewritten", action="store_true", help="the second set of samples")
    parser.add_argument("--gathered", action="store_true", help="compile programs in one go")
    parser.add_argument("--seed", help="of the cases, with --gathered; the results are not kept")
    arguments = parser.parse_args()
    labels_of = rewritten_labels if arguments.rewritten else default_labels
    with tempfile.TemporaryDirectory() as temporary:
        records = arguments.records or Path(temporary)
        compared = {
            puzzle: of_labels(
                labels_of(puzzle),
                records / puzzle,
                jobs=arguments.jobs,
                gathered=arguments.gathered and find(puzzle).is_program,
                seed=arguments.seed,
            )
            for puzzle in arguments.puzzle
        }
    for puzzle, those in compared.items():
        for each in those if arguments.list else ():
            if each.cause != "right" or each.line not in (None, "right"):
                said = f"{each.said} {list(each.lines_said) or ''} {each.sentence}"
                print(f"{puzzle} {each.name}: {each.wanted} is {each.cause}, {each.line}: {said}")
    print(table(compared))
    if arguments.seed is not None:
        return
    # Gradings take long: a run for some puzzles leaves the results of the others.
    results = RESULTS / ("causes_rewritten.json" if arguments.rewritten else "causes.json")
    report = json.loads(results.read_text()) if results.exists() else {}
    report |= {puzzle: [asdict(each) for each in those] for puzzle, those in compared.items()}
    results.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")


def of_labels(
    labels: Sequence[Label],
    folder: Path,
    *,
    jobs: int,
    gathered: bool = False,
    seed: str | None = None,
) -> list[Compared]:
    """All labelled causes of a puzzle, with what the reports in ``folder`` say."""
    chosen = [each for each in labels if each.sample.entry.cause is not None]
    if gathered:
        places = [(each, place_of(each, folder)) for each in chosen]
        missing = (each for each in places if not (each[1] / "record.json").exists())
        grade_gathered(missing, seed=seed)

    def one(label: Label) -> Compared:
        place = place_of(label, folder)
        grade_one(label, place, resume=True)
        return compare(label, load(place / "record.json"))

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, chosen))


if __name__ == "__main__":
    main()
