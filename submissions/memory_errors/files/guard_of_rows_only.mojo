# Two kernels.

from std.gpu import thread_idx, block_dim, block_idx
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.testing import assert_equal
from std.sys import argv

comptime SIZE = 2
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = (3, 3)
comptime dtype = DType.float32
comptime layout = row_major[SIZE, SIZE]()
comptime LayoutType = type_of(layout)


def shared_memory_race(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    # No shared memory at all: each thread sums for itself.
    var n = Int(size_dev)
    var y = thread_idx.y
    var x = thread_idx.x
    if y >= n or x >= n:
        return
    var all = Scalar[dtype](0)
    for k in range(n * n):
        all += a[k // n, k % n]
    output[y, x] = all


def add_10_2d(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var y = thread_idx.y
    var x = thread_idx.x
    if y >= n:
        return
    output[y, x] = a[y, x] + 10


def main() raises:
    var flag = argv()[1]
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var sum = Scalar[dtype](0)
        with a.map_to_host() as values:
            for i in range(SIZE * SIZE):
                values[i] = Scalar[dtype](i)
                sum += values[i]

        var out_tensor = TileTensor(out, layout)
        var a_tensor = TileTensor[mut=False, dtype, LayoutType](a, layout)
        if flag == "--memory-bug":
            ctx.enqueue_function[add_10_2d](
                out_tensor,
                a_tensor,
                Int32(SIZE),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        elif flag == "--race-condition":
            ctx.enqueue_function[shared_memory_race](
                out_tensor,
                a_tensor,
                Int32(SIZE),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            raise Error("choose --memory-bug or --race-condition")
        ctx.synchronize()

        with a.map_to_host() as values, out.map_to_host() as found:
            print("out:", found)
            for i in range(SIZE * SIZE):
                var wanted = values[i] + 10 if flag == "--memory-bug" else sum
                assert_equal(found[i], wanted)
