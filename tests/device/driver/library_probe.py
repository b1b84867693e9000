"""A worker without MAX: calls the built driver libraries through ctypes.

Runs one scenario, named on the command line, and prints what it saw as JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

PROGRAM = b"fake program"

cuda, nvml, ptx = (
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    for path in os.environ["GRADE_DRIVER_LIBRARIES"].split(os.pathsep)
)
u64, u32, i32 = ctypes.c_uint64, ctypes.c_uint32, ctypes.c_int


def device_pointer(size: int) -> ctypes.c_uint64:
    pointer = u64()
    assert cuda.cuMemAlloc_v2(ctypes.byref(pointer), ctypes.c_size_t(size)) == 0
    return pointer


def kernel(name: bytes) -> ctypes.c_void_p:
    module, function = u64(), ctypes.c_void_p()
    assert cuda.cuModuleLoadDataEx(ctypes.byref(module), PROGRAM, 0, None, None) == 0
    assert cuda.cuModuleGetFunction(ctypes.byref(function), module, name) == 0
    return function


def launch(function: ctypes.c_void_p, values: Any = None, extra: Any = None) -> int:
    ones = (u32(1),) * 6
    result: int = cuda.cuLaunchKernel(function, *ones, u32(0), u64(0), values, extra)
    return result


def pointers(*values: Any) -> Any:
    return (ctypes.c_void_p * len(values))(*(ctypes.addressof(value) for value in values))


def symbols() -> dict[str, list[str]]:
    """Which of the names on stdin neither library has."""
    wanted = sys.stdin.read().split()
    return {"missing": [n for n in wanted if not (hasattr(cuda, n) or hasattr(nvml, n))]}


def properties() -> dict[str, Any]:
    name, value = ctypes.create_string_buffer(8), i32()
    seen: dict[str, Any] = {"init": cuda.cuInit(0)}
    seen["name"] = (cuda.cuDeviceGetName(name, 8, 0), name.value.decode())
    cuda.cuDeviceGetAttribute(ctypes.byref(value), 75, 0)
    seen["major"] = value.value
    seen["other device"] = cuda.cuDeviceGetAttribute(ctypes.byref(value), 75, 1)
    text = ctypes.c_char_p()
    seen["error"] = (cuda.cuGetErrorName(700, ctypes.byref(text)), (text.value or b"").decode())
    seen["no error"] = cuda.cuGetErrorString(12345, ctypes.byref(text))
    return seen


def management() -> dict[str, Any]:
    handle, major, minor = ctypes.c_void_p(), i32(), i32()
    memory, pci = (ctypes.c_ulonglong * 3)(), ctypes.create_string_buffer(68)
    seen: dict[str, Any] = {"init": nvml.nvmlInit_v2()}
    nvml.nvmlDeviceGetHandleByIndex(0, ctypes.byref(handle))
    nvml.nvmlDeviceGetMemoryInfo(handle, memory)
    nvml.nvmlDeviceGetCudaComputeCapability(handle, ctypes.byref(major), ctypes.byref(minor))
    nvml.nvmlDeviceGetPciInfo_v3(handle, pci)
    device_pointer(4096)
    seen["memory"] = list(memory)
    seen["capability"] = [major.value, minor.value]
    seen["pci"] = [
        pci.raw[:12].decode(),
        *(int.from_bytes(pci.raw[i : i + 4], "little") for i in (16, 20, 24)),
    ]
    seen["bus"] = pci.raw[36:52].decode()
    seen["mig"] = nvml.nvmlDeviceGetMigMode(handle, None, None)
    seen["bad handle"] = nvml.nvmlDeviceGetMemoryInfo(ctypes.c_void_p(1), memory)
    return seen


def compiler() -> dict[str, Any]:
    handle, size = ctypes.c_void_p(), ctypes.c_size_t()
    text = b".version 8.1\n"
    ptx.nvPTXCompilerCreate(ctypes.byref(handle), ctypes.c_size_t(len(text)), text)
    options = (ctypes.c_char_p * 1)(b"--gpu-name=sm_80")
    seen: dict[str, Any] = {"compile": ptx.nvPTXCompilerCompile(handle, 1, options)}
    ptx.nvPTXCompilerGetCompiledProgramSize(handle, ctypes.byref(size))
    program = ctypes.create_string_buffer(size.value)
    ptx.nvPTXCompilerGetCompiledProgram(handle, program)
    seen["program"] = program.raw.decode()
    seen["destroy"] = ptx.nvPTXCompilerDestroy(ctypes.byref(handle))
    seen["without a handle"] = ptx.nvPTXCompilerCompile(None, 0, None)
    return seen


def memory() -> dict[str, Any]:
    pointer, base, size = device_pointer(60), u64(), ctypes.c_size_t()
    data = ctypes.create_string_buffer(bytes(range(60)), 60)
    back = ctypes.create_string_buffer(60)
    seen: dict[str, Any] = {}
    seen["in"] = cuda.cuMemcpyHtoDAsync_v2(pointer, data, ctypes.c_size_t(60), None)
    seen["set"] = cuda.cuMemsetD32Async(
        u64(pointer.value + 4), u32(0xAABBCCDD), ctypes.c_size_t(1), None
    )
    seen["out"] = cuda.cuMemcpyDtoHAsync_v2(back, pointer, ctypes.c_size_t(60), None)
    seen["data"] = back.raw.hex()
    cuda.cuMemGetAddressRange_v2(ctypes.byref(base), ctypes.byref(size), u64(pointer.value + 59))
    seen["range"] = [base.value - pointer.value, size.value]
    kind, attributes = u32(), (i32 * 1)(2)
    for where, label in ((pointer, "device"), (u64(4096), "elsewhere")):
        seen[label] = cuda.cuPointerGetAttributes(1, attributes, pointers(kind), where), kind.value
    seen["outside"] = cuda.cuMemcpyDtoH_v2(back, pointer, ctypes.c_size_t(61))
    seen["long"] = _long_copies((64 << 20) + 5)
    seen["free"] = [cuda.cuMemFree_v2(pointer), cuda.cuMemFree_v2(pointer)]
    return seen


def _long_copies(count: int) -> list[Any]:
    """Copies of more than one request carries: their results, and whether the data came back."""
    pointer = device_pointer(count)
    data = ctypes.create_string_buffer((bytes(range(251)) * (count // 251 + 1))[:count], count)
    back = ctypes.create_string_buffer(count)
    results = [
        cuda.cuMemcpyHtoD_v2(pointer, data, ctypes.c_size_t(count)),
        cuda.cuMemcpyDtoH_v2(back, pointer, ctypes.c_size_t(count)),
        cuda.cuMemcpyDtoH_v2(back, pointer, ctypes.c_size_t(count + 1)),
    ]
    cuda.cuMemFree_v2(pointer)
    return [*results, back.raw == data.raw]


def host_memory() -> dict[str, Any]:
    """MAX asks for more than a gigabyte at once."""
    pointer = ctypes.c_void_p()
    seen: dict[str, Any] = {
        "alloc": cuda.cuMemAllocHost_v2(ctypes.byref(pointer), ctypes.c_size_t(1400 << 20))
    }
    ctypes.memset(pointer, 7, 4096)
    # Device addresses are plain numbers, and none of them may be one of this process's as well.
    seen["apart"] = (pointer.value or 0) + (1400 << 20) <= device_pointer(4).value
    seen["free"] = [cuda.cuMemFreeHost(pointer), cuda.cuMemFreeHost(pointer)]
    return seen


def host_memset() -> dict[str, Any]:
    """MAX fills a host buffer by an asynchronous memset of the device's."""
    pointer, size = ctypes.c_void_p(), 64
    cuda.cuMemAllocHost_v2(ctypes.byref(pointer), ctypes.c_size_t(size))

    def at(offset: int) -> ctypes.c_uint64:
        return u64((pointer.value or 0) + offset)

    def count(number: int) -> ctypes.c_size_t:
        return ctypes.c_size_t(number)

    word = u32(0xAABBCCDD)
    seen: dict[str, Any] = {
        "words": cuda.cuMemsetD32Async(at(4), word, count(2), None),
        "shorts": cuda.cuMemsetD16_v2(at(14), ctypes.c_uint16(0x1234), count(1)),
        "rows": cuda.cuMemsetD2D8_v2(at(20), count(5), ctypes.c_uint8(7), count(3), count(2)),
        "none": cuda.cuMemsetD32Async(at(0), word, count(0), None),
        "last": cuda.cuMemsetD32Async(at(60), word, count(1), None),
        "past": cuda.cuMemsetD32Async(at(60), word, count(2), None),
        "far past": cuda.cuMemsetD32Async(at(60), word, count(1 << 62), None),
        "rows past": cuda.cuMemsetD2D8_v2(at(0), count(32), ctypes.c_uint8(7), count(1), count(3)),
        "misaligned": cuda.cuMemsetD32Async(at(2), word, count(1), None),
        "bad stream": cuda.cuMemsetD32Async(at(4), word, count(1), u64(4096)),
    }
    seen["bytes"] = ctypes.string_at(pointer, size).hex(" ", 4)
    return seen


