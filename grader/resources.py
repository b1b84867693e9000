"""Where the package's data folders lie, installed or in a checkout."""

from __future__ import annotations

from pathlib import Path

from grader.errors import GraderFault

_PACKAGE = Path(__file__).parent


def data_directory(name: str) -> Path:
    """The folder ``name``: ``templates``, ``reference_kernels`` or ``submissions``.

    In a wheel it lies in the package's ``_data``; in a checkout (or an editable
    install of one) beside the package.

    Raises:
        GraderFault: It is in neither place.
    """
    for place in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise GraderFault(
        f"the data folder {name} is missing beside {_PACKAGE}",
        remedy="The installation is incomplete; install again with: pip install mojo-grade",
    )


def reference_kernel(puzzle: str, edition: str, name: str) -> Path:
    """A reference file of an edition: ``skeleton.mojo``, ``right.mojo`` or ``whole_domain.mojo``.

    Raises:
        GraderFault: the folder of the reference kernels is missing.
    """
    return data_directory("reference_kernels") / puzzle / edition / name
