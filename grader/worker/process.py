"""The worker process, from the grader's side: start it, build the plan, run cases.

The worker runs student code in its own process, so every byte that arrives from it is untrusted:
see `grader.framing`.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import msgspec

from grader.framing import BrokenProtocol, DeadlinePassed, FramedChannel, PeerGone
from grader.sandbox import MIB, LimitHit, Limits, Outcome, SandboxedProcess
from grader.toolchain.workspace import Workspace


class WorkerReady(
    msgspec.Struct, frozen=True, tag_field="kind", tag="hello", forbid_unknown_fields=True
):
    """The device is open. ``seconds`` since the worker began to import max."""

    seconds: float


class Compiled(
    msgspec.Struct, frozen=True, tag_field="kind", tag="compiled", forbid_unknown_fields=True
):
    """Everything is compiled and loaded."""

    seconds: float
    refused: dict[int, int] = {}
    """By the number of a shape that can't be run: which of its launches is why, from 1."""


class Failed(
    msgspec.Struct, frozen=True, tag_field="kind", tag="failed", forbid_unknown_fields=True
):
    """The worker can't go on."""

    stage: Literal["device", "compile"]
    message: str


class CaseResult(
    msgspec.Struct, frozen=True, tag_field="kind", tag="result", forbid_unknown_fields=True
):
    """A case ran. The payload is cut by ``lengths``: the output, then each input."""

    case: int
    lengths: tuple[int, ...]


class CaseError(
    msgspec.Struct, frozen=True, tag_field="kind", tag="error", forbid_unknown_fields=True
):
    """A case ended in an exception."""

    case: int
    message: str


Message = WorkerReady | Compiled | Failed | CaseResult | CaseError
MESSAGES: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def cut(message: CaseResult, payload: bytes, lengths: tuple[int, ...]) -> tuple[bytes, ...]:
    """The parts of a result's payload, which must have exactly these lengths.

    Raises:
        BrokenProtocol: another number of parts, or other lengths, than the case has.
    """
    if message.lengths != lengths or len(payload) != sum(lengths):
        raise BrokenProtocol(f"a result of {message.lengths} bytes where the case has {lengths}")
    parts, start = [], 0
    for length in lengths:
        parts.append(payload[start : start + length])
        start += length
    return tuple(parts)


Session = Literal["graphs", "libraries"]
"""What a worker runs: MAX Graphs, or libraries that launch kernels."""
SCRIPT = Path(__file__).with_name("script.py")

EXECUTION = Limits(wall_seconds=86_400, resident_bytes=3072 * MIB, scratch_bytes=1024 * MIB)
"""Of all cases; memory on top of what the compile has left, which can be more than this.

Each case has a deadline of its own; the clock here also runs while the grader computes.
"""
SHAPE_SECONDS = 3.0
"""What a compile may take for each shape, on top of its limit. It needs 0.3 s on idle cores."""
END_SECONDS = 10.0
"""How long a worker that is being ended may take until its outcome is known."""

_LIMITS = {
    LimitHit.WALL_CLOCK: "it ran for longer than a submission may",
    LimitHit.MEMORY: "it took more memory than a submission may",
    LimitHit.TASKS: "it started more processes than a submission may",
    LimitHit.SCRATCH: "it filled the disk space that a submission has",
    LimitHit.OUTPUT: "it printed more than a submission may",
}


class DriverAccess(Protocol):
    """What a worker needs to reach its device. `grader.device` provides it."""

    @property
    def worker_fd(self) -> int | None:
        """Descriptor to pass, if the device is reached through one."""

    def worker_environment(self, inside: Callable[[Path], str]) -> Mapping[str, str]:
        """Variables that the worker needs, with paths as it sees them."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The worker has ended and can't be used again.

    ``why`` is ``died``, ``late`` (the deadline passed), ``limit`` (the sandbox
    ended it), ``protocol`` (it broke the protocol) or ``failed`` (it said so).
    """

    why: str
    message: str
    outcome: Outcome
    stage: str = ""
    """Where it said that it failed: ``device`` or ``compile``."""

    @property
    def output(self) -> str:
        """What the process printed, as text; from a flood, its beginning and end."""
        return (self.outcome.stderr + b"\n" + self.outcome.stdout).decode("utf-8", "replace")


