"""Which driver functions a MAX release may look up, beside those that the software device has.

MAX finds them by name (``dlsym``), so their names stand in its runtime library.
Not every such string is looked up: some only occur in its error messages. So a
name that is missing is a hint for whoever adds an edition; the trial decides.
"""

from __future__ import annotations

import re
from pathlib import Path

from grader.device import LOAD_ORDER, library_directory
from grader.errors import ToolchainFault
from grader.toolchain.toolchain import Toolchain

RUNTIME = "libAsyncRTMojoBindings.so"
"""The library that opens the driver, in every release so far."""

_NAME = re.compile(
    rb"(?<=\0)(?:cu[A-Z][A-Za-z0-9]*(?:_v\d+)?|nvml[A-Z]\w*|nvPTXCompiler[A-Z]\w*)(?=\0)"
)


def looked_up(toolchain: Toolchain) -> frozenset[str]:
    """Names of driver, NVML and PTX compiler functions in the release's runtime library.

    Raises:
        ToolchainFault: the library is not there.
    """
    return _names(toolchain.root / "lib" / RUNTIME)


def lacking(toolchain: Toolchain) -> tuple[str, ...]:
    """Those that none of the software device's libraries exports, in order. Raises as `looked_up`.

    Raises:
        DeviceFault: the libraries were not built.
    """
    folder = library_directory()
    exported = frozenset[str]().union(*(_names(folder / name) for name in LOAD_ORDER))
    return tuple(sorted(looked_up(toolchain) - exported))


def _names(library: Path) -> frozenset[str]:
    try:
        data = library.read_bytes()
    except OSError as error:
        raise ToolchainFault(
            f"the library {library} can't be read: {error.strerror or error}",
            remedy="Install the toolchain again with --afresh. If the release has renamed the "
            "library, grader/toolchain/symbols.py has to follow.",
        ) from error
    return frozenset(name.decode() for name in _NAME.findall(data))
