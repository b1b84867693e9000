"""`grade watch`: each save is told of once, older work is dropped, and nothing is left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import random
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from msgspec.structs import replace

from grader import watch
from grader.batch.grading_process import GradingProcess
from grader.batch.task import Task
from grader.errors import SubmissionRefused
from grader.folders import reference_kernel
from grader.grading.state import Request
from grader.intake import Submission, read_submission
from grader.machine import cores
from grader.record import LaneKind, Record, Verdict, decode
from grader.remembered import CACHE_VARIABLE
from grader.watch import AwaitedGrading, FileGone, Save, SavedFile, StartedAhead
from tests.report import records

RIGHT = reference_kernel("map", "26.5", "right").with_suffix(".mojo").read_text()
SUM = "a[unsafe_offset=i] + "


def adds(what: str) -> str:
    """The kernel, which adds something else than ten."""
    assert RIGHT.count(f"{SUM}10") == 1
    return RIGHT.replace(f"{SUM}10", f"{SUM}{what}")


WRONG, BROKEN = adds("11"), adds("nope")


class TestSavedFile:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        file = tmp_path / "x.mojo"
        file.write_text("one")
        return file

    @staticmethod
    def told(saved: SavedFile, seconds: float = 0.2) -> list[Save]:
        """What a file that is looked at for a while is told to hold."""
        found: list[Save | None] = []
        until = time.monotonic() + seconds
        # A few looks at least, however busy the machine is.
        while time.monotonic() < until or len(found) < 6:
            found.append(saved.look())
            time.sleep(0.01)
        return [each for each in found if each is not None]

    @staticmethod
    def texts(found: list[Save]) -> list[str]:
        return [
            each.text if isinstance(each, Submission) else type(each).__name__ for each in found
        ]

    def test_each_save_is_told_once(self, file: Path) -> None:
        saved = SavedFile(file)
        assert self.texts(self.told(saved)) == ["one"]
        assert self.told(saved) == []
        file.write_text("two")
        assert self.texts(self.told(saved)) == ["two"]

    def test_a_save_that_changes_nothing_is_none(self, file: Path) -> None:
        saved = SavedFile(file)
        self.told(saved)
        os.utime(file)
        file.write_text("one")
        assert self.told(saved) == []

    def test_other_text_of_the_same_length_and_time_is_a_save(self, file: Path) -> None:
        saved = SavedFile(file)
        self.told(saved)
        status = file.stat()
        file.write_text("two")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert self.texts(self.told(saved)) == ["two"]

    def test_half_a_save_is_none(self, file: Path) -> None:
        """An editor empties the file and then writes it."""
        saved = SavedFile(file)
        self.told(saved)
        found: list[Save] = []
        with file.open("w") as stream:
            for part in ("t", "w", "o"):
                stream.write(part)
                stream.flush()
                found += [each for each in [saved.look()] if each is not None]
        assert self.texts(found + self.told(saved)) == ["two"]

    def test_a_save_by_another_name_is_one_save(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """vim, and others: the old file goes, the new one comes under its name."""
        monkeypatch.setattr(watch, "_GONE_SECONDS", 60)  # a busy machine's moment
        saved = SavedFile(file)
        self.told(saved)
        file.rename(file.with_suffix(".bak"))
        assert self.told(saved) == []
        file.with_suffix(".new").write_text("two")
        file.with_suffix(".new").rename(file)
        assert self.texts(self.told(saved)) == ["two"]

    def test_a_file_that_goes_and_comes_back_is_told_both_times(self, file: Path) -> None:
        saved = SavedFile(file)
        self.told(saved)
        file.unlink()
        assert self.told(saved, 0.8) == [FileGone()]
        file.write_text("one")
        assert self.texts(self.told(saved)) == ["one"]

    def test_what_can_not_be_read_is_told(self, file: Path) -> None:
        saved = SavedFile(file)
        self.told(saved)
        file.write_bytes(b"\0")
        assert self.texts(self.told(saved)) == [SubmissionRefused.__name__]
        file.unlink()
        file.mkdir()
        assert self.texts(self.told(saved)) == [SubmissionRefused.__name__]


def sleeps(task: Task) -> Record:
    """Stands for a grading: leaves the number of its process, and never ends."""
    Path(os.environ["STUB_LOG"]).write_text(str(os.getpid()))
    time.sleep(600)
    raise AssertionError


class Counted(threading.Thread):
    """A thread whose name is kept."""

    names: ClassVar[list[str]] = []

    def start(self) -> None:
        self.names.append(self.name)
        super().start()


def is_graded(task: Task) -> Record:
    record = records.passed()
    shown = read_submission(Path(os.environ["STUB_FILE"]))
    return replace(
        record, submission=replace(record.submission, text=shown.text, sha256=shown.sha256)
    )


def is_graded_later(task: Task) -> Record:
    """When a preview has been there for a moment."""
    wait_for(Path(os.environ["STUB_LOG"]).exists)
    time.sleep(1)
    return is_graded(task)


def is_previewed(task: Task) -> Record:
    record = is_graded(task)
    assert record.toolchain is not None
    Path(os.environ["STUB_LOG"]).touch()
    return replace(record, toolchain=replace(record.toolchain, lane=LaneKind.DIRECT))


def is_graded_as_a_preview(task: Task) -> Record:
    Path(os.environ["STUB_LOG"]).touch()
    return is_graded(task)


class TestAwaitedGrading:
    @pytest.fixture
    def file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        file = tmp_path / "x.mojo"
        file.write_text("pass\n")
        monkeypatch.setenv("STUB_FILE", str(file))
        monkeypatch.setenv("STUB_LOG", str(tmp_path / "log"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setenv("GRADE_SECRET", "0123456789abcdef")
        monkeypatch.setattr(watch, "PREVIEWED", "nowhere:nothing")
        monkeypatch.setattr(watch, "cores", lambda: 2)
        return file

    @staticmethod
    def begun(
        file: Path, puzzle: str = "conv1d", ahead: StartedAhead | None = None
    ) -> AwaitedGrading:
        request = Request(source=file, puzzle_name=puzzle, device="software")
        return AwaitedGrading(request, read_submission(file), ahead or StartedAhead())

    def test_its_record_comes(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded")
        grading = self.begun(file)
        grading.wait()
        record = grading.record()
        assert record is not None
        assert record.verdict is Verdict.PASS
        assert not grading.graded_before

    def test_it_is_remembered(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(CACHE_VARIABLE)
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded")
        self.begun(file).wait()
        monkeypatch.setattr(watch, "AWAITED", "nowhere:nothing")
        again = self.begun(file)
        again.wait()
        assert again.graded_before
        assert again.record().verdict is Verdict.PASS

    def test_a_preview_comes_before_the_record(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv(CACHE_VARIABLE)
        monkeypatch.delenv("CI", raising=False)
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:sleeps")
        monkeypatch.setattr(watch, "PREVIEWED", f"{__name__}:is_previewed")
        grading = self.begun(file)
        wait_for(lambda: grading.preview() is not None)
        assert grading.preview().is_preview
        assert grading.record() is None
        grading.drop()
        grading.wait()
        assert not list((file.parent / "cache").rglob("*"))  # it is not remembered

    @pytest.mark.parametrize(("puzzle", "count"), [("conv1d", 1), ("map", 2)])
    def test_without_a_core_for_it_or_of_a_program_there_is_none(
        self, puzzle: str, count: int, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded")
        monkeypatch.setattr(watch, "PREVIEWED", f"{__name__}:is_previewed")
        monkeypatch.setattr(watch, "cores", lambda: count)
        monkeypatch.setattr(threading, "Thread", Counted)
        Counted.names = []
        grading = self.begun(file, puzzle)
        grading.wait()
        assert Counted.names == ["grading"]
        assert grading.preview() is None

    def test_what_is_no_preview_is_not_taken_for_one(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded_later")
        monkeypatch.setattr(watch, "PREVIEWED", f"{__name__}:is_graded_as_a_preview")
        grading = self.begun(file)
        grading.wait()
        assert grading.preview() is None
        assert grading.record().verdict is Verdict.PASS

    def test_dropped_its_preview_is_gone(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded_later")
        monkeypatch.setattr(watch, "PREVIEWED", f"{__name__}:sleeps")
        grading = self.begun(file)
        log = file.parent / "log"
        wait_for(lambda: log.exists() and log.read_text() != "")
        grading.drop()
        grading.wait()
        assert not Path(f"/proc/{log.read_text()}").exists()

    def test_dropped_it_is_gone(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:sleeps")
        grading = self.begun(file)
        log = file.parent / "log"
        wait_for(lambda: log.exists() and log.read_text() != "")
        assert grading.record() is None
        began = time.monotonic()
        grading.drop()
        grading.wait()
        assert time.monotonic() - began < 30  # it sleeps longer by itself
        assert not Path(f"/proc/{log.read_text()}").exists()

    @pytest.fixture
    def ahead(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartedAhead]:
        """With a process that waits."""
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded")
        with contextlib.closing(StartedAhead()) as ahead:
            ahead.start()
            yield ahead

    def test_it_takes_the_process_that_waits(
        self, file: Path, ahead: StartedAhead, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting = pid_of(ahead)
        ahead.start()
        assert pid_of(ahead) == waiting
        monkeypatch.setattr(watch, "AWAITED", "nowhere:nothing")
        grading = self.begun(file, ahead=ahead)
        grading.wait()
        assert grading.record().verdict is Verdict.PASS
        assert ahead.take() is None
        assert not Path(f"/proc/{waiting}").exists()

    def test_it_goes_on_without_one_that_has_ended(self, file: Path, ahead: StartedAhead) -> None:
        waiting = pid_of(ahead)
        os.kill(waiting, signal.SIGKILL)
        wait_for(lambda: Path(f"/proc/{waiting}/stat").read_text().split()[2] == "Z")
        grading = self.begun(file, ahead=ahead)
        grading.wait()
        assert grading.record().verdict is Verdict.PASS

    def test_where_none_can_be_started_it_is_tried_once(
        self, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []

        def no_process(function: str, *, ahead: bool) -> GradingProcess:
            tries.append(function)
            raise OSError("no more processes")

        monkeypatch.setattr(watch, "GradingProcess", no_process)
        monkeypatch.setattr(watch, "AWAITED", f"{__name__}:is_graded")
        ahead = StartedAhead()
        ahead.start()
        ahead.start()
        assert len(tries) == 1
        grading = self.begun(file, ahead=ahead)
        grading.wait()
        assert grading.record().verdict is Verdict.PASS

    def test_one_that_waits_ends_with_whoever_started_it(self, ahead: StartedAhead) -> None:
        waiting = pid_of(ahead)
        ahead.close()
        assert not Path(f"/proc/{waiting}").exists()

    def test_one_that_crashes_is_a_fault(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watch, "AWAITED", "nowhere:nothing")
        grading = self.begun(file)
        grading.wait()
        record = grading.record()
        assert record is not None
        assert record.verdict is Verdict.FAULT
        assert "Save the file again" in record.fault.remedy


def pid_of(ahead: StartedAhead) -> int:
    assert ahead._waiting is not None
    return ahead._waiting._process.pid


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def processes() -> dict[int, tuple[int, str]]:
    """Every process that lives, with its parent and when it was started."""
    found = {}
    for place in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                found[int(place.name)] = (int(fields[1]), fields[19])
    return found


def descendants(pid: int) -> set[tuple[int, str]]:
    living = processes()
    found, left = set(), [pid]
    while left:
        parent = left.pop()
        children = [each for each, (of, _) in living.items() if of == parent]
        found |= {(each, living[each][1]) for each in children}
        left += children
    return found


def at_work(pid: int) -> set[tuple[int, str]]:
    """Its descendants without the process that waits for the next save: it has started none."""
    parents = {of for of, _ in processes().values()}
    return {(each, began) for each, began in descendants(pid) if each in parents or not waits(each)}


def waits(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"--ahead" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return False


def still_living(those: set[tuple[int, str]]) -> set[tuple[int, str]]:
    living = processes()
    return {(pid, began) for pid, began in those if living.get(pid, (0, ""))[1] == began}


CLEARED = b"\x1b[H\x1b[2J"


class Terminal:
    """A pseudo-terminal in which the command runs."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.slave = slave
        self.before = termios.tcgetattr(slave)
        self.output = b""
        self._read_to = 0

        def in_the_terminal() -> None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            # Tests that are run by nohup would have it ignored.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)

        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            # A terminal of its own, so that Ctrl-C is heard as from a keyboard.
            start_new_session=True,
            preexec_fn=in_the_terminal,
        )

    def read(self, seconds: float = 0.1) -> None:
        while select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 1 << 16)
            seconds = 0

    def until(self, words: str, seconds: float = 120) -> float:
        """Read until these words appear that were not there before; how long it took."""
        began = time.monotonic()
        while words.encode() not in self.output[self._read_to :]:
            assert time.monotonic() - began < seconds, self.output[self._read_to :].decode()
            assert self.process.poll() is None, self.output.decode()
            self.read()
        self._read_to = len(self.output)
        return time.monotonic() - began

    def screen(self) -> str:
        """What stands there, without colours."""
        last = self.output.rpartition(CLEARED)[2].decode()
        last = re.sub(r"[^\n]*\r\x1b\[2K", "", last.replace("\r\n", "\n"))
        return re.sub(r"\x1b\[[\d;]*m", "", last)

    def press_ctrl_c(self) -> None:
        os.write(self.master, b"\x03")


