# Broadcast (MAX 26.6, Mojo 1.1.0).
#
# output[row, col] = a[0, col] + b[row, 0], with more threads than elements.
# Look for FILL ME IN in the kernel. `main` tries it on a few numbers; the grader
# launches it by itself, with other numbers and at other sizes.
from std.testing import assert_equal
from layout import TileTensor
from layout.tile_layout import row_major
from max.gpu import thread_idx
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
    """Add the row a to the column b, each stretched to a matrix."""
    var size = Int(size_dev)
    var row = thread_idx.y
    var col = thread_idx.x
    # FILL ME IN: one element of the output, for threads that have one.


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
