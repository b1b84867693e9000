"""The trial of a fresh environment, made with the environment that the grader is in."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from grader.choices import DEFAULT_EDITION
from grader.errors import ToolchainFault
from grader.toolchain import verify as verifying
from grader.toolchain.edition import find
from grader.toolchain.verify import verify

HERE = Path(sys.prefix)
DEFAULT = find(DEFAULT_EDITION)


def test_an_environment_that_works_is_described() -> None:
    manifest = verify(DEFAULT, HERE)
    assert manifest.max_version == DEFAULT.max_version
    assert manifest.mojo_version == DEFAULT.mojo_version
    assert (HERE / manifest.site_packages / "max").is_dir()
    assert manifest.size > 100 << 20


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"max_version": "9.9.9"}, f"it holds max {DEFAULT.max_version}, not 9.9.9"),
        ({"mojo_version": "9.9.9"}, "its compiler says .*, not 9.9.9"),
        ({"root": "max"}, "bin/mojo"),
        ({"package": ("no-such-command",)}, "its skeleton does not package"),
    ],
)
def test_what_is_not_as_its_edition_says_is_not_put_in_place(
    change: dict[str, object], says: str
) -> None:
    with pytest.raises(ToolchainFault, match=says) as caught:
        verify(msgspec.structs.replace(DEFAULT, **change), HERE)
    assert f"grade toolchain install {DEFAULT_EDITION}" in caught.value.remedy


def test_an_environment_that_does_not_start_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_SECONDS", 20)
    with pytest.raises(ToolchainFault, match="does not work here"):
        verify(DEFAULT, tmp_path)
