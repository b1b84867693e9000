"""Grade the same six answers in every edition: ``results/editions.json``, ``docs/editions.md``.

    python -m benchmarks.editions_matrix [--jobs 2] [--only 25.3,26.7] [--out FOLDER [--resume]]
    python -m benchmarks.editions_matrix --programs [...]
    python -m benchmarks.editions_matrix --others [...]

Each cell is a sample of that edition graded by the command ``grade submit``. Two
of the six need no graph; a graph costs some twenty-five seconds of a core, so the
whole is some twelve minutes on two idle ones by that count. An edition whose toolchain is not
installed is left out, with the reason in the result. ``--resume`` takes what a run that was
cut off has left in FOLDER.

``--programs`` grades the programs: of each puzzle and edition the right answer, the skeleton and
the wrong samples that are labelled for several editions (``results/editions_programs.json``, and a
table of its own in the page).

``--others`` grades the samples of each edition that are no column of the matrix, and writes
``results/editions_others.json``. Those of the default edition are not among them:
``benchmarks.verdict_quality`` grades these.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.labels import Label, labels_of
from benchmarks.publish import commit, fill_between
from benchmarks.verdict_quality import Graded, grade_one
from grader.choices import DEFAULT_EDITION
from grader.errors import ToolchainFault
from grader.puzzles import NAMES, find
from grader.record import load
from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate

RESULT = Path(__file__).parent / "results" / "editions.json"
OTHERS = RESULT.with_name("editions_others.json")
PROGRAMS = RESULT.with_name("editions_programs.json")
PAGE = Path(__file__).parent.parent / "docs" / "editions.md"
BEGIN, END = "<!-- matrix: begin -->", "<!-- matrix: end -->"
"""The table of the page stands between these."""
OF_PROGRAMS = "<!-- programs: begin -->", "<!-- programs: end -->"
COLUMNS = {
    "right": "right",
    "whole-domain": "whole_domain",
    "unfilled": "unfilled",
    "wrong launch": "grid_dim_one",
    "swapped arguments": "output_input_swapped",
    "does not compile": "kernel_name_misspelt",
}
"""The answers, by what is wrong with them; the name of the sample."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One answer in one edition."""

    edition: str
    column: str
    label: Label


def cells(only: Iterable[str] = ()) -> list[Cell]:
    """The matrix, edition by edition; all of them, or those named."""
    chosen = tuple(only) or editions.names()
    return [
        Cell(edition=edition, column=column, label=label)
        for edition in chosen
        for column, stem in COLUMNS.items()
        for label in labels_of(edition)
        if label.path.stem == stem
    ]


def other_cells(only: Iterable[str] = ()) -> list[Cell]:
    """The samples that are no column of the matrix, named as their files; none of the default."""
    return [
        Cell(edition=edition, column=label.path.stem, label=label)
        for edition in tuple(only) or editions.names()
        if edition != DEFAULT_EDITION
        for label in labels_of(edition)
        if label.path.stem not in COLUMNS.values()
    ]


def program_cells(only: Iterable[str] = ()) -> list[Cell]:
    """The programs, edition by edition; a column is a puzzle and the name of a sample."""
    return [
        Cell(edition=edition, column=f"{puzzle} {label.path.stem}", label=label)
        for edition in tuple(only) or editions.names()
        for puzzle in NAMES
        if find(puzzle).is_program
        for label in labels_of(edition, puzzle=puzzle)
        if len(label.sample.entry.editions) > 1
    ]


def missing(edition: str) -> str:
    """Why an edition can't be run here; empty where it can."""
    try:
        locate(editions.find(edition))
    except ToolchainFault as fault:
        return f"{fault.what}. {fault.remedy}"
    return ""


def run(
    chosen: list[Cell],
    folder: Path,
    *,
    jobs: int,
    resume: bool,
    tell: Callable[[Cell, Graded], None],
) -> dict[tuple[str, str], Graded]:
    """Grade cells, several at a time; the results by edition and column."""

    def one(cell: Cell) -> Graded:
        place = folder / cell.edition / cell.column.replace(" ", "-")
        graded = grade_one(cell.label, place, resume=resume)
        # Of the run itself, so that a resumed cell has its own.
        stages = load(place / "record.json").stages
        graded = replace(graded, seconds=round(sum(stage.seconds for stage in stages), 1))
        tell(cell, graded)
        return graded

    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(one, chosen))
    return {
        (cell.edition, cell.column): graded for cell, graded in zip(chosen, results, strict=True)
    }


