"""Which paths an interpreter needs to run: its environment, its base, its standard library.

A virtual environment borrows its interpreter from elsewhere (pyenv, uv, the
distribution), often through several symbolic links; all of them must be there.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from grader.errors import SandboxFault, ToolchainFault

_ASK = "import json,sys; print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix]))"
_SYSTEM_PREFIXES = {
    Path("/usr"): ("/usr/bin", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    Path("/usr/local"): ("/usr/local/bin", "/usr/local/lib", "/usr/local/lib64"),
}


class PythonTree(msgspec.Struct, frozen=True, kw_only=True):
    """An interpreter and what it needs, as paths of this machine."""

    executable: Path
    """As it must be started: the link in the environment, not what it points to."""
    roots: tuple[Path, ...]
    """Files and directories that must be readable, none inside another."""
    import_path: tuple[Path, ...] = ()
    """Directories for PYTHONPATH: where packages lie that are outside of the roots."""


@functools.lru_cache(maxsize=32)
def python_tree(executable: Path) -> PythonTree:
    """Where ``executable`` lives. Another interpreter is asked: once per process, some 20 ms.

    Raises:
        ToolchainFault: it does not start.
    """
    executable = _absolute(executable)
    if executable == _absolute(Path(sys.executable)):
        own = [Path(text) for text in (sys.prefix, sys.base_prefix, sys.exec_prefix)]
        return PythonTree(executable=executable, roots=_roots(executable, own))
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=30,
            check=True,
        ).stdout
        prefixes = [Path(text) for text in json.loads(answer)]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise ToolchainFault(
            f"The Python interpreter {executable} does not start: {error}.",
            remedy="Run `grade doctor`, or delete the toolchain so that it is installed afresh.",
        ) from error
    return PythonTree(executable=executable, roots=_roots(executable, prefixes))


def own_tree(packages: Sequence[str]) -> PythonTree:
    """The interpreter of this process, with the named packages and nothing else of the project.

    A package from an editable install lies outside of the environment; it is
    added by itself, so that the repository around it stays invisible.
    """
    tree = python_tree(Path(sys.executable))
    roots, import_path = list(tree.roots), []
    for name in packages:
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SandboxFault(
                f"The package {name} can't be found.",
                remedy="Install the grader again; its environment is incomplete.",
            )
        for location in map(Path, spec.submodule_search_locations):
            if not any(location.is_relative_to(root) for root in tree.roots):
                roots.append(location)
                import_path.append(location.parent)
    return PythonTree(
        executable=tree.executable,
        roots=_outermost(roots),
        import_path=tuple(dict.fromkeys(import_path)),
    )


def _roots(executable: Path, prefixes: Sequence[Path]) -> tuple[Path, ...]:
    candidates: list[Path] = []
    for prefix in prefixes:
        for path in dict.fromkeys((prefix, prefix.resolve())):
            if path in _SYSTEM_PREFIXES:
                candidates += [Path(p) for p in _SYSTEM_PREFIXES[path] if os.path.isdir(p)]
            else:
                _refuse_too_wide(path)
                candidates.append(path)
    for hop in _link_hops(executable):
        if not any(hop.is_relative_to(root) for root in candidates):
            candidates.append(hop)
    return _outermost(candidates)


def _refuse_too_wide(path: Path) -> None:
    home = Path(os.path.expanduser("~"))
    if path == Path("/") or home.is_relative_to(path):
        raise SandboxFault(
            f"The environment {path} holds a home directory, which a sandbox must not show.",
            remedy="Use an interpreter from a directory of its own.",
        )


def _link_hops(executable: Path) -> list[Path]:
    """``executable`` and every file that its chain of symbolic links passes through."""
    hops = [executable]
    while hops[-1].is_symlink() and len(hops) < 40:
        target = hops[-1].parent / os.readlink(hops[-1])
        hops.append(Path(os.path.normpath(target)))
    return hops


def _outermost(paths: Sequence[Path]) -> tuple[Path, ...]:
    unique = list(dict.fromkeys(paths))
    return tuple(
        path
        for path in unique
        if not any(path != other and path.is_relative_to(other) for other in unique)
    )


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))
