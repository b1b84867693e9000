# Map.
from std.gpu import thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 4
"""Elements, and threads of the one block."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = SIZE
comptime dtype = DType.float32


def plus_ten(value: Scalar[dtype]) -> Int:
    """Ten more."""
    return Int(value) + 10


def add_10(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
):
    var tid = thread_idx.x
    var value = a[unsafe_offset=tid]
    output[unsafe_offset=tid] = Scalar[dtype](plus_ten(value))


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10](
            out, a, grid_dim=BLOCKS_PER_GRID, block_dim=THREADS_PER_BLOCK
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE):
                assert_equal(results[i], Scalar[dtype](i + 10))
