# Sums of the rows of a matrix.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.testing import assert_equal

comptime TPB = 8
comptime BATCH = 4
comptime SIZE = 6
comptime BLOCKS_PER_GRID = (1, BATCH)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime in_layout = row_major[BATCH, SIZE]()
comptime out_layout = row_major[BATCH, 1]()
comptime InLayout = type_of(in_layout)
comptime OutLayout = type_of(out_layout)


def axis_sum(
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var t = thread_idx.x
    var row = block_idx.x
    if t > 0:
        return
    var sum: output.ElementType = 0
    for k in range(n):
        sum += a[row, k]
    output[row, 0] = sum


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](BATCH)
        out.enqueue_fill(0)
        var inp = ctx.enqueue_create_buffer[dtype](BATCH * SIZE)
        with inp.map_to_host() as values:
            for i in range(BATCH * SIZE):
                values[i] = Scalar[dtype](i)

        ctx.enqueue_function[axis_sum](
            TileTensor(out, out_layout),
            TileTensor[mut=False, dtype, InLayout](inp, in_layout),
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with inp.map_to_host() as values, out.map_to_host() as sums:
            print("out:", sums)
            for row in range(BATCH):
                var wanted = Scalar[dtype](0)
                for col in range(SIZE):
                    wanted += values[row * SIZE + col]
                assert_equal(sums[row], wanted)
