"""``grade puzzles`` and ``grade start``: what can be graded, and what one starts from."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from grader.choices import DEFAULT_EDITION
from grader.errors import UsageError
from grader.folders import edition_names
from grader.puzzles import NAMES, find
from grader.quiz import NAMES as QUIZZES
from grader.quiz import SUFFIX, is_quiz


@click.group(invoke_without_command=True)
@click.pass_context
@click.option(
    "--rubric",
    "wanted",
    metavar="NAME",
    type=click.Choice(NAMES),
    help="Print the rubric of a puzzle as a complete, commented file to start from.",
)
def puzzles(context: click.Context, wanted: str | None) -> None:
    """List the puzzles with their domain and rubric."""
    if context.invoked_subcommand is not None:
        return
    if wanted is not None:
        from grader.rubric import starting_file

        click.echo(starting_file(find(wanted)), nl=False)
        return
    for number, puzzle in enumerate(map(find, NAMES)):
        if number:
            click.echo()
        click.echo(f"{puzzle.name}: {puzzle.title}")
        for part in puzzle.parts:
            if len(puzzle.parts) > 1:
                click.echo(f"  {part.name}: {part.title}")
            click.echo(f"  {part.formula}")
            click.echo(f"  Sizes: {part.domain}")
        if puzzle.not_checked:
            click.echo(f"  Not checked: {puzzle.not_checked}")
        click.echo("  Rubric:")
        for item in puzzle.rubric:
            points = f"+{item.points}" if item.extra else f"{item.points}"
            click.echo(f"  {points:>5}  {item.title}{' (extra credit)' if item.extra else ''}")
    from grader.quiz.model import find_quiz

    for quiz in map(find_quiz, QUIZZES):
        click.echo(f"\n{quiz.name}: {quiz.title}\n  Questions:")
        for question in quiz.questions:
            click.echo(f"  {question.points:>5}  {question.title}")


@click.command()
@click.argument("puzzle", type=click.Choice((*NAMES, *QUIZZES)))
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--edition",
    default=DEFAULT_EDITION,
    show_default=True,
    type=click.Choice(edition_names()),
    help="Edition of the puzzle book.",
)
def start(puzzle: str, file: Path | None, edition: str) -> None:
    """Write the skeleton of PUZZLE, the file that is to be filled in.

    It goes to FILE, or to PUZZLE.mojo. What is there already is left as it is. Of a quiz it is a
    file for the answers, PUZZLE.toml, and the kernels that it asks about stand beside it.
    """
    if puzzle in QUIZZES:
        _start_quiz(puzzle, file or Path(f"{puzzle}{SUFFIX}"))
        return
    from grader.references import reference
    from grader.toolchain import edition as editions

    file = file or Path(f"{puzzle}.mojo")
    known = find(puzzle)
    skeleton = reference(puzzle, edition, "skeleton", known.kernels)
    if skeleton is None:
        raise UsageError(
            f"there is no skeleton of {puzzle} for edition {edition}",
            remedy="Choose another edition with --edition.",
        )
    _write(file, skeleton, puzzle)
    click.echo(f"{file}: {known.title}. {editions.find(edition).worded(known.first_step)}")
    click.echo(f"See how it goes with each save: {shlex.join(['grade', 'watch', str(file)])}")


def _write(file: Path, text: str, puzzle: str) -> None:
    """Write a new file."""
    try:
        with file.open("x", encoding="utf-8", newline="") as new:
            new.write(text)
    except FileExistsError:
        raise UsageError(
            f"{file} is there already, and was left as it is",
            remedy=f"Name another file, as in: grade start {puzzle} another{file.suffix}",
        ) from None
    except OSError as error:
        raise UsageError(
            f"{file} can't be written: {error.strerror}", remedy="Name another file."
        ) from error


def _start_quiz(quiz: str, file: Path) -> None:
    """Write the file for the answers, and the kernels beside it."""
    from grader.quiz.answers import kernels_of_quiz, starting_answers
    from grader.quiz.model import find_quiz

    if not is_quiz(file.name):
        raise UsageError(
            f"{file} is no name of a file for answers", remedy=f"Let it end in {SUFFIX}."
        )
    kernels = file.with_suffix(".mojo")
    _write(kernels, kernels_of_quiz(quiz), quiz)
    _write(file, starting_answers(quiz, kernels.name, file.name), quiz)
    click.echo(f"{file}: {find_quiz(quiz).title}. Answer the questions in it.")
    click.echo(f"{kernels}: the kernels that they are about. See what they cost, afterwards:")
    click.echo(shlex.join(["grade", "profile", str(kernels)]))
    click.echo(f"Then hand in: {shlex.join(['grade', 'submit', str(file)])}")


@puzzles.command()
@click.argument("clone", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--puzzle",
    "name",
    type=click.Choice(NAMES),
    help="Make the digests of the code that the book gives for this puzzle.",
)
@click.option(
    "--branch",
    "branches",
    multiple=True,
    metavar="NAME",
    help="Read this branch; more than once for several.  [default: main and stable]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of printing: grader/book/book.json, or with --puzzle "
    "reference_kernels/PUZZLE/given.json.",
)
def fingerprint(clone: Path, name: str | None, branches: tuple[str, ...], out: Path | None) -> None:
    """Make the data of what the book ships, from a CLONE with its history.

    They are digests of all versions of its files, and the names that these declare. They tell a
    student's work from what was given, and which puzzle a file is of. Make them again when the
    book has changed. Name only branches of the book itself: what a pull request holds is
    somebody's work.
    """
    from grader.book.history import BRANCHES, read_given, read_history, written

    if name is None:
        shipped = read_history(clone, branches or BRANCHES)
        versions = sum(len(those) for those in shipped.files.values())
        told = f"{len(shipped.topics)} puzzles, {versions} versions of {len(shipped.files)} files"
        text, until = written(shipped), shipped.until
    else:
        given = read_given(clone, find(name), branches or BRANCHES)
        versions = sum(len(those) for those in given.given.values())
        told = f"{versions} {'version' if versions == 1 else 'versions'} of the given code"
        text, until = written(given), given.until
    if out is None:
        click.echo(text, nl=False)
        return
    out.write_text(text, "utf-8")
    click.echo(f"{out}: {told}, until {until}")
