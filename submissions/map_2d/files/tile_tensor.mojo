from std.gpu import thread_idx
from std.testing import assert_equal
from layout import TileTensor
from layout.tile_layout import row_major
from max.gpu.host import DeviceContext

comptime SIZE = 2
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = (3, 3)
comptime dtype = DType.float32
comptime layout = row_major[SIZE, SIZE]()
comptime LayoutType = type_of(layout)


def add_10_2d(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    a: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    size_dev: Int32,
):
    var size = Int(size_dev)
    var row = thread_idx.y
    var col = thread_idx.x
    if row < size and col < size:
        output[row, col] = a[row, col] + 10


def main() raises:
    with DeviceContext() as ctx:
        var a = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as numbers:
            for i in range(SIZE * SIZE):
                numbers[i] = Scalar[dtype](i)

        ctx.enqueue_function[add_10_2d](
            TileTensor(out, layout),
            TileTensor(a, layout),
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for i in range(SIZE * SIZE):
                assert_equal(results[i], Scalar[dtype](i + 10))
