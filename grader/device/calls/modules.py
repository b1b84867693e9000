"""Calls on modules and kernels: load PTX, look kernels up, launch them."""

from __future__ import annotations

import hashlib
import struct

from grader.device.addresses import Allocation
from grader.device.calls.table import call
from grader.device.checks.history import Shadow
from grader.device.cuda import (
    MAX_CLUSTER,
    MAX_SHARED_PER_BLOCK_OPTIN,
    MOST_CLUSTER,
    CallRefused,
    CudaResult,
    occupancy,
)
from grader.device.evidence import Dim3, Launch
from grader.device.journal import Freed, Launched, Placed, Wrote
from grader.device.session import MAX_MODULE_BYTES, DriverSession, KernelHandle, ModuleHandle
from grader.device.simulator import LaunchSettings
from grader.device.streams import Stream
from grader.device.wire import DriverOp
from grader.errors import GradeError, UnsupportedByDevice

_U64 = struct.Struct("<Q")
_TWO_U64 = struct.Struct("<QQ")
_TWO_U32 = struct.Struct("<II")
_I32 = struct.Struct("<i")

_MAX_PARAMETERS = 1024  # of driver/module.c
_FAULTS = range(700, 720)

# CUfunction_attribute
_MAX_THREADS = 0
_STATIC_SHARED = 1
_MAX_DYNAMIC_SHARED = 8
_LARGE_CLUSTERS = 14
_PREFERENCES = frozenset({9, 15})  # carve-out and placement of clusters: change no result
_FUNCTION_CONSTANTS = {
    2: 0,  # constant bytes
    3: 0,  # local bytes
    4: 32,  # registers
    5: 80,  # PTX version
    6: 80,  # binary version
    7: 0,  # cache mode
    9: -1,  # carve-out: driver's choice
    10: 0,
    11: 0,
    12: 0,
    13: 0,
    15: 0,
}


@call(DriverOp.MODULE_LOAD, tail=True)
def module_load(session: DriverSession, image: memoryview) -> bytes:
    """Load PTX text; machine code and other bytes are refused."""
    data = bytes(image)
    if data.startswith((b"\x7fELF", b"\x50\xed\x55\xba")):
        session.log.unsupported("a module is machine code (a cubin or fat binary), not PTX")
        raise CallRefused(CudaResult.INVALID_IMAGE)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        session.log.unsupported("a module is neither PTX text nor machine code")
        raise CallRefused(CudaResult.INVALID_IMAGE) from None
    if sum(each.size for each in session.modules.values()) + len(data) > MAX_MODULE_BYTES:
        raise UnsupportedByDevice(
            f"the software device keeps at most {MAX_MODULE_BYTES} bytes of PTX at a time"
        )
    session.device.modules += 1
    before = session.memory.live() if session.journal is not None else ()
    program = session.device.simulator.load(text, session.memory, number=session.device.modules)
    _note_variables(session, before)
    digest = hashlib.sha256(data).digest()
    return _U64.pack(session.modules.add(ModuleHandle(program, digest, len(data))))


def _note_variables(session: DriverSession, before: tuple[Allocation, ...]) -> None:
    """Note a new module's variables with what they hold at first."""
    if session.journal is None:
        return
    for allocation in set(session.memory.live()).difference(before):
        session.note(Placed(allocation.address, allocation.size))
        data = session.memory.contents(allocation).data.tobytes()
        session.note(Wrote(allocation.address, data, by_host=False))


@call(DriverOp.MODULE_UNLOAD, "Q")
def module_unload(session: DriverSession, module: int) -> None:
    """Drop a module and its functions."""
    loaded = session.modules.remove(module)
    session.functions.discard(list(loaded.functions.values()))
    before = session.memory.live() if session.journal is not None else ()
    loaded.program.unload()
    for allocation in set(before).difference(session.memory.live()):
        session.note(Freed(allocation.address))


@call(DriverOp.MODULE_FUNCTION, "Q", tail=True)
def module_function(session: DriverSession, module: int, name: memoryview) -> bytes:
    """A kernel's handle, then offset and size of each of its parameters."""
    loaded = session.modules.get(module)
    kernel = loaded.program.kernel(bytes(name).decode("utf-8", "replace"))
    if kernel is None:
        raise CallRefused(CudaResult.NOT_FOUND)
    if len(kernel.parameters) > _MAX_PARAMETERS:
        session.log.unsupported(f"{kernel.name} takes {len(kernel.parameters)} parameters")
        raise CallRefused(CudaResult.NOT_SUPPORTED)
    if kernel.name not in loaded.functions:
        function = KernelHandle(module, loaded.program, kernel, loaded.text)
        loaded.functions[kernel.name] = session.functions.add(function)
    layout = b"".join(_TWO_U32.pack(offset, size) for offset, size in kernel.parameters)
    return _U64.pack(loaded.functions[kernel.name]) + layout


@call(DriverOp.MODULE_GLOBAL, "Q", tail=True)
def module_global(session: DriverSession, module: int, name: memoryview) -> bytes:
    """Address and size of a module's variable."""
    program = session.modules.get(module).program
    try:
        return _TWO_U64.pack(*program.variable(bytes(name).decode("utf-8", "replace")))
    except KeyError:
        raise CallRefused(CudaResult.NOT_FOUND) from None


