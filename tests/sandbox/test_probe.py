"""What `grade doctor` learns about a machine, also about one that we do not have here."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from grader.errors import SandboxFault
from grader.sandbox import Isolation, Wanted, bwrap, probe
from grader.sandbox import bwrap as remedies

# The package has a function of this name.
MODULE = importlib.import_module("grader.sandbox.isolation_probe")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> dict[Isolation, str]:
    """Why each level fails on a pretended machine; empty where it works."""
    failures = {Isolation.BWRAP: "", Isolation.LANDLOCK: ""}
    monkeypatch.setattr(MODULE, "_failure", lambda level: failures[level])
    probe.cache_clear()
    return failures


@pytest.fixture(autouse=True)
def forget() -> None:
    probe.cache_clear()


def test_the_best_level_needs_no_announcement(machine: dict[Isolation, str]) -> None:
    report = probe(Wanted.AUTO)
    assert report.level is Isolation.BWRAP
    assert not report.weakened
    assert report.why_not_better == report.remedy == ""


def test_the_fallback_says_so_and_why(machine: dict[Isolation, str]) -> None:
    machine[Isolation.BWRAP] = "The sandbox did not come up: bwrap: setting up uid map."
    report = probe(Wanted.AUTO)
    assert report.level is Isolation.LANDLOCK
    assert report.weakened
    assert report.sentence.startswith("WEAKER ISOLATION")
    assert "uid map" in report.why_not_better


def test_strict_refuses_the_fallback(machine: dict[Isolation, str]) -> None:
    machine[Isolation.BWRAP] = "no."
    with pytest.raises(SandboxFault, match="bubblewrap does not run here: no"):
        probe(Wanted.STRICT)


def test_auto_never_falls_to_none(machine: dict[Isolation, str]) -> None:
    machine[Isolation.BWRAP] = machine[Isolation.LANDLOCK] = "no."
    with pytest.raises(SandboxFault, match="Nothing here can isolate") as caught:
        probe(Wanted.AUTO)
    assert caught.value.remedy


class Unreadable:
    """An interpreter in a folder of the test's own, of which one part can't be read."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.prefix, self.home = folder / "env", folder / "home"
        for path in (self.prefix / "bin", self.home / "bin", self.home / "lib"):
            path.mkdir(parents=True)
        self.binary, self.library = self.home / "bin/python", self.home / "lib/os.py"
        self.library.touch(0o644)
        self.binary.touch()
        self.binary.chmod(0o755)
        (self.prefix / "bin/python").symlink_to(self.binary)
        monkeypatch.setattr("sys.executable", str(self.prefix / "bin/python"))
        monkeypatch.setattr("sys.prefix", str(self.prefix))
        monkeypatch.setattr("sys.base_prefix", str(self.home))
        monkeypatch.setattr("os.__file__", str(self.library))


UNREADABLE = [
    ("binary", 0o711),
    ("binary", 0o640),
    ("home", 0o700),
    ("prefix", 0o750),
    ("library", 0),
]


@pytest.mark.parametrize(("part", "mode"), UNREADABLE)
@pytest.mark.parametrize("wanted", [Wanted.AUTO, Wanted.STRICT, Wanted.LANDLOCK])
def test_an_interpreter_that_can_not_be_read_is_what_is_told(
    part: str,
    mode: int,
    wanted: Wanted,
    machine: dict[Isolation, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And nothing of namespaces, whatever the trial run says: here by who drops to another user."""
    machine[Isolation.BWRAP] = machine[Isolation.LANDLOCK] = "[Errno 13] Permission denied"
    python = Unreadable(tmp_path, monkeypatch)
    monkeypatch.setattr(MODULE, "ordinary_uid", lambda: 1_900_000_000)
    path: Path = getattr(python, part)
    path.chmod(mode)
    with pytest.raises(SandboxFault, match="interpreter can't be read") as caught:
        probe(wanted)
    path.chmod(0o755)
    assert str(path) in caught.value.what
    assert "namespace" not in caught.value.what + caught.value.remedy


@pytest.mark.parametrize("wanted", [Wanted.AUTO, Wanted.NONE])
def test_an_interpreter_that_this_user_can_not_read_is_what_is_told(
    wanted: Wanted, machine: dict[Isolation, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine[Isolation.BWRAP] = machine[Isolation.LANDLOCK] = "[Errno 13] Permission denied"
    monkeypatch.setattr(MODULE, "ordinary_uid", lambda: None)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SandboxFault, match="interpreter can't be read by user"):
        probe(wanted)


def test_none_has_to_be_asked_for_and_is_shouted(machine: dict[Isolation, str]) -> None:
    report = probe(Wanted.NONE)
    assert report.level is Isolation.NONE
    assert report.weakened
    assert "NO ISOLATION" in report.sentence


def test_the_answer_is_kept_for_the_process(machine: dict[Isolation, str]) -> None:
    report = probe(Wanted.AUTO)
    machine[Isolation.BWRAP] = "too late"
    assert probe(Wanted.AUTO) is report


def test_the_facts_of_this_machine_are_in_the_report(machine: dict[Isolation, str]) -> None:
    details = probe(Wanted.AUTO).details
    assert {"kernel", "machine", "user", "landlock abi", "bubblewrap"} <= set(details)


@pytest.fixture
def switches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The kernel's switches of a pretended machine, as files."""
    for name in ("_APPARMOR_SWITCH", "_DEBIAN_SWITCH", "_NAMESPACE_COUNT"):
        monkeypatch.setattr(remedies, name, tmp_path / name)
    monkeypatch.setattr(remedies, "_CONTAINER_MARKS", (str(tmp_path / "dockerenv"),))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return tmp_path


def test_on_ubuntu_the_remedy_is_a_profile_for_the_binary_in_use(switches: Path) -> None:
    (switches / "_APPARMOR_SWITCH").write_text("1\n")
    text = remedies.bubblewrap_remedy("bwrap: setting up uid map: Permission denied")
    binary = bwrap.bwrap_binary()
    assert str(binary) in text
    assert "userns," in text
    assert "apparmor_parser -r" in text
    assert "sysctl" not in text


def test_a_profile_names_a_path_with_odd_characters_literally() -> None:
    profile = remedies.apparmor_profile(Path('/opt/a*b "c"/bwrap'))
    assert r'"/opt/a\*b \"c\"/bwrap"' in profile


@pytest.mark.parametrize(
    ("switch", "value", "command"),
    [
        ("_DEBIAN_SWITCH", "0", "unprivileged_userns_clone=1"),
        ("_NAMESPACE_COUNT", "0", "max_user_namespaces="),
        ("dockerenv", "", "docker run"),
    ],
)
def test_other_machines_have_other_remedies(
    switches: Path, switch: str, value: str, command: str
) -> None:
    (switches / switch).write_text(value)
    assert command in remedies.bubblewrap_remedy("Operation not permitted")


def test_no_remedy_is_invented(switches: Path) -> None:
    assert remedies.bubblewrap_remedy("something else") == ""
