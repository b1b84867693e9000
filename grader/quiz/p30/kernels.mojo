# Four kernels that set each element of output to the sum of those of a and b. What do they cost?
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from max.gpu.host import DeviceContext

comptime SIZE = 8192
comptime THREADS = 256
comptime BLOCKS = SIZE // THREADS
comptime ROWS = 64
comptime COLUMNS = SIZE // ROWS
comptime STEP = 512
comptime layout = row_major[SIZE]()
comptime Vector = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def one_each(output: Vector, a: Vector, b: Vector):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[i] + b[i]


def walking(output: Vector, a: Vector, b: Vector):
    var i = block_idx.x * block_dim.x + thread_idx.x
    while i < SIZE:
        output[i] = a[i] + b[i]
        i += STEP


def backwards(output: Vector, a: Vector, b: Vector):
    var i = SIZE - 1 - (block_idx.x * block_dim.x + thread_idx.x)
    output[i] = a[i] + b[i]


def by_columns(output: Vector, a: Vector, b: Vector):
    var thread = block_idx.x * block_dim.x + thread_idx.x
    var i = thread % ROWS * COLUMNS + thread // ROWS
    var total = a[i]
    total += b[i]
    output[i] = total


def main() raises:
    with DeviceContext() as ctx:
        var buffers = [ctx.enqueue_create_buffer[DType.float32](SIZE) for _ in range(3)]
        for buffer in buffers:
            buffer.enqueue_fill(1)
        var out = Vector(buffers[0], layout)
        var a = Vector(buffers[1], layout)
        var b = Vector(buffers[2], layout)
        ctx.enqueue_function[one_each](out, a, b, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[walking](out, a, b, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[backwards](out, a, b, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[by_columns](out, a, b, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.synchronize()
