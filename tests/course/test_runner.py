"""The steps of the action that are Python: inputs, and the sandbox's one narrow step."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader import course, sandbox
from grader.course import GradeStep, open_sandbox, parse_fail_on, parse_pass_mark
from grader.errors import SandboxFault, UsageError
from grader.record import Verdict, encode
from grader.sandbox import Isolation, IsolationReport, Wanted
from grader.sandbox.bwrap import apparmor_profile
from tests.report import records
from tests.scripts import python_script


class TestInputs:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("fail", {"fail"}),
            ("fault", {"fault"}),
            (" fail , fault ", {"fail", "fault"}),
            ("never", set()),
        ],
    )
    def test_fail_on(self, text: str, words: set[str]) -> None:
        assert parse_fail_on(text) == words

    @pytest.mark.parametrize("text", ["", "always", "fail,never", "fail;fault", ","])
    def test_another_fail_on_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(UsageError, match="fail-on"):
            parse_fail_on(text)

    def test_pass_mark(self) -> None:
        assert [parse_pass_mark(text) for text in ("", " ", "0", "60", "100")] == [
            None,
            None,
            0,
            60,
            100,
        ]

    @pytest.mark.parametrize("text", ["101", "-1", "60%", "6.5", "\u0666", "x"])
    def test_another_pass_mark_is_refused_by_name(self, text: str) -> None:
        with pytest.raises(UsageError, match="pass-mark"):
            parse_pass_mark(text)


class Machine:
    """A machine whose bubblewrap works once its profile is loaded."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, sudo: str) -> None:
        self.binary = tmp_path / "bwrap"
        self.profile = tmp_path / "profile"
        self.asked = tmp_path / "asked"
        switch = tmp_path / "switch"
        switch.write_text("1\n")
        tools = tmp_path / "tools"
        tools.mkdir()
        python_script(tools / "sudo", sudo)
        monkeypatch.setenv("PATH", str(tools))
        monkeypatch.setenv("ASKED", str(self.asked))
        monkeypatch.setenv("PROFILE", str(self.profile))
        monkeypatch.setattr(course, "APPARMOR_SWITCH", switch)
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr(sandbox.bwrap, "bwrap_binary", lambda: self.binary)
        monkeypatch.setattr(sandbox, "probe", self)
        self.cleared = 0
        self.fault: SandboxFault | None = None

    def __call__(self, wanted: Wanted) -> IsolationReport:
        if self.fault:
            raise self.fault
        loaded = self.profile.exists() and self.cleared
        level = Isolation.BWRAP if loaded else Isolation.LANDLOCK
        return IsolationReport(
            level=level, wanted=wanted, sentence=f"level {level}", remedy="" if loaded else "do x"
        )

    def cache_clear(self) -> None:
        self.cleared += 1


OBEDIENT = """
import os, sys
with open(os.environ["ASKED"], "a") as file:
    print(*sys.argv[1:], file=file)
if "tee" in sys.argv:
    with open(os.environ["PROFILE"], "w") as file:
        file.write(sys.stdin.read())
"""


class TestSandbox:
    def test_one_profile_for_one_binary(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        machine = Machine(monkeypatch, tmp_path, sudo=OBEDIENT)
        assert open_sandbox() == "level bwrap"
        assert machine.profile.read_text() == apparmor_profile(machine.binary)
        assert machine.asked.read_text().splitlines() == [
            "-n tee /etc/apparmor.d/grade-bwrap",
            "-n apparmor_parser -r /etc/apparmor.d/grade-bwrap",
        ]

    def test_without_the_right_to_it_says_what_is_missing(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        Machine(monkeypatch, tmp_path, sudo="raise SystemExit(1)")
        assert open_sandbox() == "level landlock\ndo x"

    def test_where_it_is_not_apparmor_nothing_is_changed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        machine = Machine(monkeypatch, tmp_path, sudo=OBEDIENT)
        (tmp_path / "switch").write_text("0\n")
        assert "landlock" in open_sandbox()
        assert not machine.asked.exists()

    def test_where_it_works_nothing_is_changed(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        machine = Machine(monkeypatch, tmp_path, sudo=OBEDIENT)
        machine.profile.write_text("")
        machine.cleared = 1
        assert open_sandbox() == "level bwrap"
        assert not machine.asked.exists()

    def test_a_machine_that_can_isolate_nothing_is_told_and_no_error(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        machine = Machine(monkeypatch, tmp_path, sudo=OBEDIENT)
        machine.fault = SandboxFault("nothing isolates", remedy="use Linux 5.13")
        assert open_sandbox() == "nothing isolates\nuse Linux 5.13"


class TestHowTheGraderEnded:
    """A record counts only where the process ended as its record says."""

    @pytest.mark.parametrize(
        ("code", "verdict"),
        [
            (0, Verdict.PASS),
            (1, Verdict.FAULT),
            (2, Verdict.FAULT),
            (4, Verdict.FAULT),
            (130, Verdict.FAULT),
            (-9, Verdict.FAULT),
        ],
    )
    def test_a_record_of_another_ending_is_no_mark(
        self, code: int, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.ends(monkeypatch, tmp_path, code, encode(records.passed()))
        assert self.step(tmp_path)._grade().verdict is verdict

    @pytest.mark.parametrize("code", [0, 1, 2, 3, 4, -9, -11])
    @pytest.mark.parametrize("document", [None, b"", b'{"schema": "mojo-grade/record/1"'])
    def test_without_a_record_there_is_no_mark_whatever_the_code(
        self,
        code: int,
        document: bytes | None,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.ends(monkeypatch, tmp_path, code, document)
        record = self.step(tmp_path)._grade()
        assert record.verdict is Verdict.FAULT
        assert record.max_score == 0

    @staticmethod
    def step(out: Path) -> GradeStep:
        return GradeStep(
            path="conv1d.mojo",
            options=("--puzzle", "conv1d"),
            pass_mark=None,
            fail_on=frozenset({"fail"}),
            audience="student",
            out=out,
        )

    @staticmethod
    def ends(monkeypatch: pytest.MonkeyPatch, out: Path, code: int, document: bytes | None) -> None:
        def run(command: Sequence[str], *, check: bool) -> subprocess.CompletedProcess[bytes]:
            if document is not None:
                (out / "record.json").write_bytes(document)
            return subprocess.CompletedProcess(command, code)

        monkeypatch.setattr("grader.course.subprocess.run", run)
