"""Frames of `grader.framing`, written by hand."""

from __future__ import annotations

import json
import struct
from typing import Any


def frame(header: Any, payload: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<II", 4 + len(encoded) + len(payload), len(encoded)) + encoded + payload
