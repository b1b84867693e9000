# A transposition three ways: plain, through a tile with bank conflicts, through a padded tile.
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier

comptime N = 64
comptime TILE = 32
comptime layout = row_major[N, N]()
comptime Matrix = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def plain(output: Matrix, a: Matrix):
    var row = block_idx.y * TILE + thread_idx.y
    var col = block_idx.x * TILE + thread_idx.x
    output[col, row] = a[row, col]


def tiled[PITCH: Int](output: Matrix, a: Matrix):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[TILE, PITCH]()
    )
    var x = thread_idx.x
    var y = thread_idx.y
    tile[y, x] = a[block_idx.y * TILE + y, block_idx.x * TILE + x]
    barrier()
    output[block_idx.x * TILE + y, block_idx.y * TILE + x] = tile[x, y]


def main() raises:
    with DeviceContext() as ctx:
        var output_buffer = ctx.enqueue_create_buffer[DType.float32](N * N)
        var a_buffer = ctx.enqueue_create_buffer[DType.float32](N * N)
        a_buffer.enqueue_fill(1)
        var output = Matrix(output_buffer, layout)
        var a = Matrix(a_buffer, layout)
        ctx.enqueue_function[plain](output, a, grid_dim=(2, 2), block_dim=(32, 32))
        ctx.enqueue_function[tiled[TILE]](output, a, grid_dim=(2, 2), block_dim=(32, 32))
        ctx.enqueue_function[tiled[TILE + 1]](output, a, grid_dim=(2, 2), block_dim=(32, 32))
        ctx.synchronize()
