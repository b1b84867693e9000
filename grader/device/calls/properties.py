"""Calls that ask for properties of the device, and the one that names a missing call."""

from __future__ import annotations

import struct

from grader.device import wire
from grader.device.calls.table import call, printable
from grader.device.cuda import ATTRIBUTES, NAME, CallRefused, CudaResult
from grader.device.session import DriverSession
from grader.device.wire import DriverOp

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
