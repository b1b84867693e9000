"""Which files make up an installed distribution and all that it requires: its own metadata says.

So a process can be shown a toolchain, wherever pip has put it, and nothing that merely lies
beside it: not the grader, not its data, no other package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from grader.errors import SandboxFault

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
