"""An equal program under equal conditions is not graded again; nothing else passes for one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from grader import remembered
from grader.cli.submit import submit
from grader.grading import conditions
from grader.grading.state import Request
from grader.intake import submission_from_bytes
from grader.lanes import gpu
from grader.puzzles import find
from grader.record import Record, SubmissionInfo, Verdict, Visibility, load
from grader.remembered import CACHE_VARIABLE, Remembered, RememberedPage
from grader.rubric import parse_rubric, starting_file
from grader.sandbox import Isolation, IsolationReport, Wanted
from tests.report import records

SECRET = "0123456789abcdef"
TEXT = "def f(a: Int):\n    return a + 1\n"
OTHER_LAYOUT = "# mine\n\ndef f(a: Int):\n\n    return a + 1  # one more\n"
REQUEST = Request(source=Path("x.mojo"), puzzle_name="conv1d", device="software")


def isolated(wanted: Wanted) -> IsolationReport:
    """As on a machine that has every level."""
    best = {Wanted.LANDLOCK: Isolation.LANDLOCK, Wanted.NONE: Isolation.NONE}
    return IsolationReport(level=best.get(wanted, Isolation.BWRAP), wanted=wanted, sentence="")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of its own, who has a secret."""
    for name in (CACHE_VARIABLE, "CI", "GITHUB_ACTIONS", "GRADE_TOOLCHAINS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GRADE_SECRET", SECRET)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(remembered, "probe_once", isolated)
    return tmp_path / "cache" / "mojo-grade" / "graded"


def record_of(text: str, made: Record | None = None) -> Record:
    made = made or records.wrong_values()
    own = submission_from_bytes("x.mojo", text.encode())
    shown = SubmissionInfo(name=own.name, sha256=own.sha256, size=len(own.data), text=own.text)
    return msgspec.structs.replace(made, submission=shown)


def place(request: Request = REQUEST, text: str = TEXT, name: str = "x.mojo") -> Remembered:
    return Remembered(request, submission_from_bytes(name, text.encode()))


def keep(request: Request = REQUEST, text: str = TEXT) -> None:
    place(request, text).keep(record_of(text))


def test_the_record_is_there_again() -> None:
    assert place().record() is None
    keep()
    found = place().record()
    assert found is not None
    assert found == record_of(TEXT)


def test_an_equal_program_has_it_as_of_its_own_file() -> None:
    keep()
    found = place(replace(REQUEST, puzzle_reason="as it shows"), OTHER_LAYOUT, "y.mojo").record()
    assert found is not None
    assert found.submission.text == OTHER_LAYOUT
    assert found.submission.name == "y.mojo"
    assert found.puzzle.reason == "as it shows"
    assert found.seed == record_of(TEXT).seed


def test_another_program_has_none() -> None:
    keep()
    assert place(text=TEXT.replace("1", "2")).record() is None


def rubric_of(*changes: tuple[str, str]) -> Any:
    text = starting_file(find("conv1d"))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return parse_rubric(text.encode(), find("conv1d"), name="r.toml")


OTHER_REQUESTS: dict[str, dict[str, Any]] = {
    "puzzle": {"puzzle_name": "softmax"},
    "edition": {"edition": "26.5"},
    "device": {"device": "gpu"},
    "examples": {"examples": 100},
    "sizes": {"sizes": "all"},
    "seed": {"seed": "x"},
    "timeout": {"timeout": 20.0},
    "isolation": {"isolation": Wanted.LANDLOCK},
    "rubric": {"rubric": "points"},
}


@pytest.mark.parametrize("changed", OTHER_REQUESTS)
def test_another_request_has_none(changed: str, folder: Path) -> None:
    more = dict(OTHER_REQUESTS[changed])
    if "rubric" in more:
        more["rubric"] = rubric_of(('title = ""', 'title = "mine"'))
    keep()
    other = replace(REQUEST, **more)
    assert place(other).record() is None
    keep(other)
    assert place(other).record() is not None
    assert place().record() is not None
    assert len(list(folder.iterdir())) == 2


