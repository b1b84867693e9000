"""How the command ends: never with a code that reads as a mark, whatever happens to it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click
import pytest

from grader import folders
from grader.cli import ending
from grader.cli.root import _COMMANDS
from grader.errors import GraderFault, RecordError, SubmissionRefused, ToolchainFault, UsageError
from grader.grading import seeds
from grader.record import Verdict, load
from grader.sandbox import isolation_probe
from grader.toolchain import edition, store

SKELETON = Path(__file__).parents[2] / "reference_kernels/conv1d/26.5/skeleton.mojo"
GRADE = (sys.executable, "-m", "grader")
UNKNOWN_USER = 1_234_567
# From the working directory, in the folder that `work` makes.
CALLS: dict[str, int] = {
    "puzzles": 0,
    "submit skeleton.mojo --out out": 1,
    "submti skeleton.mojo": 2,
    "report garbage": 2,
    "submit no.mojo --out out": 3,
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    shutil.copy(SKELETON, tmp_path / "skeleton.mojo")
    (tmp_path / "garbage").write_text("garbage")
    return tmp_path


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in which $GRADE is the command."""
    return subprocess.run(
        ["bash", "-c", line.replace("$GRADE", shlex.join(GRADE))],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ---- standard streams ----


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full"])
@pytest.mark.parametrize("call", CALLS)
def test_a_stream_that_nobody_reads_changes_no_verdict(call: str, streams: str, work: Path) -> None:
    ended = shell(f"$GRADE {call} {streams}", work)
    assert ended.returncode == CALLS[call]
    if "--out" in call:
        verdict = Verdict.REFUSED if CALLS[call] == 3 else Verdict.FAIL
        assert load(work / "out/record.json").verdict is verdict
        assert sorted(os.listdir(work / "out")) == ["record.json", "report.html"]


@pytest.mark.parametrize("call", ["puzzles", "submit skeleton.mojo --out out", "--help"])
@pytest.mark.parametrize("other", ["", "2>&-", "2>/dev/full"])
def test_output_that_can_not_be_written_is_a_fault(call: str, other: str, work: Path) -> None:
    ended = shell(f"$GRADE {call} >/dev/full {other}", work)
    assert ended.returncode == 4
    if not other:
        assert "No space left on device" in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("call", "code"),
    [("puzzles", 141), ("--help", 141), ("submit skeleton.mojo --out out", 141), ("submti", 2)],
)
def test_a_reader_that_has_gone_ends_it_quietly(call: str, code: int, work: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(
        [*GRADE, *call.split()],
        cwd=work,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert ended.returncode == code
    for word in ("Traceback", "Fault", "Broken pipe", "Exception ignored"):
        assert word not in ended.stderr


def test_a_verdict_does_not_depend_on_who_follows_the_progress(work: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    call = [*GRADE, "submit", "skeleton.mojo", "--out", "out"]
    ended = subprocess.run(
        call, cwd=work, stdout=subprocess.PIPE, stderr=writer, timeout=120, check=False
    )
    os.close(writer)
    assert ended.returncode == 1


def test_a_sign_that_the_encoding_lacks_is_written_in_another_way(work: Path) -> None:
    ended = shell("PYTHONIOENCODING=ascii LC_ALL=C $GRADE submit skeleton.mojo --out out", work)
    assert ended.returncode == 1


# ---- interrupts ----


@pytest.mark.parametrize("seconds", [0.03, 0.1, 0.2, 0.35, 0.6, 1.0, 1.6])
def test_an_interrupt_at_any_moment_is_no_verdict(seconds: float, work: Path) -> None:
    process = subprocess.Popen(
        [*GRADE, "submit", "skeleton.mojo", "--out", "out"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    if process.returncode == 1 and not out:
        # Python ends so where it is interrupted before it runs anything of ours.
        assert "grader/" not in err
    elif process.returncode == 1:
        # It was over before the signal came: then there is a whole verdict.
        assert "Nothing was filled in" in out
        assert load(work / "out/record.json").verdict is Verdict.FAIL
    else:
        # Python itself ends by the signal, while it starts.
        assert process.returncode in (ending.INTERRUPTED, -signal.SIGINT)


# ---- a user whom the system does not know ----


@pytest.fixture
def nobodys(work: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    folder = Path(tempfile.mkdtemp(prefix="grade-test-"))
    shutil.copytree(work, folder / "class")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def readable_interpreter(become: Callable[[], None]) -> str:
    """This interpreter, or the system's of the same version; a private home hides the first."""
    system = shutil.which(
        f"python{sys.version_info.major}.{sys.version_info.minor}", path="/usr/bin"
    )
    for path in filter(None, (sys.executable, system)):
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run([path, "-c", ""], preexec_fn=become, check=True, timeout=60)
            return path
    pytest.skip("another user can't start an interpreter")


@pytest.mark.parametrize(
    ("call", "codes"),
    [
        ("puzzles", {0}),
        ("submit class/no.mojo", {3}),
        # 4 where such a user can't read this interpreter.
        ("submit class/skeleton.mojo", {1, 4}),
        ("batch class --puzzle conv1d --dry-run", {0}),
        ("batch class --puzzle conv1d", {0, 4}),
        ("toolchain list", {0}),
        ("toolchain install 25.4", {4}),
        ("doctor", {0, 4}),
    ],
)
def test_a_user_without_name_and_home_can_do_all(call: str, codes: set[int], nobodys: Path) -> None:
    def become() -> None:
        os.setgroups([])
        os.setgid(UNKNOWN_USER)
        os.setuid(UNKNOWN_USER)

    names = {"HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "GRADE_SECRET", "GRADE_TOOLCHAINS"}
    variables = {name: text for name, text in os.environ.items() if name not in names}
    ended = subprocess.run(
        [readable_interpreter(become), "-m", "grader", *call.split()],
        cwd=nobodys,
        env={**variables, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        preexec_fn=become,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if "No module named" in ended.stderr:
        pytest.skip("another user can't read this environment")
    assert ended.returncode in codes, ended.stderr
    assert "home directory for" not in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (nobodys / "~").exists()


def test_without_a_place_nothing_is_kept_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(*arguments: object, **more: object) -> str:
        raise RuntimeError("could not determine the home directory")

    for name in (seeds.SECRET_VARIABLE, seeds.SECRET_FILE_VARIABLE, store.VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("platformdirs.user_cache_path", none)
    monkeypatch.setattr("platformdirs.user_config_path", none)
    assert folders.user_folder("cache") is None
    assert len(seeds.secret()) == 32
    assert seeds.secret() != seeds.secret()
    isolation_probe.forget()
    assert store.installed(edition.find("25.4")) is None
    assert not store.has_folder(edition.find("25.4"))
    assert store.unknown_folders() == []
    with pytest.raises(ToolchainFault):
        store.place()


@pytest.mark.parametrize("folder", ["x/y", "~/.cache", ""])
def test_a_folder_that_moves_with_the_working_directory_is_none(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: Path(folder))
    assert folders.user_folder("cache") is None


# ---- what nobody expected ----


def raising(error: BaseException) -> Callable[[], object]:
    def call() -> object:
        raise error

    return call


@pytest.fixture
def details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the details of a fault go; and no test changes how an interrupt is handled."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    return tmp_path


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("x"),
        MemoryError(),
        RecursionError("deep"),
        BrokenPipeError(32, "Broken pipe"),
        EOFError(),
        ImportError("no module"),
        UnicodeEncodeError("ascii", "\xe9", 0, 1, "ordinal not in range"),
        SystemExit(1),
        SystemExit(3),
        SystemExit("text"),
        GeneratorExit(),
        click.Abort(),
        ValueError("two\nlines\x1b[31m"),
    ],
    ids=repr,
)
def test_what_nobody_expected_is_a_fault_with_its_details_kept(
    error: BaseException, details: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ending.conclude(raising(error)) == 4
    told = capsys.readouterr().err
    assert type(error).__name__ in told.splitlines()[0]
    assert "Traceback" not in told
    assert "\x1b" not in told
    (kept,) = details.iterdir()
    assert str(kept) in told
    assert "Traceback" in kept.read_text()


def test_details_that_can_not_be_kept_are_told(
    details: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(details / "gone"))
    assert ending.conclude(raising(ZeroDivisionError("x"))) == 4
    assert "Traceback" in capsys.readouterr().err


def interrupt_in_click() -> object:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as error:
        raise click.Abort from error


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: None, 0),
        (lambda: 1, 1),
        (lambda: "text", 0),
        (raising(SystemExit(0)), 0),
        (raising(SystemExit()), 0),
        (raising(KeyboardInterrupt()), 130),
        (interrupt_in_click, 130),
        (raising(UsageError("x")), 2),
        (raising(RecordError("x")), 2),
        (raising(click.UsageError("x")), 2),
        (raising(click.FileError("x")), 2),
        (raising(SubmissionRefused("x")), 3),
        (raising(GraderFault("x")), 4),
        (raising(ending.OutputLost(OSError(32, "x"))), 141),
        (raising(ending.OutputLost(OSError(28, "x"))), 4),
    ],
)
def test_each_way_to_end_has_its_code(call: Callable[[], object], code: int, details: Path) -> None:
    assert ending.conclude(call) == code
    assert list(details.iterdir()) == []


BROKEN = """
import sys
from grader.cli import main
from grader.cli.root import root
command = root.commands[sys.argv[1]]
def boom(*arguments, **more):
    raise ArithmeticError("boom")
command.make_context = boom
main()
"""


@pytest.mark.parametrize("command", _COMMANDS)
def test_a_defect_of_any_command_is_a_fault(command: str, tmp_path: Path) -> None:
    ended = _python(BROKEN, [command, "x", "y"], tmp_path)
    assert ended.returncode == 4
    assert "ArithmeticError: boom" in ended.stderr
    assert "Traceback" not in ended.stderr
    (kept,) = tmp_path.glob("grade-fault-*")
    assert "boom" in kept.read_text()


@pytest.mark.parametrize("module", ["click", "msgspec", "grader.errors", "grader.cli.root"])
def test_an_incomplete_installation_is_a_fault(module: str, tmp_path: Path) -> None:
    code = f"import sys; sys.modules[{module!r}] = None\nfrom grader.cli import main; main()"
    ended = _python(code, ["submit", str(SKELETON)], tmp_path)
    assert ended.returncode == 4
    assert "Fault of the grader" in ended.stderr


def _python(code: str, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# ---- files that are something else ----


@pytest.mark.parametrize("command", ["report", "replay"])
@pytest.mark.parametrize(
    "content", [None, b"", b"garbage", b"{}", b"\xff\0\xff", b"[" * 100_000, "folder"], ids=repr
)
def test_a_record_that_is_none_is_a_wrong_call(
    command: str, content: bytes | str | None, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    ended = shell(f"$GRADE {command} record.json", tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")


def test_a_record_without_an_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    assert shell("ulimit -v 4000000; $GRADE report /dev/zero --out .", tmp_path).returncode == 2


@pytest.mark.parametrize(
    "call", ["show RUN x", "rerender RUN", "diff RUN RUN", "batch class --puzzle conv1d --out RUN"]
)
@pytest.mark.parametrize("content", [None, "folder", b"", b"garbage", b"SQLite format 3\0garbage"])
def test_a_run_that_is_none_is_no_verdict(
    call: str, content: bytes | str | None, work: Path
) -> None:
    if call.startswith("batch") and not isinstance(content, bytes):
        pytest.skip("that begins a run")
    (work / "class").mkdir()
    if content is not None:
        (work / "RUN").mkdir()
    if isinstance(content, bytes):
        (work / "RUN/run.sqlite").write_bytes(content)
    ended = shell(f"$GRADE {call}", work)
    allowed = {0, 2} if content == b"" else {2, 4}
    assert ended.returncode in allowed, ended.stderr
    assert "Traceback" not in ended.stderr
