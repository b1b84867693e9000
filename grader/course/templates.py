"""The repositories of a course, filled in from ``templates/course``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from grader.errors import GraderFault, UsageError
from grader.folders import data_directory, reference_kernel
from grader.toolchain import edition as editions

SUFFIX = ".j2"
_OTHER_SYSTEMS = "lms"


def write_course(
    folder: Path, *, puzzles: Sequence[str], edition: str, action: str
) -> tuple[Path, ...]:
    """Write all files; nothing that is there already is overwritten.

    Args:
        folder: Where to; made if it is not there.
        puzzles: Their names. Autograders of other systems are written for one puzzle only.
        edition: Name of the edition, or ``auto`` for the default.
        action: Repository and tag of the action that the workflows use.

    Returns:
        The files that were written.

    Raises:
        UsageError: one of the files is there already, or ``action`` is no reference.
        GraderFault: a file can't be written, or a template is missing.
    """
    _check_action(action)
    chosen = editions.find(edition)
    puzzles = tuple(dict.fromkeys(puzzles))
    files = _rendered(
        {
            "puzzles": puzzles,
            # In a student's workflow each has a job of its own.
            "puzzle": puzzles[0] if len(puzzles) == 1 else "${{ matrix.puzzle }}",
            "title": puzzles[0] if len(puzzles) == 1 else f"{len(puzzles)} puzzles",
            "edition": chosen.name,
            "max_version": chosen.max_version,
            "action": action,
            "repository": action.partition("@")[0],
            "reference": action.partition("@")[2],
        }
    )
    if len(puzzles) > 1:
        files = {path: data for path, data in files.items() if path.parts[0] != _OTHER_SYSTEMS}
    for puzzle in puzzles:
        skeleton = reference_kernel(puzzle, chosen.name, "skeleton.mojo")
        try:
            files[Path("student") / f"{puzzle}.mojo"] = skeleton.read_bytes()
        except OSError as error:
            raise GraderFault(
                f"there is no skeleton of {puzzle} for edition {chosen.name}: {error.strerror}",
                remedy="Choose another edition with --edition.",
            ) from error
    there = [path for path in sorted(files) if (folder / path).exists()]
    if there:
        raise UsageError(
            f"{folder / there[0]} is there already",
            remedy="Choose another folder; nothing was written.",
        )
    return tuple(_write(folder / path, data) for path, data in sorted(files.items()))


def _check_action(action: str) -> None:
    repository, at, reference = action.partition("@")
    plain = all(c.isascii() and (c.isalnum() or c in "-_./") for c in repository + reference)
    if not (at and reference and plain and repository.count("/") == 1):
        raise UsageError(
            f"--action {action!r} is not OWNER/REPOSITORY@TAG",
            remedy="Give the repository of the action with a tag or a commit: me/mojo-grade@v1.",
        )


def _rendered(values: dict[str, object]) -> dict[Path, bytes]:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    root = data_directory("templates") / "course"
    # Brackets of its own, because those of Jinja mean something in a workflow.
    environment = Environment(
        loader=FileSystemLoader(root),
        autoescape=False,  # noqa: S701 - none of these files is HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        variable_start_string="@[",
        variable_end_string="]@",
        block_start_string="@%",
        block_end_string="%@",
        comment_start_string="@#",
        comment_end_string="#@",
    )
    names = sorted(path for path in root.rglob(f"*{SUFFIX}") if path.is_file())
    return {
        _target(path.relative_to(root)): environment.get_template(str(path.relative_to(root)))
        .render(values)
        .encode("utf-8")
        for path in names
    }


def _target(template: Path) -> Path:
    """Where a template goes: without its suffix, ``dot-`` for a leading dot."""
    parts = [f".{p[4:]}" if p.startswith("dot-") else p for p in template.parts]
    return Path(*parts[:-1], parts[-1].removesuffix(SUFFIX))


def _write(path: Path, data: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        if data.startswith(b"#!"):
            path.chmod(0o755)
    except OSError as error:
        raise GraderFault(
            f"{path} could not be written: {error.strerror}",
            remedy="Make room, or choose another folder.",
        ) from error
    return path