@pytest.fixture
def work() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="watch-"))
    # The sandbox may run under another user, whose scratch lies in here.
    folder.chmod(0o711)
    (folder / "tmp").mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def terminal(work: Path) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []
    environment = {
        name: text
        for name, text in os.environ.items()
        if name not in (CACHE_VARIABLE, "CI", "NO_COLOR", "COLUMNS", "LINES", "GITHUB_ACTIONS")
    }
    environment |= {
        "TERM": "xterm-256color",
        "TMPDIR": str(work / "tmp"),
        "XDG_CACHE_HOME": str(work / "cache"),
        "GRADE_SECRET": "0123456789abcdef",
    }

    def start(*arguments: str) -> Terminal:
        command = [sys.executable, "-m", "grader", "watch", *arguments]
        made.append(Terminal(command, work, environment))
        return made[-1]

    # Started in the background of a script, the tests inherit an ignored SIGINT.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield start
    signal.signal(signal.SIGINT, inherited)
    for each in made:
        each.process.kill()
        each.process.wait()
        os.close(each.master)
        os.close(each.slave)


def ended(terminal: Terminal, work: Path, running: set[tuple[int, str]]) -> None:
    """Ctrl-C was pressed: it ends as usual, and all is as it was before."""
    assert terminal.process.wait(30) == 130
    terminal.read()
    wait_for(lambda: not still_living(running), 5)
    wait_for(lambda: not list((work / "tmp").iterdir()), 5)
    assert termios.tcgetattr(terminal.slave) == terminal.before
    for hidden, shown in ((b"\x1b[?25l", b"\x1b[?25h"), (b"\x1b[?1049h", b"\x1b[?1049l")):
        assert terminal.output.count(hidden) == terminal.output.count(shown)
    assert terminal.output.endswith(b"Interrupted.\r\n")


