"""One kernel launch, from its arguments to the evidence."""

from __future__ import annotations

from collections.abc import Sequence

from grader.device.evidence import Dim3, Launch
from grader.device.memory import GlobalMemory
from grader.device.simt.loading import LoadedModule
from grader.device.simt.settings import (
    SHARED_BYTES_DEFAULT,
    SIGNALLING_NAN,
    Checks,
    Limits,
)


def launch(
    module: LoadedModule,
    entry: str,
    *,
    grid: Dim3,
    block: Dim3,
    dynamic_shared_bytes: int,
    params: Sequence[bytes],
    memory: GlobalMemory,
    index: int,
    checks: Checks | None = None,
    shared_fill: int = SIGNALLING_NAN,
    dynamic_shared_limit: int = SHARED_BYTES_DEFAULT,
    limits: Limits | None = None,
) -> Launch:
    """Run a kernel to its end and say what happened.

    Args:
        module: The loaded module.
        entry: Name of the kernel in it.
        grid: Blocks in x, y, z.
        block: Threads of a block in x, y, z.
        dynamic_shared_bytes: Dynamic shared memory of each block, in bytes.
        params: The kernel's arguments as raw bytes, one per ``.param``, of exactly its size.
        memory: The device memory.
        index: ``Launch.index`` of this launch.
        checks: Which checks watch; all where None.
        shared_fill: 32-bit pattern that shared and local memory hold before anything is
            written; 0 for zeros.
        dynamic_shared_limit: The function's MAX_DYNAMIC_SHARED_SIZE_BYTES attribute.
        limits: Bounds on the work; the defaults where None.

    Raises:
        UnsupportedByDevice: The kernel reached an instruction that the device lacks.
        PtxError: The kernel is not sound PTX, or ``params`` do not fit it.
    """
    raise NotImplementedError
