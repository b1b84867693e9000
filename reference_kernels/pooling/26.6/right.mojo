# Pooling over windows of three (MAX 26.6, Mojo 1.1.0).
#
# The kernel filled in: each block loads its elements into shared memory, and
# each thread sums its own and the two before it, as far as there are any.

from max.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.testing import assert_equal

comptime TPB = 8
comptime SIZE = 8
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def pooling(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Set output[i] to a[i - 2] + a[i - 1] + a[i], without those before the start."""
    var size = Int(size_dev)
    # Room for one element of each thread of the block.
    var shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())

    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    if global_i < size:
        shared[local_i] = a[global_i]

    # A thread reads what its two neighbours wrote.
    barrier()

    if global_i < size:
        var total = shared[local_i]
        if local_i >= 1:
            total += shared[local_i - 1]
        if local_i >= 2:
            total += shared[local_i - 2]
        output[global_i] = total


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        with a.map_to_host() as values:
            for i in range(SIZE):
                values[i] = Scalar[dtype](i)

        var out_tensor = TileTensor(out, layout)
        var a_tensor = TileTensor[mut=False, dtype, LayoutType](a, layout)
        ctx.enqueue_function[pooling](
            out_tensor,
            a_tensor,
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with a.map_to_host() as values, out.map_to_host() as sums:
            print("out:", sums)
            for i in range(SIZE):
                var wanted = Scalar[dtype](0)
                for k in range(max(i - 2, 0), i + 1):
                    wanted += values[k]
                assert_equal(sums[i], wanted)