@pytest.mark.slow
def test_an_evening_of_a_student(work: Path, terminal: Callable[..., Terminal]) -> None:
    """Half a minute of one core."""
    file = work / "mine.mojo"
    file.write_text(WRONG)
    shown = terminal("mine.mojo", "--device", "software")
    shown.until("Grading")
    shown.until("Watching mine.mojo")
    assert "Not passed  15 / 100" in shown.screen()
    assert "Every output is 1 too large" in shown.screen()
    assert "Report: grade-out/mine/report.html" in shown.screen()
    assert (work / "grade-out/mine/report.html").exists()

    file.write_text(BROKEN)
    shown.until("Above is an older save")
    shown.until("Watching mine.mojo")
    line = next(n for n, text in enumerate(BROKEN.splitlines(), 1) if "nope" in text)
    column = BROKEN.splitlines()[line - 1].index("nope") + 1
    assert re.search(rf"^mine\.mojo:{line}:{column}: error.*'nope'", shown.screen(), re.MULTILINE)
    assert "Since last time: 15 → 0 points" in shown.screen()

    # A save in the middle of a compile: nothing comes of it, and its processes go.
    file.write_text(adds("12"))
    shown.until("Grading")
    wait_for(lambda: len(descendants(shown.process.pid)) > 2)
    time.sleep(1)
    old = at_work(shown.process.pid)
    file.with_suffix(".new").write_text(RIGHT)
    file.with_suffix(".new").rename(file)
    wait_for(lambda: not still_living(old), 10)  # its compile would take longer
    shown.until("Watching mine.mojo")
    assert "Passed  100 / 100" in shown.screen()
    assert "Since last time: 0 → 100 points" in shown.screen()
    assert "too large" not in shown.screen()

    file.unlink()
    shown.until("mine.mojo is not there")
    file.write_text(RIGHT)
    shown.until("As graded before, on 20")
    assert "Passed  100 / 100" in shown.screen()

    # Ctrl-C, twice, while the compiler runs.
    file.write_text(adds("13"))
    shown.until("Grading")
    wait_for(lambda: len(descendants(shown.process.pid)) > 2)
    running = descendants(shown.process.pid)
    shown.press_ctrl_c()
    shown.press_ctrl_c()
    ended(shown, work, running)


