"""Whether a toolchain is what its edition says, by using it; which driver functions it looks up.

MAX finds the driver's functions by name (``dlsym``), so their names stand in its runtime library.
Not every such string is looked up: some only occur in its error messages. So a name that the
software device lacks is a hint for whoever adds an edition; the trial decides.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from grader.device import LOAD_ORDER, library_directory
from grader.errors import SandboxFault, ToolchainFault
from grader.folders import reference_kernel
from grader.puzzles import NAMES, find
from grader.sandbox import Scratch, Wanted, probe_once
from grader.toolchain import store
from grader.toolchain.edition import Edition
from grader.toolchain.packaging import package
from grader.toolchain.toolchain import Toolchain
from grader.toolchain.workspace import Workspace

RUNTIME = "libAsyncRTMojoBindings.so"
"""The library that opens the driver, in every release so far."""

_NAME = re.compile(
    rb"(?<=\0)(?:cu[A-Z][A-Za-z0-9]*(?:_v\d+)?|nvml[A-Z]\w*|nvPTXCompiler[A-Z]\w*)(?=\0)"
)


def driver_functions(toolchain: Toolchain) -> frozenset[str]:
    """Names of driver, NVML and PTX compiler functions in the release's runtime library.

    Raises:
        ToolchainFault: the library is not there.
    """
    return _names(toolchain.root / "lib" / RUNTIME)


def missing_driver_functions(toolchain: Toolchain) -> tuple[str, ...]:
    """The driver functions that the software device's libraries lack, in order.

    Raises:
        ToolchainFault: the release's runtime library is not there.
        DeviceFault: the libraries were not built.
    """
    folder = library_directory()
    exported = frozenset[str]().union(*(_names(folder / name) for name in LOAD_ORDER))
    return tuple(sorted(driver_functions(toolchain) - exported))


def _names(library: Path) -> frozenset[str]:
    try:
        data = library.read_bytes()
    except OSError as error:
        raise ToolchainFault(
            f"the library {library} can't be read: {error.strerror or error}",
            remedy="Install the toolchain again with --afresh. If the release has renamed the "
            "library, grader/toolchain/verify.py has to follow.",
        ) from error
    return frozenset(name.decode() for name in _NAME.findall(data))


_FACTS = (
    "import platform, sysconfig; from importlib.metadata import version;"
    "import max.driver, max.engine, max.graph;"
    "print(platform.python_version(), version('max'), sysconfig.get_path('purelib'), sep='\\n')"
)
_SECONDS = 300


def verify(edition: Edition, folder: Path) -> store.Manifest:
    """Ask for versions, import MAX, and package the edition's skeleton in the sandbox.

    Raises:
        ToolchainFault: one of them fails; says which.
        SandboxFault: a sandbox could not show the environment to what runs in it.
    """
    facts = _run(edition, [store.python(folder), "-I", "-c", _FACTS]).splitlines()
    python_version, max_version, site_packages = facts[-3:]
    if max_version != edition.max_version:
        raise _broken(edition, f"it holds max {max_version}, not {edition.max_version}")
    toolchain = Toolchain(
        edition=edition,
        python=store.python(folder),
        site_packages=Path(site_packages),
        root=Path(site_packages) / edition.root,
        max_version=max_version,
        mojo_version=edition.mojo_version,
        python_version=python_version,
    )
    said = _run(edition, [toolchain.mojo, "--version"], toolchain.environment())
    if edition.mojo_version not in said.split():
        raise _broken(
            edition, f"its compiler says {said.strip()[:80]!r}, not {edition.mojo_version}"
        )
    _package_skeleton(toolchain)
    return store.Manifest(
        edition=edition.name,
        max_version=max_version,
        mojo_version=edition.mojo_version,
        python_version=python_version,
        site_packages=os.path.relpath(site_packages, folder),
        size=_size(folder),
    )


def _package_skeleton(toolchain: Toolchain) -> None:
    edition = toolchain.edition
    for puzzle in NAMES:
        skeleton = reference_kernel(puzzle, edition.name, "skeleton.mojo")
        if skeleton.exists() and not find(puzzle).is_program:
            break
    else:
        raise ToolchainFault(
            f"the grader has no skeleton of an op for edition {edition.name}",
            remedy="Install the grader again: pip install mojo-grade",
        )
    source = skeleton.read_bytes()
    with Scratch() as scratch:
        workspace = Workspace(
            toolchain, scratch, isolation=probe_once(Wanted.AUTO).level, module=puzzle
        )
        workspace.install(source)
        try:
            packaged = package(workspace)
        except SandboxFault as fault:
            raise SandboxFault(
                f"a sandbox can't use the toolchain in {store.place()}: {fault.what}",
                remedy=f"{fault.remedy} {store.VARIABLE} names the folder of the toolchains.",
            ) from fault
    if not packaged.ok:
        raise _broken(edition, f"its skeleton does not package: {packaged.output.strip()[-300:]}")


def _run(edition: Edition, command: list[Path | str], more: dict[str, str] | None = None) -> str:
    """Standard output of a command, run with few variables and away from the user's files."""
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8"}
    environment["HOME"] = os.path.expanduser("~")
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            cwd="/",
            env={**environment, **(more or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _broken(edition, str(error)) from error
    if done.returncode != 0:
        tail = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise _broken(edition, f"{Path(command[0]).name} failed ({done.returncode}): {tail}")
    return done.stdout.decode("utf-8", "replace")


def _broken(edition: Edition, why: str) -> ToolchainFault:
    return ToolchainFault(
        f"MAX {edition.max_version} was installed but does not work here: {why}",
        remedy=f"Try again with: grade toolchain install {edition.name}. If it fails again, this "
        "machine or its Python can't run that release; use another edition.",
    )


def _size(folder: Path) -> int:
    """Bytes on disk of everything in a folder."""
    total = 0
    for where, _, files in os.walk(folder):
        for name in files:
            total += os.lstat(os.path.join(where, name)).st_blocks * 512
    return total
