"""A sandboxed process while it runs: its limits enforced, its output drained, its end certain.

One thread per process does all three. It never blocks on the process: whatever
the process does, the thread ends within a few seconds of the wall-clock limit.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Self

from grader.errors import SandboxFault
from grader.machine import oom_kills
from grader.sandbox import process_tree
from grader.sandbox.cgroup import ControlGroup
from grader.sandbox.policy import Capture, LimitHit, Limits, Outcome
from grader.sandbox.scratch import Scratch
from grader.sandbox.starting import StartedSandbox

_FAST, _SLOW = 0.02, 0.1
"""Seconds between two samples: while young, and later."""
_SCRATCH_EVERY = 0.3
_CONFIRM_SECONDS = 0.03
_LAST_OUTPUT_SECONDS = 1.0
_KILL_SECONDS = 4.0


Listen = Callable[[int, bytes], None]


class SandboxedProcess:
    """A process in a sandbox, and the thread that holds it to its limits. `Box.spawn` makes it.

    Args:
        popen: bubblewrap, or the launcher that reaps; with pipes for both outputs.
        up: What has come up, whose pidfd is this object's from now on.
        listen: Gets what comes on standard output (0) and standard error (1), piece by piece, in
            the watching thread: it must neither wait nor raise.
        group: Its control groups, which this object removes at the end.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        up: StartedSandbox,
        *,
        group: ControlGroup,
        scratch: Scratch | None,
        limits: Limits,
        stage: str,
        started: float,
        listen: Listen | None = None,
    ) -> None:
        self._popen = popen
        self._init = up.init
        self._init_fd = up.init_fd
        self._process_group = up.group
        self._group = group
        self._scratch = scratch
        self._lock = threading.Lock()
        self._limits = limits
        self._stage = stage
        self._started = self._stage_started = started
        self._limit: LimitHit | None = None
        self._killed = False
        self._starved = False
        self._oom_kills = oom_kills()
        self._alive = True
        self._status = 0
        self._ended = started
        self._peak = 0
        self._cpu: dict[int, float] = {}
        self._waiting: float | None = None
        self._captures = (
            (Capture(partial(listen, 0)), Capture(partial(listen, 1)))
            if listen is not None
            else (Capture(), Capture())
        )
        self._outcome: Outcome | None = None
        self._failure: BaseException | None = None
        # Not join(), for the reason that stands in `grader.grading.edition_run`.
        self._over = threading.Event()
        threading.Thread(target=self._watch, name="sandbox-watch", daemon=True).start()

    @property
    def pid(self) -> int:
        """The process id of the outermost process (bubblewrap itself, or the launcher)."""
        return self._popen.pid

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it runs."""
        return self._outcome

    @property
    def resident_bytes(self) -> int:
        """Resident memory now, of all its processes together."""
        return process_tree.usage(self._init).resident_bytes

    @property
    def peak_resident_bytes(self) -> int:
        """Most resident memory seen so far, of all its processes together."""
        return self._peak

    def begin_stage(self, stage: str, limits: Limits) -> None:
        """Start the clock anew for the next stage of the same process, under other limits.

        Only limits that the grader enforces from outside can change: wall
        clock, resident memory, tasks (downwards), scratch, output.
        """
        with self._lock:
            self._group.limit(limits)
            self._stage, self._limits = stage, limits
            self._stage_started = time.monotonic()

    def wait(self, timeout: float | None = None) -> Outcome:
        """Block until everything has ended and its output is read.

        Raises:
            TimeoutError: it still runs after ``timeout`` seconds. It is left running.
            SandboxFault: it could not be watched any more, and was ended for that.
        """
        self._over.wait(timeout)
        if self._failure is not None:
            raise SandboxFault(
                f"A sandboxed process could not be watched: {self._failure!r}.",
                remedy="Grade again; if it stays so, please report it with this message.",
            ) from self._failure
        if self._outcome is None:
            raise TimeoutError(f"the sandboxed process still runs after {timeout} s")
        return self._outcome

    def kill(self) -> Outcome:
        """End it and everything it started, now. Nothing happens where it has ended already."""
        self._end(None)
        return self.wait(_KILL_SECONDS + 4 * _LAST_OUTPUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.kill()

    # ---- from here on, in the watching thread ----

    def _watch(self) -> None:
        try:
            try:
                self._watch_until_the_end()
            except BaseException as error:
                # Without its watcher a process would be free of every limit.
                self._failure = error
                self._end(None)
                with contextlib.suppress(OSError):
                    self._popen.wait(_KILL_SECONDS)
                self._kill_orphans()
            self._finish()
        except BaseException as error:
            self._failure = self._failure or error
        finally:
            self._over.set()

    def _watch_until_the_end(self) -> None:
        next_sample = next_scratch = 0.0
        with selectors.DefaultSelector() as selector:
            streams = (self._popen.stdout, self._popen.stderr)
            for stream, capture in zip(streams, self._captures, strict=True):
                assert stream is not None
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ, capture)
            selector.register(self._init_fd, selectors.EVENT_READ, None)
            while not self._reaped():
                now = time.monotonic()
                if now >= next_sample:
                    young = now - self._started < 1.0
                    next_sample = now + (_FAST if young else _SLOW)
                    self._enforce()
                if self._scratch is not None and now >= next_scratch:
                    next_scratch = now + _SCRATCH_EVERY
                    self._enforce_scratch(self._scratch)
                self._drain(selector, max(0.001, next_sample - time.monotonic()))
            self._kill_orphans()
            self._drain_rest(selector)

    def _reaped(self) -> bool:
        """Whether the outermost process is gone. Collects its status once."""
        pid, status, usage = os.wait4(self._popen.pid, os.WNOHANG)
        if pid == 0:
            return False
        with self._lock:
            self._alive = False
        self._ended = time.monotonic()
        self._status = status
        self._popen.returncode = os.waitstatus_to_exitcode(status)
        # Not ru_maxrss: until a child has executed its command it has the grader's own memory, and
        # the kernel counts that as the child's.
        seen = sum(self._cpu.values())
        self._cpu = {0: max(seen, usage.ru_utime + usage.ru_stime)}
        return True

    def _enforce(self) -> None:
        limits = self._limits
        now = process_tree.usage(self._init)
        self._cpu.update(now.processes)
        self._peak = max(self._peak, now.resident_bytes)
        if time.monotonic() - self._stage_started > limits.wall_seconds:
            self._end(LimitHit.WALL_CLOCK)
        elif now.tasks > limits.tasks:
            self._end(LimitHit.TASKS)
        elif now.resident_bytes > limits.resident_bytes and self._memory_confirmed():
            self._end(self._memory_or_tasks())
        elif self._group.ran_out_of_memory:
            self._starved = not self._group.reached_its_limit
            if not self._starved:
                self._saw_the_limit()
            self._end(None if self._starved else self._memory_or_tasks())
        elif sum(capture.total for capture in self._captures) > limits.output_bytes:
            self._end(LimitHit.OUTPUT)

    def _saw_the_limit(self) -> None:
        """The kernel has seen memory at its limit, between two samples of ours."""
        self._peak = max(self._peak, self._limits.resident_bytes)

    def _memory_or_tasks(self) -> LimitHit:
        """The limit to report where memory is over its limit.

        A fork bomb takes memory as well, and may have got further since its tasks were counted.
        """
        tasks = process_tree.usage(self._init).tasks
        return LimitHit.TASKS if tasks > self._limits.tasks else LimitHit.MEMORY

    def _memory_confirmed(self) -> bool:
        """Whether memory is over the limit by the exact count too, and stays so for a moment.

        The quick count takes shared pages twice, and for an instant a process
        that is about to exec another looks like two of its size.
        """
        if process_tree.proportional_bytes(self._init) <= self._limits.resident_bytes:
            return False
        time.sleep(_CONFIRM_SECONDS)
        return process_tree.proportional_bytes(self._init) > self._limits.resident_bytes

    def _enforce_scratch(self, scratch: Scratch) -> None:
        if scratch.used_bytes() > self._limits.scratch_bytes:
            self._end(LimitHit.SCRATCH)

    def _drain(self, selector: selectors.BaseSelector, timeout: float) -> bool:
        """Read what is there; returns whether an output is still open."""
        for key, _events in selector.select(timeout):
            if key.data is None:
                # init is gone; its parent will follow at once, so stop waking up for it.
                selector.unregister(key.fileobj)
                continue
            assert isinstance(key.data, Capture)
            try:
                chunk = os.read(key.fd, 1 << 16)
            except BlockingIOError:
                continue
            if chunk:
                key.data.feed(chunk)
            else:
                selector.unregister(key.fileobj)
        return any(key.data is not None for key in selector.get_map().values())

    def _drain_rest(self, selector: selectors.BaseSelector) -> None:
        """Read to the end, but no longer than a moment: a survivor may hold the pipe open."""
        deadline = time.monotonic() + _LAST_OUTPUT_SECONDS
        while self._drain(selector, 0.05) and time.monotonic() < deadline:
            pass

    def _end(self, limit: LimitHit | None) -> None:
        """Kill everything; the first reason given stands. From any thread."""
        with self._lock:
            if not self._alive or self._killed:
                return
            self._killed = True
            self._limit = limit
            self._waiting = process_tree.waiting_seconds(self._init)
            self._group.forbid_forks()
            number = signal.SIGKILL if self._process_group is None else signal.SIGTERM
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._init_fd, number)
        threading.Thread(target=self._make_sure, name="sandbox-kill", daemon=True).start()

    def _make_sure(self) -> None:
        """Where the polite way has not worked after a while: kill all that can be found."""
        self._over.wait(_KILL_SECONDS)
        with self._lock:
            if not self._alive:
                return
            process_tree.kill_all(self._popen.pid)
            self._kill_group()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def _kill_orphans(self) -> None:
        """Kill what is left if the process that should have ended it was killed itself."""
        if (self._popen.returncode or 0) < 0:
            self._kill_group()

    def _kill_group(self) -> None:
        if self._process_group is not None:
            with contextlib.suppress(OSError):
                os.killpg(self._process_group, signal.SIGKILL)

    def _finish(self) -> None:
        for stream in (self._popen.stdout, self._popen.stderr):
            assert stream is not None
            stream.close()
        os.close(self._init_fd)
        code, number = _decode(self._popen.returncode)
        out, err = self._captures
        over = out.total + err.total > self._limits.output_bytes
        limit = self._limit or (LimitHit.OUTPUT if over and not self._killed else None)
        if limit is None and not self._killed:
            if self._group.ran_out_of_memory and self._group.reached_its_limit:
                self._saw_the_limit()
                limit = LimitHit.MEMORY
            else:
                self._starved = self._killed_for_others(code, number)
        self._group.remove()
        self._outcome = Outcome(
            exit_code=code,
            signal=number,
            limit=limit,
            machine_out_of_memory=self._starved,
            killed=self._killed,
            stage=self._stage,
            stage_seconds=self._ended - self._stage_started,
            wall_seconds=self._ended - self._started,
            cpu_seconds=sum(self._cpu.values()),
            waiting_seconds=self._waiting,
            peak_resident_bytes=self._peak,
            stdout=out.kept(),
            stderr=err.kept(),
            output_bytes=out.total + err.total,
        )

    def _killed_for_others(self, code: int | None, number: int | None) -> bool:
        """Whether the kernel has killed some of it for want of memory, by what it counts.

        Its own limit is known not to be the reason. Where it has no group of its own that counts,
        the groups around the grader do; and beside the signal so does the whole machine, whose
        count holds what others do as well.
        """
        if code == 0:
            return False
        if self._group.counts_kills:
            return self._group.ran_out_of_memory
        around, everywhere = (
            now > before for now, before in zip(oom_kills(), self._oom_kills, strict=True)
        )
        return around or (everywhere and number == signal.SIGKILL)


def _decode(code: int) -> tuple[int | None, int | None]:
    """Exit code and signal; bubblewrap and the launcher report signal n as 128 + n."""
    if code < 0:
        return None, -code
    if 128 < code <= 128 + signal.NSIG:
        return None, code - 128
    return code, None
