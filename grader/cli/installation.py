"""``grade doctor``, ``demo`` and ``toolchain``: see that grading works, and install toolchains."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Self, cast

import click

from grader.choices import DEFAULT_EDITION
from grader.cli import options
from grader.cli.root import EXIT_CODES
from grader.errors import ExitCode, GradeError, IndexUnreachable, ToolchainFault, UsageError
from grader.folders import edition_names
from grader.lanes import DeviceChoice
from grader.puzzles import DEFAULT, NAMES, find

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grader.toolchain.edition import Edition


@click.command()
def doctor() -> None:
    """Probe toolchain, device and everything else that grading needs.

    Exits with 0 if grading works, and with 4 if something is broken.
    """
    from grader.doctor import PROBES, Health, run_probe
    from grader.intake.display import for_terminal

    broken = False
    for name, probe in PROBES.items():
        answer = run_probe(probe)
        broken = broken or answer.health is Health.BROKEN
        click.echo(f"{answer.health.value:<7} {name:<16} {for_terminal(answer.what)}")
        for line in answer.remedy.splitlines():
            click.echo(f"{'':<24} {for_terminal(line)}")
    click.echo()
    if broken:
        click.echo("Grading does not work here yet: see the lines marked broken.")
        raise click.exceptions.Exit(int(ExitCode.FAULT))
    click.echo("Grading works here.")


@click.command(epilog=EXIT_CODES)
@click.option("--puzzle", "name", default=DEFAULT, show_default=True, type=click.Choice(NAMES))
@click.option(
    "--edition",
    default=DEFAULT_EDITION,
    show_default=True,
    type=click.Choice(edition_names()),
    help="Edition of the puzzle book.",
)
@options.device("auto takes a GPU whose driver works, else the software device.")
@options.offline
def demo(name: str, edition: str, device: str) -> None:
    """Run the published example of a puzzle with the right answer.

    Prints input, kernel, expected and result as the puzzle's text does. Takes
    about as long as one graph compile.
    """
    from grader.doctor import compiled_example
    from grader.intake.display import for_terminal
    from grader.toolchain import edition as editions
    from grader.toolchain.install import install

    known = editions.find(edition)
    puzzle = find(name).for_edition(edition)
    toolchain = install(known, said=lambda phrase: click.echo(phrase, err=True))
    part = puzzle.parts[0]
    example, words = part.example, part.words
    if example is None or words is None:
        raise UsageError(
            f"the puzzle {puzzle.name} has no published example",
            remedy="Grade its answer instead: grade submit FILE --puzzle NAME.",
        )
    for tensor, label in words.inputs.items():
        click.echo(f"{label}: {_shown(example.inputs[tensor])}")
    for right in part.expected(example.inputs, example.sizes).values():
        click.echo(f"Expected result (NumPy calculation): {_shown(right.value)}")
    click.echo(f"Compiling {words.lower} graph...")
    with compiled_example(puzzle, toolchain, cast(DeviceChoice, device)) as compiled:
        click.echo(f"Executing {words.lower}...")
        shown = compiled.run()
    if shown.run.outputs is None:
        click.echo(f"It gave no result: {for_terminal(shown.run.message)}")
    for output in shown.run.outputs or ():
        click.echo(f"{words.title} result (custom Mojo kernel): {_shown(output)}")
    if not shown.right:
        click.echo("Verification failed: Custom kernel results do not match NumPy calculation")
        raise click.exceptions.Exit(int(ExitCode.FAULT))
    click.echo("Verification passed: Custom kernel results match NumPy calculation")
    click.echo(
        f"({shown.device.name}: {shown.device.reason}; MAX {toolchain.max_version})", err=True
    )


def _shown(array: NDArray[np.generic]) -> str:
    import numpy as np

    return np.array2string(array.astype(np.float32), max_line_width=10**9)


ALL_GIB: Final = 3
_EDITION = click.Choice(edition_names())


@click.group(epilog=EXIT_CODES)
def toolchain() -> None:
    """Install, list and remove the toolchains of other editions.

    The default edition comes with the grader. Every other one is installed on
    first use; do it ahead for machines without a network. They lie in the
    user's cache, or where the variable GRADE_TOOLCHAINS points.
    """


@toolchain.command("list")
def list_() -> None:
    """Which editions there are, and which are installed."""
    from grader.toolchain import edition as editions
    from grader.toolchain import store

    rows = [("edition", "MAX", "Mojo", "toolchain"), *(_row(name) for name in editions.names())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=False))
        click.echo(f"{'  '.join(cells)}  {row[3]}")
    for name in store.unknown_folders():
        click.echo(f"\n{store.place() / name} belongs to no edition; delete it if it is not yours.")
    try:
        click.echo(f"\nIn {store.place()}.")
    except ToolchainFault as fault:
        click.echo(f"\nNone can be installed: {fault.what}. {fault.remedy}")


def _row(name: str) -> tuple[str, str, str, str]:
    from grader.toolchain import edition as editions

    edition = editions.find(name)
    return name, edition.max_version, edition.mojo_version, _state(edition)


def _state(edition: Edition) -> str:
    from grader.toolchain import store

    if edition.name == DEFAULT_EDITION:
        return "the default; comes with the grader"
    if manifest := store.installed(edition):
        return f"installed, {manifest.size >> 20} MiB, Python {manifest.python_version}"
    return "broken; install it again" if store.has_folder(edition) else "-"


@toolchain.command()
@click.argument("names", metavar="[EDITION]...", nargs=-1, type=_EDITION)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help=f"Every edition: {ALL_GIB} GiB to download, about four times that on the disk.",
)
@click.option("--afresh", is_flag=True, help="Install again what is there already.")
def install(names: tuple[str, ...], everything: bool, afresh: bool) -> None:
    """Install the toolchain of each EDITION, and try it out."""
    from grader.toolchain import store
    from grader.toolchain.install import install as install_

    failed: dict[str, GradeError] = {}
    chosen = _chosen(names, everything)
    for edition in chosen:
        if edition.name == DEFAULT_EDITION:
            click.echo(f"{edition.name}: comes with the grader")
            continue
        if not afresh and store.installed(edition):
            click.echo(f"{edition.name}: installed already")
            continue
        began = time.monotonic()
        with _Line(edition.name) as line:
            try:
                install_(edition, said=line.say, afresh=afresh)
            except GradeError as error:
                if not everything:
                    raise
                # With --all, what can be installed is.
                failed[edition.name] = error
                if isinstance(error, IndexUnreachable):
                    break
                line.end(f"{edition.name}: {error.what}")
                continue
        click.echo(f"{edition.name}: installed and tried out, {time.monotonic() - began:.0f} s")
    if failed:
        raise _together(failed, chosen)


def _together(failed: Mapping[str, GradeError], chosen: Sequence[Edition]) -> GradeError:
    """One error for all that could not be installed; each but an unreachable index was told."""
    from grader.toolchain.toolchain import is_installed

    *_, last = failed.values()
    if isinstance(last, IndexUnreachable):
        lacking = [each.name for each in chosen if not is_installed(each)]
        return IndexUnreachable(
            f"{last.what}. Not installed: {', '.join(lacking)}", remedy=last.remedy
        )
    return ToolchainFault(f"not installed: {', '.join(failed)}", remedy=last.remedy)


@toolchain.command()
@click.argument("names", metavar="[EDITION]...", nargs=-1, type=_EDITION)
@click.option("--all", "everything", is_flag=True, help="Every edition.")
def remove(names: tuple[str, ...], everything: bool) -> None:
    """Delete the toolchain of each EDITION."""
    from grader.toolchain import store

    for edition in _chosen(names, everything):
        if edition.name == DEFAULT_EDITION:
            if not everything:
                raise UsageError(
                    f"edition {edition.name} is part of the grader",
                    remedy="It goes when the grader is uninstalled.",
                )
            continue
        if store.remove(edition):
            click.echo(f"{edition.name}: removed")
        elif not everything:
            click.echo(f"{edition.name}: was not installed")


@toolchain.command()
@click.argument("name", metavar="[EDITION]", required=False, type=_EDITION)
def path(name: str | None) -> None:
    """Print where EDITION's compiler lies, or where the toolchains are."""
    from grader.toolchain import edition as editions
    from grader.toolchain import store

    if name is None:
        click.echo(store.place())
        return
    from grader.toolchain.toolchain import locate

    click.echo(locate(editions.find(name)).mojo)


