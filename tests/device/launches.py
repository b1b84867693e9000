"""A launch as the device reports it; tests replace what they are about."""

from __future__ import annotations

from grader.device.evidence import Launch

PLAIN = Launch(
    index=1,
    kernel="k",
    module=1,
    grid=(1, 1, 1),
    block=(1, 1, 1),
    shared_bytes=0,
    instructions=1,
    seconds=0.0,
    result=0,
)
