"""Launches that a GPU would not start."""

from __future__ import annotations

import math

from grader.device.cuda import (
    MAX_BLOCK,
    MAX_GRID,
    MAX_SHARED_PER_BLOCK,
    MAX_SHARED_PER_BLOCK_OPTIN,
    MAX_THREADS_PER_BLOCK,
)
from grader.device.evidence import Dim3
from grader.device.ptx import PtxFunction
from grader.device.simt.program import KernelProgram


def refusal(
    program: KernelProgram,
    grid: Dim3,
    block: Dim3,
    cluster: Dim3 | None,
    *,
    cluster_limit: int,
    dynamic: int,
    dynamic_limit: int,
) -> str:
    """Why a GPU would not start this launch; empty where it would.

    Args:
        program: What is launched.
        grid: Blocks, and
        block: threads of one.
        cluster: Blocks of a cluster; None where the launch does not say.
        cluster_limit: The most of them that the function is allowed.
        dynamic: Bytes of dynamic shared memory, and
        dynamic_limit: the most that the function was allowed.
    """
    threads = block[0] * block[1] * block[2]
    static = program.shared.compact_size
    if min(*grid, *block) < 1:
        return f"grid {grid} and block {block} must be at least 1 in each dimension"
    if threads > MAX_THREADS_PER_BLOCK:
        return f"a block of {threads} threads; the most is {MAX_THREADS_PER_BLOCK}"
    if any(size > most for size, most in zip(block, MAX_BLOCK, strict=True)):
        return f"block {block} exceeds {MAX_BLOCK}"
    if any(size > most for size, most in zip(grid, MAX_GRID, strict=True)):
        return f"grid {grid} exceeds {MAX_GRID}"
    return (
        _too_much_shared(static, dynamic, dynamic_limit)
        or _against_directives(program, block, threads)
        or _wrong_cluster(program.entry, grid, cluster, cluster_limit)
    )


def _wrong_cluster(kernel: PtxFunction, grid: Dim3, asked: Dim3 | None, limit: int) -> str:
    """Why a launch has clusters that can't be; empty where they can.

    CUDA C++ Programming Guide, "Thread Block Clusters": "the grid dimension ... must be a multiple
    of cluster size", and "up to 8 thread blocks" are portable; more only where the function's
    attribute NON_PORTABLE_CLUSTER_SIZE_ALLOWED is set.
    """
    required = kernel.required_cluster
    if asked is not None and required is not None and asked != required:
        return f"clusters of {asked}; the kernel was compiled for {required}"
    cluster = asked or required
    if cluster is None:
        return "no clusters; the kernel was compiled for them" if kernel.explicit_cluster else ""
    size = math.prod(cluster)
    most = min(limit, kernel.most_cluster or limit)
    if min(cluster) < 1:
        return f"clusters of {cluster}, which must be at least 1 in each dimension"
    if size > most:
        return f"clusters of {size} blocks; the most is {most}"
    if any(blocks % each for blocks, each in zip(grid, cluster, strict=True)):
        return f"grid {grid}, which is no multiple of its clusters {cluster}"
    return ""


def _too_much_shared(static: int, dynamic: int, dynamic_limit: int) -> str:
    """Why a launch asks for too much shared memory; empty where it does not.

    CUDA C++ Programming Guide, technical specifications: 48 KB, unless a kernel asks for more
    dynamic memory by the attribute MAX_DYNAMIC_SHARED_SIZE_BYTES. What it declares can't be more.
    """
    if static > MAX_SHARED_PER_BLOCK:
        return (
            f"{static} bytes of declared shared memory per block; the most is "
            f"{MAX_SHARED_PER_BLOCK}"
        )
    asked = dynamic_limit if dynamic_limit > MAX_SHARED_PER_BLOCK else 0
    allowed = max(asked, MAX_SHARED_PER_BLOCK - static)
    if not 0 <= dynamic <= allowed:
        return (
            f"{dynamic} bytes of dynamic shared memory, more than the kernel was allowed "
            f"({allowed})"
        )
    if static + dynamic > MAX_SHARED_PER_BLOCK_OPTIN:
        return f"{static + dynamic} bytes of shared memory per block, more than the device has"
    return ""


def _against_directives(program: KernelProgram, block: Dim3, threads: int) -> str:
    limit, exact = program.entry.max_threads, program.entry.required_threads
    if limit is not None and threads > limit[0] * limit[1] * limit[2]:
        return f"a block of {threads} threads; the kernel was compiled for {limit} at most"
    if exact is not None and block != exact:
        return f"block {block}; the kernel was compiled for {exact}"
    return ""
