"""The tables of verdicts, from what the labelled samples were given: it grades nothing.

    python -m benchmarks.verdict_tables

Of all puzzles in ``benchmarks/README.md``, of all editions in ``docs/editions.md``. What samples
were given is from `benchmarks.verdict_quality`, what they should be from the labels as they are
now. A test holds pages, labels and results together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.labels import Label, every_label, labels_of
from benchmarks.publish import between
from benchmarks.verdict_quality import Given, kept
from grader.puzzles import DEFAULT, NAMES, find
from grader.record import Verdict
from grader.toolchain import edition as editions

_ROOT: Final = Path(__file__).parent.parent
COLUMNS: Final = {
    "right": "right",
    "whole-domain": "whole_domain",
    "unfilled": "unfilled",
    "wrong launch": "grid_dim_one",
    "swapped arguments": "output_input_swapped",
    "does not compile": "kernel_name_misspelt",
}
"""The six answers that are graded in every edition, by what is wrong with them."""
_COUNTED: Final = (
    "samples",
    "right",
    "wrong",
    "not graded",
    "as labelled",
    "false passes",
    "false fails",
    "other scores or reports",
    "wrong ones that its own check passes",
)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One answer in one edition."""

    edition: str
    column: str
    label: Label


def cells() -> list[Cell]:
    """The six answers, edition by edition."""
    return [
        Cell(edition=edition, column=column, label=label)
        for edition in editions.names()
        for column, stem in COLUMNS.items()
        for label in labels_of(edition)
        if label.path.stem == stem
    ]


def program_cells() -> list[Cell]:
    """The programs that are labelled for several editions; a column is a puzzle and a sample."""
    return [
        Cell(edition=edition, column=f"{puzzle} {label.path.stem}", label=label)
        for edition in editions.names()
        for puzzle in NAMES
        if find(puzzle).is_program
        for label in labels_of(edition, puzzle=puzzle)
        if len(label.sample.entry.editions) > 1
    ]


def given_now(labels: Sequence[Label], given: Mapping[str, Given]) -> Iterator[tuple[Label, Given]]:
    """The samples that were graded as they are now, each with what it was given."""
    for label in labels:
        found = given.get(label.name)
        if found is not None and found.is_of(label):
            yield label, found


def counted(given: Mapping[str, Mapping[str, Given]]) -> str:
    """One row for each puzzle: how many of its samples were given what their labels say."""
    rows, in_all = [], [0] * len(_COUNTED)
    for puzzle in NAMES:
        counts = _counts(every_label(puzzle), given.get(puzzle, {}))
        in_all = [one + other for one, other in zip(in_all, counts, strict=True)]
        rows.append([f"`{puzzle}`", *map(str, counts)])
    return table(["puzzle", *_COUNTED], [*rows, ["all", *map(str, in_all)]])


def _counts(labels: Sequence[Label], given: Mapping[str, Given]) -> list[int]:
    passed = Verdict.PASS.value
    graded = list(given_now(labels, given))
    right = sum(label.verdict == passed for label in labels)
    passes = sum(found.verdict == passed != label.verdict for label, found in graded)
    fails = sum(label.verdict == passed != found.verdict for label, found in graded)
    as_labelled = sum(found.as_labelled(label) for label, found in graded)
    return [
        *(len(labels), right, len(labels) - right, len(labels) - len(graded), as_labelled),
        *(passes, fails, len(graded) - as_labelled - passes - fails),
        sum(found.own_check is True and label.verdict != passed for label, found in graded),
    ]


def matrix(given: Mapping[str, Mapping[str, Given]]) -> str:
    """A row for each edition, a column for each of the six answers."""
    found = {
        (cell.edition, cell.column): _verdict(cell.label, given[DEFAULT])
        for cell in cells()
        if DEFAULT in given
    }
    rows = [
        [name, edition.max_version, edition.mojo_version]
        + [found.get((name, column), "not run") for column in COLUMNS]
        for name in editions.names()
        for edition in (editions.find(name),)
    ]
    return table(["edition", "MAX", "Mojo", *COLUMNS], rows)


def _verdict(label: Label, given: Mapping[str, Given]) -> str:
    """What a sample was given; what is not as labelled is marked, with what was wanted."""
    for _, found in given_now([label], given):
        said = f"{found.verdict}, {found.score}"
        if found.as_labelled(label):
            return said
        return f"**{said}** (wanted: {label.verdict}, {label.score})"
    return "not run"


def programs(given: Mapping[str, Mapping[str, Given]]) -> str:
    """A row for each puzzle that is a program, with the scores of its samples in each edition."""
    there = {(cell.edition, cell.column): cell.label for cell in program_cells()}
    names = [name for name in editions.names() if any(edition == name for edition, _ in there)]
    samples: dict[str, list[str]] = {}
    for column in dict.fromkeys(column for _, column in there):
        samples.setdefault(column.partition(" ")[0], []).append(column)
    rows = [
        [f"`{puzzle}`", ", ".join(each.partition(" ")[2].replace("_", " ") for each in columns)]
        + [
            " ".join(_score(there.get((name, each)), given.get(puzzle, {})) for each in columns)
            for name in names
        ]
        for puzzle, columns in samples.items()
    ]
    return table(["puzzle", "samples", *names], rows)


def _score(label: Label | None, given: Mapping[str, Given]) -> str:
    if label is None:
        return "."
    for _, found in given_now([label], given):
        return str(found.score) if found.as_labelled(label) else f"**{found.score}**"
    return "-"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lines of markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines) + "\n"


Tables = Callable[[Mapping[str, Mapping[str, Given]]], str]
PAGES: Final[tuple[tuple[Path, str, Tables], ...]] = (
    (_ROOT / "benchmarks" / "README.md", "verdicts", counted),
    (_ROOT / "docs" / "editions.md", "matrix", matrix),
    (_ROOT / "docs" / "editions.md", "programs", programs),
)
"""Where each table stands, between two marks of this name."""


def main() -> None:
    """Entry point."""
    given = kept()
    for page, name, make in PAGES:
        text = between(page.read_text(encoding="utf-8"), name, make(given))
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