def launches() -> dict[str, Any]:
    pointer, count = device_pointer(8), u32(2)
    cuda.cuMemcpyHtoD_v2(pointer, (ctypes.c_float * 2)(1.5, 2.5), ctypes.c_size_t(8))
    function = kernel(b"add_one")
    seen: dict[str, Any] = {"parameters": launch(function, pointers(pointer, count))}
    packed = ctypes.create_string_buffer(bytes(pointer) + bytes(count), 12)
    length = ctypes.c_size_t(12)
    extra = (ctypes.c_void_p * 5)(1, ctypes.addressof(packed), 2, ctypes.addressof(length), None)
    seen["buffer"] = launch(function, None, extra)
    seen["both"] = launch(function, pointers(pointer, count), extra)
    seen["neither"] = launch(function)
    seen["bad handle"] = launch(ctypes.c_void_p(4096), pointers(pointer, count))
    back = (ctypes.c_float * 2)()
    cuda.cuMemcpyDtoH_v2(back, pointer, ctypes.c_size_t(8))
    offset, size = ctypes.c_size_t(), ctypes.c_size_t()
    seen["values"] = list(back)
    seen["second"] = cuda.cuFuncGetParamInfo(
        function, ctypes.c_size_t(1), ctypes.byref(offset), ctypes.byref(size)
    )
    seen["layout"] = [offset.value, size.value]
    seen["third"] = cuda.cuFuncGetParamInfo(
        function, ctypes.c_size_t(2), ctypes.byref(offset), None
    )
    return seen


