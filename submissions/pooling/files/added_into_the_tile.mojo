# Pooling over windows of three.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.testing import assert_equal

comptime TPB = 8
comptime SIZE = 8
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)


def pooling(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var t = thread_idx.x
    var gid = block_idx.x * block_dim.x + t
    var window = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    window[t] = a[gid] if gid < n else 0
    barrier()
    if t > 0:
        window[t] += window[t - 1]
    if t > 1:
        window[t] += window[t - 2]
    if gid < n:
        output[gid] = window[t]


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        with a.map_to_host() as values:
            for i in range(SIZE):
                values[i] = Scalar[dtype](i)

        var out_tensor = TileTensor(out, layout)
        var a_tensor = TileTensor[mut=False, dtype, LayoutType](a, layout)
        ctx.enqueue_function[pooling](
            out_tensor,
            a_tensor,
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with a.map_to_host() as values, out.map_to_host() as sums:
            print("out:", sums)
            for i in range(SIZE):
                var wanted = Scalar[dtype](0)
                for k in range(max(i - 2, 0), i + 1):
                    wanted += values[k]
                assert_equal(sums[i], wanted)
