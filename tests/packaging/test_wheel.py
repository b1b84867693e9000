"""What the wheel and the source archive hold, and that pip alone can build them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.device.libraries import LOAD_ORDER

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--quiet", "--no-deps", "--wheel-dir", str(folder)]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(ROOT)]
    subprocess.run(command, check=True, timeout=300)
    (made,) = folder.glob("*.whl")
    return made


def test_the_wheel_holds_libraries_and_data_and_no_c_sources(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {f"grader/device/lib/{name}" for name in LOAD_ORDER} <= set(names)
    for folder in ("templates", "reference_kernels/conv1d"):
        assert any(name.startswith(f"grader/_data/{folder}/") for name in names)
    assert not [name for name in names if name.endswith((".c", ".h", ".def"))]


def test_the_wheel_fits_any_python_and_any_linux_since_glibc_2_17(wheel: Path) -> None:
    assert "-py3-none-manylinux_2_17_" in wheel.name
