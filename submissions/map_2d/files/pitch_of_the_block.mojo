# 2D map.
from std.gpu import block_dim, thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 2
"""Rows and columns; both matrices lie row by row."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = (3, 3)
"""More along each axis than there are elements."""
comptime dtype = DType.float32


def add_10_2d(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var y = thread_idx.y
    var x = thread_idx.x
    if y >= n or x >= n:
        return
    var index = y * block_dim.x + x
    output[unsafe_offset=index] = a[unsafe_offset=index] + 10


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE * SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10_2d](
            out,
            a,
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE * SIZE):
                assert_equal(results[i], Scalar[dtype](i + 10))
