"""From a request to a CUresult: which function answers which operation.

The calls on the connection and on the device itself are here; others register theirs on import.
"""

from __future__ import annotations

import struct
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from grader.device import wire
from grader.device.addresses import HostAccessError, OutOfDeviceMemory
from grader.device.cuda import ATTRIBUTES, NAME, TOTAL_MEMORY, CallRefused, CudaResult
from grader.device.evidence import FindingKind
from grader.device.ptx import PtxError
from grader.device.session import DriverSession
from grader.device.wire import DriverOp
from grader.errors import GradeError, ProtocolFault

Reply = tuple[int, bytes]

_MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class _DriverCall:
    fields: struct.Struct
    takes_tail: bool
    run: Callable[..., bytes | None]
    when_sticky: bool


_CALLS: dict[DriverOp, _DriverCall] = {}


def call(
    op: DriverOp, fields: str = "", *, tail: bool = False, when_sticky: bool = False
) -> Callable[[Callable[..., bytes | None]], Callable[..., bytes | None]]:
    """Register the function that answers ``op``.

    Args:
        op: The operation.
        fields: ``struct`` letters of the request's fixed part, passed as arguments.
        tail: Whether bytes may follow; they are the last argument.
        when_sticky: Whether the call works after a device fault.
    """

    def register(run: Callable[..., bytes | None]) -> Callable[..., bytes | None]:
        _CALLS[op] = _DriverCall(struct.Struct("<" + fields), tail, run, when_sticky)
        return run

    return register


def printable(text: memoryview) -> str:
    """Text of the worker, shortened and on one line."""
    shown = bytes(text[:_MAX_TEXT]).decode("ascii", "replace")
    return "".join(c if c.isprintable() else "?" for c in shown)


def _arguments(entry: _DriverCall, op: DriverOp, payload: bytearray) -> tuple[Any, ...]:
    fixed = entry.fields.size
    if len(payload) < fixed or (len(payload) > fixed and not entry.takes_tail):
        raise ProtocolFault(f"a request {op.name} can't have {len(payload)} bytes")
    fields = entry.fields.unpack_from(payload)
    return (*fields, memoryview(payload)[fixed:]) if entry.takes_tail else fields


def dispatch(session: DriverSession, op: DriverOp, payload: bytearray) -> Reply:
    """Run one driver call and return its CUresult and answer.

    Raises:
        ProtocolFault: The payload is not what the operation takes; the connection can't go on.
    """
    entry = _CALLS[op]
    arguments = _arguments(entry, op, payload)
    if session.sticky and not entry.when_sticky:
        return session.sticky, b""
    try:
        return CudaResult.SUCCESS, entry.run(session, *arguments) or b""
    except CallRefused as refusal:
        return refusal.result, refusal.text.encode()
    except HostAccessError as error:
        session.log.finding(
            FindingKind.OUT_OF_BOUNDS, str(error), address=error.address, size=error.size
        )
        return CudaResult.INVALID_VALUE, b""
    except OutOfDeviceMemory as error:
        if error.asked <= TOTAL_MEMORY:
            # A GPU has as much.
            session.log.unsupported(f"this machine has not the memory of a GPU: {error}")
        return CudaResult.OUT_OF_MEMORY, b""
    except GradeError as error:
        session.log.unsupported(error.what)
        bad_ptx = isinstance(error, PtxError) and op is DriverOp.MODULE_LOAD
        return CudaResult.INVALID_PTX if bad_ptx else CudaResult.NOT_SUPPORTED, error.what.encode()
    except Exception as error:
        # A defect of ours must become "could not check", never the student's fault.
        traceback.print_exc(file=sys.stderr)
        session.log.unsupported(f"the device failed in {op.name}: {type(error).__name__}: {error}")
        return CudaResult.UNKNOWN, b""


_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


@call(DriverOp.HELLO, "I", when_sticky=True)
def hello(session: DriverSession, version: int) -> bytes:
    """Agree on the protocol's version."""
    if version != wire.VERSION:
        session.log.unsupported(
            f"the driver library speaks version {version} of the protocol, "
            f"the device version {wire.VERSION}"
        )
        raise CallRefused(CudaResult.NO_DEVICE)
    return _U32.pack(wire.VERSION)


@call(DriverOp.UNSUPPORTED, tail=True, when_sticky=True)
def unsupported(session: DriverSession, name: memoryview) -> None:
    """Note a driver call that the library has only as a stub."""
    session.log.unsupported(
        f"the software device does not support the driver call {printable(name)}"
    )
    if session.sticky:
        raise CallRefused(session.sticky)


@call(DriverOp.STATUS)
def status(session: DriverSession) -> None:
    """Nothing, unless the device has faulted."""


@call(DriverOp.DEVICE_NAME, when_sticky=True)
def device_name(session: DriverSession) -> bytes:
    """The device's name."""
    return NAME.encode()


@call(DriverOp.DEVICE_ATTRIBUTE, "i", when_sticky=True)
def device_attribute(session: DriverSession, attribute: int) -> bytes:
    """One ``CUdevice_attribute``; a feature that is not listed is absent."""
    if attribute <= 0:
        raise CallRefused(CudaResult.INVALID_VALUE)
    return _I32.pack(ATTRIBUTES.get(attribute, 0))