def as_table(
    chosen: list[Cell],
    results: dict[tuple[str, str], Graded],
    *,
    seconds: float | None,
    jobs: int,
) -> dict[str, Any]:
    """What goes into the file: one entry for each edition, with its cells by column.

    ``seconds`` is what the whole took; None where part of it was resumed.
    """
    rows = []
    for name in dict.fromkeys(cell.edition for cell in chosen):
        edition = editions.find(name)
        own = {
            cell.column: {
                key: value
                for key, value in asdict(results[name, cell.column]).items()
                if key not in ("name", "own_check")
            }
            | {"as_labelled": results[name, cell.column].as_labelled}
            for cell in chosen
            if cell.edition == name and (name, cell.column) in results
        }
        rows.append(
            {
                "edition": name,
                "max_version": edition.max_version,
                "mojo_version": edition.mojo_version,
                "not_run": "" if own else missing(name),
                "cells": own,
            }
        )
    return {
        "columns": list(dict.fromkeys(cell.column for cell in chosen)),
        "seconds": None if seconds is None else round(seconds, 1),
        "jobs": jobs,
        "processors": os.cpu_count(),
        "commit": commit(),
        "editions": rows,
    }


def as_markdown(table: Mapping[str, Any]) -> str:
    """The result as a table: a row for each edition, a column for each answer.

    A cell says the score; one that is not as labelled is marked, with what was wanted.
    """
    columns = table["columns"]
    lines = [
        f"| edition | MAX | Mojo | {' | '.join(columns)} |",
        f"|{'---|' * (3 + len(columns))}",
    ]
    for row in table["editions"]:
        head = f"| {row['edition']} | {row['max_version']} | {row['mojo_version']} |"
        cells = [_shown(row["cells"].get(column)) for column in columns]
        lines.append(f"{head} {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "not run"
    score = f"{cell['verdict']}, {cell['score']}"
    if cell["as_labelled"]:
        return score
    return f"**{score}** (wanted: {cell['verdict_wanted']}, {cell['score_wanted']})"


def programs_as_markdown(table: Mapping[str, Any]) -> str:
    """The result of the programs as a table: a row for each puzzle, a column for each edition.

    A cell has the scores of its samples in their order, and a dash for one that was not run.
    """
    rows = [row for row in table["editions"] if row["cells"]]
    samples: dict[str, list[str]] = {}
    for column in table["columns"]:
        samples.setdefault(column.partition(" ")[0], []).append(column)
    lines = [
        f"| puzzle | samples | {' | '.join(row['edition'] for row in rows)} |",
        f"|{'---|' * (2 + len(rows))}",
    ]
    for puzzle, columns in samples.items():
        names = ", ".join(column.partition(" ")[2].replace("_", " ") for column in columns)
        cells = (" ".join(_score(row["cells"].get(column)) for column in columns) for row in rows)
        lines.append(f"| `{puzzle}` | {names} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _score(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "-"
    return str(cell["score"]) if cell["as_labelled"] else f"**{cell['score']}**"


def fill_page(page: Path, table: Mapping[str, Any]) -> bool:
    """Put the table between the page's two marks; whether it has them."""
    return fill_between(page, BEGIN, END, as_markdown(table))


def main() -> int:
    """Run the matrix; the exit code is 1 where a cell is not as labelled."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=max(1, min(2, os.cpu_count() or 1)))
    parser.add_argument("--only", default="", help="editions, separated by commas")
    parser.add_argument("--out", type=Path, help="keep the records and reports here")
    parser.add_argument("--resume", action="store_true")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--others", action="store_true", help="the samples that are no column")
    what.add_argument("--programs", action="store_true", help="the programs")
    parser.add_argument("--result", type=Path, help="write the result here")
    options = parser.parse_args()
    only = [name for name in options.only.split(",") if name]
    taken, place = (
        (other_cells, OTHERS)
        if options.others
        else (program_cells, PROGRAMS)
        if options.programs
        else (cells, RESULT)
    )
    chosen, result = taken(only), options.result or place
    lacking = {cell.edition for cell in chosen if missing(cell.edition)}
    for name in sorted(lacking):
        print(f"{name}: not run: {missing(name)}")

    def tell(cell: Cell, graded: Graded) -> None:
        mark = "ok " if graded.as_labelled else "BAD"
        print(
            f"{mark} {cell.edition:7} {cell.column:18} {graded.verdict} {graded.score}"
            f" (wanted {graded.verdict_wanted} {graded.score_wanted}) {graded.seconds} s"
            f" {'' if graded.as_labelled else graded.headline}",
            flush=True,
        )

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        results = run(
            [cell for cell in chosen if cell.edition not in lacking],
            options.out or Path(scratch),
            jobs=options.jobs,
            resume=options.resume,
            tell=tell,
        )
    took = None if options.resume else time.monotonic() - began
    table = as_table(chosen, results, seconds=took, jobs=options.jobs)
    result.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    if result == RESULT and not only:
        fill_page(PAGE, table)
    if result == PROGRAMS and not only:
        fill_between(PAGE, *OF_PROGRAMS, programs_as_markdown(table))
    wrong = sum(not graded.as_labelled for graded in results.values())
    print(f"{len(results)} cells, {wrong} not as labelled; seconds: {table['seconds']}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
