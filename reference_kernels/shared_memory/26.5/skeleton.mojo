# Shared memory (MAX 26.5, Mojo 1.0.0).
#
# output[i] = a[i] + 10, each block by way of a tile in shared memory.
# Look for FILL ME IN in the kernel. `main` tries it on a few numbers; the grader
# launches it by itself, with other numbers and at other sizes.
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
    """Set each element of output to that of a, plus ten."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # The tile is shared by the threads of a block; each loads one element.
    var shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    if global_i < size:
        shared[local_i] = a[global_i]

    # From here on every thread sees what the others have loaded.
    barrier()

    # FILL ME IN: one element of the output, from the tile.


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
