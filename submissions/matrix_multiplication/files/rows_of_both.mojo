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
    var x = block_idx.x * block_dim.x + thread_idx.x
    var y = block_idx.y * block_dim.y + thread_idx.y
    if x >= size or y >= size:
        return
    var acc = Scalar[dtype](0)
    var k = 0
    while k < size:
        var left = a[y, k]
        var right = b[x, k]
        acc += left * right
        k += 1
    output[y, x] = acc


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
    """The same for matrices larger than a block: tile after tile."""
    var local_row = thread_idx.y
    var local_col = thread_idx.x
    var tiled_row = block_idx.y * TPB + local_row
    var tiled_col = block_idx.x * TPB + local_col
    var a_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())
    var b_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB, TPB]())

    var total: output.ElementType = 0
    for tile in range((size + TPB - 1) // TPB):
        # The tile's column of a, and its row of b.
        var a_col = tile * TPB + local_col
        var b_row = tile * TPB + local_row
        if tiled_row < size and a_col < size:
            a_shared[local_row, local_col] = a[tiled_row, a_col]
        else:
            a_shared[local_row, local_col] = 0
        if b_row < size and tiled_col < size:
            b_shared[local_row, local_col] = b[b_row, tiled_col]
        else:
            b_shared[local_row, local_col] = 0

        barrier()

        for k in range(TPB):
            total += a_shared[local_row, k] * b_shared[k, local_col]

        # Nobody loads the next tile while others read this one.
        barrier()

    if tiled_row < size and tiled_col < size:
        output[tiled_row, tiled_col] = total


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
