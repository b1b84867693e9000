# 1D convolution.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.sys import argv
from std.testing import assert_equal

comptime TPB = 8
comptime SIZE = 6
comptime CONV = 3
comptime BLOCKS_PER_GRID = (1, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime in_layout = row_major[SIZE]()
comptime out_layout = row_major[SIZE]()
comptime conv_layout = row_major[CONV]()
comptime InLayout = type_of(in_layout)
comptime OutLayout = type_of(out_layout)
comptime ConvLayout = type_of(conv_layout)


def conv_1d_simple(
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, ConvLayout, ImmutAnyOrigin],
):
    """Set output[i] to the sum of a[i + j] * b[j] inside of a."""
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var shared_a = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[SIZE]())
    var shared_b = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[CONV]())

    if global_i < SIZE:
        shared_a[local_i] = a[global_i]
    if local_i < CONV:
        shared_b[local_i] = b[local_i]

    barrier()

    if global_i < SIZE:
        var total: output.ElementType = 0
        for j in range(CONV):
            if local_i + j < SIZE:
                total += shared_a[local_i + j] * shared_b[j]
        output[global_i] = total


comptime SIZE_2 = 15
comptime CONV_2 = 4
comptime BLOCKS_PER_GRID_2 = (2, 1)
comptime THREADS_PER_BLOCK_2 = (TPB, 1)
comptime in_2_layout = row_major[SIZE_2]()
comptime out_2_layout = row_major[SIZE_2]()
comptime conv_2_layout = row_major[CONV_2]()
comptime In2Layout = type_of(in_2_layout)
comptime Out2Layout = type_of(out_2_layout)
comptime Conv2Layout = type_of(conv_2_layout)


def conv_1d_block_boundary(
    output: TileTensor[mut=True, dtype, Out2Layout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, In2Layout, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, Conv2Layout, ImmutAnyOrigin],
):
    var t = thread_idx.x
    var gid = block_idx.x * block_dim.x + t
    var tile = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    if gid < SIZE_2:
        tile[t] = a[gid]
    else:
        tile[t] = 0
    barrier()
    if gid < SIZE_2:
        var acc: output.ElementType = 0
        for k in range(CONV_2):
            if t + k >= TPB:
                break
            acc += tile[t + k] * b[k]
        output[gid] = acc


def main() raises:
    var boundary = argv()[1] == "--block-boundary"
    var size = SIZE_2 if boundary else SIZE
    var conv = CONV_2 if boundary else CONV
    with DeviceContext() as ctx:
        var out = ctx.enqueue_create_buffer[dtype](size)
        out.enqueue_fill(0)
        var a = ctx.enqueue_create_buffer[dtype](size)
        var b = ctx.enqueue_create_buffer[dtype](conv)
        with a.map_to_host() as values, b.map_to_host() as taps:
            for i in range(size):
                values[i] = Scalar[dtype](i)
            for j in range(conv):
                taps[j] = Scalar[dtype](j)

        if boundary:
            ctx.enqueue_function[conv_1d_block_boundary](
                TileTensor(out, out_2_layout),
                TileTensor[mut=False, dtype, In2Layout](a, in_2_layout),
                TileTensor[mut=False, dtype, Conv2Layout](b, conv_2_layout),
                grid_dim=BLOCKS_PER_GRID_2,
                block_dim=THREADS_PER_BLOCK_2,
            )
        elif argv()[1] == "--simple":
            ctx.enqueue_function[conv_1d_simple](
                TileTensor(out, out_layout),
                TileTensor[mut=False, dtype, InLayout](a, in_layout),
                TileTensor[mut=False, dtype, ConvLayout](b, conv_layout),
                grid_dim=BLOCKS_PER_GRID,
                block_dim=THREADS_PER_BLOCK,
            )
        else:
            raise Error("choose --simple or --block-boundary")
        ctx.synchronize()

        with a.map_to_host() as values, b.map_to_host() as taps, out.map_to_host() as sums:
            print("out:", sums)
            for i in range(size):
                var wanted = Scalar[dtype](0)
                for j in range(min(conv, size - i)):
                    wanted += values[i + j] * taps[j]
                assert_equal(sums[i], wanted)
