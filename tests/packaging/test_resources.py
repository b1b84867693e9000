"""The package's data is found in a checkout and in a wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader import folders
from grader.errors import GraderFault


@pytest.mark.parametrize("name", ["templates", "reference_kernels"])
def test_a_checkout_has_its_data_beside_the_package(name: str) -> None:
    assert any(folders.data_directory(name).iterdir())


def test_an_installed_package_s_own_data_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "grader"
    for place in (package / "_data" / "templates", tmp_path / "templates"):
        place.mkdir(parents=True)
    monkeypatch.setattr(folders, "_PACKAGE", package)
    assert folders.data_directory("templates") == package / "_data" / "templates"


def test_data_that_is_nowhere_is_a_fault_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_PACKAGE", tmp_path / "grader")
    with pytest.raises(GraderFault, match="templates is missing") as caught:
        folders.data_directory("templates")
    assert "pip install" in caught.value.remedy
