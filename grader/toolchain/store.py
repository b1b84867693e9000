"""Where toolchains are installed: one folder for each edition, shared by all runs of a user.

::

    ~/.cache/mojo-grade/toolchains/     or where GRADE_TOOLCHAINS points
        25.4/                           a virtual environment, complete and verified
            toolchain.json              what is in it; written last
        .25.4.lock                      held shared by runs, exclusively by installers
        .25.4.<random>/                 an installation under way, or what one left behind

A folder is only ever put in place by renaming a finished one, so what is
there is complete.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from grader.decoding import json_as
from grader.errors import ToolchainFault, UsageError
from grader.folders import user_folder
from grader.toolchain.edition import Edition, names

VARIABLE = "GRADE_TOOLCHAINS"
"""Names the folder, where the user's cache is not the place for gigabytes."""
MANIFEST = "toolchain.json"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What an installed environment is."""

    edition: str
    max_version: str
    mojo_version: str
    python_version: str
    site_packages: str
    """Relative to the environment."""
    size: int
    """Bytes on disk."""


def place() -> Path:
    """The folder that holds the toolchains; it may not exist yet.

    Raises:
        ToolchainFault: this user has no folder of their own, and none is named.
    """
    if chosen := os.environ.get(VARIABLE):
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    folder = user_folder("cache")
    if folder is None:
        raise ToolchainFault(
            "this user has no home directory, so there is no place for toolchains",
            remedy=f"Set HOME, or set {VARIABLE} to a folder in which you may write.",
        )
    return folder / "toolchains"


def environment(edition: Edition) -> Path:
    """Where the edition's environment is, or would be."""
    return place() / edition.name


def python(folder: Path) -> Path:
    """The interpreter of an environment."""
    return folder / "bin" / "python"


def installed(edition: Edition) -> Manifest | None:
    """What is installed for an edition; None where nothing usable is.

    An environment is unusable when its interpreter has gone (a Python that was
    updated or removed), or when it holds another MAX than the edition wants.
    """
    try:
        folder = environment(edition)
        manifest = json_as((folder / MANIFEST).read_bytes(), Manifest)
    except (OSError, msgspec.DecodeError, ToolchainFault):
        return None
    if manifest.max_version != edition.max_version or not python(folder).exists():
        return None
    return manifest


def has_folder(edition: Edition) -> bool:
    """Whether there is a folder for an edition, usable or not."""
    try:
        return environment(edition).exists()
    except ToolchainFault:
        return False


def remove(edition: Edition) -> bool:
    """Delete an edition's environment; returns whether there was one.

    Raises:
        UsageError: a run is using it.
        ToolchainFault: it can't be deleted.
    """
    if not has_folder(edition):
        return False
    with _faults("removed"), locked(edition, exclusive=True, wait=False) as free:
        if not free:
            raise UsageError(
                f"edition {edition.name} is in use by another run of grade",
                remedy="Try again when that run has ended.",
            )
        remove_unfinished(edition)
        shutil.rmtree(_aside(edition))
    return True


def replace(edition: Edition, finished: Path) -> None:
    """Put a finished environment in the place of an old one. The caller holds the lock."""
    if has_folder(edition):
        shutil.rmtree(_aside(edition))
    os.rename(finished, environment(edition))


def staging(edition: Edition) -> Path:
    """A fresh folder beside the place, to build in."""
    place().mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{edition.name}.", dir=place()))
    # Readable like any installed program: a submission may run as another user.
    made.chmod(0o755)
    return made


def remove_unfinished(edition: Edition) -> None:
    """Delete what installers that were killed have left. The caller holds the lock."""
    for folder in place().glob(f".{edition.name}.*"):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def locked(
    edition: Edition,
    *,
    exclusive: bool,
    wait: bool = True,
    waiting: Callable[[], None] = lambda: None,
) -> Iterator[bool]:
    """Hold an edition's lock. Yields whether it was free; with ``wait`` that is always True.

    Runs hold it shared for as long as they use the environment, so that nobody
    removes it under them. A folder in which one can't write needs no lock:
    nobody who shares it can change it either.
    """
    try:
        descriptor = os.open(
            place() / f".{edition.name}.lock", os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666
        )
    except OSError:
        if exclusive:
            raise
        yield True
        return
    try:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait:
                yield False
                return
            waiting()
            fcntl.flock(descriptor, kind)
        yield True
    finally:
        os.close(descriptor)


def _aside(edition: Edition) -> Path:
    """Rename an edition's environment out of the way, so that nobody finds half of it."""
    aside = staging(edition) / "old"
    os.rename(environment(edition), aside)
    return aside.parent


@contextlib.contextmanager
def _faults(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolchainFault(
            f"the toolchain can't be {what}: {error}",
            remedy=f"Look at the folder {place()}, or set {VARIABLE} to another one.",
        ) from error


def unknown_folders() -> list[str]:
    """Names of folders in the place that belong to no edition of this version."""
    try:
        found = sorted(entry.name for entry in place().iterdir() if entry.is_dir())
    except (OSError, ToolchainFault):
        return []
    return [name for name in found if not name.startswith(".") and name not in names()]
