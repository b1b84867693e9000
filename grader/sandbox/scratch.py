"""The one directory that a submission may write to, and the user to whom it belongs.

The directory holds the packaged op, the compile cache and the submission's own files. It outlives
the processes of a submission (packaging leaves the op for the worker, a worker its compiled graph
for the next worker) and is deleted with it. Whatever lies in it was put there by untrusted code: it
is measured and deleted here. What `Scratch.read` takes out of it is only ever handed to untrusted
code.

A sandbox that root starts is still root outside of it: files that only root may read stay readable
where they are bound in. So a grader that runs as root gives each submission a user id that nobody
else has, and drops to it inside.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Self

from grader.errors import SandboxFault

# systemd's "unused" range of user ids: no account, container or service has one of these.
_PRIVATE_FIRST, _PRIVATE_COUNT = 0x7000_0000, 0x0F00_0000


def ordinary_uid() -> int | None:
    """A fresh user id to drop to, or None when this process is an ordinary user already.

    Inside a rootless container "root" may be the only id there is; it is an
    ordinary user of the machine then, and None is returned as well.
    """
    if os.geteuid() != 0:
        return None
    first, count = _mapped_range()
    if first <= _PRIVATE_FIRST and first + count > _PRIVATE_FIRST + 1:
        room = min(_PRIVATE_COUNT, first + count - _PRIVATE_FIRST)
        return _PRIVATE_FIRST + secrets.randbelow(room)
    # A container with the usual 65,536 ids: take one from the upper end, below nobody.
    low = max(first, 60_000, 1)
    room = min(first + count, 65_000) - low
    return low + secrets.randbelow(room) if room > 0 else None


def _mapped_range() -> tuple[int, int]:
    """The largest run of user ids that exist in this user namespace: first, count."""
    try:
        lines = Path("/proc/self/uid_map").read_text("utf-8").splitlines()
    except OSError:
        return 0, 65_536
    runs = [(int(first), int(count)) for first, _outside, count in (li.split() for li in lines)]
    return max(runs, key=lambda run: run[1], default=(0, 65_536))


_SUBDIRECTORIES = ("home", "tmp", "cache", "work")
_ENTRIES_MEASURED = 20_000
_ENTRY_COST = 4096
"""What an empty file or directory counts for, so that a million of them are a limit too."""


class Scratch:
    """A private directory of one submission, deleted with everything in it on exit.

    Args:
        parent: Where to make it; the system's temporary directory by default.

    Raises:
        SandboxFault: it can't be made.
    """

    def __init__(self, parent: Path | None = None) -> None:
        self._sealed = False
        self.uid = ordinary_uid()
        """The user it belongs to, and that its processes run as; None: the grader's own."""
        try:
            self._outer = Path(tempfile.mkdtemp(prefix="grade-", dir=parent))
            self.path = self._outer / "scratch"
            self.path.mkdir(mode=0o700)
            for name in _SUBDIRECTORIES:
                (self.path / name).mkdir(mode=0o700)
            if self.uid is not None:
                self._outer.chmod(0o711)
                for path in (self.path, *(self.path / name for name in _SUBDIRECTORIES)):
                    os.chown(path, self.uid, self.uid)
        except OSError as error:
            raise SandboxFault(
                f"No scratch directory can be made in {parent or tempfile.gettempdir()}:"
                f" {error.strerror}.",
                remedy="Set TMPDIR to a directory with a few gigabytes of room.",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()

    def directory(self, name: str) -> Path:
        """Make a directory in ``work``, with those above it; its path here.

        Like `install` only for before any process runs: afterwards the names
        in ``work`` are the submission's, and may be links to anywhere.
        """
        self._check_open()
        made = self.path / "work"
        for part in name.split("/"):
            made /= part
            if not made.exists():
                made.mkdir(mode=0o700)
                self._own(made)
        return made

    def install(self, name: str, data: bytes) -> Path:
        """Put a file of the grader's into ``work`` before any process runs; its path here.

        Args:
            name: A plain relative path such as ``op/answer.mojo``.

        Raises:
            SandboxFault: a process has run already.
        """
        self._check_open()
        target = self.path / "work" / name
        if target.parent != self.path / "work":
            self.directory(os.path.dirname(name))
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        self._own(target)
        return target

    def read(self, name: str, *, limit: int) -> bytes | None:
        """A regular file that the submission's processes have left; None where there is none.

        Follows no links, and reads ``limit`` bytes at most: a longer file counts as missing.
        """
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        *directories, last = name.split("/")
        try:
            here = os.open(self.path, flags | os.O_DIRECTORY)
            try:
                for directory in directories:
                    here = _step(here, directory, flags | os.O_DIRECTORY)
                file = os.open(last, flags, dir_fd=here)
            finally:
                os.close(here)
        except OSError:
            return None
        with open(file, "rb") as stream:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            data = stream.read(limit + 1)
        return data if len(data) <= limit else None

    def seal(self) -> None:
        """From now on nothing of the grader's goes in: a process of the submission has run."""
        self._sealed = True

    def _check_open(self) -> None:
        if self._sealed:
            raise SandboxFault(
                "The grader tried to write into a scratch directory after a submission had run.",
                remedy="This is a defect of the grader; please report it.",
            )

    def _own(self, path: Path) -> None:
        if self.uid is not None:
            os.chown(path, self.uid, self.uid)

    def used_bytes(self) -> int:
        """Disk space in use, roughly; files removed while it counts are left out.

        Counts no more than 20,000 entries: nothing honest has that many, and
        what it returns then is above any limit.
        """
        total, entries = 0, 0
        queue = [str(self.path)]
        while queue:
            directory = queue.pop()
            try:
                with os.scandir(directory) as listing:
                    for entry in listing:
                        entries += 1
                        if entries > _ENTRIES_MEASURED:
                            return 1 << 62
                        total += _ENTRY_COST
                        status = entry.stat(follow_symlinks=False)
                        total += status.st_blocks * 512
                        if stat.S_ISDIR(status.st_mode):
                            queue.append(entry.path)
            except OSError as error:
                if isinstance(error, (FileNotFoundError, NotADirectoryError)):
                    continue
                # Too deep to follow, or closed to us: nothing honest does that, and
                # to look past it would leave a place to hide in.
                return 1 << 62
        return total

    def remove(self) -> None:
        """Delete it all. Call it when no process of the submission is left. Never raises."""
        remove_tree(self._outer)


def remove_tree(root: Path) -> None:
    """Delete a hostile tree: any depth, any permissions, following nothing.

    Walks with one open descriptor and ``..``, so that neither recursion nor
    open files nor path lengths grow with the depth. Nothing runs any more that
    could move a directory away meanwhile.
    """
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        here = os.open(root, flags)
    except OSError:
        return
    levels = [("", _clear_files(here))]
    try:
        while True:
            name, subdirectories = levels[-1]
            if subdirectories:
                child = subdirectories.pop()
                os.chmod(child, 0o700, dir_fd=here)
                here = _step(here, child, flags)
                levels.append((child, _clear_files(here)))
            elif len(levels) > 1:
                levels.pop()
                here = _step(here, "..", flags)
                os.rmdir(name, dir_fd=here)
            else:
                break
        os.rmdir(root)
    except OSError:
        return  # what is left is for the system's cleaning of temporary files
    finally:
        os.close(here)


def _step(here: int, name: str, flags: int) -> int:
    there = os.open(name, flags, dir_fd=here)
    os.close(here)
    return there


def _clear_files(directory: int) -> list[str]:
    """Delete what is not a directory; the names of the directories that are left."""
    left = []
    for name in os.listdir(directory):
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            left.append(name)
        else:
            os.unlink(name, dir_fd=directory)
    return left
