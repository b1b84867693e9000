# Prefix sums.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.sys import argv
from std.math import log2
from std.testing import assert_equal

comptime TPB = 8
comptime SIZE = 8
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def prefix_sum_simple(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var t = thread_idx.x
    var buffers = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[2, TPB]())
    buffers[0, t] = a[t] if t < n else 0
    barrier()
    var old = 0
    var new = 1
    var reach = 1
    while reach < TPB:
        if t >= reach:
            var both = buffers[old, t] + buffers[old, t - reach]
            buffers[new, t] = both
        barrier()
        old, new = new, old
        reach *= 2
    if t < n:
        output[t] = buffers[old, t]


comptime SIZE_2 = 15
comptime BLOCKS_PER_GRID_2 = (2, 1)
comptime THREADS_PER_BLOCK_2 = (TPB, 1)
comptime EXTENDED_SIZE = SIZE_2 + 2  # a sum for each block stands behind
comptime layout_2 = row_major[SIZE_2]()
comptime extended_layout = row_major[EXTENDED_SIZE]()
comptime Layout2Type = type_of(layout_2)
comptime ExtendedLayout = type_of(extended_layout)


def prefix_sum_local_phase(
    output: TileTensor[mut=True, dtype, ExtendedLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, Layout2Type, ImmutAnyOrigin],
    size_dev: Int32,
):
    """The first phase: prefix sums of each block, and the sum of each."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())

    # A thread without an element adds nothing to its block's sum.
    if global_i < size:
        shared[local_i] = a[global_i]
    else:
        shared[local_i] = 0

    barrier()

    var offset = 1
    while offset < TPB:
        var before: output.ElementType = 0
        if local_i >= offset:
            before = shared[local_i - offset]
        barrier()

        if local_i >= offset:
            shared[local_i] += before
        barrier()
        offset *= 2

    if global_i < size:
        output[global_i] = shared[local_i]
    if local_i == TPB - 1:
        output[size + block_idx.x] = shared[local_i]


def prefix_sum_block_sum_phase(
    output: TileTensor[mut=True, dtype, ExtendedLayout, MutAnyOrigin],
    size_dev: Int32,
):
    """The second phase: add the sum of the block before."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x

    if block_idx.x > 0 and global_i < size:
        output[global_i] += output[size + block_idx.x - 1]


def main() raises:
    var simple = argv()[1] == "--simple"
    var size = SIZE if simple else SIZE_2
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](
            SIZE if simple else EXTENDED_SIZE
        )
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](size)
        with a.map_to_host() as values:
            for i in range(size):
                values[i] = Scalar[dtype](i)

        if simple:
            ctx.enqueue_function[prefix_sum_simple](
                TileTensor(out, layout),
                TileTensor[mut=False, dtype, LayoutType](a, layout),
                Int32(size),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            var extended = TileTensor(out, extended_layout)
            ctx.enqueue_function[prefix_sum_local_phase](
                extended,
                TileTensor[mut=False, dtype, Layout2Type](a, layout_2),
                Int32(size),
                grid_dim=BLOCKS_PER_GRID_2,
                block_dim=THREADS_PER_BLOCK_2,
            )
            # A launch begins when the one before has ended.
            ctx.enqueue_function[prefix_sum_block_sum_phase](
                extended,
                Int32(size),
                grid_dim=BLOCKS_PER_GRID_2,
                block_dim=THREADS_PER_BLOCK_2,
            )
        ctx.synchronize()

        with a.map_to_host() as values, out.map_to_host() as sums:
            print("out:", sums)
            var wanted = Scalar[dtype](0)
            for i in range(size):
                wanted += values[i]
                assert_equal(sums[i], wanted)
