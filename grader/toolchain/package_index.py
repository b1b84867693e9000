"""Pip's configuration, for uv.

Toolchains are installed with uv. Whoever uses a mirror or works behind a
proxy's certificate has often told pip, and pip alone. So what pip is told
holds here too, unless uv has been told something itself.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_OPTIONS = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}
"""pip's option, and the variable by which uv knows it."""
_OWN = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
"""Where one of these is set, uv has been told where to look."""


def uv_variables(
    environment: Mapping[str, str], files: tuple[Path, ...] | None = None
) -> dict[str, str]:
    """What to add to ``environment`` so that uv looks where pip would.

    Args:
        environment: The variables of this process.
        files: pip's configuration files, weakest first; by default those of this machine.
    """
    told = _from_files(config_files(environment) if files is None else files)
    told |= {
        option: value
        for option in _OPTIONS
        if (value := environment.get("PIP_" + option.replace("-", "_").upper()))
    }
    if any(environment.get(name) for name in _OWN):
        told = {option: value for option, value in told.items() if option == "cert"}
    added = {
        _OPTIONS[option]: _spelling(option, value)
        for option, value in told.items()
        if not environment.get(_OPTIONS[option])
    }
    if "UV_INDEX" in added and not environment.get("UV_INDEX_STRATEGY"):
        # Pip takes the best version that any of its indexes has.
        added["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return added


def config_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Pip's configuration files, weakest first."""
    if (only := environment.get("PIP_CONFIG_FILE")) == os.devnull:
        return ()
    home = Path(os.path.expanduser("~"))
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    system = [Path("/etc/xdg/pip/pip.conf"), Path("/etc/pip.conf")]
    files = [*system, home / ".pip" / "pip.conf", config / "pip" / "pip.conf"]
    files.append(Path(sys.prefix) / "pip.conf")
    return (*files, Path(only)) if only else tuple(files)


def _from_files(files: tuple[Path, ...]) -> dict[str, str]:
    told: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                options = {name.replace("_", "-"): text for name, text in parser.items(section)}
                told |= {name: text for name, text in options.items() if name in _OPTIONS and text}
    return told


def _spelling(option: str, value: str) -> str:
    """Pip separates with white space; uv lists of links with commas."""
    return ",".join(value.split()) if option == "find-links" else " ".join(value.split())
