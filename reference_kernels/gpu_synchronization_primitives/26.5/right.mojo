# Synchronisation: a pipeline of three stages, and a stencil with two buffers (MAX 26.5, Mojo 1.0.0).
#
# The kernels filled in. What a tile needs of its neighbours is left out on purpose: each block blurs
# and averages its own tile alone.

from std.gpu import thread_idx, block_idx, block_dim
from max.gpu.sync import barrier
from max.gpu.sync import mbarrier_arrive, mbarrier_init, mbarrier_test_wait
from max.gpu.host import DeviceContext
from layout import TileTensor
from layout.tile_layout import row_major
from layout.tile_tensor import stack_allocation
from std.sys import argv
from std.testing import assert_almost_equal

comptime TPB = 256
comptime SIZE = 1024
comptime BLOCKS_PER_GRID = (4, 1)
comptime THREADS_PER_BLOCK = (TPB, 1)
comptime dtype = DType.float32
comptime layout = row_major[SIZE]()
comptime LayoutType = type_of(layout)

comptime STAGE1_THREADS = TPB // 2
comptime STAGE2_THREADS = TPB // 2
comptime BLUR_RADIUS = 2


def multi_stage_image_blur_pipeline(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Of each tile of TPB elements, brighten all, blur them, and smooth what comes out."""
    var size = Int(size_dev)
    var input_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    var blur_shared = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    # The first half of the block loads two elements for each thread; zeros where there are none.
    if local_i < STAGE1_THREADS:
        for place in range(local_i, TPB, STAGE1_THREADS):
            var i = block_dim.x * block_idx.x + place
            input_shared[place] = input[i] * 1.1 if i < size else 0
    barrier()

    # The second half blurs them, again two for each thread.
    if local_i >= STAGE1_THREADS:
        for place in range(local_i - STAGE1_THREADS, TPB, STAGE2_THREADS):
            var total: output.ElementType = 0
            var count = 0
            for k in range(place - BLUR_RADIUS, place + BLUR_RADIUS + 1):
                if 0 <= k < TPB:
                    total += input_shared[k]
                    count += 1
            blur_shared[place] = total / output.ElementType(count)
    barrier()

    # All of them smooth: first with the left neighbour, then with the right one.
    if global_i < size:
        var value = blur_shared[local_i]
        if local_i > 0:
            value = (value + blur_shared[local_i - 1]) * 0.6
        if local_i < TPB - 1:
            value = (value + blur_shared[local_i + 1]) * 0.6
        output[global_i] = value
    barrier()


comptime STENCIL_ITERATIONS = 3
comptime BUFFER_COUNT = 2


def double_buffered_stencil_computation(
    output: TileTensor[mut=True, dtype, LayoutType, MutAnyOrigin],
    input: TileTensor[mut=False, dtype, LayoutType, ImmutAnyOrigin],
    size_dev: Int32,
):
    """Three times, set each element of a tile to the mean of itself and its neighbours there."""
    var size = Int(size_dev)
    var buffer_A = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    var buffer_B = stack_allocation[
        dtype=dtype, address_space=AddressSpace.SHARED
    ](row_major[TPB]())
    var init_barrier = stack_allocation[
        dtype=DType.uint64, address_space=AddressSpace.SHARED
    ](row_major[1]())
    var iter_barrier = stack_allocation[
        dtype=DType.uint64, address_space=AddressSpace.SHARED
    ](row_major[1]())
    var final_barrier = stack_allocation[
        dtype=DType.uint64, address_space=AddressSpace.SHARED
    ](row_major[1]())
    var global_i = block_dim.x * block_idx.x + thread_idx.x
    var local_i = thread_idx.x

    if local_i == 0:
        mbarrier_init(init_barrier.ptr, TPB)
        mbarrier_init(iter_barrier.ptr, TPB)
        mbarrier_init(final_barrier.ptr, TPB)
    barrier()

    buffer_A[local_i] = input[global_i] if global_i < size else 0

    # The buffer is loaded.
    _ = mbarrier_arrive(init_barrier.ptr)
    while not mbarrier_test_wait(init_barrier.ptr, TPB):
        pass

    comptime for iteration in range(STENCIL_ITERATIONS):
        comptime if iteration % 2 == 0:
            var total: output.ElementType = 0
            var count = 0
            for k in range(local_i - 1, local_i + 2):
                if 0 <= k < TPB:
                    total += buffer_A[k]
                    count += 1
            buffer_B[local_i] = total / output.ElementType(count)
        else:
            var total: output.ElementType = 0
            var count = 0
            for k in range(local_i - 1, local_i + 2):
                if 0 <= k < TPB:
                    total += buffer_B[k]
                    count += 1
            buffer_A[local_i] = total / output.ElementType(count)

        # This iteration is done; the barrier begins again for the next one.
        _ = mbarrier_arrive(iter_barrier.ptr)
        while not mbarrier_test_wait(iter_barrier.ptr, TPB):
            pass
        if local_i == 0:
            mbarrier_init(iter_barrier.ptr, TPB)
        barrier()

    if local_i < TPB and global_i < size:
        comptime if STENCIL_ITERATIONS % 2 == 0:
            output[global_i] = buffer_A[local_i]
        else:
            output[global_i] = buffer_B[local_i]

    _ = mbarrier_arrive(final_barrier.ptr)
    while not mbarrier_test_wait(final_barrier.ptr, TPB):
        pass


def run_pipeline(ctx: DeviceContext) raises:
    """A wave that grows."""
    var inp = ctx.enqueue_create_buffer[dtype](SIZE)
    var out = ctx.enqueue_create_buffer[dtype](SIZE)
    out.enqueue_fill(0)
    with inp.map_to_host() as values:
        for i in range(SIZE):
            values[i] = Scalar[dtype](i % 10) + Scalar[dtype](i) / 100.0

    comptime kernel = multi_stage_image_blur_pipeline
    ctx.enqueue_function[kernel](
        TileTensor[mut=True, dtype, LayoutType](out, layout),
        TileTensor[mut=False, dtype, LayoutType](inp, layout),
        Int32(SIZE),
        grid_dim=BLOCKS_PER_GRID,
        block_dim=THREADS_PER_BLOCK,
    )
    ctx.synchronize()
    with out.map_to_host() as values:
        print("Output sample:", values[0], values[1], values[2])
        # By hand: the first three elements are 0, 1.01 and 2.02.
        assert_almost_equal(values[0], 1.6665, rtol=1e-4)


def run_stencil(ctx: DeviceContext) raises:
    """Steps of ten ones and ten zeros."""
    var inp = ctx.enqueue_create_buffer[dtype](SIZE)
    var out = ctx.enqueue_create_buffer[dtype](SIZE)
    out.enqueue_fill(0)
    with inp.map_to_host() as values:
        for i in range(SIZE):
            values[i] = 1 if i % 20 < 10 else 0

    comptime kernel = double_buffered_stencil_computation
    ctx.enqueue_function[kernel](
        TileTensor[mut=True, dtype, LayoutType](out, layout),
        TileTensor[mut=False, dtype, LayoutType](inp, layout),
        Int32(SIZE),
        grid_dim=BLOCKS_PER_GRID,
        block_dim=THREADS_PER_BLOCK,
    )
    ctx.synchronize()
    with out.map_to_host() as values:
        print("GPU output sample:", values[0], values[1], values[2])
        # Two of the three elements around the first step, and so on for three times.
        assert_almost_equal(values[9], 17.0 / 27.0, rtol=1e-4)


def main() raises:
    if len(argv()) != 2:
        print("one of: --multi-stage --double-buffer")
        return
    with DeviceContext() as ctx:
        if argv()[1] == "--multi-stage":
            run_pipeline(ctx)
        else:
            run_stencil(ctx)
