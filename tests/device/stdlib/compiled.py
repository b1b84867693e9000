"""The probes' kernels as the Mojo compiler makes them, and one launch of each."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from grader.toolchain import edition as editions
from grader.toolchain.toolchain import locate

HERE = Path(__file__).parent
_KERNEL = re.compile(r"^def k_(\w+)\(", re.MULTILINE)
_IMPORT = "from max.gpu.host.compile import _compile_code, get_gpu_target\n"


def modules() -> list[str]:
    """The names of the probes."""
    return sorted(path.stem for path in HERE.glob("*.mojo"))


def kernels(module: str) -> list[str]:
    """The names of a probe's kernels."""
    return _KERNEL.findall((HERE / f"{module}.mojo").read_text())


@cache
def compiled(module: str) -> dict[str, str]:
    """The PTX of each kernel of a probe, all from one compile."""
    names = kernels(module)
    lines = [_IMPORT, (HERE / f"{module}.mojo").read_text(), "", "def main():"]
    lines.append('    comptime TARGET = get_gpu_target["sm_80"]()')
    for name in names:
        lines.append(f'    print("=== {name}")')
        lines.append(f"    print(_compile_code[k_{name}, target=TARGET]().asm)")
    toolchain = locate(editions.find("auto"))
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "probe.mojo"), Path(folder, "probe")
        source.write_text("\n".join(lines) + "\n")
        built = subprocess.run(
            [toolchain.mojo, "build", source, "-o", program],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **toolchain.environment(), "HOME": folder},
        )
        errors = [line for line in built.stderr.splitlines() if "error:" in line]
        assert built.returncode == 0, errors
        text = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    parts = re.split(r"^=== (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
