from std.gpu import thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 4
"""Elements, and threads of the one block."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = SIZE


def add(
    output: Pointer[Float32, MutAnyOrigin],
    a: Pointer[Float32, MutAnyOrigin],
    b: Pointer[Float32, MutAnyOrigin],
):
    """Set each element of output to the sum of those of a and b."""
    var i = thread_idx.x
    output[unsafe_offset=i] = a[unsafe_offset=i] + b[unsafe_offset=i]


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[DType.float32](SIZE)
        var b = ctx.enqueue_create_buffer[DType.float32](SIZE)
        var out = ctx.enqueue_create_buffer[DType.float32](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as left, b.map_to_host() as right:
            for i in range(SIZE):
                left[i] = Float32(i)
                right[i] = Float32(i)

        ctx.enqueue_function[add](
            out, a, b, grid_dim=BLOCKS_PER_GRID, block_dim=THREADS_PER_BLOCK
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE):
                assert_equal(results[i], Float32(2 * i))
