"""The driver of a real GPU, as far as a test needs it: PTX in, buffers in, buffers out."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from grader.device import Dim3

_LOG_BYTES = 8192
_MAJOR, _MINOR = 75, 76
"""``CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR`` and ``_MINOR``."""
_ERROR_LOG, _ERROR_LOG_BYTES = 5, 6
"""``CU_JIT_ERROR_LOG_BUFFER`` and its size, of ``cuda.h``."""


_OF_AN_A100 = "sm_80"
_LOAD = "cuModuleLoadDataEx"
_CLUSTER_DIMENSION = 4
"""``CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION``."""


class _LaunchAttribute(ctypes.Structure):
    """``CUlaunchAttribute``, of which only the size of a cluster is used here."""

    _fields_ = (
        ("id", ctypes.c_int),
        ("pad", ctypes.c_char * 4),
        ("value", ctypes.c_uint * 16),
    )


class _LaunchConfig(ctypes.Structure):
    """``CUlaunchConfig``."""

    _fields_ = (
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared_bytes", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_LaunchAttribute)),
        ("attribute_count", ctypes.c_uint),
    )


class DriverError(Exception):
    """A call of the driver failed."""

    def __init__(self, call: str, code: int, said: str = "") -> None:
        super().__init__(f"{call} gave {code}. {said}".strip())
        self.of_module = call == _LOAD
        """Whether the assembler refused a text; the GPU can be used further."""


class Driver:
    """One context on the first GPU. After an error of a kernel, this process can use it no more."""

    def __init__(self) -> None:
        self._cuda = ctypes.CDLL("libcuda.so.1")
        self._call("cuInit", 0)
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        version = []
        for attribute in (_MAJOR, _MINOR):
            value = ctypes.c_int()
            self._call("cuDeviceGetAttribute", ctypes.byref(value), attribute, device)
            version.append(value.value)
        self.target = f"sm_{version[0]}{version[1]}"
        context = ctypes.c_void_p()
        # Not the newest version of the call: its parameters depend on the driver's.
        self._call("cuCtxCreate_v2", ctypes.byref(context), 0, device)

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._cuda, name)(*arguments)
        if code:
            raise DriverError(name, code)

    @contextmanager
    def module(self, text: str) -> Iterator[ctypes.c_void_p]:
        """A module of this PTX, as long as the block lasts.

        PTX for an A100, as tests write it, may use the instructions of the GPU that is here.

        Raises:
            DriverError: the driver's assembler refuses it; with what it said.
        """
        module, log = ctypes.c_void_p(), ctypes.create_string_buffer(_LOG_BYTES)
        options = (ctypes.c_int * 2)(_ERROR_LOG, _ERROR_LOG_BYTES)
        values = (ctypes.c_void_p * 2)(ctypes.addressof(log), _LOG_BYTES)
        code = self._cuda.cuModuleLoadDataEx(
            ctypes.byref(module),
            text.replace(_OF_AN_A100, self.target).encode() + b"\0",
            2,
            options,
            values,
        )
        if code:
            raise DriverError(_LOAD, code, log.value.decode(errors="replace"))
        try:
            yield module
        finally:
            self._cuda.cuModuleUnload(module)

    def launch(
        self,
        module: ctypes.c_void_p,
        entry: str,
        buffers: Sequence[NDArray[Any]],
        *,
        grid: Dim3 = (1, 1, 1),
        block: Dim3 = (32, 1, 1),
        shared_bytes: int = 0,
        cluster: Dim3 | None = None,
    ) -> list[NDArray[Any]]:
        """Launch an entry that takes the buffers' addresses; the buffers as it leaves them."""
        function = ctypes.c_void_p()
        self._call("cuModuleGetFunction", ctypes.byref(function), module, entry.encode())
        addresses: list[ctypes.c_uint64] = []
        try:
            for buffer in buffers:
                address = ctypes.c_uint64()
                self._call("cuMemAlloc_v2", ctypes.byref(address), max(buffer.nbytes, 1))
                addresses.append(address)
                host = np.ascontiguousarray(buffer)
                size = ctypes.c_size_t(host.nbytes)
                pointer = ctypes.c_void_p(host.ctypes.data)
                self._call("cuMemcpyHtoD_v2", address, pointer, size)
            parameters = (ctypes.c_void_p * max(len(addresses), 1))(
                *(ctypes.addressof(address) for address in addresses)
            )
            attribute = _LaunchAttribute(_CLUSTER_DIMENSION, b"", (*(cluster or (1, 1, 1)),))
            config = _LaunchConfig(
                grid, block, shared_bytes, None, ctypes.pointer(attribute), int(cluster is not None)
            )
            self._call("cuLaunchKernelEx", ctypes.byref(config), function, parameters, None)
            self._call("cuCtxSynchronize")
            after = []
            for buffer, address in zip(buffers, addresses, strict=True):
                host = np.empty_like(buffer, order="C")
                size = ctypes.c_size_t(host.nbytes)
                self._call("cuMemcpyDtoH_v2", ctypes.c_void_p(host.ctypes.data), address, size)
                after.append(host)
            return after
        finally:
            for address in addresses:
                self._cuda.cuMemFree_v2(address)
