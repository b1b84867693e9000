"""An interpreter, and exactly what a process needs to run it: standard library and packages.

Not the environment that it was installed in: that holds whatever else is installed there, the
grader among it. The interpreter is the one below the environment (pyenv's, uv's, the Linux
distribution's), with its standard library; of packages only those that are named, with all that
their own metadata say they require, wherever they lie: an environment, a user's site, a folder on
PYTHONPATH, the system's folders. So a process can be shown a toolchain, wherever pip has put it,
and nothing that merely lies beside it: not the grader, not its data, no other package.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader.decoding import json_as
from grader.errors import SandboxFault, ToolchainFault
from grader.sandbox import interpreter
from grader.sandbox.scratch import remove_tree

if TYPE_CHECKING:
    from importlib.metadata import Distribution


_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([^'\"]*)['\"]")
_NOT_CODE = (".dist-info", ".egg-info", ".pth", ".data")


class PackagePart(msgspec.Struct, frozen=True):
    """A file or folder that can be imported."""

    source: Path
    name: str
    """Any name for the folder that it is imported from, and its path there: ``0/numpy``."""


def parts(distributions: Iterable[str], path: Sequence[str]) -> tuple[PackagePart, ...]:
    """The importable parts of the distributions and of everything that they require.

    What lies in one folder stays in one folder: libraries find each other by relative paths.

    Args:
        path: The folders to look in, first come first served: a ``sys.path``.

    Raises:
        SandboxFault: one of them is not installed there. (A requirement that is missing is not
            looked into: it may be one for another platform.)
    """
    folders: dict[str, int] = {}
    found: dict[str, PackagePart] = {}
    for distribution in _closure(distributions, path):
        folder = str(distribution.locate_file(""))
        number = folders.setdefault(folder, len(folders))
        for top in _tops(distribution):
            source = Path(folder, top)
            if source.exists():
                found.setdefault(f"{number}/{top}", PackagePart(source, f"{number}/{top}"))
    return tuple(found.values())


def _closure(names: Iterable[str], path: Sequence[str]) -> Iterator[Distribution]:
    """Each distribution once, those asked for first."""
    queue = [(name, frozenset[str](), True) for name in names]
    seen: dict[str, frozenset[str]] = {}
    while queue:
        name, extras, asked_for = queue.pop(0)
        key = re.sub(r"[-_.]+", "-", name).lower()
        if extras <= seen.get(key, frozenset()) and key in seen:
            continue
        distribution = _find(name, path)
        if distribution is None:
            if asked_for:
                raise SandboxFault(
                    f"The distribution {name} is not installed, or its metadata are missing.",
                    remedy="Install the grader again, in a fresh virtual environment.",
                )
            continue
        if key not in seen:
            yield distribution
        seen[key] = extras | seen.get(key, frozenset())
        queue += _requirements(distribution, extras)


def _find(name: str, path: Sequence[str]) -> Distribution | None:
    # Late: it takes some 20 ms, which nobody else needs to wait for.
    from importlib.metadata import DistributionFinder, MetadataPathFinder

    context = DistributionFinder.Context(name=name, path=list(path))
    return next(iter(MetadataPathFinder.find_distributions(context)), None)


def _requirements(
    distribution: Distribution, extras: frozenset[str]
) -> Iterator[tuple[str, frozenset[str], bool]]:
    """Names with the extras asked for. Of the markers only those for extras are looked at."""
    for line in distribution.requires or ():
        requirement, _, marker = line.partition(";")
        for_extras = set(_EXTRA.findall(marker))
        if (not for_extras or for_extras & extras) and (match := _REQUIREMENT.match(requirement)):
            more = frozenset(
                extra.strip() for extra in (match[2] or "").split(",") if extra.strip()
            )
            yield match[1], more, False


def _tops(distribution: Distribution) -> list[str]:
    """The names directly below the folder of packages that a distribution has put there.

    A Linux distribution's packages leave out the list of files; then the list of modules
    counts, or else the name.
    """
    record = distribution.read_text("RECORD") or ""
    tops = {line.lstrip('"').split(",", 1)[0].split("/", 1)[0] for line in record.splitlines()}
    if not tops:
        listed = (distribution.read_text("top_level.txt") or "").split()
        modules = listed or [re.sub(r"[-.]+", "_", distribution.metadata["Name"])]
        tops = {top for module in modules for top in _spellings(distribution, module)}
    return sorted(
        top for top in tops if top not in ("", "..", "__pycache__") and not top.endswith(_NOT_CODE)
    )


def _spellings(distribution: Distribution, module: str) -> Iterator[str]:
    """What a module's file may be called: a folder, a source file, or a compiled one."""
    yield module
    folder = Path(str(distribution.locate_file("")))
    for pattern in (f"{module}.py", f"{module}.*.so", f"{module}.libs"):
        yield from (found.name for found in folder.glob(pattern))


_LIBRARIES = ("lib", "lib64")
_OF_PACKAGES = ("site-packages", "dist-packages")


