# Broadcast.
from std.gpu import thread_idx
from std.testing import assert_equal
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext

comptime SIZE = 2
"""Elements of each vector; rows and columns of the output."""
comptime BLOCKS_PER_GRID = 1
comptime THREADS_PER_BLOCK = (3, 3)
"""More along each axis than there are elements."""
comptime dtype = DType.float32
comptime out_layout = row_major[SIZE, SIZE]()
comptime a_layout = row_major[1, SIZE]()
"""A row."""
comptime b_layout = row_major[SIZE, 1]()
"""A column."""
comptime OutLayout = type_of(out_layout)
comptime ALayout = type_of(a_layout)
comptime BLayout = type_of(b_layout)


def broadcast_add(
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, ALayout, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, BLayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    var n = Int(size_dev)
    var y = thread_idx.y
    var x = thread_idx.x
    var row_tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SIZE]())
    var column_tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SIZE]())
    if y == 0 and x < n:
        row_tile[x] = a[0, x]
    if x == 0 and y < n:
        column_tile[y] = b[y, 0]
    if x < n and y < n:
        var sum = row_tile[x] + column_tile[y]
        output[y, x] = sum


def main() raises:
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](SIZE * SIZE)
        var a = ctx.enqueue_create_buffer[dtype](SIZE)
        var b = ctx.enqueue_create_buffer[dtype](SIZE)
        out.enqueue_fill(0)
        with a.map_to_host() as across, b.map_to_host() as down:
            for i in range(SIZE):
                across[i] = Scalar[dtype](i + 1)
                down[i] = Scalar[dtype](10 * i)

        ctx.enqueue_function[broadcast_add](
            TileTensor(out, out_layout),
            TileTensor[mut=False, dtype, ALayout](a, a_layout),
            TileTensor[mut=False, dtype, BLayout](b, b_layout),
            Int32(SIZE),
            grid_dim=BLOCKS_PER_GRID,
            block_dim=THREADS_PER_BLOCK,
        )
        ctx.synchronize()

        with out.map_to_host() as results:
            print("out:", results)
            for row in range(SIZE):
                for col in range(SIZE):
                    assert_equal(
                        results[row * SIZE + col],
                        Scalar[dtype](col + 1 + 10 * row),
                    )
