"""Names of driver functions in a release's runtime library, beside those of the device."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import ToolchainFault
from grader.toolchain import edition
from grader.toolchain.toolchain import Toolchain, locate
from grader.toolchain.verify import RUNTIME, driver_functions, missing_driver_functions


def toolchain(folder: Path, library: bytes) -> Toolchain:
    (folder / "lib").mkdir(exist_ok=True)
    (folder / "lib" / RUNTIME).write_bytes(library)
    return Toolchain(
        edition=edition.find("auto"),
        python=folder / "python",
        site_packages=folder,
        root=folder,
        max_version="",
        mojo_version="",
        python_version="",
    )


def test_whole_strings_that_name_a_function_are_found(tmp_path: Path) -> None:
    library = b"\0cuInit\0cuMemAlloc_v2\0nvmlInit_v2\0nvPTXCompilerCreate\0"
    library += b"not cuInit2\0custom\0cuda\0cuNo-thing\0"
    assert driver_functions(toolchain(tmp_path, library)) == {
        "cuInit",
        "cuMemAlloc_v2",
        "nvmlInit_v2",
        "nvPTXCompilerCreate",
    }


def test_what_the_device_lacks_is_named(tmp_path: Path) -> None:
    library = b"\0cuInit\0cuBrandNewCall_v9\0nvmlInit_v2\0"
    assert missing_driver_functions(toolchain(tmp_path, library)) == ("cuBrandNewCall_v9",)


def test_every_function_that_the_default_edition_is_known_to_call_is_there() -> None:
    found = locate(edition.find("auto"))
    assert {"cuInit", "cuLaunchKernelEx", "nvmlInit_v2"} <= driver_functions(found)
    assert not {"cuInit", "cuLaunchKernelEx", "nvmlInit_v2"} & set(missing_driver_functions(found))


def test_a_release_without_that_library_is_told_to_whoever_adds_it(tmp_path: Path) -> None:
    with pytest.raises(ToolchainFault, match=RUNTIME):
        driver_functions(
            Toolchain(
                edition=edition.find("auto"),
                python=tmp_path,
                site_packages=tmp_path,
                root=tmp_path,
                max_version="",
                mojo_version="",
                python_version="",
            )
        )


@given(library=st.binary(max_size=200))
def test_any_bytes_have_names_or_none(
    tmp_path_factory: pytest.TempPathFactory, library: bytes
) -> None:
    for name in driver_functions(toolchain(tmp_path_factory.mktemp("max"), library)):
        assert name.isascii()
