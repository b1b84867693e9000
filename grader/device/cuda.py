"""What CUDA lays down: the driver's result codes, and what the device says of itself.

It is an A100 as far as MAX asks. The numbers are those of an A100-SXM4-40GB (compute capability
8.0) in the CUDA programming guide's table of technical specifications. Attribute numbers are those
of ``CUdevice_attribute``.
"""

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


ARCHITECTURE = "sm_80"
"""What MAX compiles for where it asks. Code for later ones runs as well."""
NAME = f"Software CUDA device (A100, {ARCHITECTURE})"

TOTAL_MEMORY = 40 << 30
"""Bytes of device memory that are reported and can be allocated: those of the GPU.

They are address space only, until something is written there. Then a byte costs the device
process ten: its value, whether it was written, and by whom. What that may come to is limited
from outside, by the sandbox that starts the process. A program that passes that limit gets no mark;
one that asks for more than the GPU has gets the GPU's error.
"""

MULTIPROCESSORS = 108
WARP = 32
MAX_THREADS_PER_BLOCK = 1024
MAX_BLOCK = (1024, 1024, 64)
MAX_CLUSTER = 8
"""Blocks of a cluster, on any GPU that has clusters (an A100 has none)."""
MOST_CLUSTER = 16
"""The same where the function is allowed sizes that are not portable, as on an H100."""
MAX_GRID = (2**31 - 1, 65535, 65535)
MAX_SHARED_PER_BLOCK = 49152
MAX_SHARED_PER_BLOCK_OPTIN = 166912
SHARED_PER_MULTIPROCESSOR = 167936
RESERVED_SHARED_PER_BLOCK = 1024
MAX_THREADS_PER_MULTIPROCESSOR = 2048
MAX_BLOCKS_PER_MULTIPROCESSOR = 32

ATTRIBUTES: dict[int, int] = {
    1: MAX_THREADS_PER_BLOCK,
    2: MAX_BLOCK[0],
    3: MAX_BLOCK[1],
    4: MAX_BLOCK[2],
    5: MAX_GRID[0],
    6: MAX_GRID[1],
    7: MAX_GRID[2],
    8: MAX_SHARED_PER_BLOCK,
    9: 65536,  # constant memory
    10: WARP,
    11: 2**31 - 1,  # pitch of a 2D copy
    12: 65536,  # registers per block
    13: 1410000,  # clock, kHz
    14: 512,  # texture alignment
    15: 1,  # copies overlap with kernels
    16: MULTIPROCESSORS,
    17: 0,  # no limit on run time, as a GPU with a display has
    18: 0,  # not integrated
    19: 0,  # host memory can't be mapped
    20: 0,  # compute mode: default
    31: 1,  # concurrent kernels
    32: 1,  # ECC
    33: 1,  # PCI bus
    34: 0,  # PCI device
    35: 0,  # TCC driver
    36: 1215000,  # memory clock, kHz
    37: 5120,  # memory bus, bits
    38: 40 << 20,  # L2 cache
    39: MAX_THREADS_PER_MULTIPROCESSOR,
    40: 3,  # copy engines
    41: 1,  # unified addressing
    50: 0,  # PCI domain
    75: 8,  # compute capability, major
    76: 0,  # compute capability, minor
    78: 1,  # stream priorities
    79: 1,  # L1 cache for globals
    80: 1,  # L1 cache for locals
    81: SHARED_PER_MULTIPROCESSOR,
    82: 65536,  # registers per multiprocessor
    83: 0,  # managed memory
    84: 0,  # multi-GPU board
    85: 0,  # multi-GPU board group
    86: 0,  # native atomics between host and device
    87: 2,  # single to double precision performance
    88: 0,  # pageable memory access
    89: 0,  # concurrent managed access
    90: 0,  # compute preemption
    91: 0,  # host pointers of registered memory
    95: 0,  # cooperative launch
    97: MAX_SHARED_PER_BLOCK_OPTIN,
    102: 0,  # virtual memory management
    106: MAX_BLOCKS_PER_MULTIPROCESSOR,
    108: 40 << 20,  # persisting L2
    111: RESERVED_SHARED_PER_BLOCK,
    115: 0,  # memory pools
    119: 0,  # GPUDirect RDMA
}
"""Attribute number to value. One that is absent reads as 0: the feature is not there."""


def occupancy(threads: int, shared_bytes: int) -> int:
    """Blocks of ``threads`` threads and ``shared_bytes`` that fit on one multiprocessor.

    Registers are not counted: PTX does not say how many a kernel takes.
    """
    if not 0 < threads <= MAX_THREADS_PER_BLOCK:
        return 0
    warps = -(-threads // WARP)
    by_threads = MAX_THREADS_PER_MULTIPROCESSOR // (warps * WARP)
    by_shared = SHARED_PER_MULTIPROCESSOR // (shared_bytes + RESERVED_SHARED_PER_BLOCK)
    return min(MAX_BLOCKS_PER_MULTIPROCESSOR, by_threads, by_shared)
