"""What pip is told holds for uv, unless uv is told something itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.toolchain.install import config_files, uv_variables

INDEX = "https://mirror.example/simple"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "pip.conf"


@pytest.mark.parametrize(
    ("option", "value", "variable", "spelling"),
    [
        ("index-url", INDEX, "UV_DEFAULT_INDEX", INDEX),
        ("index_url", INDEX, "UV_DEFAULT_INDEX", INDEX),
        ("extra-index-url", f"{INDEX}\n  {INDEX}2", "UV_INDEX", f"{INDEX} {INDEX}2"),
        ("find-links", "/a\n  /b", "UV_FIND_LINKS", "/a,/b"),
        ("no-index", "true", "UV_NO_INDEX", "true"),
        ("cert", "/etc/ca.pem", "SSL_CERT_FILE", "/etc/ca.pem"),
        ("trusted-host", "mirror.example", "UV_INSECURE_HOST", "mirror.example"),
    ],
)
def test_options_of_pips_file_are_spelt_for_uv(
    config: Path, option: str, value: str, variable: str, spelling: str
) -> None:
    config.write_text(f"[global]\n{option} = {value}\n")
    assert uv_variables({}, (config,))[variable] == spelling


def test_a_variable_of_pips_is_stronger_than_its_files(config: Path) -> None:
    config.write_text(f"[global]\nindex-url = {INDEX}\n")
    assert uv_variables({"PIP_INDEX_URL": "https://x.example"}, (config,)) == {
        "UV_DEFAULT_INDEX": "https://x.example"
    }


def test_what_uv_is_told_is_not_touched(config: Path) -> None:
    config.write_text(f"[global]\nindex-url = {INDEX}\nextra-index-url = {INDEX}\ncert = /c\n")
    assert uv_variables({"UV_INDEX_URL": "https://x.example"}, (config,)) == {"SSL_CERT_FILE": "/c"}


def test_several_indexes_are_searched_as_pip_does(config: Path) -> None:
    config.write_text(f"[global]\nextra-index-url = {INDEX}\n")
    assert uv_variables({}, (config,))["UV_INDEX_STRATEGY"] == "unsafe-best-match"


def test_the_last_file_is_the_strongest(tmp_path: Path) -> None:
    weak, strong = tmp_path / "weak", tmp_path / "strong"
    weak.write_text("[global]\nindex-url = https://weak.example\n")
    strong.write_text("[install]\nindex-url = https://strong.example\n")
    assert uv_variables({}, (weak, strong)) == {"UV_DEFAULT_INDEX": "https://strong.example"}


def test_pips_file_can_be_named_or_switched_off() -> None:
    assert config_files({"PIP_CONFIG_FILE": "/x/pip.conf"})[-1] == Path("/x/pip.conf")
    assert config_files({"PIP_CONFIG_FILE": "/dev/null"}) == ()


@given(content=st.binary(max_size=300))
def test_a_file_that_is_no_configuration_is_left_out(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    file = tmp_path_factory.mktemp("pip") / "pip.conf"
    file.write_bytes(content)
    uv_variables({}, (file,))
