"""What the wheel and the source archive hold, and that pip alone can build them."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from grader.device import LOAD_ORDER

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


def files(folder: str) -> set[str]:
    """The files below a folder of the checkout, without what Python and the build leave there."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_its_libraries_and_data_and_nothing_else(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    package = files("grader") - files("grader/device/driver") - files("grader/device/lib")
    libraries = {f"grader/device/lib/{name}" for name in LOAD_ORDER}
    folders = ("templates", "reference_kernels", "submissions")
    data = {f"grader/_data/{name}" for folder in folders for name in files(folder)}
    assert names == package | libraries | data


def test_the_wheel_brings_its_readme_and_licence(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    assert (ROOT / "README.md").read_text("utf-8") in archive.read(metadata).decode()
    assert archive.read(metadata.replace("METADATA", "licenses/LICENSE"))


def test_the_wheel_fits_any_python_and_any_linux_since_glibc_2_17(wheel: Path) -> None:
    assert "-py3-none-manylinux_2_17_" in wheel.name