class LaunchConfig(ctypes.Structure):
    _fields_ = (
        ("numbers", ctypes.c_uint * 7),
        ("stream", ctypes.c_uint64),
        ("attributes", ctypes.c_void_p),
        ("count", ctypes.c_uint),
    )


class LaunchAttribute(ctypes.Structure):
    _fields_ = (("id", ctypes.c_uint), ("padding", ctypes.c_uint), ("value", ctypes.c_uint * 16))


def clusters() -> dict[str, Any]:
    """Launches with attributes: clusters (4), their placement (5), and one that is not there."""
    function = kernel(b"clusters")
    seen = {}
    wanted: dict[str, list[tuple[int, ...]]] = {
        "none": [],
        "clusters": [(4, 2, 3, 1)],
        "placed": [(5, 1), (0,), (4, 4, 1, 1)],
        "another": [(4, 2, 1, 1), (2, 1)],
    }
    for name, given in wanted.items():
        attributes = (LaunchAttribute * max(len(given), 1))()
        for attribute, (number, *values) in zip(attributes, given, strict=False):
            attribute.id = number
            attribute.value[: len(values)] = values
        sizes = (ctypes.c_uint * 7)(1, 1, 1, 1, 1, 1, 0)
        config = LaunchConfig(sizes, 0, ctypes.addressof(attributes), len(given))
        seen[name] = cuda.cuLaunchKernelEx(ctypes.byref(config), function, None, None)
    return seen


def bad_module() -> dict[str, Any]:
    module, log = u64(), ctypes.create_string_buffer(200)
    options, values = (i32 * 2)(5, 6), (ctypes.c_void_p * 2)(ctypes.addressof(log), 200)
    result = cuda.cuModuleLoadDataEx(ctypes.byref(module), b"nonsense", 2, options, values)
    return {
        "text": (result, log.value.decode()),
        "too long": cuda.cuModuleLoadData(ctypes.byref(module), b" " * ((4 << 20) + 1)),
        "elf": cuda.cuModuleLoadData(ctypes.byref(module), b"\x7fELF\x02\x01"),
    }