def test_rubrics_that_say_the_same_are_one() -> None:
    keep(replace(REQUEST, rubric=rubric_of()))
    assert place(replace(REQUEST, rubric=rubric_of(("# Shown", "# Seen")))).record() is not None
    changed = replace(REQUEST, rubric=rubric_of(("hints = 3", "hints = 1")))
    assert place(changed).record() is None


def _other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "deciding_code", lambda: "other")


def _other_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADE_SECRET", SECRET[::-1])


def _other_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "probe", lambda: gpu.GpuProbe(name="H200"))


def _other_toolchain(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Path(os.environ["XDG_CACHE_HOME"]) / "mojo-grade/toolchains/26.3"
    place.mkdir(parents=True)
    (place / "toolchain.json").write_text("{}")


def _other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "__version__", "9")


@pytest.mark.parametrize(
    "change", [_other_code, _other_secret, _other_gpu, _other_toolchain, _other_version]
)
def test_in_another_world_there_is_none(
    change: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(REQUEST, device="auto")
    keep(request)
    assert place(request).record() is not None
    change(monkeypatch)
    assert place(request).record() is None


@pytest.mark.parametrize("verdict", [Verdict.FAULT, Verdict.REFUSED])
def test_what_is_no_mark_is_not_kept(verdict: Verdict, folder: Path) -> None:
    place().keep(msgspec.structs.replace(record_of(TEXT), verdict=verdict))
    assert not folder.exists()


def _written_by_hand(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def _cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _of_another_program(path: Path) -> None:
    """A file that somebody has moved to the place of this one."""
    text = TEXT.replace("1", "2")
    place(text=text).keep(record_of(text, records.passed()))
    (other,) = (each for each in path.parent.iterdir() if each != path)
    other.replace(path)


@pytest.mark.parametrize("poison", [_written_by_hand, _cut_off, _empty, _of_another_program])
def test_nobody_without_the_secret_makes_a_record(
    poison: Callable[[Path], None], folder: Path
) -> None:
    keep()
    (path,) = folder.iterdir()
    poison(path)
    assert place().record() is None
    keep()
    assert place().record() is not None


@pytest.mark.parametrize(
    ("variable", "value"), [("CI", "true"), ("CI", "1"), (CACHE_VARIABLE, "off")]
)
def test_where_others_write_nothing_is_kept_and_nothing_used(
    variable: str, value: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep()
    with monkeypatch.context() as patch:
        patch.setenv(variable, value)
        assert place().record() is None
        keep(text="pass\n")
    assert len(list(folder.iterdir())) == 1


def test_without_a_sandbox_nothing_is_kept(folder: Path) -> None:
    """The submission could have written it."""
    keep(replace(REQUEST, isolation=Wanted.NONE))
    assert not folder.exists()


def test_it_is_the_users_alone(folder: Path) -> None:
    keep()
    (path,) = folder.iterdir()
    assert path.stat().st_mode & 0o077 == 0
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("bound", ["MAX_ENTRIES", "MAX_BYTES"])
def test_what_was_used_longest_ago_goes(
    bound: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"pass  # {n}\nx = {n}\n" for n in range(4)]
    for n, text in enumerate(texts[:3]):
        keep(text=text)
        for path in folder.iterdir():
            if path.stat().st_mtime > 1000:
                os.utime(path, (n, n))
    assert place(text=texts[0]).record() is not None  # used again
    size = max(path.stat().st_size for path in folder.iterdir())
    monkeypatch.setattr(remembered, bound, 3 if bound == "MAX_ENTRIES" else 3 * size + 9)
    keep(text=texts[3])
    assert [place(text=text).record() is not None for text in texts] == [True, False, True, True]


def test_a_folder_that_can_not_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    keep()
    assert place().record() is None


def test_submit_shows_it_at_once_and_grades_afresh_if_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded: list[Request] = []

    def grade(request: Request, *arguments: object, **more: object) -> Record:
        graded.append(request)
        return record_of(TEXT)

    monkeypatch.setattr("grader.grading.run.grade", grade)
    (tmp_path / "x.mojo").write_text(TEXT)
    call = [str(tmp_path / "x.mojo"), "--puzzle", "conv1d", "--out", str(tmp_path / "out")]
    first = CliRunner().invoke(submit, call)
    again = CliRunner().invoke(submit, call)
    assert len(graded) == 1
    assert "as graded before" not in first.output
    (told,) = (line for line in again.output.splitlines() if "as graded before, on 20" in line)
    assert "--fresh grades it again" in told
    assert first.exit_code == again.exit_code == 1
    assert first.stdout == again.stdout
    fresh = CliRunner().invoke(submit, [*call, "--fresh"])
    assert len(graded) == 2
    assert "as graded before" not in fresh.output


def test_a_students_copy_is_made_of_the_whole_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept is what the grading found; who reads it is decided when it is shown."""
    *others, last = records.wrong_values().checks
    check = last.id
    text = starting_file(find("conv1d"))
    own = text.index(f"[checks.{check}]")
    text = text[:own] + text[own:].replace('"visible"', '"hidden"', 1)
    (tmp_path / "r.toml").write_text(text)
    rubric = parse_rubric(text.encode(), find("conv1d"), name="r.toml")
    hidden = msgspec.structs.replace(last, visibility=Visibility.HIDDEN)
    made = msgspec.structs.replace(record_of(TEXT), rubric=rubric.info(), checks=(*others, hidden))
    monkeypatch.setattr("grader.grading.run.grade", lambda *a, **k: made)
    (tmp_path / "x.mojo").write_text(TEXT)
    call = [str(tmp_path / "x.mojo"), "--rubric", str(tmp_path / "r.toml"), "--out"]

    def checks(out: str, *more: str) -> set[str]:
        CliRunner().invoke(submit, [*call, str(tmp_path / out), *more])
        return {each.id for each in load(tmp_path / out / "record.json").checks}

    assert check not in checks("a")
    monkeypatch.setattr("grader.grading.run.grade", None)
    assert check in checks("b", "--audience", "instructor")
    assert check not in checks("c")


class TestPage:
    @pytest.fixture
    def report(self, tmp_path: Path) -> Path:
        path = tmp_path / "report.html"
        path.write_bytes(b"all of it")
        RememberedPage(b"record", "student").keep(b"all of it")
        return path

    def test_it_is_known_as_it_was_written(self, report: Path) -> None:
        assert RememberedPage(b"record", "student").is_at(report)
        assert not RememberedPage(b"record", "student").is_at(report.parent / "other.html")

    @pytest.mark.parametrize(("record", "reader"), [(b"other", "student"), (b"record", "teacher")])
    def test_of_another_record_or_reader_it_is_made(
        self, report: Path, record: bytes, reader: str
    ) -> None:
        assert not RememberedPage(record, reader).is_at(report)

    def test_one_that_somebody_changed_is_made_again(self, report: Path) -> None:
        report.write_bytes(b"all of it!")
        assert not RememberedPage(b"record", "student").is_at(report)

    @pytest.mark.parametrize("change", ["code", "template", "secret", "off"])
    def test_in_another_world_it_is_made_again(
        self, change: str, report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if change == "code":
            monkeypatch.setattr(remembered, "all_code", lambda: "other")
        if change == "template":
            (tmp_path / "x.j2").write_text("")
            monkeypatch.setattr(remembered, "_templates", lambda: [tmp_path / "x.j2"])
        if change == "secret":
            _other_secret(monkeypatch)
        if change == "off":
            monkeypatch.setenv(CACHE_VARIABLE, "off")
        assert not RememberedPage(b"record", "student").is_at(report)

    def test_submit_makes_no_report_twice(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[Record] = []

        def render_html(record: Record, **more: object) -> bytes:
            made.append(record)
            return b"a page"

        monkeypatch.setattr("grader.report.html.render_html", render_html)
        monkeypatch.setattr("grader.grading.run.grade", lambda *a, **k: record_of(TEXT))
        (tmp_path / "x.mojo").write_text(TEXT)
        call = [str(tmp_path / "x.mojo"), "--puzzle", "conv1d", "--out", str(tmp_path / "out")]
        for _ in range(3):
            CliRunner().invoke(submit, call)
        assert len(made) == 1
        CliRunner().invoke(submit, [*call, "--audience", "instructor"])
        assert len(made) == 2
        page = tmp_path / "out" / "report.html"
        page.write_bytes(b"100 points")
        CliRunner().invoke(submit, call)
        assert page.read_bytes() == b"a page"