@call(DriverOp.FUNCTION_GET, "Qi")
def function_get(session: DriverSession, handle: int, attribute: int) -> bytes:
    """One ``CUfunction_attribute``."""
    function = session.functions.get(handle)
    known = {
        **_FUNCTION_CONSTANTS,
        _MAX_THREADS: function.kernel.max_threads,
        _STATIC_SHARED: function.kernel.static_shared_bytes,
        _MAX_DYNAMIC_SHARED: function.dynamic_shared_limit,
        _LARGE_CLUSTERS: int(function.cluster_limit > MAX_CLUSTER),
    }
    if attribute not in known:
        raise CallRefused(CudaResult.INVALID_VALUE)
    return _I32.pack(known[attribute])


@call(DriverOp.FUNCTION_SET, "Qii")
def function_set(session: DriverSession, handle: int, attribute: int, value: int) -> None:
    """Set the limits of dynamic shared memory and clusters; preferences are ignored."""
    function = session.functions.get(handle)
    if attribute == _MAX_DYNAMIC_SHARED:
        if not 0 <= value <= MAX_SHARED_PER_BLOCK_OPTIN:
            raise CallRefused(CudaResult.INVALID_VALUE)
        function.dynamic_shared_limit = value
    elif attribute == _LARGE_CLUSTERS:
        function.cluster_limit = MOST_CLUSTER if value else MAX_CLUSTER
    elif attribute not in _PREFERENCES:
        raise CallRefused(CudaResult.INVALID_VALUE)


@call(DriverOp.OCCUPANCY, "QQi")
def max_blocks(session: DriverSession, handle: int, shared: int, threads: int) -> bytes:
    """Blocks of the kernel that fit on one multiprocessor."""
    kernel = session.functions.get(handle).kernel
    if threads <= 0:
        raise CallRefused(CudaResult.INVALID_VALUE)
    return _I32.pack(occupancy(threads, kernel.static_shared_bytes + shared))


@call(DriverOp.LAUNCH, "QQIIIIIIIII", tail=True)
def launch_kernel(
    session: DriverSession,
    handle: int,
    stream: int,
    grid_x: int,
    grid_y: int,
    grid_z: int,
    block_x: int,
    block_y: int,
    block_z: int,
    shared: int,
    attributes: int,
    first_attribute: int,
    parameters: memoryview,
) -> bytes:
    """Run a kernel to its end, and answer with what it printed; a fault of the device sticks."""
    function = session.functions.get(handle)
    on = session.stream(stream)
    grid, block = (grid_x, grid_y, grid_z), (block_x, block_y, block_z)
    if attributes:
        session.log.unsupported(
            f"the software device does not support launch attributes (number {first_attribute})"
        )
        raise CallRefused(CudaResult.NOT_SUPPORTED)
    return _launched(session, function, on, grid, block, None, shared, parameters)


@call(DriverOp.LAUNCH_CLUSTERS, "QQIIIIIIIIII", tail=True)
def launch_clusters(
    session: DriverSession,
    handle: int,
    stream: int,
    grid_x: int,
    grid_y: int,
    grid_z: int,
    block_x: int,
    block_y: int,
    block_z: int,
    shared: int,
    cluster_x: int,
    cluster_y: int,
    cluster_z: int,
    parameters: memoryview,
) -> bytes:
    """The same with blocks in clusters."""
    function = session.functions.get(handle)
    on = session.stream(stream)
    grid, block = (grid_x, grid_y, grid_z), (block_x, block_y, block_z)
    cluster = (cluster_x, cluster_y, cluster_z)
    return _launched(session, function, on, grid, block, cluster, shared, parameters)


def _launched(
    session: DriverSession,
    function: KernelHandle,
    on: Stream,
    grid: Dim3,
    block: Dim3,
    cluster: Dim3 | None,
    shared: int,
    parameters: memoryview,
) -> bytes:
    session.order.begin(on)
    first_event = session.memory.kept(Shadow).clock.event + 1
    launch = _run(session, function, grid, block, cluster, shared, parameters)
    session.log.launch(launch)
    session.order.launched(on, launch.kernel, first_event)
    if launch.result in _FAULTS:
        session.sticky = CudaResult(launch.result)
    if launch.result:
        raise CallRefused(CudaResult(launch.result), launch.printed)
    return launch.printed.encode()


def _run(
    session: DriverSession,
    function: KernelHandle,
    grid: Dim3,
    block: Dim3,
    cluster: Dim3 | None,
    shared: int,
    raw: memoryview,
) -> Launch:
    kernel, device = function.kernel, session.device
    if len(raw) < max((offset + size for offset, size in kernel.parameters), default=0):
        raise CallRefused(CudaResult.INVALID_VALUE)
    device.launches += 1
    settings = LaunchSettings(
        grid=grid,
        block=block,
        dynamic_shared_bytes=shared,
        dynamic_shared_limit=function.dynamic_shared_limit,
        index=device.launches,
        checks=device.watching(kernel, grid, block, bytes(raw)),
        shared_fill=device.case.shared_fill,
        schedule=device.case.schedule,
        limits=device.case.limits,
        cluster=cluster,
        cluster_limit=function.cluster_limit,
    )
    arguments = [bytes(raw[offset : offset + size]) for offset, size in kernel.parameters]
    session.note(Launched(function.program, function.text, kernel, arguments, settings))
    try:
        return function.program.launch(kernel, arguments, session.memory, settings)
    except GradeError as error:
        session.log.unsupported(f"the kernel {kernel.name} could not be run: {error.what}")
        return Launch(
            index=device.launches,
            kernel=kernel.name,
            module=function.module,
            grid=grid,
            block=block,
            cluster=cluster,
            shared_bytes=kernel.static_shared_bytes + shared,
            instructions=0,
            seconds=0.0,
            result=CudaResult.NOT_SUPPORTED,
        )
