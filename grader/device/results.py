"""CUresult codes of the driver, and the exceptions that carry one."""

from __future__ import annotations

from enum import IntEnum


class CudaResult(IntEnum):
    """The CUresult values that this device returns (CUDA Driver API manual, "Data types")."""

    SUCCESS = 0
    INVALID_VALUE = 1
    OUT_OF_MEMORY = 2
    NOT_INITIALIZED = 3
    NO_DEVICE = 100
    INVALID_DEVICE = 101
    INVALID_IMAGE = 200
    INVALID_CONTEXT = 201
    INVALID_PTX = 218
    INVALID_HANDLE = 400
    NOT_FOUND = 500
    NOT_READY = 600
    ILLEGAL_ADDRESS = 700
    LAUNCH_OUT_OF_RESOURCES = 701
    LAUNCH_TIMEOUT = 702
    ASSERT = 710
    HARDWARE_STACK_ERROR = 714
    ILLEGAL_INSTRUCTION = 715
    MISALIGNED_ADDRESS = 716
    INVALID_ADDRESS_SPACE = 717
    INVALID_PC = 718
    LAUNCH_FAILED = 719
    NOT_SUPPORTED = 801
    UNKNOWN = 999


class CallRefused(Exception):
    """A driver call ends with an error code. Never leaves the device process.

    Args:
        result: What the call returns.
        text: Sent to the client beside the code (the log of a failed module load).
    """

    def __init__(self, result: CudaResult, text: str = "") -> None:
        super().__init__(f"{result.name}: {text}" if text else result.name)
        self.result = result
        self.text = text


class KernelFault(Exception):
    """The launch ends with an error, as on a GPU. Never leaves :func:`launch`."""

    def __init__(self, result: CudaResult) -> None:
        super().__init__(result.name)
        self.result = result