class Worker:
    """One worker process with its channel.

    Every method that waits returns `Ended` where the worker did not get
    through; from then on the process is gone and this object is spent.
    """

    def __init__(
        self,
        workspace: Workspace,
        device: DriverAccess,
        *,
        session: Session,
        compile_limits: Limits,
        script: Path = SCRIPT,
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            fds = [theirs.fileno()]
            if device.worker_fd is not None:
                fds.append(device.worker_fd)
            self._process: SandboxedProcess = workspace.box.spawn(
                workspace.box.python_command("-W", "ignore", workspace.box.inside(script), session),
                stage="compile",
                limits=compile_limits,
                environment={
                    **workspace.environment(),
                    **workspace.box.python_environment(),
                    **device.worker_environment(workspace.box.inside),
                    "GRADE_CHANNEL_FD": str(theirs.fileno()),
                },
                pass_fds=fds,
                directory=workspace.box.inside(workspace.run_directory),
            )
        self._channel = FramedChannel(ours.detach(), MESSAGES)
        self._compile_limits = compile_limits
        self._case = 0
        self.refused: dict[int, int] = {}
        """What the worker said that it can't run; see `Compiled`."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def build(self, plan: Mapping[str, Any]) -> float | Ended:
        """Compile the plan; seconds that it took."""
        more = SHAPE_SECONDS * len(plan["shapes"])
        limits = msgspec.structs.replace(
            self._compile_limits, wall_seconds=self._compile_limits.wall_seconds + more
        )
        # It may have been started before its turn.
        self._process.begin_stage("compile", limits)
        deadline = time.monotonic() + limits.wall_seconds + END_SECONDS
        # No code of the submission has run yet: only until then can the device be at fault.
        hello = self._ask(None, b"", deadline, may_fail="device")
        if not isinstance(hello, tuple):
            return hello
        if not isinstance(hello[0], WorkerReady):
            return self._refuse(hello[0], "hello")
        answer = self._ask({"kind": "build", "plan": dict(plan)}, b"", deadline, may_fail="compile")
        if not isinstance(answer, tuple):
            return answer
        if not isinstance(answer[0], Compiled):
            return self._refuse(answer[0], "compiled")
        most = EXECUTION.resident_bytes + self._process.resident_bytes
        self._process.begin_stage("run", msgspec.structs.replace(EXECUTION, resident_bytes=most))
        self.refused = answer[0].refused
        return answer[0].seconds

    def run(
        self, shape: int, payload: bytes, lengths: tuple[int, ...], *, seconds: float
    ) -> tuple[bytes, ...] | CaseError | Ended:
        """Run one case.

        Args:
            shape: Number of the shape in the plan.
            payload: The inputs' bytes.
            lengths: Bytes of the output and of each input.
            seconds: How long it may take.

        Returns:
            The bytes of the output and of each input after the call.
        """
        self._case += 1
        header = {"kind": "case", "case": self._case, "shape": shape}
        answer = self._ask(header, payload, time.monotonic() + seconds)
        if not isinstance(answer, tuple):
            return answer
        message, data = answer
        if not isinstance(message, CaseResult | CaseError) or message.case != self._case:
            return self._refuse(message, f"the result of case {self._case}")
        if isinstance(message, CaseError):
            return message
        try:
            return cut(message, data, lengths)
        except BrokenProtocol as error:
            return self._end("protocol", str(error))

    @property
    def peak_resident_bytes(self) -> int:
        """Most resident memory so far."""
        return self._process.peak_resident_bytes

    def close(self) -> Outcome:
        """End the worker, kindly at first."""
        with contextlib.suppress(PeerGone, DeadlinePassed):
            self._channel.send({"kind": "stop"}, deadline=time.monotonic() + 0.5)
            with contextlib.suppress(TimeoutError):
                self._process.wait(1.0)
        self._channel.close()
        return self._process.kill()

    def _ask(
        self,
        header: Mapping[str, Any] | None,
        payload: bytes,
        deadline: float,
        *,
        may_fail: str = "",
    ) -> tuple[Message, bytes] | Ended:
        """Send, unless there is nothing to send, and wait for the answer.

        ``may_fail``: the stage in which it may say that it failed. Said at any
        other time, it is the submission that speaks.
        """
        try:
            if header is not None:
                self._channel.send(header, payload, deadline=deadline)
            message, data = self._channel.receive(deadline=deadline)
        except PeerGone:
            return self._gone()
        except DeadlinePassed:
            return self._end("late", "no answer before the time limit")
        except BrokenProtocol as error:
            return self._end("protocol", str(error))
        if isinstance(message, Failed):
            if message.stage == may_fail:
                return self._failed(message)
            return self._refuse(message, f"an answer (it said that {message.stage} failed)")
        return message, data

    def _gone(self) -> Ended:
        """The channel is closed: wait for the process to end, and say how."""
        self._channel.close()
        try:
            outcome = self._process.wait(END_SECONDS)
        except TimeoutError:
            outcome = self._process.kill()
        if outcome.limit is not None:
            return Ended(why="limit", message=_LIMITS[outcome.limit], outcome=outcome)
        return Ended(why="died", message=f"the process ended ({outcome.how})", outcome=outcome)

    def _failed(self, message: Failed) -> Ended:
        self._channel.close()
        with contextlib.suppress(TimeoutError):
            self._process.wait(2.0)
        outcome = self._process.kill()
        return Ended(why="failed", message=message.message, outcome=outcome, stage=message.stage)

    def _refuse(self, message: Message, awaited: str) -> Ended:
        return self._end("protocol", f"it sent {type(message).__name__} instead of {awaited}")

    def _end(self, why: str, message: str) -> Ended:
        self._channel.close()
        outcome = self._process.kill()
        if outcome.limit is not None:
            why, message = "limit", _LIMITS[outcome.limit]
        return Ended(why=why, message=message, outcome=outcome)
