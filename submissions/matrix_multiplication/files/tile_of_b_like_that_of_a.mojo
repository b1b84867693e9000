# Matrix multiplication in three ways.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.sys import argv
from std.testing import assert_equal

comptime TPB = 3
comptime SIZE = 2
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, TPB)
comptime dtype = DType.float32
comptime layout = row_major[SIZE, SIZE]()
comptime LayoutType = type_of(layout)


def naive_matmul[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """Set output to a @ b: each thread one element, from global memory."""
    var row = block_dim.y * block_idx.y + thread_idx.y
    var col = block_dim.x * block_idx.x + thread_idx.x

    if row < size and col < size:
        var total: output.ElementType = 0
        for k in range(size):
            total += a[row, k] * b[k, col]
        output[row, col] = total


def single_block_matmul[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
):
    """The same from shared memory, which one block loads."""
    var row = block_dim.y * block_idx.y + thread_idx.y
    var col = block_dim.x * block_idx.x + thread_idx.x
    var local_row = thread_idx.y
    var local_col = thread_idx.x
    var a_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())
    var b_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())

    if row < size and col < size:
        a_shared[local_row, local_col] = a[row, col]
        b_shared[local_row, local_col] = b[row, col]

    barrier()

    if row < size and col < size:
        var total: output.ElementType = 0
        for k in range(size):
            total += a_shared[local_row, k] * b_shared[k, local_col]
        output[row, col] = total


comptime SIZE_TILED = 9
comptime BLOCKS_PER_GRID_TILED = (3, 3)  # a block for each tile of 3 x 3
comptime THREADS_PER_BLOCK_TILED = (TPB, TPB)
comptime layout_tiled = row_major[SIZE_TILED, SIZE_TILED]()
comptime LayoutTiledType = type_of(layout_tiled)


def matmul_tiled[
    size: Int
](
    output: TileTensor[mut=True, dtype, LayoutTiledType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutTiledType, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, LayoutTiledType, ImmutAnyOrigin],
):
    var x = thread_idx.x
    var y = thread_idx.y
    var row = block_idx.y * block_dim.y + y
    var col = block_idx.x * block_dim.x + x
    var left = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())
    var right = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())
    var acc: output.ElementType = 0
    for first in range(0, size, TPB):
        left[y, x] = 0
        right[y, x] = 0
        if row < size and first + x < size:
            left[y, x] = a[row, first + x]
            right[y, x] = b[row, first + x]
        barrier()
        for k in range(TPB):
            acc += left[y, k] * right[k, x]
        barrier()
    if row < size and col < size:
        output[row, col] = acc


def main() raises:
    var tiled = argv()[1] == "--tiled"
    var size = SIZE_TILED if tiled else SIZE
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](size * size)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](size * size)
        var b = ctx.enqueue_create_buffer[dtype](size * size)
        with a.map_to_host() as left, b.map_to_host() as right:
            for i in range(size * size):
                left[i] = Scalar[dtype](i)
                right[i] = Scalar[dtype](2 * i)

        if tiled:
            comptime kernel = matmul_tiled[SIZE_TILED]
            ctx.enqueue_function[kernel](
                TileTensor(out, layout_tiled),
                TileTensor[mut=False, dtype, LayoutTiledType](a, layout_tiled),
                TileTensor[mut=False, dtype, LayoutTiledType](b, layout_tiled),
                grid_dim=BLOCKS_PER_GRID_TILED,
                block_dim=THREADS_PER_BLOCK_TILED,
            )
        else:
            var out_tensor = TileTensor(out, layout)
            var a_tensor = TileTensor[mut=False, dtype, LayoutType](a, layout)
            var b_tensor = TileTensor[mut=False, dtype, LayoutType](b, layout)
            if argv()[1] == "--naive":
                comptime kernel = naive_matmul[SIZE]
                ctx.enqueue_function[kernel](
                    out_tensor,
                    a_tensor,
                    b_tensor,
                    grid_dim=BLOCKS_PER_GRID,
                    block_dim=THREADS_PER_BLOCK,
                )
            elif argv()[1] == "--single-block":
                comptime kernel = single_block_matmul[SIZE]
                ctx.enqueue_function[kernel](
                    out_tensor,
                    a_tensor,
                    b_tensor,
                    grid_dim=BLOCKS_PER_GRID,
                    block_dim=THREADS_PER_BLOCK,
                )
            else:
                raise Error("choose --naive, --single-block or --tiled")
        ctx.synchronize()

        with a.map_to_host() as left, b.map_to_host() as right, out.map_to_host() as found:
            print("out:", found)
            for row in range(size):
                for col in range(size):
                    var wanted = Scalar[dtype](0)
                    for k in range(size):
                        wanted += left[row * size + k] * right[k * size + col]
                    assert_equal(found[row * size + col], wanted)
