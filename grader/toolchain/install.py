"""Install an edition's toolchain: an environment made with uv, verified, then put in place.

uv runs in the folder of the toolchains, never where a submission lies: it would take instructions
from a ``uv.toml`` there. It installs wheels only, so nothing is built from sources, and what is
installed depends on the edition's file alone.

Whoever uses a mirror or works behind a proxy's certificate has often told pip, and pip alone. So
what pip is told holds for uv too, unless uv has been told something itself.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from grader.choices import DEFAULT_EDITION, OFFLINE
from grader.errors import IndexUnreachable, ToolchainFault
from grader.toolchain import store
from grader.toolchain.edition import Edition
from grader.toolchain.toolchain import Toolchain, locate
from grader.toolchain.verify import verify

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


ROOM = 3 << 30
"""Bytes that must be free: 0.7 to 1.3 GB unpacked, and as much in uv's cache."""

# Of the caller's own environments; a toolchain's is another.
_NOT_OURS = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "UV_PYTHON", "UV_TARGET")
_UNREACHABLE = re.compile(
    r"dns error|error sending request|failed to (?:fetch|connect)|client error|connection|"
    r"timed out|tcp connect|certificate|network|offline|--offline",
    re.IGNORECASE,
)
_CAUSE = re.compile(r"^(?:caused by|cause): ", re.IGNORECASE)
_NO_SUCH = re.compile(r"no solution found|not found in the package registry", re.IGNORECASE)
_ASIDE = re.compile(r"^\s*(?:Using|Downloading|Downloaded|Prepared|Installed|Resolved|warning)\b")
_TOLD = re.compile(r"^\s*(?:Downloading|Downloaded|Prepared|Installed|Resolved)\b.{0,200}$")

Said = Callable[[str], None]
"""Hears what is going on, a short phrase at a time."""


def install(
    edition: Edition, *, said: Said = lambda phrase: None, afresh: bool = False
) -> Toolchain:
    """The edition's toolchain, installed if need be. Takes 10 s to minutes, mostly to download.

    Several processes may ask at once: one installs, the others wait for it.

    Args:
        edition: Which; the default one comes with the grader.
        said: Hears each step.
        afresh: Install again what is there already.

    Raises:
        IndexUnreachable: it can't be fetched.
        ToolchainFault: it does not fit on the disk, or does not work here.
        SandboxFault: it works, but a sandbox could not use it.
    """
    if edition.name == DEFAULT_EDITION or (not afresh and store.installed(edition)):
        return locate(edition)
    try:
        store.place().mkdir(parents=True, exist_ok=True)
        with store.locked(
            edition,
            exclusive=True,
            waiting=lambda: said("waiting for another run that uses or installs it"),
        ):
            if afresh or store.installed(edition) is None:
                _install(edition, said)
    except OSError as error:
        raise ToolchainFault(
            f"edition {edition.name} can't be installed in {store.place()}: "
            f"{error.strerror or error}",
            remedy=f"Set {store.VARIABLE} to a folder in which you may write.",
        ) from error
    return locate(edition)


def _install(edition: Edition, said: Said) -> None:
    store.remove_unfinished(edition)
    _check_room(edition)
    folder = store.staging(edition)
    try:
        said(_announcement(edition))
        _uv(
            edition, ["venv", "--no-project", "--python", sys.executable, str(folder / "env")], said
        )
        finished = folder / "env"
        packages = ["pip", "install", "--python", str(store.python(finished))]
        packages += ["--compile-bytecode", "--only-binary", ":all:", f"max=={edition.max_version}"]
        _uv(edition, packages, said)
        said("trying it out")
        manifest = verify(edition, finished)
        _write_manifest(finished, manifest)
        store.replace(edition, finished)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _announcement(edition: Edition) -> str:
    """What will be downloaded, before it is."""
    what = f"MAX {edition.max_version} for edition {edition.name}"
    if os.environ.get(OFFLINE):
        return f"looking for {what} among what was downloaded before"
    return (
        f"downloading {what}, once: {edition.download_mib} MiB where nothing is there yet, "
        f"into {store.place()}; --offline forbids it"
    )


def _write_manifest(finished: Path, manifest: store.Manifest) -> None:
    import msgspec

    (finished / store.MANIFEST).write_bytes(
        msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    )


def _check_room(edition: Edition) -> None:
    free = shutil.disk_usage(store.place()).free
    if free < ROOM:
        raise ToolchainFault(
            f"edition {edition.name} needs {ROOM >> 30} GiB to be installed, "
            f"but {store.place()} has {free >> 20} MiB free",
            remedy=f"Make room, for example with grade toolchain remove, or set {store.VARIABLE} "
            "to a folder on another disk.",
        )


def _uv(edition: Edition, arguments: list[str], said: Said) -> None:
    """Run uv and pass its steps on; its own words decide what is said when it fails."""
    from uv import find_uv_bin

    environment = {name: text for name, text in os.environ.items() if name not in _NOT_OURS}
    environment |= uv_variables(environment)
    if os.environ.get(OFFLINE):
        environment["UV_OFFLINE"] = "1"
    lines: list[str] = []
    with subprocess.Popen(
        [find_uv_bin(), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=store.place(),
        env=environment,
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                lines.append(line.rstrip())
                if _TOLD.match(line):
                    said(line.strip()[0].lower() + line.strip()[1:])
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise _failure(edition, "\n".join(lines))


def _failure(edition: Edition, output: str) -> ToolchainFault:
    """What uv's failure means to who asked for the edition."""
    text = [re.sub(r"^\W+", "", line).rstrip() for line in output.splitlines()]
    tail = " ".join(line for line in text if line and not _ASIDE.match(line))[-400:]
    if _NO_SUCH.search(output) and not _UNREACHABLE.search(output):
        return ToolchainFault(
            f"the package index has no MAX {edition.max_version} for this machine and "
            f"Python {sys.version_info.major}.{sys.version_info.minor}: {tail}",
            remedy="Check which index pip and uv use here (pip config list), or run the grader "
            "with another Python.",
        )
    if _UNREACHABLE.search(output):
        return IndexUnreachable(
            f"edition {edition.name} needs MAX {edition.max_version}, which is not installed, and "
            f"the package index can't be reached: {_cause(text)}",
            remedy=f"Prepare this machine while it has a network: grade toolchain install "
            f"{edition.name} (or --all, for every edition). Then grading needs none.",
        )
    return ToolchainFault(
        f"MAX {edition.max_version} for edition {edition.name} could not be installed: {tail}",
        remedy=f"See what uv says: grade toolchain install {edition.name}",
    )


def _cause(lines: Iterable[str]) -> str:
    """What uv was doing, and the innermost of the causes that it gives."""
    told = [line for line in lines if line and not _ASIDE.match(line)]
    if any("network was disabled" in line for line in told):
        return f"nothing may be downloaded (--offline, {OFFLINE} or UV_OFFLINE)"
    doing = next((line for line in told if line.startswith("error: ")), "")
    causes = [line for line in told if _CAUSE.match(line)]
    parts = [doing.removeprefix("error: "), _CAUSE.sub("", causes[-1]) if causes else ""]
    return ": ".join(part for part in parts if part)[:400]
