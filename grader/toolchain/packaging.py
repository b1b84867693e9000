"""Package a submission with the toolchain's own command, and read what the compiler says.

What the compiler prints comes of an untrusted file, so it is data: every line is bounded, every
pattern is linear, and what does not look like a message is left out. Messages about the library's
own sources are placed in the student's file where one of their notes, or the "Imported from" line
above them, names it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from grader.errors import ToolchainFault
from grader.record import Diagnostic, Note
from grader.sandbox import MIB, Limits, Outcome
from grader.toolchain.workspace import Workspace

MAX_LINE = 4000
MAX_MESSAGE = 600
MAX_DIAGNOSTICS = 50
MAX_NOTES = 12

_MESSAGE = re.compile(
    r"^(?P<file>[^\s:][^:\n]{0,400}):(?P<line>\d{1,7})(?::(?P<column>\d{1,7}))?: "
    r"(?P<severity>error|warning|note|remark): (?P<text>.*)$"
)
_PLACELESS = re.compile(r"^(?:\S{1,200}: )?(?P<severity>error|note): (?P<text>.+)$")
_IMPORTED = re.compile(r"^(?:Imported|Included) from (?P<file>[^\s:]{1,400}):(?P<line>\d{1,7}):")
_NOISE = ("Failed to initialize Crashpad", "failed to parse the provided Mojo source module")
# Raised while the graph is built, before anything is compiled; the second by MAX 25.x.
_BUILDING = re.compile(
    r"^ValueError: (?:no kernel registered for '"
    r"|Could not find a mojo kernel registered for "
    r"|kernel '[^']{0,200}' has no execute function)"
)
INSTANTIATION_FAILED = "function instantiation failed"
"""How the compiler begins to say what is wrong behind a call that it has accepted."""
GENERIC = (INSTANTIATION_FAILED, "call expansion failed")
"""Beginnings of messages that say where something failed; a note below says what."""
_CONSTRAINT = re.compile(r"constraint failed: (?P<text>.+)$")


def parse(
    output: str, *, stage: Literal["package", "compile", "run", "program"], student_file: str
) -> tuple[Diagnostic, ...]:
    """All errors and warnings in the compiler's output, in order.

    Args:
        output: What the compiler printed.
        stage: Where in the run this happened.
        student_file: Path suffix by which the compiler names the student's
            file, e.g. ``op/answer.mojo``. Reported as its last component.
    """
    found: list[_Open] = []
    imported: int | None = None
    for raw in output.splitlines():
        line = raw[:MAX_LINE]
        if any(noise in line for noise in _NOISE):
            continue
        if match := _IMPORTED.match(line):
            if _is_student(match["file"], student_file):
                imported = int(match["line"])
        elif match := _MESSAGE.match(line):
            place = _Place.of(match, student_file)
            if match["severity"] in ("note", "remark"):
                if found:
                    found[-1].notes.append((match["text"], place))
                continue
            if place is None and imported is not None:
                place = _Place(line=imported)
            imported = None
            found.append(_Open(match["severity"], match["text"], place))
        elif _BUILDING.match(line):
            found.append(_Open("error", line.removeprefix("ValueError: "), None))
        elif match := _PLACELESS.match(line):
            if match["severity"] == "error":
                found.append(_Open("error", match["text"], None))
            elif found:
                found[-1].notes.append((match["text"], None))
    file = student_file.rpartition("/")[2]
    closed = dict.fromkeys(each.close(stage, file) for each in found[: 20 * MAX_DIAGNOSTICS])
    return tuple(closed)[:MAX_DIAGNOSTICS]


@dataclass(frozen=True)
class _Place:
    """A place in the student's file."""

    line: int
    column: int | None = None

    @classmethod
    def of(cls, match: re.Match[str], student_file: str) -> _Place | None:
        if not _is_student(match["file"], student_file):
            return None
        return cls(int(match["line"]), int(match["column"]) if match["column"] else None)


@dataclass
class _Open:
    """A message whose notes are still being read."""

    severity: str
    text: str
    place: _Place | None
    notes: list[tuple[str, _Place | None]] = field(default_factory=list)

    def close(
        self, stage: Literal["package", "compile", "run", "program"], file: str
    ) -> Diagnostic:
        """The message for the record, with its cause and its place as far as these are known."""
        place = self.place or next((p for _, p in reversed(self.notes) if p is not None), None)
        kept = [note for note in self.notes if not note[0].startswith(GENERIC)]
        return Diagnostic(
            severity="warning" if self.severity == "warning" else "error",
            message=_cut(self._says()),
            stage=stage,
            file=file if place else None,
            line=place.line if place else None,
            column=place.column if place else None,
            notes=tuple(
                Note(
                    message=_cut(text),
                    file=file if where else None,
                    line=where.line if where else None,
                    column=where.column if where else None,
                )
                for text, where in kept[:MAX_NOTES]
                if text != self._says()
            ),
        )

    def _says(self) -> str:
        """The message; where it only says that something failed, the note that says what."""
        texts = [self.text, *(text for text, _ in reversed(self.notes))]
        for text in texts:
            if match := _CONSTRAINT.search(text):
                return match["text"]
        return next((text for text in texts if not text.startswith(GENERIC)), self.text)


def is_about_the_op(diagnostic: Diagnostic) -> bool:
    """Whether an error names the student's file or op, so that there is no doubt whose it is."""
    if diagnostic.severity != "error":
        return False
    return diagnostic.line is not None or bool(_BUILDING.match(f"ValueError: {diagnostic.message}"))


def _is_student(file: str, student_file: str) -> bool:
    return file == student_file or file.endswith("/" + student_file)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


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
    stage: Literal["package", "compile"] = "package",
) -> Packaged:
    """Run the package command in the sandbox.

    Args:
        workspace: In which the file is installed.
        limits: Of the compiler.
        meanwhile: Called while the compiler runs: there is a second to prepare what comes next.
        stage: The step of the run that its messages belong to.

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
    diagnostics = parse(output, stage=stage, student_file=workspace.student_file)
    if not ok and outcome.exit_code in (126, 127):
        raise ToolchainFault(
            f"the Mojo compiler does not start (exit code {outcome.exit_code})",
            remedy="Run grade doctor; it says what is missing.",
        )
    return Packaged(ok=ok, diagnostics=diagnostics, outcome=outcome, output=output)
