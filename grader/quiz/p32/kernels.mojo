# Five kernels that keep an element for each thread in shared memory. Which banks do they meet in?
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier

comptime SIZE = 1024
comptime THREADS = 128
comptime BLOCKS = SIZE // THREADS
comptime SIDE = 32
comptime layout = row_major[SIZE]()
comptime Vector = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def side_by_side(output: Vector, a: Vector):
    var cells = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[THREADS]()
    )
    var i = block_idx.x * block_dim.x + thread_idx.x
    cells[thread_idx.x] = a[i]
    barrier()
    output[i] = cells[thread_idx.x]


def every_second(output: Vector, a: Vector):
    var cells = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[2 * THREADS]()
    )
    var i = block_idx.x * block_dim.x + thread_idx.x
    cells[2 * thread_idx.x] = a[i]
    barrier()
    output[i] = cells[2 * thread_idx.x]


def every_third(output: Vector, a: Vector):
    var cells = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[3 * THREADS]()
    )
    var i = block_idx.x * block_dim.x + thread_idx.x
    cells[3 * thread_idx.x] = a[i]
    barrier()
    output[i] = cells[3 * thread_idx.x]


def turned(output: Vector, a: Vector):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[SIDE, SIDE]()
    )
    var x = thread_idx.x
    for y in range(thread_idx.y, SIDE, block_dim.y):
        tile[y, x] = a[y * SIDE + x]
    barrier()
    for y in range(thread_idx.y, SIDE, block_dim.y):
        output[y * SIDE + x] = tile[x, y]


def padded(output: Vector, a: Vector):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[SIDE, SIDE + 1]()
    )
    var x = thread_idx.x
    for y in range(thread_idx.y, SIDE, block_dim.y):
        tile[y, x] = a[y * SIDE + x]
    barrier()
    for y in range(thread_idx.y, SIDE, block_dim.y):
        output[y * SIDE + x] = tile[x, y]


def main() raises:
    with DeviceContext() as ctx:
        var buffers = [ctx.enqueue_create_buffer[DType.float32](SIZE) for _ in range(2)]
        for buffer in buffers:
            buffer.enqueue_fill(1)
        var out = Vector(buffers[0], layout)
        var a = Vector(buffers[1], layout)
        ctx.enqueue_function[side_by_side](out, a, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[every_second](out, a, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[every_third](out, a, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[turned](out, a, grid_dim=1, block_dim=(SIDE, 8))
        ctx.enqueue_function[padded](out, a, grid_dim=1, block_dim=(SIDE, 8))
        ctx.synchronize()