OP = reference_kernel("conv1d", "26.5", "right.mojo").read_text()
ONE_BLOCK = OP.replace("grid_dim=BLOCKS_PER_GRID", "grid_dim=1")


@pytest.mark.slow
@pytest.mark.skipif(cores() < 2, reason="a preview takes a core of its own")
def test_an_op_is_previewed_and_then_graded(work: Path, terminal: Callable[..., Terminal]) -> None:
    file = work / "conv1d.mojo"
    file.write_text(ONE_BLOCK)
    # On a busy machine a compile takes many times as long.
    shown = terminal("conv1d.mojo", "--device", "software", "--timeout", "900")
    shown.until("Above is a preview of conv1d.mojo. Grading", 900)
    line = next(n for n, text in enumerate(ONE_BLOCK.splitlines(), 1) if "grid_dim=1" in text)
    assert "Preview: not right yet" in shown.screen()
    assert f"conv1d.mojo:{line}: what is wrong" in shown.screen()
    assert "grid_dim = 1 asks for one block." in " ".join(shown.screen().split())
    assert "/ 100" not in shown.screen()
    assert not list((work / "grade-out").rglob("*.*"))  # a preview is written nowhere

    # A newer save ends the verdict that was on its way.
    old = at_work(shown.process.pid)
    file.write_text(OP)
    shown.until("Above is an older save")
    wait_for(lambda: not still_living(old), 10)
    shown.until("Above is a preview of conv1d.mojo. Grading", 900)
    assert "Preview: right so far" in shown.screen()
    assert "What" not in shown.screen()  # to hand it in would be too early
    shown.until("Watching conv1d.mojo", 900)
    assert "Passed  100 / 100" in shown.screen()
    assert "Preview" not in shown.screen()
    assert decode((work / "grade-out/conv1d/record.json").read_bytes()).toolchain.lane == "graph"
    shown.press_ctrl_c()
    ended(shown, work, descendants(shown.process.pid))


