"""Where the driver libraries are that the worker loads."""

from __future__ import annotations

from pathlib import Path

from grader.errors import DeviceFault

DRIVER = "libcuda.so.1"
MANAGEMENT = "libnvidia-ml.so.1"
PTX_COMPILER = "libNVPTX.so"

LOAD_ORDER = (DRIVER, MANAGEMENT, PTX_COMPILER)
"""Each is loaded RTLD_GLOBAL, in this order, before ``import max``: the second needs the
first, and MAX finds a library that is loaded by its SONAME."""

_BUILT = Path(__file__).with_name("lib")


def library_directory(directory: Path | None = None) -> Path:
    """The folder that holds the built libraries.

    Args:
        directory: Look there and not in the package.

    Raises:
        DeviceFault: One is missing: the package was not built.
    """
    place = directory or _BUILT
    for name in LOAD_ORDER:
        if not (place / name).is_file():
            raise DeviceFault(
                f"the driver library {name} is missing from {place}",
                remedy="In a checkout, build it with: pip install -e .",
            )
    return place
