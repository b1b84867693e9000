# 2D blocks.
from std.gpu import block_dim, block_idx, thread_idx
from std.testing import assert_equal
from layout import TileTensor
from layout.tile_layout import row_major
from max.gpu.host import DeviceContext

comptime SIZE = 5
"""Rows and columns."""
comptime BLOCKS_PER_GRID = (2, 2)
comptime THREADS_PER_BLOCK = (3, 3)
"""Two blocks of three along each axis: the last ones are not full."""
comptime dtype = DType.float32
comptime out_layout = row_major[SIZE, SIZE]()
comptime a_layout = row_major[SIZE, SIZE]()
comptime OutLayout = type_of(out_layout)
comptime ALayout = type_of(a_layout)


def add_10_blocks_2d(
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, ALayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var r = block_idx.y * block_dim.y + thread_idx.y
    var c = block_idx.x * block_dim.x + thread_idx.x
    if r > n - 1 or c > n:
        return
    output[r, c] = a[r, c] + 10


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var a = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE * SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10_blocks_2d](
            TileTensor(out, out_layout),
            TileTensor[mut=False, dtype, ALayout](a, a_layout),
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE * SIZE):
                assert_equal(results[i], Scalar[dtype](i + 10))
