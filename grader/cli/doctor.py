"""``grade doctor``: is everything here that grading needs?"""

from __future__ import annotations

import click

from grader.doctor import PROBES, Health, ask
from grader.errors import ExitCode
from grader.intake.display import for_terminal


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