def fault() -> dict[str, Any]:
    function, pointer, stream = kernel(b"fault"), device_pointer(8), u64()
    seen: dict[str, Any] = {"launch": launch(function)}
    seen["sync"] = cuda.cuCtxSynchronize()
    seen["stream"] = cuda.cuStreamCreate(ctypes.byref(stream), 0)
    seen["free"] = cuda.cuMemFree_v2(pointer)
    seen["stub"] = cuda.cuGraphCreate()
    return seen


def stubs() -> dict[str, Any]:
    return {"results": [cuda.cuGraphCreate(), cuda.cuStreamBeginCapture(), cuda.cuMemCreate()]}


def contexts() -> dict[str, Any]:
    context, current = ctypes.c_void_p(), ctypes.c_void_p()
    seen: dict[str, Any] = {"pop": cuda.cuCtxPopCurrent(None)}
    cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
    cuda.cuCtxSetCurrent(context)
    cuda.cuCtxGetCurrent(ctypes.byref(current))
    seen["current"] = current.value == context.value
    elsewhere: list[int | None] = []

    def look() -> None:
        other = ctypes.c_void_p()
        cuda.cuCtxGetCurrent(ctypes.byref(other))
        elsewhere.append(other.value)

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    seen["in another thread"] = elsewhere[0]
    return seen


def host_function() -> dict[str, Any]:
    called: list[int] = []
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda data: called.append(data or 0))
    return {"result": cuda.cuLaunchHostFunc(None, function, ctypes.c_void_p(77)), "called": called}


def threads() -> dict[str, Any]:
    """Many threads, each with data of its own: no reply goes to the wrong one."""
    wrong: list[int] = []

    def work(number: int) -> None:
        data = ctypes.create_string_buffer(bytes([number]) * 5000, 5000)
        back = ctypes.create_string_buffer(5000)
        for _ in range(100):
            pointer = device_pointer(5000)
            cuda.cuMemcpyHtoD_v2(pointer, data, ctypes.c_size_t(5000))
            cuda.cuMemcpyDtoH_v2(back, pointer, ctypes.c_size_t(5000))
            if back.raw != data.raw or cuda.cuMemFree_v2(pointer):
                wrong.append(number)

    running = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return {"wrong": wrong}


def no_device() -> dict[str, Any]:
    value = u64()
    return {"init": cuda.cuInit(0), "alloc": cuda.cuMemAlloc_v2(ctypes.byref(value), 8)}


def lost() -> dict[str, Any]:
    """The connection ends under the library."""
    seen: dict[str, Any] = {"before": cuda.cuInit(0)}
    with socket.socket(fileno=socket.dup(int(os.environ["GRADE_DEVICE_FD"]))) as sock:
        sock.shutdown(socket.SHUT_RDWR)
    seen["after"] = [cuda.cuCtxSynchronize(), cuda.cuCtxSynchronize()]
    return seen


def garbage() -> dict[str, Any]:
    """Student host code writes to the socket on its own account."""
    assert cuda.cuInit(0) == 0
    os.write(int(os.environ["GRADE_DEVICE_FD"]), b"\xff" * 12)
    return {"after": [cuda.cuCtxSynchronize(), cuda.cuCtxSynchronize()]}


def timing() -> dict[str, Any]:
    cuda.cuInit(0)
    started = time.perf_counter()
    for _ in range(2000):
        cuda.cuCtxSynchronize()
    return {"seconds": (time.perf_counter() - started) / 2000}


SCENARIOS: tuple[Callable[[], dict[str, Any]], ...] = (
    symbols, properties, management, compiler, memory, host_memory, host_memset, launches, clusters,
    bad_module, fault, stubs, contexts, host_function, threads, no_device, lost, garbage, timing,
)  # fmt: skip

if __name__ == "__main__":
    scenario = {s.__name__: s for s in SCENARIOS}[sys.argv[1]]
    print(json.dumps(scenario()))
