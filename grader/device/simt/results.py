"""The CUresult codes a launch can end in (values of the CUDA driver API)."""

from __future__ import annotations

from enum import IntEnum


class Result(IntEnum):
    """How a launch ended."""

    SUCCESS = 0
    INVALID_VALUE = 1
    ILLEGAL_ADDRESS = 700
    LAUNCH_TIMEOUT = 702
    ASSERT = 710
    MISALIGNED_ADDRESS = 716
    LAUNCH_FAILED = 719
