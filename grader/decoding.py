"""Read JSON, MessagePack and plain data as types, in any thread.

msgspec works out once how to read a type, when it is first asked to. Where two threads ask at the
same time, the process ends with a segmentation fault (msgspec 0.22, eleven of twelve runs of what
`tests/test_decoding.py` does here). So that is done here, by one thread at a time.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")
_LOCK = threading.Lock()


@functools.cache
def _made(make: Callable[[Any], Any], kind: Any) -> Any:
    return make(kind)


def _decoder(make: Callable[[Any], Any], kind: Any) -> Any:
    """A decoder of a type; of each there is one."""
    with _LOCK:
        return _made(make, kind)


def json_as(data: bytes | str, kind: type[T]) -> T:
    """A JSON document as a type.

    Raises:
        msgspec.DecodeError: it is none, or of another type.
    """
    decoded: T = _decoder(msgspec.json.Decoder, kind).decode(data)
    return decoded


def msgpack_as(data: bytes, kind: type[T]) -> T:
    """A MessagePack document as a type.

    Raises:
        msgspec.DecodeError: it is none, or of another type.
    """
    decoded: T = _decoder(msgspec.msgpack.Decoder, kind).decode(data)
    return decoded


def data_as(data: object, kind: type[T]) -> T:
    """What a reader of TOML gave, as a type.

    Raises:
        msgspec.ValidationError: it is of another type.
    """
    with _LOCK:
        return msgspec.convert(data, type=kind)
