"""Find the MAX and Mojo that compile an edition.

The default edition is a dependency of this package, so it lies in the same
environment as the grader. Each other edition has an environment of its own
(`grader.toolchain.store`). The grader itself imports neither: it only needs to
know where they are.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader.choices import DEFAULT_EDITION
from grader.errors import ToolchainFault
from grader.toolchain import store
from grader.toolchain.edition import Edition

REINSTALL = "Install the grader again, in a fresh virtual environment: pip install mojo-grade"


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """An installed MAX with its Mojo compiler."""

    edition: Edition
    python: Path
    """Interpreter that can ``import max``."""
    site_packages: Path
    root: Path
    """The folder that holds ``bin/mojo`` and ``lib``."""
    max_version: str
    mojo_version: str
    python_version: str
    """Version of `python`."""
    distributions: tuple[str, ...] = ("max",)
    """What `python` must be able to import, with all that these require."""

    @property
    def mojo(self) -> Path:
        """The compiler's own program, without the Python wrapper (60 ms) in front of it."""
        return self.root / "bin" / "mojo"

    def environment(self, inside: Callable[[Path], str] = str) -> dict[str, str]:
        """The variables that the wrapper would set for ``mojo``; paths as a sandbox has them."""
        root = inside(self.root)
        return {
            "MODULAR_MAX_PACKAGE_ROOT": root,
            "MODULAR_MOJO_MAX_PACKAGE_ROOT": root,
            "MODULAR_MOJO_MAX_DRIVER_PATH": inside(self.mojo),
            "MODULAR_MOJO_MAX_IMPORT_PATH": inside(self.root / "lib" / "mojo"),
        }


def locate(edition: Edition) -> Toolchain:
    """The toolchain for an edition, beside the grader or in an environment of its own.

    Raises:
        ToolchainFault: it is not installed, not complete, or of another version.
    """
    if edition.name == DEFAULT_EDITION:
        return _beside(edition)
    manifest = store.installed(edition)
    if manifest is None:
        raise ToolchainFault(
            f"the toolchain of edition {edition.name} (MAX {edition.max_version}) is not installed",
            remedy=f"Install it, once: grade toolchain install {edition.name}",
        )
    folder = store.environment(edition)
    site_packages = folder / manifest.site_packages
    return Toolchain(
        edition=edition,
        python=store.python(folder),
        site_packages=site_packages,
        root=site_packages / edition.root,
        max_version=manifest.max_version,
        mojo_version=manifest.mojo_version,
        python_version=manifest.python_version,
    )


def is_installed(edition: Edition) -> bool:
    """Whether `locate` would find it."""
    try:
        locate(edition)
    except ToolchainFault:
        return False
    return True


def _beside(edition: Edition) -> Toolchain:
    """The default edition, in the grader's own environment."""
    spec = importlib.util.find_spec("mojo")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise ToolchainFault(
            f"the Mojo compiler for edition {edition.name} is not installed beside the grader",
            remedy=f"{REINSTALL} (it brings max=={edition.max_version}).",
        )
    site_packages = Path(places[0]).parent
    max_version = _version(site_packages, "max")
    mojo_version = _version(site_packages, "mojo_compiler")
    if max_version != edition.max_version:
        raise ToolchainFault(
            f"edition {edition.name} needs max {edition.max_version}, "
            f"but max {max_version} is installed beside the grader",
            remedy=f"pip install max=={edition.max_version}",
        )
    toolchain = Toolchain(
        edition=edition,
        python=Path(sys.executable),
        site_packages=site_packages,
        root=site_packages / edition.root,
        max_version=max_version,
        mojo_version=mojo_version,
        python_version=platform.python_version(),
    )
    if not toolchain.mojo.is_file():
        raise ToolchainFault(f"the compiler is missing: {toolchain.mojo}", remedy=REINSTALL)
    return toolchain


def _version(site_packages: Path, distribution: str) -> str:
    """Version of an installed distribution, from the name of its folder of metadata.

    `importlib.metadata` says the same, but takes 30 ms to import, which a
    student whose file does not compile would wait for.

    Raises:
        ToolchainFault: it is not installed there.
    """
    for folder in site_packages.glob(f"{distribution}-*.dist-info"):
        return folder.name.removeprefix(f"{distribution}-").removesuffix(".dist-info")
    raise ToolchainFault(f"{distribution} is not installed beside the grader", remedy=REINSTALL)
