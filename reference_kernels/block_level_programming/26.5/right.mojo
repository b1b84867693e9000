# Block operations: a sum, a prefix sum and a broadcast (MAX 26.5, Mojo 1.0.0).
#
# All kernels filled in. Each uses what the library has for a whole block, in the place of shared
# memory, barriers and a loop.

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

    # All threads take part in the sum, also those without an element.
    var product: Scalar[dtype] = 0
    if global_i < size:
        product = a[global_i][0] * b[global_i][0]

    var total = block.sum[block_size=tpb, broadcast=False](product)

    # Without a broadcast only the first thread knows it.
    if local_i == 0:
        output[0] = total


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

    var value: Scalar[dtype] = 0
    var belongs: Int32 = 0
    if global_i < size:
        value = input_data[global_i][0]
        var bin = Int(floor(value * Scalar[dtype](num_bins)))
        # 1.0 would be in a bin behind the last.
        if bin >= num_bins:
            bin = num_bins - 1
        if bin == target_bin:
            belongs = 1

    # How many elements of the bin stand before this thread's: where it has to write.
    var offset = block.prefix_sum[
        dtype=DType.int32, block_size=tpb, exclusive=True
    ](belongs)

    if belongs == 1:
        bin_output[Int(offset)] = value

    if local_i == tpb - 1:
        count_output[0] = offset + belongs


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

    var value: Scalar[dtype] = 0
    if global_i < size:
        value = input_data[global_i][0]

    var total = block.sum[block_size=tpb, broadcast=False](value)

    var mean: Scalar[dtype] = 1
    if local_i == 0 and total > 0:
        mean = total / Scalar[dtype](size)

    # From the first thread to all.
    mean = block.broadcast[dtype=dtype, width=1, block_size=tpb](
        mean, src_thread=0
    )

    if global_i < size:
        output_data[global_i] = value / mean


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
