"""The heap of kernels: ``malloc`` and ``free``, which the driver provides.

A String that grows or a List in a kernel lies there. It outlives the launch, as on a GPU.
"""

from __future__ import annotations

from grader.device.addresses import OutOfDeviceMemory
from grader.device.memory import GlobalMemory

HEAP_BYTES = 8 << 20
"""CUDA C++ Programming Guide, "Dynamic Global Memory Allocation": the heap's size by default."""


class Heap:
    """What kernels have allocated on one device memory."""

    def __init__(self) -> None:
        self._sizes: dict[int, int] = {}
        self._used = 0

    def allocate(self, memory: GlobalMemory, size: int) -> int:
        """The address of ``size`` new bytes; 0 where there is no room."""
        size = max(size, 1)
        if self._used + size > HEAP_BYTES:
            return 0
        try:
            address = memory.allocate(size)
        except OutOfDeviceMemory:
            return 0
        self._sizes[address] = size
        self._used += size
        return address

    def free(self, memory: GlobalMemory, address: int) -> bool:
        """Give an allocation back. False where ``allocate`` did not give it, or no longer."""
        size = self._sizes.pop(address, None)
        if size is None:
            return False
        self._used -= size
        memory.free(address)
        return True