def test_it_waits_for_a_file_that_can_not_be_graded(
    work: Path, terminal: Callable[..., Terminal]
) -> None:
    file = work / "mine.mojo"
    file.write_text("")
    shown = terminal("mine.mojo")
    shown.until("Watching mine.mojo")
    assert "mine.mojo is empty" in shown.screen()
    file.write_text("def main():\n    pass\n")
    shown.until("Watching mine.mojo")
    assert "--puzzle" in shown.screen()
    shown.press_ctrl_c()
    ended(shown, work, descendants(shown.process.pid))


def test_a_name_that_is_none_is_told_at_once(work: Path) -> None:
    command = [sys.executable, "-m", "grader", "watch", "none.mojo"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "There is no file none.mojo" in done.stderr


def test_into_a_log_nothing_is_rewritten(work: Path) -> None:
    (work / "mine.mojo").write_text("")
    # What runs the tests in the background may have it ignored.
    command = ["env", "--default-signal=INT"]
    command += [sys.executable, "-m", "grader", "watch", "mine.mojo"]
    with (work / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=work, stdout=log, stderr=log)
        wait_for(lambda: "Ctrl-C ends" in (work / "log").read_text())
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        process.wait(30)
    said = (work / "log").read_text()
    assert "\x1b" not in said
    assert "\r" not in said
    assert said.count("Ctrl-C ends") == 1


@pytest.mark.slow
@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_ended_at_a_random_moment_it_leaves_nothing_running(
    how: str, work: Path, terminal: Callable[..., Terminal]
) -> None:
    """Also where the watcher can't do anything about it: a closed terminal, a kill."""
    (work / "mine.mojo").write_text(adds("12"))
    shown = terminal("mine.mojo", "--device", "software")
    until = time.monotonic() + random.uniform(0.2, 4)
    while time.monotonic() < until:
        shown.read(0.05)
    running = descendants(shown.process.pid)
    if how == "SIGINT":
        shown.press_ctrl_c()
        ended(shown, work, running)
        return
    shown.process.send_signal(getattr(signal, how))
    assert shown.process.wait(120) == -getattr(signal, how)
    wait_for(lambda: not still_living(running), 5)
    assert termios.tcgetattr(shown.slave) == shown.before
