# Guards.
from std.gpu import block_dim, thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 4
"""Elements."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = 8
"""More than there are elements."""
comptime dtype = DType.float32


def add_10_guard(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var k = thread_idx.x
    while k <= n:
        output[unsafe_offset=k] = a[unsafe_offset=k] + 10
        k += block_dim.x


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10_guard](
            out,
            a,
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE):
                assert_equal(results[i], Scalar[dtype](i + 10))
