# Blocks.
from std.gpu import block_dim, block_idx, thread_idx
from std.memory import Pointer
from std.testing import assert_equal
from max.gpu.host import DeviceContext

comptime SIZE = 9
"""Elements."""
comptime BLOCKS_PER_GRID = (3, 1)
comptime THREADS_PER_BLOCK = (4, 1)
"""Three blocks of four: the last one is not full."""
comptime dtype = DType.float32


def add_10_blocks(
    output: Pointer[Scalar[dtype], MutAnyOrigin],
    a: Pointer[Scalar[dtype], MutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var tid = thread_idx.x
    if tid >= n:
        return
    var gid = block_idx.x * block_dim.x + tid
    output[unsafe_offset=gid] = 10 + a[unsafe_offset=gid]


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10_blocks](
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
