# Block operations: a sum, a prefix sum and a broadcast (MAX 26.5, Mojo 1.0.0).
#
# What a student starts from: all three kernels are empty.

from std.gpu import thread_idx, block_idx, block_dim
from std.math import floor
from max.gpu.host import DeviceContext
from max.gpu.primitives import block
from layout import TileTensor
from layout.tile_layout import row_major
from std.sys import argv
from std.testing import assert_almost_equal, assert_equal

comptime SIZE = 128
comptime TPB = 128
comptime NUM_BINS = 8
comptime dtype = DType.float32
comptime in_layout = row_major[SIZE]()
comptime out_layout = row_major[1]()
comptime InLayout = type_of(in_layout)
comptime OutLayout = type_of(out_layout)


def block_sum_dot_product[
    tpb: Int
](
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    a: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    b: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Set output[0] to the sum of all a[i] * b[i]."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # To do (about 6 lines): multiply, add over the block, and write once.


comptime bin_layout = row_major[SIZE]()
comptime BinLayout = type_of(bin_layout)


def block_histogram_bin_extract[
    tpb: Int
](
    input_data: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    bin_output: TileTensor[mut=True, dtype, BinLayout, MutAnyOrigin],
    count_output: TileTensor[mut=True, DType.int32, OutLayout, MutAnyOrigin],
    size_dev: Int32,
    target_bin_dev: Int32,
    num_bins_dev: Int32,
):
    """Pack the elements of one bin into bin_output, and count them.

    Bin k of n holds the numbers from k / n up to (k + 1) / n; the last one also 1.
    """
    var size = Int(size_dev)
    var target_bin = Int(target_bin_dev)
    var num_bins = Int(num_bins_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # To do (about 17 lines): the bin of each element, the places, and the count.


comptime vector_layout = row_major[SIZE]()
comptime VectorLayout = type_of(vector_layout)


def block_normalize_vector[
    tpb: Int
](
    input_data: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    output_data: TileTensor[mut=True, dtype, VectorLayout, MutAnyOrigin],
    size_dev: Int32,
):
    """Divide each element by the mean of all."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # To do (about 12 lines): the total, the mean of it for all, and the division.


def run_dot_product(ctx: DeviceContext) raises:
    """The sum of i * 2 * i."""
    var out = ctx.enqueue_create_buffer[dtype](1)
    out.enqueue_fill(0)
    var a = ctx.enqueue_create_buffer[dtype](SIZE)
    var b = ctx.enqueue_create_buffer[dtype](SIZE)
    var wanted: Scalar[dtype] = 0
    with a.map_to_host() as a_host, b.map_to_host() as b_host:
        for i in range(SIZE):
            a_host[i] = Scalar[dtype](i)
            b_host[i] = Scalar[dtype](2 * i)
            wanted += a_host[i] * b_host[i]

    comptime kernel = block_sum_dot_product[TPB]
    ctx.enqueue_function[kernel](
        TileTensor(out, out_layout),
        TileTensor[mut=False, dtype, InLayout](a, in_layout),
        TileTensor[mut=False, dtype, InLayout](b, in_layout),
        Int32(SIZE),
        grid_dim=(1, 1),
        block_dim=(TPB, 1),
    )
    ctx.synchronize()
    with out.map_to_host() as values:
        print("Block.sum result:", values[0])
        assert_equal(values[0], wanted)


def run_histogram(ctx: DeviceContext) raises:
    """The bins of hundredths, which go up to 0.79 and begin again."""
    var inp = ctx.enqueue_create_buffer[dtype](SIZE)
    var seen = 0
    with inp.map_to_host() as values:
        for i in range(SIZE):
            values[i] = Scalar[dtype](i % 80) / 100.0

    for target_bin in range(NUM_BINS):
        var bin_data = ctx.enqueue_create_buffer[dtype](SIZE)
        bin_data.enqueue_fill(0)
        var bin_count = ctx.enqueue_create_buffer[DType.int32](1)
        bin_count.enqueue_fill(0)
        comptime kernel = block_histogram_bin_extract[TPB]
        ctx.enqueue_function[kernel](
            TileTensor[mut=False, dtype, InLayout](inp, in_layout),
            TileTensor(bin_data, bin_layout),
            TileTensor[mut=True, DType.int32, OutLayout](bin_count, out_layout),
            Int32(SIZE),
            Int32(target_bin),
            Int32(NUM_BINS),
            grid_dim=(1, 1),
            block_dim=(TPB, 1),
        )
        ctx.synchronize()
        with bin_count.map_to_host() as count:
            print("Bin", target_bin, "count:", count[0])
            seen += Int(count[0])
    assert_equal(seen, SIZE)


def run_normalize(ctx: DeviceContext) raises:
    """The numbers from 1 to 8, again and again: their mean is 4.5."""
    var inp = ctx.enqueue_create_buffer[dtype](SIZE)
    var out = ctx.enqueue_create_buffer[dtype](SIZE)
    out.enqueue_fill(0)
    with inp.map_to_host() as values:
        for i in range(SIZE):
            values[i] = Scalar[dtype](i % 8 + 1)

    comptime kernel = block_normalize_vector[TPB]
    ctx.enqueue_function[kernel](
        TileTensor[mut=False, dtype, InLayout](inp, in_layout),
        TileTensor(out, vector_layout),
        Int32(SIZE),
        grid_dim=(1, 1),
        block_dim=(TPB, 1),
    )
    ctx.synchronize()
    with out.map_to_host() as values:
        var total: Scalar[dtype] = 0
        for i in range(SIZE):
            total += values[i]
        print("Output mean:", total / SIZE)
        assert_almost_equal(total / SIZE, 1.0, rtol=1e-5)


def main() raises:
    if len(argv()) != 2:
        print("one of: --block-sum-dot-product --histogram --normalize")
        return
    var which = String(argv()[1])
    with DeviceContext() as ctx:
        if which == "--block-sum-dot-product":
            run_dot_product(ctx)
        elif which == "--histogram":
            run_histogram(ctx)
        else:
            run_normalize(ctx)
