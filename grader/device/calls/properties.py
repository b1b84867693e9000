"""Calls that ask what the device is, and the one for calls that it lacks."""

from __future__ import annotations

import struct

from grader.device import wire
from grader.device.attributes import ATTRIBUTES, NAME
from grader.device.calls.table import call, printable
from grader.device.results import CallRefused, Result
from grader.device.session import Session
from grader.device.wire import Op

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")


@call(Op.HELLO, "I", when_sticky=True)
def hello(session: Session, version: int) -> bytes:
    """Agree on the protocol's version."""
    if version != wire.VERSION:
        session.log.unsupported(
            f"the driver library speaks version {version} of the protocol, "
            f"the device version {wire.VERSION}"
        )
        raise CallRefused(Result.NO_DEVICE)
    return _U32.pack(wire.VERSION)


@call(Op.UNSUPPORTED, tail=True, when_sticky=True)
def unsupported(session: Session, name: memoryview) -> None:
    """Note a driver call that the library has only as a stub."""
    session.log.unsupported(
        f"the software device does not support the driver call {printable(name)}"
    )
    if session.sticky:
        raise CallRefused(session.sticky)


@call(Op.STATUS)
def status(session: Session) -> None:
    """Nothing, unless the device has faulted."""


@call(Op.DEVICE_NAME, when_sticky=True)
def device_name(session: Session) -> bytes:
    """The device's name."""
    return NAME.encode()


@call(Op.DEVICE_ATTRIBUTE, "i", when_sticky=True)
def device_attribute(session: Session, attribute: int) -> bytes:
    """One ``CUdevice_attribute``; a feature that is not listed is absent."""
    if attribute <= 0:
        raise CallRefused(Result.INVALID_VALUE)
    return _I32.pack(ATTRIBUTES.get(attribute, 0))
