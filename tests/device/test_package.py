"""The device as a package: what it needs, what it exports, and what docs/device.md says of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import grader
from grader import device
from grader.device.checks import all_checks
from tests.device.kernels import kernel_text

ROOT = Path(grader.__file__).parent
DOCUMENT = (ROOT.parent / "docs/device.md").read_text("utf-8")

LAUNCH = """
import sys

sys.path.insert(0, {folder!r})
import grader.device
assert "numpy" not in sys.modules, "whoever only reads evidence pays for NumPy"
assert "grader.device.simt" not in sys.modules

from grader.device.memory import GlobalMemory
from grader.device.ptx import parse
from grader.device.simt import launch, load

memory = GlobalMemory(1 << 20)
module = load(parse(sys.stdin.read()), memory, number=1)
out = memory.allocate(4 * 32)
done = launch(module, "k", grid=(1, 1, 1), block=(32, 1, 1), dynamic_shared_bytes=0,
              params=[out.to_bytes(8, "little")], memory=memory, index=1)
assert isinstance(done, grader.device.Launch)
assert (done.result, done.findings) == (0, ()), done
for module in list(sys.modules.values()):
    if module.__name__.partition(".")[0] == "grader":
        assert (module.__file__ or "").startswith({folder!r}), module
sys.stdout.write(memory.read(out, 4 * 32).hex())
"""


def test_a_kernel_runs_with_the_device_and_the_errors_alone(tmp_path: Path) -> None:
    package = tmp_path / "grader"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(ROOT / "errors.py", package)
    shutil.copytree(ROOT / "device", package / "device", ignore=shutil.ignore_patterns("*.pyc"))
    done = subprocess.run(
        [sys.executable, "-P", "-c", LAUNCH.format(folder=str(tmp_path))],
        input=kernel_text("st.global.u32 [%o], %g;"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    values = np.frombuffer(bytes.fromhex(done.stdout), dtype=np.uint32)
    np.testing.assert_array_equal(values, np.arange(32))


def test_the_document_says_of_each_export_what_it_is() -> None:
    table = DOCUMENT.partition("## The package")[2].partition("\n## ")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(told) == sorted(device.__all__)


def test_the_document_lists_the_checks() -> None:
    table = DOCUMENT.partition("## Checks")[2].partition("\n## ")[0]
    told = [row.split("`")[1] for row in table.splitlines() if row.startswith("| `")]
    assert told == [check.name for check in all_checks()]


def test_every_export_is_there_and_says_what_it_is() -> None:
    for name in device.__all__:
        value = getattr(device, name)
        if callable(value) and getattr(value, "__module__", "").startswith("grader."):
            assert value.__doc__, name
