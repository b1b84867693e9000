"""Installing, sharing and removing environments, with a uv that installs nothing."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from grader.choices import DEFAULT_EDITION, OFFLINE
from grader.cli.installation import install as install_command
from grader.cli.root import root
from grader.errors import GradeError, ToolchainFault, UsageError
from grader.toolchain import edition as editions
from grader.toolchain import install as installing
from grader.toolchain import store
from grader.toolchain.toolchain import is_installed, locate
from tests.scripts import python_script

OLD = editions.find("25.4")
UV = """\
import os, pathlib, sys, time
log = pathlib.Path({log!r})
with log.open("a") as file:
    file.write(" ".join(sys.argv[1:]) + "\\t" + os.getcwd() + "\\n")
if sys.argv[1] == "venv":
    binaries = pathlib.Path(sys.argv[-1]) / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python").symlink_to({python!r})
else:
    print("Downloading max (282.5MiB)", file=sys.stderr, flush=True)
    time.sleep({seconds})
sys.stderr.write({error!r})
sys.exit({code})
"""


class FakeUv:
    """Stands in for uv; keeps what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "uv"
        self.log = folder / "log"
        self.log.touch()
        self.says()

    def says(self, error: str = "", code: int = 0, seconds: float = 0) -> None:
        python_script(
            self.path,
            UV.format(
                python=sys.executable, log=str(self.log), error=error, code=code, seconds=seconds
            ),
        )

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeUv:
    """An empty store, a fake uv, and no trial of what it made."""
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "toolchains"))
    fake = FakeUv(tmp_path)
    monkeypatch.setattr("uv.find_uv_bin", lambda: str(fake.path))
    monkeypatch.setattr(
        installing,
        "verify",
        lambda edition, folder: store.Manifest(
            edition=edition.name,
            max_version=edition.max_version,
            mojo_version=edition.mojo_version,
            python_version="3.12.1",
            site_packages="lib/site-packages",
            size=7 << 20,
        ),
    )
    return fake


def leavings() -> list[str]:
    return [path.name for path in store.place().iterdir() if path.is_dir() and path.name[0] == "."]


def test_an_edition_is_installed_once_and_found_again(uv: FakeUv) -> None:
    said: list[str] = []
    made = installing.install(OLD, said=said.append)
    assert made == locate(OLD) == installing.install(OLD)
    assert made.root == store.environment(OLD) / "lib/site-packages" / "max"
    assert made.python_version == "3.12.1"
    assert [call.split()[0] for call in uv.calls] == ["venv", "pip"]
    assert "downloading max (282.5MiB)" in said
    assert leavings() == []


@pytest.mark.parametrize("name", [name for name in editions.names() if name != DEFAULT_EDITION])
def test_what_will_be_downloaded_is_said_before_it_is(name: str, uv: FakeUv) -> None:
    asked_before: list[int] = []
    said: list[str] = []

    def say(phrase: str) -> None:
        asked_before.append(len(uv.calls))
        said.append(phrase)

    edition = editions.find(name)
    installing.install(edition, said=say)
    assert f"{edition.download_mib} MiB" in said[0]
    assert 100 < edition.download_mib < 1000
    assert asked_before[0] == 0


@pytest.mark.parametrize("offline", ["", "1"])
def test_offline_nothing_is_downloaded(
    offline: str, uv: FakeUv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFLINE, offline)
    monkeypatch.delenv("UV_OFFLINE", raising=False)
    started: list[str | None] = []

    def start(command: list[str], **more: Any) -> None:
        started.append(more["env"].get("UV_OFFLINE"))
        raise OSError("not started")

    monkeypatch.setattr("grader.toolchain.install.subprocess.Popen", start)
    said: list[str] = []
    with pytest.raises(ToolchainFault):
        installing.install(OLD, said=said.append)
    assert started == [offline or None]
    assert ("MiB" in said[0]) is not bool(offline)