@toolchain.command()
@click.argument("name", metavar="EDITION", type=_EDITION)
@click.option("--puzzle", default=DEFAULT, show_default=True, type=click.Choice(NAMES))
def check(name: str, puzzle: str) -> None:
    """Try EDITION's MAX on the software device; for whoever adds an edition.

    Compares the driver functions that this MAX knows by name with those that
    the device has, then packages, compiles and runs the edition's own answer to
    the published example. Exits with 0 if that works, and with 4 if it does not.
    """
    from grader.doctor import compiled_example
    from grader.toolchain import edition as editions
    from grader.toolchain.install import install as install_
    from grader.toolchain.verify import driver_functions, missing_driver_functions

    edition = editions.find(name)
    with _Line(name) as line:
        found = install_(edition, said=line.say)
    known, missing = driver_functions(found), missing_driver_functions(found)
    click.echo(f"MAX {found.max_version}, Mojo {found.mojo_version}")
    click.echo(
        f"driver functions known by name: {len(known)}, of which the device lacks: ", nl=False
    )
    click.echo(", ".join(missing) or "none")
    with compiled_example(find(puzzle).for_edition(name), found, "software") as compiled:
        click.echo(f"the answer packages and compiles: yes, {compiled.seconds:.0f} s")
        shown = compiled.run()
    click.echo(f"calls that the device does not support: {', '.join(shown.unsupported) or 'none'}")
    click.echo(f"the published example: {'right' if shown.right else 'WRONG'}")
    if not shown.right:
        raise click.exceptions.Exit(int(ExitCode.FAULT))


def _chosen(names: Sequence[str], everything: bool) -> list[Edition]:
    from grader.toolchain import edition as editions

    if everything and names:
        raise UsageError("--all and names of editions were given", remedy="Give one of them.")
    if not everything and not names:
        raise UsageError(
            "no edition was named", remedy=f"Name some of {', '.join(editions.names())}, or --all."
        )
    return [editions.find(name) for name in (editions.names() if everything else names)]


class _Line:
    """What is going on with one edition: a line that is rewritten on a terminal."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._clear()

    def say(self, phrase: str) -> None:
        """Show a step."""
        if self._live:
            click.echo(f"\r\x1b[2K{self._name}: {phrase}", nl=False, err=True)
        else:
            click.echo(f"{self._name}: {phrase}", err=True)

    def end(self, text: str) -> None:
        """Leave a line."""
        self._clear()
        click.echo(text, err=True)

    def _clear(self) -> None:
        if self._live:
            click.echo("\r\x1b[2K", nl=False, err=True)