class PythonTree(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter and what it needs, as paths of this machine."""

    executable: Path
    """The interpreter itself, not an environment's link to it."""
    roots: tuple[Path, ...]
    """Files and directories that must be readable, none inside another."""
    library: tuple[Path, ...]
    """The directories of the standard library."""
    subdirectory: str
    """Where the standard library lies below the interpreter's prefix: ``lib/python3.11``."""
    packages: tuple[PackagePart, ...] = ()
    """What can be imported besides the standard library."""
    places: tuple[Path, ...] = ()
    """Where the interpreter by itself looks for modules, the standard library's among them."""

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders that the packages are imported from, in order."""
        return tuple(dict.fromkeys(part.name.partition("/")[0] for part in self.packages))

    def hidden(self, shown: Sequence[Path]) -> tuple[Path, ...]:
        """Directories of packages inside ``shown``: what else is installed for this machine."""
        library = {os.path.realpath(path) for path in self.library}
        library |= {os.path.join(path, "lib-dynload") for path in library}
        found: list[Path] = []
        for root in shown:
            real = os.path.realpath(root)
            for name in _OF_PACKAGES:
                found += [*root.glob(name), *root.glob(f"*/{name}")]
            for place in (os.path.realpath(path) for path in self.places):
                needed = any(path == place or path.startswith(place + os.sep) for path in library)
                if place.startswith(real + os.sep) and not needed:
                    found.append(root / os.path.relpath(place, real))
        return _outermost([path for path in found if path.is_dir() and not path.is_symlink()])


def python_tree(
    executable: Path, *, distributions: Sequence[str] = (), more: tuple[PackagePart, ...] = ()
) -> PythonTree:
    """What ``executable`` needs. Another interpreter is asked: once per process, some 20 ms.

    Args:
        executable: The interpreter, or an environment's.
        distributions: What it must be able to import, with all that this requires.
        more: Other parts of the same kind.

    Raises:
        ToolchainFault: it does not start.
        SandboxFault: a distribution is not installed for it, or it can't be shown by itself.
    """
    return _python_tree(Path(os.path.abspath(executable)), tuple(distributions), more, *sys.path)


@functools.lru_cache(maxsize=32)
def _python_tree(
    executable: Path, distributions: tuple[str, ...], more: tuple[PackagePart, ...], *_path: str
) -> PythonTree:
    facts = _facts(executable)
    path = [entry or os.curdir for entry in facts["path"]]
    library = tuple(dict.fromkeys(Path(entry) for entry in facts["library"]))
    base = Path(facts["executable"][0])
    roots = [base, *library]
    for prefix in facts["prefixes"]:
        roots += [place for name in _LIBRARIES if (place := Path(prefix, name)).is_dir()]
    for root in roots:
        _refuse_too_wide(root)
    return PythonTree(
        executable=base,
        roots=_outermost(roots),
        library=library,
        subdirectory=facts["subdirectory"][0],
        packages=(*more, *parts(distributions, path)),
        places=tuple(map(Path, path)),
    )


def _facts(executable: Path) -> dict[str, list[str]]:
    if executable == Path(os.path.abspath(sys.executable)):
        return interpreter.facts()
    try:
        answer = subprocess.run(
            [executable, "-I", interpreter.__file__],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        ).stdout
        return json_as(answer, dict[str, list[str]])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError) as error:
        raise ToolchainFault(
            f"The Python interpreter {executable} does not start: {error}.",
            remedy="Run `grade doctor`, or delete the toolchain so that it is installed afresh.",
        ) from error


def _refuse_too_wide(path: Path) -> None:
    home = Path(os.path.expanduser("~"))
    if path == Path("/") or home.is_relative_to(path):
        raise SandboxFault(
            f"The interpreter needs {path}, which holds a home directory: a sandbox must not"
            " show that.",
            remedy="Use an interpreter from a directory of its own.",
        )


def _outermost(paths: Sequence[Path]) -> tuple[Path, ...]:
    unique = list(dict.fromkeys(paths))
    return tuple(
        path
        for path in unique
        if not any(path != other and path.is_relative_to(other) for other in unique)
    )


class Links:
    """The folders for one interpreter; they go with this object, or when the grader ends."""

    def __init__(self, tree: PythonTree, hidden: Sequence[Path]) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="grade-python-"))
        weakref.finalize(self, remove_tree, self.path)
        # A submission may run as another user.
        self.path.chmod(0o755)
        library = self.path / tree.subdirectory
        library.mkdir(parents=True, mode=0o755)
        for directory in tree.library:
            for entry in os.scandir(directory):
                if directory / entry.name not in hidden:
                    _link(Path(entry.path), library / entry.name)
        packages = self.path / "packages"
        for part in tree.packages:
            (packages / part.name).parent.mkdir(parents=True, exist_ok=True, mode=0o755)
            _link(part.source, packages / part.name)
        self.variables = {
            "PYTHONHOME": str(self.path),
            "PYTHONPATH": os.pathsep.join(str(packages / name) for name in tree.folders),
        }
        """Where an interpreter finds them."""


@functools.lru_cache(maxsize=8)
def links(tree: PythonTree, hidden: tuple[Path, ...]) -> Links:
    """The folders for an interpreter, made once per process."""
    return Links(tree, hidden)


def _link(target: Path, link: Path) -> None:
    if not os.path.lexists(link):
        link.symlink_to(os.path.abspath(target))