@pytest.mark.parametrize("command", ["submit", "batch", "replay", "demo"])
def test_offline_is_an_option_wherever_something_may_be_fetched(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(OFFLINE, "")
    (option,) = [each for each in root.commands[command].params if each.name == "offline"]
    with click.Context(root.commands[command]) as context:
        option.handle_parse_result(context, {"offline": True}, [])
    assert os.environ[OFFLINE] == "1"


def test_only_wheels_of_the_editions_own_release_are_installed(uv: FakeUv) -> None:
    installing.install(OLD)
    arguments = uv.calls[1].split("\t")[0].split()
    assert arguments[-1] == f"max=={OLD.max_version}"
    assert "--only-binary" in arguments


def test_uv_never_runs_where_a_submission_may_have_left_instructions_for_it(
    uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    installing.install(OLD)
    assert {call.split("\t")[1] for call in uv.calls} == {str(store.place())}


def test_the_default_edition_is_not_installed(uv: FakeUv) -> None:
    installing.install(editions.find(DEFAULT_EDITION))
    assert uv.calls == []


def test_what_is_there_is_installed_again_where_that_is_asked(uv: FakeUv) -> None:
    installing.install(OLD)
    (store.environment(OLD) / "old").touch()
    installing.install(OLD, afresh=True)
    assert not (store.environment(OLD) / "old").exists()
    assert leavings() == []


@pytest.mark.parametrize(
    "damage", ["manifest", "interpreter", "other release", "nonsense", "nothing"]
)
def test_a_damaged_environment_is_installed_again(uv: FakeUv, damage: str) -> None:
    installing.install(OLD)
    folder = store.environment(OLD)
    manifest = folder / store.MANIFEST
    match damage:
        case "manifest":
            manifest.unlink()
        case "interpreter":
            store.python(folder).unlink()
        case "other release":
            manifest.write_bytes(manifest.read_bytes().replace(b"25.4.0", b"25.3.0"))
        case "nonsense":
            manifest.write_bytes(b"[")
    broken = damage != "nothing"
    assert is_installed(OLD) is not broken
    installing.install(OLD)
    assert is_installed(OLD)
    assert len(uv.calls) == (4 if broken else 2)


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (
            (
                "Using CPython\nerror: Failed to fetch: `https://x.example`\n"
                "  Caused by: client error (Connect)\n  Caused by: dns error\n"
            ),
            "can't be reached: Failed to fetch: `https://x.example`: dns error",
            "grade toolchain install 25.4 (or --all",
        ),
        ("error: No solution found: there is no version of max==25.4.0\n", "has no MAX", "index"),
        ("error: disk on fire\n", "disk on fire", "grade toolchain install 25.4"),
    ],
)
def test_why_it_could_not_be_installed_and_what_to_do(
    uv: FakeUv, error: str, what: str, remedy: str
) -> None:
    uv.says(error=error, code=1)
    with pytest.raises(ToolchainFault) as caught:
        installing.install(OLD)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert not is_installed(OLD)
    assert leavings() == []


def install_all() -> GradeError:
    with pytest.raises(GradeError) as caught:
        click.Context(install_command).invoke(install_command, everything=True)
    return caught.value


def test_of_all_editions_none_is_tried_after_one_that_no_index_answers_for(uv: FakeUv) -> None:
    uv.says(error="error: Failed to fetch: `https://x.example`\n  cause: dns error\n", code=1)
    error = install_all()
    assert len(uv.calls) == 1
    lacking = [name for name in editions.names() if name != DEFAULT_EDITION]
    assert error.what.endswith(
        f"https://x.example`: dns error. Not installed: {', '.join(lacking)}"
    )
    assert "--all" in error.remedy


def test_of_all_editions_those_are_installed_that_can_be(
    uv: FakeUv, capsys: pytest.CaptureFixture[str]
) -> None:
    installing.install(OLD)
    uv.says(error="error: no space for the wheel\n", code=1)
    error = install_all()
    names = [name for name in editions.names() if name not in ("25.4", DEFAULT_EDITION)]
    assert error.what == f"not installed: {', '.join(names)}"
    told = capsys.readouterr()
    assert "25.4: installed already" in told.out
    assert told.err.count("no space for the wheel") == len(names)


