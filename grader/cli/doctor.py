"""``grade doctor`` and ``grade demo``: see that grading works on this machine."""

from __future__ import annotations

from typing import cast

import click
import numpy as np
from numpy.typing import NDArray

from grader.cli import options
from grader.cli.root import EXIT_CODES
from grader.doctor import PROBES, Health, ask
from grader.errors import ExitCode, UsageError
from grader.intake.display import for_terminal
from grader.lanes import DeviceChoice
from grader.puzzles import DEFAULT, NAMES, find
from grader.toolchain import edition as editions
from grader.toolchain.edition import DEFAULT_EDITION


@click.command()
def doctor() -> None:
    """Probe toolchain, device and everything else that grading needs.

    Exits with 0 if grading works, and with 4 if something is broken.
    """
    broken = False
    for name, probe in PROBES.items():
        answer = ask(probe)
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
    type=click.Choice(editions.names()),
    help="Edition of the puzzle book.",
)
@options.device("auto takes a GPU whose driver works, else the software device.")
@options.offline
def demo(name: str, edition: str, device: str) -> None:
    """Run the published example of a puzzle with the right answer.

    Prints input, kernel, expected and result as the puzzle's text does. Takes
    about as long as one graph compile.
    """
    from grader.grading.worked_example import compiled_example
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
    return np.array2string(array.astype(np.float32), max_line_width=10**9)
