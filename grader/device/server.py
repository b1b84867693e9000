"""The device process: ``python -P -m grader.device.server --control-fd N``.

One thread listens to the grader, one to the worker that is connected. A lock keeps them from
handling two messages at once. The worker is untrusted: a request that breaks the protocol closes
its connection and has no other effect.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import sys
import threading
import time

from grader.device import control, wire
from grader.device.calls import dispatch
from grader.device.memory import GlobalMemory
from grader.device.repeat import Exchange, NotRepeatable, difference, repeat
from grader.device.session import DeviceState, DriverSession
from grader.device.simulator import Interpreter, Simulator
from grader.errors import ProtocolFault


class Server:
    """Serves one grader until it asks for a shutdown or closes the channel.

    Args:
        control_socket: The grader's channel.
        simulator: Runs the kernels.
    """

    def __init__(self, control_socket: socket.socket, simulator: Simulator) -> None:
        self._control = control_socket
        self._device = DeviceState(simulator)
        self._lock = threading.Lock()
        self._driver: socket.socket | None = None

    def run(self) -> None:
        """Answer the grader; returns after ``Shutdown`` or at the end of the channel.

        Raises:
            ProtocolFault: The grader sent something that is not a message.
        """
        while (frame := control.receive(self._control, control.MAX_REQUEST)) is not None:
            body, fds = frame
            request = control.decode_request(body)
            control.send(self._control, self._answer(request, fds))
            if isinstance(request, control.Shutdown):
                return

    def _answer(
        self, request: control.ControlRequest, fds: tuple[int, ...]
    ) -> control.ControlAnswer:
        if len(fds) != isinstance(request, control.Connect):
            for fd in fds:
                os.close(fd)
            return control.Refused("a driver socket comes with Connect, and only with it")
        match request:
            case control.ControlHello(version) if version != control.VERSION:
                return control.Refused(
                    f"the grader speaks version {version} of the control protocol, "
                    f"the device version {control.VERSION}"
                )
            case control.Connect():
                self._connect(socket.socket(fileno=fds[0]))
            case control.BeginCase(setup):
                try:
                    with self._lock:
                        self._device.begin_case(setup)
                except ValueError as error:
                    return control.Refused(str(error))
            case control.EndCase():
                with self._lock:
                    return control.EvidenceAnswer(self._device.end_case())
            case control.Keep() | control.Compare() | control.Repeat():
                with self._lock:
                    return self._answer_on_kept_cases(request)
            case control.ControlHello() | control.Shutdown():
                pass
        return control.Done()

    def _answer_on_kept_cases(
        self, request: control.Keep | control.Compare | control.Repeat
    ) -> control.ControlAnswer:
        session = self._device.session
        if isinstance(request, control.Keep):
            if session.journal is None:
                return control.Refused("the last case was not begun as a repeatable one")
            session.kept[request.number] = session.journal
            return control.Done()
        numbers = (
            (request.one, request.other)
            if isinstance(request, control.Compare)
            else (request.kept, request.like)
        )
        if missing := set(numbers) - session.kept.keys():
            return control.Refused(f"no case is kept under {min(missing)}")
        one, other = (session.kept[number] for number in numbers)
        try:
            if isinstance(request, control.Compare):
                return control.Compared(difference(one, other, request.pairs))
            memory = _empty_memory_like(session.memory)
            exchange = Exchange(one, request.pairs, moved=request.moved)
            done = repeat(one, exchange, memory, copy=request.copy, like=other)
        except NotRepeatable as error:
            compare = isinstance(request, control.Compare)
            return (control.Compared if compare else control.Repeated)(why=str(error))
        return control.Repeated(done.data, done.launches)

    def _connect(self, sock: socket.socket) -> None:
        """Let a new worker in; the one before it is cut off."""
        if self._driver is not None:
            _hang_up(self._driver)
        self._driver = sock
        sock.setblocking(True)
        with self._lock:
            session = self._device.connect()
        threading.Thread(target=self._serve, args=(sock, session), daemon=True).start()

    def _serve(self, sock: socket.socket, session: DriverSession) -> None:
        try:
            while (request := wire.receive_request(sock)) is not None:
                with self._lock:
                    if session.closed:
                        break
                    began = time.monotonic()
                    result, payload = dispatch(session, request.op, request.payload)
                    session.log.seconds += time.monotonic() - began
                wire.send_reply(sock, request.sequence, result, payload)
        except ProtocolFault as fault:
            with self._lock:
                if not session.closed:
                    session.log.broken_protocol(fault.what)
        except OSError:
            pass  # The worker is gone; the grader sees that for itself.
        finally:
            _hang_up(sock)


def _empty_memory_like(memory: GlobalMemory) -> GlobalMemory:
    """An empty memory of the same size."""
    try:
        return GlobalMemory(memory.capacity, memory.window)
    except (OSError, MemoryError, OverflowError) as error:
        raise NotRepeatable("this machine reserves no second memory for the device") from error


def _hang_up(sock: socket.socket) -> None:
    """End both directions, which also wakes a thread that waits on the socket."""
    with contextlib.suppress(OSError):  # The other end may have hung up first.
        sock.shutdown(socket.SHUT_RDWR)


def serve(control_fd: int, simulator: Simulator) -> int:
    """Run a server on an inherited descriptor; returns the process's exit status."""
    os.set_inheritable(control_fd, False)
    with socket.socket(fileno=control_fd) as sock:
        try:
            Server(sock, simulator).run()
        except ProtocolFault as fault:
            sys.stderr.write(f"device: {fault.what}\n")
            return 2
        except ConnectionError:
            return 0
    return 0


def main() -> int:
    """The process's entry."""
    parser = argparse.ArgumentParser(prog="grader.device.server", allow_abbrev=False)
    parser.add_argument("--control-fd", type=int, required=True)
    return serve(parser.parse_args().control_fd, Interpreter())


if __name__ == "__main__":
    sys.exit(main())
