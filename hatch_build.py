"""Build hook: compiles the driver libraries into ``grader/device/lib``.

The compiler is Zig's, which is a wheel, so that pip alone builds the package.
Linking against glibc 2.17 is what the manylinux_2_17 tag promises.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path("grader/device/driver")
TARGET = Path("grader/device/lib")
MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
FLAGS = ("-std=c99", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror")
SHARED_LIBRARY_FLAGS = ("-fPIC", "-shared", "-fvisibility=hidden", "-Wl,-z,defs")

DRIVER = "libcuda.so.1"
LIBRARIES: dict[str, tuple[str, ...]] = {
    DRIVER: (
        "channel.c",
        "device.c",
        "stream.c",
        "memory.c",
        "hostmem.c",
        "module.c",
        "errors.c",
        "unsupported.c",
    ),
    "libnvidia-ml.so.1": ("nvml.c",),
    "libNVPTX.so": ("nvptx.c",),
}
"""Library to its sources; a later one may use the driver."""


class DriverLibraries(BuildHookInterface[Any]):
    """Compiles before the files of a wheel are gathered."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling; ``version`` is "standard" or "editable"."""
        if self.target_name != "wheel":
            return
        machine = MACHINES.get(platform.machine())
        if machine is None or sys.platform != "linux":
            raise SystemExit(
                f"mojo-grade builds on Linux on x86_64 and aarch64, "
                f"not on {sys.platform} on {platform.machine()}"
            )
        compile_libraries(Path(self.root), machine)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-manylinux_2_17_{machine}"


def compile_libraries(root: Path, machine: str) -> None:
    """Compile all libraries of the package at ``root``.

    Args:
        root: The folder of pyproject.toml.
        machine: ``x86_64`` or ``aarch64``.
    """
    sources, target = root.resolve() / SOURCES, root.resolve() / TARGET
    target.mkdir(exist_ok=True)
    compiler = (sys.executable, "-m", "ziglang", "cc", "-target", f"{machine}-linux-gnu.2.17")
    with tempfile.TemporaryDirectory() as scratch:
        # The user's home need not be writable while pip builds.
        environment = {
            **os.environ,
            "ZIG_GLOBAL_CACHE_DIR": scratch,
            "ZIG_LOCAL_CACHE_DIR": scratch,
        }
        for name, files in LIBRARIES.items():
            inputs = [str(sources / file) for file in files]
            uses = ["-lpthread"] if name == DRIVER else [str(target / DRIVER)]
            made = Path(scratch) / name
            linking = (*SHARED_LIBRARY_FLAGS, f"-Wl,-soname,{name}", "-o", str(made))
            command = [*compiler, *FLAGS, *linking, *inputs, *uses]
            subprocess.run(command, check=True, cwd=scratch, env=environment)
            # Replaced whole: a running worker may have the old file mapped.
            staged = target / f".{name}.new"
            staged.write_bytes(made.read_bytes())
            staged.chmod(0o755)
            staged.replace(target / name)
