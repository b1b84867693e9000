"""``grade run`` and ``grade profile``: any Mojo program, with what the device sees at its lines."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from grader.choices import Wanted
from grader.cli import options
from grader.lanes import DeviceChoice

if TYPE_CHECKING:
    from grader.intake import Submission
    from grader.run.document import RunDocument

EXIT_CODES = """\b
Exit codes:
  The program's own, where it runs to its end; 128 and more where a signal ends it.
  1    it does not compile; or --strict, and there are errors
  2    the command was called wrongly
  3    the file can't be read as a program
  4    a fault of the grader, or the program needs what the software device lacks
  124  it was stopped at a limit, such as --timeout
"""


def _say(sentence: str) -> None:
    from grader.intake.display import for_terminal
    from grader.run.text import MARK

    click.echo(f"{MARK}{for_terminal(sentence)}", err=True)


def _pass_on(stream: TextIO) -> Callable[[str], None]:
    def write(text: str) -> None:
        stream.write(text)
        stream.flush()

    return write


_ANY_PROGRAM = {
    # So that all that follows FILE is left to the program.
    "allow_interspersed_args": False
}
_edition = options.edition(
    "Edition of the puzzle book; auto takes the one that the file is written for."
)
_as_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document in the place of all else; what the program prints is in it.",
)
_html = click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write a page to this file.",
)


@click.command(epilog=EXIT_CODES, context_settings=_ANY_PROGRAM)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--device",
    default="software",
    show_default=True,
    type=options.DEVICES,
    help="software sees what each thread does; gpu runs on a real one, which shows nothing of it; "
    "auto takes a GPU whose driver works.",
)
@_edition
@click.option("--strict", is_flag=True, help="Fail where the device found an error.")
@_as_json
@_html
@options.timeout("Seconds that the build may take, and then the program.")
@options.isolation("run a program")
@options.offline
def run(
    file: Path,
    arguments: tuple[str, ...],
    device: str,
    edition: str,
    strict: bool,
    as_json: bool,
    html: Path | None,
    timeout: float,
    isolation: str,
) -> None:
    """Build FILE, run it with ARGUMENTS, and tell what its kernels do wrong.

    Options of this command come before FILE; all that follows FILE is the program's own. Needs no
    GPU: kernels run on a software device, which sees races, accesses out of bounds, reads of
    memory that nothing wrote, barriers that not all threads reach, and loops that never end.

    What the device found goes to standard error, each line marked "grade: ".
    """
    document, program = _run(
        file,
        arguments,
        as_json=as_json,
        html=html,
        device=cast(DeviceChoice, device),
        edition=edition,
        isolation=Wanted(isolation),
        timeout=timeout,
        strict=strict,
    )
    if not as_json:
        from grader.run.text import report

        sys.stderr.write(report(document, program.text))
    raise click.exceptions.Exit(document.exit_code)


@click.command(epilog=EXIT_CODES, context_settings=_ANY_PROGRAM)
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@_edition
@_as_json
@_html
@options.timeout("Seconds that the build may take, and then the program.")
@options.isolation("run a program")
@options.offline
def profile(
    file: Path,
    arguments: tuple[str, ...],
    edition: str,
    as_json: bool,
    html: Path | None,
    timeout: float,
    isolation: str,
) -> None:
    """Build FILE, run it with ARGUMENTS, and count what each line of its kernels costs.

    Needs no GPU. The software device counts what NVIDIA's profiler shows: instructions of warps,
    requests to memory and the sectors of 32 bytes that they take, wavefronts of shared memory
    (bank conflicts), branches at which a warp divides, barriers. It has no times.

    Of launches that are alike, the first is counted. What the program prints goes to standard
    error, what the device found wrong behind it.
    """
    document, program = _run(
        file,
        arguments,
        as_json=as_json,
        html=html,
        stdout=sys.stderr,
        edition=edition,
        isolation=Wanted(isolation),
        timeout=timeout,
        profile=True,
    )
    if not as_json:
        from grader.intake.display import for_terminal
        from grader.run.document import RunEnding
        from grader.run.profile import as_text
        from grader.run.text import report

        sys.stderr.write(report(document, program.text))
        if document.ending is not RunEnding.NOT_BUILT:
            click.echo(for_terminal(as_text(document, program.text)), nl=False)
    raise click.exceptions.Exit(document.exit_code)


def _run(
    file: Path,
    arguments: tuple[str, ...],
    *,
    as_json: bool,
    html: Path | None,
    stdout: TextIO | None = None,
    **how: Any,
) -> tuple[RunDocument, Submission]:
    """Run a program, and write what is asked for as a document or as a page.

    Args:
        file: The program.
        arguments: Its own.
        as_json: Whether to print the document, and nothing of what the program prints.
        html: Where to write a page, if anywhere.
        stdout: Where its standard output goes.
        how: Of the request.
    """
    from grader.intake import read_submission

    program = read_submission(file)  # before what takes longer to import
    from grader.intake.display import one_line
    from grader.run.document import encode
    from grader.run.running import RunRequest, Shows
    from grader.run.running import run as run_program

    request = RunRequest(
        shown="program.mojo" if str(file) == "-" else one_line(str(file)),
        program=program,
        arguments=arguments,
        **how,
    )
    shows = Shows(
        said=_say,
        out=(lambda text: None) if as_json else _pass_on(stdout or sys.stdout),
        error=(lambda text: None) if as_json else _pass_on(sys.stderr),
    )
    document = run_program(request, shows)
    if html is not None:
        from grader.cli.output import replace_file
        from grader.run.page import render_page

        replace_file(html, render_page(document, program.text).encode("utf-8"))
    if as_json:
        click.echo(encode(document).decode("utf-8"), nl=False)
    return document, program
