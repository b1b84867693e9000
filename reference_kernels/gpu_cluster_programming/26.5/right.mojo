# Thread block clusters: sums of blocks that work together (MAX 26.5, Mojo 1.0.0).
#
# All kernels filled in. The blocks of a cluster run at the same time and can wait for each other;
# the second kernel needs that, since one block adds up what all of them have stored.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.host import DeviceContext, Dim
from max.gpu.primitives.cluster import (
    block_rank_in_cluster,
    cluster_sync,
    cluster_arrive,
    cluster_wait,
    elect_one_sync,
)
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.sys import argv
from std.testing import assert_almost_equal

comptime SIZE = 1024
comptime TPB = 256
comptime CLUSTER_SIZE = 4
comptime WARP = 32
comptime dtype = DType.float32
comptime in_layout = row_major[SIZE]()
comptime out_layout = row_major[1]()
comptime InLayout = type_of(in_layout)
comptime OutLayout = type_of(out_layout)
comptime cluster_layout = row_major[CLUSTER_SIZE]()
comptime ClusterLayout = type_of(cluster_layout)


def cluster_coordination_basics[
    tpb: Int
](
    output: TileTensor[mut=True, dtype, ClusterLayout, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Set output[b] to b + 1 times the sum of the elements of block b."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var block_id = block_idx.x

    var shared_data = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[tpb]())

    var data_scale = Scalar[dtype](block_id + 1)
    if global_i < size:
        shared_data[local_i] = input[global_i] * data_scale
    else:
        shared_data[local_i] = 0.0

    barrier()

    # The cells of this block are written. Whoever waits knows that of all blocks.
    cluster_arrive()

    if local_i == 0:
        var block_sum: Scalar[dtype] = 0.0
        for i in range(tpb):
            block_sum += shared_data[i][0]
        output[block_id] = block_sum

    cluster_wait()


def cluster_collective_operations[
    tpb: Int
](
    output: TileTensor[mut=True, dtype, OutLayout, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    temp_storage: TileTensor[mut=True, dtype, ClusterLayout, MutAnyOrigin],
    size_dev: Int32,
):
    """Set output[0] to the sum of all elements."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var block_id = block_idx.x

    var shared_mem = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[tpb]())

    if global_i < size:
        shared_mem[local_i] = input[global_i]
    else:
        shared_mem[local_i] = 0.0
    barrier()

    # By halves, until one sum of the block is left.
    var stride = tpb // 2
    while stride > 0:
        if local_i < stride:
            shared_mem[local_i] += shared_mem[local_i + stride]
        barrier()
        stride //= 2

    if local_i == 0:
        temp_storage[block_id] = shared_mem[0]

    # The sums of all blocks are stored, and known to all.
    cluster_sync()

    if block_rank_in_cluster() == 0 and local_i == 0:
        var total: Scalar[dtype] = 0.0
        for i in range(CLUSTER_SIZE):
            total += temp_storage[i][0]
        output[0] = total


def advanced_cluster_patterns[
    tpb: Int
](
    output: TileTensor[mut=True, dtype, ClusterLayout, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, InLayout, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Set output[b] to b + 1 times the sum of the elements of block b, warp by warp."""
    var size = Int(size_dev)
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x
    var block_id = block_idx.x

    var shared_data = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[tpb]())

    var data_scale = Scalar[dtype](block_id + 1)
    if global_i < size:
        shared_data[local_i] = input[global_i] * data_scale
    else:
        shared_data[local_i] = 0.0
    barrier()

    # One thread of each warp adds the elements of all. Its sum goes where they begin: which thread
    # is elected nobody says.
    if elect_one_sync():
        var first = local_i // WARP * WARP
        var warp_sum: Scalar[dtype] = 0.0
        for i in range(WARP):
            warp_sum += shared_data[first + i][0]
        shared_data[first] = warp_sum
    barrier()

    cluster_arrive()

    if local_i == 0:
        var block_total: Scalar[dtype] = 0.0
        for i in range(0, tpb, WARP):
            block_total += shared_data[i][0]
        output[block_id] = block_total

    cluster_wait()


def element(which: String, i: Int) -> Scalar[dtype]:
    """What stands at a place of the input."""
    if which == "--coordination":
        return Scalar[dtype](i % 10) * 0.1
    if which == "--reduction":
        return Scalar[dtype](i)
    return Scalar[dtype](i % 50) * 0.02


def wanted(which: String, block: Int) -> Scalar[dtype]:
    """What a block's sum shall be."""
    var sum: Scalar[dtype] = 0
    for i in range(block * TPB, (block + 1) * TPB):
        sum += element(which, i)
    return sum


def main() raises:
    if len(argv()) != 2:
        print("Say which: --coordination --reduction --advanced")
        return
    var which = String(argv()[1])

    with DeviceContext() as ctx:
        var inp = ctx.enqueue_create_buffer[dtype](SIZE)
        with inp.map_to_host() as values:
            for i in range(SIZE):
                values[i] = element(which, i)
        var sums = ctx.enqueue_create_buffer[dtype](CLUSTER_SIZE)
        sums.enqueue_fill(0)
        var input = TileTensor[mut=False, dtype, InLayout](inp, in_layout)
        var of_blocks = TileTensor[mut=True, dtype, ClusterLayout](
            sums, cluster_layout
        )

        if which == "--reduction":
            var out = ctx.enqueue_create_buffer[dtype](1)
            out.enqueue_fill(0)
            comptime kernel = cluster_collective_operations[TPB]
            ctx.enqueue_function[kernel](
                TileTensor[mut=True, dtype, OutLayout](out, out_layout),
                input,
                of_blocks,
                Int32(SIZE),
                grid_dim=(CLUSTER_SIZE, 1),
                block_dim=(TPB, 1),
                cluster_dim=Dim(CLUSTER_SIZE, 1, 1),
            )
            ctx.synchronize()
            var total: Scalar[dtype] = 0
            for block in range(CLUSTER_SIZE):
                total += wanted(which, block)
            with out.map_to_host() as values:
                print("sum of all:", values[0])
                assert_almost_equal(values[0], total, rtol=1e-5)
            return

        if which == "--coordination":
            comptime kernel = cluster_coordination_basics[TPB]
            ctx.enqueue_function[kernel](
                of_blocks,
                input,
                Int32(SIZE),
                grid_dim=(CLUSTER_SIZE, 1),
                block_dim=(TPB, 1),
                cluster_dim=Dim(CLUSTER_SIZE, 1, 1),
            )
        else:
            comptime kernel = advanced_cluster_patterns[TPB]
            ctx.enqueue_function[kernel](
                of_blocks,
                input,
                Int32(SIZE),
                grid_dim=(CLUSTER_SIZE, 1),
                block_dim=(TPB, 1),
                cluster_dim=Dim(CLUSTER_SIZE, 1, 1),
            )
        ctx.synchronize()
        with sums.map_to_host() as values:
            for block in range(CLUSTER_SIZE):
                print("block", block, ":", values[block])
                var scaled = wanted(which, block) * Scalar[dtype](block + 1)
                assert_almost_equal(values[block], scaled, rtol=1e-5)
