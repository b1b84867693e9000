# Shared memory.
from std.gpu import block_dim, block_idx, thread_idx
from std.testing import assert_equal
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier

comptime TPB = 4
"""Threads of a block, and elements of its tile."""
comptime SIZE = 8
"""Elements."""
comptime BLOCKS_PER_GRID = (2, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def add_10_shared_tile_tensor(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var t = thread_idx.x
    var start = block_idx.x * block_dim.x
    var tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    var other = TPB - 1 - t
    if start + other < n:
        tile[other] = a[start + other]
    if start + t >= n:
        return
    output[start + t] = tile[t] + 10


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE):
                numbers[i] = 1

        ctx.enqueue_function[add_10_shared_tile_tensor](
            TileTensor(out, layout),
            TileTensor[mut=False, dtype, LayoutType](a, layout),
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE):
                assert_equal(results[i], 11)
