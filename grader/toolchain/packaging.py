"""Package a submission with the toolchain's own command, and read what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from grader.errors import ToolchainFault
from grader.record import Diagnostic
from grader.sandbox import MIB, Limits, Outcome
from grader.toolchain.diagnostics import parse
from grader.toolchain.workspace import Workspace

LIMITS = Limits(wall_seconds=60, resident_bytes=4096 * MIB, scratch_bytes=512 * MIB)
"""Packaging takes 0.3 to 2.6 s; the rest is room for a starved machine."""


@dataclass(frozen=True, kw_only=True)
class Packaged:
    """How packaging went."""

    ok: bool
    diagnostics: tuple[Diagnostic, ...]
    outcome: Outcome
    output: str
    """What the compiler printed, as text."""


def package(
    workspace: Workspace,
    *,
    limits: Limits = LIMITS,
    meanwhile: Callable[[], None] = lambda: None,
) -> Packaged:
    """Run the package command in the sandbox.

    ``meanwhile`` is called while the compiler runs: there is a second to prepare what comes next.

    Raises:
        ToolchainFault: the compiler could not be run at all.
        SandboxFault: the sandbox could not be started.
    """
    toolchain = workspace.toolchain
    arguments = [
        argument.format(source=workspace.source, artefact=toolchain.edition.artefact)
        for argument in toolchain.edition.package
    ]
    process = workspace.box.spawn(
        [workspace.box.inside(toolchain.mojo), *arguments],
        stage="package",
        limits=limits,
        environment=workspace.environment(),
        directory=workspace.box.inside(workspace.run_directory),
    )
    with process:
        meanwhile()
        outcome = process.wait(limits.wall_seconds + 30)
    output = (outcome.stderr + b"\n" + outcome.stdout).decode("utf-8", "replace")
    ok = outcome.exit_code == 0 and workspace.artefact.is_file()
    diagnostics = parse(output, stage="package", student_file=workspace.student_file)
    if not ok and outcome.exit_code in (126, 127):
        raise ToolchainFault(
            f"the Mojo compiler does not start (exit code {outcome.exit_code})",
            remedy="Run grade doctor; it says what is missing.",
        )
    return Packaged(ok=ok, diagnostics=diagnostics, outcome=outcome, output=output)
