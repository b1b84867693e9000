# Three kernels that add one to each element, four for each thread in two of them.
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from max.gpu.host import DeviceContext

comptime SIZE = 8192
comptime THREADS = 128
comptime WIDTH = 4
comptime BLOCKS = SIZE // THREADS
comptime layout = row_major[SIZE]()
comptime Vector = TileTensor[mut=True, DType.float32, type_of(layout), MutAnyOrigin]


def one_by_one(output: Vector, a: Vector):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[i] + 1


def alignment_unsaid(output: Vector, a: Vector):
    var i = (block_idx.x * block_dim.x + thread_idx.x) * WIDTH
    var four = a.raw_load[width=WIDTH, alignment=4](i)
    output.raw_store[width=WIDTH, alignment=4](i, four + 1)


def alignment_said(output: Vector, a: Vector):
    var i = (block_idx.x * block_dim.x + thread_idx.x) * WIDTH
    var four = a.raw_load[width=WIDTH, alignment=16](i)
    output.raw_store[width=WIDTH, alignment=16](i, four + 1)


def main() raises:
    with DeviceContext() as ctx:
        var buffers = [ctx.enqueue_create_buffer[DType.float32](SIZE) for _ in range(2)]
        for buffer in buffers:
            buffer.enqueue_fill(1)
        var out = Vector(buffers[0], layout)
        var a = Vector(buffers[1], layout)
        ctx.enqueue_function[one_by_one](out, a, grid_dim=BLOCKS, block_dim=THREADS)
        ctx.enqueue_function[alignment_unsaid](
            out, a, grid_dim=BLOCKS // WIDTH, block_dim=THREADS
        )
        ctx.enqueue_function[alignment_said](
            out, a, grid_dim=BLOCKS // WIDTH, block_dim=THREADS
        )
        ctx.synchronize()
