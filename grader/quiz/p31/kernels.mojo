# Three kernels that set each element of y to 3 * x + y. How many of their blocks fit side by side?
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier

comptime SIZE = 8192
comptime layout = row_major[SIZE]()
comptime Vector = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def lean(y: Vector, x: Vector):
    var i = block_idx.x * block_dim.x + thread_idx.x
    y[i] = 3 * x[i] + y[i]


def through_shared(y: Vector, x: Vector):
    var kept = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[1024]()
    )
    var i = block_idx.x * block_dim.x + thread_idx.x
    kept[thread_idx.x] = x[i]
    barrier()
    y[i] = 3 * kept[thread_idx.x] + y[i]


def greedy(y: Vector, x: Vector):
    var kept = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[12 * 1024]()
    )
    var i = block_idx.x * block_dim.x + thread_idx.x
    kept[thread_idx.x] = x[i]
    kept[11 * 1024 + thread_idx.x] = y[i]
    barrier()
    y[i] = 3 * kept[thread_idx.x] + kept[11 * 1024 + thread_idx.x]


def main() raises:
    with DeviceContext() as ctx:
        var buffers = [ctx.enqueue_create_buffer[DType.float32](SIZE) for _ in range(2)]
        for buffer in buffers:
            buffer.enqueue_fill(1)
        var y = Vector(buffers[0], layout)
        var x = Vector(buffers[1], layout)
        ctx.enqueue_function[lean](y, x, grid_dim=SIZE // 1024, block_dim=1024)
        ctx.enqueue_function[through_shared](y, x, grid_dim=SIZE // 1024, block_dim=1024)
        ctx.enqueue_function[greedy](y, x, grid_dim=SIZE // 256, block_dim=256)
        ctx.synchronize()
