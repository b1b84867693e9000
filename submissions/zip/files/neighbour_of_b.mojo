# Zip.
from std.gpu import thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 4
"""Elements, and threads of the one block."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = SIZE
comptime dtype = DType.float32


def add(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
    b: Pointer[Scalar[dtype], MutAnyOrigin],
):
    var at = thread_idx.x
    var me = at
    var left = a[unsafe_offset=at]
    at = (at + 1) % SIZE
    var right = b[unsafe_offset=at]
    output[unsafe_offset=me] = left + right


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var b = ctx.enqueue_create_buffer[dtype](SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as left, b.map_to_host() as right:
            for i in range(SIZE):
                left[i] = Scalar[dtype](i)
                right[i] = Scalar[dtype](i)

        ctx.enqueue_function[add](
            out, a, b, grid_dim=BLOCKS_PER_GRID, block_dim=THREADS_PER_BLOCK
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE):
                assert_equal(results[i], Scalar[dtype](2 * i))