def test_an_environment_that_fails_its_trial_is_not_put_in_place(
    uv: FakeUv, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(edition: editions.Edition, folder: Path) -> store.Manifest:
        raise ToolchainFault("it does not work")

    monkeypatch.setattr(installing, "verify", broken)
    with pytest.raises(ToolchainFault, match="does not work"):
        installing.install(OLD)
    assert not store.has_folder(OLD)
    assert leavings() == []


def test_a_full_disk_is_seen_before_anything_is_fetched(
    uv: FakeUv, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installing, "ROOM", 1 << 60)
    with pytest.raises(ToolchainFault) as caught:
        installing.install(OLD)
    assert store.VARIABLE in caught.value.remedy
    assert uv.calls == []


def test_a_place_where_one_may_not_write_is_a_fault_with_a_remedy(
    uv: FakeUv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(store.VARIABLE, str(tmp_path / "file" / "toolchains"))
    with pytest.raises(ToolchainFault) as caught:
        installing.install(OLD)
    assert store.VARIABLE in caught.value.remedy


def test_what_a_killed_installer_left_is_deleted_by_the_next(uv: FakeUv) -> None:
    left = store.staging(OLD)
    (left / "env").mkdir()
    installing.install(OLD)
    assert not left.exists()


def _install(results: multiprocessing.Queue[str]) -> None:
    results.put(str(installing.install(OLD).root))


def test_installers_at_the_same_time_make_one_environment(uv: FakeUv) -> None:
    uv.says(seconds=0.3)
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[str] = context.Queue()
    processes = [context.Process(target=_install, args=(results,)) for _ in range(4)]
    for process in processes:
        process.start()
    roots = {results.get(timeout=30) for _ in processes}
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    assert len(roots) == 1
    assert len(uv.calls) == 2


def test_a_toolchain_in_use_is_not_removed(uv: FakeUv) -> None:
    installing.install(OLD)
    with store.locked(OLD, exclusive=False), pytest.raises(UsageError, match="in use"):
        store.remove(OLD)
    assert is_installed(OLD)
    assert store.remove(OLD)
    assert not store.has_folder(OLD)
    assert not store.remove(OLD)
    assert leavings() == []


def test_a_run_waits_for_nobody_in_a_place_that_it_may_only_read(
    uv: FakeUv, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> int:
        raise PermissionError

    installing.install(OLD)
    monkeypatch.setattr(os, "open", refuse)
    with store.locked(OLD, exclusive=False) as held:
        assert held


def test_folders_that_belong_to_no_edition_are_named(uv: FakeUv) -> None:
    (store.place() / "24.1").mkdir(parents=True)
    assert store.unknown_folders() == ["24.1"]


def test_the_place_is_the_users_cache_unless_a_variable_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(store.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert store.place() == tmp_path / "mojo-grade" / "toolchains"
    monkeypatch.setenv(store.VARIABLE, "~/x")
    assert store.place() == Path.home() / "x"


def test_a_manifest_is_a_document_that_can_be_read_again(uv: FakeUv) -> None:
    installing.install(OLD)
    document = (store.environment(OLD) / store.MANIFEST).read_bytes()
    assert msgspec.json.decode(document, type=store.Manifest) == store.installed(OLD)


def test_the_commands_say_what_they_did(uv: FakeUv, tmp_path: Path) -> None:
    """The whole command line, but for a network."""

    def grade(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from grader.cli import main; main()", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    installing.install(OLD)
    listed = grade("toolchain", "list").stdout
    assert "25.4.0  25.4.0    installed, 7 MiB, Python 3.12.1" in listed
    assert "the default; comes with the grader" in listed
    assert grade("toolchain", "path").stdout.strip() == str(store.place())
    assert grade("toolchain", "path", "25.4").stdout.strip() == str(locate(OLD).mojo)
    assert grade("toolchain", "install", "25.4").stdout == "25.4: installed already\n"
    assert grade("toolchain", "remove", "25.4").stdout == "25.4: removed\n"
    assert grade("toolchain", "remove", "25.4").stdout == "25.4: was not installed\n"
    missing = grade("toolchain", "path", "25.4")
    assert missing.returncode == 4
    assert "grade toolchain install 25.4" in missing.stderr
    for wrong in (("install",), ("remove",), ("install", "--all", "25.4"), ("remove", "26.5")):
        assert grade("toolchain", *wrong).returncode == 2
