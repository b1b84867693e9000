"""The steps of ``action.yml``, hidden from ``grade --help``: each reads its inputs from GRADE_*."""

from __future__ import annotations

from pathlib import Path

import click

from grader.course.github import set_outputs
from grader.errors import UsageError
from grader.record import Audience


@click.group(hidden=True)
def action() -> None:
    """The steps of the GitHub action; see action.yml for what calls them."""


@action.command()
def sandbox() -> None:
    """Let bubblewrap work on this runner, if one narrow step does it. Never fails the job."""
    from grader.course.github import open_sandbox
    from grader.intake.display import for_terminal

    click.echo(for_terminal(open_sandbox()))


@action.command()
@click.option("--path", envvar="GRADE_PATH", required=True)
@click.option("--puzzle", envvar="GRADE_PUZZLE", default="auto")
@click.option("--edition", envvar="GRADE_EDITION", default="auto")
@click.option("--device", envvar="GRADE_DEVICE", default="auto")
@click.option("--pass-mark", envvar="GRADE_PASS_MARK", default="")
@click.option("--fail-on", envvar="GRADE_FAIL_ON", default="fail")
@click.option("--rubric", envvar="GRADE_RUBRIC", default="")
@click.option("--audience", envvar="GRADE_AUDIENCE", default="student")
@click.option("--out", envvar="GRADE_OUT", required=True, type=click.Path(path_type=Path))
def grade(
    path: str,
    puzzle: str,
    edition: str,
    device: str,
    pass_mark: str,
    fail_on: str,
    rubric: str,
    audience: str,
    out: Path,
) -> None:
    """Grade one file, tell GitHub, and set the outputs; ends well whatever the verdict."""
    from grader.course.github import GradeStep, parse_fail_on, parse_pass_mark

    if audience not in ("student", "instructor"):
        raise UsageError(
            f"audience: {audience!r} is neither student nor instructor",
            remedy="Correct the input of the action in the workflow file.",
        )
    chosen: Audience = "instructor" if audience == "instructor" else "student"
    options = ("--puzzle", puzzle, "--edition", edition, "--device", device)
    step = GradeStep(
        path=path,
        options=(*options, "--rubric", rubric) if rubric.strip() else options,
        pass_mark=parse_pass_mark(pass_mark),
        fail_on=parse_fail_on(fail_on),
        audience=chosen,
        out=out,
    )
    set_outputs(step.run())
