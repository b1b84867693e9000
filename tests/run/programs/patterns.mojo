# How threads access memory, one pattern to a kernel: what a profiler counts of each.
from std.atomic import Atomic
from std.gpu import thread_idx, block_idx, block_dim
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from max.gpu.host import DeviceContext
from max.gpu.sync import barrier

comptime SIZE = 4096
comptime BLOCK = 128
comptime BLOCKS = 4
comptime SIDE = 32
comptime line = row_major[SIZE]()
comptime square = row_major[SIDE, SIDE]()
comptime Line = TileTensor[mut=True, DType.float32, type_of(line), MutAnyOrigin]
comptime Square = TileTensor[mut=True, DType.float32, type_of(square), MutAnyOrigin]


# Global memory.
def neighbours(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[i] + 1


def far_apart[STRIDE: Int](output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[i * STRIDE % SIZE] + 1


def shifted(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[i + 1] + 1


def one_for_all(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output[i] = a[block_idx.x] + 1


def four_each(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    output.raw_store[width=4](4 * i, a.raw_load[width=4](4 * i) + 1)


def counted(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    _ = Atomic.fetch_add(output.ptr.unsafe_offset(i % 8), a[i])


# Shared memory.
def banks[STRIDE: Int](output: Line, a: Line):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[BLOCK * STRIDE]()
    )
    var t = thread_idx.x
    tile[t * STRIDE] = a[t]
    barrier()
    output[t] = tile[(BLOCK - 1 - t) * STRIDE]


# Divergence, and both ways to reduce.
def every_other(output: Line, a: Line):
    var i = block_idx.x * block_dim.x + thread_idx.x
    if i % 2 == 0:
        output[i] = a[i] * a[i] + 1
    else:
        output[i] = a[SIZE - i]


def interleaved(output: Line, a: Line):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[BLOCK]()
    )
    var t = thread_idx.x
    tile[t] = a[block_idx.x * BLOCK + t]
    barrier()
    var stride = 1
    while stride < BLOCK:
        var place = 2 * stride * t
        if place < BLOCK:
            tile[place] += tile[place + stride]
        barrier()
        stride *= 2
    if t == 0:
        output[block_idx.x] = tile[0]


def halved(output: Line, a: Line):
    var tile = stack_allocation[dtype=DType.float32, address_space=AddressSpace.SHARED](
        row_major[BLOCK]()
    )
    var t = thread_idx.x
    tile[t] = a[block_idx.x * BLOCK + t]
    barrier()
    var stride = BLOCK // 2
    while stride > 0:
        if t < stride:
            tile[t] += tile[t + stride]
        barrier()
        stride //= 2
    if t == 0:
        output[block_idx.x] = tile[0]


# Products of matrices.
def product(output: Square, a: Square, b: Square):
    var row = block_idx.y * block_dim.y + thread_idx.y
    var col = block_idx.x * block_dim.x + thread_idx.x
    var sum: Float32 = 0
    for k in range(SIDE):
        sum += rebind[Float32](a[row, k]) * rebind[Float32](b[k, col])
    output[row, col] = sum


def product_of_columns(output: Square, a: Square, b: Square):
    var row = block_idx.x * block_dim.x + thread_idx.x
    var col = block_idx.y * block_dim.y + thread_idx.y
    var sum: Float32 = 0
    for k in range(SIDE):
        sum += rebind[Float32](a[row, k]) * rebind[Float32](b[k, col])
    output[row, col] = sum


def main() raises:
    with DeviceContext() as ctx:
        var buffers = [ctx.enqueue_create_buffer[DType.float32](SIZE) for _ in range(3)]
        for buffer in buffers:
            buffer.enqueue_fill(1)
        var output = Line(buffers[0], line)
        var a = Line(buffers[1], line)
        ctx.enqueue_function[neighbours](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[far_apart[2]](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[far_apart[8]](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[shifted](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[one_for_all](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[four_each](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[counted](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[banks[1]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[banks[2]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[banks[3]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[banks[8]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[banks[32]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[banks[33]](output, a, grid_dim=1, block_dim=BLOCK)
        ctx.enqueue_function[every_other](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[interleaved](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        ctx.enqueue_function[halved](output, a, grid_dim=BLOCKS, block_dim=BLOCK)
        var left = Square(buffers[1], square)
        var right = Square(buffers[2], square)
        var result = Square(buffers[0], square)
        ctx.enqueue_function[product](
            result, left, right, grid_dim=(2, 2), block_dim=(16, 16)
        )
        ctx.enqueue_function[product_of_columns](
            result, left, right, grid_dim=(2, 2), block_dim=(16, 16)
        )
        ctx.synchronize()
